//! The controller as a whole, and its parts towards the outside: claims, bindings, Events. Everything in virtual time.
#![expect(clippy::unwrap_used, reason = "what the rig unwraps is what the test is about")]

mod bad_input;
mod bindings;
mod changes;
mod claims;
mod draining;
mod marks;
mod process;
mod restarts;
mod rig;
mod storms;
