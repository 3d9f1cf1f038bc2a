//! Switches, ports, selectors and whole Services change while Pods drain.

use grace_core::DrainOn::{Nothing, Termination, TerminationAndUnready};
use grace_core::{Resolution, RouteEnd};

use crate::harness::Harness;
use crate::words::*;
use crate::world::w;

fn with<const N: usize>(drain: grace_core::DrainOn, pods: [&'static str; N]) -> Harness {
    let mut t = Harness::new(drain);
    t.given(pods.map(serving));
    t
}

#[test]
fn o19_a_switch_removed_in_mid_drain_lets_running_drains_finish() {
    let mut t = with(Termination, ["web-1", "web-2", "web-3"]);
    t.given(terminating("web-1"));
    t.when(drains("web", Nothing));
    t.wait(minutes(5));
    t.expect([]);
    t.when(terminating("web-2"));
    t.after_linger();
    t.expect([deregister("web-2")]);
    t.settle();
    t.when(gone("web-1"));
    t.settle();
    t.expect([deregister("web-1")]);
}

#[test]
fn o19_the_second_switch_removed_gives_weights_back() {
    let mut t = with(TerminationAndUnready, ["web-1", "web-2", "web-3"]);
    t.given([unready("web-1"), terminating("web-2")]);
    t.when(drains("web", Termination));
    t.settle();
    t.expect([weight("web-1", 10)]);
}

#[test]
fn o18_the_second_switch_added_zeroes_what_is_not_ready() {
    let mut t = with(Termination, ["web-1", "web-2"]);
    t.given(unready("web-1"));
    t.when(drains("web", TerminationAndUnready));
    t.after_linger();
    t.expect([weight("web-1", 0)]);
}

#[test]
fn o18_switched_on_while_a_pod_is_there_counts_from_then() {
    let mut t = with(Nothing, ["web-1", "web-2"]);
    t.when(drains("web", Termination));
    t.settle();
    t.expect([]);
    t.when(terminating("web-1"));
    t.after_linger();
    t.expect([weight("web-1", 0)]);
}

#[test]
fn o18_without_a_known_pool_nothing_is_written() {
    let mut t = Harness::of([
        drains("web", TerminationAndUnready),
        bound("web", ["lb-1/lbl-1"]),
        route("web", |route| route.pools = Resolution::Pending),
        drains("api", TerminationAndUnready),
        route("api", |route| route.pools = Resolution::Known(Vec::new())),
    ]);
    t.when([serving("web-1"), serving("api-1")]);
    t.wait(minutes(2));
    t.when([terminating("web-1"), unready("api-1")]);
    t.wait(minutes(2));
    t.when([gone("web-1"), gone("api-1")]);
    t.wait(minutes(2));
    t.expect([]);
    // With a pool the same Service is driven.
    t.when([bound("web", ["lb-1/lbl-1"]), serving("web-2")]);
    t.settle();
    t.expect([register("web-2", 10)]);
}

#[test]
fn a_pending_resolution_leaves_the_known_pools_in_force() {
    let mut t = with(Termination, ["web-1", "web-2"]);
    t.when(route("web", |route| route.pools = Resolution::Pending));
    t.wait(minutes(2));
    t.expect([]);
    t.when(terminating("web-1"));
    t.after_linger();
    t.expect([weight("web-1", 0)]);
}

#[test]
fn the_configured_weight_follows_the_service() {
    let mut t = with(Termination, ["web-1", "web-2"]);
    t.given(terminating("web-1"));
    t.when(route("web", |route| route.policy.default_weight = w(50)));
    t.after_linger();
    t.expect([weight("web-2", 50)]);
}

#[test]
fn o20_a_deleted_service_drains_everything_and_leaves_nothing() {
    let mut t = with(Termination, ["web-1", "web-2"]);
    t.when(ended("web", RouteEnd::Deleted));
    t.after_linger();
    t.expect([weight("web-1", 0), weight("web-2", 0)]);
    t.wait(seconds(29));
    t.expect([]);
    t.wait(seconds(10));
    t.expect([deregister("web-1"), deregister("web-2")]);
    t.wait(minutes(1));
    t.expect_registered([]);
    t.expect_claims([]);
}

#[test]
fn o20_of_a_deleted_service_a_pod_that_is_gone_does_not_wait() {
    let mut t = with(Termination, ["web-1", "web-2", "web-3"]);
    t.given(terminating("web-3"));
    t.when(ended("web", RouteEnd::Deleted));
    t.settle();
    t.forget();
    t.when([gone("web-1"), gone("web-3")]);
    t.wait(seconds(1));
    t.expect([deregister("web-1"), deregister("web-3")]);
    t.wait(minutes(1));
    t.expect([deregister("web-2")]);
    t.expect_claims([]);
}

#[test]
fn o20_a_service_that_comes_back_takes_its_targets_up_again() {
    let mut t = with(Termination, ["web-1", "web-2"]);
    t.when(ended("web", RouteEnd::Deleted));
    t.settle();
    t.forget();
    t.when([drains("web", Termination), bound("web", ["lb-1/lbl-1"])]);
    t.settle();
    t.expect([weight("web-1", 10), weight("web-2", 10)]);
    t.wait(minutes(3));
    t.expect_registered([("web-1", 10), ("web-2", 10)]);
    t.expect_claims(["web-1", "web-2"]);
}

#[test]
fn o20_released_lets_drains_finish_and_leaves_the_living_as_they_are() {
    let mut t = with(TerminationAndUnready, ["web-1", "web-2", "web-3"]);
    t.given([terminating("web-1"), unready("web-2")]);
    t.when(ended("web", RouteEnd::Released));
    t.wait(minutes(3));
    t.expect([weight("web-2", 10)]);
    t.expect_claims(["web-1"]);
    t.when(gone("web-1"));
    t.settle();
    t.expect([deregister("web-1")]);
    t.wait(minutes(1));
    t.expect_claims([]);
    t.expect_registered([("web-2", 10), ("web-3", 10)]);
    // What happens to the living from now on is not our business any more.
    t.when([terminating("web-2"), gone("web-3")]);
    t.wait(minutes(5));
    t.expect([]);
}

#[test]
fn o21_a_changed_port_is_made_before_the_old_one_is_broken() {
    let mut t = with(Termination, ["web-1"]);
    t.when(port_changed("web", 9090));
    t.wait(seconds(15));
    t.expect_calls(&[vec![register("web-1:9090", 10)], vec![weight("web-1", 0)]]);
    t.wait(minutes(2));
    t.expect([deregister("web-1")]);
    t.expect_registered([("web-1:9090", 10)]);
    t.expect_claims(["web-1:9090"]);
}

#[test]
fn o21_the_old_port_stays_in_force_until_the_fresh_one_is_confirmed() {
    let mut t = with(Termination, ["web-1"]);
    t.model.poisoned.insert(target("web-1:9090"));
    t.when(port_changed("web", 9090));
    t.wait(minutes(3));
    t.expect_registered([("web-1", 10)]);
    t.model.poisoned.clear();
    t.wait(minutes(3));
    t.expect_registered([("web-1:9090", 10)]);
}

#[test]
fn o21_a_pod_that_terminates_during_the_change_goes_to_zero_on_both_ports() {
    let mut t = with(Termination, ["web-1", "web-2"]);
    t.model.timing.answer = seconds(5);
    t.when(port_changed("web", 9090));
    t.wait(seconds(2));
    t.when(terminating("web-1"));
    t.wait(seconds(20));
    t.expect_registered([("web-1", 0), ("web-2", 0), ("web-1:9090", 0), ("web-2:9090", 10)]);
    t.when(gone("web-1"));
    t.wait(minutes(2));
    t.expect_registered([("web-2:9090", 10)]);
}

#[test]
fn o28_a_deselected_pod_is_drained_for_a_while_and_deregistered() {
    for drain in [Termination, TerminationAndUnready] {
        let mut t = with(drain, ["web-1", "web-2"]);
        t.when(deselected("web-1"));
        t.wait(millis(4_999));
        t.expect([]);
        t.wait(millis(100));
        t.expect([weight("web-1", 0)]);
        t.wait(seconds(29));
        t.expect([]);
        t.wait(seconds(10));
        t.expect([deregister("web-1")]);
        t.wait(minutes(1));
        t.expect_claims(["web-2"]);
    }
}

#[test]
fn o28_without_a_switch_a_deselected_pod_is_deregistered_after_five_seconds() {
    let mut t = with(Nothing, ["web-1", "web-2"]);
    t.when(deselected("web-1"));
    t.wait(millis(4_999));
    t.expect([]);
    t.wait(seconds(1));
    t.expect([deregister("web-1")]);
}

#[test]
fn o28_a_pod_that_is_selected_again_gets_its_weight_back() {
    let mut t = with(Termination, ["web-1", "web-2"]);
    t.given(deselected("web-1"));
    t.wait(seconds(10));
    t.forget();
    t.when(selected("web-1"));
    t.after_linger();
    t.expect([weight("web-1", 10)]);
    t.wait(minutes(2));
    t.expect_registered([("web-1", 10), ("web-2", 10)]);
}

#[test]
fn o28_a_deselected_pod_that_dies_is_deregistered_at_once() {
    let mut t = with(Termination, ["web-1", "web-2"]);
    t.given(deselected("web-1"));
    t.wait(seconds(10));
    t.forget();
    t.when(gone("web-1"));
    t.after_linger();
    t.expect([deregister("web-1")]);
}

#[test]
fn o28_a_deselected_pod_that_terminates_stays_until_it_is_gone() {
    let mut t = with(Termination, ["web-1", "web-2"]);
    t.given(deselected("web-1"));
    t.wait(seconds(10));
    t.forget();
    t.when(terminating("web-1"));
    t.wait(minutes(5));
    t.expect([]);
    t.when(gone("web-1"));
    t.after_linger();
    t.expect([deregister("web-1")]);
}

#[test]
fn o28_config_drain_is_the_services_choice() {
    let mut t = with(Termination, ["web-1", "web-2"]);
    t.given(route("web", |route| route.policy.config_drain = minutes(2)));
    t.when(deselected("web-1"));
    t.wait(seconds(120));
    t.expect([weight("web-1", 0)]);
    t.wait(seconds(10));
    t.expect([deregister("web-1")]);
}
