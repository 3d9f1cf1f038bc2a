//! The load balancer refuses, fails, forgets to answer, or answers too late: nothing is assumed, nothing blocks a lane
//! for ever, and one bad target does not hold up the others.

use grace_core::DrainOn::{Termination, TerminationAndUnready};
use grace_core::{Notice, Why};

use crate::call::Verb;
use crate::fault::Fault;
use crate::harness::Harness;
use crate::words::*;

fn with<const N: usize>(pods: [&'static str; N]) -> Harness {
    let mut t = Harness::new(Termination);
    t.given(pods.map(serving));
    t
}

/// Positions of reads and writes since the last expectation, as one letter each.
fn order(t: &Harness) -> String {
    t.left
        .iter()
        .map(|left| match Verb::of(&left.action.command) {
            Verb::Weights => 'w',
            Verb::Register => 'r',
            Verb::Deregister => 'd',
            Verb::Read => 'l',
            Verb::Claim => 'c',
            Verb::LoadClaims => 'o',
            Verb::Mark => 'm',
        })
        .collect()
}

#[test]
fn c3_a_failed_task_is_read_back_and_tried_again() {
    let mut t = with(["web-1", "web-2"]);
    t.next(Verb::Weights, Fault::TaskFailed);
    t.when(terminating("web-1"));
    t.wait(seconds(10));
    assert_eq!(order(&t), "wlw");
    t.expect([weight("web-1", 0), weight("web-1", 0)]);
    t.expect_registered([("web-1", 0), ("web-2", 10)]);
}

#[test]
fn c4_a_call_without_an_end_counts_as_unknown_a_second_after_its_deadline() {
    let mut t = with(["web-1", "web-2"]);
    t.next(Verb::Weights, Fault::LostBefore);
    let start = t.now;
    t.when(terminating("web-1"));
    t.wait(minutes(3));
    t.expect_registered([("web-1", 0), ("web-2", 10)]);
    let deadline = t.left[0].action.deadline;
    assert_eq!(deadline, start + millis(30) + seconds(60));
    let read = t.left.iter().position(|left| Verb::of(&left.action.command) == Verb::Read);
    assert_eq!(read, Some(1), "the next thing is a read");
    assert_eq!(t.left[1].at, deadline + seconds(1));
    assert_eq!(t.writes(), [weight("web-1", 0), weight("web-1", 0)]);
}

#[test]
fn c6_only_the_pools_that_failed_are_tried_again() {
    let mut t = Harness::of([drains("web", Termination), bound("web", ["lb-1/lbl-1", "lb-1/lbl-2"])]);
    t.given([serving("web-1"), serving("web-2")]);
    t.next(Verb::Weights, Fault::Partial(vec![crate::world::pool("lbl-2")]));
    t.when(terminating("web-1"));
    t.wait(seconds(20));
    t.expect_calls(&[
        vec![weight("web-1", 0), weight("web-1", 0).on("lb-1/lbl-2")],
        vec![weight("web-1", 0).on("lb-1/lbl-2")],
    ]);
}

#[test]
fn c6_a_registration_that_failed_in_part_is_completed() {
    let mut t = Harness::of([drains("web", Termination), bound("web", ["lb-1/lbl-1", "lb-1/lbl-2"])]);
    t.next(Verb::Register, Fault::Partial(vec![crate::world::pool("lbl-1")]));
    t.when(serving("web-1"));
    t.wait(seconds(30));
    t.expect_calls(&[
        vec![register("web-1", 10), register("web-1", 10).on("lb-1/lbl-2")],
        vec![register("web-1", 10)],
    ]);
}

#[test]
fn c7_the_culprit_that_is_named_is_tried_alone_and_the_others_at_once() {
    let mut t = with(["web-1", "web-2", "web-3", "web-4"]);
    t.model.poisoned.insert(target("web-2"));
    let start = t.now;
    t.when(["web-1", "web-2", "web-3"].map(terminating));
    t.wait(seconds(4));
    let writes = t.writes();
    t.expect_registered([("web-1", 0), ("web-2", 10), ("web-3", 0), ("web-4", 10)]);
    assert_eq!(writes.iter().filter(|w| **w == weight("web-2", 0)).count(), 1, "{writes:?}");
    let refused = |n: &Notice| matches!(n, Notice::Refused { target: bad, why: Why::Invalid, .. } if *bad == target("web-2"));
    assert_eq!(t.told(refused), 1, "{:?}", t.notices);
    t.forget();
    t.wait(seconds(176));
    // Alone after 5, 10, 20, then every 30 s, each counted from the failure before (20 ms after it was sent).
    let times: Vec<_> = t.times(Verb::Weights).iter().map(|at| at.since(start).as_secs()).collect();
    assert_eq!(times, [5, 15, 35, 65, 95, 125, 155], "{times:?}");
    assert_eq!(t.told(refused), 0, "told once");
    t.model.poisoned.clear();
    t.wait(seconds(31));
    t.expect_registered([("web-1", 0), ("web-2", 0), ("web-3", 0), ("web-4", 10)]);
}

#[test]
fn c7_a_culprit_that_is_not_named_is_found_by_halves() {
    for bad in 1..=16 {
        let mut t = Harness::new(Termination);
        t.model.names_culprit = false;
        t.given((1..=16).map(|n| serving(format!("web-{n}"))).collect::<Vec<_>>());
        t.model.poisoned.insert(target(&format!("web-{bad}")));
        t.when((1..=16).map(|n| terminating(format!("web-{n}"))).collect::<Vec<_>>());
        t.wait(seconds(30));
        let lane = &t.model.balancers[&crate::world::lane("lb-1")];
        let live: Vec<_> = lane.targets.iter().filter(|(_, w)| w.get() > 0).map(|((_, a), _)| *a).collect();
        assert_eq!(live, [crate::world::address(&format!("web-{bad}"))]);
    }
}

#[test]
fn c7_healthy_targets_that_come_later_are_not_held_up() {
    let mut t = with(["web-1", "web-2", "web-3"]);
    t.model.names_culprit = false;
    t.model.poisoned.insert(target("web-1"));
    t.when(terminating("web-1"));
    t.wait(seconds(3));
    t.forget();
    t.when(terminating("web-2"));
    t.after_linger();
    t.expect([weight("web-2", 0)]);
}

#[test]
fn c7_a_poisoned_registration_does_not_hold_up_a_drain() {
    let mut t = with(["web-1", "web-2"]);
    t.model.poisoned.insert(target("web-3"));
    t.when(serving("web-3"));
    t.wait(minutes(1));
    t.forget();
    t.when(terminating("web-1"));
    t.wait(seconds(1));
    assert!(t.writes().contains(&weight("web-1", 0)));
    t.model.poisoned.clear();
    t.wait(seconds(40));
    t.expect_registered([("web-1", 0), ("web-2", 10), ("web-3", 10)]);
}

#[test]
fn c8_no_target_stands_twice_in_a_call_and_a_refused_duplicate_is_read_back() {
    let mut t = with(["web-1"]);
    // Somebody registers it in the same moment, and the load balancer refuses ours as a duplicate.
    t.scripted();
    t.when(unready("web-2"));
    t.wait(seconds(1));
    let told = t.model.claims_told(&crate::world::lane("lb-1"), &[target("web-2")]);
    t.answers(Verb::Claim, Ok(told));
    t.when(serving("web-2"));
    t.after_linger();
    t.expect([register("web-2", 10)]);
    t.by_hand("web-2", Some(10));
    t.answers(
        Verb::Register,
        Err(grace_core::Failure::Refused {
            why: Why::Invalid,
            culprit: Some((crate::world::pool("lbl-1"), crate::world::address("web-2"))),
            retry_in: seconds(0),
            detail: "InvalidParameterValue.Duplicate".into(),
        }),
    );
    t.unscripted();
    t.wait(minutes(3));
    t.expect([]);
    t.expect_registered([("web-1", 10), ("web-2", 10)]);
}

#[test]
fn c9_a_deleted_load_balancer_ends_drains_and_is_told_once() {
    let mut t = with(["web-1", "web-2"]);
    t.given(terminating("web-1"));
    t.model.balancer("lb-1").gone = true;
    t.when([gone("web-1"), terminating("web-2")]);
    t.wait(minutes(10));
    assert!(t.writes().len() <= 2, "each once at most: {:?}", t.writes());
    assert_eq!(
        t.told(|n| matches!(n, Notice::Missing { pools, .. } if pools.is_empty())),
        1,
        "{:?}",
        t.notices
    );
    // What is missing is looked for again at the resync, and nothing more.
    assert!(t.count(Verb::Read) <= 13, "{} reads in ten minutes", t.count(Verb::Read));
}

#[test]
fn c9_a_deleted_listener_ends_its_drains_and_spares_the_others() {
    let mut t = Harness::of([drains("web", Termination), bound("web", ["lb-1/lbl-1", "lb-1/lbl-2"])]);
    t.given([serving("web-1"), serving("web-2")]);
    t.model.balancer("lb-1").gone_pools.insert(crate::world::pool("lbl-2"));
    t.when(terminating("web-1"));
    t.wait(seconds(10));
    t.expect_registered([("web-1", 0), ("web-2", 10)]);
    let missing =
        |n: &Notice| matches!(n, Notice::Missing { pools, .. } if *pools == [crate::world::pool("lbl-2")]);
    assert_eq!(t.told(missing), 1, "{:?}", t.notices);
    t.when(gone("web-1"));
    t.wait(minutes(5));
    t.expect_registered([("web-2", 10)]);
    assert_eq!(t.told(missing), 1, "told once");
}

#[test]
fn c9_a_listener_that_comes_back_is_filled_again() {
    let mut t = with(["web-1"]);
    t.model.balancer("lb-1").gone_pools.insert(crate::world::pool("lbl-1"));
    t.wait(minutes(3));
    t.expect([]);
    t.model.balancer("lb-1").gone_pools.clear();
    t.by_hand("web-1", None);
    t.wait(minutes(3));
    t.expect([register("web-1", 10)]);
}

#[test]
fn c10_a_target_that_is_gone_when_it_shall_be_zeroed_is_success_after_a_read() {
    let mut t = with(["web-1", "web-2"]);
    t.by_hand("web-1", None);
    t.when(terminating("web-1"));
    t.wait(minutes(3));
    t.expect([weight("web-1", 0)]);
    t.when(gone("web-1"));
    t.settle();
    t.expect([]);
    t.expect_claims(["web-2"]);
}

#[test]
fn c10_a_target_that_is_gone_when_it_shall_be_deregistered_is_success_after_a_read() {
    let mut t = with(["web-1", "web-2"]);
    t.given(terminating("web-1"));
    t.by_hand("web-1", None);
    t.when(gone("web-1"));
    t.wait(minutes(3));
    assert!(t.writes().len() <= 1, "{:?}", t.writes());
    t.expect_claims(["web-2"]);
}

#[test]
fn c11_a_full_quota_stops_registrations_and_never_drains() {
    let mut t = Harness::of([
        drains("web", Termination),
        bound("web", ["lb-1/lbl-1"]),
        Fact::new(|world, _| world.lane("lb-1").limits.targets_per_pool = Some(3)),
    ]);
    t.model.quota = Some(3);
    t.given([serving("web-1"), serving("web-2"), serving("web-3")]);
    t.given(terminating("web-1"));
    t.when(serving("web-4"));
    t.wait(minutes(2));
    t.expect([]);
    assert_eq!(t.told(|n| matches!(n, Notice::Blocked { why: Why::Quota, .. })), 1, "{:?}", t.notices);
    t.when(terminating("web-2"));
    t.settle();
    t.expect([weight("web-2", 0)]);
    t.when(gone("web-1"));
    t.wait(minutes(2));
    t.expect([deregister("web-1"), register("web-4", 10)]);
}

#[test]
fn c11_a_quota_that_was_not_known_is_learned_from_the_refusal() {
    let mut t = with(["web-1", "web-2"]);
    t.model.quota = Some(2);
    t.when(serving("web-3"));
    t.wait(minutes(1));
    assert!(
        t.told(|n| matches!(
            n,
            Notice::Blocked { why: Why::Quota, .. } | Notice::Refused { why: Why::Quota, .. }
        )) >= 1
    );
    t.forget();
    t.when(terminating("web-1"));
    t.wait(seconds(2));
    assert!(t.writes().contains(&weight("web-1", 0)));
    t.when(gone("web-1"));
    t.wait(minutes(3));
    t.expect_registered([("web-2", 10), ("web-3", 10)]);
}

#[test]
fn c14_a_lost_answer_is_followed_by_a_read_before_anything_is_written() {
    for fault in [Fault::LostBefore, Fault::LostAfter, Fault::UnclearBefore, Fault::UnclearAfter] {
        let mut t = with(["web-1", "web-2"]);
        t.next(Verb::Weights, fault.clone());
        t.when(terminating("web-1"));
        t.wait(minutes(2));
        let happened = matches!(fault, Fault::LostAfter | Fault::UnclearAfter);
        let order = order(&t);
        assert!(order.starts_with("wl"), "{fault:?}: {order}");
        let expected = if happened { 1 } else { 2 };
        assert_eq!(t.writes(), vec![weight("web-1", 0); expected], "{fault:?}");
        t.expect_registered([("web-1", 0), ("web-2", 10)]);
    }
}

#[test]
fn c14_a_registration_with_a_lost_answer_is_not_repeated_blindly() {
    for (fault, expected) in
        [(Fault::LostBefore, 2), (Fault::LostAfter, 1), (Fault::UnclearBefore, 2), (Fault::UnclearAfter, 1)]
    {
        let mut t = with(["web-1"]);
        t.next(Verb::Register, fault.clone());
        t.when(serving("web-2"));
        t.wait(minutes(3));
        assert_eq!(t.writes(), vec![register("web-2", 10); expected], "{fault:?}");
    }
}

#[test]
fn c14_a_registration_that_lands_after_it_was_repeated_is_removed_again() {
    let mut t = with(["web-1"]);
    t.next(Verb::Register, Fault::LostThenLate(seconds(110)));
    t.when(serving("web-2"));
    t.wait(seconds(70));
    assert_eq!(t.writes(), [register("web-2", 10), register("web-2", 10)], "given up, read, repeated");
    t.when(terminating("web-2"));
    t.wait(seconds(5));
    t.when(gone("web-2"));
    t.wait(seconds(30));
    t.expect_registered([("web-1", 10)]);
    // The first call lands; the claim is still held, so the target is known to be ours.
    t.wait(minutes(4));
    t.expect_registered([("web-1", 10)]);
    t.expect_claims(["web-1"]);
}

#[test]
fn c14_a_drain_is_not_confirmed_while_the_registration_before_it_is_in_doubt() {
    let mut t = with(["web-1"]);
    t.next(Verb::Register, Fault::UnclearAfter);
    t.when(serving("web-2"));
    t.wait(millis(500));
    let confirmed = |n: &Notice| matches!(n, Notice::DrainConfirmed { .. });
    t.when(terminating("web-2"));
    assert_eq!(t.told(confirmed), 0, "it stands there with its weight, which no read has shown yet");
    t.settle();
    assert_eq!(t.told(confirmed), 1);
    t.expect_registered([("web-1", 10), ("web-2", 0)]);
}

#[test]
fn c14_an_effect_that_comes_minutes_later_is_repaired() {
    // The zero of a readiness that came back lands after it was given up and its target restored.
    let mut t = Harness::new(TerminationAndUnready);
    t.given([serving("web-1"), serving("web-2")]);
    t.next(Verb::Weights, Fault::LostThenLate(minutes(5)));
    t.when(unready("web-1"));
    t.wait(seconds(10));
    t.when(serving("web-1"));
    t.wait(minutes(4));
    t.expect_registered([("web-1", 10), ("web-2", 10)]);
    t.wait(minutes(3));
    t.expect_registered([("web-1", 10), ("web-2", 10)]);
}

#[test]
fn c14_an_answer_after_its_deadline_is_ignored() {
    for verb in [Verb::Weights, Verb::Register, Verb::Deregister] {
        let mut t = with(["web-1", "web-2"]);
        t.next(verb, Fault::AnsweredTooLate);
        t.when([serving("web-3"), terminating("web-1")]);
        t.wait(minutes(3));
        t.when(gone("web-1"));
        t.wait(minutes(3));
        t.expect_registered([("web-2", 10), ("web-3", 10)]);
        t.expect([weight("web-1", 0), register("web-3", 10), deregister("web-1")]);
    }
}

#[test]
fn c15_a_read_that_lags_behind_causes_no_storm() {
    for verb in [Verb::Weights, Verb::Register, Verb::Deregister] {
        let mut t = with(["web-1", "web-2"]);
        t.model.timing.lag = seconds(20);
        match verb {
            Verb::Register => t.when(serving("web-3")),
            Verb::Deregister => t.when(over("web-1")),
            Verb::Weights | Verb::Read | Verb::Claim | Verb::LoadClaims | Verb::Mark => {
                t.when(terminating("web-1"))
            }
        }
        t.wait(minutes(4));
        let writes = t.writes();
        assert!(writes.len() <= 3, "{verb:?} was repeated {} times", writes.len() - 1);
        t.forget();
        t.wait(minutes(10));
        t.expect([]);
    }
}

#[test]
fn c21_a_missing_permission_for_one_call_does_not_stop_the_others() {
    let mut t = with(["web-1", "web-2"]);
    for _ in 0..1_000 {
        t.next(Verb::Register, Fault::Forbidden);
    }
    t.when(serving("web-3"));
    t.wait(minutes(2));
    assert_eq!(t.told(|n| matches!(n, Notice::Blocked { why: Why::Permission, .. })), 1, "{:?}", t.notices);
    t.forget();
    t.when(terminating("web-1"));
    t.wait(seconds(2));
    assert!(t.writes().contains(&weight("web-1", 0)));
    t.forget();
    t.wait(minutes(60));
    assert!(t.count(Verb::Register) <= 120 + 1, "{} in an hour", t.count(Verb::Register));
}

#[test]
fn l8_the_next_try_comes_within_thirty_seconds_after_the_fault_clears() {
    let mut t = with(["web-1", "web-2"]);
    t.model.stuck.insert(crate::world::lane("lb-1"));
    t.when(terminating("web-1"));
    t.wait(minutes(20));
    t.model.stuck.clear();
    t.wait(seconds(32));
    t.expect_registered([("web-1", 0), ("web-2", 10)]);
}

#[test]
fn a_read_without_an_answer_does_not_block_the_lane() {
    let mut t = with(["web-1", "web-2"]);
    t.next(Verb::Read, Fault::LostBefore);
    t.wait(minutes(2));
    t.when(terminating("web-1"));
    t.wait(seconds(20));
    t.expect([weight("web-1", 0)]);
}
