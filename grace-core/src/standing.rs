//! How a Pod stands on a target, and which of those that sit on one decides over it.

use crate::decide::Standing;
use crate::id::Uid;
use crate::machine::Wake;
use crate::pod::Gate;
use crate::record::{Binding, Phase, Route, Seat, Seeing};
use crate::slab::Index;
use crate::state::State;
use crate::time::Time;
use crate::tracked_pod::{Pod, Stage};
use crate::tracked_target::{Flag, Target};

/// When something changes by time alone, and what the timer is for.
pub(crate) type Change = Option<(Time, Wake)>;

/// A seat and everything that bears on it: found once, because a decision looks at it again and again.
#[derive(Clone, Copy)]
pub(crate) struct Sitting<'a> {
    pub(crate) index: Index,
    pub(crate) seat: &'a Seat,
    pub(crate) pod: &'a Pod,
    pub(crate) target: &'a Target,
    pub(crate) binding: &'a Binding,
    pub(crate) route: &'a Route,
}

impl Sitting<'_> {
    /// Named by a slice, on a route that drives the pool.
    pub(crate) fn is_driven(&self) -> bool {
        self.binding.phase == Phase::Active && self.seat.listed
    }
}

impl State {
    /// The seat that decides over a target, and how its Pod stands.
    pub(crate) fn occupant(&self, target: Index) -> Option<(Index, Standing)> {
        self.decider(target).map(|(seat, standing, _)| (seat, standing))
    }

    pub(crate) fn decider(&self, target: Index) -> Option<(Index, Standing, Change)> {
        self.seats_of(target)
            .filter_map(|seat| {
                let sitting = self.sitting(seat);
                let (standing, until) = self.standing_of(&sitting)?;
                Some((precedence(&sitting, standing), (seat, standing, until)))
            })
            .min_by_key(|(precedence, _)| *precedence)
            .map(|(_, decider)| decider)
    }

    pub(crate) fn sitting(&self, index: Index) -> Sitting<'_> {
        self.sitting_on(&self.targets[self.seats[index].target], index)
    }

    #[inline]
    pub(crate) fn sitting_on<'a>(&'a self, target: &'a Target, index: Index) -> Sitting<'a> {
        let seat = &self.seats[index];
        let binding = &self.bindings[seat.binding];
        Sitting {
            index,
            seat,
            pod: &self.pods[seat.pod],
            target,
            binding,
            route: &self.routes[binding.route],
        }
    }

    /// How the Pod of a seat stands, and when that changes by time alone. `None`: nothing is known of the Pod.
    #[inline(always)]
    pub(crate) fn standing_of(&self, sitting: &Sitting<'_>) -> Option<(Standing, Change)> {
        let Sitting { seat, pod, target, binding, route, .. } = *sitting;
        if seat.elsewhere {
            return None;
        }
        let stage = pod.stage()?;
        let at = pod.is_at(target.ip);
        if stage == Stage::Over || !(at || pod.lives_at(target.ip)) {
            return Some((Standing::Over, None));
        }
        if stage == Stage::Terminating {
            return Some((Standing::Terminating, None));
        }
        let gate_only =
            pod.facts.as_ref().is_some_and(|facts| facts.plain.gate == Gate::Waiting { only: true });
        let passed = pod.passed().filter(|until| *until > self.now && !seat.serving);
        // A slice may know an address before the Pod says so, and anybody may write a slice.
        let ready =
            at && (seat.serving || route.facts.policy.ignore_readiness || gate_only || passed.is_some());
        let standing = if ready { Standing::Ready } else { Standing::Unready { admitted: seat.admitted } };
        if let Some(until) = pod.hold().filter(|until| *until > self.now) {
            return Some((Standing::Held, Some((until, Wake::Drain))));
        }
        if seat.listed || binding.phase != Phase::Active {
            return Some((standing, passed.map(|until| (until, Wake::Drain))));
        }
        if let Some(confirmed) = self.successor_confirmed(seat) {
            // The port changed: the old target goes once the other one is in force.
            return Some((if confirmed { Standing::Deselected } else { standing }, None));
        }
        let deselected_at = seat.unlisted_since() + self.config.deselected_after;
        match (self.synced, self.now >= deselected_at) {
            (true, true) => Some((Standing::Deselected, None)),
            (true, false) => Some((standing, Some((deselected_at, Wake::Drain)))),
            (false, _) => Some((standing, None)),
        }
    }

    /// For a seat that is not listed any more: whether the Pod's other target in the same pool is in force. `None` when
    /// there is no other target.
    fn successor_confirmed(&self, record: &Seat) -> Option<bool> {
        let family = |target: Index| self.targets[target].ip.is_ipv4();
        let successor = self.seats_of_pod(record.pod).find(|other| {
            let other = &self.seats[*other];
            other.listed && other.binding == record.binding && family(other.target) == family(record.target)
        })?;
        let target = &self.targets[self.seats[successor].target];
        Some(match target.seen {
            Seeing::Registered(weight) => {
                !target.flags.has(Flag::Assumed) && target.want.weight() == Some(weight)
            }
            Seeing::Unknown | Seeing::Absent => false,
        })
    }
}

/// Live before terminating, then older, then by UID; a seat on a route that drives the pool before others.
fn precedence(sitting: &Sitting<'_>, standing: Standing) -> (u8, Time, Uid) {
    let active = sitting.binding.phase == Phase::Active;
    let class = match standing {
        Standing::Ready | Standing::Unready { .. } | Standing::Held if active && sitting.seat.listed => 0,
        Standing::Ready | Standing::Unready { .. } | Standing::Held => 1,
        Standing::Deselected => 2,
        Standing::Terminating => 3,
        Standing::Over => 4,
    };
    (class, sitting.pod.facts.as_ref().map_or(Time::EPOCH, |facts| facts.plain.created), sitting.pod.uid)
}
