//! cargo bench -p grace-benches --bench decide
//!
//! What does one Pod event cost in the core when there are 10^4, 10^5 and 10^6 targets?
//!
//! Pods have two targets each: a Service of 100 Pods with two ports on two listeners, 25 Services on one CLB. The events
//! are changes of the weight that a Pod asks for, of Pods drawn at random, while a write is open on every CLB: each event
//! is decided, planned and queued, and no call leaves. Reported are time, allocations and instructions, and the instructions
//! that each further target of a Pod costs.

#[path = "decide/world.rs"]
mod world;

use std::alloc::System;
use std::time::{Duration, Instant};

use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};

use world::{World, deliver};

#[global_allocator]
static HEAP: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    if let [_, mode, pods, ports, events] = &arguments[..]
        && mode == COUNTED
    {
        let number = |text: &str| text.parse().expect("a number, as `collected` wrote it");
        let mut world = World::busy(number(pods), ports.parse().expect("a number of ports"));
        let events = world.events(number(events));
        deliver(&mut world, &events);
        return;
    }
    let sizes = times();
    let instructions = instructions();

    let exponent = |low: f64, high: f64, factor: f64| round((high / low).ln() / factor.ln(), 1e3);
    let medians: Vec<f64> = sizes.iter().map(Size::median).collect();
    let (ratio, time_exponent) =
        (round(medians[2] / medians[0], 10.0), exponent(medians[0], medians[2], 100.0));
    println!("time at 10^6 is {ratio} times that at 10^4 (goal: 10), exponent {time_exponent}");
    let instruction_exponent = instructions.as_ref().map(|counts| {
        let exponent = exponent(counts.two[0], counts.two[2], 100.0);
        let [low, middle, high] = counts.two;
        println!(
            "{low:.0} instructions per event at 10^4, {middle:.0} at 10^5, {high:.0} at 10^6 (goal: 1200), exponent {exponent} \
             (goal: 0.02); {:.0} for each further target (goal: 150)",
            counts.further,
        );
        exponent
    });
    let figures = serde_json::json!({
        "targets": sizes.iter().map(|size| size.targets).collect::<Vec<_>>(),
        "ns_per_event_median": medians.iter().map(|nanos| round(*nanos, 1.0)).collect::<Vec<_>>(),
        "ns_per_event_least": sizes.iter().map(|size| round(size.nanos[0], 1.0)).collect::<Vec<_>>(),
        "ns_per_event_most": sizes.iter().map(|size| round(size.nanos[ROUNDS - 1], 1.0)).collect::<Vec<_>>(),
        "time_ratio": ratio,
        "time_exponent": time_exponent,
        "allocations_per_event": sizes.iter().map(|size| size.allocations).collect::<Vec<_>>(),
        "instructions_per_event": instructions.as_ref().map(|counts| counts.two.map(|count| round(count, 1.0))),
        "instructions_per_further_target": instructions.as_ref().map(|counts| round(counts.further, 1.0)),
        "instruction_exponent": instruction_exponent,
    });
    println!("{figures}");
}

/// What was measured at one number of targets.
struct Size {
    targets: usize,
    /// Nanoseconds per event by round, ascending.
    nanos: Vec<f64>,
    allocations: f64,
}

impl Size {
    fn median(&self) -> f64 {
        self.nanos[ROUNDS / 2]
    }
}

/// Time and allocations at three sizes, in interleaved rounds.
fn times() -> Vec<Size> {
    let mut worlds = SIZES.map(|targets| World::busy(targets / 2, 2));
    let mut nanos = [const { Vec::new() }; 3];
    let mut lookups = Vec::new();
    for _ in 0..ROUNDS {
        lookups.push(lookup());
        for (world, nanos) in worlds.iter_mut().zip(&mut nanos) {
            let mut spent = Duration::ZERO;
            for _ in 0..20 {
                let events = world.events(1_000);
                let begun = Instant::now();
                assert_eq!(deliver(world, &events), 0, "a call left a busy CLB");
                spent += begun.elapsed();
            }
            nanos.push(spent.as_secs_f64() * 1e9 / 20_000.0);
        }
    }
    lookups.sort_by(f64::total_cmp);
    let noise = lookups[ROUNDS - 1] / lookups[0];
    println!(
        "a random lookup in 64 MB: {:.0} ns, worst round {noise:.2} times the best",
        lookups[ROUNDS / 2]
    );
    if noise > 1.3 {
        println!("that is more than 1.30: the machine was too noisy for times; all the rest counts");
    }
    let mut sizes = Vec::new();
    for ((world, mut nanos), targets) in worlds.iter_mut().zip(nanos).zip(SIZES) {
        nanos.sort_by(f64::total_cmp);
        let events = world.events(10_000);
        let region = Region::new(HEAP);
        deliver(world, &events);
        let change = region.change();
        let size = Size {
            targets,
            allocations: (change.allocations + change.reallocations) as f64 / events.len() as f64,
            nanos,
        };
        println!(
            "{:>8} targets: {:>5.0} ns per event ({:.0} to {:.0} in {ROUNDS} rounds), {} allocations (goal: 0)",
            size.targets,
            size.median(),
            size.nanos[0],
            size.nanos[ROUNDS - 1],
            size.allocations,
        );
        sizes.push(size);
    }
    sizes
}

/// Nanoseconds of one read at a random place: what the machine allows.
fn lookup() -> f64 {
    let table = vec![1_u64; 8 << 20];
    let mut at = 1_u64;
    let begun = Instant::now();
    for _ in 0..200_000 {
        // Each place depends on the last read, so that reads do not overlap.
        let place = usize::try_from(at >> 41).unwrap_or(0);
        at = at.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(table[place]);
    }
    std::hint::black_box(at);
    begun.elapsed().as_secs_f64() * 1e9 / 200_000.0
}

/// Instructions per event.
struct Instructions {
    /// Of Pods with two targets, at 10^4, 10^5 and 10^6 targets.
    two: [f64; 3],
    /// More for each further target.
    further: f64,
}

/// Each the difference of two runs under callgrind.
fn instructions() -> Option<Instructions> {
    let per_event =
        |pods, ports| Some((collected(pods, ports, 10_000)? - collected(pods, ports, 2_000)?) / 8_000.0);
    let counts = || {
        let two = [per_event(5_000, 2)?, per_event(50_000, 2)?, per_event(500_000, 2)?];
        Some(Instructions { two, further: (per_event(5_000, 4)? - two[0]) / 2.0 })
    };
    let counts = counts();
    if counts.is_none() {
        println!("instructions: skipped, because valgrind is not installed or does not run this program");
    }
    counts
}

/// Instructions spent in `deliver` by a run with so many events.
fn collected(pods: usize, ports: u16, events: usize) -> Option<f64> {
    let arguments = [COUNTED, &pods.to_string(), &ports.to_string(), &events.to_string()];
    grace_benches::instructions(&arguments, Some("*world::deliver*"))
}

fn round(number: f64, steps: f64) -> f64 {
    (number * steps).round() / steps
}

const SIZES: [usize; 3] = [10_000, 100_000, 1_000_000];
const ROUNDS: usize = 9;
/// First argument of a run under callgrind.
const COUNTED: &str = "counted";
