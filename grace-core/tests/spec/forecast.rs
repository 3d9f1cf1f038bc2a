//! Whoever will be drained too late is told of it beforehand, and nobody else.

use std::collections::BTreeSet;

use grace_core::DrainOn::Termination;
use grace_core::{Notice, PreStop, Uid};

use crate::harness::Harness;
use crate::words::*;
use crate::world::address;

/// So many Pods on one listener, and one drain from which the time of a task was learned.
fn with(pods: usize) -> Harness {
    let mut t = Harness::new(Termination);
    t.given((0..=pods).map(|n| serving(format!("web-{n}"))).collect::<Vec<_>>());
    t.given(terminating("web-0"));
    t
}

fn late(t: &Harness) -> BTreeSet<Uid> {
    let told = t
        .notices
        .iter()
        .filter_map(|notice| if let Notice::DrainLate { pod, .. } = notice { Some(*pod) } else { None });
    told.collect()
}

#[test]
fn a_single_drain_is_in_time() {
    let mut t = with(1);
    t.when(terminating("web-1"));
    t.settle();
    assert_eq!(late(&t), BTreeSet::new());
}

#[test]
fn a_pre_stop_that_is_too_short_is_told_with_one_that_would_do() {
    let mut t = with(1);
    t.model.timing.task = seconds(5);
    for n in 2..30 {
        t.given(serving(format!("web-{n}")));
        t.given(terminating(format!("web-{n}")));
    }
    let short = |pod: &mut crate::world::Pod| pod.facts.stop.pre_stop = PreStop::Sleep(seconds(2));
    t.given(serving("web-1").with("web-1", short));
    t.when(terminating("web-1"));
    t.wait(millis(100));
    let told: Vec<_> = t
        .notices
        .iter()
        .filter_map(|notice| {
            let Notice::DrainLate { expected, allowed, pre_stop, .. } = notice else { return None };
            Some((*expected, *allowed, *pre_stop))
        })
        .collect();
    let [(expected, allowed, enough)] = told[..] else { panic!("told once: {:?}", t.notices) };
    assert_eq!(allowed, seconds(2));
    assert!(expected > seconds(4) && expected < seconds(6), "{expected:?}");
    assert!(enough > expected && enough < seconds(10), "{enough:?}");
}

/// performance.md A4 in a small form: more Pods at once than their grace period allows.
#[test]
fn a4_misses_are_announced_and_false_alarms_are_few() {
    const PODS: usize = 300;
    let mut t = with(PODS);
    let start = t.now;
    // Between the end of the fourth call and that of the fifth.
    let grace = millis(4_500);
    t.when(
        (1..=PODS)
            .map(|n| terminating(format!("web-{n}")).shortened(format!("web-{n}"), grace))
            .collect::<Vec<_>>(),
    );
    t.settle();
    let zero_at = |n: usize| {
        let zero = |h: &&crate::model::Happened| {
            h.target.address == address(&format!("web-{n}")) && h.after == Some(crate::world::w(0))
        };
        t.model.history.iter().find(zero).expect("it is drained").at
    };
    let missed: BTreeSet<_> =
        (1..=PODS).filter(|n| zero_at(*n) > start + grace).map(|n| Uid::of(&format!("web-{n}"))).collect();
    let announced = late(&t);
    let hits = missed.intersection(&announced).count();
    let false_alarms = announced.difference(&missed).count();
    println!("{} missed, {hits} of them announced, {false_alarms} false alarms", missed.len());
    assert!(missed.len() >= 50, "{} of {PODS} come too late", missed.len());
    assert!(100 * hits >= 99 * missed.len(), "{hits} of {}", missed.len());
    assert!(10 * false_alarms <= PODS, "{false_alarms} false alarms");
}
