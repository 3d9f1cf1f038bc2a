//! A Pod that is being deleted gets weight 0, stays registered while it exists, and is deregistered when it is gone.

use grace_core::DrainOn::{Nothing, Termination, TerminationAndUnready};
use grace_core::{DrainOn, Event, Life, Notice, Weight};

use crate::call::Verb;
use crate::harness::Harness;
use crate::words::*;
use crate::world::w;

/// A Service with these Pods behind one listener, at rest.
fn with<const N: usize>(drain: DrainOn, pods: [&'static str; N]) -> Harness {
    let mut t = Harness::new(drain);
    t.given(pods.map(serving));
    t
}

#[test]
fn a_deleted_pod_is_drained_first_and_deregistered_when_gone() {
    let mut t = with(Termination, ["web-1", "web-2"]);
    t.when(terminating("web-1"));
    t.after_linger();
    t.expect([weight("web-1", 0)]);
    t.wait(minutes(5));
    t.expect([]);
    t.when(gone("web-1"));
    t.after_linger();
    t.expect([deregister("web-1")]);
    t.settle();
    t.expect([]);
    t.expect_registered([("web-2", 10)]);
    t.expect_claims(["web-2"]);
}

#[test]
fn o1_the_zero_leaves_after_the_linger_and_not_later() {
    for drain in [Termination, TerminationAndUnready] {
        let mut t = with(drain, ["web-1"]);
        let asked = t.now;
        t.when(terminating("web-1"));
        t.wait(seconds(2));
        assert_eq!(t.times(Verb::Weights), [asked + millis(30)], "{drain:?}");
        t.expect([weight("web-1", 0)]);
    }
}

#[test]
fn o1_every_target_of_the_pod_is_drained_in_one_call() {
    let mut t =
        Harness::of([drains("web", Termination), bound("web", ["lb-1/lbl-1", "lb-1/lbl-2", "lb-1/lbl-3"])]);
    t.given([serving("web-1"), serving("web-2")]);
    t.when(terminating("web-1"));
    t.after_linger();
    t.expect_calls(&[vec![
        weight("web-1", 0),
        weight("web-1", 0).on("lb-1/lbl-2"),
        weight("web-1", 0).on("lb-1/lbl-3"),
    ]]);
}

#[test]
fn o2_time_alone_never_deregisters() {
    let mut t = with(Termination, ["web-1", "web-2"]);
    t.given(terminating("web-1"));
    t.wait(minutes(24 * 60));
    t.expect([]);
    t.expect_registered([("web-1", 0), ("web-2", 10)]);
}

#[test]
fn o3_a_pod_deleted_by_force_is_deregistered_at_once() {
    let mut t = with(Termination, ["web-1", "web-2"]);
    t.when(gone("web-1"));
    t.after_linger();
    t.expect([deregister("web-1")]);
}

#[test]
fn o3_a_pod_deleted_by_force_may_still_run_so_min_drain_holds_it_at_zero() {
    let mut t = with(Termination, ["web-1", "web-2", "web-3"]);
    t.given(route("web", |route| route.policy.min_drain = seconds(20)));
    t.given(terminating("web-2"));
    t.wait(seconds(30));
    t.when([gone("web-1"), gone("web-2")]);
    t.wait(seconds(5));
    // web-2 has been at 0 for longer than that.
    t.expect([weight("web-1", 0), deregister("web-2")]);
    t.wait(seconds(13));
    t.expect([]);
    t.wait(seconds(10));
    t.expect([deregister("web-1")]);
}

#[test]
fn o5_a_pod_that_is_over_is_deregistered_while_its_object_stays() {
    for drain in [Nothing, Termination, TerminationAndUnready] {
        let mut t = with(drain, ["web-1", "web-2"]);
        t.when(over("web-1"));
        t.after_linger();
        t.expect([deregister("web-1")]);
        t.settle();
        t.when(gone("web-1"));
        t.settle();
        t.expect([]);
    }
}

#[test]
fn o5_over_ends_a_drain_as_gone_does() {
    let mut t = with(Termination, ["web-1", "web-2"]);
    t.given(terminating("web-1"));
    t.when(over("web-1"));
    t.after_linger();
    t.expect([deregister("web-1")]);
}

#[test]
fn without_a_switch_a_terminating_pod_is_deregistered_at_once() {
    let mut t = with(Nothing, ["web-1", "web-2"]);
    t.when(terminating("web-1"));
    t.after_linger();
    t.expect([deregister("web-1")]);
    t.settle();
    t.when(gone("web-1"));
    t.settle();
    t.expect([]);
}

#[test]
fn o13_terminating_wins_over_publish_not_ready_addresses() {
    let mut t = with(Termination, ["web-1", "web-2"]);
    t.given(route("web", |route| route.policy.ignore_readiness = true));
    t.when(terminating("web-1"));
    t.after_linger();
    t.expect([weight("web-1", 0)]);
}

#[test]
fn a_pod_that_stops_serving_while_terminating_stays_at_zero() {
    for drain in [Termination, TerminationAndUnready] {
        let mut t = with(drain, ["web-1", "web-2"]);
        t.given(terminating("web-1"));
        t.when(pod("web-1", |pod, _| pod.serving = false));
        t.wait(minutes(3));
        t.when(pod("web-1", |pod, _| pod.serving = true));
        t.wait(minutes(3));
        t.expect([]);
    }
}

#[test]
fn o23_a_weight_changed_during_the_drain_stays_zero() {
    let mut t = with(Termination, ["web-1"]);
    t.given(terminating("web-1"));
    t.when(pod("web-1", |pod, _| pod.facts.weight_service = Some(w(70))));
    t.wait(minutes(3));
    t.expect([]);
}

#[test]
fn o23_the_pods_own_weight_wins_over_its_ordinals_and_the_services() {
    let mut t = Harness::new(Termination);
    t.given(route("web", |route| {
        route.policy.default_weight = w(20);
        route.policy.by_ordinal = vec![grace_core::OrdinalWeight {
            stateful_set: "web".into(),
            ordinals: vec![1, 2],
            weight: w(30),
        }];
    }));
    let ordinal =
        |number: u32| move |pod: &mut crate::world::Pod| pod.facts.ordinal = Some(("web".into(), number));
    t.when([
        serving("web-1").with("web-1", ordinal(1)).with("web-1", |pod| pod.facts.weight_service = Some(w(0))),
        serving("web-2")
            .with("web-2", ordinal(2))
            .with("web-2", |pod| pod.facts.weight_ingress = Some(w(99))),
        serving("web-3").with("web-3", ordinal(3)),
    ]);
    t.settle();
    t.expect([register("web-1", 0), register("web-2", 30), register("web-3", 20)]);
    t.when(pod("web-1", |pod, _| pod.facts.weight_service = Some(w(100))));
    t.after_linger();
    t.expect([weight("web-1", 100)]);
}

#[test]
fn o24_a_kill_time_that_moves_changes_nothing() {
    let mut t = with(Termination, ["web-1", "web-2"]);
    t.given(terminating("web-1"));
    for (asked, kill) in [(0, 1), (0, u64::MAX), (u64::MAX, 0), (5, 5)] {
        let time = grace_core::Time::from_micros;
        t.when(pod("web-1", move |pod, _| {
            pod.facts.life = Life::Terminating { asked: time(asked), kill: time(kill) };
        }));
        t.wait(minutes(2));
        t.expect([]);
    }
    t.when(gone("web-1"));
    t.after_linger();
    t.expect([deregister("web-1")]);
}

#[test]
fn o25_a_finalizer_keeps_the_pod_at_zero_for_days_until_it_is_over() {
    let mut t = with(TerminationAndUnready, ["web-1", "web-2"]);
    t.given(terminating("web-1"));
    t.wait(minutes(3 * 24 * 60));
    t.expect([]);
    t.when(over("web-1"));
    t.after_linger();
    t.expect([deregister("web-1")]);
}

#[test]
fn o32_odd_times_are_no_reason_to_fail() {
    let mut t = with(Termination, ["web-2"]);
    let time = grace_core::Time::from_micros;
    for (n, odd) in [0, 1, u64::MAX].into_iter().enumerate() {
        let name = format!("web-{}", n + 10);
        t.when(pod(name.clone(), move |pod, _| {
            pod.serving = true;
            pod.facts.created = time(odd);
            pod.facts.ready_since = Some(time(odd));
        }));
        t.settle();
        t.expect([register(&name, 10)]);
        t.when(pod(name.clone(), move |pod, _| {
            pod.facts.life = Life::Terminating { asked: time(odd), kill: time(odd) };
        }));
        t.settle();
        t.expect([weight(&name, 0)]);
        t.when(gone(name.clone()));
        t.settle();
        t.expect([deregister(&name)]);
    }
}

#[test]
fn all_pods_at_once_go_to_zero_in_one_call() {
    let mut t = with(Termination, ["web-1", "web-2", "web-3"]);
    t.when(["web-1", "web-2", "web-3"].map(terminating));
    t.after_linger();
    t.expect_calls(&[vec![weight("web-1", 0), weight("web-2", 0), weight("web-3", 0)]]);
    t.settle();
    assert_eq!(t.told(|n| matches!(n, Notice::AllAtZero { targets: 3, .. })), 1, "{:?}", t.notices);
}

#[test]
fn a_pod_that_terminates_before_it_was_ready_is_never_registered() {
    let mut t = with(Termination, ["web-1"]);
    t.given(unready("web-2"));
    t.when(terminating("web-2"));
    t.settle();
    t.when(gone("web-2"));
    t.settle();
    t.expect([]);
    t.expect_claims(["web-1"]);
}

#[test]
fn a_drain_is_told_from_its_start_to_its_end() {
    let mut t = with(Termination, ["web-1", "web-2"]);
    let asked = t.now;
    t.when(terminating("web-1"));
    t.wait(seconds(5));
    let started = |n: &Notice| matches!(n, Notice::DrainStarted { targets: 1, asked: a, name, .. } if *a == asked && &*name.name == "web-1");
    let confirmed =
        |n: &Notice| matches!(n, Notice::DrainConfirmed { targets: 1, after, .. } if *after == millis(1_030));
    let finished = |n: &Notice| matches!(n, Notice::DrainFinished { targets: 1, .. });
    assert_eq!((t.told(started), t.told(confirmed), t.told(finished)), (1, 1, 0), "{:?}", t.notices);
    t.when(gone("web-1"));
    t.wait(millis(500));
    assert_eq!(t.told(finished), 0, "an answer without a task is an assumption until a read shows it");
    t.wait(minutes(3));
    assert_eq!((t.told(started), t.told(confirmed), t.told(finished)), (1, 1, 1), "{:?}", t.notices);
}

#[test]
fn a_pod_restored_before_its_zero_was_sent_sends_nothing() {
    // A drain that is taken back within the linger happens for readiness only: both changes cancel out.
    let mut t = with(TerminationAndUnready, ["web-1", "web-2"]);
    t.when(unready("web-1"));
    t.wait(millis(10));
    t.when(serving("web-1"));
    t.wait(minutes(1));
    t.expect([]);
}

#[test]
fn a_weight_of_zero_is_a_weight() {
    let mut t = Harness::new(Termination);
    t.given(route("web", |route| route.policy.default_weight = Weight::DRAINED));
    t.when(serving("web-1"));
    t.settle();
    t.expect([register("web-1", 0)]);
    t.when(terminating("web-1"));
    t.settle();
    t.expect([]);
}

#[test]
fn a_drain_is_not_confirmed_while_one_of_its_targets_is_being_registered() {
    let mut t = with(Termination, ["web-1"]);
    t.when(bound("web", ["lb-1/lbl-1", "lb-2/lbl-1"]));
    t.model.timing.answer = seconds(20);
    t.send(&Event::Granted(crate::world::lane("lb-2")));
    t.wait(seconds(5));
    t.when(terminating("web-1"));
    t.wait(seconds(10));
    let confirmed = |n: &Notice| matches!(n, Notice::DrainConfirmed { .. });
    assert_eq!(t.told(confirmed), 0, "{:?}", t.notices);
    t.wait(minutes(1));
    assert_eq!(t.told(confirmed), 1, "{:?}", t.notices);
}
