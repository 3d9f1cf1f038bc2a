//! cargo bench -p grace-benches --no-default-features --bench store_memory
//!
//! What does the core keep of each Pod and each target, and how much more does it need while a whole list is stated anew?
//!
//! The Pods are those of bench `decide`: 100 per Service, so many ports on as many listeners, 25 Services on one CLB, IPv4.
//! Each contender is a process of its own, so that one does not inherit the heap of another. Reported are the live heap,
//! from a counting allocator, and beside it what the process holds (resident) and held at most, from the kernel.

#[path = "decide/world.rs"]
#[expect(dead_code, reason = "made for two benches")]
mod world;

use std::alloc::System;
use std::process::Command;

use serde_json::{Value, json};
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};

use world::World;

#[global_allocator]
static HEAP: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    if let [_, mode, pods, ports, unserved] = &arguments[..]
        && mode == CHILD
    {
        let number = |text: &str| text.parse().expect("a number, as `measure` wrote it");
        println!("{}", contender(number(pods), ports.parse().expect("a port count"), number(unserved)));
        return;
    }
    let sizes: Vec<Value> = [10_000, 100_000, 1_000_000].iter().map(|targets| size(targets / 2)).collect();
    let per_pod = |size: &Value| size["bytes_per_pod_with_two_targets"].as_f64().unwrap_or(f64::NAN);
    let growth = (per_pod(&sizes[2]) / per_pod(&sizes[0]) - 1.0) * 100.0;
    println!("from 10^4 to 10^6 targets the bytes per Pod change by {growth:.1} %");
    let hundred_thousand = size(100_000);
    println!(
        "{}",
        json!({ "sizes": sizes, "growth_percent": round(growth), "hundred_thousand_pods": hundred_thousand })
    );
}

/// Three contenders: Pods with two targets, with one, and with ten times as many Pods that are behind nothing.
fn size(pods: usize) -> Value {
    let two = measure(pods, 2, 0);
    let one = measure(pods, 1, 0);
    let crowd = measure(pods / 10, 2, pods - pods / 10);
    let bytes = |of: &Value| of["heap"].as_f64().unwrap_or(f64::NAN);
    let number = pods as f64;
    let with_two = bytes(&two) / number;
    let further = (bytes(&two) - bytes(&one)) / number;
    let unserved = (bytes(&crowd) - bytes(&two) / 10.0) / (number * 0.9);
    let peak = two["relist_peak"].as_f64().unwrap_or(f64::NAN) / two["resident"].as_f64().unwrap_or(f64::NAN);
    println!(
        "{pods:>8} Pods: {with_two:.0} B of live heap each with two targets (goal: 328), {further:.0} B of them for the second, \
         {unserved:.0} B without a target (goal: 160); resident {:.0} B each, while a list is stated anew {peak:.2} times that (goal: 1.15)",
        two["resident"].as_f64().unwrap_or(f64::NAN) / number,
    );
    json!({
        "pods": pods,
        "bytes_per_pod_with_two_targets": round(with_two),
        "bytes_for_the_second_target": round(further),
        "bytes_per_pod_without_a_target": round(unserved),
        "resident_bytes_per_pod_with_two_targets": round(two["resident"].as_f64().unwrap_or(f64::NAN) / number),
        "relist_peak_ratio": round(peak),
    })
}

fn measure(pods: usize, ports: u16, unserved: usize) -> Value {
    let program = std::env::current_exe().expect("this program has a path");
    let run = Command::new(program)
        .args([CHILD, &pods.to_string(), &ports.to_string(), &unserved.to_string()])
        .output()
        .expect("this program runs");
    serde_json::from_slice(&run.stdout).expect("a child prints one object")
}

/// Builds the machine, lets everything settle, states all lists anew, and says what that took.
fn contender(pods: usize, ports: u16, unserved: usize) -> Value {
    let before = resident("VmRSS:");
    let mut world = World::settled(pods, ports);
    world.verify();
    world.state_lists(unserved);
    let settled = resident("VmRSS:") - before;
    world.state_lists(unserved);
    let peak = resident("VmHWM:") - before;
    let region = Region::new(HEAP);
    drop(world.machine);
    json!({ "heap": region.change().bytes_deallocated, "resident": settled, "relist_peak": peak.max(settled) })
}

/// A line of the kernel's account of this process, in bytes; 0 where there is none.
fn resident(line: &str) -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let number =
        status.lines().find_map(|text| text.strip_prefix(line)?.trim().strip_suffix(" kB")?.parse().ok());
    number.unwrap_or(0_u64) * 1024
}

fn round(number: f64) -> f64 {
    (number * 100.0).round() / 100.0
}

/// First argument of a run that builds one contender.
const CHILD: &str = "contender";
