//! Calls the API of Tencent Cloud CLB (Cloud Load Balancer): reads load balancers, listeners and targets, registers and
//! deregisters targets, sets weights, and waits for the tasks that do it.
//!
//! It signs (TC3-HMAC-SHA256), sends, reads, classifies failures and retries. It knows nothing of Kubernetes, keeps no state
//! of load balancers, and does not decide what a weight should be. With the feature `sim` there is a load balancer to test
//! against.
//!
//! ```
//! use std::time::Duration;
//!
//! use clb_client::api::{Address, BatchModifyTargetWeight, Pool, PoolWeights, TargetWeight, Weight};
//! use clb_client::credential::Environment;
//! use clb_client::task::Outcome;
//! use clb_client::{Client, Region};
//!
//! /// Lets a Pod finish what it has, and gives it nothing more to do.
//! async fn drain(client: &Client) -> Result<(), Box<dyn std::error::Error>> {
//!     let pod = Address::ip("10.0.0.7".parse()?, 8080.try_into()?);
//!     let element = PoolWeights::new(Pool::listener("lbl-7tf2wq1a".parse()?), vec![TargetWeight::new(pod, Weight::DRAINED)]);
//!     let queued = client.call(&BatchModifyTargetWeight::new("lb-k2zjp9lv".parse()?, vec![element])).await?;
//!     match client.task(queued.request_id).wait(Duration::from_secs(30)).await {
//!         Outcome::Succeeded => Ok(()),
//!         other => Err(format!("read the weights before anything else: {other:?}").into()),
//!     }
//! }
//!
//! # struct Answers;
//! # impl clb_client::Transport for Answers {
//! #     fn send(&self, _: http::Request<bytes::Bytes>) -> clb_client::transport::TransportFuture<'_> {
//! #         let answer = br#"{"Response":{"Status":0,"RequestId":"r-1"}}"#;
//! #         Box::pin(async { Ok(http::Response::new(bytes::Bytes::from_static(answer))) })
//! #     }
//! # }
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let environment = |name: &str| Some(name.to_owned());
//! # let credentials = Environment::read_with(environment)?;
//! # let client = Client::with_transport(Region::new("ap-guangzhou")?, credentials, Answers);
//! # /*
//! let client = Client::new(Region::new("ap-guangzhou")?, Environment::read()?)?;
//! # */
//! drain(&client).await?;
//! # Ok(())
//! # }
//! ```
//!
//! # Signing
//! [`sign::sign`] is a pure function of request, credential and Unix seconds. What it promises:
//! - Exactly the bytes that are sent are signed; nothing serialises a body again.
//! - `content-type` and `host` are signed, as the official SDKs do; more on request. `Host` carries the port where one is
//!   sent.
//! - Date and timestamp are of one instant, in UTC, under any local time zone.
//! - Every attempt is signed anew, after it has waited for its turn.
//! - The key of the day lives inside the [`Credential`](credential::Credential) and is wiped with it. Key, token and signature
//!   appear in no log, error or `Debug`.
//! - What does not change from call to call is hashed once ([`sign::sign`]); into a buffer of the caller nothing is allocated
//!   ([`sign::sign_into`]). `docs/figures/sign.json` compares that with the official SDKs.
//! - A clock that is wrong by more than the server tolerates (5 minutes) is corrected from the `Date` of its answer, once per
//!   call, with a warning.
//!
//! [`sign::verify`] is the server's side of the same contract.
//!
//! # Errors, and what to do
//! Branch on [`Error::kind`]; ask [`Error::executed`] before acting again.
//!
//! | kind | codes | executed | the client alone | what is left to you |
//! |---|---|---|---|---|
//! | `Throttled` | `RequestLimitExceeded.*` | no | waits, halves its rate | call less often |
//! | `Busy` | `FailedOperation.ResourceInOperating`, `ResourceInUse`, ... | no | waits | batch more; one writer per load balancer |
//! | `Server` | `InternalError.*`, HTTP 5xx | maybe | repeats what is repeatable | read, then decide |
//! | `Transport` | no connection, no answer, no JSON | no / maybe | repeats what is repeatable | read, then decide |
//! | `LoadBalancerGone`, `PoolGone` | `InvalidParameter.LBIdNotFound`, ... | no | nothing | drained or removed: success |
//! | `Credential` | `AuthFailure.TokenFailure`, `.SignatureExpire`, ... | no | mends and tries once more | check key and clock |
//! | `Permission` | `UnauthorizedOperation`, other `AuthFailure.*` | no | nothing | grant the action |
//! | `Quota` | `LimitExceeded`, `ResourceInsufficient`, ... | no | nothing | free or raise |
//! | `Invalid` | `InvalidParameter*`, `MissingParameter`, ... | no | nothing | correct; in a batch, isolate the culprit |
//! | `Failed` | other `FailedOperation.*` | maybe | repeats what is repeatable | read the message |
//!
//! Repeatable are reads and weights ([`ApiCall::REPEATABLE`](api::ApiCall::REPEATABLE)). Retries end after a minute
//! ([`RetryPolicy`]); a program that plans anew after each failure says [`RetryPolicy::never`].
//!
//! # Writes, tasks and rates
//! A load balancer makes one change at a time, so write with one writer per load balancer and in batches. The answer to
//! `BatchModifyTargetWeight` means "queued": [`Client::task`] waits for the effect, at a pace learned from the last tasks.
//! `BatchRegisterTargets` and `BatchDeregisterTargets` answer without a task, and name the listeners that failed in an
//! answer that is a success. No contract makes a write idempotent: compare with `DescribeTargets` first.
//!
//! At most 20 calls of one action are sent in any second ([`RateLimit`]), over all clones of a client; the account may have
//! other callers.
//!
//! # TLS, proxies, redirects
//! Certificates are verified against those of the system (on Linux `SSL_CERT_FILE` and `SSL_CERT_DIR` name others), which are
//! read at the first call over HTTPS; no switch turns that off. The cryptography (ring or aws-lc-rs)
//! is passed to rustls explicitly: the default of the process is neither needed nor set, so the client lives beside kube and
//! others. Plain HTTP goes to a loopback address only. Redirects are not followed. Proxy variables are ignored; behind a
//! proxy, bring your own [`Transport`].
//!
//! # Runtime
//! Tokio with its timer. A call ends when its future is dropped; whether the server has executed it is then open.
//!
//! # Crate features
//! | name | effect | default |
//! |---|---|---|
//! | `client` | everything but the signer: calls, tasks, sources of credentials | yes |
//! | `http` | [`sign::Headers`] and [`sign::verify`], in the types of the crate `http`; part of `client` | yes |
//! | `reqwest` | the HTTPS transport and [`Client::new`]; without it, bring a [`Transport`]; brings `client` | yes |
//! | `ring` | cryptography of TLS by ring | yes |
//! | `aws-lc-rs` | cryptography of TLS by aws-lc-rs, where `ring` is off | no |
//! | `sim` | a simulated CLB with an HTTP server that verifies signatures; brings `client` | no |
//!
//! Without default features this is the signer alone, for a program that has its own client: [`sign`](mod@sign) and
//! [`credential::Credential`], with sha2, hmac, chrono and secrecy below them; no runtime, no HTTP, no macros.
//!
//! # Rust version
//! 1.89. Raising it is a minor release.
#![forbid(unsafe_code)]

#[cfg(feature = "client")]
mod answer;
#[cfg(feature = "client")]
pub mod api;
#[cfg(feature = "client")]
mod classify;
#[cfg(feature = "client")]
mod client;
#[cfg(feature = "client")]
mod clock;
pub mod credential;
#[cfg(feature = "client")]
mod endpoint;
#[cfg(feature = "client")]
mod error;
#[cfg(feature = "client")]
mod pages;
#[cfg(feature = "client")]
mod rate;
#[cfg(feature = "client")]
mod region;
#[cfg(feature = "client")]
mod retry;
pub mod sign;
#[cfg(feature = "sim")]
pub mod sim;
#[cfg(feature = "client")]
mod skew;
#[cfg(feature = "client")]
pub mod task;
#[cfg(feature = "client")]
mod throttle;
#[cfg(feature = "client")]
pub mod transport;

#[cfg(feature = "client")]
pub use {
    client::Client,
    endpoint::{BadEndpoint, Endpoint},
    error::{Error, ErrorKind, Executed},
    rate::RateLimit,
    region::{BadRegion, Region},
    retry::RetryPolicy,
    transport::Transport,
};
