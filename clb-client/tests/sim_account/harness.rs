//! One account, one load balancer, short words.

use std::{net::SocketAddr, time::Duration};

use clb_client::sim::{Account, Call, Config, Content, Listener, LoadBalancer, PoolId, Reply, Rule};
use serde_json::{Value, json};

/// An account with `lb-1`: TCP listener `lbl-1`, HTTP listener `lbl-7` with rule `loc-1`.
pub(crate) struct Harness {
    pub(crate) account: Account,
    pub(crate) now: Duration,
}

impl Harness {
    pub(crate) fn new(config: Config) -> Self {
        let balancer = LoadBalancer::new("lb-1")
            .with_listener(Listener::tcp("lbl-1", 80))
            .with_listener(Listener::http("lbl-7", 8000).with_rule(Rule::new("loc-1", "a.example.com", "/")));
        Self { account: Account::new(config).with_load_balancer(balancer), now: Duration::ZERO }
    }

    pub(crate) fn at_ms(&mut self, ms: u64) {
        self.now = Duration::from_millis(ms);
        self.account.advance(self.now);
    }

    pub(crate) fn call(&mut self, action: &str, body: &Value) -> Reply {
        self.account.handle(self.now, action, body)
    }

    /// Fields of a good answer.
    pub(crate) fn ok(&mut self, action: &str, body: &Value) -> Value {
        let reply = self.call(action, body);
        let Content::Json(answer) = reply.content else { panic!("{action}: {reply:?}") };
        assert!(answer["Response"].get("Error").is_none(), "{action} {body}: {answer}");
        answer["Response"].clone()
    }

    /// Message of an error answer with this code.
    pub(crate) fn refused(&mut self, action: &str, body: &Value, code: &str) -> String {
        let reply = self.call(action, body);
        assert_eq!(reply.content.error_code(), Some(code), "{action}: {reply:?}");
        let Content::Json(answer) = reply.content else { panic!("{action}") };
        answer["Response"]["Error"]["Message"].as_str().expect("errors have a message").to_owned()
    }

    pub(crate) fn status(&mut self, task: &Value) -> u64 {
        self.ok("DescribeTaskStatus", &json!({"TaskId": task}))["Status"]
            .as_u64()
            .expect("a task has a status")
    }

    pub(crate) fn weight(&self, i: u8) -> Option<u8> {
        self.account.weight(&web(), pod(i))
    }

    pub(crate) fn last(&self) -> &Call {
        self.account.calls().last().expect("a call was made")
    }
}

pub(crate) fn web() -> PoolId {
    PoolId::listener("lb-1", "lbl-1")
}

pub(crate) fn pod(i: u8) -> SocketAddr {
    SocketAddr::from(([10, 0, 0, i], 8080))
}

/// A batch register or deregister for `lbl-1`.
pub(crate) fn batch(targets: &[(u8, Option<u8>)]) -> Value {
    let targets: Vec<Value> = targets
        .iter()
        .map(|(i, weight)| json!({"ListenerId": "lbl-1", "EniIp": pod(*i).ip(), "Port": 8080, "Weight": weight}))
        .collect();
    json!({"LoadBalancerId": "lb-1", "Targets": targets})
}

/// A weight call for `lbl-1`.
pub(crate) fn weights(targets: &[(u8, Option<u8>)]) -> Value {
    let targets: Vec<Value> = targets
        .iter()
        .map(|(i, weight)| json!({"EniIp": pod(*i).ip(), "Port": 8080, "Weight": weight}))
        .collect();
    json!({"LoadBalancerId": "lb-1", "ModifyList": [{"ListenerId": "lbl-1", "Targets": targets}]})
}
