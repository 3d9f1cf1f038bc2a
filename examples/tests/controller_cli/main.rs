//! The `controller` example as it is run: its binary, an API server and a CLB on loopback, real time.
//!
//! `cargo test -p grace-examples` builds the example beside these tests.
#![expect(clippy::unwrap_used, reason = "what the rig unwraps is what the test is about")]
#![forbid(unsafe_code)]

mod bad_input;
mod dry_run;
mod get;
mod program;
mod running;
mod trouble;
mod world;
