//! What reads show, and what they contradict.

use alloc::vec::Vec;
use core::time::Duration;

use crate::action::{Failure, PoolSeen, Success};
use crate::decide::Want;
use crate::lane::Open;
use crate::notice::Notice;
use crate::ownership::Ownership;
use crate::pool::Pool;
use crate::record::{Claim, Seeing};
use crate::slab::Index;
use crate::state::State;
use crate::target::{Address, Weight};
use crate::time::Time;
use crate::tracked_target::Flag;

/// A read may lag behind a write whose task has just succeeded.
pub(crate) const LAG: Duration = Duration::from_secs(5);
/// A doubtful snapshot is confirmed by another one after this time.
const CONFIRM_AFTER: Duration = Duration::from_secs(1);

/// What was answered and is not seen is read again after these seconds.
const AGAIN_AFTER: [u64; 4] = [5, 10, 20, 30];

impl State {
    pub(crate) fn read_answered(&mut self, lane: Index, open: &Open, result: &Result<Success, Failure>) {
        let again = |state: &mut Self, wait: Duration| {
            let at = state.now + wait;
            for pool in &open.pools {
                state.read_by(*pool, at);
            }
        };
        match result {
            Ok(Success::Seen(seen)) => {
                self.budget.accepted(open.verb, self.now);
                self.lanes[lane as usize].verbs[open.verb as usize] = crate::lane::VerbState::default();
                self.lane_is_there(lane);
                for pool in &open.pools {
                    match seen.iter().find(|seen| seen.pool == self.pools[*pool].pool) {
                        Some(seen) => self.pool_seen(lane, *pool, seen, open.health),
                        None => {
                            let name = self.pools[*pool].pool.clone();
                            self.pools_are_missing(lane, &[name]);
                        }
                    }
                }
            }
            Err(Failure::LaneMissing) => self.lane_is_missing(lane),
            Err(Failure::PoolsMissing(pools)) => {
                self.pools_are_missing(lane, pools);
                // The others were not answered.
                let now = self.now;
                for pool in &open.pools {
                    if !self.pools[*pool].missing {
                        self.read_by(*pool, now);
                    }
                }
            }
            Err(
                Failure::NotExecuted { why, retry_in, detail }
                | Failure::Refused { why, retry_in, detail, .. },
            ) => {
                self.failed(lane, open.verb, Some(*why), *retry_in, detail);
                again(self, *retry_in);
            }
            Err(Failure::Unknown { retry_in, detail }) => {
                self.failed(lane, open.verb, None, *retry_in, detail);
                again(self, (*retry_in).max(Duration::from_millis(100)));
            }
            Ok(Success::Written { .. } | Success::Claims { .. } | Success::Marked)
            | Err(Failure::Conflict { .. }) => again(self, CONFIRM_AFTER),
        }
    }

    fn pool_seen(&mut self, lane: Index, pool: Index, seen: &PoolSeen, health: bool) {
        let now = self.now;
        let empty = seen.targets.is_empty() && seen.strangers == 0;
        let expected = self.pools[pool].targets.iter().any(|target| {
            let record = &self.targets[*target];
            matches!(record.seen, Seeing::Registered(_))
                || (record.claim == Claim::Held && record.seen == Seeing::Unknown)
        });
        if empty && expected && !self.pools[pool].emptied {
            // Nothing is taken away, and nothing registered anew, on the ground of one such answer.
            self.pools[pool].emptied = true;
            self.read_by(pool, now + CONFIRM_AFTER);
            return;
        }
        let record = &mut self.pools[pool];
        let first = !record.read || record.missing;
        (record.emptied, record.missing, record.urgent, record.read) = (false, false, false, true);
        record.shown_at = now;
        record.health_wanted &= !health;
        record.told.missing = false;
        let mut shown: Vec<Index> = Vec::with_capacity(seen.targets.len());
        for seen in &seen.targets {
            let target = self.target_shown(pool, seen.address);
            shown.push(target);
            self.show(target, Seeing::Registered(seen.weight));
            if health {
                self.health_seen(target, seen.health);
            }
        }
        shown.sort_unstable();
        for target in self.pools[pool].targets.clone() {
            if shown.binary_search(&target).is_err() {
                self.show(target, Seeing::Absent);
            }
        }
        if first {
            self.touch_pool(pool);
        }
        self.stir(lane);
    }

    fn target_shown(&mut self, pool: Index, address: Address) -> Index {
        if let Some(target) = self.find_target(pool, address) {
            return target;
        }
        let target = self.target_of(pool, address);
        let record = &mut self.targets[target];
        record.seen = Seeing::Unknown;
        record.flags.set(Flag::EverRead, false);
        target
    }

    /// A snapshot shows a target so.
    fn show(&mut self, target: Index, shown: Seeing) {
        let now = self.now;
        let record = &mut self.targets[target];
        let pool = record.pool;
        if planted!(self, PlansFromPrivateCopy)
            && record.flags.has(Flag::EverRead)
            && record.seen != Seeing::Unknown
        {
            record.flags.set(Flag::Doubt, false);
            self.touch(target);
            return;
        }
        let proven = now < record.proven_at() + LAG;
        if !proven {
            record.set_proven_at(Time::EPOCH);
        }
        let fresh = proven && record.seen != Seeing::Unknown && !record.flags.has(Flag::Doubt);
        let gone = shown == Seeing::Absent;
        if fresh && record.seen != shown && (gone || !record.flags.has(Flag::Contradicted)) {
            // The task proved otherwise a moment ago: the read lags behind, unless the next one says so too. That it is not
            // there, which costs the claim, is believed only when no read can lag any more.
            record.flags.set(Flag::Contradicted, true);
            self.read_by(pool, now + CONFIRM_AFTER);
            return;
        }
        record.flags.set(Flag::Contradicted, false);
        if !record.flags.has(Flag::EverRead) {
            record.flags.set(Flag::EverRead, true);
            let serving = matches!(shown, Seeing::Registered(weight) if weight != Weight::DRAINED);
            record.flags.set(Flag::Inherited, serving);
        }
        let record = &mut self.targets[target];
        // That it stands there may be the work of another call: one whose outcome is not known may still land.
        if now >= record.lands_until() {
            record.set_lands_until(Time::EPOCH);
        }
        let (believed, doubted, assumed) =
            (record.seen, record.flags.has(Flag::Doubt), record.flags.has(Flag::Assumed));
        record.flags.set(Flag::Doubt, false);
        record.flags.set(Flag::Assumed, false);
        if believed == shown {
            let unneeded = record.claim == Claim::Held && shown == Seeing::Absent;
            if shown == Seeing::Absent {
                self.look_again_for(target);
            }
            if doubted || assumed || unneeded {
                self.touch(target);
                self.touch_neighbours(target);
            }
            return;
        }
        self.set_seen(target, shown);
        if shown == Seeing::Absent {
            self.look_again_for(target);
        } else {
            self.found(target);
        }
        self.touch(target);
        self.touch_neighbours(target);
        if believed != Seeing::Unknown && !doubted {
            self.contradicted(target, believed, shown, assumed);
        }
    }

    /// Somebody else changed a target of ours, or what was answered never came into force.
    fn contradicted(&mut self, target: Index, believed: Seeing, shown: Seeing, assumed: bool) {
        let (now, ownership) = (self.now, self.config.ownership);
        let record = &mut self.targets[target];
        let answered_for = match ownership {
            Ownership::Ledger => record.claim != Claim::None,
            Ownership::Exclusive => true,
            // Whoever registers may deregister.
            Ownership::WeightsOnly => shown != Seeing::Absent,
        };
        if !answered_for {
            if !matches!(shown, Seeing::Registered(_)) {
                record.flags.set(Flag::Reported, false);
            }
            return;
        }
        if assumed {
            // What was answered is not there, or not there yet: looked at again, ever more slowly, before it is repeated.
            let trouble = record.trouble_mut();
            let wait = AGAIN_AFTER[(trouble.vanished as usize).min(AGAIN_AFTER.len() - 1)];
            trouble.vanished += 1;
            record.flags.set(Flag::Doubt, true);
            if shown == Seeing::Absent {
                // Reads that come earlier do not show either that the registration will not be seen.
                record.set_lands_until(now + Duration::from_secs(wait));
            }
            let pool = record.pool;
            self.read_by(pool, now + Duration::from_secs(wait));
            return;
        }
        let wanted = match (record.want, believed, shown) {
            (Want::Keep(wanted) | Want::Present(wanted), Seeing::Registered(believed), _)
                if believed == wanted =>
            {
                wanted
            }
            _ => return,
        };
        let found = match shown {
            Seeing::Registered(weight) => Some(weight),
            Seeing::Absent | Seeing::Unknown => None,
        };
        let trouble = record.trouble_mut();
        trouble.overwritten = true;
        while trouble.restored.front().is_some_and(|at| now >= *at + crate::plan::RESTORES_WITHIN) {
            trouble.restored.pop_front();
        }
        let often = trouble.restored.len() + 1 >= crate::plan::RESTORES;
        let told = core::mem::replace(&mut trouble.fighting, often);
        let fighting = often && !told;
        let pool = record.pool;
        let Some(route) = self.route_to_name(pool) else { return };
        let id = self.target_id(target);
        self.tell(Notice::Overwritten { target: id.clone(), route: route.clone(), found, wanted });
        if fighting {
            self.tell(Notice::Fighting { target: id, route });
        }
    }

    fn lane_is_there(&mut self, lane: Index) {
        if core::mem::take(&mut self.lanes[lane as usize].missing) {
            for pool in self.lanes[lane as usize].pools.values().copied().collect::<Vec<_>>() {
                self.touch_pool(pool);
            }
        }
    }

    /// Nothing is registered on a load balancer that is gone; what was to be drained or removed has succeeded.
    pub(crate) fn lane_is_missing(&mut self, lane: Index) {
        let told = core::mem::replace(&mut self.lanes[lane as usize].missing, true);
        let pools: Vec<Index> = self.lanes[lane as usize].pools.values().copied().collect();
        for pool in &pools {
            self.empty_pool(*pool);
        }
        if !told {
            let (id, routes) = (self.lanes[lane as usize].id.clone(), self.routes_of_lane(lane));
            self.tell(Notice::Missing { lane: id, pools: Vec::new(), routes });
        }
        self.refresh_next_read(lane);
        self.stir(lane);
    }

    pub(crate) fn pools_are_missing(&mut self, lane: Index, pools: &[Pool]) {
        let mut told: Vec<Pool> = Vec::new();
        for name in pools {
            let Some(pool) = self.lanes[lane as usize].pools.get(name).copied() else { continue };
            self.empty_pool(pool);
            self.pools[pool].missing = true;
            if !core::mem::replace(&mut self.pools[pool].told.missing, true) {
                told.push(name.clone());
            }
        }
        self.refresh_next_read(lane);
        if !told.is_empty() {
            let known = told.iter().filter_map(|name| self.lanes[lane as usize].pools.get(name).copied());
            let mut routes: Vec<_> =
                known.collect::<Vec<_>>().into_iter().flat_map(|pool| self.routes_of_pool(pool)).collect();
            routes.sort();
            routes.dedup();
            let lane = self.lanes[lane as usize].id.clone();
            self.tell(Notice::Missing { lane, pools: told, routes });
        }
        self.stir(lane);
    }

    fn empty_pool(&mut self, pool: Index) {
        let record = &mut self.pools[pool];
        (record.read, record.read_at, record.urgent, record.emptied) = (true, None, false, false);
        record.shown_at = self.now;
        for target in record.targets.clone() {
            let record = &mut self.targets[target];
            record.flags.set(Flag::Doubt, false);
            record.flags.set(Flag::Assumed, false);
            record.flags.set(Flag::EverRead, true);
            self.set_seen(target, Seeing::Absent);
            self.touch(target);
        }
    }
}
