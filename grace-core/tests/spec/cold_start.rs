//! Before everything is known, and with or without the right to write.

use grace_core::DrainOn::{Termination, TerminationAndUnready};
use grace_core::{Event, Pool};

use crate::call::Verb;
use crate::harness::Harness;
use crate::words::*;
use crate::world::{lane, pool};

/// A cluster whose targets stand there and are claimed, before anything was told.
fn cold() -> Harness {
    let mut t = Harness::cold([
        drains("web", TerminationAndUnready),
        bound("web", ["lb-1/lbl-1"]),
        serving("web-1"),
        terminating("web-1"),
        unready("web-2"),
        serving("web-3"),
    ]);
    for name in ["web-1", "web-2", "web-4"] {
        t.by_hand(name, Some(10));
        t.model.claim_by_hand(&target(name));
    }
    t
}

fn tell_all(t: &mut Harness) {
    t.announce_lanes();
    for event in t.world.relist() {
        t.send(&event);
    }
    t.send(&Event::Synced);
}

#[test]
fn without_a_grant_nothing_leaves() {
    let mut t = cold();
    tell_all(&mut t);
    t.wait(minutes(10));
    assert!(t.all.is_empty(), "{:?}", t.all);
    t.send(&Event::Granted(lane("lb-1")));
    t.settle();
    t.expect([weight("web-1", 0), weight("web-2", 0), register("web-3", 10), deregister("web-4")]);
}

#[test]
fn l10_the_overdue_zero_leaves_before_the_first_read_of_the_lane() {
    let mut t = cold();
    t.model.timing.read = seconds(10);
    tell_all(&mut t);
    t.wait(minutes(1));
    let granted = t.now;
    t.send(&Event::Granted(lane("lb-1")));
    t.wait(seconds(1));
    assert_eq!(t.writes(), [weight("web-1", 0)]);
    assert!(t.times(Verb::Weights)[0] < granted + millis(100));
    assert_eq!(t.times(Verb::LoadClaims), [granted], "the claims are asked for at once");
    t.wait(minutes(2));
    t.expect([weight("web-1", 0), weight("web-2", 0), register("web-3", 10), deregister("web-4")]);
}

#[test]
fn everything_else_waits_for_the_read_of_its_pool() {
    let mut t = Harness::cold([
        drains("web", TerminationAndUnready),
        bound("web", ["lb-1/lbl-1"]),
        unready("web-2"),
        serving("web-3"),
    ]);
    for name in ["web-2", "web-4"] {
        t.by_hand(name, Some(10));
        t.model.claim_by_hand(&target(name));
    }
    t.model.timing.read = seconds(10);
    t.start();
    t.wait(seconds(9));
    t.expect([]);
    t.wait(seconds(20));
    t.expect([weight("web-2", 0), register("web-3", 10), deregister("web-4")]);
}

#[test]
fn before_synced_a_terminating_pod_is_drained_and_nothing_else_happens() {
    let mut t = cold();
    t.announce_lanes();
    t.send(&Event::Granted(lane("lb-1")));
    for event in t.world.relist() {
        t.send(&event);
    }
    t.wait(minutes(5));
    t.expect([weight("web-1", 0)]);
    t.send(&Event::Synced);
    t.settle();
    t.expect([weight("web-2", 0), register("web-3", 10), deregister("web-4")]);
}

#[test]
fn before_synced_a_snapshot_is_enough_without_a_claim() {
    let mut t = Harness::cold([
        drains("web", Termination),
        bound("web", ["lb-1/lbl-1"]),
        serving("web-1"),
        terminating("web-1"),
    ]);
    t.by_hand("web-1", Some(10));
    t.announce_lanes();
    t.send(&Event::Granted(lane("lb-1")));
    for event in t.world.relist() {
        t.send(&event);
    }
    t.wait(minutes(1));
    t.expect([weight("web-1", 0)]);
}

#[test]
fn a_target_that_neither_claim_nor_snapshot_shows_is_not_zeroed() {
    let mut t = Harness::cold([
        drains("web", Termination),
        bound("web", ["lb-1/lbl-1"]),
        serving("web-1"),
        terminating("web-1"),
    ]);
    t.start();
    t.wait(minutes(3));
    assert!(t.count(Verb::Read) >= 2, "it was looked for");
    t.expect([]);
}

#[test]
fn revoked_ends_all_writing_at_once() {
    let mut t = Harness::new(Termination);
    t.given([serving("web-1"), serving("web-2")]);
    t.when(terminating("web-1"));
    t.send(&Event::Revoked(lane("lb-1")));
    t.forget();
    t.wait(minutes(10));
    assert!(t.left.is_empty(), "{:?}", t.left);
    t.send(&Event::Granted(lane("lb-1")));
    t.settle();
    t.expect([weight("web-1", 0)]);
}

#[test]
fn a_grant_makes_what_was_known_of_the_lane_stale() {
    let mut t = Harness::new(Termination);
    t.given([serving("web-1"), serving("web-2")]);
    t.send(&Event::Revoked(lane("lb-1")));
    // Somebody else led meanwhile, and changed both claims and targets.
    t.by_hand("web-2", None);
    t.by_hand("web-5", Some(10));
    t.model.claim_by_hand(&target("web-5"));
    t.forget();
    t.send(&Event::Granted(lane("lb-1")));
    t.settle();
    t.expect([register("web-2", 10), deregister("web-5")]);
}

#[test]
fn revoked_while_a_call_is_open_ends_in_the_right_place() {
    let mut t = Harness::new(Termination);
    t.given([serving("web-1"), serving("web-2")]);
    t.when(terminating("web-1"));
    t.after_linger();
    t.send(&Event::Revoked(lane("lb-1")));
    t.wait(millis(100));
    t.send(&Event::Granted(lane("lb-1")));
    t.settle();
    t.expect_registered([("web-1", 0), ("web-2", 10)]);
}

#[test]
fn after_a_grant_the_lane_is_verified_at_the_resync_and_after_300_seconds() {
    let mut t = Harness::cold([drains("web", Termination), bound("web", ["lb-1/lbl-1"]), serving("web-1")]);
    t.by_hand("web-1", Some(10));
    t.model.claim_by_hand(&target("web-1"));
    let granted = t.now;
    t.start();
    t.wait(minutes(10));
    let reads = t.times(Verb::Read);
    let after = |secs| reads.iter().filter(|at| at.since(granted) <= seconds(secs)).count();
    assert!(after(1) >= 1, "at once: {reads:?}");
    assert!(after(61) > after(1), "one resync after the grant: {reads:?}");
    let verified = |at: &&grace_core::Time| (at.since(granted).as_millis() as i64 - 300_000).abs() < 1_000;
    assert!(reads.iter().any(|at| verified(&at)), "300 s after the grant: {reads:?}");
}

#[test]
fn a_call_of_the_former_leader_that_lands_late_is_repaired_by_the_verify_reads() {
    for late in [1, 20, 59, 100, 250, 290] {
        let mut t = Harness::new(Termination);
        t.given([serving("web-1"), serving("web-2")]);
        t.send(&Event::Revoked(lane("lb-1")));
        t.send(&Event::Granted(lane("lb-1")));
        t.wait(seconds(late));
        t.by_hand("web-1", Some(0));
        t.by_hand("web-2", None);
        t.wait(seconds(305_u64.saturating_sub(late)).max(seconds(65)));
        t.expect_registered([("web-1", 10), ("web-2", 10)]);
    }
}

#[test]
fn g1_a_start_with_many_pods_writes_the_difference_and_nothing_more() {
    let mut facts = vec![drains("web", Termination), bound("web", ["lb-1/lbl-1"])];
    facts.extend((0..600).map(|n| serving(format!("web-{n}"))));
    let mut t = Harness::cold(facts);
    for n in 0..600 {
        t.by_hand(&format!("web-{n}"), (n != 77).then_some(10));
        t.model.claim_by_hand(&target(&format!("web-{n}")));
    }
    t.start();
    t.wait(minutes(5));
    assert_eq!(t.count(Verb::Claim), 0);
    t.expect([register("web-77", 10)]);
}

#[test]
fn c16_an_unexpectedly_empty_answer_is_confirmed_by_a_second_read() {
    let mut t = Harness::new(Termination);
    t.given([serving("web-1"), serving("web-2")]);
    // At the resync the answer is empty though two targets stand there; the second read shows them.
    t.model.empty_reads = 1;
    t.wait(minutes(5));
    t.expect([]);
    assert_eq!(t.model.empty_reads, 0, "it was answered");
}

#[test]
fn c16_a_pool_that_is_empty_twice_is_filled_again() {
    let mut t = Harness::new(Termination);
    t.given([serving("web-1"), serving("web-2")]);
    t.by_hand("web-1", None);
    t.by_hand("web-2", None);
    t.wait(seconds(70));
    t.expect([register("web-1", 10), register("web-2", 10)]);
}

#[test]
fn c16_an_empty_answer_at_the_start_is_confirmed_when_claims_speak_against_it() {
    let mut t = cold();
    t.model.empty_reads = 1;
    t.start();
    t.settle();
    // Were the first answer believed, web-2 would be registered anew or its claim dropped.
    t.expect([weight("web-1", 0), weight("web-2", 0), register("web-3", 10), deregister("web-4")]);
}

#[test]
fn c16_targets_without_an_address_are_left_alone() {
    let mut t = Harness::new(Termination);
    t.model.balancer("lb-1").strangers.insert(pool("lbl-1"), 3);
    t.given([serving("web-1")]);
    t.wait(minutes(3));
    t.when(terminating("web-1"));
    t.settle();
    t.expect([weight("web-1", 0)]);
}

#[test]
fn c17_fifty_listeners_are_read_in_three_calls() {
    let listeners: Vec<_> = (0..50).map(|i| (lane("lb-1"), pool(&format!("lbl-{i}")))).collect();
    let known = listeners.clone();
    let mut t = Harness::cold([
        drains("web", Termination),
        bound("web", ["lb-1/lbl-0"]),
        route("web", move |route| route.pools = grace_core::Resolution::Known(known)),
    ]);
    t.start();
    t.wait(seconds(10));
    let mut read: Vec<Pool> = Vec::new();
    for left in &t.left {
        if let grace_core::Command::Read { pools, .. } = &left.action.command {
            read.extend(pools.iter().cloned());
        }
    }
    assert_eq!(t.count(Verb::Read), 3);
    read.sort();
    let mut all: Vec<_> = listeners.into_iter().map(|(_, pool)| pool).collect();
    all.sort();
    assert_eq!(read, all, "each once");
}

#[test]
fn a_resync_reads_each_lane_once_a_minute_and_writes_nothing() {
    let mut t = Harness::new(Termination);
    t.given([serving("web-1"), serving("web-2")]);
    t.wait(minutes(10));
    t.forget();
    t.wait(minutes(10));
    t.expect([]);
    // expect() forgets what left, so count over the next ten minutes.
    t.wait(minutes(10));
    assert_eq!(t.count(Verb::Read), 10);
    assert_eq!(t.left.len(), 10, "nothing but reads: {:?}", t.left);
}
