//! Plain queries: why a target has its weight, what would be sent next, how far a drain is.

use alloc::vec::Vec;
use core::time::Duration;

use crate::action::Cause;
use crate::decide::Want;
use crate::id::{ObjectName, Uid};
use crate::record::{Change, Claim, Flight, Seeing};
use crate::route::RouteKey;
use crate::state::State;
use crate::target::{TargetId, Weight};
use crate::tracked_target::Flag;

/// Why a target is as it is, and what it waits for.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub struct Explanation {
    /// The target.
    pub target: TargetId,
    /// What it should be.
    pub want: Want,
    /// What is known of it.
    pub seen: Seeing,
    /// Whether what is known is an answer that no read has shown yet.
    pub assumed: bool,
    /// Whether a write with an unknown outcome has to be read first.
    pub doubt: bool,
    /// What was sent and not yet answered.
    pub flying: Option<Flight>,
    /// Our right to deregister it.
    pub claim: Claim,
    /// Why it should be so.
    pub cause: Cause,
    /// The Pod that lives there.
    pub occupant: Option<(Uid, ObjectName)>,
    /// The route that it serves.
    pub route: Option<RouteKey>,
}

/// A change that would be sent next.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub struct Planned {
    /// The target.
    pub target: TargetId,
    /// What would be done.
    pub step: Step,
    /// Why.
    pub cause: Cause,
}

/// A kind of change, with its weight.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[expect(clippy::exhaustive_enums, reason = "the three kinds of change")]
pub enum Step {
    /// Set this weight.
    Weight(Weight),
    /// Register with this weight.
    Register(Weight),
    /// Deregister.
    Deregister,
}

/// How far the drain of a Pod is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub struct DrainState {
    /// How many targets it has, or had when it began.
    pub targets: u32,
    /// Whether all of them are proven to be at weight 0.
    pub confirmed: bool,
    /// How long it has been running.
    pub running: Duration,
}

impl State {
    pub(crate) fn explain(&self, id: &TargetId) -> Option<Explanation> {
        let lane = *self.lanes_by_id.get(&id.lane)?;
        let pool = *self.lanes[lane as usize].pools.get(&id.pool)?;
        let target = self.find_target(pool, id.address)?;
        let desire = self.desire(target);
        let record = &self.targets[target];
        let seat = desire.seat.map(|seat| &self.seats[seat]);
        let pod = seat.map(|seat| &self.pods[seat.pod]);
        Some(Explanation {
            target: id.clone(),
            want: desire.want,
            seen: record.seen,
            assumed: record.flags.has(Flag::Assumed),
            doubt: record.flags.has(Flag::Doubt),
            flying: record.flying(),
            claim: record.claim,
            cause: self.cause(&desire),
            occupant: pod.and_then(|pod| pod.facts.as_ref().map(|facts| (pod.uid, facts.name()))),
            route: seat.map(|seat| self.routes[self.bindings[seat.binding].route].facts.key.clone()),
        })
    }

    /// Changes that wait on any lane, with or without a grant, in the order of their content.
    pub(crate) fn plan(&self) -> Vec<Planned> {
        let mut planned = Vec::new();
        for lane in &self.lanes {
            for target in &lane.waiting {
                let Some(change) = self.targets.get(*target).and_then(|target| target.waiting) else {
                    continue;
                };
                let desire = self.desire(*target);
                let weight = desire.want.weight().unwrap_or(Weight::DRAINED);
                let step = match change {
                    Change::Zero | Change::Weight => Step::Weight(weight),
                    Change::Register => Step::Register(weight),
                    Change::Deregister => Step::Deregister,
                };
                planned.push(Planned { target: self.target_id(*target), step, cause: self.cause(&desire) });
            }
        }
        planned.sort();
        planned
    }

    /// Targets of the Pods of this name, those of a predecessor that is not forgotten yet among them.
    pub(crate) fn find(&self, name: &ObjectName) -> Vec<TargetId> {
        let named = |pod: &u32| self.pods[*pod].facts.as_ref().is_some_and(|facts| facts.is_named(name));
        let mut found: Vec<TargetId> = self
            .pods
            .indices()
            .filter(named)
            .flat_map(|pod| self.seats_of_pod(pod))
            .map(|seat| self.target_id(self.seats[seat].target))
            .collect();
        found.sort();
        found.dedup();
        found
    }

    pub(crate) fn drain_of(&self, uid: Uid) -> Option<DrainState> {
        let pod = &self.pods[self.find_pod(&uid)?];
        let drain = pod.drain()?;
        Some(DrainState {
            targets: drain.targets,
            confirmed: drain.confirmed,
            running: self.now.since(drain.since),
        })
    }

    /// Whether every pool that a route drives, on a lane that is granted, was read or is known to be missing.
    pub(crate) fn lanes_read(&self) -> bool {
        self.lanes.iter().filter(|lane| lane.granted).all(|lane| {
            lane.missing || lane.pools.values().all(|pool| !self.is_bound(*pool) || self.pools[*pool].read)
        })
    }
}
