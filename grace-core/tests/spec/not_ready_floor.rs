//! Where a floor is asked for, readiness never takes more targets of a pool than it allows. Termination always may.

use grace_core::DrainOn::TerminationAndUnready;
use grace_core::{Floor, Notice};

use crate::harness::Harness;
use crate::words::*;

/// Four Pods under that floor.
fn with(floor: Floor) -> Harness {
    let mut t = Harness::new(TerminationAndUnready);
    t.given(route("web", move |route| route.policy.floor = Some(floor)));
    t.given((1..=4).map(|n| serving(format!("web-{n}"))).collect::<Vec<_>>());
    t.wait(minutes(3));
    t.forget();
    t
}

fn falls(t: &mut Harness, name: &'static str) {
    t.when(unready(name));
    t.wait(seconds(10));
}

#[test]
fn s5_the_latest_to_become_unready_keep_their_weight() {
    let mut t = with(Floor::Targets(2));
    falls(&mut t, "web-3");
    falls(&mut t, "web-1");
    t.expect([weight("web-3", 0), weight("web-1", 0)]);
    assert_eq!(t.told(|n| matches!(n, Notice::FloorHeld { .. })), 0);
    falls(&mut t, "web-2");
    t.expect([]);
    let held = |n: &Notice| matches!(n, Notice::FloorHeld { kept: 1, live: 4, .. });
    assert_eq!(t.told(held), 1, "{:?}", t.notices);
    falls(&mut t, "web-4");
    t.expect([]);
    t.expect_registered([("web-1", 0), ("web-2", 10), ("web-3", 0), ("web-4", 10)]);
}

#[test]
fn s5_a_share_of_the_living_is_rounded_up() {
    let mut t = with(Floor::Percent(60));
    for name in ["web-1", "web-2", "web-3", "web-4"] {
        falls(&mut t, name);
    }
    t.expect_registered([("web-1", 0), ("web-2", 10), ("web-3", 10), ("web-4", 10)]);
}

#[test]
fn s5_terminating_pods_go_to_zero_under_any_floor() {
    let mut t = with(Floor::Percent(100));
    t.when(["web-1", "web-2", "web-3", "web-4"].map(terminating));
    t.settle();
    t.expect_registered([("web-1", 0), ("web-2", 0), ("web-3", 0), ("web-4", 0)]);
}

#[test]
fn s5_a_kept_pod_that_terminates_goes_to_zero_and_the_floor_looks_for_another() {
    let mut t = with(Floor::Targets(1));
    for name in ["web-1", "web-2", "web-3", "web-4"] {
        falls(&mut t, name);
    }
    t.expect_registered([("web-1", 0), ("web-2", 0), ("web-3", 0), ("web-4", 10)]);
    t.when(terminating("web-4"));
    t.settle();
    t.expect_registered([("web-1", 0), ("web-2", 0), ("web-3", 10), ("web-4", 0)]);
}

#[test]
fn s5_those_that_recover_free_the_kept_ones() {
    let mut t = with(Floor::Targets(2));
    for name in ["web-1", "web-2", "web-3"] {
        falls(&mut t, name);
    }
    t.expect_registered([("web-1", 0), ("web-2", 0), ("web-3", 10), ("web-4", 10)]);
    t.when(serving("web-1"));
    t.settle();
    t.expect_registered([("web-1", 10), ("web-2", 0), ("web-3", 0), ("web-4", 10)]);
}

#[test]
fn s5_a_pod_that_was_never_ready_is_not_kept() {
    let mut t = with(Floor::Targets(4));
    t.when(unready("web-5"));
    t.wait(minutes(2));
    t.expect([]);
    t.expect_registered([("web-1", 10), ("web-2", 10), ("web-3", 10), ("web-4", 10)]);
}

#[test]
fn s5_a_restart_keeps_the_same() {
    let mut t = with(Floor::Targets(2));
    for name in ["web-1", "web-2", "web-3", "web-4"] {
        falls(&mut t, name);
    }
    t.forget();
    t.restart();
    t.wait(minutes(5));
    t.expect([]);
}

#[test]
fn s5_a_target_on_a_port_that_is_left_does_not_count_as_living() {
    let mut t = Harness::new(TerminationAndUnready);
    t.given(route("web", |route| route.policy.floor = Some(Floor::Targets(1))));
    t.given(serving("web-1"));
    t.wait(minutes(3));
    t.when(port_changed("web", 9090));
    t.wait(seconds(10));
    // The first port is at 0 and drains. It comes back while the Pod is not ready: whether the other target has a successor
    // in force depends on what is wanted here, which must not depend on whether the other one counts.
    t.when([port_changed("web", 8080), unready("web-1")]);
    t.wait(minutes(3));
    t.expect_registered([("web-1", 10)]);
}
