//! Who will be drained too late is told of it while there is time, with what would have been enough; and hardly anybody
//! else is.

use std::collections::BTreeMap;
use std::time::Duration;

use grace_core::DrainOn::Termination;
use grace_core::{Life, Notice, PreStop, Resolution, StopBudget, Time, Uid, Weight};
use serde_json::json;

use super::{as_millis, figure, member};
use crate::call::Verb;
use crate::fault::Fault;
use crate::harness::Harness;
use crate::words::*;
use crate::world::{lane, pool};

/// Pods, each alone on a load balancer of its own.
const DRAINS: usize = 80;
/// How many of them shall come too late.
const MISSES: usize = 17;

/// From deletion to deletion: no two Pods wait equally long.
const APART: Duration = Duration::from_millis(11);

/// What slows the calls down.
#[derive(Clone, Copy, Debug)]
enum Throttle {
    /// The API complained several times just before, and does no more.
    Before,
    /// The account has so many calls a second, and the API complains whenever there are more.
    Quota(usize),
}

/// What became of one Pod.
#[derive(Clone, Copy, Debug)]
struct Outcome {
    /// From the signal to weight 0.
    took: Duration,
    /// When it was told to be late, counted from the signal, with the preStop and the grace that would do.
    told: Option<(Duration, Duration, Duration)>,
}

fn uid(n: usize) -> Uid {
    Uid::of(&member(n, 1))
}

/// All of them are deleted within a second, each with its own preStop and grace period.
fn run(throttle: Throttle, stop: impl Fn(usize) -> StopBudget) -> Vec<Outcome> {
    let mut facts = Vec::new();
    for n in 0..=DRAINS {
        let place = (lane(&format!("lb-{n:02}")), pool("lbl-1"));
        facts.push(drains(format!("s{n}"), Termination));
        facts.push(route(format!("s{n}"), move |route| route.pools = Resolution::Known(vec![place])));
        facts.push(Fact::new(move |world, _| {
            world.lane(&format!("lb-{n:02}"));
        }));
    }
    let mut t = Harness::of(facts);
    t.given((0..=DRAINS).map(|n| serving(member(n, 1))).collect::<Vec<_>>());
    match throttle {
        Throttle::Before => {
            for _ in 0..5 {
                t.next(Verb::Weights, Fault::Throttled);
            }
        }
        Throttle::Quota(rate) => t.model.rate = Some(rate),
    }
    t.given(terminating(member(DRAINS, 1)));
    let mut asked = Vec::new();
    let mut told = BTreeMap::<Uid, (Time, Duration, Duration)>::new();
    let mut learn = |t: &mut Harness| {
        for notice in t.notices.drain(..) {
            if let Notice::DrainLate { pod, pre_stop, grace, .. } = notice {
                let earlier = told.insert(pod, (t.now, pre_stop, grace));
                assert_eq!(earlier, None, "told once");
            }
        }
    };
    for n in 0..DRAINS {
        let stop = stop(n);
        asked.push(t.now);
        t.when(pod(member(n, 1), move |pod, now| {
            pod.facts.stop = stop;
            pod.facts.life = Life::Terminating { asked: now, kill: now + stop.grace };
        }));
        t.wait(APART);
        learn(&mut t);
    }
    let zeros = |t: &Harness| {
        let zeros = t.model.history.iter().filter(|h| h.at > asked[0] && h.after == Some(Weight::DRAINED));
        zeros.map(|h| (h.target.lane.clone(), h.at)).collect::<BTreeMap<_, _>>()
    };
    while zeros(&t).len() < DRAINS {
        t.wait(millis(50));
        learn(&mut t);
        assert!(t.now < asked[0] + minutes(5), "it comes to an end");
    }
    let zeros = zeros(&t);
    (0..DRAINS)
        .map(|n| Outcome {
            took: zeros[&lane(&format!("lb-{n:02}"))].since(asked[n]),
            told: told.get(&uid(n)).map(|(at, pre_stop, grace)| (at.since(asked[n]), *pre_stop, *grace)),
        })
        .collect()
}

/// What the Pod allows.
fn allowed(stop: StopBudget) -> Duration {
    match stop.pre_stop {
        PreStop::Sleep(sleep) => sleep,
        PreStop::None | PreStop::Unknown => stop.grace,
    }
}

fn misses_are_told_in_time(name: &str, throttle: Throttle) {
    let patient = StopBudget { grace: minutes(10), pre_stop: PreStop::None };
    let unhurried = run(throttle, |_| patient);
    let mut times: Vec<Duration> = unhurried.iter().map(|outcome| outcome.took).collect();
    times.sort();
    let (last, first) = (times[DRAINS - MISSES - 1], times[DRAINS - MISSES]);
    assert!(first > last, "{last:?} and {first:?} can be told apart");
    let grace = last + (first - last) / 2;
    for stop in [
        StopBudget { grace, pre_stop: PreStop::None },
        StopBudget { grace: grace + seconds(20), pre_stop: PreStop::Sleep(grace) },
    ] {
        let outcomes = run(throttle, |_| stop);
        let missed: Vec<usize> = (0..DRAINS).filter(|n| outcomes[*n].took > allowed(stop)).collect();
        assert_eq!(missed.len(), MISSES, "{name}: so many cannot make it");
        let hits: Vec<usize> = missed.iter().copied().filter(|n| outcomes[*n].told.is_some()).collect();
        let false_alarms = outcomes.iter().filter(|outcome| outcome.told.is_some()).count() - hits.len();
        let leads: Vec<Duration> = hits
            .iter()
            .filter_map(|n| outcomes[*n].told.map(|(at, ..)| allowed(stop).saturating_sub(at)))
            .collect();
        let shortest = leads.iter().min().copied().unwrap_or_default();
        // Again, with what they were told would be enough.
        let enough = |n: usize| match outcomes[n].told {
            Some((_, pre_stop, grace)) => StopBudget { grace, pre_stop: PreStop::Sleep(pre_stop) },
            None => stop,
        };
        let again = run(throttle, enough);
        let still =
            (0..DRAINS).filter(|n| outcomes[*n].told.is_some() && again[*n].took > allowed(enough(*n)));
        let still = still.count();
        let kind = if stop.pre_stop == PreStop::None { "grace" } else { "pre_stop" };
        figure(
            &format!("forecast_{name}_{kind}"),
            &json!({
                "drains": DRAINS, "missed": MISSES, "hits": hits.len(), "false_alarms": false_alarms,
                "allowed_ms": as_millis(allowed(stop)), "told_before_too_late_by_ms_at_least": as_millis(shortest),
                "late_with_what_was_recommended": still,
            }),
        );
        assert!(hits.len() >= 16, "{name}: {} of {MISSES} were announced", hits.len());
        assert!(false_alarms <= 2, "{name}: {false_alarms} false alarms");
        assert!(shortest > Duration::ZERO, "{name}: told before it is too late");
        assert_eq!(still, 0, "{name}: what was recommended is enough");
    }
}

#[test]
fn a4_of_eighty_drains_the_seventeen_that_cannot_make_it_are_told_after_throttling() {
    misses_are_told_in_time("after_throttling", Throttle::Before);
}

#[test]
fn a4_of_eighty_drains_the_seventeen_that_cannot_make_it_are_told_while_throttled() {
    misses_are_told_in_time("while_throttled", Throttle::Quota(3));
}
