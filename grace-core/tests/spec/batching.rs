//! How many calls a burst costs, when they leave, and that no limit is ever broken.

use grace_core::DrainOn::Termination;
use grace_core::{Limits, Resolution};
use proptest::prelude::*;

use crate::call::Verb;
use crate::harness::Harness;
use crate::random_world::cases;
use crate::words::*;
use crate::world::{lane, pool};

/// `n` ready Pods behind `m` listeners of one load balancer.
fn behind(n: usize, m: usize, limits: Limits) -> Harness {
    let pools: Vec<_> = (0..m).map(|i| (lane("lb-1"), pool(&format!("lbl-{i}")))).collect();
    let mut t = Harness::of([
        drains("web", Termination),
        bound("web", ["lb-1/lbl-0"]),
        route("web", move |route| route.pools = Resolution::Known(pools)),
        Fact::new(move |world, _| world.lane("lb-1").limits = limits),
    ]);
    t.given((0..n).map(|i| serving(format!("web-{i}"))).collect::<Vec<_>>());
    t
}

fn limits(elements_per_pool: u16) -> Limits {
    Limits { elements_per_pool, ..Limits::default() }
}

/// performance.md 5.1: whole Pods per call, and calls for all of them.
fn calls(n: usize, m: usize, e: usize) -> usize {
    if m > 100 {
        return n * m.div_ceil(100);
    }
    let whole_pods = (1..=500 / m).rev().find(|pods| *pods <= 50 * e && m * pods.div_ceil(50) <= 100);
    n.div_ceil(whole_pods.expect("one Pod fits"))
}

fn weight_calls(n: usize, m: usize, e: u16) -> usize {
    let mut t = behind(n, m, limits(e));
    t.when((0..n).map(|i| terminating(format!("web-{i}"))).collect::<Vec<_>>());
    t.settle();
    let writes = t.writes();
    assert_eq!(writes.len(), n * m, "each target once");
    t.count(Verb::Weights)
}

#[test]
fn the_formula_says_what_the_table_says() {
    let table = [
        ((10, 1, 1), 1),
        ((100, 1, 1), 2),
        ((100, 1, 10), 1),
        ((100, 10, 1), 2),
        ((100, 50, 1), 10),
        ((1_000, 1, 1), 20),
        ((1_000, 1, 10), 2),
        ((1_000, 10, 1), 20),
        ((1_000, 50, 10), 100),
    ];
    for ((n, m, e), expected) in table {
        assert_eq!(calls(n, m, e), expected, "{n} Pods, {m} listeners, e = {e}");
    }
}

#[test]
fn a1_a_thousand_targets_of_one_listener_take_twenty_calls() {
    assert_eq!(weight_calls(1_000, 1, 1), 20);
}

#[test]
fn a1_a_thousand_targets_of_one_listener_named_ten_times_take_two_calls() {
    assert_eq!(weight_calls(1_000, 1, 10), 2);
}

#[test]
fn a1_five_hundred_targets_of_ten_listeners_take_one_call() {
    assert_eq!(weight_calls(50, 10, 1), 1);
    assert_eq!(weight_calls(50, 10, 10), 1);
}

#[test]
fn g2_two_hundred_and_fifty_pods_of_one_listener_take_five_calls_or_one() {
    assert_eq!(weight_calls(250, 1, 1), 5);
    assert_eq!(weight_calls(250, 1, 10), 1);
}

#[test]
fn d4_a_single_zero_leaves_exactly_after_the_linger() {
    let mut t = behind(3, 10, limits(1));
    let start = t.now;
    t.when(terminating("web-1"));
    t.wait(seconds(1));
    assert_eq!(t.times(Verb::Weights), [start + millis(30)]);
}

#[test]
fn d4_each_further_event_starts_the_linger_anew() {
    let mut t = behind(3, 1, limits(1));
    let start = t.now;
    t.when(terminating("web-0"));
    t.wait(millis(20));
    t.when(terminating("web-1"));
    t.wait(millis(20));
    t.when(terminating("web-2"));
    t.wait(seconds(1));
    assert_eq!(t.times(Verb::Weights), [start + millis(70)]);
}

#[test]
fn d4_a_full_batch_leaves_at_once() {
    let mut t = behind(60, 10, limits(1));
    let start = t.now;
    t.when((0..60).map(|i| terminating(format!("web-{i}"))).collect::<Vec<_>>());
    assert_eq!(t.times(Verb::Weights), [start], "500 targets are there");
    let mut t = behind(60, 1, limits(1));
    let start = t.now;
    t.when((0..60).map(|i| terminating(format!("web-{i}"))).collect::<Vec<_>>());
    assert_eq!(t.times(Verb::Weights), [start], "the pool's share is used up");
}

#[test]
fn a_deadline_that_presses_ends_the_linger() {
    let mut t = behind(3, 1, limits(1));
    let start = t.now;
    t.when(pod("web-1", |pod, now| {
        pod.facts.life = grace_core::Life::Terminating { asked: now, kill: now + millis(5) };
    }));
    t.wait(seconds(1));
    assert!(t.times(Verb::Weights)[0] <= start + millis(5), "{:?}", t.times(Verb::Weights));
}

#[test]
fn c12_registrations_and_deregistrations_keep_the_limit_of_their_call() {
    let mut t = behind(0, 10, limits(1));
    t.when((0..130).map(|i| serving(format!("web-{i}"))).collect::<Vec<_>>());
    t.settle();
    assert_eq!((t.count(Verb::Register), t.writes().len()), (3, 1_300), "1,300 targets, 500 in a call");
    t.forget();
    t.when((0..130).map(|i| gone(format!("web-{i}"))).collect::<Vec<_>>());
    t.settle();
    assert_eq!((t.count(Verb::Deregister), t.writes().len()), (3, 1_300));
}

#[test]
fn a_pod_with_more_targets_than_fit_into_a_call_is_split() {
    let mut t = behind(1, 250, limits(1));
    t.when(terminating("web-0"));
    t.settle();
    assert_eq!((t.count(Verb::Weights), t.writes().len()), (3, 250), "100 elements in a call");
}

proptest! {
    #![proptest_config(cases(16))]

    #[test]
    fn a1_a_burst_of_any_size_takes_exactly_the_calls_of_the_formula(n in 1_usize..90, m in 1_usize..40, many in any::<bool>()) {
        let e = if many { 10 } else { 1 };
        prop_assert_eq!(weight_calls(n, m, e), calls(n, m, usize::from(e)));
    }

    #[test]
    fn a1_however_a_burst_arrives_within_the_linger(n in 1_usize..60, gaps in prop::collection::vec(0_u64..29, 1..10)) {
        let mut t = behind(n, 3, limits(1));
        for i in 0..n {
            t.when(terminating(format!("web-{i}")));
            // All within 29 ms of each other and of the first.
            if let Some(gap) = gaps.get(i) {
                t.wait(millis(gap / 10));
            }
        }
        t.settle();
        let expected = calls(n, 3, 1);
        prop_assert!(t.count(Verb::Weights) == expected, "{} calls, {expected} by the formula", t.count(Verb::Weights));
    }

    #[test]
    fn a2_small_limits_of_any_kind_are_kept_and_nothing_is_lost(
        n in 1_usize..30,
        m in 1_usize..6,
        batch in 1_u16..20,
        elements in 1_u16..8,
        per_element in 1_u16..6,
        elements_per_pool in 1_u16..3,
    ) {
        let small = Limits { batch, elements, per_element, elements_per_pool, pools_per_read: 2, targets_per_pool: None };
        // The harness checks every limit of every call.
        let mut t = behind(n, m, small);
        prop_assert_eq!(t.model.balancers[&lane("lb-1")].targets.len(), n * m);
        t.when((0..n).map(|i| terminating(format!("web-{i}"))).collect::<Vec<_>>());
        t.settle();
        let mut found: Vec<_> = t.writes().into_iter().map(|write| write.target).collect();
        found.sort();
        let before = found.len();
        found.dedup();
        prop_assert_eq!((found.len(), before), (n * m, n * m), "each target once");
        t.when((0..n).map(|i| gone(format!("web-{i}"))).collect::<Vec<_>>());
        t.settle();
        prop_assert!(t.model.balancers[&lane("lb-1")].targets.is_empty());
    }
}
