//! cargo bench -p grace-benches --no-default-features --bench sign
//!
//! What does a signature cost, beside the hashing that no signer can avoid, and beside other signers?
//!
//! From the bytes of the body to the value of the `Authorization` header, in CPU time. In each round all contenders take
//! turns, and a ratio is formed within the round; printed are the median and the range over the rounds. Where the hashing
//! itself varies by more than 30 % between rounds the machine is too noisy to judge by time.
//!
//! The official SDKs run beside the contenders in Rust where `.ci/beside_sdks` has installed them.

#[path = "sign/instructions.rs"]
mod instructions;
#[path = "sign/sdk.rs"]
mod sdk;
#[path = "sign/signers.rs"]
mod signers;
#[path = "sign/vectors.rs"]
mod vectors;

use std::env;
use std::fs;
use std::process::Command;
use std::time::Duration;

use nix::time::{ClockId, clock_gettime};
use serde_json::{Value, json};

use sdk::{SDKS, Sdk};
use signers::{Signer, Task, compressions};

fn main() {
    if instructions::counted(&env::args().collect::<Vec<_>>()) {
        return;
    }
    let known_answers = vectors::check();
    println!("{known_answers} known answers are met");
    for (name, variable) in SDKS {
        if env::var_os(variable).is_none() {
            println!(
                "{name}: skipped, because {variable} names no command; .ci/beside_sdks sets it where the language is at hand"
            );
        }
    }
    let before = load();
    let bodies: Vec<Measured> = BODIES.iter().map(|(size, targets)| Measured::new(*size, *targets)).collect();
    let allocations = allocations();
    println!("{} allocations into a buffer, {} alone", allocations[0], allocations[1]);
    let goals = goals(&bodies, allocations);
    for goal in &goals {
        println!("{}", goal.shown());
    }
    println!(
        "{}",
        json!({
            "known_answers": known_answers,
            "rounds": ROUNDS,
            "load": { "before": before, "after": load() },
            "bodies": bodies.iter().map(Measured::json).collect::<Vec<_>>(),
            "allocations": { "into_a_buffer": allocations[0], "alone": allocations[1] },
            "goals": goals.iter().map(Goal::json).collect::<Vec<_>>(),
        })
    );
}

/// What was found with one body.
struct Measured {
    size: usize,
    /// Contender, and its nanoseconds of CPU per signature in each round. The first two are the hashing alone and this crate.
    nanos: Vec<(&'static str, Vec<f64>)>,
    /// Instructions of this crate and of the hashing alone.
    instructions: Option<[f64; 2]>,
}

impl Measured {
    fn new(size: usize, targets: usize) -> Self {
        let task = Task::new(size, targets);
        assert_eq!(task.body.len(), size);
        let mut sdks = Sdk::all(&task.body, &task.authorization());
        let names = Signer::ALL.iter().map(|signer| signer.name()).chain(sdks.iter().map(|sdk| sdk.name));
        let mut nanos: Vec<_> = names.map(|name| (name, Vec::new())).collect();
        // Signatures in a slice that takes about a millisecond.
        let turns = 25_000 / compressions(size);
        // One round more than counted: compilers at run time and caches warm up in it.
        for round in 0..=ROUNDS {
            let mut slices = [0.0; Signer::ALL.len()];
            for _ in 0..SLICES {
                for (slice, signer) in slices.iter_mut().zip(Signer::ALL) {
                    let begun = cpu();
                    task.run(signer, turns);
                    *slice += (cpu() - begun).as_secs_f64();
                }
            }
            let per_signature = 1e9 / (SLICES * turns) as f64;
            let compiled = slices.into_iter().map(|seconds| seconds * per_signature);
            // Enough for a garbage collector to take its share in each round.
            let asked: Vec<f64> = sdks.iter_mut().map(|sdk| sdk.run((2 * turns).max(1_000))).collect();
            for ((_, taken), found) in nanos.iter_mut().zip(compiled.chain(asked)) {
                if round > 0 {
                    taken.push(found);
                }
            }
        }
        let found = Self { size, nanos, instructions: instructions::per_signature(size, targets) };
        found.show();
        found
    }

    /// Ratios of one contender to another in each round: median, lowest, highest.
    fn ratio(&self, of: &str, to: &str) -> Option<[f64; 3]> {
        let taken = |name| self.nanos.iter().find(|(other, _)| *other == name).map(|(_, taken)| taken);
        Some(spread(taken(of)?.iter().zip(taken(to)?).map(|(of, to)| of / to).collect()))
    }

    /// Whether the hashing itself took more than 30 % longer in one round than in another.
    fn noisy(&self) -> bool {
        let [_, low, high] = spread(self.nanos[0].1.clone());
        high / low > 1.3
    }

    /// Instructions of this crate by those of the hashing alone.
    fn instructions_by_hashing(&self) -> Option<f64> {
        self.instructions.map(|[ours, hashing]| ours / hashing)
    }

    fn show(&self) {
        println!(
            "{} bytes, {} compressions{}",
            self.size,
            compressions(self.size),
            if self.noisy() { ", machine too noisy" } else { "" }
        );
        for (name, taken) in &self.nanos {
            let [nanos, ..] = spread(taken.clone());
            let [ratio, low, high] = self.ratio(name, "ours").unwrap_or_default();
            println!("  {name:<20} {nanos:>8.0} ns   {ratio:>6.2} times ours ({low:.2} to {high:.2})");
        }
        if let Some([ours, hashing]) = self.instructions {
            println!("  {ours:.0} instructions, {:.3} times the hashing", ours / hashing);
        }
    }

    fn json(&self) -> Value {
        let contender = |(name, taken): &(&str, Vec<f64>)| {
            let ratio = self.ratio(name, "ours").unwrap_or_default().map(hundredths);
            (name.to_string(), json!({ "ns": spread(taken.clone())[0].round(), "by_ours": ratio }))
        };
        json!({
            "bytes": self.size,
            "compressions": compressions(self.size),
            "too_noisy": self.noisy(),
            "contenders": self.nanos.iter().map(contender).collect::<serde_json::Map<_, _>>(),
            "ours_by_hashing": self.ratio("ours", "hashing").map(|ratio| ratio.map(hundredths)),
            "instructions": self.instructions.map(|counts| counts.map(f64::round)),
            "instructions_by_hashing": self.instructions_by_hashing().map(|ratio| (ratio * 1e3).round() / 1e3),
        })
    }
}

/// A number to meet.
struct Goal {
    what: String,
    /// What would be good.
    bound: Bound,
    /// What was found; nothing where it was skipped.
    found: Option<f64>,
    /// Whether it is a time on a machine too noisy to judge by.
    noisy: bool,
}

/// Which side of a number is good.
#[derive(Clone, Copy)]
enum Bound {
    AtMost(f64),
    AtLeast(f64),
}

impl Goal {
    fn verdict(&self) -> &'static str {
        match (self.found, self.bound) {
            (None, _) => "skipped",
            (Some(found), Bound::AtMost(bound)) if found <= bound => "met",
            (Some(found), Bound::AtLeast(bound)) if found >= bound => "met",
            _ if self.noisy => "machine too noisy",
            _ => "missed",
        }
    }

    fn bound(&self) -> String {
        match self.bound {
            Bound::AtMost(bound) => format!("<= {bound}"),
            Bound::AtLeast(bound) => format!(">= {bound}"),
        }
    }

    fn shown(&self) -> String {
        let found = self.found.map_or_else(|| "-".to_owned(), |found| format!("{found:.3}"));
        format!("{:<52} {:>8}  {found:>8}  {}", self.what, self.bound(), self.verdict())
    }

    fn json(&self) -> Value {
        json!({ "what": self.what, "goal": self.bound(), "found": self.found.map(hundredths), "verdict": self.verdict() })
    }
}

/// The goals of this bench. Times are judged by the median of the ratios.
fn goals(bodies: &[Measured], [into_a_buffer, alone]: [f64; 2]) -> Vec<Goal> {
    let goal = |what: String, bound, found, noisy| Goal { what, bound, found, noisy };
    let mut goals = Vec::new();
    for (body, bound) in bodies.iter().zip([1.6, 1.15]) {
        let what = format!("S1 time by that of the hashing, {} bytes", body.size);
        let found = body.ratio("ours", "hashing").map(|[median, ..]| median);
        goals.push(goal(what, Bound::AtMost(bound), found, body.noisy()));
    }
    for body in bodies {
        let what = format!("S1 instructions by those of the hashing, {} bytes", body.size);
        goals.push(goal(what, Bound::AtMost(1.06), body.instructions_by_hashing(), false));
    }
    goals.push(goal("S2 allocations into a buffer".into(), Bound::AtMost(0.0), Some(into_a_buffer), false));
    goals.push(goal("S2 allocations alone".into(), Bound::AtMost(1.0), Some(alone), false));
    let peers = Signer::ALL[2..].iter().map(|signer| signer.name()).chain(SDKS.map(|(name, _)| name));
    for (name, bound) in peers.zip([3.5, 3.5, 8.0, 15.0, 16.0]) {
        let [body, ..] = bodies else { continue };
        let found = body.ratio(name, "ours").map(|[median, ..]| median);
        goals.push(goal(
            format!("S3 {name} by ours, {} bytes", body.size),
            Bound::AtLeast(bound),
            found,
            body.noisy(),
        ));
    }
    goals
}

/// CPU time of this thread.
fn cpu() -> Duration {
    clock_gettime(ClockId::CLOCK_THREAD_CPUTIME_ID).expect("a clock of every Linux").into()
}

/// Allocations per signature, into a buffer and alone.
fn allocations() -> [f64; 2] {
    let run = Command::new(env!("CARGO_BIN_EXE_sign_allocations")).output().expect("built with this bench");
    let told = String::from_utf8_lossy(&run.stdout).into_owned();
    let mut counts = told.split_whitespace().map(|count| count.parse().expect("a number"));
    [(); 2].map(|()| counts.next().expect("two numbers"))
}

/// Programs that want to run, over the last minute.
fn load() -> Option<f64> {
    fs::read_to_string("/proc/loadavg").ok()?.split_whitespace().next()?.parse().ok()
}

/// Median, lowest and highest.
fn spread(mut found: Vec<f64>) -> [f64; 3] {
    found.sort_by(f64::total_cmp);
    [found[found.len() / 2], found[0], found[found.len() - 1]]
}

fn hundredths(number: f64) -> f64 {
    (number * 100.0).round() / 100.0
}

/// Bytes of a body, and how many targets it names; the last is the largest batch.
const BODIES: [(usize, usize); 3] = [(384, 5), (3_039, 50), (29_889, 500)];
const ROUNDS: usize = 15;
/// Turns of each compiled contender in a round; short, so that all of them see the same machine.
const SLICES: usize = 10;
