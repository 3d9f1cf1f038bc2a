//! Drains Pods behind a Tencent Cloud CLB without breaking a connection.
#![forbid(unsafe_code)]

mod controller;

mod source;

mod slim;

pub mod translate;

mod feed;

mod routes;

pub mod bind;

mod driver;

mod handle;

mod clock;

pub mod execute;

pub mod claims;

mod dry_run;

mod observe;

mod finding;

mod status;

mod error;

#[cfg(feature = "sim")]
pub mod sim;

pub use bind::ResolveBindings;
pub use claims::ClaimStore;
pub use controller::{Builder, Controller};
pub use error::Error;
#[cfg(feature = "clb")]
pub use execute::Clb;
pub use execute::LoadBalancer;
pub use finding::{Finding, ObjectKind, ObjectRef, Told};
pub use handle::{Drained, Handle};
pub use status::Status;
pub use translate::PolicyDefaults;
