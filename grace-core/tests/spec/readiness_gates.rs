//! A readiness gate passes once the weight is in force on every target, and each is healthy or not checked.

use grace_core::DrainOn::{self, Termination, TerminationAndUnready};
use grace_core::Mark::BackendReady;
use grace_core::{Config, Event, Gate, Health, Notice, Resolution};

use crate::call::Verb;
use crate::fault::Fault;
use crate::harness::Harness;
use crate::words::*;

fn config() -> Config {
    Config { mark_ready: true, ..Config::default() }
}

fn of(drain: DrainOn) -> Harness {
    let mut t = Harness::configured(config(), [drains("web", drain), bound("web", ["lb-1/lbl-1"])]);
    t.given(serving("web-1"));
    t
}

/// Its containers are ready, it lacks nothing but our gate.
fn gated(name: &'static str) -> Fact {
    unready(name).with(name, |pod| pod.facts.gate = Gate::Waiting { only: true })
}

/// The kubelet saw the gate pass; the slices follow later.
fn passed(name: &'static str) -> Fact {
    pod(name, |pod, now| {
        pod.facts.gate = Gate::Passed;
        pod.facts.ready_since = Some(now);
        pod.facts.unready_since = None;
    })
}

fn marked(t: &Harness, name: &str) -> bool {
    t.model.marks.contains(&(grace_core::Uid::of(name), BackendReady))
}

#[test]
fn o27_it_is_registered_first_then_its_gate_passes() {
    let mut t = of(Termination);
    t.when(gated("web-2"));
    t.settle();
    let order: Vec<_> = t.left.iter().map(|left| Verb::of(&left.action.command)).collect();
    assert_eq!(
        order,
        [Verb::Claim, Verb::Register, Verb::Read, Verb::Mark],
        "the read that proves it tells the health"
    );
    t.expect_marks([("web-2", BackendReady)]);
    t.when(passed("web-2"));
    t.when(serving("web-2"));
    t.wait(minutes(10));
    t.expect([]);
    t.expect_marks([]);
}

#[test]
fn without_the_setting_no_gate_is_touched_and_no_health_read() {
    let mut t = Harness::new(Termination);
    t.given(serving("web-1"));
    t.when(gated("web-2"));
    t.settle();
    t.expect_marks([]);
}

#[test]
fn it_waits_for_every_target_of_the_pod() {
    let mut t = of(Termination);
    t.when([bound("web", ["lb-1/lbl-1", "lb-2/lbl-7"])]);
    t.send(&Event::Granted(crate::world::lane("lb-2")));
    t.settle();
    t.model.stuck.insert(crate::world::lane("lb-2"));
    t.when(gated("web-2"));
    t.wait(minutes(3));
    assert!(!marked(&t, "web-2"));
    t.model.stuck.clear();
    t.wait(minutes(3));
    assert!(marked(&t, "web-2"));
}

#[test]
fn it_waits_for_a_load_balancer_that_is_no_longer_granted() {
    let mut t = of(Termination);
    t.when([bound("web", ["lb-1/lbl-1", "lb-2/lbl-7"])]);
    let [one, other] = ["lb-1", "lb-2"].map(crate::world::lane);
    t.send(&Event::Granted(other.clone()));
    t.settle();
    t.model.stuck.insert(other);
    t.when(gated("web-2"));
    t.wait(minutes(3));
    // In force there, as far as was seen; who holds the grant now may have changed it.
    t.send(&Event::Revoked(one.clone()));
    t.model.stuck.clear();
    t.wait(minutes(3));
    assert!(!marked(&t, "web-2"));
    t.send(&Event::Granted(one));
    t.wait(minutes(3));
    assert!(marked(&t, "web-2"));
}

#[test]
fn it_waits_for_a_route_whose_pools_are_not_known() {
    let mut t = of(Termination);
    t.when(route("web:2", |route| route.pools = Resolution::Pending));
    t.when(gated("web-2"));
    t.wait(minutes(3));
    assert!(!marked(&t, "web-2"));
    t.when(route("web:2", |route| route.pools = Resolution::Known(vec![])));
    t.wait(seconds(2));
    assert!(marked(&t, "web-2"));
}

#[test]
fn another_services_unknown_pools_hold_nobody_up() {
    let mut t = of(Termination);
    t.when([route("api", |route| route.pools = Resolution::Pending), serving("api-1")]);
    t.when(gated("web-2"));
    t.settle();
    assert!(marked(&t, "web-2"));
}

#[test]
fn it_waits_for_health_and_looks_for_it_ever_more_rarely() {
    let mut t = of(Termination);
    t.model.health.insert(target("web-2"), Health::Unhealthy);
    t.when(gated("web-2"));
    t.wait(minutes(2));
    t.expect_marks([]);
    t.model.health.insert(target("web-2"), Health::Healthy);
    t.wait(seconds(31));
    t.expect_marks([("web-2", BackendReady)]);
    t.model.health.insert(target("web-3"), Health::Unhealthy);
    t.when(gated("web-3"));
    t.wait(minutes(10));
    t.forget();
    t.wait(minutes(30));
    assert!(t.count(Verb::Read) <= 31, "{} reads in half an hour", t.count(Verb::Read));
}

#[test]
fn a_listener_without_probes_counts_as_healthy_and_silence_does_not() {
    for (health, passes) in [(Health::Unchecked, true), (Health::Unknown, false)] {
        let mut t = of(Termination);
        t.model.health.insert(target("web-2"), health);
        t.when(gated("web-2"));
        t.wait(minutes(2));
        assert_eq!(marked(&t, "web-2"), passes, "{health:?}");
    }
}

#[test]
fn o6_the_health_of_a_predecessor_is_not_the_pods() {
    let mut t = of(Termination);
    t.when(gated("web-2"));
    t.settle();
    t.when([passed("web-2"), serving("web-2")]);
    t.given(terminating("web-2"));
    t.model.health.insert(target("web-2"), Health::Unhealthy);
    t.when([
        gone("web-2"),
        gated("web-3").with("web-3", |pod| pod.facts.ips = [Some(crate::world::ip("web-2")), None]),
    ]);
    t.wait(minutes(2));
    assert!(!marked(&t, "web-3"));
}

#[test]
fn the_gate_passes_before_the_slices_say_so_and_no_weight_is_taken_away() {
    let mut t = of(TerminationAndUnready);
    t.when(gated("web-2"));
    t.settle();
    t.forget();
    t.when(passed("web-2"));
    t.wait(seconds(9));
    t.expect([]);
    t.when(serving("web-2"));
    t.wait(minutes(2));
    t.expect([]);
    // From then on its endpoint decides.
    t.when(unready("web-2"));
    t.after_linger();
    t.expect([weight("web-2", 0)]);
}

#[test]
fn a_gate_that_passed_without_its_endpoint_following_is_not_believed_for_ever() {
    let mut t = of(TerminationAndUnready);
    t.when(gated("web-2"));
    t.settle();
    t.forget();
    t.when(passed("web-2"));
    t.wait(seconds(12));
    t.expect([weight("web-2", 0)]);
}

#[test]
fn a_mark_that_fails_is_tried_again() {
    for fault in [Fault::Unreachable, Fault::LostBefore, Fault::LostAfter, Fault::UnclearBefore, Fault::Busy]
    {
        let mut t = of(Termination);
        t.next(Verb::Mark, fault.clone());
        t.when(gated("web-2"));
        t.wait(minutes(1));
        assert!(marked(&t, "web-2"), "{fault:?}");
        assert_eq!(t.count(Verb::Mark), 2, "{fault:?}");
    }
}

#[test]
fn a_missing_permission_is_told_once_and_tried_more_rarely() {
    let mut t = of(Termination);
    for _ in 0..20 {
        t.next(Verb::Mark, Fault::Forbidden);
    }
    t.when([gated("web-2"), gated("web-3")]);
    t.wait(minutes(10));
    assert_eq!(t.told(|n| matches!(n, Notice::MarkRefused { .. })), 1, "{:?}", t.notices);
    assert!(t.count(Verb::Mark) < 20, "{}", t.count(Verb::Mark));
    t.expect([register("web-2", 10), register("web-3", 10)]);
}

#[test]
fn a_gate_that_somebody_else_takes_back_is_told_and_left() {
    let mut t = of(Termination);
    t.when(gated("web-2"));
    t.settle();
    t.when([passed("web-2"), serving("web-2")]);
    t.forget();
    for _ in 0..3 {
        t.when(gated("web-2"));
        t.settle();
        t.when([passed("web-2"), serving("web-2")]);
        t.settle();
    }
    assert_eq!(t.told(|n| matches!(n, Notice::MarkUndone { .. })), 1, "{:?}", t.notices);
    t.expect_marks([]);
}

#[test]
fn a_pod_that_dies_or_is_held_before_its_gate_passed_gets_no_mark() {
    let mut t = of(Termination);
    t.model.health.insert(target("web-2"), Health::Unhealthy);
    t.model.health.insert(target("web-3"), Health::Unhealthy);
    t.when([gated("web-2"), gated("web-3")]);
    t.wait(seconds(20));
    t.when(terminating("web-2"));
    let until = t.now + minutes(30);
    t.send(&Event::Hold { pod: grace_core::Uid::of("web-3"), until });
    t.model.health.clear();
    t.wait(minutes(5));
    t.expect_marks([]);
}

#[test]
fn a_new_process_marks_what_still_waits_and_nothing_else() {
    let mut t = of(Termination);
    t.model.health.insert(target("web-2"), Health::Unhealthy);
    t.when([gated("web-2"), gated("web-3")]);
    t.settle();
    t.when([passed("web-3"), serving("web-3")]);
    t.forget();
    t.restart();
    t.settle();
    t.expect_marks([]);
    t.model.health.clear();
    t.wait(seconds(61));
    t.expect_marks([("web-2", BackendReady)]);
    t.expect([]);
}

#[test]
fn a_standby_marks_nothing() {
    let mut t = of(Termination);
    t.model.health.insert(target("web-2"), Health::Unhealthy);
    t.when(gated("web-2"));
    t.settle();
    t.model.health.clear();
    t.send(&Event::Revoked(crate::world::lane("lb-1")));
    t.wait(minutes(5));
    t.expect_marks([]);
}

#[test]
fn many_pods_are_marked_a_few_at_a_time() {
    let mut t = of(Termination);
    let names: Vec<String> = (10..60).map(|n| format!("web-{n}")).collect();
    let waiting = |name: &String| pod(name.clone(), |pod, _| pod.facts.gate = Gate::Waiting { only: true });
    t.when(names.iter().map(waiting).collect::<Vec<_>>());
    t.wait(minutes(1));
    assert!(names.iter().all(|name| marked(&t, name)));
    assert_eq!(t.count(Verb::Mark), names.len());
}
