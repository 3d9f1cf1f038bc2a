//! A Pod that became ready gets its weight in steps, where that is asked for.

use grace_core::DrainOn::Termination;

use crate::call::Verb;
use crate::harness::Harness;
use crate::words::*;
use crate::world::w;

/// Fifty seconds of slow start to a weight of 100.
fn with_one() -> Harness {
    let mut t = Harness::new(Termination);
    t.given(route("web", |route| route.policy.default_weight = w(100)));
    t.given(serving("web-1"));
    t.wait(minutes(2));
    t.given(route("web", |route| route.policy.slow_start = Some(seconds(50))));
    t.wait(minutes(2));
    t.forget();
    t
}

#[test]
fn the_weight_rises_in_ten_steps_to_what_is_configured() {
    let mut t = with_one();
    t.when(serving("web-2"));
    t.wait(minutes(2));
    let weights: Vec<_> = t
        .writes()
        .into_iter()
        .map(|write| match write.does {
            Does::Weight(weight) | Does::Register(weight) => weight,
            Does::Deregister => panic!("{write:?}"),
        })
        .collect();
    assert!(weights.is_sorted() && weights.len() <= 10, "{weights:?}");
    assert!(weights[0] > 0 && weights[0] <= 20, "{weights:?}");
    assert_eq!(weights.last(), Some(&100));
    assert_eq!(t.count(Verb::Register), 1);
    t.expect_registered([("web-1", 100), ("web-2", 100)]);
}

#[test]
fn it_never_delays_a_drain() {
    let mut t = with_one();
    t.when(serving("web-2"));
    t.wait(seconds(20));
    t.forget();
    t.when(terminating("web-2"));
    t.wait(minutes(2));
    t.expect([weight("web-2", 0)]);
}

#[test]
fn a_pod_that_has_long_been_ready_is_not_started_again() {
    let mut t = with_one();
    t.restart();
    t.wait(minutes(5));
    t.expect([]);
    t.by_hand("web-1", Some(3));
    t.wait(seconds(62));
    t.expect([weight("web-1", 100)]);
}
