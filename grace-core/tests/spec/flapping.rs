//! A Pod whose readiness flaps goes to 0 at once each time, and gets its weight back only when it holds.

use grace_core::DrainOn::{Termination, TerminationAndUnready};
use grace_core::Notice;

use crate::call::Verb;
use crate::harness::Harness;
use crate::words::*;

fn with<const N: usize>(pods: [&'static str; N]) -> Harness {
    let mut t = Harness::new(TerminationAndUnready);
    t.given(pods.map(serving));
    // Its becoming ready is no part of what follows.
    t.wait(minutes(5));
    t.forget();
    t
}

/// Down, up and down again within a few seconds.
fn three_changes(t: &mut Harness) {
    for fact in [unready("web-1"), serving("web-1"), unready("web-1")] {
        t.when(fact);
        t.wait(seconds(3));
    }
    t.expect([weight("web-1", 0), weight("web-1", 10), weight("web-1", 0)]);
}

#[test]
fn o12_flapping_once_a_second_for_ten_minutes_costs_four_calls() {
    let mut t = with(["web-1", "web-2"]);
    for n in 0..600 {
        t.when(if n % 2 == 0 { unready("web-1") } else { serving("web-1") });
        t.wait(seconds(1));
    }
    t.when(serving("web-1"));
    t.wait(minutes(3));
    assert!(t.count(Verb::Weights) <= 4, "{:?}", t.writes());
    t.expect_registered([("web-1", 10), ("web-2", 10)]);
}

#[test]
fn o12_after_three_changes_the_weight_comes_back_after_ten_seconds_of_readiness() {
    let mut t = with(["web-1", "web-2"]);
    three_changes(&mut t);
    t.when(serving("web-1"));
    t.wait(millis(9_999));
    t.expect([]);
    assert_eq!(t.told(|n| matches!(n, Notice::RestoreHeld { .. })), 1, "{:?}", t.notices);
    t.wait(millis(200));
    t.expect([weight("web-1", 10)]);
}

#[test]
fn o12_a_break_in_the_hold_starts_it_anew_and_doubles_it() {
    let mut t = with(["web-1", "web-2"]);
    three_changes(&mut t);
    t.when(serving("web-1"));
    t.wait(seconds(5));
    t.when(unready("web-1"));
    t.wait(seconds(1));
    t.when(serving("web-1"));
    t.wait(millis(19_900));
    t.expect([]);
    t.wait(millis(300));
    t.expect([weight("web-1", 10)]);
}

#[test]
fn o12_the_hold_is_a_minute_at_most() {
    let mut t = with(["web-1", "web-2"]);
    for _ in 0..20 {
        t.when(unready("web-1"));
        t.wait(seconds(1));
        t.when(serving("web-1"));
        t.wait(seconds(1));
    }
    t.settle();
    t.forget();
    t.wait(seconds(61));
    t.expect([weight("web-1", 10)]);
}

#[test]
fn o12_two_minutes_of_readiness_forget_it() {
    let mut t = with(["web-1", "web-2"]);
    three_changes(&mut t);
    t.when(serving("web-1"));
    t.wait(seconds(131));
    t.expect([weight("web-1", 10)]);
    t.when(unready("web-1"));
    t.wait(seconds(3));
    t.when(serving("web-1"));
    t.after_linger();
    t.expect([weight("web-1", 0), weight("web-1", 10)]);
}

#[test]
fn o12_slow_changes_are_no_flapping() {
    let mut t = with(["web-1", "web-2"]);
    for _ in 0..5 {
        t.when(unready("web-1"));
        t.wait(seconds(16));
        t.expect([weight("web-1", 0)]);
        t.when(serving("web-1"));
        t.wait(seconds(16));
        t.expect([weight("web-1", 10)]);
    }
}

#[test]
fn o12_a_pod_that_terminates_in_the_hold_stays_at_zero() {
    let mut t = with(["web-1", "web-2"]);
    three_changes(&mut t);
    t.when(serving("web-1"));
    t.wait(seconds(5));
    t.when(terminating("web-1"));
    t.wait(minutes(5));
    t.expect([]);
    t.when(gone("web-1"));
    t.after_linger();
    t.expect([deregister("web-1")]);
}

#[test]
fn o12_without_the_second_switch_flapping_sends_nothing() {
    let mut t = Harness::new(Termination);
    t.given([serving("web-1"), serving("web-2")]);
    for n in 0..60 {
        t.when(if n % 2 == 0 { unready("web-1") } else { serving("web-1") });
        t.wait(seconds(1));
    }
    t.wait(minutes(3));
    t.expect([]);
}
