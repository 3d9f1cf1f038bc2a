//! A process may die at any moment. Its successor, told everything anew, ends in the same place with at most one
//! redundant write per target.

use std::collections::BTreeMap;
use std::time::Duration;

use grace_core::DrainOn::{Termination, TerminationAndUnready};
use grace_core::{Config, DrainOn, Ownership, TargetId};

use crate::harness::{Crash, Harness};
use crate::words::*;

/// Four Pods are replaced one after the other, two of them overlapping.
fn rollout() -> Vec<(Duration, Fact)> {
    let mut script = Vec::new();
    for n in 1..=4_u64 {
        let (old, fresh) = (format!("web-{n}"), format!("web-{}", n + 10));
        let start = 12 * n;
        script.push((seconds(start), unready(fresh.clone())));
        script.push((seconds(start + 3), serving(fresh)));
        script.push((seconds(start + 6), terminating(old.clone())));
        script.push((seconds(start + 16), gone(old)));
    }
    script.sort_by_key(|(at, _)| *at);
    script
}

fn before(drain: DrainOn, ownership: Ownership) -> Harness {
    let config = Config { ownership, ..Config::default() };
    let facts = [drains("web", drain), bound("web", ["lb-1/lbl-1", "lb-1/lbl-2"])];
    let mut t = Harness::configured(config, facts);
    t.given((1..=4).map(|n| serving(format!("web-{n}"))).collect::<Vec<_>>());
    t
}

/// Runs the rollout; a process that dies is replaced a second later.
fn run(t: &mut Harness) {
    let start = t.now;
    let recover = |t: &mut Harness| {
        if t.crashed {
            t.kill();
            t.wait(seconds(1));
            t.start();
        }
    };
    for (at, fact) in rollout() {
        t.run_until(start + at);
        if t.crashed {
            t.unseen(fact);
            recover(t);
        } else {
            t.when(fact);
            recover(t);
        }
    }
    t.run_until(start + minutes(3));
    recover(t);
    t.run_until(start + minutes(12));
}

fn writes_per_target(t: &Harness) -> BTreeMap<TargetId, usize> {
    let mut counts = BTreeMap::new();
    for write in t.writes() {
        *counts.entry(write.target).or_default() += 1;
    }
    counts
}

/// P1 to P8 are the moments between a plan and its proof: each of them is some action's "before send", "after effect"
/// or "before answer".
fn killed_at_every_action(drain: DrainOn, ownership: Ownership) {
    let given = before(drain, ownership);
    let mut calm = given.clone();
    run(&mut calm);
    let actions = calm.all.len() - given.all.len();
    let expected = writes_per_target(&calm);
    let mut points = 0;
    for number in 0..actions {
        for how in [Crash::BeforeSend, Crash::AfterEffect, Crash::BeforeAnswer] {
            let mut t = given.clone();
            t.crash_at(number, how);
            run(&mut t);
            let point = format!("killed at action {number} of {actions}, {how:?}");
            assert_eq!(stands(&t), stands(&calm), "{point}: what stands there");
            assert_eq!(claims(&t), claims(&calm), "{point}: what is claimed");
            for (target, count) in writes_per_target(&t) {
                let usual = expected.get(&target).copied().unwrap_or(0);
                assert!(count <= usual + 1, "{point}: {count} writes for {target}, {usual} without a crash");
            }
            points += 1;
        }
    }
    println!("restart at every action, {drain:?}, {ownership:?}: {points} points tried");
    assert!(points >= 60, "the rollout has {points} points only");
}

fn stands(t: &Harness) -> BTreeMap<String, u8> {
    let mut all = BTreeMap::new();
    for (lane, balancer) in &t.model.balancers {
        for ((pool, address), weight) in &balancer.targets {
            all.insert(format!("{lane}/{pool}/{address}"), weight.get());
        }
    }
    all
}

fn claims(t: &Harness) -> Vec<String> {
    let mut all = Vec::new();
    for (lane, claims) in &t.model.claims {
        all.extend(claims.all.iter().map(|(pool, address)| format!("{lane}/{pool}/{address}")));
    }
    all
}

#[test]
fn p9_a_process_that_dies_every_three_seconds_still_gets_there() {
    let given = before(TerminationAndUnready, Ownership::Ledger);
    let mut calm = given.clone();
    run(&mut calm);
    let minimal = calm.writes().len();
    let mut t = given.clone();
    let start = t.now;
    let mut script = rollout();
    let mut restarts = 0;
    for second in (0..300).step_by(3) {
        t.run_until(start + seconds(second));
        t.kill();
        restarts += 1;
        while script.first().is_some_and(|(at, _)| *at <= seconds(second)) {
            t.unseen(script.remove(0).1);
        }
        t.start();
    }
    t.wait(minutes(10));
    assert_eq!((stands(&t), claims(&t)), (stands(&calm), claims(&calm)));
    let writes = t.writes().len();
    assert!(writes <= (restarts + 1) * minimal, "{writes} writes in {restarts} restarts, {minimal} without");
    println!("{restarts} restarts: {writes} writes, {minimal} without a crash");
}

#[test]
fn p1_to_p8_killed_at_every_action_with_the_first_switch() {
    killed_at_every_action(Termination, Ownership::Ledger);
}

#[test]
fn p1_to_p8_killed_at_every_action_with_both_switches() {
    killed_at_every_action(TerminationAndUnready, Ownership::Ledger);
}

#[test]
fn p1_to_p8_killed_at_every_action_without_a_ledger() {
    killed_at_every_action(Termination, Ownership::Exclusive);
}
