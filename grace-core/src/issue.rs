//! The one door through which a command leaves. What must never happen is checked here once more, from the records
//! themselves: a change that would break an invariant is held back, told, and followed by a read.

use alloc::vec::Vec;
use core::time::Duration;

use crate::action::{Action, ActionId, Command};
use crate::desired::{configured_weight, ramp};
use crate::notice::Notice;
use crate::ownership::Ownership;
use crate::pod::Life;
use crate::policy::DrainOn;
use crate::record::{Flight, Phase, Seeing};
use crate::slab::Index;
use crate::state::State;
use crate::target::Weight;
use crate::time::Time;
use crate::tracked_target::Flag;

/// A change that was held back is not tried again before.
const HELD_BACK_FOR: Duration = Duration::from_secs(30);

impl State {
    /// Hands out a command of a lane.
    pub(crate) fn emit(&mut self, lane: Index, command: Command, deadline: Time, attempt: u32) -> ActionId {
        let id = self.hand_out(command, deadline, attempt);
        self.open.insert(id, lane);
        id
    }

    /// Hands out a command that no lane answers for.
    pub(crate) fn hand_out(&mut self, command: Command, deadline: Time, attempt: u32) -> ActionId {
        let id = ActionId(self.next_action);
        self.next_action += 1;
        self.actions.push_back(Action { id, command, deadline, attempt });
        id
    }

    /// Whether this change of a target breaks no invariant. If it does, it is held back.
    pub(crate) fn may_leave(&mut self, lane: Index, target: Index, flight: Flight) -> bool {
        let Some(invariant) = self.broken_by(lane, target, flight) else { return true };
        self.targets[target].trouble_mut().not_before = self.now + HELD_BACK_FOR;
        let pool = self.targets[target].pool;
        self.read_by(pool, self.now);
        let target = self.target_id(target);
        self.tell(Notice::Suppressed { target, invariant });
        false
    }

    /// The invariant that this change would break, by its number.
    fn broken_by(&self, lane: Index, target: Index, flight: Flight) -> Option<&'static str> {
        let record = &self.targets[target];
        let lane = &self.lanes[lane as usize];
        let pool = &self.pools[record.pool];
        let occupants: Vec<(Index, Life)> = self
            .seats_of(target)
            .filter_map(|seat| {
                let pod = &self.pods[self.seats[seat].pod];
                let life = pod.life()?;
                let here = pod.lives_at(record.ip);
                Some((seat, if here { life } else { Life::Over }))
            })
            .collect();
        let terminating = |life: &Life| matches!(life, Life::Terminating { .. });
        let live = occupants.iter().any(|(_, life)| *life == Life::Live);
        let zero_of_terminating = flight == Flight::Weight(Weight::DRAINED)
            && !live
            && occupants.iter().any(|(_, life)| terminating(life));

        if !lane.granted || lane.open.is_some() {
            return Some(if lane.granted { "S8" } else { "S9" });
        }
        let everything_known = self.synced && lane.claims_loaded && pool.read;
        if !everything_known && !zero_of_terminating {
            return Some("S9");
        }
        let register_or_remove = !matches!(flight, Flight::Weight(_));
        if register_or_remove && self.config.ownership == Ownership::WeightsOnly {
            return Some("S3");
        }
        if !self.is_ours(target) {
            let seen = matches!(record.seen, Seeing::Registered(_));
            let of_a_route = occupants
                .iter()
                .any(|(seat, _)| self.bindings[self.seats[*seat].binding].phase == Phase::Active);
            if !(zero_of_terminating && seen && of_a_route) {
                return Some("S3");
            }
        }
        match flight {
            Flight::Weight(weight) | Flight::Register(weight) if weight != Weight::DRAINED => {
                let held = occupants.iter().all(|(seat, _)| {
                    self.pods[self.seats[*seat].pod].hold().is_some_and(|until| until > self.now)
                });
                if !live || held {
                    return Some("S1");
                }
                let configured = occupants.iter().any(|(seat, _)| self.is_computed(*seat, weight));
                (!configured).then_some("S4")
            }
            Flight::Weight(_) | Flight::Register(_) => None,
            Flight::Deregister => {
                occupants.iter().find_map(|(seat, life)| self.early_removal(target, *seat, *life))
            }
        }
    }

    /// S4: the weight that annotations give, or a step of the declared ramp towards it.
    fn is_computed(&self, seat: Index, weight: Weight) -> bool {
        let sitting = self.sitting(seat);
        let configured = configured_weight(&sitting);
        let since = sitting.pod.facts.as_ref().and_then(|facts| facts.ready_since());
        let slow_start = sitting.route.facts.policy.slow_start;
        let step = slow_start.zip(since).map(|(span, since)| ramp(configured, span, since, self.now).0);
        weight == configured || step == Some(weight)
    }

    /// S2: a Pod that is not over keeps its target, unless it left the target alive and that drained long enough.
    fn early_removal(&self, target: Index, seat: Index, life: Life) -> Option<&'static str> {
        let record = &self.seats[seat];
        let binding = &self.bindings[record.binding];
        let policy = &self.routes[binding.route].facts.policy;
        let drained =
            self.targets[target].zero_since().is_some_and(|since| self.now >= since + policy.config_drain);
        let left = !record.listed || binding.phase != Phase::Active;
        let allowed = match life {
            Life::Over => true,
            Life::Terminating { .. } => {
                policy.drain == DrainOn::Nothing || self.targets[target].flags.has(Flag::Evicted)
            }
            Life::Live if binding.phase == Phase::Active && policy.drain == DrainOn::Nothing => left,
            Life::Live => left && drained,
        };
        (!allowed).then_some("S2")
    }
}
