//! Who may write to a lane, and what is known of it beside its targets.

use core::time::Duration;

use crate::budget::Verb;
use crate::index::hash;
use crate::notice::Notice;
use crate::pool::{LaneFacts, LaneId};
use crate::slab::Index;
use crate::state::State;

/// A second comparison after a grant: calls of a predecessor may land so late.
const VERIFY_AFTER: Duration = Duration::from_secs(300);

impl State {
    pub(crate) fn granted(&mut self, id: &LaneId) {
        let lane = self.lane_of(id);
        if self.lanes[lane as usize].granted {
            return;
        }
        let now = self.now;
        // Comparisons of many lanes are spread over the time between two of one lane.
        let resync = self.config.resync;
        let spread = u64::try_from(resync.as_micros()).unwrap_or(u64::MAX).max(1);
        let offset = Duration::from_micros(hash(id) % spread);
        let record = &mut self.lanes[lane as usize];
        record.granted = true;
        record.claims_loaded = false;
        record.resync_at = Some(now + resync + offset);
        record.verify_at = [Some(now + resync), Some(now + VERIFY_AFTER)];
        for verb in [Verb::Weights, Verb::Register, Verb::Deregister, Verb::Read] {
            record.verbs[verb as usize] = crate::lane::VerbState::default();
        }
        record.claim = crate::lane::VerbState::default();
        // What was seen and claimed before is stale: somebody else may have written meanwhile.
        let pools: alloc::vec::Vec<Index> = record.pools.values().copied().collect();
        for pool in pools {
            self.pools[pool].read = false;
            if self.is_bound(pool) {
                self.read_by(pool, now);
            }
            self.touch_pool(pool);
        }
        self.stir(lane);
    }

    pub(crate) fn revoked(&mut self, id: &LaneId) {
        let lane = self.lane_of(id);
        let record = &mut self.lanes[lane as usize];
        record.granted = false;
        record.resync_at = None;
        record.verify_at = [None; 2];
        self.budget_queue.retain(|queued| queued.lane != lane);
        self.stir(lane);
    }

    pub(crate) fn lane_seen(&mut self, facts: &LaneFacts) {
        let lane = self.lane_of(&facts.id);
        self.lanes[lane as usize].limits = facts.limits;
        for harmful in &facts.harmful {
            if self.lanes[lane as usize].harmful.contains(harmful) {
                continue;
            }
            self.lanes[lane as usize].harmful.push(harmful.clone());
            let (pool, switch) = harmful;
            let known = self.lanes[lane as usize].pools.get(pool).copied();
            let routes = known.map_or_else(|| self.routes_of_lane(lane), |pool| self.routes_of_pool(pool));
            self.tell(Notice::HarmfulSwitch {
                lane: facts.id.clone(),
                pool: pool.clone(),
                switch: *switch,
                routes,
            });
        }
        self.stir(lane);
    }
}
