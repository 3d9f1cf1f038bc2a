//! The records that the machine keeps beside Pods: slices, routes, pools and targets, which name each other by number.

use alloc::boxed::Box;
use alloc::collections::VecDeque;
use alloc::vec::Vec;
use core::time::Duration;

use crate::ip::Ip;
use crate::pool::Pool;
use crate::route::{RouteEnd, RouteFacts};
use crate::slab::Index;
use crate::slice::{PortName, ServiceKey, SliceKey};
use crate::target::Weight;
use crate::time::Time;

/// An EndpointSlice.
#[derive(Clone, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub(crate) struct Slice {
    pub(crate) key: SliceKey,
    pub(crate) service: Index,
    pub(crate) ports: Vec<(PortName, core::num::NonZeroU16)>,
    /// Sorted by Pod number.
    pub(crate) endpoints: Vec<Endpoint>,
    pub(crate) source: u16,
    pub(crate) generation: u16,
}

/// A Pod in a slice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub(crate) struct Endpoint {
    pub(crate) pod: Index,
    pub(crate) ip: Ip,
    pub(crate) serving: bool,
    /// Decides nothing, the Pod says it itself; a change of it seats the Pod anew.
    pub(crate) terminating: bool,
}

/// A Service, as the meeting point of slices and routes.
#[derive(Clone, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub(crate) struct Service {
    pub(crate) key: ServiceKey,
    pub(crate) slices: Vec<Index>,
    pub(crate) routes: Vec<Index>,
}

/// A route.
#[derive(Clone, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub(crate) struct Route {
    pub(crate) facts: RouteFacts,
    pub(crate) service: Index,
    pub(crate) bindings: Vec<Index>,
    pub(crate) ended: bool,
}

/// A route on one pool.
#[derive(Clone, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub(crate) struct Binding {
    pub(crate) route: Index,
    pub(crate) pool: Index,
    pub(crate) phase: Phase,
}

/// Whether a route still drives a pool.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub(crate) enum Phase {
    /// It does.
    Active,
    /// An older route of another Service does.
    Contested,
    /// It did; its targets are being brought to their end.
    Ended(RouteEnd),
}

/// A pool and what is known of its contents.
#[derive(Clone, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub(crate) struct PoolRecord {
    pub(crate) lane: Index,
    pub(crate) pool: Pool,
    pub(crate) bindings: Vec<Index>,
    pub(crate) targets: Vec<Index>,
    /// Its contents were read under the present grant.
    pub(crate) read: bool,
    /// When its contents were last shown.
    pub(crate) shown_at: Time,
    /// When it has to be read (again).
    pub(crate) read_at: Option<Time>,
    /// A drain waits for that read.
    pub(crate) urgent: bool,
    /// An unexpectedly empty answer was seen once and waits to be confirmed.
    pub(crate) emptied: bool,
    /// The load balancer says that it does not exist.
    pub(crate) missing: bool,
    /// Changes were refused or in doubt: none before this moment.
    pub(crate) not_before: Time,
    pub(crate) failures: u32,
    /// Registered targets.
    pub(crate) registered: u32,
    /// Targets that are wanted with a positive weight.
    pub(crate) serving: u32,
    pub(crate) told: PoolTold,
    /// Weight changes that wait.
    pub(crate) waiting: u32,
    /// Targets that keep their weight although they are not ready, sorted.
    pub(crate) floor_kept: Vec<Index>,
    /// A policy of its routes has a floor.
    pub(crate) has_floor: bool,
    /// In `State::floors`.
    pub(crate) floor_stirred: bool,
    /// The next read tells the health of its targets.
    pub(crate) health_wanted: bool,
    /// How often it was read for nothing but health since a target came into force.
    pub(crate) health_looks: u8,
}

/// Readiness that changes again and again.
#[derive(Clone, Debug, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub(crate) struct Flap {
    /// The last changes, oldest first.
    pub(crate) changes: VecDeque<Time>,
    /// How long it must be ready without a break, once that is asked for.
    pub(crate) hold: Option<Duration>,
    /// Since when it is ready without a break.
    pub(crate) ready_since: Option<Time>,
    /// People were told.
    pub(crate) told: bool,
}

/// What people were told about a pool already.
#[derive(Clone, Copy, Debug, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub(crate) struct PoolTold {
    pub(crate) all_zero: bool,
    pub(crate) floor: bool,
    pub(crate) full: bool,
    pub(crate) missing: bool,
}

/// What is known of a target's registration.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[expect(clippy::exhaustive_enums, reason = "not known and known to be absent must never be confused")]
pub enum Seeing {
    /// Not known: never read, or a change with an unknown outcome.
    #[default]
    Unknown,
    /// Not registered.
    Absent,
    /// Registered with this weight.
    Registered(Weight),
}

/// A change on its way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[expect(clippy::exhaustive_enums, reason = "the three kinds of change")]
pub enum Flight {
    /// To this weight.
    Weight(Weight),
    /// To be registered with this weight.
    Register(Weight),
    /// To be deregistered.
    Deregister,
}

/// Our right to deregister a target.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[expect(clippy::exhaustive_enums, reason = "every plan names every case")]
pub enum Claim {
    /// We have none.
    #[default]
    None,
    /// It was asked for.
    Asked,
    /// We have it.
    Held,
    /// It is being given up.
    Dropping,
}

/// Kinds of change, in the order in which they leave.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub(crate) enum Change {
    /// Weight 0 for a terminating Pod.
    Zero,
    /// Another weight.
    Weight,
    Register,
    Deregister,
}

/// A Pod on a target: what its Service says about the two.
#[derive(Clone, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub(crate) struct Seat {
    pub(crate) pod: Index,
    pub(crate) target: Index,
    pub(crate) binding: Index,
    pub(crate) next_of_pod: Index,
    pub(crate) next_of_target: Index,
    /// Some slice names the Pod at this address.
    pub(crate) listed: bool,
    pub(crate) serving: bool,
    /// This Pod was ready here once.
    pub(crate) admitted: bool,
    /// The Pod lives in another namespace than the Service: a slice cannot speak of it.
    pub(crate) elsewhere: bool,
    pub(crate) unsteady: Option<Box<Unsteady>>,
}

/// What a seat has whose Pod comes and goes, or left.
#[derive(Clone, Debug, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub(crate) struct Unsteady {
    /// Since when no slice names it.
    pub(crate) unlisted_since: Time,
    /// Only for those whose readiness changes again and again.
    pub(crate) flap: Option<Flap>,
}

impl Seat {
    /// Since when no slice names it, where none does.
    pub(crate) fn unlisted_since(&self) -> Time {
        self.unsteady.as_ref().map_or(Time::EPOCH, |unsteady| unsteady.unlisted_since)
    }

    /// Some slice names the Pod here again, or none does since `now`.
    pub(crate) fn set_listed(&mut self, listed: bool, now: Time) {
        self.listed = listed;
        if !listed {
            self.unsteady.get_or_insert_default().unlisted_since = now;
        } else {
            self.unsteady.take_if(|unsteady| unsteady.flap.is_none());
        }
    }
}
