//! What grace-core must do, as a list of promises. Each module is a feature, each test one promise; a test of a fault
//! carries the ID of the failure model.

mod call;
mod contract;
mod expect;
mod fault;
mod harness;
mod model;
mod oracle;
mod random_world;
mod ready_targets;
mod view;
mod words;
mod world;

mod address_reuse;
mod batching;
mod claims;
mod cold_start;
mod dual_stack;
mod evicted_drains;
mod explain_and_plan;
mod flapping;
mod forecast;
mod foreign_writers;
mod found_by_seed;
mod holds;
mod ingress_rules;
mod invariants;
#[cfg(feature = "serde")]
mod log_cut;
#[cfg(feature = "serde")]
mod log_replay;
mod marks_of_drained_pods;
mod not_ready_endpoints;
mod not_ready_floor;
mod ownership_exclusive;
mod ownership_weights_only;
mod readiness_gates;
mod refused;
mod relist_and_restart;
mod restart_at_every_action;
mod rolling_update;
mod route_changes;
mod scheduling;
mod shared_load_balancer;
mod slow_start;
mod target_groups;
mod terminating_pods;
mod time_to_zero;
mod truth_table;
