//! Everything that can go out, and how it ended.

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::fmt;
use core::time::Duration;

use crate::id::{ObjectName, Uid};
use crate::pool::{LaneId, Pool};
use crate::target::{Address, Weight};
use crate::time::Time;

/// Names an action; its answer carries the same id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(transparent))]
pub struct ActionId(pub(crate) u64);

impl fmt::Display for ActionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "action {}", self.0)
    }
}

/// Something to be carried out.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[expect(clippy::exhaustive_structs, reason = "a driver must see everything that it is asked to do")]
pub struct Action {
    /// To be repeated in the answer.
    pub id: ActionId,
    /// What to do.
    pub command: Command,
    /// The call must have been dropped when this passes; one second later the core treats it as unknown.
    pub deadline: Time,
    /// How often this was tried without success, 0 for the first try.
    pub attempt: u32,
}

/// What to do. A lane has at most one open write or read, and beside it at most one open claim.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[expect(clippy::exhaustive_enums, reason = "a command that a driver forgets must break its build")]
pub enum Command {
    /// Change targets of the load balancer.
    Write {
        /// Which one.
        lane: LaneId,
        /// The changes; within all limits of the lane.
        batch: Batch,
    },
    /// Tell what stands in these pools.
    Read {
        /// Which load balancer.
        lane: LaneId,
        /// Its pools, at most as many as one call takes.
        pools: Vec<Pool>,
        /// Whether the health of their targets is asked for too.
        health: bool,
    },
    /// Record which targets are ours, by compare-and-swap.
    Claim {
        /// Of which load balancer.
        lane: LaneId,
        /// The record as last seen; `None` when there was none.
        base: Option<Revision>,
        /// Targets to add.
        add: Vec<(Pool, Address)>,
        /// Targets to drop.
        drop: Vec<(Pool, Address)>,
    },
    /// Tell which targets are recorded as ours.
    LoadClaims {
        /// Of which load balancer.
        lane: LaneId,
    },
    /// Show something on a Pod, for good. Done as well when the Pod, which its UID alone names, is gone. Only asked for
    /// where the configuration says so, a few at a time.
    Mark {
        /// Which Pod.
        pod: Uid,
        /// Where it is found.
        name: ObjectName,
        /// What to show.
        mark: Mark,
    },
}

/// What is shown on a Pod.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[expect(clippy::exhaustive_enums, reason = "a mark that an executor forgets must break its build")]
pub enum Mark {
    /// None of its targets gets new connections any more.
    Drained,
    /// Its readiness gate passes: its weight is in force on every target, and each is healthy or not checked.
    BackendReady,
}

impl Command {
    /// The lane that is acted upon; a mark is acted upon a Pod.
    #[must_use]
    pub const fn lane(&self) -> Option<&LaneId> {
        match self {
            Self::Write { lane, .. }
            | Self::Read { lane, .. }
            | Self::Claim { lane, .. }
            | Self::LoadClaims { lane } => Some(lane),
            Self::Mark { .. } => None,
        }
    }
}

/// Changes of one kind, in one call. Each pool stands once, its targets in the order in which they matter.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[expect(clippy::exhaustive_enums, reason = "a kind of change that an executor forgets must break its build")]
pub enum Batch {
    /// Set weights of registered targets (BatchModifyTargetWeight).
    Weights(Vec<(Pool, Vec<Change>)>),
    /// Register targets with their weight (BatchRegisterTargets).
    Register(Vec<(Pool, Vec<Change>)>),
    /// Deregister targets (BatchDeregisterTargets).
    Deregister(Vec<(Pool, Vec<Removal>)>),
}

/// A target's weight as it shall be.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[expect(clippy::exhaustive_structs, reason = "a driver must see everything that it is asked to do")]
pub struct Change {
    /// Which target of the pool.
    pub address: Address,
    /// Its weight. 0 is a value to be sent, never to be left out: a call without a weight sets 10.
    pub weight: Weight,
    /// Why.
    pub cause: Cause,
}

/// A target that shall go.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[expect(clippy::exhaustive_structs, reason = "a driver must see everything that it is asked to do")]
pub struct Removal {
    /// Which target of the pool.
    pub address: Address,
    /// Why.
    pub cause: Cause,
}

/// Why a target is changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[expect(clippy::exhaustive_structs, reason = "what is acted upon, and for which Pod")]
pub struct Cause {
    /// The Pod that it is about; `None` where no Pod is known (a claimed target that nobody occupies).
    pub pod: Option<Uid>,
    /// What about it.
    pub reason: Reason,
}

/// What about a Pod or route makes a target change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub enum Reason {
    /// The Pod terminates.
    Terminating,
    /// The Pod is held at weight 0 by whoever embeds this.
    Held,
    /// The Pod is over or its object is gone.
    Gone,
    /// The Pod is ready.
    Ready,
    /// The Pod's endpoint is not ready.
    Unready,
    /// The Pod lives on, but no slice of the Service names it any more, or on another port.
    Deselected,
    /// The route was deleted.
    RouteDeleted,
    /// Direct access was switched off.
    RouteReleased,
    /// Somebody else changed the weight.
    Overwritten,
    /// The Pod terminates, and its pool is full: its drain is given up for a registration.
    Evicted,
}

/// The state of a claims record, as its store names it (a `resourceVersion`).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(transparent))]
pub struct Revision(Box<str>);

impl Revision {
    /// A revision from the store's text.
    pub fn new(text: impl Into<Box<str>>) -> Self {
        Self(text.into())
    }

    /// The store's text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// How an action ended well.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[expect(clippy::exhaustive_enums, reason = "every command has its answer")]
pub enum Success {
    /// A write was accepted.
    Written {
        /// How sure its effect is.
        proof: Proof,
        /// Pools in which it is in doubt (`FailListenerIdSet`): read, then retried.
        failed: Vec<Pool>,
    },
    /// What stands in the pools that were asked for. A pool that is not mentioned was not found.
    Seen(Vec<PoolSeen>),
    /// The claims as they are after the write, or as they were loaded.
    Claims {
        /// State of the record; `None` when there is none.
        revision: Option<Revision>,
        /// All of it.
        all: Vec<(Pool, Address)>,
    },
    /// The mark is shown, or its Pod is gone.
    Marked,
}

/// How sure the effect of a write is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[expect(clippy::exhaustive_enums, reason = "done means a read shows it or the task succeeded")]
pub enum Proof {
    /// Its task succeeded.
    Task,
    /// It was answered without a task: an assumption until a read shows it.
    Answer,
}

/// What stands in one pool.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[expect(clippy::exhaustive_structs, reason = "a snapshot is a whole statement")]
pub struct PoolSeen {
    /// Which pool.
    pub pool: Pool,
    /// Its targets that have an address and a port.
    pub targets: Vec<Seen>,
    /// Targets of another shape (no address, port 0): foreign, never touched.
    pub strangers: u32,
}

/// One target of a snapshot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[expect(clippy::exhaustive_structs, reason = "a snapshot is a whole statement")]
pub struct Seen {
    /// Its address.
    pub address: Address,
    /// Its weight.
    pub weight: Weight,
    /// Its health, where that was asked for.
    pub health: Health,
}

/// What the load balancer's probes say of a target.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[expect(clippy::exhaustive_enums, reason = "every decision names every case; a further one must break them")]
pub enum Health {
    /// Not asked for, or not told.
    #[default]
    Unknown,
    /// Its probes succeed.
    Healthy,
    /// Its probes fail, or it was not probed yet.
    Unhealthy,
    /// There are no probes: it counts as healthy.
    Unchecked,
}

/// How an action ended badly. `detail` is for people: the provider's code, message and request id.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[expect(clippy::exhaustive_enums, reason = "what may be concluded from a failure differs for each")]
pub enum Failure {
    /// Certainly without effect: planned anew after `retry_in`.
    NotExecuted {
        /// Why.
        why: Why,
        /// How long to wait; jittered by the executor, so that it is in the log and replays.
        retry_in: Duration,
        /// For people.
        detail: Box<str>,
    },
    /// Perhaps with effect, perhaps later: read before the next write of these targets.
    Unknown {
        /// How long to wait before that read.
        retry_in: Duration,
        /// For people.
        detail: Box<str>,
    },
    /// Stays refused unchanged: the culprit alone, else halves.
    Refused {
        /// Why.
        why: Why,
        /// The target that is to blame, where the answer names it.
        culprit: Option<(Pool, Address)>,
        /// How long to wait.
        retry_in: Duration,
        /// For people.
        detail: Box<str>,
    },
    /// The load balancer is gone: success for drains and removals.
    LaneMissing,
    /// These pools are gone: success for drains and removals.
    PoolsMissing(Vec<Pool>),
    /// The claims were changed by somebody else: as they are now.
    Conflict {
        /// State of the record; `None` when it was deleted.
        revision: Option<Revision>,
        /// All of it.
        all: Vec<(Pool, Address)>,
    },
}

/// What stood in the way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[expect(clippy::exhaustive_enums, reason = "budget and waiting differ for each")]
pub enum Why {
    /// Another change to this load balancer is still running.
    Busy,
    /// Too many calls: the budget is halved and restored slowly.
    Throttled,
    /// The endpoint could not be reached.
    Unreachable,
    /// This process may not write any more.
    NotLeader,
    /// The credential was refused.
    Credential,
    /// The permission is missing.
    Permission,
    /// A quota is used up.
    Quota,
    /// The request itself is wrong.
    Invalid,
    /// The claims record is full.
    Full,
}
