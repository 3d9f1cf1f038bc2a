//! The end of every world: faults are over, and what stands there must become what is wanted and stay so.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use grace_core::{Address, DrainOn, Life, RouteFacts};

use crate::drains::Slo;
use crate::oracle::{Want, configured_weight, holder, names, routes_on, serving_at, want};
use crate::place::{Key, address};
use crate::sim::{Sim, millis};
use crate::swarm::Counts;
use crate::view::View;
use crate::wrong::Wrong;

/// What came of one world.
#[derive(Clone, Debug)]
pub(crate) struct Outcome {
    pub(crate) counts: Counts,
    pub(crate) trace: u64,
    pub(crate) wrong: Wrong,
    pub(crate) slo: Slo,
    /// From the end of the faults until nothing changed any more.
    pub(crate) repaired_in: Duration,
    pub(crate) calls: [u64; 7],
    pub(crate) events: u64,
    pub(crate) orphans: u64,
    /// A trace of the cluster alone.
    pub(crate) cluster: u64,
    /// What stands there, where the cluster alone decides.
    pub(crate) stands: BTreeMap<Key, u8>,
}

/// It must come to rest within this time after the last fault, effect and change of the cluster.
const BOUND: Duration = Duration::from_secs(900);
/// Three resyncs, and a moment.
const SILENCE: Duration = Duration::from_secs(185);

impl Sim {
    /// The world of a seed, from its beginning to its rest.
    ///
    /// # Panics
    /// Where anything is not as it must be.
    pub(crate) fn run(seed: u64, is_calm: bool) -> Outcome {
        let mut sim = Self::new(seed, is_calm);
        sim.live_through();
        let over = sim.now;
        while !sim.timeline.is_empty() && sim.now < over + BOUND {
            let now = sim.now;
            sim.run_until(now + millis(5_000));
        }
        let quiet = sim.now;
        let truth = sim.truth();
        let mut repaired_in = Duration::ZERO;
        loop {
            let mut wait = 5_000;
            while let Err(what) = sim.is_as_wanted(&truth) {
                assert!(sim.now < quiet + BOUND, "L1: after {BOUND:?} of rest {what}");
                let now = sim.now;
                sim.run_until(now + millis(wait));
                wait = (wait + 5_000).min(30_000);
            }
            repaired_in = repaired_in.max(sim.last_change.since(over));
            sim.last_write = None;
            let from = sim.now;
            sim.run_until(from + SILENCE);
            let Some(write) = sim.last_write else { break };
            // It was as wanted before everything was done: claims were still given up, or history decided.
            assert!(sim.now < quiet + BOUND, "L2: it does not come to rest, the last write is {write:?}");
        }
        sim.is_as_wanted(&truth).unwrap_or_else(|what| panic!("it did not stay as it was: {what}"));
        sim.judge_all();
        let now = sim.now;
        sim.wrong.finish(now);
        let stands = sim.balancers.iter().flat_map(|balancer| balancer.targets.clone());
        let stands = stands
            .filter(|(key, _)| {
                !sim.foreign.contains_key(key) && matches!(sim.allowed(&truth, *key)[..], [Some(_)])
            })
            .collect();
        Outcome {
            counts: sim.counts,
            trace: sim.trace.0,
            cluster: sim.cluster_trace.0,
            slo: sim.slo(),
            repaired_in,
            calls: sim.calls,
            events: sim.events,
            orphans: sim.landed_unclaimed.len() as u64,
            stands,
            wrong: sim.wrong,
        }
    }

    /// The cluster as it is, as a process would see it that missed nothing.
    fn truth(&self) -> View {
        let mut truth = View::default();
        for object in &self.cluster.objects {
            for (_, event) in &object.history {
                truth.learn(event);
            }
        }
        truth
    }

    /// Whether the load balancers and the claims are what the cluster asks for.
    fn is_as_wanted(&self, truth: &View) -> Result<(), String> {
        let leader = self.processes.iter().find(|process| process.leads && process.alive);
        let leader = leader.ok_or("nobody leads")?;
        let same = leader.view.pods == truth.pods
            && leader.view.slices == truth.slices
            && leader.view.routes == truth.routes;
        if !same {
            return Err("the leader does not see the cluster as it is".into());
        }
        for balancer in &self.balancers {
            let mut keys: BTreeSet<Key> = balancer.targets.keys().chain(&balancer.claims).copied().collect();
            let port = |route: &crate::cluster::Route| self.cluster.services[route.service].port;
            for route in self.cluster.routes.iter().filter(|route| route.exists) {
                for (lane, pool) in &route.at {
                    let addresses = self.cluster.addresses().into_iter();
                    keys.extend(addresses.map(|ip| Key { lane: *lane, pool: *pool, ip, port: port(route) }));
                }
            }
            for key in keys {
                let balancer = &self.balancers[usize::from(key.lane)];
                let found = balancer.targets.get(&key).copied();
                let claimed = balancer.claims.contains(&key);
                if let Some(weight) = self.foreign.get(&key) {
                    assert_eq!(found, Some(*weight), "F3: {key:?} is somebody else's");
                    continue;
                }
                let allowed = self.allowed(truth, key);
                let nobodys =
                    self.landed_unclaimed.contains(&key) || self.released.contains(&(key.lane, key.pool));
                let orphan = nobodys && !claimed && allowed.contains(&None);
                if !orphan && !allowed.contains(&found) {
                    return Err(format!(
                        "{key:?} stands at {found:?}, allowed are {allowed:?}, claimed: {claimed}"
                    ));
                }
                if found.is_some() && !claimed && !orphan {
                    return Err(format!("{key:?} stands there without a claim"));
                }
                if claimed && allowed == [None] {
                    return Err(format!("{key:?} is claimed and shall not stand there"));
                }
            }
        }
        Ok(())
    }

    /// Whether a route has a live Pod of this address at another port, where it is not in force yet.
    fn waits_elsewhere(&self, truth: &View, route: &RouteFacts, key: Key) -> bool {
        let ip = address(key).ip;
        let here = truth.slices.values().filter(|slice| slice.service == route.service);
        here.flat_map(|slice| &slice.ports).any(|(_, port)| {
            let stands = self.balancers[usize::from(key.lane)].targets.get(&Key { port: port.get(), ..key });
            holder(truth, route, Address { ip, port: *port }).is_some_and(|pod| {
                pod.life == Life::Live && stands.copied() != Some(configured_weight(route, pod).get())
            })
        })
    }

    /// What may stand at a target. More than one answer only where history decides, which the cluster does not show.
    fn allowed(&self, truth: &View, key: Key) -> Vec<Option<u8>> {
        let target = self.places.target(key);
        let routes = routes_on(truth, &target.lane, &target.pool);
        let held = routes.iter().find_map(|route| Some((*route, holder(truth, route, target.address)?)));
        let Some((route, pod)) = held else {
            // A terminating Pod that no slice names any more may still stand there, at 0.
            let left = truth.pods.values().any(|pod| {
                matches!(pod.life, Life::Terminating { .. }) && pod.ips.contains(&Some(target.address.ip))
            });
            let named = truth.routes.values().any(|route| names(route, &target.lane, &target.pool));
            // Where no route names the pool any more, its claim says that the drain is not finished.
            let claimed = self.balancers[usize::from(key.lane)].claims.contains(&key);
            if left && (named || claimed) {
                return vec![None, Some(0)];
            }
            // Where the port changed, the old target waits for the other one, which is not there before its Pod is ready.
            return match routes.iter().any(|route| self.waits_elsewhere(truth, route, key)) {
                // In no slice, it keeps what it has.
                true => vec![None, self.balancers[usize::from(key.lane)].targets.get(&key).copied()],
                false => vec![None],
            };
        };
        let serving = serving_at(truth, route, pod, address(key)).expect("it holds the target");
        let mut allowed: Vec<Option<u8>> = [true, false]
            .map(|admitted| want(route, pod, serving, admitted))
            .into_iter()
            .flat_map(|want| match want {
                Want::Present(weight) => vec![Some(weight.get())],
                Want::Keep(weight) => vec![Some(weight.get()), None],
                Want::Absent => vec![None],
            })
            .collect();
        allowed.dedup();
        if matches!(pod.life, Life::Terminating { .. }) && route.policy.drain == DrainOn::Nothing {
            // The switch may have been removed in mid-drain.
            allowed.push(Some(0));
        }
        allowed
    }
}
