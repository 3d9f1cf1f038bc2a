//! Many worlds, and what is to be said of them together.

use std::fmt::Write as _;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use crate::histogram::Histogram;
use crate::rest::Outcome;
use crate::sim::Sim;
use crate::swarm::{Counts, Kind};

/// Every so many seeds the same world is run without faults too, and both must end alike.
const COMPARED: u64 = 4;

/// All worlds together.
#[derive(Clone, Debug)]
struct Totals {
    seeds: u64,
    counts: Counts,
    dying: Histogram,
    idle: Histogram,
    /// Wrong-weight seconds of whole worlds.
    per_seed: Histogram,
    repaired_in: Histogram,
    /// The same without faults.
    calm: Calm,
    calls: [u64; 7],
    events: u64,
    orphans: u64,
    failed: Vec<u64>,
}

/// Worlds without faults.
#[derive(Clone, Debug, Default)]
struct Calm {
    seeds: u64,
    drains: u64,
    exceptions: u64,
    behind_others: u64,
    dying: Histogram,
    idle: Histogram,
}

impl Default for Totals {
    fn default() -> Self {
        Self {
            seeds: 0,
            counts: [0; Kind::ALL.len()],
            dying: Histogram::default(),
            idle: Histogram::default(),
            per_seed: Histogram::default(),
            repaired_in: Histogram::default(),
            calm: Calm::default(),
            calls: [0; 7],
            events: 0,
            orphans: 0,
            failed: Vec::new(),
        }
    }
}

impl Totals {
    fn add(&mut self, outcome: &Outcome) {
        self.seeds += 1;
        for (total, count) in self.counts.iter_mut().zip(outcome.counts) {
            *total += count;
        }
        self.dying.merge(&outcome.wrong.dying);
        self.idle.merge(&outcome.wrong.idle);
        self.per_seed.add(outcome.wrong.dying.sum + outcome.wrong.idle.sum);
        self.repaired_in.add(outcome.repaired_in);
        for (total, count) in self.calls.iter_mut().zip(outcome.calls) {
            *total += count;
        }
        self.events += outcome.events;
        self.orphans += outcome.orphans;
    }

    fn add_calm(&mut self, outcome: &Outcome) {
        self.calm.seeds += 1;
        self.calm.drains += outcome.slo.drains;
        self.calm.exceptions += outcome.slo.exceptions;
        self.calm.behind_others += outcome.slo.behind_others;
        self.calm.dying.merge(&outcome.wrong.dying);
        self.calm.idle.merge(&outcome.wrong.idle);
    }

    fn merge(&mut self, other: &Self) {
        self.seeds += other.seeds;
        for (total, count) in self.counts.iter_mut().zip(other.counts) {
            *total += count;
        }
        self.dying.merge(&other.dying);
        self.idle.merge(&other.idle);
        self.per_seed.merge(&other.per_seed);
        self.repaired_in.merge(&other.repaired_in);
        self.calm.seeds += other.calm.seeds;
        self.calm.drains += other.calm.drains;
        self.calm.exceptions += other.calm.exceptions;
        self.calm.behind_others += other.calm.behind_others;
        self.calm.dying.merge(&other.calm.dying);
        self.calm.idle.merge(&other.calm.idle);
        for (total, count) in self.calls.iter_mut().zip(other.calls) {
            *total += count;
        }
        self.events += other.events;
        self.orphans += other.orphans;
        self.failed.extend(&other.failed);
    }

    fn json(&self, took: Duration) -> String {
        let seconds = |span: Duration| format!("{:.1}", span.as_secs_f64());
        let spans = |h: &Histogram| {
            format!(
                r#"{{"n":{},"sum":{},"p50":{},"p99":{},"max":{}}}"#,
                h.count,
                seconds(h.sum),
                seconds(h.quantile(500)),
                seconds(h.quantile(990)),
                seconds(h.max)
            )
        };
        let mut faults = String::new();
        for kind in Kind::ALL {
            let comma = if faults.is_empty() { "" } else { "," };
            write!(faults, r#"{comma}"{}":{}"#, kind.name(), self.counts[*kind as usize])
                .expect("a string takes it");
        }
        let writes: u64 = self.calls[..3].iter().sum();
        format!(
            r#"{{"seeds":{},"failed":{},"seconds":{},"events":{},"writes":{writes},"reads":{},"wrong_weight_seconds":{{"terminating":{},"ready":{},"per_seed":{}}},"without_faults":{{"seeds":{},"terminating":{},"ready":{},"drains":{},"d3_exceptions":{},"behind_aged_calls":{}}},"repaired_in_seconds":{},"orphans":{},"faults":{{{faults}}}}}"#,
            self.seeds,
            self.failed.len(),
            seconds(took),
            self.events,
            self.calls[3],
            spans(&self.dying),
            spans(&self.idle),
            spans(&self.per_seed),
            self.calm.seeds,
            spans(&self.calm.dying),
            spans(&self.calm.idle),
            self.calm.drains,
            self.calm.exceptions,
            self.calm.behind_others,
            spans(&self.repaired_in),
            self.orphans,
        )
    }
}

fn number(name: &str, usual: u64) -> u64 {
    match std::env::var(name) {
        Ok(text) => text.parse().unwrap_or_else(|_| panic!("{name} is a number, not {text:?}")),
        Err(_) => usual,
    }
}

#[expect(clippy::disallowed_methods, reason = "the test machine is measured, not the tested one")]
fn clock() -> std::time::Instant {
    std::time::Instant::now()
}

/// One world, with its twin without faults where both are compared.
fn one(seed: u64, totals: &mut Totals) {
    let outcome = Sim::run(seed, false);
    totals.add(&outcome);
    if seed.is_multiple_of(COMPARED) {
        let calm = Sim::run(seed, true);
        assert_eq!(calm.cluster, outcome.cluster, "both runs have the same cluster");
        assert_eq!(calm.slo.exceptions, 0, "D3: a drain took longer than it may: {:?}", calm.slo.worst);
        let orphan = |key: &&crate::place::Key| !outcome.stands.contains_key(key);
        let missing: Vec<_> = calm.stands.keys().filter(orphan).collect();
        assert!(
            missing.is_empty(),
            "with faults it ends without {missing:?}, which stand there without them"
        );
        totals.add_calm(&calm);
    }
}

fn campaign(first: u64, seeds: u64, threads: u64) -> Totals {
    let (next, all) = (AtomicU64::new(first), Mutex::new(Totals::default()));
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                let mut totals = Totals::default();
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= first + seeds {
                        break;
                    }
                    let fine = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| one(seed, &mut totals)));
                    if fine.is_err() {
                        totals.failed.push(seed);
                        println!(
                            "seed {seed} failed; again: GRACE_SEED={seed} cargo test -p grace-core --test simulation a_world_again -- --nocapture"
                        );
                    }
                }
                all.lock().expect("no thread panicked").merge(&totals);
            });
        }
    });
    all.into_inner().expect("no thread panicked")
}

#[test]
fn l1_every_world_comes_to_rest_as_wanted_whatever_went_wrong() {
    let seeds = number("GRACE_SEEDS", 120);
    let first = number("GRACE_FIRST_SEED", 0);
    let started = clock();
    let totals = campaign(first, seeds, number("GRACE_THREADS", 2));
    println!("{}", totals.json(started.elapsed()));
    assert!(
        totals.failed.is_empty(),
        "{} of {seeds} worlds failed, the first: {:?}",
        totals.failed.len(),
        totals.failed.iter().min()
    );
    if seeds >= 100_000 {
        for kind in Kind::ALL {
            let count = totals.counts[*kind as usize];
            assert!(count >= 1_000, "{} happened {count} times only", kind.name());
        }
    }
}

/// Each failed once, by a fault of the core or of its judges.
const FOUND_SOMETHING: [u64; 25] = [
    129, 164, 311, 362, 642, 699, 764, 815, 915, 1044, 1130, 1352, 1429, 2000, 2048, 2138, 2260, 2274, 2353,
    2677, 2824, 2827, 4502, 6207, 7862,
];

#[test]
fn l1_the_worlds_that_found_something_come_to_rest_too() {
    let mut totals = Totals::default();
    for seed in FOUND_SOMETHING {
        println!("seed {seed}");
        one(seed, &mut totals);
    }
}

#[test]
fn s15_the_same_seed_gives_the_same_trace() {
    let traces = |first: u64| (first..first + 40).map(|seed| Sim::run(seed, false).trace).collect::<Vec<_>>();
    let (once, again) = (traces(0), traces(0));
    assert_eq!(once, again);
    assert_ne!(once, traces(40), "a trace says something");
}

#[test]
fn a_world_again() {
    let seed = number("GRACE_SEED", 7);
    let mut totals = Totals::default();
    one(seed, &mut totals);
    println!("{}", totals.json(Duration::ZERO));
}
