//! Pools that are ours alone: nothing is recorded, and what nobody wants is drained and removed.

use grace_core::DrainOn::{Nothing, Termination};
use grace_core::{Config, DrainOn, Notice, Ownership, RouteEnd};

use crate::call::Verb;
use crate::harness::Harness;
use crate::words::*;

fn facts(drain: DrainOn) -> [Fact; 2] {
    [drains("web", drain), bound("web", ["lb-1/lbl-1"])]
}

fn with<const N: usize>(drain: DrainOn, pods: [&'static str; N]) -> Harness {
    let mut t = Harness::configured(config(), facts(drain));
    t.given(pods.map(serving));
    t
}

fn config() -> Config {
    Config { ownership: Ownership::Exclusive, ..Config::default() }
}

#[test]
fn a_pod_comes_and_goes_without_a_claim() {
    let mut t = with(Termination, ["web-1"]);
    t.when(serving("web-2"));
    t.settle();
    t.expect([register("web-2", 10)]);
    t.when(terminating("web-1"));
    t.after_linger();
    t.expect([weight("web-1", 0)]);
    t.wait(minutes(5));
    t.expect([]);
    t.when(gone("web-1"));
    t.settle();
    t.expect([deregister("web-1")]);
    t.expect_claims([]);
    assert!(t.model.claims.values().all(|claims| claims.revision == 0), "nothing was recorded");
}

#[test]
fn a_registration_waits_for_nothing_but_the_linger() {
    let mut t = with(Termination, ["web-1"]);
    t.when(serving("web-2"));
    t.after_linger();
    t.expect([register("web-2", 10)]);
}

#[test]
fn what_nobody_wants_is_drained_and_removed() {
    let mut t = with(Termination, ["web-1"]);
    t.by_hand("10.9.9.9:80", Some(33));
    t.by_hand("web-1:22", Some(5));
    t.wait(seconds(61));
    t.expect([weight("10.9.9.9:80", 0), weight("web-1:22", 0)]);
    t.wait(seconds(20));
    t.expect([]);
    t.settle();
    t.expect([deregister("10.9.9.9:80"), deregister("web-1:22")]);
    t.wait(minutes(5));
    t.expect([]);
    t.expect_registered([("web-1", 10)]);
    let told = |n: &Notice| matches!(n, Notice::Foreign { .. } | Notice::Orphan { .. });
    assert_eq!(t.told(told), 0, "nothing is foreign here: {:?}", t.notices);
}

#[test]
fn it_drains_as_long_as_the_route_says() {
    let mut t = with(Termination, ["web-1"]);
    t.when(route("web", |route| route.policy.config_drain = minutes(4)));
    t.by_hand("10.9.9.9:80", Some(33));
    t.wait(minutes(4));
    t.expect([weight("10.9.9.9:80", 0)]);
    t.wait(minutes(2));
    t.expect([deregister("10.9.9.9:80")]);
}

#[test]
fn pools_without_a_route_are_never_touched() {
    let mut t = with(Termination, ["web-1"]);
    t.by_hand_on(&target_on("lb-1/lbl-9", "10.9.9.9:80"), Some(33));
    t.wait(minutes(10));
    t.expect([]);
}

#[test]
fn p6_a_drain_goes_on_over_a_restart_and_ends_with_its_pod() {
    let mut t = with(Termination, ["web-1", "web-2"]);
    t.given(terminating("web-1"));
    t.restart();
    t.wait(minutes(5));
    t.expect([]);
    t.when(gone("web-1"));
    t.settle();
    t.expect([deregister("web-1")]);
}

#[test]
fn w5_a_pod_that_went_while_nobody_watched_is_removed_after_a_drain() {
    let mut t = with(Termination, ["web-1", "web-2"]);
    t.kill();
    t.unseen(gone("web-1"));
    t.wait(seconds(10));
    t.start();
    t.wait(seconds(29));
    t.expect([weight("web-1", 0)]);
    t.settle();
    t.expect([deregister("web-1")]);
    t.expect_registered([("web-2", 10)]);
}

#[test]
fn o28_a_pod_that_was_deselected_while_nobody_watched_drains() {
    let mut t = with(Termination, ["web-1", "web-2"]);
    t.kill();
    t.unseen(deselected("web-1"));
    t.start();
    t.wait(seconds(20));
    t.expect([weight("web-1", 0)]);
    t.settle();
    t.wait(seconds(30));
    t.expect([deregister("web-1")]);
}

#[test]
fn a_terminating_pod_that_left_its_slices_while_nobody_watched_keeps_its_target() {
    let mut t = with(Termination, ["web-1", "web-2"]);
    t.kill();
    t.unseen([terminating("web-1"), deselected("web-1")]);
    t.start();
    t.wait(minutes(5));
    t.expect([weight("web-1", 0)]);
    t.when(gone("web-1"));
    t.settle();
    t.expect([deregister("web-1")]);
}

#[test]
fn nothing_is_taken_away_before_everything_was_listed() {
    let mut t = Harness::cold_configured(config(), facts(Termination));
    t.unseen(serving("web-1"));
    t.by_hand("web-1", Some(10));
    t.by_hand("10.9.9.9:80", Some(33));
    t.announce_lanes();
    for event in t.world.list_services() {
        t.send(&event);
    }
    for lane in t.lanes() {
        t.send(&grace_core::Event::Granted(lane));
    }
    t.wait(minutes(5));
    t.expect([]);
}

#[test]
fn g_a_deleted_route_takes_everything_with_it() {
    let mut t = with(Termination, ["web-1"]);
    t.by_hand("10.9.9.9:80", Some(33));
    t.wait(seconds(61));
    t.forget();
    t.when(ended("web", RouteEnd::Deleted));
    t.settle();
    t.wait(minutes(2));
    t.expect([weight("web-1", 0), deregister("web-1"), deregister("10.9.9.9:80")]);
    t.expect_registered([]);
    // The pool is not ours any more.
    t.by_hand("10.9.9.9:80", Some(33));
    t.wait(minutes(10));
    t.expect([]);
}

#[test]
fn f_a_released_route_leaves_its_live_targets_and_finishes_its_drains() {
    let mut t = with(DrainOn::TerminationAndUnready, ["web-1", "web-2", "web-3"]);
    t.given([terminating("web-1"), unready("web-2")]);
    t.when(ended("web", RouteEnd::Released));
    t.settle();
    t.expect([weight("web-2", 10)]);
    t.when([gone("web-1"), terminating("web-3")]);
    t.settle();
    t.wait(minutes(5));
    t.expect([deregister("web-1")]);
    t.expect_registered([("web-2", 10), ("web-3", 10)]);
}

#[test]
fn without_a_switch_a_terminating_pod_is_removed_at_once() {
    let mut t = with(Nothing, ["web-1", "web-2"]);
    t.when(terminating("web-1"));
    t.after_linger();
    t.expect([deregister("web-1")]);
    assert_eq!(t.count(Verb::Claim), 0);
}
