//! The load balancers and the claim store: what they hold, what they refuse, and what goes wrong with a call.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use grace_core::{
    Action, Address, Batch, Command, Failure, Health, Pool, PoolSeen, Proof, Revision, Seen, Success, Time,
    Weight, Why,
};

use crate::call::Verb;
use crate::place::{Key, Places, address};
use crate::sim::{Sim, millis};
use crate::swarm::Kind;
use crate::timeline::{Addressee, Happening};

/// How long calls take in this world.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Timing {
    /// A weight call with its task.
    pub(crate) task: Duration,
    /// A batch register or deregister, which answers without a task.
    pub(crate) answer: Duration,
    pub(crate) read: Duration,
    pub(crate) claim: Duration,
    /// Until a read shows the effect of a write.
    pub(crate) lag: Duration,
}

/// One entry of a claims record, as the core names it.
type Claimed = (Pool, Address);

/// One load balancer and its claims record.
#[derive(Debug, Default)]
pub(crate) struct Balancer {
    /// What stands there.
    pub(crate) targets: BTreeMap<Key, u8>,
    /// What a read shows, and which change of a target that is; empty where reads do not lag.
    shown: BTreeMap<Key, (Option<u8>, u64)>,
    pub(crate) busy_until: Time,
    pub(crate) gone_until: Time,
    pub(crate) stuck_until: Time,
    pub(crate) pool_gone_until: BTreeMap<u8, Time>,
    pub(crate) poisoned: BTreeMap<Key, Time>,
    pub(crate) quota: Option<usize>,
    /// The next read is answered as if nothing stood there, but never two in a row.
    pub(crate) empty_read: bool,
    empty_again_at: Time,
    pub(crate) strangers: u32,
    pub(crate) claims: BTreeSet<Key>,
    pub(crate) revision: u64,
    pub(crate) claims_full_until: Time,
}

impl Balancer {
    fn base(&self) -> Option<Revision> {
        (self.revision > 0).then(|| Revision::new(self.revision.to_string()))
    }

    fn claims_told(&self, places: &Places) -> Vec<(Pool, Address)> {
        self.claims.iter().map(|key| (places.pool(key.lane, key.pool).clone(), address(*key))).collect()
    }

    pub(crate) fn claim(&mut self, add: &[Key], drop: &[Key]) {
        self.revision += 1;
        self.claims.extend(add);
        for key in drop {
            self.claims.remove(key);
        }
    }
}

/// An answer that says that nothing was done comes after this time.
const REFUSAL: Duration = Duration::from_millis(20);

/// What strikes a write, and a read, and a claim.
const OF_WRITES: &[Kind] = &[
    Kind::Busy,
    Kind::Throttled,
    Kind::TaskFailed,
    Kind::TaskHangs,
    Kind::TaskUnknown,
    Kind::Partial,
    Kind::Refused,
    Kind::LostBefore,
    Kind::LostAfter,
    Kind::LandsLate,
    Kind::Forbidden,
    Kind::Unreachable,
    Kind::Reset,
    Kind::TooLate,
];
const OF_READS: &[Kind] =
    &[Kind::Throttled, Kind::Forbidden, Kind::Unreachable, Kind::TooLate, Kind::ReadFails];
const OF_CLAIMS: &[Kind] = &[
    Kind::ClaimUnreachable,
    Kind::ClaimForbidden,
    Kind::ClaimLostBefore,
    Kind::ClaimLostAfter,
    Kind::ClaimConflict,
    Kind::ClaimSlow,
];

fn not_executed(why: Why, retry_in: Duration) -> Failure {
    Failure::NotExecuted { why, retry_in, detail: "".into() }
}

fn unknown() -> Failure {
    Failure::Unknown { retry_in: millis(500), detail: "".into() }
}

/// As an executor waits for what a person has to mend: longer with each try, at most five minutes.
fn forbidden(attempt: u32) -> Failure {
    not_executed(Why::Permission, millis((5_000_u64 << attempt.min(10)).min(300_000)))
}

impl Sim {
    /// Receives a call.
    pub(crate) fn carry_out(&mut self, from: Addressee, action: &Action) {
        let Some(lane) = action.command.lane() else { return self.mark(from, action) };
        let lane = self.places.lane_of(lane);
        if !self.processes[from.process].leads {
            // The fence around the transport.
            self.count(Kind::Fenced);
            return self.refuse(from, action, not_executed(Why::NotLeader, millis(2_000)));
        }
        match &action.command {
            Command::Write { batch, .. } => self.write(from, action, lane, batch),
            Command::Read { .. } => self.read(from, action, lane),
            Command::Claim { add, drop, .. } => self.claim(from, action, lane, (add, drop)),
            Command::LoadClaims { .. } => self.claim(from, action, lane, (&[], &[])),
            Command::Mark { .. } => self.mark(from, action),
        }
    }

    /// Pods take every mark.
    fn mark(&mut self, from: Addressee, action: &Action) {
        self.answer_at(self.now + REFUSAL, from, action, Ok(Success::Marked));
    }

    fn refuse(&mut self, to: Addressee, action: &Action, failure: Failure) {
        self.answer_at(self.now + REFUSAL, to, action, Err(failure));
    }

    fn answer_at(&mut self, at: Time, to: Addressee, action: &Action, result: Result<Success, Failure>) {
        self.timeline.at(at, Happening::Answer { to, id: action.id, result });
    }

    fn write(&mut self, from: Addressee, action: &Action, lane: u8, batch: &Batch) {
        let verb = Verb::of(&action.command);
        if self.balancers[usize::from(lane)].stuck_until > self.now {
            self.count(Kind::LaneStuck);
            return self.refuse(from, action, not_executed(Why::Unreachable, millis(2_000)));
        }
        let strike = self.strike(OF_WRITES);
        let certain = match strike {
            Some(Kind::Busy) => Some(not_executed(Why::Busy, millis(500))),
            Some(Kind::Throttled) => Some(not_executed(Why::Throttled, millis(1_000))),
            Some(Kind::Unreachable) => Some(not_executed(Why::Unreachable, millis(2_000))),
            Some(Kind::Forbidden) => Some(forbidden(action.attempt)),
            Some(Kind::Refused) => Some(Failure::Refused {
                why: Why::Invalid,
                culprit: None,
                retry_in: Duration::ZERO,
                detail: "InvalidParameterValue.Duplicate".into(),
            }),
            _ => None,
        };
        if let Some(failure) = certain {
            return self.refuse(from, action, failure);
        }
        let entries = self.entries(lane, batch);
        if let Some(failure) = self.refusal(lane, verb, &entries) {
            return self.refuse(from, action, failure);
        }
        let (takes, proof) = match verb {
            Verb::Weights => (self.timing.task, Proof::Task),
            Verb::Register | Verb::Deregister | Verb::Read | Verb::Claim | Verb::LoadClaims | Verb::Mark => {
                (self.timing.answer, Proof::Answer)
            }
        };
        let done = self.now + takes;
        if self.is_calm && verb != Verb::Weights {
            self.others.push((lane, self.now, takes));
        }
        let mut failed = Vec::new();
        let mut effective = entries;
        if strike == Some(Kind::Partial) {
            let left_out = effective[0].0.pool;
            effective.retain(|(key, _)| key.pool != left_out);
            failed.push(self.places.pool(lane, left_out).clone());
        }
        let effect = match strike {
            Some(Kind::TaskFailed | Kind::LostBefore) => None,
            Some(Kind::TaskUnknown | Kind::Reset) => self.dice.bool().then_some(done),
            Some(Kind::LandsLate) => Some(self.now + millis(self.dice.u64(1_000..240_000))),
            Some(Kind::TaskHangs) => Some(self.now + millis(self.dice.u64(1_000..70_000))),
            _ => Some(done),
        };
        let balancer = &mut self.balancers[usize::from(lane)];
        balancer.busy_until = balancer.busy_until.max(done);
        if let Some(at) = effect {
            self.timeline.at(at, Happening::Effect { from, verb, entries: effective, sent: self.now });
        }
        match strike {
            Some(Kind::LostBefore | Kind::LostAfter | Kind::LandsLate | Kind::TaskHangs) => {}
            Some(Kind::TaskFailed | Kind::TaskUnknown | Kind::Reset) => {
                self.answer_at(done, from, action, Err(unknown()));
            }
            Some(Kind::TooLate) => {
                let late = action.deadline + millis(5_000);
                self.answer_at(late, from, action, Ok(Success::Written { proof, failed }));
            }
            _ => self.answer_at(done, from, action, Ok(Success::Written { proof, failed })),
        }
    }

    /// What a batch asks for, target by target; `None` removes.
    fn entries(&self, lane: u8, batch: &Batch) -> Vec<(Key, Option<u8>)> {
        let mut entries = Vec::new();
        match batch {
            Batch::Weights(pools) | Batch::Register(pools) => {
                for (pool, changes) in pools {
                    entries.extend(
                        changes
                            .iter()
                            .map(|c| (self.places.key(lane, pool, c.address), Some(c.weight.get()))),
                    );
                }
            }
            Batch::Deregister(pools) => {
                for (pool, removals) in pools {
                    entries.extend(removals.iter().map(|r| (self.places.key(lane, pool, r.address), None)));
                }
            }
        }
        entries
    }

    /// Why the load balancer does not take these changes, if it does not.
    fn refusal(&mut self, lane: u8, verb: Verb, entries: &[(Key, Option<u8>)]) -> Option<Failure> {
        let now = self.now;
        let balancer = &self.balancers[usize::from(lane)];
        if balancer.gone_until > now {
            self.count(Kind::LaneGone);
            return Some(Failure::LaneMissing);
        }
        if balancer.busy_until > now {
            return Some(not_executed(Why::Busy, millis(500)));
        }
        let gone = |pool: u8| balancer.pool_gone_until.get(&pool).is_some_and(|until| *until > now);
        let missing: BTreeSet<u8> =
            entries.iter().map(|(key, _)| key.pool).filter(|pool| gone(*pool)).collect();
        if !missing.is_empty() {
            let pools = missing.into_iter().map(|pool| self.places.pool(lane, pool).clone()).collect();
            self.count(Kind::PoolGone);
            return Some(Failure::PoolsMissing(pools));
        }
        for (key, _) in entries {
            let poisoned = balancer.poisoned.get(key).is_some_and(|until| *until > now);
            let unwritable = verb != Verb::Register && !balancer.targets.contains_key(key);
            if poisoned || unwritable {
                let culprit =
                    self.names_culprit.then(|| (self.places.pool(lane, key.pool).clone(), address(*key)));
                self.count(if poisoned { Kind::Poisoned } else { Kind::Unwritable });
                let (why, retry_in) = (Why::Invalid, Duration::ZERO);
                return Some(Failure::Refused { why, culprit, retry_in, detail: "".into() });
            }
        }
        if let Some(quota) = balancer.quota.filter(|_| verb == Verb::Register) {
            let full = entries.iter().any(|(key, _)| {
                let held = balancer.targets.keys().filter(|held| held.pool == key.pool).count();
                held + entries.iter().filter(|(other, _)| other.pool == key.pool).count() > quota
            });
            if full {
                self.count(Kind::Quota);
                let (why, retry_in) = (Why::Quota, Duration::ZERO);
                return Some(Failure::Refused { why, culprit: None, retry_in, detail: "".into() });
            }
        }
        None
    }

    fn read(&mut self, from: Addressee, action: &Action, lane: u8) {
        if self.balancers[usize::from(lane)].stuck_until > self.now {
            return self.refuse(from, action, not_executed(Why::Unreachable, millis(2_000)));
        }
        let done = self.now + self.timing.read;
        if self.is_calm {
            self.others.push((lane, self.now, self.timing.read));
        }
        match self.strike(OF_READS) {
            Some(Kind::Throttled) => self.refuse(from, action, not_executed(Why::Throttled, millis(1_000))),
            Some(Kind::Unreachable) => {
                self.refuse(from, action, not_executed(Why::Unreachable, millis(2_000)))
            }
            Some(Kind::Forbidden) => self.refuse(from, action, forbidden(action.attempt)),
            Some(Kind::ReadFails) if self.dice.bool() => {}
            Some(Kind::ReadFails) => self.answer_at(done, from, action, Err(unknown())),
            Some(Kind::TooLate) => {
                let late = action.deadline + millis(5_000);
                self.timeline.at(late, Happening::Look { to: from, id: action.id });
            }
            _ => self.timeline.at(done, Happening::Look { to: from, id: action.id }),
        }
    }

    fn claim(&mut self, from: Addressee, action: &Action, lane: u8, (add, drop): (&[Claimed], &[Claimed])) {
        let done = self.now + self.timing.claim;
        let strike = self.strike(OF_CLAIMS);
        let keys = |sim: &Self, list: &[(Pool, Address)]| {
            list.iter().map(|(pool, address)| sim.places.key(lane, pool, *address)).collect::<Vec<_>>()
        };
        match strike {
            Some(Kind::ClaimUnreachable) => {
                self.refuse(from, action, not_executed(Why::Unreachable, millis(1_000)));
            }
            Some(Kind::ClaimForbidden) => self.refuse(from, action, forbidden(action.attempt)),
            Some(Kind::ClaimLostBefore) => {}
            Some(Kind::ClaimLostAfter) => {
                let holds = match &action.command {
                    Command::Claim { base, .. } => self.balancers[usize::from(lane)].base() == *base,
                    Command::LoadClaims { .. }
                    | Command::Read { .. }
                    | Command::Write { .. }
                    | Command::Mark { .. } => false,
                };
                if holds {
                    let (add, drop) = (keys(self, add), keys(self, drop));
                    self.balancers[usize::from(lane)].claim(&add, &drop);
                    self.timeline
                        .at(done, Happening::ClaimEffect { lane, add: Vec::new(), drop: Vec::new() });
                }
            }
            Some(Kind::ClaimConflict) => {
                // Somebody else writes the record a moment before.
                self.balancers[usize::from(lane)].claim(&[], &[]);
                self.timeline.at(done, Happening::Look { to: from, id: action.id });
            }
            Some(Kind::ClaimSlow) => {
                let slow = self.now + millis(self.dice.u64(1_000..14_000));
                self.timeline.at(slow, Happening::Look { to: from, id: action.id });
            }
            _ => self.timeline.at(done, Happening::Look { to: from, id: action.id }),
        }
    }

    /// A call takes effect.
    pub(crate) fn effect(
        &mut self,
        from: Addressee,
        verb: Verb,
        entries: Vec<(Key, Option<u8>)>,
        sent: Time,
    ) {
        let process = &self.processes[from.process];
        let orphaned = !process.alive || process.life != from.life || !process.leads;
        if orphaned && !self.resting && self.swarm.has(Kind::Zombie) && self.dice.bool() {
            // Nobody waits for it any more, and it takes its time.
            self.count(Kind::Zombie);
            let at = self.now + millis(self.dice.u64(1..60_000));
            return self.timeline.at(at, Happening::Effect { from, verb, entries, sent });
        }
        for (key, weight) in entries {
            let balancer = &self.balancers[usize::from(key.lane)];
            let now = self.now;
            let gone = balancer.gone_until > now
                || balancer.pool_gone_until.get(&key.pool).is_some_and(|until| *until > now);
            let stands = balancer.targets.contains_key(&key);
            if gone || (verb == Verb::Weights && !stands) {
                continue;
            }
            assert!(
                !self.foreign.contains_key(&key),
                "F3: {key:?} is somebody else's and was set to {weight:?}"
            );
            let late = now.since(sent) >= self.config.resync;
            if verb == Verb::Register && (late || !balancer.claims.contains(&key)) {
                // It lands after its claim was given up, or so late that a read has shown it absent and the claim is being
                // given up: nobody's from then on (failure-model.md 3.3-i).
                self.landed_unclaimed.insert(key);
            }
            self.change(key, weight);
        }
    }

    /// A target changes, by our hand or by another.
    pub(crate) fn change(&mut self, key: Key, weight: Option<u8>) {
        self.changes += 1;
        if self.aloud {
            println!("{} {key:?} becomes {weight:?}", self.now);
        }
        self.trace.at(self.now, (u64::from(key.ip) << 16) | u64::from(weight.map_or(999, u16::from)));
        let balancer = &mut self.balancers[usize::from(key.lane)];
        let before = match weight {
            Some(weight) => balancer.targets.insert(key, weight),
            None => balancer.targets.remove(&key),
        };
        if !self.timing.lag.is_zero() {
            balancer.shown.entry(key).or_insert((before, 0));
            let change = self.changes;
            self.timeline.at(self.now + self.timing.lag, Happening::Shown { key, weight, change });
        }
        if before != weight {
            self.last_change = self.now;
        }
        self.judge_drains(key, weight);
        self.judge(key.ip);
    }

    /// A read shows a change from now on; one that lags never hides a later one.
    pub(crate) fn show(&mut self, key: Key, weight: Option<u8>, change: u64) {
        let shown = self.balancers[usize::from(key.lane)].shown.entry(key).or_insert((weight, change));
        if shown.1 <= change {
            *shown = (weight, change);
        }
    }

    /// Answers a read, a load or a claim with what is there now.
    pub(crate) fn look(&mut self, command: &Command) -> Result<Success, Failure> {
        let now = self.now;
        let lane = self.places.lane_of(command.lane().expect("marks are not looked up"));
        let balancer = &mut self.balancers[usize::from(lane)];
        match command {
            Command::Read { pools, .. } => {
                if balancer.gone_until > now {
                    return Err(Failure::LaneMissing);
                }
                let empty = balancer.empty_read && balancer.empty_again_at <= now;
                if empty {
                    balancer.empty_read = false;
                    balancer.empty_again_at = now + millis(30_000);
                }
                let mut seen = Vec::with_capacity(pools.len());
                for pool in pools {
                    let position = self.places.pool_of(lane, pool);
                    if balancer.pool_gone_until.get(&position).is_some_and(|until| *until > now) {
                        continue;
                    }
                    let mut targets = Vec::new();
                    let mut push = |key: Key, weight: u8| {
                        let weight = Weight::new(weight).expect("0 to 100");
                        targets.push(Seen { address: address(key), weight, health: Health::Healthy });
                    };
                    for (key, weight) in &balancer.targets {
                        if key.pool == position && !empty && !balancer.shown.contains_key(key) {
                            push(*key, *weight);
                        }
                    }
                    for (key, (weight, _)) in &balancer.shown {
                        if let Some(weight) = weight.filter(|_| key.pool == position && !empty) {
                            push(*key, weight);
                        }
                    }
                    let strangers = if empty { 0 } else { balancer.strangers };
                    seen.push(PoolSeen { pool: pool.clone(), targets, strangers });
                }
                if empty {
                    self.count(Kind::EmptyRead);
                }
                Ok(Success::Seen(seen))
            }
            Command::LoadClaims { .. } => {
                Ok(Success::Claims { revision: balancer.base(), all: balancer.claims_told(&self.places) })
            }
            Command::Claim { base, add, drop, .. } => {
                if balancer.base() != *base {
                    let all = balancer.claims_told(&self.places);
                    return Err(Failure::Conflict { revision: balancer.base(), all });
                }
                if balancer.claims_full_until > now && add.len() > drop.len() {
                    self.count(Kind::ClaimFull);
                    return Err(Failure::Refused {
                        why: Why::Full,
                        culprit: None,
                        retry_in: millis(5_000),
                        detail: "".into(),
                    });
                }
                let keys = |list: &[(Pool, Address)]| {
                    list.iter()
                        .map(|(pool, address)| self.places.key(lane, pool, *address))
                        .collect::<Vec<_>>()
                };
                balancer.claim(&keys(add), &keys(drop));
                Ok(Success::Claims { revision: balancer.base(), all: balancer.claims_told(&self.places) })
            }
            Command::Write { .. } | Command::Mark { .. } => unreachable!("neither is a look"),
        }
    }
}
