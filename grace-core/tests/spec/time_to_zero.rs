//! How long a Pod waits for its weight 0, and how many calls that takes, for any pattern of arrival.

use std::time::Duration;

use grace_core::DrainOn::Termination;
use grace_core::{Life, Limits, Resolution, Time};
use proptest::prelude::*;

use crate::call::Verb;
use crate::harness::Harness;
use crate::random_world::cases;
use crate::words::*;
use crate::world::{address, lane, pool};

/// A Pod that terminates: when, in milliseconds, and how much grace it has, in seconds.
type End = (u64, u64);

const TASK: Duration = Duration::from_secs(1);

fn run(pools: usize, e: u16, ends: &[End]) -> (Harness, Time) {
    let known: Vec<_> = (0..pools).map(|i| (lane("lb-1"), pool(&format!("lbl-{i}")))).collect();
    let mut t = Harness::of([
        drains("web", Termination),
        bound("web", ["lb-1/lbl-0"]),
        route("web", move |route| route.pools = Resolution::Known(known)),
        Fact::new(move |world, _| {
            world.lane("lb-1").limits = Limits { elements_per_pool: e, ..Limits::default() };
        }),
    ]);
    t.given((0..ends.len()).map(|i| serving(format!("web-{i}"))).collect::<Vec<_>>());
    let start = t.now;
    let mut order: Vec<_> = ends.iter().enumerate().collect();
    order.sort_by_key(|(_, (at, _))| *at);
    for (i, (at, grace)) in order {
        t.run_until(start + millis(*at));
        let grace = seconds(*grace);
        t.when(pod(format!("web-{i}"), move |pod, now| {
            pod.facts.life = Life::Terminating { asked: now, kill: now + grace };
        }));
    }
    t.settle();
    (t, start)
}

/// performance.md 5.1: the fewest calls for so many Pods on each of these listeners.
fn bound_of(pods: usize, pools: usize, e: usize) -> usize {
    let per_pool = pods.div_ceil(50 * e);
    let elements = (pools * pods.div_ceil(50)).div_ceil(100);
    (pods * pools).div_ceil(500).max(per_pool).max(elements)
}

/// Calls of a batcher that sends whenever the lane is free, whole Pods at a time.
fn natural(ends: &[End], pools: usize, e: usize) -> usize {
    let most = (1..=500 / pools).rev().find(|n| *n <= 50 * e && pools * n.div_ceil(50) <= 100).unwrap_or(1);
    let mut at: Vec<_> = ends.iter().map(|(at, _)| *at).collect();
    at.sort_unstable();
    let (mut free, mut calls, mut sent) = (0, 0, 0);
    while sent < at.len() {
        let now = free.max(at[sent]);
        let waiting = at[sent..].iter().take_while(|when| **when <= now).count();
        sent += waiting.min(most);
        calls += 1;
        free = now + 1_000;
    }
    calls
}

proptest! {
    #![proptest_config(cases(24))]

    /// D3: linger + what is under way + one call for itself and those for all Pods that are killed earlier.
    #[test]
    fn d3_a_zero_comes_in_time_for_any_pattern(
        pools in 1_usize..12,
        many in any::<bool>(),
        ends in prop::collection::vec((0_u64..4_000, 5_u64..60), 1..80),
    ) {
        let e = if many { 10 } else { 1 };
        let (t, start) = run(pools, e, &ends);
        for (i, (at, grace)) in ends.iter().enumerate() {
            let asked = start + millis(*at);
            let kill = |(at, grace): &End| at + 1_000 * grace;
            let earlier = ends.iter().filter(|end| kill(end) <= kill(&(*at, *grace))).count() - 1;
            let calls = 1 + bound_of(earlier, pools, usize::from(e));
            // Linger (at most 300 ms in a stream of events), the call under way, the calls ahead and its own.
            let most = millis(300) + TASK + TASK * u32::try_from(calls).expect("few");
            let zero = t.model.history.iter().filter(|h| {
                h.target.address == address(&format!("web-{i}")) && h.after == Some(crate::world::w(0))
            });
            let zeros: Vec<_> = zero.map(|h| h.at).collect();
            prop_assert_eq!(zeros.len(), pools, "web-{} reached 0 on each listener once", i);
            let took = zeros.iter().map(|zero| zero.since(asked)).max().unwrap_or_default();
            prop_assert!(took <= most, "web-{i} took {took:?}, at most {most:?} with {earlier} Pods ahead");
        }
    }

    #[test]
    fn a1_no_pattern_costs_more_than_natural_batching_and_one_call(
        pools in 1_usize..12,
        many in any::<bool>(),
        ends in prop::collection::vec((0_u64..4_000, Just(30_u64)), 1..80),
    ) {
        let e = if many { 10 } else { 1 };
        let (t, _) = run(pools, e, &ends);
        let natural = natural(&ends, pools, usize::from(e));
        let calls = t.count(Verb::Weights);
        prop_assert_eq!(t.writes().len(), ends.len() * pools);
        prop_assert!(calls <= natural + 1, "{calls} calls, {natural} when sent at once");
    }

    /// Several Services with listeners of their own, all at once: within ten percent of the fewest possible calls.
    #[test]
    fn a1_several_services_share_their_calls(sizes in prop::collection::vec((1_usize..60, 1_usize..6), 1..5)) {
        let mut facts = Vec::new();
        let mut listeners = 0;
        for (i, (_, pools)) in sizes.iter().enumerate() {
            let known: Vec<_> =
                (listeners..listeners + pools).map(|i| (lane("lb-1"), pool(&format!("lbl-{i}")))).collect();
            listeners += pools;
            facts.push(drains(format!("s{i}"), Termination));
            facts.push(route(format!("s{i}"), move |route| route.pools = Resolution::Known(known)));
        }
        facts.push(Fact::new(|world, _| {
            world.lane("lb-1");
        }));
        let mut t = Harness::of(facts);
        let pods: Vec<_> = sizes
            .iter()
            .enumerate()
            .flat_map(|(i, (pods, _))| (0..*pods).map(move |n| format!("s{i}-{n}")))
            .collect();
        t.given(pods.iter().cloned().map(serving).collect::<Vec<_>>());
        t.when(pods.iter().cloned().map(terminating).collect::<Vec<_>>());
        t.settle();
        let targets: usize = sizes.iter().map(|(pods, pools)| pods * pools).sum();
        let elements: usize = sizes.iter().map(|(pods, pools)| pools * pods.div_ceil(50)).sum();
        let fullest = sizes.iter().map(|(pods, _)| pods.div_ceil(50)).max().unwrap_or(0);
        let fewest = targets.div_ceil(500).max(elements.div_ceil(100)).max(fullest);
        prop_assert_eq!(t.writes().len(), targets);
        let most = fewest + fewest.div_ceil(10);
        prop_assert!(t.count(Verb::Weights) <= most, "{} calls, {fewest} would do", t.count(Verb::Weights));
    }
}
