//! What people may want to know. The core counts nothing and logs nothing.

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::time::Duration;

use crate::action::{Mark, Why};
use crate::id::{ObjectName, Uid};
use crate::pool::{LaneId, Pool, Switch};
use crate::route::RouteKey;
use crate::target::{TargetId, Weight};
use crate::time::Time;

/// Something worth telling a person. Dropping one loses information, never a decision.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub enum Notice {
    /// A Pod terminates, its targets go to weight 0.
    DrainStarted {
        /// The Pod.
        pod: Uid,
        /// Its name.
        name: ObjectName,
        /// How many targets it has.
        targets: u32,
        /// When its deletion was asked for.
        asked: Time,
    },
    /// All targets of a terminating Pod are at weight 0, and that is proven.
    DrainConfirmed {
        /// The Pod.
        pod: Uid,
        /// Its name.
        name: ObjectName,
        /// How many targets.
        targets: u32,
        /// Time since the core learned that the Pod terminates.
        after: Duration,
    },
    /// The Pod is gone and a read shows that its targets are deregistered.
    DrainFinished {
        /// The Pod.
        pod: Uid,
        /// Its name.
        name: ObjectName,
        /// How many targets.
        targets: u32,
        /// Time since the core learned that the Pod terminates.
        after: Duration,
    },
    /// Every target of the pool is at, or on its way to, weight 0.
    AllAtZero {
        /// The route that the pool serves.
        route: RouteKey,
        /// The load balancer.
        lane: LaneId,
        /// The pool.
        pool: Pool,
        /// How many targets it has.
        targets: u32,
    },
    /// Targets that are not ready keep their weight, because the pool would fall below its floor.
    FloorHeld {
        /// The route that the pool serves.
        route: RouteKey,
        /// The load balancer.
        lane: LaneId,
        /// The pool.
        pool: Pool,
        /// How many targets keep their weight although they are not ready.
        kept: u32,
        /// How many living targets the pool has.
        live: u32,
    },
    /// The readiness of a Pod changes so often that it gets its weight back only when it has been ready for a while.
    RestoreHeld {
        /// The target.
        target: TargetId,
        /// The Pod.
        pod: Uid,
        /// Its name.
        name: ObjectName,
        /// How long it must be ready without a break.
        hold: Duration,
    },
    /// The drain of a Pod will be confirmed later than its preStop or its grace period allows.
    DrainLate {
        /// The Pod.
        pod: Uid,
        /// Its name.
        name: ObjectName,
        /// When weight 0 is expected to be confirmed, counted from the request to delete.
        expected: Duration,
        /// What the Pod allows: its preStop where that is known, else its grace period.
        allowed: Duration,
        /// A preStop that would have been enough.
        pre_stop: Duration,
        /// A grace period that would have been enough: that preStop, and beside it what the present one leaves beside its
        /// own.
        grace: Duration,
    },
    /// Two routes name one pool for different Services.
    Contested {
        /// The younger one, which is not driven there.
        route: RouteKey,
        /// The older one, which keeps the pool.
        holder: RouteKey,
        /// The load balancer.
        lane: LaneId,
        /// The pool.
        pool: Pool,
    },
    /// A target in a pool of ours that is neither claimed nor any Pod's of its route: left alone.
    Foreign {
        /// The target.
        target: TargetId,
        /// The route that the pool serves.
        route: RouteKey,
    },
    /// A target at the address of a Pod of ours that is gone, without a claim: left alone, because it may be
    /// somebody else's.
    Orphan {
        /// The target.
        target: TargetId,
        /// The route that the pool serves.
        route: RouteKey,
    },
    /// Somebody else changed the weight of a target of ours; it is restored.
    Overwritten {
        /// The target.
        target: TargetId,
        /// The route that the pool serves.
        route: RouteKey,
        /// The weight that was found; `None` when the target was gone.
        found: Option<Weight>,
        /// The weight that it shall have.
        wanted: Weight,
    },
    /// Somebody else changes a target of ours again and again; it is restored more rarely from now on.
    Fighting {
        /// The target.
        target: TargetId,
        /// The route that the pool serves.
        route: RouteKey,
    },
    /// A target was refused by the load balancer and is tried alone from now on.
    Refused {
        /// The target.
        target: TargetId,
        /// The Pod that occupies it.
        pod: Option<(Uid, ObjectName)>,
        /// The route that the pool serves.
        route: RouteKey,
        /// Why.
        why: Why,
        /// The provider's code, message and request id.
        detail: Box<str>,
    },
    /// A call for this lane keeps failing for a reason that only a person can mend.
    Blocked {
        /// The load balancer.
        lane: LaneId,
        /// Its routes.
        routes: Vec<RouteKey>,
        /// Why.
        why: Why,
        /// The provider's code, message and request id.
        detail: Box<str>,
    },
    /// The load balancer, or pools of it, were not found.
    Missing {
        /// The load balancer.
        lane: LaneId,
        /// The pools; empty when the whole load balancer is missing.
        pools: Vec<Pool>,
        /// The routes concerned.
        routes: Vec<RouteKey>,
    },
    /// A listener is set up so that a drain cuts connections.
    HarmfulSwitch {
        /// The load balancer.
        lane: LaneId,
        /// The pool.
        pool: Pool,
        /// The switch.
        switch: Switch,
        /// The routes concerned.
        routes: Vec<RouteKey>,
    },
    /// Claims cannot be recorded, so nothing is registered on this lane; drains are not affected.
    ClaimsRefused {
        /// The load balancer.
        lane: LaneId,
        /// Its routes.
        routes: Vec<RouteKey>,
        /// Why; [`Why::Full`] when the record is full.
        why: Why,
        /// The store's message.
        detail: Box<str>,
    },
    /// The drain of a target is given up, because its pool is full and a registration waits for room.
    Evicted {
        /// The target.
        target: TargetId,
        /// The route that the pool serves.
        route: RouteKey,
    },
    /// Marks cannot be written on Pods: readiness gates do not pass, or drained Pods are not told so. Said once per reason.
    MarkRefused {
        /// The first Pod concerned.
        pod: Uid,
        /// Its name.
        name: ObjectName,
        /// What was to be shown.
        mark: Mark,
        /// Why.
        why: Why,
        /// The API server's message.
        detail: Box<str>,
    },
    /// Somebody else took a mark of ours away from a Pod. It is not written again: two that set one gate would fight.
    MarkUndone {
        /// The Pod.
        pod: Uid,
        /// Its name.
        name: ObjectName,
        /// What was shown.
        mark: Mark,
    },
    /// A command that would have broken an invariant was held back; the lane is read again.
    Suppressed {
        /// The target.
        target: TargetId,
        /// The invariant, by its number (S1 to S13).
        invariant: &'static str,
    },
}
