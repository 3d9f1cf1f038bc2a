//! One world in virtual time: a cluster, its load balancers, the processes between them, and what goes wrong.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use fastrand::Rng;
use grace_core::{
    Config, DrainOn, Layer, Limits, PortName, Resolution, RouteFacts, RouteKey, Time, Uid, Weight,
};

use crate::call::Verb;
use crate::clb::{Balancer, Timing};
use crate::cluster::Cluster;
use crate::drains::Drain;
use crate::place::{Key, Places, small};
use crate::process::Process;
use crate::swarm::{Counts, Kind, Swarm};
use crate::timeline::{Happening, Timeline};
use crate::trace::Trace;
use crate::wrong::Wrong;

/// When every world begins.
pub(crate) const START: Time = Time::from_unix_seconds(1_750_000_000);

/// So long faults happen.
const TROUBLED: Duration = Duration::from_secs(50);

pub(crate) const fn millis(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

/// Everything of one world.
#[derive(Debug)]
pub(crate) struct Sim {
    pub(crate) now: Time,
    pub(crate) timeline: Timeline,
    pub(crate) config: Config,
    pub(crate) places: Places,
    pub(crate) cluster: Cluster,
    pub(crate) balancers: Vec<Balancer>,
    pub(crate) timing: Timing,
    /// Whether a refusal names the target that is to blame.
    pub(crate) names_culprit: bool,
    pub(crate) processes: Vec<Process>,
    pub(crate) swarm: Swarm,
    /// For what goes wrong.
    pub(crate) dice: Rng,
    /// For what happens in the cluster.
    pub(crate) fortune: Rng,
    pub(crate) counts: Counts,
    pub(crate) trace: Trace,
    pub(crate) cluster_trace: Trace,
    /// A world without faults.
    pub(crate) is_calm: bool,
    /// Everything is printed as it happens.
    pub(crate) aloud: bool,
    /// Faults are over.
    pub(crate) resting: bool,
    /// Somebody else's targets, with their weights.
    pub(crate) foreign: BTreeMap<Key, u8>,
    /// Registrations that landed after their claim was given up.
    pub(crate) landed_unclaimed: BTreeSet<Key>,
    /// Pools whose route was released once: what was there is left as it is, and nobody claims it.
    pub(crate) released: BTreeSet<(u8, u8)>,
    pub(crate) changes: u64,
    /// When a target changed last, and which write left last since the faults are over.
    pub(crate) last_change: Time,
    pub(crate) last_write: Option<(Time, Verb)>,
    pub(crate) wrong: Wrong,
    pub(crate) drains: Vec<Drain>,
    /// Calls other than for weights, in a world without faults: where, when and for how long.
    pub(crate) others: Vec<(u8, Time, Duration)>,
    /// Calls by verb, and events that machines took in.
    pub(crate) calls: [u64; 7],
    pub(crate) events: u64,
}

impl Sim {
    /// The world of a seed, with its faults or without them.
    pub(crate) fn new(seed: u64, is_calm: bool) -> Self {
        let mut fortune = Rng::with_seed(seed);
        let mut swarm = Swarm::draw(&mut fortune);
        let mut dice = Rng::with_seed(seed ^ 0x5eed_0000_0000);
        if is_calm {
            swarm = swarm.calm();
        }
        let several = fortune.bool();
        let limits = Limits {
            batch: if fortune.bool() { 500 } else { fortune.u16(4..12) },
            elements: if fortune.bool() { 100 } else { fortune.u16(2..6) },
            per_element: fortune.u16(1..5),
            elements_per_pool: if several { 10 } else { 1 },
            ..Limits::default()
        };
        let (lanes, pools) = (fortune.usize(1..3), fortune.usize(1..4));
        let timing = Timing {
            task: millis(fortune.u64(200..5_000)),
            answer: millis(fortune.u64(50..600)),
            read: millis(fortune.u64(20..300)),
            claim: millis(fortune.u64(5..100)),
            lag: if swarm.has(Kind::ReadLag) { millis(dice.u64(1..4_000)) } else { Duration::ZERO },
        };
        let mut sim = Self {
            now: START,
            timeline: Timeline::default(),
            config: Config::default(),
            places: Places::new(lanes, pools, limits),
            cluster: Cluster::default(),
            balancers: (0..lanes).map(|_| Balancer::default()).collect(),
            timing,
            names_culprit: fortune.bool(),
            processes: Vec::new(),
            swarm,
            dice,
            fortune,
            counts: [0; Kind::ALL.len()],
            trace: Trace::new(),
            cluster_trace: Trace::new(),
            is_calm,
            aloud: std::env::var_os("GRACE_ALOUD").is_some(),
            resting: false,
            foreign: BTreeMap::new(),
            landed_unclaimed: BTreeSet::new(),
            released: BTreeSet::new(),
            changes: 0,
            last_change: START,
            last_write: None,
            wrong: Wrong::default(),
            drains: Vec::new(),
            others: Vec::new(),
            calls: [0; 7],
            events: 0,
        };
        if sim.swarm.has(Kind::ReadLag) {
            sim.count(Kind::ReadLag);
        }
        sim.populate();
        let replicas = if sim.swarm.has(Kind::Takeover) { 2 } else { 1 };
        sim.processes = (0..replicas).map(|_| Process::new(&sim.config)).collect();
        sim.processes[0].leads = true;
        sim.write_script();
        sim.plan_mishaps();
        for process in 0..replicas {
            sim.start(process);
        }
        sim
    }

    /// Services with their routes and Pods; mostly they serve already.
    fn populate(&mut self) {
        let services = self.fortune.usize(1..4);
        let mut free: Vec<(u8, u8)> = (0..self.places.len())
            .flat_map(|lane| {
                (0..self.places.pools(small(lane)).len()).map(move |pool| (small(lane), small(pool)))
            })
            .collect();
        let all = free.clone();
        for number in 0..services {
            let service = self.cluster.add_service(8080);
            let layer = if number % 2 == 0 { Layer::Service } else { Layer::Ingress };
            let mut at = Vec::new();
            for _ in 0..self.fortune.usize(1..3) {
                if !free.is_empty() {
                    at.push(free.swap_remove(self.fortune.usize(..free.len())));
                }
            }
            let mut contested = false;
            if at.is_empty() {
                if !self.swarm.has(Kind::Contested) {
                    break;
                }
                // Nothing is left: it names a pool that an older route has.
                self.count(Kind::Contested);
                contested = true;
                at.push(all[self.fortune.usize(..all.len())]);
            }
            let drains = [
                DrainOn::Nothing,
                DrainOn::Termination,
                DrainOn::Termination,
                DrainOn::TerminationAndUnready,
            ];
            let owner = self.cluster.services[service].key.clone();
            let facts = RouteFacts {
                key: RouteKey { layer, owner: owner.clone(), part: "TCP/80".into() },
                uid: Uid::of(&format!("service {number}")),
                since: START - millis(100_000 - small(number) as u64),
                service: owner,
                port: PortName::from(""),
                pools: Resolution::Pending,
                policy: grace_core::Policy {
                    drain: drains[self.fortune.usize(..4)],
                    default_weight: Weight::new(self.fortune.u8(1..=100)).expect("0 to 100"),
                    ignore_readiness: self.fortune.u32(..12) == 0,
                    min_drain: if self.fortune.u32(..6) == 0 {
                        millis(self.fortune.u64(1..9_000))
                    } else {
                        Duration::ZERO
                    },
                    ..Default::default()
                },
            };
            self.cluster.add_route(facts, service, at, contested);
            let route = self.cluster.routes.len() - 1;
            self.cluster.routes[route].facts.pools = Resolution::Known(self.known_pools(route));
        }
        let warm = self.fortune.u32(..4) > 0;
        for service in 0..self.cluster.services.len() {
            for number in 0..self.fortune.u32(1..5) {
                let pod = self.cluster.add_pod(
                    service,
                    number,
                    START - millis(50_000),
                    grace_core::Gate::NotDeclared,
                    millis(30_000),
                );
                let at = self.cluster.fresh_ip();
                self.give(pod, at);
                self.serve(pod, true);
                for route in self
                    .cluster
                    .routes
                    .iter()
                    .filter(|route| warm && route.service == service && !route.contested)
                {
                    for (lane, pool) in &route.at {
                        let key = Key { lane: *lane, pool: *pool, ip: at, port: 8080 };
                        let balancer = &mut self.balancers[usize::from(*lane)];
                        balancer.targets.insert(key, route.facts.policy.default_weight.get());
                        balancer.claims.insert(key);
                        balancer.revision = 1;
                    }
                }
            }
            self.act(crate::workload::Act::Sync { service });
        }
        for route in 0..self.cluster.routes.len() {
            self.route_changed(route);
        }
    }

    pub(crate) const fn count(&mut self, kind: Kind) {
        self.counts[kind as usize] += 1;
    }

    /// One of these kinds, if the dice say so; it is counted.
    pub(crate) fn strike(&mut self, kinds: &[Kind]) -> Option<Kind> {
        let kind = self.swarm.strikes(&mut self.dice, kinds)?;
        if !COUNTED_WHERE_IT_HAPPENS.contains(&kind) {
            self.count(kind);
        }
        Some(kind)
    }

    /// Faults happen, then they are over.
    pub(crate) fn live_through(&mut self) {
        self.run_until(START + TROUBLED);
        self.mend();
    }

    /// Time passes, up to and including that moment.
    pub(crate) fn run_until(&mut self, end: Time) {
        let (mut steps, mut last) = (0_u32, self.now);
        loop {
            let wakes = self.processes.iter().enumerate().filter(|(_, process)| process.alive);
            let wake =
                wakes.filter_map(|(number, process)| Some((process.machine.poll_timeout()?.0, number))).min();
            let next = self.timeline.next();
            let Some(at) = wake.map(|(at, _)| at).into_iter().chain(next).min().filter(|at| *at <= end)
            else {
                break;
            };
            self.now = self.now.max(at);
            steps = if self.now == last { steps + 1 } else { 0 };
            last = self.now;
            assert!(steps < 20_000, "time stands still at {last}");
            // Whoever is to be woken is woken on time, before anything else happens at that moment.
            match wake {
                Some((due, process)) if due <= at => self.nudge(process),
                Some(_) | None => {
                    let happening = self.timeline.pop().expect("it is there");
                    self.happen(happening);
                }
            }
        }
        self.now = self.now.max(end);
    }

    fn happen(&mut self, happening: Happening) {
        match happening {
            Happening::Act(act) => self.act(act),
            Happening::Mishap(mishap) => self.mishap(mishap),
            Happening::Deliver { to, epoch, object, index } => self.deliver(to, epoch, object, index),
            Happening::List { to, epoch, source, part } => self.list(to, epoch, source, part),
            Happening::Effect { from, verb, entries, sent } => self.effect(from, verb, entries, sent),
            Happening::Shown { key, weight, change } => self.show(key, weight, change),
            Happening::ClaimEffect { lane, add, drop } => {
                self.balancers[usize::from(lane)].claim(&add, &drop)
            }
            Happening::Look { to, id } => self.answer(to, id, None),
            Happening::Answer { to, id, result } => self.answer(to, id, Some(result)),
            Happening::Start { process } => {
                if !self.processes[process].alive {
                    self.start(process);
                }
            }
        }
    }
}

/// Kinds that are counted where they show, not where the dice fall.
const COUNTED_WHERE_IT_HAPPENS: &[Kind] = &[Kind::Lag, Kind::Reorder, Kind::Duplicate, Kind::StaleStart];
