//! The records that the machine keeps: Pods, slices, routes, pools and targets, which name each other by number.

use alloc::boxed::Box;
use alloc::collections::VecDeque;
use alloc::vec::Vec;
use core::net::IpAddr;
use core::time::Duration;

use crate::decide::Want;
use crate::drain::Drain;
use crate::id::Uid;
use crate::machine::Wake;
use crate::pod::{Life, PodFacts};
use crate::pool::Pool;
use crate::route::{RouteEnd, RouteFacts};
use crate::slab::Index;
use crate::slice::{PortName, ServiceKey, SliceKey};
use crate::target::{Address, Weight};
use crate::time::Time;

/// A Pod: its facts, or a mere name that slices used before its facts came.
#[derive(Clone, Debug)]
pub(crate) struct Pod {
    pub(crate) uid: Uid,
    /// `None` until its facts came.
    pub(crate) facts: Option<Box<PodFacts>>,
    /// The object is gone; the record stays while targets remember it.
    pub(crate) gone: bool,
    pub(crate) source: Index,
    pub(crate) generation: u32,
    /// First of its seats, linked by `Seat::next_of_pod`.
    pub(crate) seats: Index,
    /// How many endpoints of slices name it.
    pub(crate) listed: u32,
    /// Held at weight 0 until then.
    pub(crate) hold: Option<Time>,
    /// Open while it drains.
    pub(crate) drain: Option<Box<Drain>>,
    /// In `State::drains`.
    pub(crate) followed: bool,
}

impl Pod {
    /// Where the Pod is in its life; `None` while nothing is known of it.
    pub(crate) fn life(&self) -> Option<Life> {
        if self.gone { Some(Life::Over) } else { self.facts.as_ref().map(|facts| facts.life) }
    }

    /// Whether its processes may still serve at `ip`. A Pod whose address is not known (any more) keeps the last one.
    pub(crate) fn lives_at(&self, ip: IpAddr) -> bool {
        let Some(facts) = &self.facts else { return false };
        let same_family = |other: &IpAddr| other.is_ipv4() == ip.is_ipv4();
        facts.ips.contains(&Some(ip)) || !facts.ips.iter().flatten().any(same_family)
    }
}

/// An EndpointSlice.
#[derive(Clone, Debug)]
pub(crate) struct Slice {
    pub(crate) key: SliceKey,
    pub(crate) service: Index,
    pub(crate) ports: Vec<(PortName, core::num::NonZeroU16)>,
    /// Sorted by Pod number.
    pub(crate) endpoints: Vec<Endpoint>,
    pub(crate) source: Index,
    pub(crate) generation: u32,
}

/// A Pod in a slice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Endpoint {
    pub(crate) pod: Index,
    pub(crate) ip: IpAddr,
    pub(crate) serving: bool,
    pub(crate) terminating: bool,
}

/// A Service, as the meeting point of slices and routes.
#[derive(Clone, Debug)]
pub(crate) struct Service {
    pub(crate) key: ServiceKey,
    pub(crate) slices: Vec<Index>,
    pub(crate) routes: Vec<Index>,
}

/// A route.
#[derive(Clone, Debug)]
pub(crate) struct Route {
    pub(crate) facts: RouteFacts,
    pub(crate) service: Index,
    pub(crate) bindings: Vec<Index>,
    pub(crate) ended: bool,
}

/// A route on one pool.
#[derive(Clone, Debug)]
pub(crate) struct Binding {
    pub(crate) route: Index,
    pub(crate) pool: Index,
    pub(crate) phase: Phase,
}

/// Whether a route still drives a pool.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
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
}

/// Readiness that changes again and again.
#[derive(Clone, Debug, Default)]
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
pub(crate) struct PoolTold {
    pub(crate) all_zero: bool,
    pub(crate) floor: bool,
    pub(crate) full: bool,
    pub(crate) missing: bool,
}

/// An address in a pool.
#[derive(Clone, Debug)]
pub(crate) struct Target {
    pub(crate) pool: Index,
    pub(crate) address: Address,
    /// First of its seats, linked by `Seat::next_of_target`.
    pub(crate) seats: Index,
    pub(crate) want: Want,
    pub(crate) seen: Seeing,
    /// What was sent and not yet answered.
    pub(crate) flying: Option<Flight>,
    pub(crate) claim: Claim,
    /// Kind of change that waits for its lane.
    pub(crate) waiting: Option<Change>,
    pub(crate) flags: Flags,
    /// Since when it is known to be at weight 0.
    pub(crate) zero_since: Option<Time>,
    /// A registration may still land until then: the claim is kept although a read shows the target absent.
    pub(crate) lands_until: Time,
    /// When its last change was proven by a task, for reads that lag behind.
    pub(crate) proven_at: Time,
    pub(crate) timer: Option<(Time, Wake)>,
    /// Only for the few that make trouble.
    pub(crate) trouble: Option<Box<Trouble>>,
}

/// What is known of a target's registration.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
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
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
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
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
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
pub(crate) enum Change {
    /// Weight 0 for a terminating Pod.
    Zero,
    /// Another weight.
    Weight,
    Register,
    Deregister,
}

/// Small facts about a target.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Flags {
    /// In `State::touched`.
    pub(crate) touched: bool,
    /// In `Lane::waiting`.
    pub(crate) queued: bool,
    /// In `Lane::claiming`.
    pub(crate) claiming: bool,
    /// What was seen is an answer without proof.
    pub(crate) assumed: bool,
    /// A change with an unknown outcome: to be read before the next write.
    pub(crate) doubt: bool,
    /// Its first snapshot showed a positive weight, and which Pod earned it is not settled yet.
    pub(crate) inherited: bool,
    /// Some snapshot showed it, or showed that it is absent.
    pub(crate) ever_read: bool,
    /// Counted in `PoolRecord::registered`.
    pub(crate) counted_registered: bool,
    /// Counted in `PoolRecord::serving`.
    pub(crate) counted_serving: bool,
    /// Counted in `PoolRecord::waiting`.
    pub(crate) counted_waiting: bool,
    /// Reported as foreign or orphan.
    pub(crate) reported: bool,
    /// A snapshot contradicted a fresh proof once.
    pub(crate) contradicted: bool,
}

/// Trouble with one target.
#[derive(Clone, Debug, Default)]
pub(crate) struct Trouble {
    /// Refused alone this often.
    pub(crate) refusals: u32,
    /// Not before this moment.
    pub(crate) not_before: Time,
    /// Must be sent without company.
    pub(crate) alone: bool,
    /// To be tried apart from all others, together with those of the same number.
    pub(crate) suspects: Option<u32>,
    /// When changes by somebody else were undone.
    pub(crate) restored: VecDeque<Time>,
    /// The last change by somebody else waits to be undone.
    pub(crate) overwritten: bool,
    /// Reported as fought over.
    pub(crate) fighting: bool,
    /// Registered without lasting effect this often.
    pub(crate) vanished: u32,
}

/// A Pod on a target: what its Service says about the two.
#[derive(Clone, Debug)]
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
    /// Since when no slice names it.
    pub(crate) unlisted_since: Time,
    /// Only for those whose readiness changes again and again.
    pub(crate) flap: Option<Box<Flap>>,
}
