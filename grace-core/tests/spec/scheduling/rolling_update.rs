//! A rolling update of 400 Pods on ten listeners of one slow load balancer, with registrations, deregistrations and reads
//! competing; beside it what first come, first served would have done with the same events.

use std::time::Duration;

use fastrand::Rng;
use grace_core::Time;
use serde_json::json;

use super::{Size, address_of, as_millis, deleted, figure, limits, ready, services, size, zero_at};
use crate::call::Verb;
use crate::words::*;

const POOLS: usize = 10;
const WAVES: usize = 4;
/// From wave to wave.
const PAUSE: u64 = 20_000;
/// From the deletion of a Pod to the end of its object.
const GRACE: u64 = 30_000;
/// Whole Pods in one call.
const IN_A_CALL: usize = 50;

/// What happens to a Pod, in the order of its urgency where there is one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    Zero,
    Register,
    Deregister,
}

/// How long a call takes: a fifth more or less than T, and what comes on top.
fn takes(rng: &mut Rng, task: u64) -> u64 {
    task * rng.u64(80..=120) / 100 + 200
}

/// When what happens, in milliseconds: the Pods of each wave become ready, those that they replace are deleted.
fn events(rng: &mut Rng, in_a_wave: usize) -> Vec<(u64, Kind, usize)> {
    let mut events = Vec::new();
    for wave in 0..WAVES {
        let start = PAUSE * wave as u64;
        for n in wave * in_a_wave..(wave + 1) * in_a_wave {
            let asked = start + rng.u64(0..300);
            events.push((start + rng.u64(0..300), Kind::Register, n));
            events.push((asked, Kind::Zero, n));
            events.push((asked + GRACE, Kind::Deregister, n));
        }
    }
    events.sort_unstable();
    events
}

/// The worst time to weight 0 when calls leave in the order in which their changes came, whole batches of one kind.
fn first_come_first_served(events: &[(u64, Kind, usize)], rng: &mut Rng, task: u64) -> u64 {
    let mut waiting: Vec<(u64, Kind, usize)> = events.to_vec();
    let (mut free, mut worst) = (0, 0);
    while let Some((first, kind, _)) = waiting.first().copied() {
        let now = free.max(first + 30);
        let mut call = Vec::new();
        waiting.retain(|event| {
            let goes = event.0 <= now && event.1 == kind && call.len() < IN_A_CALL;
            if goes {
                call.push(event.0);
            }
            !goes
        });
        free = now + takes(rng, task);
        if kind == Kind::Zero {
            worst = call.iter().map(|asked| free - asked).max().unwrap_or(0).max(worst);
        }
    }
    worst
}

struct Figures {
    worst: Duration,
    mean: Duration,
    calls: [usize; 5],
    first_come: u64,
}

fn roll(seed: u64, in_a_wave: usize, task: u64, e: u16) -> Figures {
    let mut rng = Rng::with_seed(seed);
    let pods = WAVES * in_a_wave;
    let mut t = services(&[Size { pods, pools: POOLS }], limits(e));
    t.given((0..pods).map(|n| ready(0, n)).collect::<Vec<_>>());
    // The time of a task is known from earlier drains.
    t.model.timing.task = millis(task + 200);
    for n in 0..10 {
        t.given(ready(0, 4 * pods + n));
        t.given(deleted(0, 4 * pods + n, seconds(30)));
        t.given(gone(super::member(0, 4 * pods + n)));
    }
    let events = events(&mut rng, in_a_wave);
    let start = t.now;
    let mut asked: Vec<(usize, Time)> = Vec::new();
    let mut durations = Rng::with_seed(seed);
    for (at, kind, n) in &events {
        t.run_until(start + millis(*at));
        let span = takes(&mut durations, task);
        t.model.timing.task = millis(span);
        // A registration locks the load balancer as long as any other task.
        t.model.timing.answer = millis(span);
        match kind {
            Kind::Zero => {
                asked.push((*n, t.now));
                t.when(deleted(0, *n, millis(GRACE)));
            }
            Kind::Register => t.when(ready(0, pods + n)),
            Kind::Deregister => t.when(gone(super::member(0, *n))),
        }
    }
    t.settle();
    let took: Vec<Duration> =
        asked.iter().map(|(n, asked)| zero_at(&t, address_of(0, *n)).since(*asked)).collect();
    let verbs = [Verb::Weights, Verb::Register, Verb::Deregister, Verb::Read, Verb::Claim];
    Figures {
        worst: took.iter().max().copied().unwrap_or_default(),
        mean: took.iter().sum::<Duration>() / u32::try_from(took.len()).expect("some"),
        calls: verbs.map(|verb| t.count(verb)),
        first_come: first_come_first_served(&events, &mut rng, task),
    }
}

fn median<T: Ord + Copy>(mut all: Vec<T>) -> T {
    all.sort();
    all[all.len() / 2]
}

#[test]
fn a5_the_worst_time_to_zero_of_a_rolling_update_of_400_pods_stays_short() {
    let (seeds, in_a_wave) = (size(1, 15), usize::try_from(size(50, 100)).expect("few"));
    for e in [1, 10] {
        for task in [1_000, 2_000, 5_000] {
            if task != 5_000 && size(0, 1) == 0 {
                continue;
            }
            let runs: Vec<Figures> = (0..seeds).map(|seed| roll(seed, in_a_wave, task, e)).collect();
            let worst = median(runs.iter().map(|run| run.worst).collect());
            let first_come = median(runs.iter().map(|run| run.first_come).collect());
            let pods = WAVES * in_a_wave;
            let writes = median(runs.iter().map(|run| run.calls[..3].iter().sum::<usize>()).collect());
            let of = |n: usize| median(runs.iter().map(|run| run.calls[n]).collect());
            figure(
                &format!("rolling_update_T{}_e{e}", task / 1_000),
                &json!({
                    "seeds": seeds, "pods": pods, "listeners": POOLS,
                    "worst_time_to_zero_ms_median": as_millis(worst),
                    "worst_time_to_zero_ms_of_all": as_millis(runs.iter().map(|run| run.worst).max().expect("some")),
                    "mean_time_to_zero_ms": as_millis(median(runs.iter().map(|run| run.mean).collect())),
                    "first_come_first_served_worst_ms_median": first_come,
                    "calls": { "weights": of(0), "register": of(1), "deregister": of(2), "reads": of(3), "claims": of(4) },
                    "writes_per_replaced_pod": writes as f64 / pods as f64,
                }),
            );
            assert!(10 * writes <= pods, "A3: {writes} writes for {pods} Pods");
            if task == 5_000 {
                assert!(worst <= millis(16_500), "e = {e}: {worst:?} in the median of {seeds} seeds");
            }
            assert!(
                u128::from(first_come) > worst.as_millis(),
                "first come, first served is slower: {first_come} ms against {worst:?}"
            );
        }
    }
}
