//! Decides which weight every CLB target should have while Pods come and go.
//!
//! Feed events in, carry actions out. No IO, no clock, no Kubernetes types: `no_std` with `alloc`. Nothing is registered,
//! drained or removed by this crate itself; it says what should be done, one call per load balancer at a time, and learns
//! from the answers and from what reads show.
//!
//! ```
//! use std::net::IpAddr;
//! use std::num::NonZeroU16;
//! use std::time::Duration;
//! use grace_core::*;
//!
//! # fn source(kind: SourceKind) -> Source { Source { kind, namespace: None } }
//! # fn route(lane: LaneId, pool: Pool) -> RouteFacts {
//! #     let owner = ObjectName::new("shop", "web");
//! #     RouteFacts {
//! #         key: RouteKey { layer: Layer::Service, owner: owner.clone(), part: "TCP/80".into() },
//! #         uid: Uid::of("service"), since: Time::EPOCH, service: owner, port: "http".into(),
//! #         pools: Resolution::Known(vec![(lane, pool)]),
//! #         policy: Policy { drain: DrainOn::Termination, ..Policy::default() },
//! #     }
//! # }
//! # fn slice(pod: Uid, ip: IpAddr) -> SliceFacts {
//! #     SliceFacts {
//! #         key: ObjectName::new("shop", "web-1"), service: ObjectName::new("shop", "web"),
//! #         ports: vec![("http".into(), NonZeroU16::new(8080).unwrap())],
//! #         endpoints: vec![EndpointFacts { pod, ip, serving: true, terminating: false }],
//! #     }
//! # }
//! # fn pod(uid: Uid, ip: IpAddr, life: Life) -> PodFacts {
//! #     PodFacts {
//! #         uid, name: ObjectName::new("shop", "web-0"), ips: [Some(ip), None], created: Time::EPOCH, life,
//! #         gate: Gate::NotDeclared, ready_since: None, unready_since: None, weight_service: None, weight_ingress: None, ordinal: None,
//! #         stop: StopBudget { grace: Duration::from_secs(30), pre_stop: PreStop::None }, drained_shown: false,
//! #     }
//! # }
//! let now = Time::from_unix_seconds(1_772_323_200);
//! let lane = LaneId::LoadBalancer(LoadBalancerId::try_from("lb-1")?);
//! let pool = Pool::Listener(ListenerId::try_from("lbl-1")?);
//! let (uid, ip) = (Uid::of("0a1b2c3d-0000-4000-8000-000000000001"), IpAddr::from([10, 0, 0, 1]));
//! let mut machine = Machine::new(Config::default());
//!
//! // The cluster as it is: one Pod behind one listener. And the right to write.
//! machine.handle_event(&Event::Route(route(lane.clone(), pool.clone())), now);
//! machine.handle_event(&Event::Slice { from: source(SourceKind::Slices), slice: slice(uid, ip) }, now);
//! machine.handle_event(&Event::Pod { from: source(SourceKind::Pods), pod: pod(uid, ip, Life::Live) }, now);
//! machine.handle_event(&Event::Synced, now);
//! machine.handle_event(&Event::Granted(lane), now);
//!
//! // What was asked for is carried out and answered: the claims, then a read that shows the Pod with weight 10.
//! let address = Address { ip, port: NonZeroU16::new(8080).unwrap() };
//! while let Some(action) = machine.poll_action() {
//!     let success = match action.command {
//!         Command::LoadClaims { .. } => Success::Claims { revision: None, all: vec![(pool.clone(), address)] },
//!         Command::Read { .. } => Success::Seen(vec![PoolSeen {
//!             pool: pool.clone(), strangers: 0,
//!             targets: vec![Seen { address, weight: Weight::DEFAULT, health: Health::Unknown }],
//!         }]),
//!         Command::Write { .. } | Command::Claim { .. } | Command::Mark { .. } => {
//!             unreachable!("everything is as it should be")
//!         }
//!     };
//!     machine.handle_event(&Event::Answer { id: action.id, result: Ok(success) }, now);
//! }
//!
//! // The Pod is deleted. A moment is waited for others that are deleted with it, then its weight becomes 0.
//! let life = Life::Terminating { asked: now, kill: now + Duration::from_secs(30) };
//! machine.handle_event(&Event::Pod { from: source(SourceKind::Pods), pod: pod(uid, ip, life) }, now);
//! let (wake, why) = machine.poll_timeout().expect("a burst is being gathered");
//! assert_eq!((wake, why), (now + Duration::from_millis(30), Wake::Linger));
//! machine.handle_timeout(wake);
//! let Some(Action { command: Command::Write { batch: Batch::Weights(pools), .. }, .. }) = machine.poll_action() else {
//!     panic!("the weight is set");
//! };
//! assert_eq!(pools[0].1[0].weight, Weight::DRAINED);
//! # Ok::<(), InvalidId>(())
//! ```
//!
//! # The contract
//!
//! After each `handle_*` call, drain [`Machine::poll_action`] and [`Machine::poll_notice`] until `None`, then wait for the
//! next event or for [`Machine::poll_timeout`], whichever comes first. `now` never runs backwards. An action must have been
//! dropped when its `deadline` passes; one second later it counts as unknown. Equal events give equal actions.
//!
//! Per lane at most one write or read is open, and beside it at most one claim; marks on Pods are few at a time. Waiting and
//! trying again happen in here and not in whoever carries actions out, because here what came meanwhile is in the next call.
//!
//! # Words
//!
//! | Word | Meaning |
//! |---|---|
//! | route | one Service port, or one Ingress backend: its [`Policy`], and the pools that serve it |
//! | pool | where targets hang: a listener (layer 4), a rule (layer 7), or a whole target group |
//! | lane | what one unfinished write locks: a CLB, or a target group |
//! | target | (lane, pool, address); its occupant is a Pod. Names identify nothing, addresses are used again |
//! | claim | our durable right to deregister a target, asked for before the first write |
//! | mark | what a Pod is told on its status: that its readiness gate passes, that it is drained |
//! | source | one list and watch: a kind in a namespace, or in all |
//!
//! # Time
//!
//! [`Time`] is microseconds since the Unix epoch. `now` is the driver's clock. `asked` is the moment of the deletion and
//! `kill` when the kubelet ends the containers: the deletion timestamp of Kubernetes is the latter, and lies in the future.
//!
//! # Errors and panics
//!
//! Constructors of ids and weights return small errors. The machine itself cannot fail: strange input becomes a [`Notice`];
//! a command that would break an invariant is held back, told, and followed by a read.
//!
//! # Crate features
//!
//! | Feature | Effect | Default |
//! |---|---|---|
//! | `serde` | events, actions and the event log with its snapshots can be serialised | off |
//! | `planted` | for checks of this crate: bugs on demand, and what a model checker has to see; needs debug assertions | off |
//!
//! # Rust version
//!
//! The minimum is named in the manifest; raising it is a minor release.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;

#[macro_use]
mod planted;

// In reading order.
mod time;

mod id;

mod target;

mod pool;

mod pod;

mod slice;

mod policy;

mod route;

mod action;

mod event;

mod notice;

mod decide;

mod slab;

mod index;

mod ip;

mod timer;

mod budget;

mod flags;

mod tracked_pod;

mod tracked_target;

mod record;

mod state;

mod ownership;

mod intake;

mod routing;

mod seating;

mod standing;

mod desired;

mod flap;

mod floor;

mod plan;

mod settle;

mod drain;

mod in_force;

mod marking;

mod lane;

mod authority;

mod claiming;

mod observed;

mod answered;

mod choose;

mod batch;

mod evict;

mod forecast;

mod issue;

mod explain;

#[cfg(feature = "serde")]
mod snapshot;

#[cfg(feature = "serde")]
pub mod log;

#[cfg(feature = "planted")]
mod projection;

mod machine;

pub use action::{
    Action, ActionId, Batch, Cause, Change, Command, Failure, Health, Mark, PoolSeen, Proof, Reason, Removal,
    Revision, Seen, Success, Why,
};
pub use decide::Want;
pub use event::{Event, Source, SourceKind};
pub use explain::{DrainState, Explanation, Planned, Step};
pub use id::{InvalidId, ListenerId, LoadBalancerId, ObjectName, RuleId, TargetGroupId, Uid};
pub use machine::{Config, Machine, Wake};
pub use notice::Notice;
pub use ownership::Ownership;
#[cfg(feature = "planted")]
pub use planted::Planted;
pub use pod::{Gate, Life, PodFacts, PreStop, StopBudget};
pub use policy::{DrainOn, Floor, OrdinalWeight, Policy};
pub use pool::{Family, LaneFacts, LaneId, Limits, Pool, Switch};
pub use record::{Claim, Flight, Seeing};
pub use route::{Layer, Resolution, RouteEnd, RouteFacts, RouteKey};
pub use slice::{EndpointFacts, PortName, ServiceKey, SliceFacts, SliceKey};
pub use target::{Address, TargetId, Weight, WeightOutOfRange};
pub use time::Time;
