//! Whoever will be drained too late is told of it beforehand, and nobody else.

use std::collections::BTreeSet;

use grace_core::DrainOn::Termination;
use grace_core::{Notice, PreStop, Uid};

use crate::harness::Harness;
use crate::words::*;

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
