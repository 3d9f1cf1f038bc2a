//! Decides which weight every CLB target should have while Pods come and go.
//!
//! Feed events in, carry actions out. No IO, no clock, no Kubernetes types.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;

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

mod machine;

pub use action::{
    Action, ActionId, Batch, Cause, Change, Command, Failure, PoolSeen, Proof, Reason, Removal, Revision,
    Seen, Success, Why,
};
pub use event::{Event, Source, SourceKind};
pub use id::{InvalidId, ListenerId, LoadBalancerId, ObjectName, RuleId, TargetGroupId, Uid};
pub use machine::{Config, Machine, Wake};
pub use notice::Notice;
pub use pod::{Gate, Life, PodFacts, PreStop, StopBudget};
pub use policy::{DrainOn, OrdinalWeight, Policy};
pub use pool::{LaneFacts, LaneId, Limits, Pool, Switch};
pub use route::{Layer, Resolution, RouteEnd, RouteFacts, RouteKey};
pub use slice::{EndpointFacts, PortName, ServiceKey, SliceFacts, SliceKey};
pub use target::{Address, TargetId, Weight, WeightOutOfRange};
pub use time::Time;
