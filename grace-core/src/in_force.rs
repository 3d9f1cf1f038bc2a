//! When a readiness gate may pass: the weight is in force on every target of the Pod, and each is healthy or not checked.
//!
//! The order matters. A gate that passed before the weight is in force would let a Deployment take the next old Pod down
//! while the load balancer sends nothing to this one yet.

use alloc::vec::Vec;
use core::time::Duration;

use crate::action::Health;
use crate::decide::Want;
use crate::record::Seeing;
use crate::slab::Index;
use crate::state::State;
use crate::tracked_pod::PodFlag;
use crate::tracked_target::Flag;

/// Seconds between reads while a Pod waits for nothing but its health; afterwards the comparisons look for it.
const HEALTH_AFTER: [u64; 18] = [0, 1, 2, 3, 5, 5, 5, 10, 10, 10, 15, 15, 15, 30, 30, 30, 30, 30];

impl State {
    /// Whether the gate of a Pod may pass now. Where only health is missing, it is looked for.
    pub(crate) fn may_pass_gate(&mut self, pod: Index) -> bool {
        let record = &self.pods[pod];
        if !self.synced || !record.waits_for_gate() || record.flags.has(PodFlag::Ready) {
            return false;
        }
        let seats: Vec<Index> = self.seats_of_pod(pod).filter(|seat| self.is_wanted_seat(*seat)).collect();
        let mut passes = !seats.is_empty() && !self.awaits_a_route(pod);
        for seat in seats {
            let target = self.seats[seat].target;
            let pool = self.targets[target].pool;
            let Some(in_force) = self.is_in_force(seat) else {
                passes = false;
                continue;
            };
            if !in_force {
                // The read that proves the registration shall tell the health at once.
                let record = &mut self.pools[pool];
                (record.health_wanted, record.health_looks, passes) = (true, 0, false);
            } else if !self.targets[target].flags.has(Flag::Sound) {
                self.look_for_health(pool);
                passes = false;
            }
        }
        passes
    }

    /// Whether the weight that is wanted for a seat is proven; `None` when none is wanted for it.
    fn is_in_force(&self, seat: Index) -> Option<bool> {
        let target = self.seats[seat].target;
        let desire = self.desire(target);
        let Want::Present(wanted) = desire.want else { return None };
        if desire.seat != Some(seat) {
            return None;
        }
        let record = &self.targets[target];
        let pool = &self.pools[record.pool];
        let known = pool.read && self.lanes[pool.lane as usize].granted;
        Some(known && record.is_proven() && record.seen == Seeing::Registered(wanted))
    }

    fn look_for_health(&mut self, pool: Index) {
        let now = self.now;
        let record = &mut self.pools[pool];
        let due = core::mem::replace(&mut record.health_wanted, true) && record.read_at.is_some();
        let Some(wait) = HEALTH_AFTER.get(usize::from(record.health_looks)).filter(|_| !due) else { return };
        record.health_looks += 1;
        self.read_by(pool, now + Duration::from_secs(*wait));
    }

    /// A read told the health of a target.
    pub(crate) fn health_seen(&mut self, target: Index, health: Health) {
        let sound = matches!(health, Health::Healthy | Health::Unchecked);
        let turned = self.targets[target].flags.replace(Flag::Sound, sound) != sound;
        // Whose health still lacks is looked at again, so that it is read again.
        if turned || (!sound && matches!(self.targets[target].want, Want::Present(_))) {
            self.touch(target);
        }
    }
}
