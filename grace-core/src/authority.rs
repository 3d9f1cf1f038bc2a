//! Who may write to a lane, and what is known of it beside its targets.

use core::time::Duration;

use crate::budget::Verb;
use crate::index::hash;
use crate::notice::Notice;
use crate::ownership::Ownership;
use crate::pool::{LaneFacts, LaneId, Pool, Switch};
use crate::record::Claim;
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
        record.granted_at = now;
        // Without a ledger there is nothing to load.
        record.claims_loaded = self.config.ownership != Ownership::Ledger;
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
            for target in self.pools[pool].targets.clone() {
                // So is what was to be asked for or given up on that ground.
                let claim = &mut self.targets[target].claim;
                *claim = match *claim {
                    Claim::Asked => Claim::None,
                    Claim::Dropping => Claim::Held,
                    Claim::None | Claim::Held => *claim,
                };
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
        let known = core::mem::take(&mut self.lanes[lane as usize].harmful);
        let told =
            |pool: &Pool, switch: Switch| known.iter().any(|(p, s, told)| p == pool && *s == switch && *told);
        self.lanes[lane as usize].harmful =
            facts.harmful.iter().map(|(pool, switch)| (pool.clone(), *switch, told(pool, *switch))).collect();
        if core::mem::replace(&mut self.lanes[lane as usize].family, facts.family) != facts.family {
            self.seat_lane(lane);
        }
        self.warn_of_switches(lane);
        self.stir(lane);
    }

    /// Tells once about each switch that defeats a drain, as soon as a route drives the pool.
    pub(crate) fn warn_of_switches(&mut self, lane: Index) {
        for position in 0..self.lanes[lane as usize].harmful.len() {
            let (pool, switch, told) = self.lanes[lane as usize].harmful[position].clone();
            let Some(index) = self.lanes[lane as usize].pools.get(&pool).copied() else { continue };
            let routes = self.routes_of_pool(index);
            if told || routes.is_empty() {
                continue;
            }
            self.lanes[lane as usize].harmful[position].2 = true;
            let lane = self.lanes[lane as usize].id.clone();
            self.tell(Notice::HarmfulSwitch { lane, pool, switch, routes });
        }
    }
}
