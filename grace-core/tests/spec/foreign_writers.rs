//! Other hands on the same listener: what is ours is restored, what is not ours is never touched.

use grace_core::DrainOn::{Termination, TerminationAndUnready};
use grace_core::Notice;

use crate::call::Verb;
use crate::harness::Harness;
use crate::words::*;

fn with<const N: usize>(pods: [&'static str; N]) -> Harness {
    let mut t = Harness::new(Termination);
    t.given(pods.map(serving));
    t
}

#[test]
fn f1_a_weight_changed_by_hand_is_restored_at_the_resync_and_told() {
    let mut t = with(["web-1", "web-2"]);
    t.by_hand("web-1", Some(55));
    t.wait(seconds(62));
    t.expect([weight("web-1", 10)]);
    let told = |n: &Notice| matches!(n, Notice::Overwritten { target: of, found: Some(found), wanted, .. } if *of == target("web-1") && found.get() == 55 && wanted.get() == 10);
    assert_eq!(t.told(told), 1, "{:?}", t.notices);
}

#[test]
fn f1_a_drained_target_that_somebody_revives_is_drained_again() {
    let mut t = with(["web-1", "web-2"]);
    t.given(terminating("web-1"));
    t.by_hand("web-1", Some(10));
    t.wait(seconds(62));
    t.expect([weight("web-1", 0)]);
}

#[test]
fn f2_a_target_of_ours_that_was_removed_is_registered_again() {
    let mut t = with(["web-1", "web-2"]);
    t.by_hand("web-1", None);
    t.wait(seconds(65));
    t.expect([register("web-1", 10)]);
    let told = |n: &Notice| matches!(n, Notice::Overwritten { target: of, found: None, .. } if *of == target("web-1"));
    assert_eq!(t.told(told), 1, "{:?}", t.notices);
}

#[test]
fn f2_a_target_of_somebody_else_is_untouched_for_ever_and_told_once() {
    let mut t = with(["web-1", "web-2"]);
    t.by_hand("10.9.9.9:80", Some(33));
    t.wait(minutes(60));
    t.when(terminating("web-1"));
    t.settle();
    t.when(gone("web-1"));
    t.wait(minutes(10));
    t.expect([weight("web-1", 0), deregister("web-1")]);
    t.expect_registered([("web-2", 10), ("10.9.9.9:80", 33)]);
    let told = |n: &Notice| matches!(n, Notice::Foreign { target: of, .. } if *of == target("10.9.9.9:80"));
    assert_eq!(t.told(told), 1, "{:?}", t.notices);
}

#[test]
fn f3_a_pods_address_with_another_port_is_somebody_elses() {
    let mut t = with(["web-1", "web-2"]);
    t.by_hand("web-1:22", Some(33));
    t.wait(minutes(3));
    t.when(terminating("web-1"));
    t.settle();
    t.when(gone("web-1"));
    t.wait(minutes(3));
    t.expect([weight("web-1", 0), deregister("web-1")]);
    t.expect_registered([("web-2", 10), ("web-1:22", 33)]);
}

#[test]
fn f3_a_target_of_another_cluster_on_our_listener_survives_a_deleted_service() {
    let mut t = with(["web-1"]);
    t.by_hand("10.9.9.9:80", Some(33));
    t.wait(minutes(2));
    t.when(ended("web", grace_core::RouteEnd::Deleted));
    t.wait(minutes(5));
    t.expect_registered([("10.9.9.9:80", 33)]);
}

#[test]
fn f4_against_a_fighting_writer_a_target_gets_three_writes_in_five_minutes() {
    let mut t = with(["web-1", "web-2"]);
    // Somebody sets it back twenty seconds after each of our resyncs could have restored it.
    let mut times = Vec::new();
    for _ in 0..180 {
        t.by_hand("web-1", Some(1));
        t.wait(seconds(20));
        times.extend(t.times(Verb::Weights));
        t.left.clear();
    }
    for window in times.windows(4) {
        assert!(window[3].since(window[0]) >= minutes(5), "four writes within five minutes: {window:?}");
    }
    assert!(times.len() >= 6, "it is not given up either: {times:?}");
    assert!(t.told(|n| matches!(n, Notice::Fighting { .. })) >= 1, "{:?}", t.notices);
    // Once the other one rests, ours is what remains.
    t.wait(minutes(6));
    t.expect_registered([("web-1", 10), ("web-2", 10)]);
}

#[test]
fn l9_a_terminating_target_still_gets_one_write_per_resync() {
    let mut t = with(["web-1", "web-2"]);
    t.given(terminating("web-1"));
    let mut writes = 0;
    for _ in 0..30 {
        t.by_hand("web-1", Some(10));
        t.wait(minutes(1));
        writes += t.times(Verb::Weights).len();
        t.left.clear();
    }
    assert!((29..=31).contains(&writes), "{writes} writes in thirty minutes");
}

#[test]
fn f7_a_listener_that_no_route_names_any_more_is_not_ours() {
    let mut t = Harness::of([
        drains("web", TerminationAndUnready),
        bound("web", ["lb-1/lbl-1"]),
        drains("api", TerminationAndUnready),
        bound("api", ["lb-1/lbl-2"]),
    ]);
    t.given([serving("web-1"), serving("api-1")]);
    // Renamed by a user: the resolution does not find it any more, direct access ends there.
    t.when(ended("api", grace_core::RouteEnd::Released));
    t.settle();
    t.when([unready("api-1"), gone("web-1")]);
    t.settle();
    t.when(gone("api-1"));
    t.wait(minutes(5));
    t.expect([deregister("web-1")]);
    assert_eq!(t.model.weight(&target_on("lb-1/lbl-2", "api-1")), Some(crate::world::w(10)));
}
