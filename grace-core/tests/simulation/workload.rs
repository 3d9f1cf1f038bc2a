//! What happens in the cluster: rolling updates of every kind, and everything else that befalls Pods and routes.
//!
//! It draws from dice of its own and never looks at a load balancer, so that a world with faults and the same world
//! without them have the same cluster.

use std::time::Duration;

use grace_core::{DrainOn, Event, Gate, Life, Resolution, RouteEnd, Time, Uid, Weight};

use crate::place::ip;
use crate::sim::{Sim, millis};
use crate::swarm::Kind;
use crate::timeline::Happening;

/// A change of the cluster.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Act {
    /// All Pods of a Service are replaced, or their number changes.
    Roll {
        service: usize,
        how: Roll,
    },
    /// A Pod is created, possibly with the number of an earlier one, possibly at its address.
    Create {
        service: usize,
        number: Option<u32>,
        at: Option<u16>,
        gate: bool,
    },
    Address {
        pod: usize,
        at: Option<u16>,
    },
    Serve {
        pod: usize,
        serving: bool,
    },
    Terminate {
        pod: usize,
        stay: Option<u64>,
    },
    Gone {
        pod: usize,
    },
    Slices {
        pod: usize,
        mask: u8,
    },
    Unhold {
        pod: usize,
    },
    /// The slice controller looks at a Service.
    Sync {
        service: usize,
    },
    RouteBack {
        route: usize,
    },
    PoolsKnown {
        route: usize,
    },
    /// Something of this kind befalls somebody.
    Vary(Kind),
}

/// How the Pods of a Service are replaced.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Roll {
    /// One new, one old, and so on.
    Surge,
    /// One old, then its successor of the same name.
    Stateful,
    /// All old, then all new.
    Recreate,
    /// All old within a moment, the new ones at the same time.
    Burst,
    /// Some go.
    Fewer,
    /// Some come.
    More,
}

const ROLLS: [Roll; 8] = [
    Roll::Surge,
    Roll::Surge,
    Roll::Surge,
    Roll::Stateful,
    Roll::Recreate,
    Roll::Burst,
    Roll::Fewer,
    Roll::More,
];

impl Sim {
    /// Writes the script of this world.
    pub(crate) fn write_script(&mut self) {
        for service in 0..self.cluster.services.len() {
            let mut at = self.fortune.u64(500..8_000);
            for _ in 0..self.fortune.u32(1..3) {
                let how = ROLLS[self.fortune.usize(..ROLLS.len())];
                self.after(at, Act::Roll { service, how });
                at += self.fortune.u64(5_000..25_000);
            }
        }
        for kind in Kind::ALL.iter().filter(|kind| **kind >= Kind::ForceDelete) {
            if self.swarm.has(*kind) {
                for _ in 0..self.fortune.u32(1..3) {
                    let at = self.fortune.u64(200..35_000);
                    self.after(at, Act::Vary(*kind));
                }
            }
        }
    }

    fn after(&mut self, wait: u64, act: Act) {
        self.timeline.at(self.now + millis(wait), Happening::Act(act));
    }

    /// Pods that are held, and until when.
    pub(crate) fn holds(&self) -> Vec<(Uid, Time)> {
        let held = self.cluster.pods.iter().filter(|pod| pod.exists);
        held.filter_map(|pod| Some((pod.facts.uid, pod.held_until?)))
            .filter(|(_, until)| *until > self.now)
            .collect()
    }

    /// A change happens.
    pub(crate) fn act(&mut self, act: Act) {
        match act {
            Act::Roll { service, how } => self.roll(service, how),
            Act::Create { service, number, at, gate } => _ = self.create(service, number, at, gate),
            Act::Address { pod, at } => self.address(pod, at),
            Act::Serve { pod, serving } => self.serve(pod, serving),
            Act::Terminate { pod, stay } => self.terminate(pod, stay),
            Act::Gone { pod } => self.gone(pod),
            Act::Slices { pod, mask } => {
                if self.cluster.pods[pod].exists {
                    self.cluster.pods[pod].slices = mask;
                    self.pod_changed(pod);
                }
            }
            Act::Unhold { pod } => {
                if self.cluster.pods[pod].held_until.take().is_some() {
                    let pod_uid = self.cluster.pods[pod].facts.uid;
                    self.tell_all(&Event::Unhold { pod: pod_uid });
                    self.judge_pod(pod);
                }
            }
            Act::Sync { service } => {
                self.cluster.services[service].stale = false;
                for (object, event) in self.cluster.slice_statements(service) {
                    self.publish(object, event);
                }
            }
            Act::RouteBack { route } => {
                self.cluster.routes[route].exists = true;
                self.route_changed(route);
            }
            Act::PoolsKnown { route } => {
                let known = self.known_pools(route);
                self.cluster.routes[route].facts.pools = Resolution::Known(known);
                self.route_changed(route);
            }
            Act::Vary(kind) => self.vary(kind),
        }
    }

    fn tell_all(&mut self, event: &Event) {
        for process in 0..self.processes.len() {
            if self.processes[process].alive {
                self.send(process, event);
            }
        }
    }

    fn live(&self, service: Option<usize>) -> Vec<usize> {
        let pods = self.cluster.pods.iter().enumerate();
        pods.filter(|(_, pod)| pod.is_live() && service.is_none_or(|service| pod.service == service))
            .map(|(number, _)| number)
            .collect()
    }

    fn roll(&mut self, service: usize, how: Roll) {
        let olds = self.live(Some(service));
        let fresh = |number| Act::Create { service, number, at: None, gate: false };
        let mut at = 0;
        match how {
            Roll::Surge => {
                for pod in olds {
                    self.after(at, fresh(None));
                    let ready = at + self.fortune.u64(300..5_000);
                    let stay = self.stay();
                    self.after(ready, Act::Terminate { pod, stay });
                    at = ready + self.fortune.u64(0..1_500);
                }
            }
            Roll::Stateful => {
                for pod in olds {
                    let stay = self.fortune.u64(200..8_000);
                    self.after(at, Act::Terminate { pod, stay: Some(stay) });
                    let number = Some(self.cluster.pods[pod].number);
                    let again = self.fortune.bool().then_some(self.cluster.pods[pod].ip).flatten();
                    let back = at + stay + self.fortune.u64(10..1_000);
                    self.count(Kind::SameName);
                    self.after(back, Act::Create { service, number, at: again, gate: false });
                    at = back + self.fortune.u64(500..3_000);
                }
            }
            Roll::Recreate => {
                let last = self.fortune.u64(200..8_000);
                for pod in &olds {
                    let stay = Some(self.fortune.u64(100..=last));
                    self.after(0, Act::Terminate { pod: *pod, stay });
                }
                for _ in &olds {
                    self.after(last + 50, fresh(None));
                }
            }
            Roll::Burst => {
                for pod in olds {
                    let stay = self.stay();
                    let wait = self.fortune.u64(0..400);
                    self.after(wait, Act::Terminate { pod, stay });
                    self.after(wait, fresh(None));
                }
            }
            Roll::Fewer => {
                let keep = self.fortune.usize(..=olds.len());
                for pod in olds.into_iter().skip(keep) {
                    let stay = self.stay();
                    self.after(0, Act::Terminate { pod, stay });
                }
            }
            Roll::More => {
                for _ in 0..self.fortune.usize(1..4) {
                    self.after(at, fresh(None));
                    at += self.fortune.u64(0..500);
                }
            }
        }
    }

    /// How long a Pod takes to end.
    fn stay(&mut self) -> Option<u64> {
        Some(if self.fortune.bool() { self.fortune.u64(50..3_000) } else { self.fortune.u64(3_000..25_000) })
    }

    pub(crate) fn create(
        &mut self,
        service: usize,
        number: Option<u32>,
        at: Option<u16>,
        gate: bool,
    ) -> usize {
        let number = number.unwrap_or_else(|| self.fortune.u32(100..10_000));
        let grace = Duration::from_secs(self.fortune.u64(5..60));
        let gate = if gate { Gate::Waiting { only: false } } else { Gate::NotDeclared };
        let pod = self.cluster.add_pod(service, number, self.now, gate, grace);
        self.pod_changed(pod);
        let wait = self.fortune.u64(20..500);
        self.after(wait, Act::Address { pod, at });
        pod
    }

    fn address(&mut self, pod: usize, at: Option<u16>) {
        if !self.cluster.pods[pod].is_live() {
            return;
        }
        let taken = self.cluster.addresses();
        let leaving: Vec<u16> =
            self.cluster.pods.iter().filter(|pod| pod.is_terminating()).filter_map(|pod| pod.ip).collect();
        let shared = self.swarm.has(Kind::SharedAddress) && self.fortune.u32(..3) == 0;
        let live_at =
            |sim: &Self, ip: u16| sim.cluster.pods.iter().any(|pod| pod.is_live() && pod.ip == Some(ip));
        let chosen = if let Some(ip) = at.filter(|ip| !live_at(self, *ip)) {
            ip
        } else if let Some(ip) = leaving.iter().copied().find(|ip| shared && !live_at(self, *ip)) {
            self.count(Kind::SharedAddress);
            ip
        } else if let Some(ip) = self.cluster.free.pop().filter(|ip| !taken.contains(ip)) {
            self.count(Kind::ReusedAddress);
            ip
        } else {
            self.cluster.fresh_ip()
        };
        let moved = self.cluster.pods[pod].ip.is_some();
        self.give(pod, chosen);
        self.pod_changed(pod);
        if !moved {
            if matches!(self.cluster.pods[pod].facts.gate, Gate::Waiting { .. }) {
                // Everything is ready but our gate; it passes together with the Pod.
                self.cluster.pods[pod].facts.gate = Gate::Waiting { only: true };
                self.pod_changed(pod);
            }
            let wait = self.fortune.u64(200..4_000);
            self.after(wait, Act::Serve { pod, serving: true });
        }
    }

    pub(crate) fn give(&mut self, pod: usize, at: u16) {
        let record = &mut self.cluster.pods[pod];
        let before = record.ip.replace(at);
        record.facts.ips = [Some(ip(at)), None];
        if let Some(before) = before.filter(|before| *before != at) {
            self.cluster.free.push(before);
            self.judge(before);
        }
    }

    pub(crate) fn serve(&mut self, pod: usize, serving: bool) {
        let now = self.now;
        let record = &mut self.cluster.pods[pod];
        if !record.exists || record.ip.is_none() || record.serving == serving {
            return;
        }
        record.serving = serving;
        (record.facts.ready_since, record.facts.unready_since) =
            if serving { (Some(now), None) } else { (None, Some(now)) };
        if serving && record.facts.gate != Gate::NotDeclared {
            record.facts.gate = Gate::Passed;
        }
        self.pod_changed(pod);
    }

    fn terminate(&mut self, pod: usize, stay: Option<u64>) {
        let now = self.now;
        let record = &mut self.cluster.pods[pod];
        if !record.is_live() {
            return;
        }
        record.facts.life = Life::Terminating { asked: now, kill: now + record.facts.stop.grace };
        record.stuck = stay.is_none();
        self.pod_changed(pod);
        if let Some(stay) = stay {
            self.after(stay, Act::Gone { pod });
            if stay > 1_000 && self.fortune.bool() {
                let stops = self.fortune.u64(100..stay);
                self.after(stops, Act::Serve { pod, serving: false });
            }
        }
    }

    fn gone(&mut self, pod: usize) {
        let record = &mut self.cluster.pods[pod];
        if !std::mem::take(&mut record.exists) {
            return;
        }
        let at = record.ip;
        self.pod_changed(pod);
        if let Some(at) = at.filter(|at| !self.cluster.addresses().contains(at)) {
            self.cluster.free.push(at);
        }
    }

    pub(crate) fn pod_changed(&mut self, pod: usize) {
        let (object, event) = self.cluster.pod_statement(pod);
        self.publish(object, event);
        let service = self.cluster.pods[pod].service;
        if !std::mem::replace(&mut self.cluster.services[service].stale, true) {
            let wait = self.fortune.u64(1..300);
            self.after(wait, Act::Sync { service });
        }
        self.judge_pod(pod);
    }

    fn judge_pod(&mut self, pod: usize) {
        if let Some(at) = self.cluster.pods[pod].ip {
            self.judge(at);
        }
    }

    pub(crate) fn known_pools(&self, route: usize) -> Vec<(grace_core::LaneId, grace_core::Pool)> {
        let at = &self.cluster.routes[route].at;
        at.iter()
            .map(|(lane, pool)| (self.places.lane(*lane).clone(), self.places.pool(*lane, *pool).clone()))
            .collect()
    }

    pub(crate) fn route_changed(&mut self, route: usize) {
        let event = Event::Route(self.cluster.routes[route].facts.clone());
        let object = self.cluster.route_object(route);
        self.publish(object, event);
        self.judge_all();
    }

    fn end_route(&mut self, route: usize, end: RouteEnd) {
        self.cluster.routes[route].exists = false;
        if end == RouteEnd::Released {
            self.released.extend(&self.cluster.routes[route].at);
        }
        let key = self.cluster.routes[route].facts.key.clone();
        let object = self.cluster.route_object(route);
        self.publish(object, Event::RouteGone { key, end });
        self.judge_all();
    }

    /// Something of this kind befalls somebody.
    fn vary(&mut self, kind: Kind) {
        let live = self.live(None);
        let pod = if live.is_empty() { None } else { Some(live[self.fortune.usize(..live.len())]) };
        let route = self.fortune.usize(..self.cluster.routes.len());
        let wait = self.fortune.u64(1_000..15_000);
        let replace = |sim: &mut Self, pod: usize| {
            let service = sim.cluster.pods[pod].service;
            sim.create(service, None, None, false);
        };
        match (kind, pod) {
            (Kind::ForceDelete, Some(pod)) => {
                replace(self, pod);
                self.gone(pod);
            }
            (Kind::Evicted, Some(pod)) => {
                self.cluster.pods[pod].facts.life = Life::Over;
                self.pod_changed(pod);
                replace(self, pod);
                self.after(wait, Act::Gone { pod });
            }
            (Kind::MovedAddress, Some(pod)) if self.cluster.pods[pod].ip.is_some() => self.address(pod, None),
            (Kind::Flap, Some(pod)) => {
                for second in 0..self.fortune.u64(2..6) {
                    self.after(second * 2_000, Act::Serve { pod, serving: false });
                    self.after(second * 2_000 + 1_000, Act::Serve { pod, serving: true });
                }
            }
            (Kind::Unready, Some(pod)) => {
                self.serve(pod, false);
                if self.fortune.u32(..5) > 0 {
                    self.after(wait, Act::Serve { pod, serving: true });
                }
            }
            (Kind::BetweenSlices, Some(pod)) => {
                let mask = if self.fortune.bool() { 3 } else { 0 };
                self.act(Act::Slices { pod, mask });
                let wait = self.fortune.u64(50..4_000);
                self.after(wait, Act::Slices { pod, mask: 2 });
            }
            (Kind::Deselected, Some(pod)) => {
                self.act(Act::Slices { pod, mask: 0 });
                if self.fortune.u32(..4) > 0 {
                    self.after(wait * 3, Act::Slices { pod, mask: 1 });
                }
            }
            (Kind::WeightChanged, Some(pod)) => {
                let weight = Weight::new(self.fortune.u8(0..=100)).expect("0 to 100");
                if self.fortune.bool() {
                    self.cluster.pods[pod].facts.weight_service = Some(weight);
                    self.pod_changed(pod);
                } else {
                    self.cluster.routes[route].facts.policy.default_weight = weight;
                    if self.cluster.routes[route].exists {
                        self.route_changed(route);
                    }
                }
            }
            (Kind::Stuck, Some(pod)) => {
                replace(self, pod);
                self.terminate(pod, None);
            }
            (Kind::WaitsForGate, Some(pod)) => {
                let service = self.cluster.pods[pod].service;
                self.create(service, None, None, true);
            }
            (Kind::Held, Some(pod)) => {
                let until = self.now + millis(wait);
                self.cluster.pods[pod].held_until = Some(until);
                let uid = self.cluster.pods[pod].facts.uid;
                self.tell_all(&Event::Hold { pod: uid, until });
                let ends = if self.fortune.bool() { wait } else { wait / 2 };
                self.after(ends, Act::Unhold { pod });
                self.judge_pod(pod);
            }
            (Kind::KillMoved, _) => {
                let Some(pod) = self.cluster.pods.iter().position(crate::cluster::Pod::is_terminating) else {
                    return;
                };
                let record = &mut self.cluster.pods[pod];
                if let Life::Terminating { asked, kill } = record.facts.life {
                    let kill = if wait.is_multiple_of(2) {
                        kill + millis(wait)
                    } else {
                        (kill - millis(wait)).max(asked)
                    };
                    record.facts.life = Life::Terminating { asked, kill };
                }
                self.pod_changed(pod);
            }
            (Kind::SwitchChanged, _) if self.cluster.routes[route].exists => {
                let drain = [DrainOn::Nothing, DrainOn::Termination, DrainOn::TerminationAndUnready]
                    [self.fortune.usize(..3)];
                self.cluster.routes[route].facts.policy.drain = drain;
                self.route_changed(route);
            }
            (Kind::RouteDeleted, _) if self.cluster.routes[route].exists => {
                self.end_route(route, RouteEnd::Deleted);
                if self.fortune.u32(..4) > 0 {
                    self.after(wait * 4, Act::RouteBack { route });
                }
            }
            (Kind::RouteReleased, _) if self.cluster.routes[route].exists => {
                self.end_route(route, RouteEnd::Released);
                self.after(wait, Act::RouteBack { route });
            }
            (Kind::Pending, _) if self.cluster.routes[route].exists => {
                self.cluster.routes[route].facts.pools = Resolution::Pending;
                self.route_changed(route);
                self.after(wait, Act::PoolsKnown { route });
            }
            (Kind::PortChanged, _) => {
                let service = self.cluster.routes[route].service;
                let port = &mut self.cluster.services[service].port;
                *port = if *port == 8080 { 9090 } else { 8080 };
                self.act(Act::Sync { service });
                self.judge_all();
            }
            _ => return,
        }
        self.count(kind);
    }
}
