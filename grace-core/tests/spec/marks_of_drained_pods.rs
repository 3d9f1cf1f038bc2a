//! A terminating Pod is told once that none of its targets gets new connections.

use grace_core::DrainOn::{self, Nothing, Termination};
use grace_core::Mark::Drained;
use grace_core::{Config, Ownership};

use crate::call::Verb;
use crate::fault::Fault;
use crate::harness::Harness;
use crate::words::*;

fn config() -> Config {
    Config { mark_drained: true, ..Config::default() }
}

fn with<const N: usize>(drain: DrainOn, pods: [&'static str; N]) -> Harness {
    let pools = ["lb-1/lbl-1", "lb-1/lbl-2"];
    let mut t = Harness::configured(config(), [drains("web", drain), bound("web", pools)]);
    t.given(pods.map(serving));
    t
}

fn shown(name: &'static str) -> Fact {
    pod(name, |pod, _| pod.facts.drained_shown = true)
}

#[test]
fn it_follows_the_confirmation_on_all_targets_at_once() {
    let mut t = with(Termination, ["web-1", "web-2"]);
    t.when(terminating("web-1"));
    t.wait(millis(1_029));
    assert_eq!(t.count(Verb::Mark), 0, "the task runs");
    t.wait(millis(2));
    t.expect_marks([("web-1", Drained)]);
    t.when(shown("web-1"));
    t.wait(minutes(5));
    t.expect_marks([]);
    t.when(gone("web-1"));
    t.wait(minutes(5));
    t.expect_marks([]);
}

#[test]
fn without_the_setting_no_pod_is_told() {
    let mut t = Harness::new(Termination);
    t.given([serving("web-1"), serving("web-2")]);
    t.when(terminating("web-1"));
    t.settle();
    t.expect_marks([]);
}

#[test]
fn s11_without_a_switch_no_pod_is_told() {
    let mut t = with(Nothing, ["web-1", "web-2"]);
    t.when(terminating("web-1"));
    t.wait(minutes(2));
    t.expect_marks([]);
}

#[test]
fn a_pod_that_never_had_a_target_is_told_at_once() {
    let mut t = with(Termination, ["web-1"]);
    t.given(unready("web-2"));
    t.when(terminating("web-2"));
    t.wait(millis(1));
    t.expect_marks([("web-2", Drained)]);
}

#[test]
fn a_write_in_doubt_is_read_before_the_pod_is_told() {
    let mut t = with(Termination, ["web-1", "web-2"]);
    t.next(Verb::Weights, Fault::UnclearBefore);
    t.when(terminating("web-1"));
    t.wait(millis(2_500));
    assert_eq!(t.count(Verb::Mark), 0);
    t.settle();
    t.expect_marks([("web-1", Drained)]);
}

#[test]
fn where_others_register_an_unseen_target_is_looked_for_first() {
    let config = Config { ownership: Ownership::WeightsOnly, ..config() };
    let mut t = Harness::configured(config, [drains("web", Termination), bound("web", ["lb-1/lbl-1"])]);
    t.when(serving("web-1"));
    t.wait(minutes(3));
    t.by_hand("web-1", Some(10));
    t.when(terminating("web-1"));
    t.settle();
    t.expect_marks([("web-1", Drained)]);
}

#[test]
fn a_new_process_tells_what_is_not_shown_and_repeats_nothing() {
    let mut t = with(Termination, ["web-1", "web-2", "web-3"]);
    for _ in 0..30 {
        t.next(Verb::Mark, Fault::LostBefore);
    }
    t.when([terminating("web-1"), terminating("web-2")]);
    t.wait(seconds(3));
    t.when(shown("web-2"));
    t.forget();
    t.model.forget_faults();
    t.restart();
    t.settle();
    t.expect_marks([("web-1", Drained)]);
}

#[test]
fn a_pod_that_is_gone_meanwhile_needs_no_mark() {
    let mut t = with(Termination, ["web-1", "web-2"]);
    for _ in 0..3 {
        t.next(Verb::Mark, Fault::Unreachable);
    }
    t.when(terminating("web-1"));
    t.wait(seconds(2));
    t.when(gone("web-1"));
    t.forget();
    t.wait(minutes(5));
    t.expect_marks([]);
}

#[test]
fn a_slow_api_server_delays_marks_and_never_drains() {
    let mut t = with(Termination, ["web-1", "web-2", "web-3"]);
    for _ in 0..8 {
        t.next(Verb::Mark, Fault::LostBefore);
    }
    t.when(terminating("web-1"));
    t.wait(seconds(2));
    t.forget();
    t.when(terminating("web-2"));
    t.after_linger();
    let on = |write: Write| [write.clone(), write.on("lb-1/lbl-2")];
    t.expect(on(weight("web-2", 0)));
}

#[test]
fn s9_a_pod_whose_pools_were_not_read_is_not_told() {
    let mut t = with(Termination, ["web-1"]);
    t.kill();
    t.unseen(serving("web-2"));
    t.unseen(terminating("web-2"));
    // Registered while nobody watched, so that no claim tells of it.
    t.by_hand("web-2", Some(10));
    t.model.stuck.insert(crate::world::lane("lb-1"));
    t.start();
    t.wait(minutes(1));
    t.expect_marks([]);
    t.model.stuck.clear();
    t.wait(minutes(2));
    t.expect_marks([("web-2", Drained)]);
    t.expect_registered([("web-1", 10), ("web-2", 0)]);
}
