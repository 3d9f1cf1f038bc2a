//! A small run of the core that is recorded: two Pods of a StatefulSet behind two listeners of `lb-1`, one of them replaced.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::num::NonZeroU16;
use std::time::Duration;

use grace_core::log::Entry;
use grace_core::{
    ActionId, Address, Batch, Command, Config, DrainOn, EndpointFacts, Event, Failure, Gate, Health, LaneId,
    Layer, Life, ListenerId, LoadBalancerId, Machine, ObjectName, PodFacts, Policy, Pool, PoolSeen, PreStop,
    Proof, Resolution, Revision, RouteFacts, RouteKey, Seen, SliceFacts, Source, SourceKind, StopBudget,
    Success, Time, Uid, Weight, Why,
};

/// The run as lines of JSON.
pub(crate) fn run() -> String {
    let mut run = Recording::new();
    run.start();
    run.until(5_000);
    run.busy = true;
    let asked = run.now;
    run.change(1, |pod| pod.life = Life::Terminating { asked, kill: asked + Duration::from_secs(40) });
    run.until(20_000);
    run.gone(1);
    run.until(23_000);
    run.create(1, 2, [10, 0, 0, 9]);
    run.until(24_000);
    run.ready(1);
    run.until(28_000);
    run.set_by_hand("lbl-80", [10, 0, 0, 9], 3);
    run.until(100_000);
    run.lost = true;
    let asked = run.now;
    run.change(0, |pod| pod.life = Life::Terminating { asked, kill: asked + Duration::from_secs(40) });
    run.until(170_000);
    run.relist_without(0);
    run.until(170_500);
    run.lines()
}

/// Another one: a Pod gets the address of one that is gone, and at the end a list of slices is empty.
pub(crate) fn taken_over() -> String {
    let mut run = Recording::new();
    run.start();
    run.until(5_000);
    let asked = run.now;
    run.change(1, |pod| pod.life = Life::Terminating { asked, kill: asked + Duration::from_secs(40) });
    run.until(20_000);
    run.gone(1);
    run.until(23_000);
    run.create(2, 1, [10, 0, 0, 5]);
    run.ready(2);
    run.until(30_000);
    run.send(Event::ListStarted(source(SourceKind::Slices)));
    run.send(Event::ListDone(source(SourceKind::Slices)));
    run.lines()
}

/// A machine in virtual time, its cluster and its load balancer.
struct Recording {
    machine: Machine,
    now: Time,
    log: Vec<Entry>,
    pods: BTreeMap<u8, PodFacts>,
    targets: BTreeMap<(Pool, Address), Weight>,
    claims: BTreeSet<(Pool, Address)>,
    revision: u32,
    open: BTreeMap<(Time, ActionId), Command>,
    /// The next write is not executed.
    busy: bool,
    /// The next write is carried out, but its answer is lost.
    lost: bool,
}

impl Recording {
    fn new() -> Self {
        let config = Config::default();
        Self {
            log: vec![Entry::start(&config)],
            machine: Machine::new(config),
            now: START,
            pods: BTreeMap::new(),
            targets: BTreeMap::new(),
            claims: BTreeSet::new(),
            revision: 0,
            open: BTreeMap::new(),
            busy: false,
            lost: false,
        }
    }

    fn lines(&self) -> String {
        self.log.iter().map(|entry| serde_json::to_string(entry).unwrap() + "\n").collect()
    }

    /// Everything is listed, the lane is granted.
    fn start(&mut self) {
        for (part, port, listener) in [("TCP/80", "http", "lbl-80"), ("TCP/443", "https", "lbl-443")] {
            self.send(Event::Route(route(part, port, pool(listener))));
        }
        for (ordinal, ip) in [(0, [10, 0, 0, 4]), (1, [10, 0, 0, 5])] {
            self.create(ordinal, 1, ip);
            self.ready(ordinal);
        }
        self.send(Event::Synced);
        self.send(Event::Granted(lane()));
    }

    fn create(&mut self, ordinal: u8, generation: u8, ip: [u8; 4]) {
        let pod = PodFacts {
            uid: Uid::of(&format!("5b0c7a52-0000-4000-8000-0000000000{generation}{ordinal}")),
            name: ObjectName::new("shop", format!("web-{ordinal}")),
            ips: [Some(IpAddr::from(ip)), None],
            created: self.now,
            life: Life::Live,
            gate: Gate::NotDeclared,
            ready_since: None,
            unready_since: Some(self.now),
            weight_service: None,
            weight_ingress: None,
            ordinal: None,
            stop: StopBudget {
                grace: Duration::from_secs(40),
                pre_stop: PreStop::Sleep(Duration::from_secs(5)),
            },
            drained_shown: false,
        };
        self.pods.insert(ordinal, pod);
        self.change(ordinal, |_| {});
    }

    fn ready(&mut self, ordinal: u8) {
        let now = self.now;
        self.change(ordinal, |pod| (pod.ready_since, pod.unready_since) = (Some(now), None));
    }

    /// A Pod changes, and the EndpointSlice with it.
    fn change(&mut self, ordinal: u8, change: impl FnOnce(&mut PodFacts)) {
        let pod = self.pods.get_mut(&ordinal).unwrap();
        change(pod);
        let pod = pod.clone();
        self.send(Event::Pod { from: source(SourceKind::Pods), pod });
        self.tell_slice();
    }

    fn gone(&mut self, ordinal: u8) {
        let uid = self.pods.remove(&ordinal).unwrap().uid;
        self.send(Event::PodGone { from: source(SourceKind::Pods), uid });
        self.tell_slice();
    }

    /// The watch of Pods was broken; a complete list follows, in which one is missing.
    fn relist_without(&mut self, ordinal: u8) {
        self.pods.remove(&ordinal);
        self.send(Event::ListStarted(source(SourceKind::Pods)));
        for pod in self.pods.values().cloned().collect::<Vec<_>>() {
            self.send(Event::Pod { from: source(SourceKind::Pods), pod });
        }
        self.send(Event::ListDone(source(SourceKind::Pods)));
        self.tell_slice();
    }

    /// Somebody else sets a weight.
    fn set_by_hand(&mut self, listener: &str, ip: [u8; 4], weight: u8) {
        let address = Address { ip: IpAddr::from(ip), port: port(8080) };
        self.targets.insert((pool(listener), address), Weight::new(weight).unwrap());
    }

    fn tell_slice(&mut self) {
        let endpoint = |pod: &PodFacts| EndpointFacts {
            pod: pod.uid,
            ip: pod.ips[0].unwrap(),
            serving: pod.ready_since.is_some(),
            terminating: pod.life != Life::Live,
        };
        let slice = SliceFacts {
            key: ObjectName::new("shop", "web-x7k2p"),
            service: ObjectName::new("shop", "web"),
            ports: vec![("http".into(), port(8080)), ("https".into(), port(8443))],
            endpoints: self.pods.values().map(endpoint).collect(),
        };
        self.send(Event::Slice { from: source(SourceKind::Slices), slice });
    }

    fn send(&mut self, event: Event) {
        self.machine.handle_event(&event, self.now);
        self.log.push(Entry::Event { now: self.now, event });
        self.carry_out();
    }

    /// Lets time pass until so many milliseconds after the start.
    fn until(&mut self, millis: u64) {
        let end = START + Duration::from_millis(millis);
        loop {
            let answer = self.open.first_key_value().map(|((at, _), _)| *at);
            let wake = self.machine.poll_timeout().map(|(at, _)| at);
            if answer.is_some_and(|at| at <= end && wake.is_none_or(|wake| at <= wake)) {
                let ((at, id), command) = self.open.pop_first().unwrap();
                self.now = at;
                if matches!(command, Command::Write { .. }) && std::mem::take(&mut self.lost) {
                    let _nobody_hears = self.answer(command);
                    continue;
                }
                let result = self.answer(command);
                self.send(Event::Answer { id, result });
            } else if let Some(at) = wake.filter(|at| *at <= end) {
                self.now = self.now.max(at);
                self.machine.handle_timeout(self.now);
                self.log.push(Entry::Timeout { now: self.now });
                self.carry_out();
            } else {
                self.now = end;
                return;
            }
        }
    }

    fn carry_out(&mut self) {
        while let Some(action) = self.machine.poll_action() {
            let millis = match action.command {
                Command::Write { .. } => 1_050,
                Command::Read { .. } => 60,
                Command::Claim { .. } | Command::LoadClaims { .. } | Command::Mark { .. } => 8,
            };
            self.open.insert((self.now + Duration::from_millis(millis), action.id), action.command);
        }
        while self.machine.poll_notice().is_some() {}
    }

    fn answer(&mut self, command: Command) -> Result<Success, Failure> {
        match command {
            Command::Write { .. } if std::mem::take(&mut self.busy) => Err(Failure::NotExecuted {
                why: Why::Busy,
                retry_in: Duration::from_millis(730),
                detail: "FailedOperation.ResourceInOperating: lb-1 is being changed (request id 8f2a)".into(),
            }),
            Command::Write { batch, .. } => {
                self.write(batch);
                Ok(Success::Written { proof: Proof::Task, failed: Vec::new() })
            }
            Command::Read { pools, .. } => {
                Ok(Success::Seen(pools.iter().map(|pool| self.seen(pool)).collect()))
            }
            Command::Claim { add, drop, .. } => {
                self.claims.extend(add);
                self.claims.retain(|claim| !drop.contains(claim));
                self.revision += 1;
                Ok(self.claims())
            }
            Command::LoadClaims { .. } => Ok(self.claims()),
            Command::Mark { .. } => Ok(Success::Marked),
        }
    }

    fn write(&mut self, batch: Batch) {
        match batch {
            Batch::Weights(pools) | Batch::Register(pools) => {
                for (pool, changes) in pools {
                    let each =
                        changes.into_iter().map(|change| ((pool.clone(), change.address), change.weight));
                    self.targets.extend(each);
                }
            }
            Batch::Deregister(pools) => {
                for (pool, removals) in pools {
                    for removal in removals {
                        self.targets.remove(&(pool.clone(), removal.address));
                    }
                }
            }
        }
    }

    fn seen(&self, pool: &Pool) -> PoolSeen {
        let here = self.targets.iter().filter(|((of, _), _)| of == pool);
        let seen = |((_, address), weight): (&(Pool, Address), &Weight)| Seen {
            address: *address,
            weight: *weight,
            health: Health::Unknown,
        };
        PoolSeen { pool: pool.clone(), targets: here.map(seen).collect(), strangers: 0 }
    }

    fn claims(&self) -> Success {
        let revision = (self.revision > 0).then(|| Revision::new(self.revision.to_string()));
        Success::Claims { revision, all: self.claims.iter().cloned().collect() }
    }
}

fn route(part: &str, port: &str, pool: Pool) -> RouteFacts {
    let owner = ObjectName::new("shop", "web");
    RouteFacts {
        key: RouteKey { layer: Layer::Service, owner: owner.clone(), part: part.into() },
        uid: Uid::of("5b0c7a52-0000-4000-8000-000000000099"),
        since: START,
        service: owner,
        port: port.into(),
        pools: Resolution::Known(vec![(lane(), pool)]),
        policy: Policy { drain: DrainOn::Termination, ..Policy::default() },
    }
}

fn lane() -> LaneId {
    LaneId::LoadBalancer(LoadBalancerId::try_from("lb-1").unwrap())
}

fn pool(listener: &str) -> Pool {
    Pool::Listener(ListenerId::try_from(listener).unwrap())
}

fn port(number: u16) -> NonZeroU16 {
    NonZeroU16::new(number).unwrap()
}

fn source(kind: SourceKind) -> Source {
    Source { kind, namespace: None }
}

/// 2026-03-01T00:00:00Z.
const START: Time = Time::from_unix_seconds(1_772_323_200);
