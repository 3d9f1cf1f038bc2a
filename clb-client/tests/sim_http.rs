//! The simulator over real HTTP: whose calls it answers, whose it refuses, and how an answer gets lost.
#![cfg(feature = "sim")]

use std::time::{Duration, SystemTime};

use clb_client::{
    credential::{Credential, SecretId, SecretKey, Token},
    sign::{UnixSeconds, Unsigned, sign},
    sim::{Account, Config, Fault, Latency, Listener, LoadBalancer, On, PoolId, Server, Shape},
};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

#[tokio::test]
async fn a_signed_call_is_answered() {
    let server = server(Config::default()).await;
    let answer = Call::new(&server, "DescribeTargets", r#"{"LoadBalancerId":"lb-1"}"#).answer().await;
    assert_eq!(answer["Listeners"][0]["ListenerId"], "lbl-1");
}

#[tokio::test]
async fn two_calls_share_the_state_and_people_can_look_at_it() {
    let server = server(Config::default()).await;
    let body = r#"{"LoadBalancerId":"lb-1","Targets":[{"ListenerId":"lbl-1","EniIp":"10.0.0.1","Port":80}]}"#;
    Call::new(&server, "BatchRegisterTargets", body).answer().await;
    let answer = Call::new(&server, "DescribeTargets", r#"{"LoadBalancerId":"lb-1"}"#).answer().await;
    assert_eq!(answer["Listeners"][0]["Targets"][0]["Weight"], 10);
    let (status, body) = send(
        &server,
        &format!("GET /state HTTP/1.1\r\nhost: {}\r\nconnection: close\r\n\r\n", server.address()),
    )
    .await
    .unwrap();
    assert_eq!(status, 200);
    let state: Value = serde_json::from_str(&body).unwrap();
    assert_eq!(state["load_balancers"][0]["weights"]["lb-1/lbl-1"], json!({"10.0.0.1:80": 10}));
}

#[tokio::test]
async fn orders_need_no_signature_and_are_the_same_as_in_rust() {
    let server = server(Config::default()).await;
    let orders = r#"
        {"do":"put_load_balancer","id":"lb-2","tags":{"tke-clusterId":"cls-1"}}
        {"do":"put_listener","load_balancer":"lb-2","id":"lbl-2","protocol":"HTTP","port":8080,"switches":["Stop"],
         "session_seconds":60,"rules":[{"id":"loc-1","domain":"a.example.com","url":"/"}]}
        {"do":"plant","pool":"lb-2/lbl-2/loc-1","address":"10.0.0.1:80","weight":7}
        {"do":"plant","pool":"lb-2/lbl-2/loc-1","address":"10.0.0.2:80","weight":7}
        {"do":"unplant","pool":"lb-2/lbl-2/loc-1","address":"10.0.0.2:80"}
        {"do":"put_target_group","id":"lbtg-1"}
        {"do":"plant","pool":"lbtg-1","address":"10.0.0.1:80","weight":7}
        {"do":"put_listener","load_balancer":"lb-2","id":"lbl-3","protocol":"TCP","port":81,"group":"lbtg-1"}
        {"do":"set_health","address":"10.0.0.1:80","health":"Dead"}
        {"do":"fault","fault":"busy","on":"writes","times":3}
        {"do":"clear_faults"}
        {"do":"fault","fault":"error","code":"UnauthorizedOperation","message":"no","on":"DescribeTaskStatus"}
        {"do":"fault","fault":"slow_task","ms":60000,"on":"writes","load_balancer":"lb-2"}
        {"do":"fault","fault":"busy","on":"writes","rate":1.0}
        {"do":"poison","address":"10.0.0.9:80","culprit":"unnamed"}
        {"do":"cure","address":"10.0.0.9:80"}
        {"do":"remove","object":"lb-1/lbl-1"}"#;
    assert_eq!(order(&server, orders).await, (200, "done\n".to_owned()));
    let answer = Call::new(&server, "DescribeTargets", r#"{"LoadBalancerId":"lb-2"}"#).answer().await;
    assert_eq!(answer["Listeners"][0]["Rules"][0]["Targets"].as_array().unwrap().len(), 1);
    let answer = Call::new(&server, "DescribeListeners", r#"{"LoadBalancerId":"lb-1"}"#).answer().await;
    assert_eq!(answer["TotalCount"], 0);
    assert_eq!(Call::new(&server, "DescribeTaskStatus", "{}").error().await, "UnauthorizedOperation");
    let body = r#"{"LoadBalancerId":"lb-1","Targets":[{"ListenerId":"lbl-1","EniIp":"10.0.0.1","Port":80}]}"#;
    let busy = Call::new(&server, "BatchRegisterTargets", body).error().await;
    assert_eq!(busy, "FailedOperation.ResourceInOperating");
}

#[tokio::test]
#[rustfmt::skip]
async fn bad_orders_say_why() {
    let server = server(Config::default()).await;
    let cases = [
        ("{", "not JSON"),
        (r#"{"do":"dance"}"#, "dance"),
        (r#"{"do":"plant","pool":"lb-1/lbl-9","address":"10.0.0.1:80","weight":1}"#, "lb-1/lbl-9 does not exist"),
        (r#"{"do":"put_listener","load_balancer":"lb-1","id":"lbl-2","protocol":"SCTP","port":1}"#, "SCTP"),
        (r#"{"do":"fault","fault":"flood"}"#, "flood"),
        (r#"{"do":"fault","fault":"busy","on":"DescribeNothing"}"#, "DescribeNothing"),
        (r#"{"do":"fault","fault":"busy","rate":0.1,"times":3}"#, "rate"),
        (r#"{"do":"remove","object":"lb-1/lbl-1/loc-1/more"}"#, "does not exist"),
    ];
    for (bad, why) in cases {
        let (status, text) = order(&server, bad).await;
        assert!(status == 400 && text.contains(why), "{bad}: {status} {text}");
    }
}

#[tokio::test]
async fn a_wrong_key_is_refused() {
    let server = server(Config::default()).await;
    let mut call = Call::new(&server, "DescribeLoadBalancers", "{}");
    call.credential =
        Credential::new(server.credential().secret_id().clone(), SecretKey::new("wrong").unwrap());
    assert_eq!(call.error().await, "AuthFailure.SignatureFailure");
    call.credential = Credential::new(SecretId::new("AKIDNOBODY").unwrap(), SecretKey::new("wrong").unwrap());
    assert_eq!(call.error().await, "AuthFailure.SecretIdNotFound");
}

#[tokio::test]
async fn a_changed_body_host_or_content_type_is_refused() {
    let server = server(Config::default()).await;
    let mut call = Call::new(&server, "DescribeLoadBalancers", "{}");
    call.sent_body = Some("{ }".to_owned());
    assert_eq!(call.error().await, "AuthFailure.SignatureFailure");
    let mut call = Call::new(&server, "DescribeLoadBalancers", "{}");
    call.sent_host = Some("clb.tencentcloudapi.com".to_owned());
    assert_eq!(call.error().await, "AuthFailure.SignatureFailure");
    let mut call = Call::new(&server, "DescribeLoadBalancers", "{}");
    call.sent_type = "application/json; charset=utf-8".to_owned();
    assert_eq!(call.error().await, "AuthFailure.SignatureFailure");
}

#[tokio::test]
async fn a_timestamp_is_accepted_within_five_minutes() {
    let server = server(Config::default()).await;
    for (offset, wanted) in
        [(-299, None), (299, None), (-302, Some(())), (302, Some(())), (31_536_000, Some(()))]
    {
        let mut call = Call::new(&server, "DescribeLoadBalancers", "{}");
        call.offset = offset;
        match wanted {
            None => drop(call.answer().await),
            Some(()) => assert_eq!(call.error().await, "AuthFailure.SignatureExpire", "{offset} s"),
        }
    }
}

#[tokio::test]
async fn the_date_header_shows_the_clock_of_the_server() {
    let server = server(Config::default()).await;
    server.simulator().skew_clock(-3600);
    let call = Call::new(&server, "DescribeLoadBalancers", "{}");
    assert_eq!(call.error().await, "AuthFailure.SignatureExpire");
    let date = call.header("date").await;
    let shown = chrono_seconds(&date);
    let now = unix_now().get();
    assert!((3590..=3610).contains(&now.saturating_sub(shown)), "{date}");
    let mut call = Call::new(&server, "DescribeLoadBalancers", "{}");
    call.offset = -3600;
    call.answer().await;
}

#[tokio::test]
async fn a_missing_header_is_named() {
    let server = server(Config::default()).await;
    #[rustfmt::skip]
    let cases = [
        ("authorization", "AuthFailure.InvalidAuthorization"),
        ("x-tc-timestamp", "AuthFailure.InvalidAuthorization"),
        ("content-type", "AuthFailure.InvalidAuthorization"),
        ("x-tc-action", "MissingParameter"),
        ("x-tc-version", "MissingParameter"),
        ("x-tc-region", "MissingParameter"),
    ];
    for (name, code) in cases {
        let mut call = Call::new(&server, "DescribeLoadBalancers", "{}");
        call.without = Some(name);
        assert_eq!(call.error().await, code, "without {name}");
    }
}

#[tokio::test]
async fn version_region_and_body_are_checked() {
    let server = server(Config::default()).await;
    let mut call = Call::new(&server, "DescribeLoadBalancers", "{}");
    call.version = "2023-04-17";
    assert_eq!(call.error().await, "NoSuchVersion");
    let mut call = Call::new(&server, "DescribeLoadBalancers", "{}");
    call.region = "evil.example/";
    assert_eq!(call.error().await, "UnsupportedRegion");
    assert_eq!(
        Call::new(&server, "DescribeLoadBalancers", "{").error().await,
        "InvalidParameter.FormatError"
    );
    assert_eq!(Call::new(&server, "DescribeNothing", "{}").error().await, "InvalidAction");
}

#[tokio::test]
async fn a_temporary_key_needs_its_token_and_can_be_revoked() {
    let server = server(Config::default()).await;
    let (id, key) = (SecretId::new("AKIDTEMPORARY").unwrap(), SecretKey::new("temporary").unwrap());
    let token = Token::new("the-token").unwrap();
    let credential = server.simulator().accept(id.clone(), key, Some(token));
    let mut call = Call::new(&server, "DescribeLoadBalancers", "{}");
    call.credential = credential;
    assert_eq!(call.error().await, "AuthFailure.TokenFailure");
    call.token = Some("another");
    assert_eq!(call.error().await, "AuthFailure.TokenFailure");
    call.token = Some("the-token");
    call.answer().await;
    server.simulator().revoke(&id);
    assert_eq!(call.error().await, "AuthFailure.SecretIdNotFound");
}

#[tokio::test]
async fn a_lost_answer_ends_the_connection_without_a_byte() {
    let server = server(Config::default()).await;
    server.simulator().with(|account| account.faults().script(On::Writes, 1, Fault::LostAfterEffect));
    let body = r#"{"LoadBalancerId":"lb-1","Targets":[{"ListenerId":"lbl-1","EniIp":"10.0.0.1","Port":80}]}"#;
    assert_eq!(send(&server, &Call::new(&server, "BatchRegisterTargets", body).request()).await, None);
    let targets = server.simulator().with(|account| account.targets(&PoolId::listener("lb-1", "lbl-1")));
    assert_eq!(targets.unwrap().len(), 1);
}

#[tokio::test]
async fn a_gateway_page_and_a_truncated_answer_arrive_as_such() {
    let server = server(Config::default()).await;
    server.simulator().with(|account| {
        account.faults().script(On::Any, 1, Fault::Odd(Shape::BadGateway));
        account.faults().script(On::Any, 1, Fault::Odd(Shape::Truncated));
    });
    let call = Call::new(&server, "DescribeLoadBalancers", "{}");
    let (status, body) = send(&server, &call.request()).await.unwrap();
    assert!(status == 502 && body.contains("<html>"), "{status} {body}");
    let (status, body) = send(&server, &call.request()).await.unwrap();
    assert!(status == 200 && serde_json::from_str::<Value>(&body).is_err(), "{status} {body}");
}

#[tokio::test]
async fn a_task_ends_in_real_time_and_waiters_learn_of_it() {
    let server = server(Config::default().with_task(Latency::millis(50))).await;
    let simulator = server.simulator().clone();
    let (web, pod) = (PoolId::listener("lb-1", "lbl-1"), "10.0.0.1:80".parse().unwrap());
    let seen = simulator.with(|account| {
        account.plant(&web, pod, 10);
        account.revision()
    });
    let changed = tokio::spawn({
        let simulator = simulator.clone();
        async move { simulator.changed(seen).await }
    });
    let body = r#"{"LoadBalancerId":"lb-1","ModifyList":[{"ListenerId":"lbl-1","Targets":[{"EniIp":"10.0.0.1","Port":80,"Weight":0}]}]}"#;
    let task = Call::new(&server, "BatchModifyTargetWeight", body).answer().await["RequestId"].clone();
    assert_eq!(tokio::time::timeout(Duration::from_secs(10), changed).await.unwrap().unwrap(), seen + 1);
    assert_eq!(simulator.with(|account| account.weight(&web, pod)), Some(0));
    let status =
        Call::new(&server, "DescribeTaskStatus", &json!({"TaskId": task}).to_string()).answer().await;
    assert_eq!(status["Status"], 0);
}

#[tokio::test]
async fn a_dropped_server_is_gone() {
    let server = server(Config::default()).await;
    let address = server.address();
    drop(server);
    let deadline = tokio::time::Instant::now() + Duration::from_secs(10);
    while TcpStream::connect(address).await.is_ok() {
        assert!(tokio::time::Instant::now() < deadline, "still listening");
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn only_loopback_addresses_are_served() {
    let refused = Server::bind("0.0.0.0:0".parse().unwrap(), Account::new(Config::default())).await;
    assert_eq!(refused.unwrap_err().kind(), std::io::ErrorKind::InvalidInput);
}

/// `lb-1` with the TCP listener `lbl-1`.
async fn server(config: Config) -> Server {
    let balancer = LoadBalancer::new("lb-1").with_listener(Listener::tcp("lbl-1", 80));
    Server::start(Account::new(config).with_load_balancer(balancer)).await.expect("a free port")
}

async fn order(server: &Server, orders: &str) -> (u16, String) {
    let (host, length) = (server.address(), orders.len());
    let head = format!(
        "POST /order HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\ncontent-length: {length}\r\n\r\n"
    );
    send(server, &format!("{head}{orders}")).await.expect("an answer")
}

/// A call, and in which respects it is wrong.
struct Call<'a> {
    server: &'a Server,
    credential: Credential,
    action: &'a str,
    body: &'a str,
    /// Seconds that the caller's clock is ahead.
    offset: i64,
    version: &'a str,
    region: &'a str,
    token: Option<&'a str>,
    /// Left out.
    without: Option<&'a str>,
    /// Sent instead of what was signed.
    sent_body: Option<String>,
    sent_host: Option<String>,
    sent_type: String,
}

impl<'a> Call<'a> {
    fn new(server: &'a Server, action: &'a str, body: &'a str) -> Self {
        Self {
            server,
            credential: server.credential(),
            action,
            body,
            offset: 0,
            version: "2018-03-17",
            region: "ap-guangzhou",
            token: None,
            without: None,
            sent_body: None,
            sent_host: None,
            sent_type: "application/json".to_owned(),
        }
    }

    fn request(&self) -> String {
        let host = self.server.address().to_string();
        let signed = sign(
            &Unsigned::new(&host, self.body.as_bytes()),
            &self.credential,
            unix_now().shifted(self.offset),
        );
        let body = self.sent_body.as_deref().unwrap_or(self.body);
        let host = self.sent_host.as_deref().unwrap_or(&host);
        let (timestamp, length) = (signed.timestamp().to_string(), body.len().to_string());
        let mut headers = vec![
            ("host", host),
            ("connection", "close"),
            ("content-type", &self.sent_type),
            ("content-length", &length),
            ("x-tc-action", self.action),
            ("x-tc-version", self.version),
            ("x-tc-region", self.region),
            ("x-tc-timestamp", &timestamp),
            ("authorization", signed.authorization()),
        ];
        headers.extend(self.token.map(|token| ("x-tc-token", token)));
        headers.retain(|(name, _)| Some(*name) != self.without);
        let lines: String = headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
        format!("POST / HTTP/1.1\r\n{lines}\r\n{body}")
    }

    async fn response(&self) -> Value {
        let (status, body) = send(self.server, &self.request()).await.expect("an answer");
        assert_eq!(status, 200, "{body}");
        serde_json::from_str::<Value>(&body).expect("JSON")["Response"].clone()
    }

    async fn answer(&self) -> Value {
        let response = self.response().await;
        assert!(response.get("Error").is_none(), "{response}");
        response
    }

    async fn error(&self) -> String {
        let response = self.response().await;
        response["Error"]["Code"].as_str().unwrap_or_else(|| panic!("no error: {response}")).to_owned()
    }

    async fn header(&self, name: &str) -> String {
        let text = exchange(self.server, &self.request()).await;
        let line = text.lines().find(|line| line.to_lowercase().starts_with(&format!("{name}:")));
        line.expect("the header is there").split_once(": ").expect("a value").1.to_owned()
    }
}

/// Status and body; `None` when the connection ended before a byte came.
async fn send(server: &Server, request: &str) -> Option<(u16, String)> {
    let text = exchange(server, request).await;
    let (head, body) = text.split_once("\r\n\r\n")?;
    let status = head.split(' ').nth(1)?.parse().ok()?;
    Some((status, body.to_owned()))
}

async fn exchange(server: &Server, request: &str) -> String {
    let mut stream = TcpStream::connect(server.address()).await.expect("the server listens");
    stream.write_all(request.as_bytes()).await.expect("the server reads");
    let mut text = String::new();
    match stream.read_to_string(&mut text).await {
        Ok(_) => text,
        Err(why) => panic!("{why} after {text:?}"),
    }
}

fn unix_now() -> UnixSeconds {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).expect("after 1970");
    UnixSeconds::new(since.as_secs()).expect("before the year 10000")
}

/// Unix seconds of an HTTP date.
fn chrono_seconds(date: &str) -> u64 {
    let parsed =
        chrono::NaiveDateTime::parse_from_str(date, "%a, %d %b %Y %H:%M:%S GMT").expect("an HTTP date");
    u64::try_from(parsed.and_utc().timestamp()).expect("after 1970")
}
