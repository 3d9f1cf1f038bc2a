//! Drains Pods behind a Tencent Cloud CLB without breaking a connection.
#![forbid(unsafe_code)]

mod slim;

pub mod translate;

mod finding;

pub use finding::{Finding, ObjectKind, ObjectRef, Told};
pub use slim::Undecodable;
