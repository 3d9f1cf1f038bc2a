//! What we may deregister is written down before the first write, and struck out once it was read as absent.

use grace_core::DrainOn::{Nothing, Termination};
use grace_core::{Command, Failure, Notice, Why};

use crate::call::Verb;
use crate::fault::Fault;
use crate::harness::Harness;
use crate::words::*;
use crate::world::ip;

#[test]
fn a_target_is_claimed_before_it_is_registered() {
    let mut t = Harness::new(Termination);
    t.when([serving("web-1"), serving("web-2")]);
    t.settle();
    let verbs: Vec<_> = t.left.iter().map(|left| Verb::of(&left.action.command)).collect();
    let claimed = verbs.iter().position(|verb| *verb == Verb::Claim);
    let registered = verbs.iter().position(|verb| *verb == Verb::Register);
    assert!(claimed.is_some() && claimed < registered, "{verbs:?}");
    assert_eq!(t.count(Verb::Claim), 1, "both in one claim");
    t.expect([register("web-1", 10), register("web-2", 10)]);
    t.expect_claims(["web-1", "web-2"]);
}

#[test]
fn a_slow_claim_store_delays_registrations_and_never_drains() {
    let mut t = Harness::new(Termination);
    t.given([serving("web-1"), serving("web-2")]);
    t.model.timing.claim = seconds(10);
    t.when(serving("web-3"));
    t.wait(seconds(1));
    t.when(terminating("web-1"));
    t.after_linger();
    t.expect([weight("web-1", 0)]);
    t.wait(seconds(8));
    t.expect([]);
    t.wait(seconds(4));
    t.expect([register("web-3", 10)]);
}

#[test]
fn a_claim_is_dropped_after_its_target_was_read_as_absent() {
    let mut t = Harness::new(Termination);
    t.given([serving("web-1"), serving("web-2")]);
    t.given(terminating("web-1"));
    t.when(gone("web-1"));
    t.wait(millis(500));
    t.expect([deregister("web-1")]);
    t.expect_claims(["web-1", "web-2"]);
    t.settle();
    t.expect_claims(["web-2"]);
}

#[test]
fn a_conflict_is_taken_over_and_planned_again() {
    let mut t = Harness::new(Termination);
    t.given(serving("web-1"));
    // Another process claimed something for a Pod that it sees and we do not.
    t.model.claim_by_hand(&target("10.9.9.9:80"));
    t.when(serving("web-2"));
    t.settle();
    t.expect([register("web-2", 10)]);
    assert!(t.model.is_claimed(&target("web-1")) && t.model.is_claimed(&target("web-2")));
}

#[test]
fn a_conflict_that_shows_our_claim_already_there_needs_no_second_one() {
    let mut t = Harness::new(Termination);
    t.given(serving("web-1"));
    t.next(Verb::Claim, Fault::LostAfter);
    t.when(serving("web-2"));
    t.wait(minutes(2));
    t.expect([register("web-2", 10)]);
    t.expect_claims(["web-1", "web-2"]);
}

#[test]
fn w10_refused_claims_are_told_and_tried_again_while_drains_go_on() {
    let mut t = Harness::new(Termination);
    t.given([serving("web-1"), serving("web-2")]);
    for _ in 0..4 {
        t.next(Verb::Claim, Fault::Forbidden);
    }
    t.when(serving("web-3"));
    t.wait(seconds(2));
    let refused = |n: &Notice| matches!(n, Notice::ClaimsRefused { why: Why::Permission, .. });
    assert_eq!(t.told(refused), 1, "{:?}", t.notices);
    t.when(terminating("web-1"));
    t.after_linger();
    t.expect([weight("web-1", 0)]);
    t.wait(minutes(5));
    t.expect([register("web-3", 10)]);
}

#[test]
fn a_full_record_stops_registrations_and_never_drains() {
    let mut t = Harness::new(Termination);
    t.given([serving("web-1"), serving("web-2")]);
    t.model.claims_quota = Some(2);
    t.when(serving("web-3"));
    t.wait(seconds(2));
    assert_eq!(t.told(|n| matches!(n, Notice::ClaimsRefused { why: Why::Full, .. })), 1, "{:?}", t.notices);
    t.when(terminating("web-1"));
    t.settle();
    t.expect([weight("web-1", 0)]);
    t.when(gone("web-1"));
    t.wait(minutes(10));
    t.expect([deregister("web-1"), register("web-3", 10)]);
    t.expect_claims(["web-2", "web-3"]);
}

#[test]
fn a_target_that_stands_there_already_is_adopted_without_a_write() {
    let mut t = Harness::cold([drains("web", Termination), bound("web", ["lb-1/lbl-1"]), serving("web-1")]);
    t.by_hand("web-1", Some(10));
    t.start();
    t.settle();
    t.expect([]);
    t.expect_claims(["web-1"]);
    t.when(terminating("web-1"));
    t.after_linger();
    t.expect([weight("web-1", 0)]);
    t.settle();
    t.when(gone("web-1"));
    t.settle();
    t.expect([deregister("web-1")]);
}

#[test]
fn an_adopted_target_with_another_weight_gets_its_own_after_the_claim() {
    let mut t = Harness::cold([drains("web", Termination), bound("web", ["lb-1/lbl-1"]), serving("web-1")]);
    t.by_hand("web-1", Some(33));
    t.start();
    t.settle();
    t.expect([weight("web-1", 10)]);
}

#[test]
fn a_terminating_pod_is_drained_without_a_claim_and_deregistered_with_one() {
    let mut t = Harness::cold([
        drains("web", Termination),
        bound("web", ["lb-1/lbl-1"]),
        serving("web-1"),
        terminating("web-1"),
    ]);
    t.by_hand("web-1", Some(10));
    t.model.timing.claim = seconds(3);
    t.start();
    t.wait(seconds(1));
    t.wait(seconds(10));
    t.expect([weight("web-1", 0)]);
    t.when(gone("web-1"));
    t.settle();
    t.expect([deregister("web-1")]);
}

#[test]
fn an_orphan_is_told_and_left_alone() {
    // Registered by somebody else, without a claim, and its Pod dies before it could be claimed.
    let mut t = Harness::new(Termination);
    t.given(serving("web-1"));
    for _ in 0..100 {
        t.next(Verb::Claim, Fault::Forbidden);
    }
    t.when(unready("web-2"));
    t.settle();
    t.by_hand("web-2", Some(10));
    t.wait(minutes(2));
    t.forget();
    t.when(gone("web-2"));
    t.wait(minutes(5));
    t.expect([]);
    assert_eq!(t.told(|n| matches!(n, Notice::Orphan { .. })), 1, "{:?}", t.notices);
}

#[test]
fn a_claim_that_names_no_target_is_dropped_after_a_read() {
    let mut t = Harness::cold([drains("web", Termination), bound("web", ["lb-1/lbl-1"]), serving("web-1")]);
    t.by_hand("web-1", Some(10));
    t.model.claim_by_hand(&target("web-1"));
    t.model.claim_by_hand(&target("10.9.9.9:80"));
    t.start();
    // Only the verify read is late enough: a registration of a predecessor may land before.
    t.settle();
    t.expect_claims(["web-1", "10.9.9.9:80"]);
    t.wait(minutes(2));
    t.expect([]);
    t.expect_claims(["web-1"]);
}

#[test]
fn a_claimed_target_without_a_pod_is_deregistered_after_a_restart() {
    let mut t = Harness::cold([drains("web", Termination), bound("web", ["lb-1/lbl-1"]), serving("web-1")]);
    for name in ["web-1", "web-2"] {
        t.by_hand(name, Some(10));
        t.model.claim_by_hand(&target(name));
    }
    t.start();
    t.settle();
    t.expect([deregister("web-2")]);
    // A registration of a predecessor may still land.
    t.expect_claims(["web-1", "web-2"]);
    t.wait(minutes(2));
    t.expect_claims(["web-1"]);
}

#[test]
fn a_pod_that_leaves_before_it_was_registered_leaves_no_claim() {
    let mut t = Harness::new(Nothing);
    t.given([serving("web-1"), unready("web-2")]);
    t.expect_claims(["web-1", "web-2"]);
    t.when(gone("web-2"));
    t.wait(minutes(3));
    t.expect([]);
    t.expect_claims(["web-1"]);
}

#[test]
fn claims_that_cannot_be_loaded_stop_everything_but_nothing_is_guessed() {
    let mut t = Harness::cold([
        drains("web", Termination),
        bound("web", ["lb-1/lbl-1"]),
        serving("web-1"),
        serving("web-2"),
    ]);
    t.by_hand("web-1", Some(10));
    t.model.claim_by_hand(&target("web-1"));
    for _ in 0..3 {
        t.next(Verb::LoadClaims, Fault::Unreachable);
    }
    t.start();
    t.wait(seconds(1));
    t.expect([]);
    t.wait(minutes(3));
    t.expect([register("web-2", 10)]);
}

#[test]
fn a_lost_claim_answer_does_not_stop_registrations_for_ever() {
    for fault in [Fault::LostBefore, Fault::LostAfter, Fault::UnclearBefore, Fault::UnclearAfter] {
        let mut t = Harness::new(Termination);
        t.given(serving("web-1"));
        t.next(Verb::Claim, fault.clone());
        t.when(serving("web-2"));
        t.wait(minutes(2));
        t.expect([register("web-2", 10)]);
        t.expect_claims(["web-1", "web-2"]);
    }
}

#[test]
fn c14_a_claim_whose_end_is_not_known_is_given_up_again_before_it_is_asked_for() {
    // A late compare-and-swap fails once the record has moved on; a claim that is only believed would not move it.
    let mut t = Harness::new(Termination);
    t.given([serving("web-1"), unready("web-2")]);
    t.expect_claims(["web-1", "web-2"]);
    t.next(Verb::Claim, Fault::UnclearBefore);
    t.when(gone("web-2"));
    t.wait(millis(200));
    t.when(serving("web-9").with("web-9", |pod| pod.facts.ips = [Some(ip("web-2")), None]));
    t.wait(minutes(1));
    let changes: Vec<_> = t
        .left
        .iter()
        .filter_map(|left| match &left.action.command {
            Command::Claim { add, drop, .. } => Some((add.len(), drop.len())),
            Command::Write { .. }
            | Command::Read { .. }
            | Command::LoadClaims { .. }
            | Command::Mark { .. } => None,
        })
        .collect();
    assert_eq!(changes, [(0, 1), (0, 1), (1, 0)], "dropped, dropped once more, added");
    t.expect([register("web-2", 10)]);
    t.expect_claims(["web-1", "web-2"]);
}

#[test]
fn a_claim_names_the_revision_on_which_it_builds() {
    let mut t = Harness::new(Termination);
    t.scripted();
    t.when(serving("web-1"));
    t.wait(seconds(1));
    let claim = t.left.iter().find_map(|left| match &left.action.command {
        Command::Claim { base, add, .. } => Some((base.clone(), add.clone())),
        Command::Write { .. } | Command::Read { .. } | Command::LoadClaims { .. } | Command::Mark { .. } => {
            None
        }
    });
    let (base, add) = claim.expect("a claim");
    assert_eq!((base, add.len()), (None, 1));
    let other = (crate::world::pool("lbl-1"), crate::world::address("10.9.9.9:80"));
    let revision = Some(grace_core::Revision::new("77"));
    t.forget();
    t.answers(Verb::Claim, Err(Failure::Conflict { revision: revision.clone(), all: vec![other] }));
    t.wait(seconds(1));
    let bases: Vec<_> = t
        .left
        .iter()
        .filter_map(|left| match &left.action.command {
            Command::Claim { base, .. } => Some(base.clone()),
            Command::Write { .. }
            | Command::Read { .. }
            | Command::LoadClaims { .. }
            | Command::Mark { .. } => None,
        })
        .collect();
    assert_eq!(bases, [revision]);
}
