//! One controller: the real machine, and what it was told.

use std::net::{IpAddr, Ipv4Addr};
use std::num::NonZeroU16;
use std::time::Duration;

use grace_core::{
    Action, Address, Batch, Command, Config, EndpointFacts, Event, Gate, LaneFacts, LaneId, Layer, Limits,
    ListenerId, LoadBalancerId, Machine, Notice, ObjectName, PodFacts, Policy, Pool, PortName, PreStop,
    Resolution, RouteFacts, RouteKey, SliceFacts, Source, SourceKind, StopBudget, Time, Uid, Weight,
};

use crate::world::{Life, START, Size, What, weight_of};

/// A machine and the view that it was given.
#[derive(Clone, Debug)]
pub(crate) struct Controller {
    pub(crate) machine: Machine,
    pub(crate) granted: bool,
    /// Which sources were listed since the process started.
    pub(crate) listed: [bool; 2],
    pub(crate) synced: bool,
    /// Lives of Pods as told; `None`: never mentioned.
    pub(crate) pods: Vec<Option<Life>>,
    pub(crate) slice: Vec<(u8, bool)>,
    /// Pods that a slice named once.
    pub(crate) named: u8,
    /// Claims that an answer confirmed, and the revision that came with them.
    pub(crate) claims: u8,
    pub(crate) revision: Option<u32>,
    /// Whether an answer told the claims, and a read the listener, since the grant.
    pub(crate) loaded: bool,
    pub(crate) read: bool,
}

/// Index into [`Controller::listed`].
pub(crate) const PODS: usize = 0;
/// Index into [`Controller::listed`].
pub(crate) const SLICES: usize = 1;

impl Controller {
    /// A process that was told of its lane and its route, and of nothing else.
    pub(crate) fn started(size: &Size, now: Time) -> Self {
        let config = Config { planted: size.planted, calls_per_second: 1_000, ..Config::default() };
        let mut machine = Machine::new(config);
        let lane = LaneFacts { id: lane(), limits: Limits::default(), harmful: Vec::new(), family: None };
        machine.handle_event(&Event::Lane(lane), now);
        machine.handle_event(&Event::Route(route(size)), now);
        Self {
            machine,
            granted: false,
            listed: [false; 2],
            synced: false,
            pods: vec![None; usize::from(size.pods)],
            slice: Vec::new(),
            named: 0,
            claims: 0,
            revision: None,
            loaded: false,
            read: false,
        }
    }

    /// The life of a Pod as told.
    pub(crate) fn life(&self, pod: u8) -> Option<Life> {
        self.pods[usize::from(pod)]
    }

    /// What leaves the machine and what it tells, after every call.
    pub(crate) fn drained(&mut self) -> (Vec<Action>, Vec<Notice>) {
        let actions = std::iter::from_fn(|| self.machine.poll_action()).collect();
        (actions, std::iter::from_fn(|| self.machine.poll_notice()).collect())
    }
}

/// What a command asks for, in the model's terms.
pub(crate) fn what(command: &Command) -> What {
    let bits =
        |list: &[(Pool, Address)]| list.iter().fold(0, |bits, (_, address)| bits | 1 << ip_of(*address));
    match command {
        Command::Write { batch: Batch::Weights(pools), .. } => What::Weights(changes(pools)),
        Command::Write { batch: Batch::Register(pools), .. } => What::Register(changes(pools)),
        Command::Write { batch: Batch::Deregister(pools), .. } => What::Deregister(
            pools.iter().flat_map(|(_, list)| list).map(|removal| ip_of(removal.address)).collect(),
        ),
        Command::Read { .. } => What::Read,
        Command::LoadClaims { .. } => What::LoadClaims,
        Command::Mark { .. } => unreachable!("the configuration does not ask for marks"),
        Command::Claim { base, add, drop, .. } => What::Claim {
            base: base.as_ref().map(|base| base.as_str().parse().expect("the store counts its revisions")),
            add: bits(add),
            drop: bits(drop),
        },
    }
}

fn changes(pools: &[(Pool, Vec<grace_core::Change>)]) -> Vec<(u8, u8)> {
    pools
        .iter()
        .flat_map(|(_, list)| list)
        .map(|change| (ip_of(change.address), change.weight.get()))
        .collect()
}

/// A Pod as it is told.
pub(crate) fn pod_event(number: u8, ip: u8, life: Life) -> Event {
    let uid = uid(number);
    if life == Life::Gone {
        return Event::PodGone { from: source(SourceKind::Pods), uid };
    }
    // Far away, and the same for all: what presses is another matter than what is right.
    let (asked, kill) = (START, START + Duration::from_secs(360_000));
    let pod = PodFacts {
        uid,
        name: ObjectName::new("shop", "web"),
        ips: [Some(address(ip).ip), None],
        created: START + Duration::from_secs(u64::from(number)),
        life: match life {
            Life::Live => grace_core::Life::Live,
            Life::Terminating => grace_core::Life::Terminating { asked, kill },
            Life::Over | Life::Gone => grace_core::Life::Over,
        },
        gate: Gate::NotDeclared,
        ready_since: None,
        unready_since: None,
        weight_service: Weight::new(weight_of(number)).ok(),
        weight_ingress: None,
        ordinal: None,
        stop: StopBudget { grace: Duration::from_secs(360_000), pre_stop: PreStop::None },
        drained_shown: false,
    };
    Event::Pod { from: source(SourceKind::Pods), pod }
}

/// The slice as it is told.
pub(crate) fn slice_event(endpoints: &[(u8, bool)], ip: impl Fn(u8) -> u8) -> Event {
    let endpoint = |(pod, serving): &(u8, bool)| EndpointFacts {
        pod: uid(*pod),
        ip: address(ip(*pod)).ip,
        serving: *serving,
        terminating: false,
    };
    let slice = SliceFacts {
        key: ObjectName::new("shop", "web-1"),
        service: ObjectName::new("shop", "web"),
        ports: vec![(PortName::from(""), PORT)],
        endpoints: endpoints.iter().map(endpoint).collect(),
    };
    Event::Slice { from: source(SourceKind::Slices), slice }
}

/// The source of a kind.
pub(crate) fn source(kind: SourceKind) -> Source {
    Source { kind, namespace: None }
}

fn route(size: &Size) -> RouteFacts {
    let owner = ObjectName::new("shop", "web");
    RouteFacts {
        key: RouteKey { layer: Layer::Service, owner: owner.clone(), part: "TCP/80".into() },
        uid: Uid::of("service web"),
        since: START,
        service: owner,
        port: PortName::from(""),
        pools: Resolution::Known(vec![(lane(), pool())]),
        policy: Policy { drain: size.drain, ..Policy::default() },
    }
}

/// The only lane.
pub(crate) fn lane() -> LaneId {
    LaneId::LoadBalancer(LoadBalancerId::try_from("lb-1").expect("a well-formed id"))
}

/// Its only pool.
pub(crate) fn pool() -> Pool {
    Pool::Listener(ListenerId::try_from("lbl-1").expect("a well-formed id"))
}

/// The target address of an address by number.
pub(crate) fn address(ip: u8) -> Address {
    Address { ip: IpAddr::V4(Ipv4Addr::new(10, 0, 0, ip + 1)), port: PORT }
}

/// The target addresses of a set.
pub(crate) fn address_of_bits(bits: u8) -> impl Iterator<Item = Address> {
    (0..8).filter(move |ip| bits & 1 << ip != 0).map(address)
}

fn ip_of(address: Address) -> u8 {
    match address.ip {
        IpAddr::V4(ip) => ip.octets()[3] - 1,
        IpAddr::V6(_) => unreachable!("the model has addresses of one family"),
    }
}

/// The UID of a Pod by number.
pub(crate) fn uid(number: u8) -> Uid {
    Uid::of(&format!("0a1b2c3d-0000-4000-8000-0000000000{number:02x}"))
}

/// The number of a Pod by its UID.
pub(crate) fn number_of(uid: Uid) -> u8 {
    uid.as_bytes()[15]
}

const PORT: NonZeroU16 = NonZeroU16::new(8080).expect("not zero");
