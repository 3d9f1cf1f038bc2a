//! Filling one write: the most urgent first, whole Pods, within every limit of the lane.

use alloc::collections::BTreeMap;
use alloc::vec::Vec;
use core::cmp::Ordering;

use crate::action::{self, Batch, Command, Removal};
use crate::budget::Verb;
use crate::choose::Ready;
use crate::lane::Open;
use crate::pool::{Limits, Pool};
use crate::record::Flight;
use crate::slab::Index;
use crate::state::State;
use crate::target::Weight;

/// What a batch holds so far, against the limits.
struct Load {
    limits: Limits,
    verb: Verb,
    total: usize,
    per_pool: BTreeMap<Index, usize>,
    elements: usize,
}

impl Load {
    fn elements_of(&self, targets: usize) -> usize {
        targets.div_ceil(usize::from(self.limits.per_element.max(1)))
    }

    /// Whether these targets, by pool, still fit.
    fn fits(&self, more: &BTreeMap<Index, usize>) -> bool {
        let total = self.total + more.values().sum::<usize>();
        if total > usize::from(self.limits.batch.max(1)) {
            return false;
        }
        if self.verb != Verb::Weights {
            return true;
        }
        let per_pool = usize::try_from(self.limits.weights_per_pool()).unwrap_or(usize::MAX);
        let mut elements = self.elements;
        for (pool, count) in more {
            let before = self.per_pool.get(pool).copied().unwrap_or(0);
            if before + count > per_pool {
                return false;
            }
            elements += self.elements_of(before + count) - self.elements_of(before);
        }
        elements <= usize::from(self.limits.elements.max(1))
    }

    fn add(&mut self, more: &BTreeMap<Index, usize>) {
        for (pool, count) in more {
            let before = self.per_pool.get(pool).copied().unwrap_or(0);
            self.elements += self.elements_of(before + count) - self.elements_of(before);
            self.total += count;
            self.per_pool.insert(*pool, before + count);
        }
    }
}

impl State {
    /// Sends one write of this kind. `false`: nothing was left to send after the last check.
    pub(crate) fn send_write(&mut self, lane: Index, verb: Verb, ready: Vec<Ready>) -> bool {
        let mut ready: Vec<Ready> =
            ready.into_iter().filter(|ready| Self::verb_of(ready.change) == verb).collect();
        self.restrict(lane, &mut ready);
        ready.sort_by(|a, b| self.order(a, b));
        let chosen = self.fill(lane, verb, &ready);
        let mut pools: Vec<(Index, Vec<action::Change>)> = Vec::new();
        let mut flown: Vec<(Index, Flight)> = Vec::new();
        for ready in chosen {
            let desire = self.desire(ready.target);
            let weight = desire.want.weight().unwrap_or(Weight::DRAINED);
            let flight = match verb {
                Verb::Weights => Flight::Weight(weight),
                Verb::Register => Flight::Register(weight),
                Verb::Deregister | Verb::Read => Flight::Deregister,
            };
            if !self.may_leave(lane, ready.target, flight) {
                continue;
            }
            let target = &self.targets[ready.target];
            let change =
                action::Change { address: self.address_of(ready.target), weight, cause: self.cause(&desire) };
            match pools.iter_mut().find(|(pool, _)| *pool == target.pool) {
                Some((_, changes)) => changes.push(change),
                None => pools.push((target.pool, Vec::from([change]))),
            }
            flown.push((ready.target, flight));
        }
        if flown.is_empty() {
            return false;
        }
        let named = |state: &Self, pool: Index| -> Pool { state.pools[pool].pool.clone() };
        let batch = match verb {
            Verb::Weights => Batch::Weights(
                pools.into_iter().map(|(pool, changes)| (named(self, pool), changes)).collect(),
            ),
            Verb::Register => Batch::Register(
                pools.into_iter().map(|(pool, changes)| (named(self, pool), changes)).collect(),
            ),
            Verb::Deregister | Verb::Read => Batch::Deregister(
                pools
                    .into_iter()
                    .map(|(pool, changes)| {
                        let removal =
                            |change: action::Change| Removal { address: change.address, cause: change.cause };
                        (named(self, pool), changes.into_iter().map(removal).collect())
                    })
                    .collect(),
            ),
        };
        for (target, flight) in &flown {
            self.targets[*target].set_flying(Some(*flight));
            self.touch(*target);
        }
        self.budget.spend(verb, self.now);
        let deadline = self.now + self.config.write_timeout;
        let attempt = self.lanes[lane as usize].verbs[verb as usize].attempts;
        let command = Command::Write { lane: self.lanes[lane as usize].id.clone(), batch };
        let id = self.emit(lane, command, deadline, attempt);
        self.lanes[lane as usize].open = Some(Open {
            id,
            verb,
            targets: flown,
            pools: Vec::new(),
            health: false,
            sent: self.now,
            deadline,
        });
        true
    }

    /// Sends one read.
    pub(crate) fn send_read(&mut self, lane: Index, pools: Vec<Index>) -> bool {
        self.budget.spend(Verb::Read, self.now);
        for pool in &pools {
            self.pools[*pool].read_at = None;
        }
        self.refresh_next_read(lane);
        let deadline = self.now + self.config.read_timeout;
        let record = &self.lanes[lane as usize];
        let attempt = record.verbs[Verb::Read as usize].attempts;
        let names = pools.iter().map(|pool| self.pools[*pool].pool.clone()).collect();
        let health = pools.iter().any(|pool| self.pools[*pool].health_wanted);
        let command = Command::Read { lane: record.id.clone(), pools: names, health };
        let id = self.emit(lane, command, deadline, attempt);
        self.lanes[lane as usize].open =
            Some(Open { id, verb: Verb::Read, targets: Vec::new(), pools, health, sent: self.now, deadline });
        true
    }

    /// The order of changes comes from their content: kind, kill time, UID, pool, address.
    pub(crate) fn order(&self, a: &Ready, b: &Ready) -> Ordering {
        let key = |ready: &Ready| {
            let target = &self.targets[ready.target];
            (
                ready.change,
                ready.kill,
                ready.pod.map(|(uid, _)| uid),
                target.pool,
                self.address_of(ready.target),
            )
        };
        let (a, b) = (key(a), key(b));
        let pools = || self.pools[a.3].pool.cmp(&self.pools[b.3].pool);
        (a.0, a.1, a.2).cmp(&(b.0, b.1, b.2)).then_with(pools).then_with(|| a.4.cmp(&b.4))
    }

    /// Takes the most urgent that fit together; a Pod goes whole or waits whole, unless it is too large for any call.
    pub(crate) fn fill(&self, lane: Index, verb: Verb, ready: &[Ready]) -> Vec<Ready> {
        let limits = self.lanes[lane as usize].limits;
        let mut load = Load { limits, verb, total: 0, per_pool: BTreeMap::new(), elements: 0 };
        let mut room: BTreeMap<Index, u32> = BTreeMap::new();
        let mut chosen = Vec::new();
        let mut rest = ready;
        while let Some(first) = rest.first() {
            let same = |ready: &&Ready| {
                ready.change == first.change && ready.pod.is_some() && ready.pod == first.pod
            };
            let length = rest.iter().take_while(same).count().max(1);
            let (group, others) = rest.split_at(length);
            rest = others;
            let mut more: BTreeMap<Index, usize> = BTreeMap::new();
            for ready in group {
                *more.entry(self.targets[ready.target].pool).or_default() += 1;
            }
            let whole = load.fits(&more) && verb != Verb::Register;
            if whole {
                load.add(&more);
                chosen.extend_from_slice(group);
                continue;
            }
            if verb != Verb::Register && !chosen.is_empty() {
                continue;
            }
            // A registration is not better for being whole; nor is a Pod that no call can hold.
            for ready in group {
                let pool = self.targets[ready.target].pool;
                if verb == Verb::Register && !self.has_room(lane, pool, &mut room) {
                    continue;
                }
                let one = BTreeMap::from([(pool, 1)]);
                if load.fits(&one) {
                    load.add(&one);
                    chosen.push(*ready);
                }
            }
        }
        chosen
    }

    /// Whether a pool may hold one more, those of this call included.
    fn has_room(&self, lane: Index, pool: Index, room: &mut BTreeMap<Index, u32>) -> bool {
        let Some(limit) = self.lanes[lane as usize].limits.targets_per_pool else { return true };
        let taken = room.entry(pool).or_insert(self.pools[pool].registered);
        let free = *taken < u32::from(limit);
        *taken += u32::from(free);
        free
    }

    /// Those that were refused in company are tried apart: one that is to blame alone, others by group; such calls
    /// alternate with the rest.
    fn restrict(&mut self, lane: Index, ready: &mut Vec<Ready>) {
        let mark = |state: &Self, ready: &Ready| {
            let trouble = state.targets[ready.target].trouble()?;
            if trouble.alone { Some((0, ready.target)) } else { trouble.suspects.map(|group| (1, group)) }
        };
        let unmarked = ready.iter().any(|ready| mark(self, ready).is_none());
        let first = {
            let mut marked: Vec<&Ready> = ready.iter().filter(|ready| mark(self, ready).is_some()).collect();
            marked.sort_by(|a, b| self.order(a, b));
            // Groups before single culprits: most of a group is healthy.
            let group =
                marked.iter().filter_map(|ready| mark(self, ready)).filter(|(kind, _)| *kind == 1).min();
            group.or_else(|| marked.first().and_then(|ready| mark(self, ready)))
        };
        let record = &mut self.lanes[lane as usize];
        match first {
            Some(first) if !unmarked || !record.tried_suspects => {
                record.tried_suspects = true;
                ready.retain(|ready| mark(self, ready) == Some(first));
            }
            _ => {
                record.tried_suspects = false;
                ready.retain(|ready| mark(self, ready).is_none());
            }
        }
    }

    /// Finds the earliest read that is due anew.
    pub(crate) fn refresh_next_read(&mut self, lane: Index) {
        let record = &self.lanes[lane as usize];
        let next = record.pools.values().filter_map(|pool| self.pools[*pool].read_at).min();
        self.lanes[lane as usize].next_read = next;
    }
}
