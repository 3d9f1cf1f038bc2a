//! Whose the targets are: what gives the right to change one, and what becomes of those that nobody wants.

use alloc::vec::Vec;
use core::time::Duration;

use crate::action::Reason;
use crate::decide::Want;
use crate::desired::Desire;
use crate::machine::Wake;
use crate::record::{Claim, Phase, Seeing};
use crate::route::RouteEnd;
use crate::slab::{Index, NONE};
use crate::state::State;
use crate::target::Weight;
use crate::tracked_target::Flag;

/// What gives the right to change a target. One setting for all lanes of a machine.
///
/// | | registers | deregisters | weights | claims | what nobody wants |
/// |---|---|---|---|---|---|
/// | `Ledger` | claimed | claimed | claimed | recorded | left alone, told once |
/// | `Exclusive` | yes | yes | all | none | drained, then deregistered |
/// | `WeightsOnly` | never | never | of Pods of its routes | none | left alone |
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[expect(clippy::exhaustive_enums, reason = "every decision names every case; a further one must break them")]
pub enum Ownership {
    /// A record of claims says which targets are ours; everything else in the same pools is somebody else's. Survives a
    /// restart at every moment.
    #[default]
    Ledger,
    /// The pools are ours alone, and nothing is recorded. Whatever stands in a pool of a route and nobody wants is brought
    /// to weight 0, drains for the route's `config_drain` and is deregistered. A route that is deleted while no process
    /// runs leaves its targets where they are: nothing says any more that they were ours.
    Exclusive,
    /// Somebody else registers and deregisters; only weights are moved, between 0 and the configured one. What an
    /// annotation would deregister is left to whoever registered it.
    WeightsOnly,
}

/// After these seconds a pool is read again for a target that somebody else is expected to register.
const LOOK_AGAIN_AFTER: [u64; 4] = [2, 5, 10, 20];

impl State {
    /// Whether a target may be written to, as far as its owner is concerned.
    pub(crate) fn is_ours(&self, target: Index) -> bool {
        let record = &self.targets[target];
        match self.config.ownership {
            Ownership::Ledger => matches!(record.claim, Claim::Held | Claim::Dropping),
            Ownership::Exclusive => !self.pools[record.pool].bindings.is_empty(),
            Ownership::WeightsOnly => record.seats != NONE,
        }
    }

    /// A registered target that nobody sits on, in a pool that is ours alone.
    pub(crate) fn is_leftover(&self, target: Index) -> bool {
        let record = &self.targets[target];
        self.config.ownership == Ownership::Exclusive
            && matches!(record.seen, Seeing::Registered(_))
            && self.clears(record.pool)
    }

    /// Whether a route that drives the pool, or that was deleted, has everything removed that nobody wants.
    fn clears(&self, pool: Index) -> bool {
        let phases = self.pools[pool].bindings.iter().map(|binding| self.bindings[*binding].phase);
        phases.into_iter().any(|phase| matches!(phase, Phase::Active | Phase::Ended(RouteEnd::Deleted)))
    }

    /// Whether something of ours is left in a pool for which a route was deleted.
    pub(crate) fn has_leftovers(&self, pool: Index) -> bool {
        self.config.ownership == Ownership::Exclusive
            && self.pools[pool]
                .targets
                .iter()
                .any(|target| matches!(self.targets[*target].seen, Seeing::Registered(_)))
    }

    /// A target in a pool of ours alone, on which nobody sits: weight 0, then deregistered.
    pub(crate) fn desire_of_leftover(&self, target: Index) -> Desire {
        let record = &self.targets[target];
        let desire = |want, until| Desire { want, reason: Reason::Gone, seat: None, until };
        // A Pod that slices name and that is not known yet may be a live one.
        let unknown_pod = self.seats_of(target).any(|seat| self.seats[seat].listed);
        if !self.synced || unknown_pod || !self.is_leftover(target) {
            return desire(Want::Nothing, None);
        }
        let routes = self.pools[record.pool].bindings.iter().map(|binding| self.bindings[*binding].route);
        let drains = routes.map(|route| self.routes[route].facts.policy.config_drain);
        let span = drains.max().unwrap_or(Duration::ZERO);
        match record.zero_since().map(|since| since + span) {
            Some(end) if self.now >= end => desire(Want::Absent, None),
            Some(end) => desire(Want::Keep(Weight::DRAINED), Some((end, Wake::Drain))),
            None => desire(Want::Keep(Weight::DRAINED), None),
        }
    }

    /// Where somebody else registers: what is wanted of this target changed, and the last snapshot did not show it. It may
    /// have come since.
    pub(crate) fn look_for(&mut self, target: Index, desire: &Desire) {
        let record = &self.targets[target];
        let expected = self.config.ownership == Ownership::WeightsOnly
            && matches!(desire.want, Want::Keep(_) | Want::Present(_))
            && record.seen == Seeing::Absent;
        if !expected {
            return;
        }
        let (pool, now) = (record.pool, self.now);
        self.pools[pool].urgent |= desire.reason == Reason::Terminating;
        self.read_by(pool, now);
    }

    /// A snapshot did not show a target that somebody else is expected to register: looked for a few times more, then
    /// left to the comparisons.
    pub(crate) fn look_again_for(&mut self, target: Index) {
        let record = &mut self.targets[target];
        if self.config.ownership != Ownership::WeightsOnly || !matches!(record.want, Want::Present(_)) {
            return;
        }
        let tried = record.trouble().map_or(0, |trouble| trouble.vanished as usize);
        let Some(wait) = LOOK_AGAIN_AFTER.get(tried) else { return };
        record.trouble_mut().vanished += 1;
        let pool = record.pool;
        self.read_by(pool, self.now + Duration::from_secs(*wait));
    }

    /// A snapshot shows a target that somebody else was expected to register.
    pub(crate) fn found(&mut self, target: Index) {
        if self.config.ownership == Ownership::WeightsOnly {
            self.targets[target].ease_trouble(self.now, |trouble| trouble.vanished = 0);
        }
    }

    /// Drops the bindings of a pool that are over, now that a target of it is forgotten.
    pub(crate) fn forget_bindings(&mut self, pool: Index) {
        let ended = |binding: &Index| matches!(self.bindings[*binding].phase, Phase::Ended(_));
        let over: Vec<Index> = self.pools[pool].bindings.iter().copied().filter(ended).collect();
        for binding in over {
            self.forget_binding(binding);
        }
    }

    /// Whether a released target needs nothing more: what is wanted of it is seen.
    pub(crate) fn is_settled(&self, target: Index) -> bool {
        let record = &self.targets[target];
        matches!((record.want, record.seen), (Want::Keep(wanted), Seeing::Registered(seen)) if wanted == seen)
            && !record.flags.has(Flag::Assumed)
            && record.flying().is_none()
    }
}
