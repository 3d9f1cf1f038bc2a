//! A CLB to test controllers against: the API with its limits, locks, tasks and faults, and real connections through it.
//!
//! # Which part do I need?
//!
//! | I test | with |
//! |---|---|
//! | logic, in virtual time, without a runtime | [`Account`]: a pure state machine, time and JSON in, JSON out |
//! | a Rust program, in virtual time or not, without sockets | [`Simulator`]: it is a [`Transport`](crate::Transport), and has a ready-made [`Client`](Simulator::client) |
//! | a program in any language | [`Server`]: HTTP on a loopback port that verifies every signature, `GET /state`, `POST /order` |
//! | that no connection is lost | [`data_plane`]: real TCP through the listeners, spread by weight |
//!
//! All of them can share one account. The example `clb_sim` runs server and data plane as a program.
//!
//! # What the account enforces
//!
//! Requests and answers are the JSON of the real API, nulls included. Targets hang on listeners, rules or target groups;
//! a write on a group locks the group, not the load balancers that use it.
//!
//! | rule | answer when broken |
//! |---|---|
//! | 20 calls in any sliding second, per action ([`Limits`]) | `RequestLimitExceeded` |
//! | one write at a time per load balancer: until the task ends, or a batch settled | `FailedOperation.ResourceInOperating` |
//! | 500 targets per batch; 100 elements of 50 targets; 20 listener ids per `DescribeTargets`; 20 load balancer ids | `InvalidParameterValue.Length` |
//! | each listener or rule in one element of `BatchModifyTargetWeight` ([`Limits::with_elements_per_pool`]) | `InvalidParameterValue` |
//! | 100 targets per listener or rule, draining ones included | `LimitExceeded` |
//! | a target is bound once ([`Config::with_bound`]) | `InvalidParameterValue.Duplicate` |
//! | one listener or rule and 20 targets per single form; 20 targets per write on a target group | `InvalidParameterValue.Length` |
//! | only bound targets change or go ([`Config::with_unbound`]) | `InvalidParameterValue` |
//! | no unknown parameters, no missing ones, right types | `UnknownParameter`, `MissingParameter`, `InvalidParameter.FormatError` |
//! | a signature over the received bytes, at most 5 minutes old ([`Simulator`], [`Server`]) | `AuthFailure.*` |
//!
//! [`Action::ALL`] lists what it answers. Writes are tasks: their effect comes at their end ([`Config::with_task`]); a
//! target without a `Weight` gets 10. Only `BatchRegisterTargets` and `BatchDeregisterTargets` answer when they are done, without a task
//! ([`Config::with_batch`], [`Config::with_settle`], [`Config::with_asynchronous_batches`]).
//! Where the documentation is silent there is an option, and its default is the more demanding answer.
//!
//! # Faults
//!
//! [`Account::faults`] takes them: scripted for the next calls, or at rates drawn from a seed ([`Fault`] lists them all;
//! [`Faults::poison`] spoils a target). What happened is in [`Account::calls`] and [`Account::changes`].
//!
//! # In Rust
//!
//! ```
//! use std::time::Duration;
//! use clb_client::sim::{Account, Config, Latency, Listener, LoadBalancer, PoolId};
//! use serde_json::json;
//!
//! let mut account = Account::new(Config::default().with_task(Latency::millis(800)))
//!     .with_load_balancer(LoadBalancer::new("lb-1").with_listener(Listener::tcp("lbl-1", 80)));
//! let (web, pod) = (PoolId::listener("lb-1", "lbl-1"), "10.0.0.7:8080".parse().unwrap());
//! account.plant(&web, pod, 10);
//!
//! let drain = json!({"LoadBalancerId": "lb-1", "ModifyList": [
//!     {"ListenerId": "lbl-1", "Targets": [{"EniIp": "10.0.0.7", "Port": 8080, "Weight": 0}]}]});
//! account.handle(Duration::ZERO, "BatchModifyTargetWeight", &drain);
//! assert_eq!(account.weight(&web, pod), Some(10)); // accepted is not done
//! assert_eq!(account.next_event(), Some(Duration::from_millis(800)));
//! account.advance(Duration::from_millis(800));
//! assert_eq!(account.weight(&web, pod), Some(0));
//! ```
//!
//! # In any other language
//!
//! Start the example `clb_sim`, point your client or SDK at the address that it prints (plain HTTP; region: any) and sign
//! with the key that it prints. Faults and foreign edits are ordered with `POST /order`, without a signature, as JSON
//! objects ([`Account::order`] takes the same):
//!
//! ```text
//! {"do":"put_load_balancer","id":"lb-1","tags":{"tke-clusterId":"cls-1"}}
//! {"do":"put_listener","load_balancer":"lb-1","id":"lbl-1","protocol":"TCP","port":80,"switches":["DeregisterTargetRst"]}
//! {"do":"put_listener","load_balancer":"lb-1","id":"lbl-2","protocol":"HTTP","port":8080,"session_seconds":60,
//!  "rules":[{"id":"loc-1","domain":"a.example.com","url":"/"}]}
//! {"do":"put_target_group","id":"lbtg-1"}
//! {"do":"put_listener","load_balancer":"lb-1","id":"lbl-3","protocol":"TCP","port":81,"group":"lbtg-1"}
//! {"do":"remove","object":"lb-1/lbl-2/loc-1"}
//! {"do":"plant","pool":"lb-1/lbl-1","address":"10.0.0.1:8080","weight":10}
//! {"do":"unplant","pool":"lb-1/lbl-1","address":"10.0.0.1:8080"}
//! {"do":"set_health","address":"10.0.0.1:8080","health":"Dead"}
//! {"do":"fault","fault":"busy","on":"writes","times":3}
//! {"do":"fault","fault":"slow_task","ms":60000,"on":"BatchModifyTargetWeight","load_balancer":"lb-1"}
//! {"do":"fault","fault":"error","code":"UnauthorizedOperation","message":"no permission","rate":0.1}
//! {"do":"poison","address":"10.0.0.1:8080","culprit":"unnamed"}
//! {"do":"cure","address":"10.0.0.1:8080"}
//! {"do":"clear_faults"}
//! ```
//!
//! `on` is `any`, `writes`, `reads` or an action. Faults: `busy`, `throttled`, `internal_error`,
//! `internal_error_after_effect`, `error` (`code`, `message`), `unreachable`, `lost_before_effect`, `lost_after_effect`,
//! `late_effect` (`ms`), `failed_task` (`applied`: `nothing`, `half`, `all`), `slow_task` (`ms`), `partial_failure`
//! (`listeners`), `read_lag` (`ms`), `slow_answer` (`ms`), and the odd shapes `null_lists`, `empty_lists`,
//! `numbers_as_strings`, `unknown_fields`, `no_request_id`, `strange_targets`, `truncated`, `bad_gateway`, `oversized`
//! (`bytes`).

mod account;
mod action;
mod answer;
mod config;
pub mod data_plane;
mod effect;
mod fault;
mod gate;
mod health;
mod http;
mod limit;
mod listener;
mod load_balancer;
mod log;
mod order;
mod parameter;
mod pool;
mod read;
mod refusal;
mod reply;
mod reverse;
mod shape;
mod simulator;
mod target_group;
mod task;
mod task_read;
mod transport;
mod view;
mod write;

pub use self::{
    account::Account,
    action::{Action, UnknownAction},
    config::{Config, Latency, Mismatch},
    fault::{Applied, Culprit, Fault, Faults, On, Shape},
    health::Health,
    http::Server,
    limit::Limits,
    listener::{Listener, Protocol, Rule, Switch},
    load_balancer::LoadBalancer,
    log::{Call, Change, Outcome},
    order::BadOrder,
    pool::PoolId,
    reply::{Content, Reply},
    simulator::{NoAnswer, Simulator},
    target_group::TargetGroup,
};
