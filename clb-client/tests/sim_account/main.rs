//! The simulated account as a specification: limits, errors, tasks, faults. Pure, in virtual time.
#![cfg(feature = "sim")]

mod errors;
mod faults;
mod harness;
mod limits;
mod shapes;
mod single_forms;
mod target_groups;
mod target_health;
mod time_and_log;
mod writes;
