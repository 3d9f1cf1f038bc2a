//! Who leaves when, and in how many calls: the promises of scheduling, with their figures.
//!
//! Each runs small with the other tests. With `GRACE_AT_SIZE=1` it runs at the size of its goal, and prints a line
//! `figures: {..}` which the stage `scheduling` of `.ci/long` collects.

mod call_counts;
mod capacity;
mod drains_first;
mod late_drains;
mod rate;
mod rolling_update;

use std::time::Duration;

use grace_core::DrainOn::Termination;
use grace_core::{Address, Limits, Resolution, Time, Weight};

use crate::harness::Harness;
use crate::words::*;
use crate::world::{PORT, ip, lane, pool, port};

/// How often, or how much: the first number with the other tests, the second at size.
fn size(usual: u64, at_size: u64) -> u64 {
    if std::env::var_os("GRACE_AT_SIZE").is_some() { at_size } else { usual }
}

/// A figure, as a line that a stage can collect.
fn figure(name: &str, figures: &serde_json::Value) {
    println!("figures: {}", serde_json::json!({ name: figures }));
}

/// Limits of a lane on which a call may name a pool so often.
fn limits(elements_per_pool: u16) -> Limits {
    Limits { elements_per_pool, ..Limits::default() }
}

/// A Service on a shared load balancer: so many Pods, each on so many listeners of its own.
#[derive(Clone, Copy, Debug)]
struct Size {
    pods: usize,
    pools: usize,
}

/// The name of the Pod of that number of the Service of that number.
fn member(service: usize, pod: usize) -> String {
    format!("s{service}-{pod}")
}

/// Services on one load balancer, without a Pod so far.
fn services(sizes: &[Size], limits: Limits) -> Harness {
    let mut facts = Vec::new();
    let mut listeners = 0;
    for (service, size) in sizes.iter().enumerate() {
        let known: Vec<_> =
            (listeners..listeners + size.pools).map(|n| (lane("lb-1"), pool(&format!("lbl-{n}")))).collect();
        listeners += size.pools;
        facts.push(drains(format!("s{service}"), Termination));
        facts.push(route(format!("s{service}"), move |route| route.pools = Resolution::Known(known)));
    }
    facts.push(Fact::new(move |world, _| world.lane("lb-1").limits = limits));
    Harness::of(facts)
}

/// The Pod is ready, at an address that no other Service's Pod has.
fn ready(service: usize, number: usize) -> Fact {
    let name = member(service, number);
    let fact = serving(name.clone());
    Fact::new(move |world, now| {
        fact.happen(world, now);
        world.pod(&name).facts.ips = [Some(ip(&apart(service, number))), None];
    })
}

/// When the last target of this address reached weight 0.
fn zero_at(t: &Harness, address: Address) -> Time {
    let zeros = t.model.history.iter().filter(|h| h.target.address == address);
    zeros.filter(|h| h.after == Some(Weight::DRAINED)).map(|h| h.at).max().expect("it is drained")
}

/// Where a Pod of a Service stands on each of its listeners.
fn address_of(service: usize, number: usize) -> Address {
    Address { ip: ip(&apart(service, number)), port: port(PORT) }
}

/// Milliseconds, as a figure.
fn as_millis(span: Duration) -> u64 {
    u64::try_from(span.as_millis()).expect("a span of a test")
}

/// A nickname whose address no other Service's Pod has.
fn apart(service: usize, number: usize) -> String {
    format!("10.{}.{}.{}", service % 250 + 1, number / 250, number % 250 + 1)
}

/// Its deletion is asked for, with so much time until the kill.
fn deleted(service: usize, number: usize, grace: Duration) -> Fact {
    pod(member(service, number), move |pod, now| {
        pod.facts.life = grace_core::Life::Terminating { asked: now, kill: now + grace };
    })
}

/// performance.md 5.1: no fewer calls will do, whatever their order.
fn fewest(sizes: &[Size], e: usize) -> usize {
    let targets: usize = sizes.iter().map(|size| size.pods * size.pools).sum();
    let elements: usize = sizes.iter().map(|size| size.pools * size.pods.div_ceil(50)).sum();
    let fullest = sizes.iter().map(|size| size.pods.div_ceil(50 * e)).max().unwrap_or(0);
    targets.div_ceil(500).max(elements.div_ceil(100)).max(fullest)
}
