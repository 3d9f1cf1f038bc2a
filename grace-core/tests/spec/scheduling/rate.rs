//! No second, wherever it begins, holds more than twenty calls of a kind, however many load balancers want some.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use fastrand::Rng;
use grace_core::DrainOn::Termination;
use grace_core::{Resolution, Time};
use serde_json::json;

use super::{figure, member, size};
use crate::call::Verb;
use crate::harness::Harness;
use crate::words::*;
use crate::world::{lane, pool};

const LANES: usize = 60;

#[test]
fn a2_no_sliding_second_holds_more_than_twenty_calls_of_a_kind() {
    let goal = size(2_000, 1_000_000);
    let mut rng = Rng::with_seed(2);
    let mut facts = Vec::new();
    for n in 0..LANES {
        let place = (lane(&format!("lb-{n}")), pool("lbl-1"));
        facts.push(drains(format!("s{n}"), Termination));
        facts.push(route(format!("s{n}"), move |route| route.pools = Resolution::Known(vec![place])));
        facts.push(Fact::new(move |world, _| {
            world.lane(&format!("lb-{n}"));
        }));
    }
    let mut t = Harness::of(facts);
    let (mut calls, mut most) = (BTreeMap::<Verb, u64>::new(), BTreeMap::<Verb, usize>::new());
    let mut window = BTreeMap::<Verb, VecDeque<Time>>::new();
    let mut next = [0_usize; LANES];
    while calls.values().sum::<u64>() < goal {
        // A Pod comes, one is deleted, one goes, on each load balancer at some moment of each second.
        let facts: Vec<Fact> = (0..LANES)
            .filter(|_| rng.u8(0..4) == 0)
            .collect::<Vec<_>>()
            .into_iter()
            .flat_map(|lane| {
                let n = next[lane];
                next[lane] = (n + 1) % 50_000;
                let before = |by: usize| member(lane, (n + 50_000 - by) % 50_000);
                [serving(member(lane, n)), ends(before(3)), gone(before(6))]
            })
            .collect();
        t.when(facts);
        t.wait(millis(250));
        for left in &t.left {
            let verb = Verb::of(&left.action.command);
            if matches!(verb, Verb::Claim | Verb::LoadClaims) {
                continue;
            }
            *calls.entry(verb).or_default() += 1;
            let recent = window.entry(verb).or_default();
            recent.retain(|at| left.at.since(*at) < Duration::from_secs(1));
            recent.push_back(left.at);
            let fullest = most.entry(verb).or_default();
            *fullest = (*fullest).max(recent.len());
        }
        t.trim();
    }
    let names = |verb: &Verb| format!("{verb:?}").to_lowercase();
    figure(
        "calls_in_any_second",
        &json!({
            "calls": calls.values().sum::<u64>(),
            "by_kind": calls.iter().map(|(verb, n)| (names(verb), *n)).collect::<BTreeMap<_, _>>(),
            "most_in_a_second": most.iter().map(|(verb, n)| (names(verb), *n)).collect::<BTreeMap<_, _>>(),
        }),
    );
    assert!(most.values().all(|most| *most <= 20), "{most:?}");
    assert!(most[&Verb::Weights] == 20, "the budget was wanted: {most:?}");
}

/// Its deletion is asked for, if it is there.
fn ends(name: String) -> Fact {
    Fact::new(move |world, now| {
        if let Some(pod) = world.pods.get_mut(&name) {
            pod.facts.life = grace_core::Life::Terminating { asked: now, kill: now + seconds(30) };
        }
    })
}
