//! A CLB to test controllers against: state machine, and what is built around it.
//!
//! [`Account`] is a CLB account as a pure state machine in virtual time. Requests and answers are the JSON of the real
//! API, nulls included. It enforces what the real one enforces:
//!
//! | rule | answer when broken |
//! |---|---|
//! | 20 calls in any sliding second, per action ([`Limits`]) | `RequestLimitExceeded` |
//! | one write at a time per load balancer: until the task ends, or a batch settled | `FailedOperation.ResourceInOperating` |
//! | 500 targets per batch; 100 elements of 50 targets; 20 listener ids per `DescribeTargets`; 20 load balancer ids | `InvalidParameterValue.Length` |
//! | each listener or rule in one element of `BatchModifyTargetWeight` ([`Limits::with_elements_per_pool`]) | `InvalidParameterValue` |
//! | 100 targets per listener or rule, draining ones included | `LimitExceeded` |
//! | a target is bound once ([`Config::with_bound`]) | `InvalidParameterValue.Duplicate` |
//! | only bound targets change or go ([`Config::with_unbound`]) | `InvalidParameterValue` |
//! | no unknown parameters, no missing ones, right types | `UnknownParameter`, `MissingParameter`, `InvalidParameter.FormatError` |
//!
//! `BatchModifyTargetWeight` is a task: its effect comes at its end ([`Config::with_task`]), and a target without a
//! `Weight` gets 10. `BatchRegisterTargets` and `BatchDeregisterTargets` answer when they are done, without a task
//! ([`Config::with_batch`], [`Config::with_settle`], [`Config::with_asynchronous_batches`]).
//!
//! What goes wrong is said with [`Account::faults`]: scripted for the next calls, or at rates drawn from a seed. What
//! happened is in [`Account::calls`] and [`Account::changes`].
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

mod account;
mod action;
mod answer;
mod config;
pub mod data_plane;
mod effect;
mod fault;
mod gate;
mod http;
mod limit;
mod listener;
mod load_balancer;
mod log;
mod parameter;
mod pool;
mod read;
mod refusal;
mod reply;
mod shape;
mod simulator;
mod task;
mod transport;
mod view;
mod write;

pub use self::{
    account::Account,
    action::{Action, UnknownAction},
    config::{Config, Latency, Mismatch},
    fault::{Applied, Culprit, Fault, Faults, On, Shape},
    http::Server,
    limit::Limits,
    listener::{Listener, Protocol, Rule, Switch},
    load_balancer::LoadBalancer,
    log::{Call, Change, Outcome},
    pool::PoolId,
    reply::{Content, Reply},
    simulator::{NoAnswer, Simulator},
};
