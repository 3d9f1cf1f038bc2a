//! A machine, and what it is told.

use std::net::{IpAddr, Ipv4Addr};
use std::num::NonZeroU16;
use std::time::Duration;

use grace_core::{
    Address, Command, Config, DrainOn, EndpointFacts, Event, Gate, Health, LaneFacts, LaneId, Layer, Life,
    Limits, ListenerId, LoadBalancerId, Machine, ObjectName, PodFacts, Policy, Pool, PoolSeen, PortName,
    PreStop, Proof, Resolution, Revision, RouteFacts, RouteKey, Seen, SliceFacts, Source, SourceKind,
    StopBudget, Success, Time, Uid, Weight,
};

/// Hands events over as the driver does, and says how many writes came out.
#[inline(never)]
pub(crate) fn deliver(world: &mut World, events: &[Event]) -> usize {
    let mut writes = 0;
    for event in events {
        world.now = world.now + Duration::from_micros(1);
        world.machine.handle_event(event, world.now);
        while let Some(action) = world.machine.poll_action() {
            writes += usize::from(matches!(action.command, Command::Write { .. }));
        }
        while world.machine.poll_notice().is_some() {}
    }
    writes
}

/// A machine with the Pods that it knows. Facts are made when they are stated, so that the heap is the machine's.
pub(crate) struct World {
    pub(crate) machine: Machine,
    /// The weight that each Pod asks for; 0 for none.
    weights: Vec<u8>,
    /// Targets of each Pod.
    ports: u16,
    now: Time,
    dice: fastrand::Rng,
}

impl World {
    /// Pods whose targets all stand as they should; nothing is under way.
    pub(crate) fn settled(pods: usize, ports: u16) -> Self {
        // Writes stay open as long as this runs, and no comparison comes in between.
        let hour = Duration::from_secs(3_600);
        let config = Config { resync: hour, write_timeout: hour, ..Config::default() };
        let mut world = Self {
            machine: Machine::new(config),
            weights: vec![0; pods],
            ports,
            now: Time::from_unix_seconds(1_800_000_000),
            dice: fastrand::Rng::with_seed(1),
        };
        world.state_all();
        world.let_pass(|world, command| Some(world.answer(command)));
        assert!(world.machine.is_ready() && world.machine.plan().is_empty(), "nothing is left to do");
        world
    }

    /// Lets the comparisons pass that verify the state after the grant. Until then each target remembers that a registration of
    /// the process before may still land.
    pub(crate) fn verify(&mut self) {
        self.now = self.now + Duration::from_secs(3_601);
        // The reads of many load balancers wait for the budget of calls.
        let end = self.now + Duration::from_secs(60);
        while let Some((at, _)) = self.machine.poll_timeout().filter(|(at, _)| *at <= end) {
            self.now = self.now.max(at);
            self.machine.handle_timeout(self.now);
            while let Some(action) = self.machine.poll_action() {
                let event = Event::Answer { id: action.id, result: Ok(self.answer(&action.command)) };
                self.machine.handle_event(&event, self.now);
            }
            while self.machine.poll_notice().is_some() {}
        }
    }

    /// Pods with so many targets each, a write that stays open on every CLB, and every Pod changed once already.
    pub(crate) fn busy(pods: usize, ports: u16) -> Self {
        let mut world = Self::settled(pods, ports);
        world.verify();
        let changes: Vec<Event> = (0..pods).map(|pod| world.change(pod)).collect();
        for first in changes.iter().step_by(PODS_PER_SERVICE * SERVICES_PER_LANE) {
            world.machine.handle_event(first, world.now);
        }
        let mut open = 0;
        world.let_pass(|world, command| {
            let is_write = matches!(command, Command::Write { .. });
            open += usize::from(is_write);
            (!is_write).then(|| world.answer(command))
        });
        assert_eq!(open, world.lanes().count(), "a write is open on every CLB");
        deliver(&mut world, &changes);
        world
    }

    /// So many changes of the weight of Pods drawn at random.
    pub(crate) fn events(&mut self, count: usize) -> Vec<Event> {
        let pods = self.weights.len();
        (0..count)
            .map(|_| {
                let pod = self.dice.usize(..pods);
                self.change(pod)
            })
            .collect()
    }

    fn change(&mut self, pod: usize) -> Event {
        // Another weight than it has, so that every event changes something.
        let weight = match self.weights[pod] {
            0 => Weight::DEFAULT.get(),
            weight => weight,
        };
        self.weights[pod] = weight % 99 + 1;
        self.pod_event(pod)
    }

    fn pod_event(&self, pod: usize) -> Event {
        Event::Pod { from: source(SourceKind::Pods), pod: self.facts_of(pod) }
    }

    fn facts_of(&self, pod: usize) -> PodFacts {
        let asked = self.weights.get(pod).filter(|weight| **weight > 0);
        PodFacts { weight_service: asked.and_then(|weight| Weight::new(*weight).ok()), ..facts(pod) }
    }

    /// Lets time pass from timer to timer, until the next comparison is all there is to wait for.
    fn let_pass(&mut self, mut answer: impl FnMut(&Self, &Command) -> Option<Success>) {
        loop {
            while let Some(action) = self.machine.poll_action() {
                if let Some(success) = answer(self, &action.command) {
                    let event = Event::Answer { id: action.id, result: Ok(success) };
                    self.machine.handle_event(&event, self.now);
                }
            }
            while self.machine.poll_notice().is_some() {}
            match self.machine.poll_timeout() {
                Some((at, _)) if at.since(self.now) < QUIET => self.now = self.now.max(at),
                Some(_) | None => return,
            }
            self.machine.handle_timeout(self.now);
        }
    }

    /// What a CLB and a record of claims answer when everything stands as it should.
    fn answer(&self, command: &Command) -> Success {
        let lane = command.lane();
        let services = self.services().filter(|service| Some(&lane_of(*service)) == lane);
        let all: Vec<_> = services.flat_map(|service| self.targets(service)).collect();
        match command {
            Command::LoadClaims { .. } => Success::Claims { revision: Some(Revision::new("1")), all },
            Command::Read { pools, .. } => {
                let seen = |pool: &Pool| {
                    let targets = all.iter().filter(|(of, _)| of == pool);
                    let seen = targets.map(|(_, address)| Seen {
                        address: *address,
                        weight: Weight::DEFAULT,
                        health: Health::Unknown,
                    });
                    PoolSeen { pool: pool.clone(), targets: seen.collect(), strangers: 0 }
                };
                Success::Seen(pools.iter().map(seen).collect())
            }
            Command::Write { .. } => Success::Written { proof: Proof::Task, failed: Vec::new() },
            Command::Claim { .. } => unreachable!("every target is claimed already"),
            Command::Mark { .. } => unreachable!("no marks are asked for"),
        }
    }

    fn services(&self) -> impl Iterator<Item = usize> + use<> {
        0..self.weights.len() / PODS_PER_SERVICE
    }

    fn lanes(&self) -> impl Iterator<Item = usize> + use<> {
        self.services().step_by(SERVICES_PER_LANE)
    }

    fn pods_of(service: usize) -> impl Iterator<Item = PodFacts> {
        (service * PODS_PER_SERVICE..).take(PODS_PER_SERVICE).map(facts)
    }

    fn targets(&self, service: usize) -> impl Iterator<Item = (Pool, Address)> {
        let ports = self.ports;
        let address = move |ip, port| (pool(service, port), Address { ip, port: number(port) });
        Self::pods_of(service)
            .filter_map(|pod| pod.ips[0])
            .flat_map(move |ip| (0..ports).map(move |port| address(ip, port)))
    }

    /// States everything, as first lists do.
    fn state_all(&mut self) {
        self.state_lists(0);
        let lanes: Vec<LaneId> = self.lanes().map(lane_of).collect();
        for lane in lanes {
            let facts =
                LaneFacts { id: lane.clone(), limits: Limits::default(), harmful: Vec::new(), family: None };
            self.state(&Event::Lane(facts));
            self.state(&Event::Granted(lane));
        }
        for service in self.services() {
            for port in 0..self.ports {
                self.state(&Event::Route(route(service, port)));
            }
        }
        self.state(&Event::Synced);
    }

    /// States all Pods and slices from the start to the end of their lists, with so many Pods more that are behind nothing.
    pub(crate) fn state_lists(&mut self, unserved: usize) {
        let [pods, slices] = [SourceKind::Pods, SourceKind::Slices].map(source);
        self.state(&Event::ListStarted(pods.clone()));
        for pod in 0..self.weights.len() + unserved {
            self.state(&self.pod_event(pod));
        }
        self.state(&Event::ListDone(pods));
        self.state(&Event::ListStarted(slices.clone()));
        for service in self.services() {
            let slice = Event::Slice { from: slices.clone(), slice: self.slice(service) };
            self.state(&slice);
        }
        self.state(&Event::ListDone(slices));
    }

    fn state(&mut self, event: &Event) {
        self.machine.handle_event(event, self.now);
    }

    fn slice(&self, service: usize) -> SliceFacts {
        let endpoint = |pod: PodFacts| {
            Some(EndpointFacts { pod: pod.uid, ip: pod.ips[0]?, serving: true, terminating: false })
        };
        SliceFacts {
            key: ObjectName::new("shop", format!("web-{service}-x7k2p")),
            service: ObjectName::new("shop", format!("web-{service}")),
            ports: (0..self.ports).map(|port| (name(port), number(port))).collect(),
            endpoints: Self::pods_of(service).filter_map(endpoint).collect(),
        }
    }
}

fn facts(index: usize) -> PodFacts {
    let number = u32::try_from(index).expect("fewer Pods than addresses");
    PodFacts {
        uid: Uid::of(&format!("{number:08x}-0000-4000-8000-000000000000")),
        name: ObjectName::new("shop", format!("web-{}-7c9d8f6b5-{number:x}", index / PODS_PER_SERVICE)),
        ips: [Some(IpAddr::V4(Ipv4Addr::from(0x0a00_0001 + number))), None],
        created: Time::from_unix_seconds(1_700_000_000),
        life: Life::Live,
        gate: Gate::NotDeclared,
        ready_since: Some(Time::from_unix_seconds(1_700_000_010)),
        unready_since: None,
        weight_service: None,
        weight_ingress: None,
        ordinal: None,
        stop: StopBudget { grace: Duration::from_secs(30), pre_stop: PreStop::None },
        drained_shown: false,
    }
}

fn route(service: usize, port: u16) -> RouteFacts {
    let owner = ObjectName::new("shop", format!("web-{service}"));
    RouteFacts {
        key: RouteKey { layer: Layer::Service, owner: owner.clone(), part: name(port).as_str().into() },
        uid: Uid::of(&format!("service {service}")),
        since: Time::from_unix_seconds(1_700_000_000),
        service: owner,
        port: name(port),
        pools: Resolution::Known(vec![(lane_of(service), pool(service, port))]),
        policy: Policy { drain: DrainOn::TerminationAndUnready, ..Policy::default() },
    }
}

fn lane_of(service: usize) -> LaneId {
    let id = format!("lb-{:08}", service / SERVICES_PER_LANE);
    LaneId::LoadBalancer(LoadBalancerId::try_from(&*id).expect("letters and digits"))
}

fn pool(service: usize, port: u16) -> Pool {
    Pool::Listener(ListenerId::try_from(&*format!("lbl-{port}{service:07}")).expect("letters and digits"))
}

fn name(port: u16) -> PortName {
    PortName::from(&*format!("port-{port}"))
}

fn number(port: u16) -> NonZeroU16 {
    NonZeroU16::MIN.saturating_add(8_079 + port)
}

const fn source(kind: SourceKind) -> Source {
    Source { kind, namespace: None }
}

const PODS_PER_SERVICE: usize = 100;
/// With two ports each: 50 listeners, the default quota of a CLB.
const SERVICES_PER_LANE: usize = 25;
/// Longer than any wait of the start, shorter than the time to the first comparison.
const QUIET: Duration = Duration::from_secs(100);
