//! Claims: what may be deregistered. Asked for before the first write, given up when a read has shown the target absent.

use alloc::vec::Vec;
use core::time::Duration;

use crate::action::{Command, Revision, Why};
use crate::lane::OpenClaim;
use crate::machine::Wake;
use crate::notice::Notice;
use crate::pool::Pool;
use crate::record::Claim;
use crate::slab::Index;
use crate::state::State;
use crate::target::Address;
use crate::time::Time;
use crate::tracked_target::Flag;

impl State {
    /// Loads the claims, or sends what has to change, when the slot for claims is free.
    pub(crate) fn pump_claims(&mut self, lane: Index) {
        let record = &self.lanes[lane as usize];
        if record.claim_open.is_some() || record.claim.not_before > self.now {
            return;
        }
        if !record.claims_loaded {
            let command = Command::LoadClaims { lane: record.id.clone() };
            let (deadline, attempt) = (self.now + self.config.read_timeout, record.claim.attempts);
            let id = self.emit(lane, command, deadline, attempt);
            self.lanes[lane as usize].claim_open =
                Some(OpenClaim { id, add: Vec::new(), drop: Vec::new(), deadline });
            return;
        }
        if record.claiming.is_empty() || !self.synced || self.quiet_at(lane) > self.now {
            return;
        }
        let mut changes = core::mem::take(&mut self.lanes[lane as usize].claiming);
        changes.retain(|target| self.targets.get(*target).is_some());
        let (mut add, mut drop) = (Vec::new(), Vec::new());
        for target in changes {
            self.targets[target].flags.set(Flag::Claiming, false);
            // The record may have been seen with it, or without it, since it was asked for.
            match self.targets[target].claim {
                Claim::Asked => add.push(target),
                Claim::Dropping => drop.push(target),
                Claim::None | Claim::Held => {}
            }
        }
        if add.is_empty() && drop.is_empty() {
            return;
        }
        let by_content = |state: &Self, target: &Index| {
            (state.pools[state.targets[*target].pool].pool.clone(), state.address_of(*target))
        };
        add.sort_by_key(|target| by_content(self, target));
        drop.sort_by_key(|target| by_content(self, target));
        let list = |targets: &[Index]| targets.iter().map(|target| by_content(self, target)).collect();
        let record = &self.lanes[lane as usize];
        let command = Command::Claim {
            lane: record.id.clone(),
            base: record.revision.clone(),
            add: list(&add),
            drop: list(&drop),
        };
        let (deadline, attempt) = (self.now + self.config.read_timeout, record.claim.attempts);
        let id = self.emit(lane, command, deadline, attempt);
        let record = &mut self.lanes[lane as usize];
        record.claim_open = Some(OpenClaim { id, add, drop, deadline });
        if record.waiting.is_empty() {
            // Nothing but claims was gathered: what comes next is a burst of its own.
            record.gathered();
        }
    }

    pub(crate) fn claim_wake(&self, lane: Index) -> Option<(Time, Wake)> {
        let record = &self.lanes[lane as usize];
        // A lane without a route may have had one: what it left is found in the claims alone.
        let loading = !record.claims_loaded;
        let changing = record.claims_loaded && self.synced && !record.claiming.is_empty();
        if record.claim_open.is_some() || !(loading || changing) {
            return None;
        }
        if record.claim.not_before > self.now {
            return Some((record.claim.not_before, Wake::Retry));
        }
        changing.then(|| (self.quiet_at(lane), Wake::Linger))
    }

    /// The record is as given, after our change or by somebody else's hand.
    pub(crate) fn claims_are(
        &mut self,
        lane: Index,
        open: &OpenClaim,
        revision: Option<&Revision>,
        all: &[(Pool, Address)],
    ) {
        let record = &mut self.lanes[lane as usize];
        record.revision = revision.cloned();
        record.claims_loaded = true;
        record.claim.attempts = 0;
        record.claim.told = None;
        let mut held: Vec<Index> = Vec::with_capacity(all.len());
        for (pool, address) in all {
            let pool = self.pool_of(lane, pool);
            let target = self.target_of(pool, *address);
            held.push(target);
            if !self.pools[pool].read && self.pools[pool].read_at.is_none() {
                self.read_by(pool, self.now);
            }
        }
        held.sort_unstable();
        let lands_until = self.lanes[lane as usize].granted_at + self.config.resync;
        let pools: Vec<Index> = self.lanes[lane as usize].pools.values().copied().collect();
        let mine: Vec<Index> =
            pools.iter().flat_map(|pool| self.pools[*pool].targets.iter().copied()).collect();
        for target in mine {
            let in_record = held.binary_search(&target).is_ok();
            let asked_now = open.add.contains(&target) || open.drop.contains(&target);
            let record = &mut self.targets[target];
            let claim = match (in_record, record.claim) {
                // Asked for after this call was sent: still to come.
                (false, Claim::Asked) if !asked_now && record.flags.has(Flag::Claiming) => Claim::Asked,
                (true, Claim::Dropping) if !asked_now && record.flags.has(Flag::Claiming) => Claim::Dropping,
                (true, _) => Claim::Held,
                (false, _) => Claim::None,
            };
            if claim != record.claim {
                let was_ours = matches!(record.claim, Claim::Held | Claim::Dropping);
                if claim == Claim::Held && !was_ours && !open.add.contains(&target) {
                    // Somebody else made it: a registration of theirs may still be on its way.
                    record.set_lands_until(lands_until);
                }
                record.claim = claim;
                self.touch(target);
            }
        }
        for target in open.add.iter().chain(&open.drop) {
            if self.targets.get(*target).is_some() {
                self.touch(*target);
            }
        }
        self.stir(lane);
    }

    /// The change was not recorded: what it asked for is asked for again later.
    pub(crate) fn claims_failed(
        &mut self,
        lane: Index,
        open: &OpenClaim,
        why: Option<Why>,
        retry_in: Duration,
        detail: &str,
    ) {
        for target in &open.add {
            if let Some(record) = self.targets.get_mut(*target).filter(|record| record.claim == Claim::Asked)
            {
                record.claim = Claim::None;
                self.touch(*target);
            }
        }
        for target in &open.drop {
            let Some(record) = self.targets.get_mut(*target).filter(|record| record.claim == Claim::Dropping)
            else {
                continue;
            };
            if why.is_some() {
                record.claim = Claim::Held;
            } else if !record.flags.replace(Flag::Claiming, true) {
                // It may still be recorded, on the very state that the record will show. So it is dropped once more, which
                // moves the record on, before it is asked for again.
                self.lanes[lane as usize].claiming.push(*target);
            }
            self.touch(*target);
        }
        let now = self.now;
        let record = &mut self.lanes[lane as usize];
        record.claim.attempts += 1;
        record.claim.not_before = now + retry_in;
        // Whether it was recorded is not known: the record tells.
        if why.is_none() {
            record.claims_loaded = false;
        }
        let for_people = why.filter(|why| {
            matches!(why, Why::Full | Why::Permission | Why::Credential | Why::Invalid | Why::Quota)
        });
        if let Some(why) = for_people.filter(|why| record.claim.told != Some(*why)) {
            record.claim.told = Some(why);
            let (id, routes) = (record.id.clone(), self.routes_of_lane(lane));
            self.tell(Notice::ClaimsRefused { lane: id, routes, why, detail: detail.into() });
        }
        self.stir(lane);
    }
}
