//! With the second switch a target whose endpoint is not ready gets weight 0, and its weight back when it is ready.

use grace_core::DrainOn::{Nothing, Termination, TerminationAndUnready};
use grace_core::{Gate, Notice};

use crate::call::Verb;
use crate::harness::Harness;
use crate::words::*;

fn with<const N: usize>(drain: grace_core::DrainOn, pods: [&'static str; N]) -> Harness {
    let mut t = Harness::new(drain);
    t.given(pods.map(serving));
    t
}

#[test]
fn o11_a_restart_in_place_goes_to_zero_and_back() {
    let mut t = with(TerminationAndUnready, ["web-1", "web-2"]);
    t.when(unready("web-1"));
    t.after_linger();
    t.expect([weight("web-1", 0)]);
    t.settle();
    t.when(serving("web-1"));
    t.after_linger();
    t.expect([weight("web-1", 10)]);
    t.settle();
    t.expect_registered([("web-1", 10), ("web-2", 10)]);
}

#[test]
fn o11_without_the_second_switch_a_restart_in_place_sends_nothing() {
    for drain in [Nothing, Termination] {
        let mut t = with(drain, ["web-1", "web-2"]);
        t.when(unready("web-1"));
        t.wait(minutes(2));
        t.when(serving("web-1"));
        t.wait(minutes(2));
        t.expect([]);
    }
}

#[test]
fn o26_a_lost_node_drains_at_not_ready_with_the_second_switch() {
    let mut t = with(TerminationAndUnready, ["web-1", "web-2"]);
    t.when(unready("web-1"));
    t.settle();
    t.expect([weight("web-1", 0)]);
    t.when(terminating("web-1"));
    t.wait(minutes(60));
    t.expect([]);
    t.when(gone("web-1"));
    t.after_linger();
    t.expect([deregister("web-1")]);
}

#[test]
fn o26_a_lost_node_keeps_its_weight_until_the_deletion_with_the_first_switch_alone() {
    let mut t = with(Termination, ["web-1", "web-2"]);
    t.when(unready("web-1"));
    t.wait(minutes(5));
    t.expect([]);
    t.when(terminating("web-1"));
    t.after_linger();
    t.expect([weight("web-1", 0)]);
}

#[test]
fn a_pod_that_was_never_ready_is_not_registered_until_it_is() {
    for drain in [Nothing, Termination, TerminationAndUnready] {
        let mut t = with(drain, ["web-1"]);
        t.when(unready("web-2"));
        t.wait(minutes(3));
        t.expect([]);
        t.when(serving("web-2"));
        t.after_linger();
        t.expect([register("web-2", 10)]);
    }
}

#[test]
fn a_not_ready_pod_is_claimed_ahead_so_that_readiness_costs_no_round_trip() {
    let mut t = with(Termination, ["web-1"]);
    t.when(unready("web-2"));
    t.settle();
    t.expect_claims(["web-1", "web-2"]);
    t.forget();
    t.when(serving("web-2"));
    t.after_linger();
    t.expect([register("web-2", 10)]);
    assert_eq!(t.count(Verb::Claim), 0);
}

#[test]
fn keep_never_registers() {
    // Registered, ready once, then taken away by somebody while it is not ready: Keep(w) does not put it back.
    for drain in [Nothing, Termination, TerminationAndUnready] {
        let mut t = with(drain, ["web-1", "web-2"]);
        t.given(unready("web-1"));
        t.by_hand("web-1", None);
        t.wait(minutes(3));
        t.expect([]);
        t.when(serving("web-1"));
        t.after_linger();
        t.expect([register("web-1", 10)]);
    }
}

#[test]
fn a_pod_that_was_never_ready_stays_at_zero_if_it_is_registered_already() {
    for drain in [Nothing, Termination, TerminationAndUnready] {
        let mut t = with(drain, ["web-1"]);
        t.given(unready("web-2"));
        t.by_hand("web-2", Some(0));
        t.wait(minutes(3));
        t.expect([]);
        t.when(serving("web-2"));
        t.after_linger();
        t.expect([weight("web-2", 10)]);
    }
}

#[test]
fn o27_a_pod_that_waits_for_our_gate_alone_is_registered() {
    for drain in [Nothing, Termination, TerminationAndUnready] {
        let mut t = with(drain, ["web-1"]);
        let waits = |only| move |pod: &mut crate::world::Pod| pod.facts.gate = Gate::Waiting { only };
        t.when(unready("web-2").with("web-2", waits(false)));
        t.settle();
        t.expect([]);
        t.when(unready("web-2").with("web-2", waits(true)));
        t.settle();
        t.expect([register("web-2", 10)]);
        t.when(serving("web-2").with("web-2", |pod| pod.facts.gate = Gate::Passed));
        t.settle();
        t.expect([]);
    }
}

#[test]
fn o13_publish_not_ready_addresses_asks_for_traffic_regardless_of_readiness() {
    let mut t = Harness::new(TerminationAndUnready);
    t.given(route("web", |route| route.policy.ignore_readiness = true));
    t.when(unready("web-1"));
    t.settle();
    t.expect([register("web-1", 10)]);
    t.when(serving("web-1"));
    t.wait(minutes(2));
    t.when(unready("web-1"));
    t.wait(minutes(2));
    t.expect([]);
}

#[test]
fn all_not_ready_go_to_zero_as_documented_with_a_warning() {
    let mut t = with(TerminationAndUnready, ["web-1", "web-2"]);
    t.when(unready("web-1"));
    t.settle();
    assert_eq!(t.told(|n| matches!(n, Notice::AllAtZero { .. })), 0);
    t.forget();
    t.when(unready("web-2"));
    t.settle();
    t.expect([weight("web-2", 0)]);
    assert_eq!(t.told(|n| matches!(n, Notice::AllAtZero { targets: 2, .. })), 1, "{:?}", t.notices);
    t.wait(minutes(10));
    assert_eq!(t.told(|n| matches!(n, Notice::AllAtZero { .. })), 1, "told once");
}

#[test]
fn a_pod_that_dies_while_not_ready_is_already_at_zero() {
    let mut t = with(TerminationAndUnready, ["web-1", "web-2"]);
    t.given(unready("web-1"));
    t.when(terminating("web-1"));
    t.wait(minutes(2));
    t.expect([]);
    t.when(serving("web-2"));
    t.when(gone("web-1"));
    t.settle();
    t.expect([deregister("web-1")]);
}

#[test]
fn going_to_zero_is_never_delayed_however_often_it_flaps() {
    let mut t = with(TerminationAndUnready, ["web-1", "web-2"]);
    for _ in 0..10 {
        t.when(unready("web-1"));
        t.settle();
        t.expect_registered([("web-1", 0), ("web-2", 10)]);
        t.when(serving("web-1"));
        t.wait(minutes(3));
        t.expect_registered([("web-1", 10), ("web-2", 10)]);
    }
}
