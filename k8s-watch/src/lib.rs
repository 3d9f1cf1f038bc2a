//! Drains Pods behind a Tencent Cloud CLB without breaking a connection.
#![forbid(unsafe_code)]

#[cfg(feature = "sim")]
pub mod sim;
