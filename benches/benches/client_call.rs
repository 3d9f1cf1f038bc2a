//! cargo bench -p grace-benches --bench client_call
//!
//! What does a call cost the caller, beside a bare POST of the same bytes, and beside the official SDKs?
//!
//! One mock of the API in a process of its own answers all contenders, who take turns within each round. A call of ours builds
//! its body of 384 bytes from objects, signs, sends and parses; the bare POST sends bytes that were signed before and reads
//! the answer as bytes. What is compared is the processor time, user and system, of the process that calls.
//!
//! `GRACE_SDK_PYTHON`, `GRACE_SDK_NODE` and `GRACE_SDK_GO` name programs that have the SDKs; `.ci/beside_sdks` sets them where
//! their languages are at hand, then runs this.

#[path = "client_call/contender.rs"]
mod contender;
#[path = "client_call/mock.rs"]
mod mock;
#[path = "client_call/ratio.rs"]
mod ratio;
#[path = "client_call/sdk.rs"]
mod sdk;

use std::error::Error;
use std::hint::black_box;
use std::time::{Duration, Instant};

use nix::sys::resource::{UsageWho, getrusage};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use contender::{Bare, Ours};
use mock::Mock;
use ratio::Ratio;
use sdk::Sdk;

type Failed = Box<dyn Error + Send + Sync>;

fn main() -> Result<(), Failed> {
    if std::env::args().any(|argument| argument == mock::ROLE) {
        return mock::serve();
    }
    // One thread: with more, the time that threads take to wake each other is measured too, and it is the machine's.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(measured())
}

/// All rounds, and what came of them.
async fn measured() -> Result<(), Failed> {
    let mock = Mock::start()?;
    let ours = Ours::new(mock.endpoint()?)?;
    let bare = Bare::new(mock.endpoint()?).await?;
    let sdks = sdk::found();
    ours.calls(1_000, 16).await?;
    bare.calls(1_000, 16).await?;

    let (mut alone, mut many) = (Ratio::default(), Ratio::default());
    let mut peers: Vec<(Ratio, u64)> = sdks.iter().map(|_| <(Ratio, u64)>::default()).collect();
    let mut floor = Vec::new();
    for round in 0..ROUNDS {
        floor.push(hashing()?);
        for (concurrency, calls, ratio) in [(1, ALONE, &mut alone), (16, MANY, &mut many)] {
            // Who begins changes, so that neither profits from what the other has warmed.
            let turns = if round % 2 == 0 { [true, false] } else { [false, true] };
            let [mut we, mut they] = [0.0; 2];
            for is_ours in turns {
                let before = processor_time()?;
                if is_ours {
                    ours.calls(calls, concurrency).await?;
                    we = per_call(processor_time()? - before, calls);
                } else {
                    bare.calls(calls, concurrency).await?;
                    they = per_call(processor_time()? - before, calls);
                }
            }
            ratio.push(we, they);
        }
        for (sdk, (ratio, connections)) in sdks.iter().zip(&mut peers) {
            let before = mock.connections()?;
            let theirs = sdk.calls(mock.address(), 16)?;
            *connections = mock.connections()? - before;
            ratio.push(theirs, many.last_upper());
        }
    }

    let before = mock.connections()?;
    let begun = Instant::now();
    Ours::new(mock.endpoint()?)?.calls(COUNTED, 16).await?;
    let (seconds, connections) = (begun.elapsed().as_secs_f64(), mock.connections()? - before);
    report(&alone, &many, &sdks, &peers, (connections, seconds), spread(&floor))
}

/// In words, then as JSON.
fn report(
    alone: &Ratio,
    many: &Ratio,
    sdks: &[Sdk],
    peers: &[(Ratio, u64)],
    (connections, seconds): (u64, f64),
    spread: f64,
) -> Result<(), Failed> {
    println!("a body of {} bytes; {ROUNDS} rounds, medians with their range", contender::BODY);
    println!("1 at a time: {alone} the processor time of a bare POST (goal: at most 1.25)");
    println!("16 at a time: {many} (goal: at most 1.40)");
    println!("{COUNTED} calls, 16 at a time: {connections} connections (goal: at most 16), {seconds:.1} s");
    for (sdk, (ratio, connections)) in sdks.iter().zip(peers) {
        let (name, goal, calls) = (sdk.name(), sdk.goal(), sdk.count());
        println!(
            "{name} SDK, 16 at a time: {ratio} our processor time (goal: at least {goal}); {connections} connections for {calls} calls"
        );
    }
    if spread > NOISY {
        println!(
            "machine too noisy: hashing the same bytes took {spread:.2} times as long in one round as in another"
        );
    }
    let peers: Vec<Value> = sdks
        .iter()
        .zip(peers)
        .map(|(sdk, (ratio, connections))| {
            json!({
                "sdk": sdk.name(),
                "by_ours": ratio.json(),
                "goal": sdk.goal(),
                "connections": connections,
                "calls": sdk.count(),
            })
        })
        .collect();
    let figures = json!({
        "body_bytes": contender::BODY,
        "rounds": ROUNDS,
        "one_at_a_time_by_bare_post": alone.json(),
        "sixteen_at_a_time_by_bare_post": many.json(),
        "connections": { "calls": COUNTED, "at_a_time": 16, "connections": connections },
        "sdks": peers,
        "hashing_slowest_by_fastest_round": ratio::hundredths(spread),
        "too_noisy": spread > NOISY,
    });
    println!("{figures}");
    Ok(())
}

/// User and system time of this process.
fn processor_time() -> Result<Duration, Failed> {
    let usage = getrusage(UsageWho::RUSAGE_SELF)?;
    let micros =
        [usage.user_time(), usage.system_time()].map(|time| time.tv_sec() * 1_000_000 + time.tv_usec());
    Ok(Duration::from_micros(micros.iter().sum::<i64>().try_into()?))
}

/// Microseconds.
fn per_call(time: Duration, calls: usize) -> f64 {
    time.as_secs_f64() * 1e6 / calls as f64
}

/// Processor time of a piece of work that no contender can change: what differs between rounds is the machine.
fn hashing() -> Result<f64, Failed> {
    let (bytes, before) = (vec![0_u8; 1 << 20], processor_time()?);
    for _ in 0..100 {
        black_box(Sha256::digest(black_box(&bytes)));
    }
    Ok((processor_time()? - before).as_secs_f64())
}

/// The longest by the shortest.
fn spread(times: &[f64]) -> f64 {
    let longest = times.iter().copied().fold(f64::MIN, f64::max);
    longest / times.iter().copied().fold(f64::MAX, f64::min)
}

const ROUNDS: usize = 9;
/// Calls of a contender in a round, one at a time.
const ALONE: usize = 8_000;
/// Calls of a contender in a round, sixteen at a time.
const MANY: usize = 16_000;
/// Calls over which connections are counted.
const COUNTED: usize = 100_000;
/// Above this the rounds did not run on one and the same machine.
const NOISY: f64 = 1.3;
