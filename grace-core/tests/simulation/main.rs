//! Worlds by seed: rolling updates on shared load balancers with everything that can go wrong, in virtual time.
//!
//! What the world does not do, because nothing could be concluded if it did: a claim that a process sent while it led is
//! not recorded after another one leads (design 3.7, failure-model.md J: the record is compared and swapped, but its
//! loading by a successor does not move it on). Leases see to it: whoever cannot renew stops well before its lease is
//! free. Registrations and weights of a predecessor do land late, up to a minute after it.
//!
//! The environment says how many: `GRACE_SEEDS` worlds from `GRACE_FIRST_SEED` on, in `GRACE_THREADS` threads. One world
//! again: `GRACE_SEED=17 cargo test -p grace-core --test simulation -- --nocapture a_world_again`.

#[path = "../spec/call.rs"]
mod call;
#[path = "../spec/contract.rs"]
mod contract;
#[path = "../spec/oracle.rs"]
mod oracle;
#[path = "../spec/view.rs"]
mod view;

mod campaign;
mod clb;
mod cluster;
mod drains;
mod histogram;
mod mishap;
mod place;
mod process;
mod rest;
mod sim;
mod swarm;
mod timeline;
mod trace;
mod workload;
mod wrong;
