//! Making room in a pool that is full of draining targets, where that was asked for.

use alloc::vec::Vec;

use crate::action::Reason;
use crate::decide::Want;
use crate::notice::Notice;
use crate::record::{Change, Seeing};
use crate::slab::Index;
use crate::state::State;
use crate::target::Weight;
use crate::tracked_target::Flag;

impl State {
    /// Gives up the drains that have run longest, one for each registration that finds no room. Whoever is still connected
    /// there is cut off, which the owner of this machine preferred to a rollout that stands still.
    pub(crate) fn make_room(&mut self, pool: Index) {
        if !self.config.evict_oldest_draining {
            return;
        }
        let (mut waiting, mut leaving, mut draining) = (0_usize, 0_usize, Vec::new());
        for target in &self.pools[pool].targets {
            let record = &self.targets[*target];
            if record.waiting == Some(Change::Register) && self.is_ours(*target) && record.trouble().is_none()
            {
                waiting += 1;
            } else if record.seen == Seeing::Registered(Weight::DRAINED) {
                let desire = self.desire(*target);
                let leaves = desire.want == Want::Absent;
                leaving += usize::from(leaves);
                let drains =
                    desire.reason == Reason::Terminating && desire.want == Want::Keep(Weight::DRAINED);
                if drains && record.flying().is_none() && !record.flags.has(Flag::Doubt) {
                    draining.push((record.zero_since(), self.address_of(*target), *target));
                }
            }
        }
        draining.sort_unstable();
        for (.., target) in draining.into_iter().take(waiting.saturating_sub(leaving)) {
            self.targets[target].flags.set(Flag::Evicted, true);
            self.touch(target);
            if let Some(route) = self.route_to_name(pool) {
                let target = self.target_id(target);
                self.tell(Notice::Evicted { target, route });
            }
        }
    }
}
