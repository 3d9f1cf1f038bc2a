//! Weight calls against the fewest that could do.

use fastrand::Rng;
use grace_core::Limits;
use serde_json::json;

use super::{Size, deleted, fewest, figure, limits, ready, services, size};
use crate::call::Verb;
use crate::words::*;

/// So many calls for all Pods of these Services, deleted at once.
fn calls(sizes: &[Size], limits: Limits, rng: &mut Rng, graces: &[u64]) -> usize {
    let mut t = services(sizes, limits);
    let all: Vec<(usize, usize)> =
        sizes.iter().enumerate().flat_map(|(s, size)| (0..size.pods).map(move |n| (s, n))).collect();
    t.given(all.iter().map(|(s, n)| ready(*s, *n)).collect::<Vec<_>>());
    t.when(
        all.iter()
            .map(|(s, n)| deleted(*s, *n, seconds(*rng.choice(graces).expect("some"))))
            .collect::<Vec<_>>(),
    );
    t.settle();
    let targets: usize = sizes.iter().map(|size| size.pods * size.pools).sum();
    assert_eq!(t.writes().len(), targets, "each target once");
    t.count(Verb::Weights)
}

/// A random set of Services on one load balancer.
fn workload(rng: &mut Rng, services: usize, pods: usize, pools: usize) -> Vec<Size> {
    (0..rng.usize(1..=services))
        .map(|_| Size { pods: rng.usize(1..=pods), pools: rng.usize(1..=pools) })
        .collect()
}

#[test]
fn a1_random_workloads_of_several_services_take_ten_percent_more_than_the_bound_at_most() {
    let runs = size(30, 2_000);
    for (e, graces) in [(1, &[30][..]), (10, &[30]), (1, &[10, 30, 60, 90]), (10, &[10, 30, 60, 90])] {
        let (mut found, mut bound, mut exact, mut worst) = (0, 0, 0, 1.0_f64);
        for seed in 0..runs {
            let mut rng = Rng::with_seed(seed);
            let sizes = workload(&mut rng, 8, 120, 12);
            let (took, least) = (calls(&sizes, limits(e), &mut rng, graces), fewest(&sizes, usize::from(e)));
            assert!(
                took <= least + (least / 10).max(1),
                "seed {seed}, e = {e}: {took} calls, {least} would do for {sizes:?}"
            );
            (found, bound, exact) = (found + took, bound + least, exact + u64::from(took == least));
            worst = worst.max(took as f64 / least as f64);
        }
        let kills = if graces.len() == 1 { "one kill time" } else { "random kill times" };
        figure(
            &format!("calls_against_bound_e{e}_{}", kills.replace(' ', "_")),
            &json!({ "workloads": runs, "calls": found, "bound": bound, "exactly_the_bound": exact, "worst": worst }),
        );
        assert!(10 * found <= 11 * bound, "e = {e}, {kills}: {found} calls, {bound} would do");
    }
}

#[test]
fn a1_a_burst_of_one_service_takes_exactly_the_calls_of_the_formula() {
    let runs = size(20, 1_000);
    for seed in 0..runs {
        let mut rng = Rng::with_seed(seed);
        let pools = rng.usize(1..=100);
        let (pods, e) = (rng.usize(1..=(6_000 / pools).min(1_000)), *rng.choice(&[1, 10]).expect("some"));
        let whole = (1..=500 / pools).rev().find(|n| *n <= 50 * e && pools * n.div_ceil(50) <= 100);
        let expected = pods.div_ceil(whole.expect("one Pod fits"));
        let took = calls(&[Size { pods, pools }], limits(u16::try_from(e).expect("small")), &mut rng, &[30]);
        assert_eq!(took, expected, "seed {seed}: {pods} Pods on {pools} listeners, e = {e}");
    }
    figure("calls_of_a_burst", &json!({ "bursts": runs, "exactly_the_formula": runs }));
}

/// The fewest calls that take these Pods whole, found by trying every way to part them.
fn optimum(pods: &[(usize, usize)], limits: Limits) -> usize {
    let fits = |set: usize| {
        let chosen = pods.iter().enumerate().filter(|(n, _)| set >> n & 1 == 1).map(|(_, pod)| *pod);
        let mut of_service = std::collections::BTreeMap::<usize, (usize, usize)>::new();
        for (service, pools) in chosen {
            let (count, _) = of_service.entry(service).or_insert((0, pools));
            *count += 1;
        }
        let (per_element, e) = (usize::from(limits.per_element), usize::from(limits.elements_per_pool));
        let targets: usize = of_service.values().map(|(count, pools)| count * pools).sum();
        let elements: usize =
            of_service.values().map(|(count, pools)| count.div_ceil(per_element) * pools).sum();
        targets <= usize::from(limits.batch)
            && elements <= usize::from(limits.elements)
            && of_service.values().all(|(count, _)| *count <= per_element * e)
    };
    let all = (1_usize << pods.len()) - 1;
    let mut least = vec![usize::MAX; all + 1];
    least[0] = 0;
    for set in 1..=all {
        let mut part = set;
        while part > 0 {
            if fits(part) && least[set & !part] != usize::MAX {
                least[set] = least[set].min(least[set & !part] + 1);
            }
            part = (part - 1) & set;
        }
    }
    least[all]
}

#[test]
fn a1_small_workloads_take_the_optimum_or_one_call_more() {
    let runs = size(150, 10_000);
    let (mut exact, mut found, mut best) = (0, 0, 0);
    for seed in 0..runs {
        let mut rng = Rng::with_seed(seed);
        let limits = Limits {
            batch: rng.u16(4..=8),
            elements: rng.u16(4..=6),
            per_element: rng.u16(1..=3),
            elements_per_pool: rng.u16(1..=2),
            ..Limits::default()
        };
        let sizes = workload(&mut rng, 3, 3, 4);
        let pods: Vec<(usize, usize)> = sizes
            .iter()
            .enumerate()
            .flat_map(|(service, size)| (0..size.pods).map(move |_| (service, size.pools)))
            .collect();
        let (took, least) = (calls(&sizes, limits, &mut rng, &[30]), optimum(&pods, limits));
        assert!(
            took <= least + 1,
            "seed {seed}: {took} calls, {least} are the optimum for {sizes:?}, {limits:?}"
        );
        if sizes.len() == 1 {
            assert_eq!(took, least, "seed {seed}: one Service, {sizes:?}, {limits:?}");
        }
        (exact, found, best) = (exact + u64::from(took == least), found + took, best + least);
    }
    figure(
        "calls_against_optimum",
        &json!({ "workloads": runs, "calls": found, "optimum": best, "exactly_the_optimum": exact }),
    );
    assert!(10 * exact >= 9 * runs, "{exact} of {runs} take the optimum");
}

/// Calls of a batcher that sends whenever the load balancer is free, whole Pods at a time.
fn natural(arrivals: &[u64], task: u64, most: usize) -> usize {
    let (mut free, mut calls, mut sent) = (0, 0, 0);
    while sent < arrivals.len() {
        let now = free.max(arrivals[sent]);
        let waiting = arrivals[sent..].iter().take_while(|at| **at <= now).count();
        sent += waiting.min(most);
        calls += 1;
        free = now + task;
    }
    calls
}

#[test]
fn a1_no_pattern_of_arrival_costs_more_than_natural_batching_and_one_call() {
    let runs = size(30, 2_000);
    let (mut found, mut at_once) = (0, 0);
    for seed in 0..runs {
        let mut rng = Rng::with_seed(seed);
        let (pools, e) = (rng.usize(1..=20), *rng.choice(&[1, 10]).expect("some"));
        let task = 1_000 * rng.choice(&[1, 2, 5]).expect("some");
        let pods = rng.usize(2..=120);
        // A trickle, or waves.
        let (waves, spread) = (rng.u64(1..=5), *rng.choice(&[10, 300, 2_000, 10_000]).expect("some"));
        let mut arrivals: Vec<u64> =
            (0..pods).map(|_| rng.u64(0..waves) * 4_000 + rng.u64(0..spread)).collect();
        arrivals.sort_unstable();
        let mut t = services(&[Size { pods, pools }], limits(u16::try_from(e).expect("small")));
        t.model.timing.task = millis(task);
        t.given((0..pods).map(|n| ready(0, n)).collect::<Vec<_>>());
        let start = t.now;
        for (n, at) in arrivals.iter().enumerate() {
            t.run_until(start + millis(*at));
            t.when(deleted(0, n, seconds(600)));
        }
        t.settle();
        let most = (1..=500 / pools).rev().find(|n| *n <= 50 * e && pools * n.div_ceil(50) <= 100);
        let (took, natural) = (t.count(Verb::Weights), natural(&arrivals, task, most.expect("one Pod fits")));
        assert!(took <= natural + 1, "seed {seed}: {took} calls, {natural} when sent at once");
        (found, at_once) = (found + took, at_once + natural);
    }
    figure(
        "calls_against_natural_batching",
        &json!({ "patterns": runs, "calls": found, "natural": at_once }),
    );
}
