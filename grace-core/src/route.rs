//! A route: one Service port or one Ingress backend, with its policy and the pools that serve it.

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::fmt;

use crate::id::{ObjectName, Uid};
use crate::policy::Policy;
use crate::pool::{LaneId, Pool};
use crate::slice::{PortName, ServiceKey};
use crate::time::Time;

/// Names a route: the object that declares it, and which part of that object.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[expect(clippy::exhaustive_structs, reason = "an identity is complete or it is none")]
pub struct RouteKey {
    /// Kind of the declaring object.
    pub layer: Layer,
    /// The Service or Ingress.
    pub owner: ObjectName,
    /// The part of it: `TCP/80` for a port of a Service, host and path for a backend of an Ingress.
    pub part: Box<str>,
}

impl fmt::Display for RouteKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.layer {
            Layer::Service => write!(f, "Service {} {}", self.owner, self.part),
            Layer::Ingress => write!(f, "Ingress {} {}", self.owner, self.part),
        }
    }
}

/// Everything about one route.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[expect(clippy::exhaustive_structs, reason = "a field that a driver forgets must not compile")]
pub struct RouteFacts {
    /// Which route.
    pub key: RouteKey,
    /// UID of the declaring object.
    pub uid: Uid,
    /// When the declaring object was created. Of two routes on one pool for different Services the older keeps it,
    /// ties by UID.
    pub since: Time,
    /// The Service whose EndpointSlices name the Pods.
    pub service: ServiceKey,
    /// The port of that Service.
    pub port: PortName,
    /// Where its targets hang.
    pub pools: Resolution,
    /// What its owner asked for.
    pub policy: Policy,
}

/// Which kind of object declares a route.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[expect(clippy::exhaustive_enums, reason = "the two layers of a load balancer")]
pub enum Layer {
    /// A Service port: layer 4.
    Service,
    /// An Ingress backend: layer 7.
    Ingress,
}

/// The pools of a route, as far as they are known.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[expect(clippy::exhaustive_enums, reason = "not known yet and known to be none must never be confused")]
pub enum Resolution {
    /// Not known yet: nothing is concluded from it, earlier pools of this route stay in force.
    Pending,
    /// Known; possibly none.
    Known(Vec<(LaneId, Pool)>),
}

/// Why a route ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[expect(clippy::exhaustive_enums, reason = "every decision names every case; a further one must break them")]
pub enum RouteEnd {
    /// The Service, Ingress or port was deleted: its targets go to 0, drain for `config_drain` and are deregistered.
    Deleted,
    /// Direct access was switched off: running drains finish, everything else is left as it is.
    Released,
}
