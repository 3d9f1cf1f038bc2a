//! A client for the Tencent Cloud CLB API that signs its requests (TC3-HMAC-SHA256).
#![forbid(unsafe_code)]

mod answer;
pub mod api;
mod classify;
mod client;
pub mod credential;
mod endpoint;
mod error;
mod rate;
mod region;
mod retry;
pub mod sign;
#[cfg(feature = "sim")]
pub mod sim;
mod skew;
pub mod task;
mod throttle;
pub mod transport;

pub use client::Client;
pub use endpoint::{BadEndpoint, Endpoint};
pub use error::{Error, ErrorKind, Executed};
pub use rate::RateLimit;
pub use region::{BadRegion, Region};
pub use retry::RetryPolicy;
pub use transport::Transport;
