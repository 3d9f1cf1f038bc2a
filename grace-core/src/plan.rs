//! Want against what is seen and on its way: which change a target waits for, and whether it may leave now.

use core::time::Duration;

use crate::action::Reason;
use crate::decide::Want;
use crate::desired::Desire;
use crate::ownership::Ownership;
use crate::record::{Change, Claim, Phase, Seeing};
use crate::slab::Index;
use crate::state::State;
use crate::target::Weight;
use crate::time::Time;
use crate::tracked_target::Flag;

/// A fighting writer gets this many answers...
pub(crate) const RESTORES: usize = 3;
/// ...in this time.
pub(crate) const RESTORES_WITHIN: Duration = Duration::from_secs(300);

/// Why a change does not leave yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Gate {
    /// It may leave.
    Open,
    /// Something else has to happen first, which stirs the lane by itself.
    Shut,
    /// It may leave at this moment.
    Until(Time),
}

impl State {
    /// The change that a target waits for, whether or not it may leave now.
    pub(crate) fn change_for(&self, target: Index, desire: &Desire) -> Option<Change> {
        let record = &self.targets[target];
        let missing =
            self.pools[record.pool].missing || self.lanes[self.pools[record.pool].lane as usize].missing;
        if record.flying().is_some() || record.flags.has(Flag::Doubt) || missing {
            return None;
        }
        let terminating = desire.reason == Reason::Terminating;
        match (desire.want, record.seen) {
            (Want::Keep(wanted) | Want::Present(wanted), Seeing::Registered(seen)) if wanted == seen => None,
            (Want::Keep(wanted), Seeing::Registered(_)) if terminating && wanted == Weight::DRAINED => {
                Some(Change::Zero)
            }
            (Want::Keep(_) | Want::Present(_), Seeing::Registered(_)) => Some(Change::Weight),
            // A claim shows the target before any read does.
            (Want::Keep(_), Seeing::Unknown) if terminating && record.claim == Claim::Held => {
                Some(Change::Zero)
            }
            (Want::Present(_), Seeing::Absent) if self.config.ownership != Ownership::WeightsOnly => {
                Some(Change::Register)
            }
            #[cfg(feature = "planted")]
            (Want::Absent, _)
                if planted!(self, DeregistersItsOwnOnly) && !record.flags.has(Flag::RegisteredHere) =>
            {
                None
            }
            (Want::Absent, Seeing::Registered(_)) if self.may_remove(target, desire) => {
                Some(Change::Deregister)
            }
            (Want::Nothing | Want::Absent, _)
            | (Want::Keep(_) | Want::Present(_), Seeing::Absent | Seeing::Unknown) => None,
        }
    }

    /// Whether a target that shall go is one that we may deregister, now or once it is claimed.
    fn may_remove(&self, target: Index, desire: &Desire) -> bool {
        match self.config.ownership {
            Ownership::Ledger => self.targets[target].claim != Claim::None || self.may_claim(target, desire),
            Ownership::Exclusive => true,
            Ownership::WeightsOnly => false,
        }
    }

    /// Whether a target may be adopted: a route selects the Pod that lives there.
    pub(crate) fn may_claim(&self, target: Index, desire: &Desire) -> bool {
        let record = &self.targets[target];
        let Some(seat) = desire.seat else { return false };
        let record_seat = &self.seats[seat];
        if self.bindings[record_seat.binding].phase != Phase::Active || desire.reason == Reason::Gone {
            return false;
        }
        match desire.want {
            Want::Present(_) => true,
            // Claimed ahead while it is not ready, so that readiness costs no further round trip.
            Want::Keep(_) if desire.reason != Reason::Terminating => {
                record_seat.listed || matches!(record.seen, Seeing::Registered(_))
            }
            Want::Keep(_) | Want::Absent => matches!(record.seen, Seeing::Registered(_)),
            Want::Nothing => false,
        }
    }

    /// Whether the change may leave now. What may not is looked at again when the lane is stirred, or at a time.
    pub(crate) fn gate(&self, target: Index, change: Change) -> Gate {
        let record = &self.targets[target];
        let pool = &self.pools[record.pool];
        let lane = &self.lanes[pool.lane as usize];
        let mut until = pool.not_before;
        if let Some(trouble) = record.trouble() {
            until = until.max(trouble.not_before);
            let fought = trouble.overwritten && trouble.restored.len() >= RESTORES && change != Change::Zero;
            if let (true, Some(oldest)) = (fought, trouble.restored.front()) {
                until = until.max(*oldest + RESTORES_WITHIN);
            }
        }
        if planted!(self, DebouncesTermination) && change == Change::Zero {
            let pod = self.desire(target).seat.map(|seat| &self.pods[self.seats[seat].pod]);
            let since = pod.and_then(|pod| pod.drain()).map_or(Time::EPOCH, |drain| drain.since);
            until = until.max(since + Duration::from_secs(5));
        }
        let synced = self.synced || planted!(self, ActsBeforeSync);
        let ours = self.is_ours(target);
        let open = match change {
            // The one write that is allowed before everything is known, and without a claim: a terminating Pod on a pool of
            // its route, shown by a claim or a snapshot.
            Change::Zero => ours || (matches!(record.seen, Seeing::Registered(_)) && pool.read),
            Change::Weight | Change::Deregister => synced && lane.claims_loaded && pool.read && ours,
            Change::Register => {
                let room =
                    lane.limits.targets_per_pool.is_none_or(|limit| pool.registered < u32::from(limit));
                let held = record.claim != Claim::Dropping;
                synced && lane.claims_loaded && pool.read && ours && held && room
            }
        };
        match (open, until > self.now) {
            (false, _) => Gate::Shut,
            (true, true) => Gate::Until(until),
            (true, false) => Gate::Open,
        }
    }

    /// Whether the claim on a target has to be asked for or given up.
    pub(crate) fn claim_change(&self, target: Index, desire: &Desire) -> Option<bool> {
        if self.config.ownership != Ownership::Ledger {
            return None;
        }
        let record = &self.targets[target];
        // What was seen before this grant is stale: whoever was granted meanwhile may have registered it.
        let proven_absent =
            record.seen == Seeing::Absent && self.pools[record.pool].read && record.is_proven();
        match record.claim {
            Claim::None if self.may_claim(target, desire) => Some(true),
            Claim::Held if proven_absent => {
                let landed = self.pools[record.pool].shown_at >= record.lands_until();
                let needed = !landed || self.may_claim(target, desire);
                (!needed).then_some(false)
            }
            // A released route: dropped when the target needs nothing more.
            Claim::Held if desire.reason == Reason::RouteReleased => {
                let live = self.kill_time(desire.seat).is_none();
                (live && self.is_settled(target)).then_some(false)
            }
            Claim::None | Claim::Asked | Claim::Held | Claim::Dropping => None,
        }
    }
}
