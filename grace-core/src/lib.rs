//! Decides which weight every CLB target should have while Pods come and go.
//!
//! Feed events in, carry actions out. No IO, no clock, no Kubernetes types.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;

// In reading order: each file uses only files above it, but for the records that all of them share.
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

mod timer;

mod budget;

mod state;

mod intake;

mod routing;

mod seating;

mod desired;

mod plan;

mod settle;

mod drain;

mod lane;

mod authority;

mod claiming;

mod observed;

mod answered;

mod choose;

mod batch;

mod issue;

mod explain;

#[cfg(feature = "serde")]
pub mod log;

mod machine;

pub use action::{
    Action, ActionId, Batch, Cause, Change, Command, Failure, PoolSeen, Proof, Reason, Removal, Revision,
    Seen, Success, Why,
};
pub use decide::Want;
pub use event::{Event, Source, SourceKind};
pub use explain::{DrainState, Explanation, Planned, Step};
pub use id::{InvalidId, ListenerId, LoadBalancerId, ObjectName, RuleId, TargetGroupId, Uid};
pub use machine::{Config, Machine, Wake};
pub use notice::Notice;
pub use pod::{Gate, Life, PodFacts, PreStop, StopBudget};
pub use policy::{DrainOn, OrdinalWeight, Policy};
pub use pool::{LaneFacts, LaneId, Limits, Pool, Switch};
pub use route::{Layer, Resolution, RouteEnd, RouteFacts, RouteKey};
pub use slice::{EndpointFacts, PortName, ServiceKey, SliceFacts, SliceKey};
pub use state::{Claim, Flight, Seeing};
pub use target::{Address, TargetId, Weight, WeightOutOfRange};
pub use time::Time;
