//! A drain that fits is in the next write of its load balancer, whatever else waits there; and what else waits there is
//! not held up for ever.

use std::time::Duration;

use fastrand::Rng;
use grace_core::{Address, Batch, Command, Time};
use serde_json::json;

use super::{Size, address_of, as_millis, deleted, figure, limits, ready, services, size, zero_at};
use crate::call::{Verb, entries};
use crate::harness::Harness;
use crate::words::*;
use crate::world::START;

/// The first write that left after so many actions had: whether it sets weights, and the addresses in it.
fn next_write(t: &Harness, after: usize) -> Option<(bool, Vec<Address>)> {
    t.all[after..].iter().find_map(|left| {
        let Command::Write { batch, .. } = &left.action.command else { return None };
        let addresses = entries(batch).into_iter().map(|(_, address, _)| address).collect();
        Some((matches!(batch, Batch::Weights(_)), addresses))
    })
}

/// Whether all targets of a Pod are set in the first write after so many actions.
fn is_next(t: &Harness, after: usize, pod: Address, pools: usize) -> bool {
    next_write(t, after).is_some_and(|(weights, addresses)| {
        weights && addresses.iter().filter(|address| **address == pod).count() == pools
    })
}

/// Pods come and go all the time on one Service while those of another are deleted now and then.
fn flood(seed: u64) -> (usize, usize) {
    const DRAINS: usize = 6;
    let mut rng = Rng::with_seed(seed);
    let pools = rng.usize(1..=10);
    let sizes = [Size { pods: 0, pools: rng.usize(1..=10) }, Size { pods: DRAINS, pools }];
    let mut t = services(&sizes, limits(1));
    let task = 1_000 * *rng.choice(&[1, 1, 2, 5]).expect("some");
    t.model.timing.task = millis(task);
    t.model.timing.answer = millis(rng.u64(100..=5_000));
    t.given((0..DRAINS).map(|n| ready(1, n)).collect::<Vec<_>>());
    let (start, mut fresh, mut old) = (t.now, 0, 0);
    let mut told = Vec::new();
    let mut next_drain = start + millis(rng.u64(0..8_000));
    while told.len() < DRAINS {
        let next_fresh = t.now + millis(rng.u64(20..=400));
        if next_drain <= next_fresh {
            t.run_until(next_drain);
            told.push(t.all.len());
            t.when(deleted(1, told.len() - 1, seconds(120)));
            // Two at a time, or one now and then.
            let pause = if rng.u8(0..3) == 0 { rng.u64(0..500) } else { rng.u64(2 * task..4 * task) };
            next_drain = t.now + millis(pause);
            continue;
        }
        t.run_until(next_fresh);
        t.when(ready(0, fresh));
        fresh += 1;
        if fresh > 20 && rng.bool() {
            t.when(gone(super::member(0, old)));
            old += 1;
        }
    }
    t.settle();
    let next = (0..DRAINS).filter(|n| is_next(&t, told[*n], address_of(1, *n), pools)).count();
    (next, DRAINS)
}

#[test]
fn a_drain_is_in_the_next_write_under_a_flood_of_registrations() {
    let runs = size(40, 1_000);
    let (mut whole, mut next, mut drains) = (0, 0, 0);
    let mut failed = Vec::new();
    for seed in 0..runs {
        let (found, all) = flood(seed);
        (next, drains) = (next + found, drains + all);
        if found == all {
            whole += 1;
        } else {
            failed.push(seed);
        }
    }
    figure(
        "drains_in_the_next_write",
        &json!({ "seeds": runs, "seeds_with_all": whole, "drains": drains, "in_the_next_write": next }),
    );
    assert!(failed.is_empty(), "not in the next write with seeds {failed:?}");
}

#[test]
fn f5_a_pod_of_the_twelfth_service_does_not_wait_for_five_thousand_registrations_of_eleven_others() {
    let runs = size(6, 200);
    let pods = usize::try_from(size(12, 46)).expect("small");
    let mut worst = Duration::ZERO;
    for seed in 0..runs {
        let mut rng = Rng::with_seed(seed);
        let mut sizes = vec![Size { pods: 0, pools: 10 }; 11];
        sizes.push(Size { pods: 3, pools: 10 });
        let mut t = services(&sizes, limits(1));
        t.model.timing.answer = seconds(1);
        t.given((0..3).map(|n| ready(11, n)).collect::<Vec<_>>());
        t.when((0..11).flat_map(|s| (0..pods).map(move |n| ready(s, n))).collect::<Vec<_>>());
        // Some time while they are being registered, 500 in a call.
        t.wait(millis(rng.u64(100..(11 * pods * 10) as u64 * 1_000 / 500)));
        let (before, asked) = (t.all.len(), t.now);
        t.when(deleted(11, 1, seconds(30)));
        t.settle();
        assert!(is_next(&t, before, address_of(11, 1), 10), "seed {seed}: {:?}", next_write(&t, before));
        worst = worst.max(zero_at(&t, address_of(11, 1)).since(asked));
    }
    figure(
        "twelfth_service",
        &json!({ "seeds": runs, "registrations": 11 * pods * 10, "in_the_next_write": runs, "worst_time_to_zero_ms": as_millis(worst) }),
    );
    // What is under way, its own call, and the linger.
    assert!(worst <= seconds(2) + millis(30), "{worst:?}");
}

/// Pods of one Service are deleted all the time, so that a drain waits whenever the load balancer is free.
fn under_constant_drains(happens: Fact) -> (Harness, Time) {
    const PODS: usize = 150;
    let mut t = services(&[Size { pods: PODS, pools: 1 }, Size { pods: 2, pools: 1 }], limits(1));
    t.given((0..PODS).map(|n| ready(0, n)).collect::<Vec<_>>());
    t.given([ready(1, 0), ready(1, 1)]);
    t.given(deleted(1, 1, seconds(60)));
    t.run_until(START + seconds(50));
    let mut happens = Some(happens);
    let mut since = t.now;
    for n in 0..PODS {
        if n == 20 {
            since = t.now;
            t.when(happens.take().expect("once"));
        }
        t.when(deleted(0, n, seconds(600)));
        t.wait(millis(200));
    }
    (t, since)
}

/// How long after that moment the first call of that kind left.
fn waited(t: &Harness, verb: Verb, since: Time) -> Duration {
    let first = t.times(verb).into_iter().find(|at| *at >= since);
    first.expect("it left while there were still drains").since(since)
}

#[test]
fn l7_a_registration_waits_for_a_few_calls_of_drains_at_most() {
    let (t, since) = under_constant_drains(ready(1, 9));
    let took = waited(&t, Verb::Register, since);
    figure("registration_under_constant_drains", &json!({ "waited_ms": as_millis(took) }));
    assert!(took <= seconds(4), "twice the time of a task, and the call that is under way: {took:?}");
    let drains = t.times(Verb::Weights);
    assert!(
        drains.windows(2).all(|pair| pair[1].since(pair[0]) < millis(1_800)),
        "it costs one call: {drains:?}"
    );
}

#[test]
fn l7_a_deregistration_waits_for_a_few_more_calls_of_drains_at_most() {
    let (t, since) = under_constant_drains(gone(super::member(1, 1)));
    let took = waited(&t, Verb::Deregister, since);
    figure("deregistration_under_constant_drains", &json!({ "waited_ms": as_millis(took) }));
    assert!(took <= seconds(8), "six times the time of a task, and the calls that are under way: {took:?}");
}

#[test]
fn l7_a_comparison_is_read_although_drains_wait_all_the_time() {
    // The comparison that verifies the grant is due in the middle of the drains.
    let due = START + minutes(1);
    let (t, since) = under_constant_drains(Fact::new(|_, _| {}));
    assert!(since < due && due + seconds(10) < t.now, "drains from {since} to {}", t.now);
    let took = waited(&t, Verb::Read, since);
    let late = (since + took).since(due);
    figure("comparison_under_constant_drains", &json!({ "waited_ms": as_millis(late) }));
    assert!(late <= seconds(8), "six times the time of a task, and the calls that are under way: {late:?}");
}
