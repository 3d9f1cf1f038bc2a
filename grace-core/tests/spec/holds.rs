//! A Pod is drained without being deleted, and gets its weight back.

use grace_core::DrainOn::{Nothing, Termination, TerminationAndUnready};
use grace_core::{DrainOn, Event, Uid};

use crate::harness::Harness;
use crate::words::*;

fn with(drain: DrainOn) -> Harness {
    let mut t = Harness::new(drain);
    t.given([serving("web-1"), serving("web-2")]);
    t
}

fn hold(t: &mut Harness, name: &str, span: std::time::Duration) {
    t.send(&Event::Hold { pod: Uid::of(name), until: t.now + span });
}

#[test]
fn a_held_pod_drains_and_gets_its_weight_back_when_it_is_let_go() {
    for drain in [Nothing, Termination, TerminationAndUnready] {
        let mut t = with(drain);
        hold(&mut t, "web-1", minutes(60));
        t.after_linger();
        t.expect([weight("web-1", 0)]);
        t.wait(minutes(10));
        t.expect([]);
        t.send(&Event::Unhold { pod: Uid::of("web-1") });
        t.after_linger();
        t.expect([weight("web-1", 10)]);
    }
}

#[test]
fn a_hold_ends_by_itself() {
    let mut t = with(Termination);
    hold(&mut t, "web-1", minutes(5));
    t.wait(minutes(5) - millis(1));
    t.expect([weight("web-1", 0)]);
    t.wait(seconds(1));
    t.expect([weight("web-1", 10)]);
}

#[test]
fn a_hold_can_be_prolonged() {
    let mut t = with(Termination);
    hold(&mut t, "web-1", minutes(5));
    t.wait(minutes(4));
    t.expect([weight("web-1", 0)]);
    hold(&mut t, "web-1", minutes(5));
    t.wait(minutes(4));
    t.expect([]);
    t.wait(minutes(2));
    t.expect([weight("web-1", 10)]);
}

#[test]
fn a_held_pod_that_terminates_stays_at_zero_after_the_hold() {
    let mut t = with(Termination);
    hold(&mut t, "web-1", minutes(5));
    t.settle();
    t.when(terminating("web-1"));
    t.wait(minutes(10));
    t.expect([weight("web-1", 0)]);
    t.when(gone("web-1"));
    t.after_linger();
    t.expect([deregister("web-1")]);
}

#[test]
fn a_held_pod_is_not_registered_before_it_is_let_go() {
    let mut t = with(Termination);
    t.given(unready("web-3"));
    hold(&mut t, "web-3", minutes(5));
    t.when(serving("web-3"));
    t.wait(minutes(4));
    t.expect([]);
    t.send(&Event::Unhold { pod: Uid::of("web-3") });
    t.settle();
    t.expect([register("web-3", 10)]);
}

#[test]
fn a_hold_of_nobody_or_of_the_past_changes_nothing() {
    let mut t = with(Termination);
    hold(&mut t, "web-9", minutes(5));
    t.send(&Event::Hold { pod: Uid::of("web-1"), until: grace_core::Time::EPOCH });
    t.send(&Event::Unhold { pod: Uid::of("web-2") });
    t.wait(minutes(10));
    t.expect([]);
}

#[test]
fn a_hold_taken_back_within_the_linger_sends_nothing() {
    let mut t = with(Termination);
    hold(&mut t, "web-1", minutes(5));
    t.wait(millis(10));
    t.send(&Event::Unhold { pod: Uid::of("web-1") });
    t.wait(minutes(2));
    t.expect([]);
}
