//! A client for the Tencent Cloud CLB API that signs its requests (TC3-HMAC-SHA256).
#![forbid(unsafe_code)]

pub mod credential;
mod endpoint;
mod region;
pub mod sign;
#[cfg(feature = "sim")]
pub mod sim;

pub use endpoint::{BadEndpoint, Endpoint};
pub use region::{BadRegion, Region};
