//! Target groups: a lane of their own with one pool, whose every write has a task.

use grace_core::DrainOn::Termination;
use grace_core::{Batch, Command};

use crate::call::Verb;
use crate::harness::Harness;
use crate::words::*;

const GROUP: &str = "lbtg-1/group";

fn of<const N: usize>(pools: [&'static str; N]) -> Harness {
    Harness::of([drains("web", Termination), bound("web", pools)])
}

#[test]
fn c18_a_pod_of_a_group_is_registered_drained_and_deregistered() {
    let mut t = of([GROUP]);
    t.given(serving("web-1"));
    t.when(serving("web-2"));
    t.settle();
    t.expect([register("web-2", 10).on(GROUP)]);
    t.when(terminating("web-1"));
    t.after_linger();
    t.expect([weight("web-1", 0).on(GROUP)]);
    t.wait(minutes(5));
    t.expect([]);
    t.when(gone("web-1"));
    t.settle();
    t.expect([deregister("web-1").on(GROUP)]);
    assert!(
        !t.model.is_claimed(&target_on(GROUP, "web-1")) && t.model.is_claimed(&target_on(GROUP, "web-2"))
    );
}

#[test]
fn what_a_task_proves_needs_no_read() {
    let mut t = of([GROUP]);
    t.given(serving("web-1"));
    t.when(serving("web-2"));
    t.wait(seconds(10));
    assert_eq!(t.count(Verb::Read), 0, "{:?}", t.left);
}

#[test]
fn c12_no_call_carries_more_than_twenty_targets() {
    let mut t = of([GROUP]);
    let names: Vec<String> = (1..=45).map(|n| format!("web-{n}")).collect();
    t.given(names.iter().map(|name| serving(name.clone())).collect::<Vec<_>>());
    t.when(names.iter().map(|name| terminating(name.clone())).collect::<Vec<_>>());
    t.settle();
    let sizes: Vec<usize> = t
        .left
        .iter()
        .filter_map(|left| match &left.action.command {
            Command::Write { batch: Batch::Weights(pools), .. } => Some(pools[0].1.len()),
            Command::Write { .. }
            | Command::Read { .. }
            | Command::Claim { .. }
            | Command::LoadClaims { .. }
            | Command::Mark { .. } => None,
        })
        .collect();
    assert_eq!(sizes, [20, 20, 5]);
}

#[test]
fn f6_a_group_and_a_load_balancer_do_not_wait_for_each_other() {
    let mut t = of([GROUP, "lb-1/lbl-1"]);
    t.given([serving("web-1"), serving("web-2")]);
    t.model.stuck.insert(crate::world::lane("lb-1"));
    t.when(terminating("web-1"));
    t.wait(seconds(2));
    assert_eq!(t.model.weight(&target_on(GROUP, "web-1")).map(grace_core::Weight::get), Some(0));
    assert_eq!(t.model.weight(&target("web-1")).map(grace_core::Weight::get), Some(10));
    t.model.stuck.clear();
    t.wait(minutes(1));
    assert_eq!(t.model.weight(&target("web-1")).map(grace_core::Weight::get), Some(0));
}

#[test]
fn p6_a_restart_in_mid_drain_sends_nothing() {
    let mut t = of([GROUP]);
    t.given([serving("web-1"), serving("web-2")]);
    t.given(terminating("web-1"));
    t.restart();
    t.wait(minutes(5));
    t.expect([]);
    t.when(gone("web-1"));
    t.settle();
    t.expect([deregister("web-1").on(GROUP)]);
}
