//! What the Kubernetes API in memory promises, seen through kube's own client under a paused clock.
#![cfg(feature = "sim")]
#![expect(clippy::unwrap_used, reason = "what the harness unwraps is what the test is about")]

mod deletion;
mod endpoint_slices;
mod faults;
mod harness;
mod kubelet;
mod listing;
mod objects;
mod patches;
mod rollout;
mod serving;
mod watching;
