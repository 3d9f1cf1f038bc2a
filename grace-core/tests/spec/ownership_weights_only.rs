//! Somebody else registers and deregisters; only weights are moved.

use grace_core::DrainOn::{Nothing, Termination, TerminationAndUnready};
use grace_core::{Config, DrainOn, Notice, Ownership, RouteEnd};

use crate::call::Verb;
use crate::harness::Harness;
use crate::words::*;

/// Pods that serve, registered by another controller.
fn with<const N: usize>(drain: DrainOn, pods: [&'static str; N]) -> Harness {
    let config = Config { ownership: Ownership::WeightsOnly, ..Config::default() };
    let mut t = Harness::configured(config, [drains("web", drain), bound("web", ["lb-1/lbl-1"])]);
    for name in pods {
        t.by_hand(name, Some(10));
    }
    t.given(pods.map(serving));
    t
}

#[test]
fn nothing_is_registered_deregistered_or_claimed() {
    let mut t = with(Nothing, ["web-1", "web-2"]);
    t.when([serving("web-3"), terminating("web-1"), over("web-2")]);
    t.wait(minutes(10));
    t.when(gone("web-1"));
    t.wait(minutes(10));
    t.expect([]);
    t.expect_claims([]);
    t.expect_registered([("web-1", 10), ("web-2", 10)]);
}

#[test]
fn a_terminating_pod_is_drained_and_left_to_whoever_registered_it() {
    let mut t = with(Termination, ["web-1", "web-2"]);
    t.when(terminating("web-1"));
    t.after_linger();
    t.expect([weight("web-1", 0)]);
    t.when(gone("web-1"));
    t.wait(minutes(10));
    t.expect([]);
    t.expect_registered([("web-1", 0), ("web-2", 10)]);
    t.by_hand("web-1", None);
    t.wait(minutes(2));
    assert_eq!(t.told(|n| matches!(n, Notice::DrainFinished { .. })), 1, "{:?}", t.notices);
    t.expect([]);
}

#[test]
fn readiness_moves_the_weight_and_gives_it_back() {
    let mut t = with(TerminationAndUnready, ["web-1", "web-2"]);
    t.when(unready("web-1"));
    t.after_linger();
    t.expect([weight("web-1", 0)]);
    t.settle();
    t.when(serving("web-1"));
    t.settle();
    t.expect([weight("web-1", 10)]);
}

#[test]
fn what_somebody_else_registers_is_looked_for_and_gets_its_weight() {
    let mut t = with(Termination, ["web-1"]);
    t.when(serving("web-2").with("web-2", |pod| pod.facts.weight_service = Some(crate::world::w(40))));
    t.wait(seconds(4));
    t.expect([]);
    t.by_hand("web-2", Some(10));
    t.wait(seconds(6));
    t.expect([weight("web-2", 40)]);
}

#[test]
fn what_nobody_registers_is_looked_for_a_few_times_only() {
    let mut t = with(Termination, ["web-1"]);
    t.when(serving("web-2"));
    t.wait(minutes(2));
    t.forget();
    t.wait(minutes(30));
    assert!(t.count(Verb::Read) <= 31, "{} reads in half an hour", t.count(Verb::Read));
    t.expect([]);
}

#[test]
fn a_pod_that_dies_before_its_target_was_seen_is_drained_after_one_read() {
    let mut t = with(Termination, ["web-1"]);
    t.when(serving("web-2"));
    t.wait(minutes(3));
    t.forget();
    t.by_hand("web-2", Some(10));
    t.when(terminating("web-2"));
    t.wait(millis(100));
    t.expect([weight("web-2", 0)]);
}

#[test]
fn targets_of_others_are_neither_touched_nor_told() {
    let mut t = with(Termination, ["web-1"]);
    t.by_hand("10.9.9.9:80", Some(33));
    t.by_hand("web-1:22", Some(7));
    t.wait(minutes(10));
    t.expect([]);
    assert_eq!(t.notices, []);
}

#[test]
fn l9_a_weight_that_somebody_else_sets_is_restored_three_times_in_five_minutes() {
    let mut t = with(Termination, ["web-1"]);
    for _ in 0..5 {
        t.by_hand("web-1", Some(55));
        t.wait(seconds(60));
    }
    t.settle();
    assert_eq!(t.writes(), vec![weight("web-1", 10); 3]);
    assert!(t.told(|n| matches!(n, Notice::Fighting { .. })) > 0, "{:?}", t.notices);
}

#[test]
fn a_target_that_its_owner_deregisters_is_not_missed() {
    let mut t = with(Termination, ["web-1", "web-2"]);
    t.by_hand("web-1", None);
    t.wait(minutes(10));
    t.expect([]);
    assert_eq!(t.told(|n| matches!(n, Notice::Overwritten { .. })), 0, "{:?}", t.notices);
}

#[test]
fn f_a_released_route_gives_weights_back() {
    let mut t = with(TerminationAndUnready, ["web-1", "web-2", "web-3"]);
    t.given([terminating("web-1"), unready("web-2")]);
    t.when(ended("web", RouteEnd::Released));
    t.wait(minutes(5));
    t.expect([weight("web-2", 10)]);
}

#[test]
fn g_a_deleted_route_ends_at_weight_zero() {
    let mut t = with(Termination, ["web-1", "web-2"]);
    t.when(ended("web", RouteEnd::Deleted));
    t.wait(minutes(10));
    t.expect([weight("web-1", 0), weight("web-2", 0)]);
}

#[test]
fn p6_a_restart_in_mid_drain_sends_nothing() {
    let mut t = with(Termination, ["web-1", "web-2"]);
    t.given(terminating("web-1"));
    t.restart();
    t.wait(minutes(5));
    t.expect([]);
    t.kill();
    t.unseen(terminating("web-2"));
    t.start();
    t.wait(seconds(1));
    t.expect([weight("web-2", 0)]);
}
