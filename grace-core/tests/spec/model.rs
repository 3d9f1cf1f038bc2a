//! A small load balancer with its claim store, in virtual time, with every fault that the core must survive.
//!
//! It shares the vocabulary with the core and nothing else.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

use grace_core::{
    Action, ActionId, Address, Batch, Command, Failure, Health, LaneId, Mark, Pool, PoolSeen, Proof,
    Revision, Seen, Success, TargetId, Time, Uid, Weight, Why,
};

use crate::call::{Verb, entries};
use crate::fault::Fault;

/// How long things take.
#[derive(Clone, Debug)]
pub(crate) struct Timing {
    /// A weight call with its task.
    pub(crate) task: Duration,
    /// A batch register or deregister, which answers without a task.
    pub(crate) answer: Duration,
    /// A read.
    pub(crate) read: Duration,
    /// A claim, or loading the claims.
    pub(crate) claim: Duration,
    /// Until a read shows the effect of a write.
    pub(crate) lag: Duration,
}

/// One load balancer.
#[derive(Clone, Debug, Default)]
pub(crate) struct Balancer {
    /// What stands there.
    pub(crate) targets: BTreeMap<(Pool, Address), Weight>,
    /// What a read shows of it.
    shown: BTreeMap<(Pool, Address), Weight>,
    /// Which change of each target a read shows: one that lags never hides a later one.
    shows: BTreeMap<(Pool, Address), usize>,
    /// Targets without an address, per pool.
    pub(crate) strangers: BTreeMap<Pool, u32>,
    /// Until when a running task locks it.
    busy_until: Time,
    /// Listeners that were deleted.
    pub(crate) gone_pools: BTreeSet<Pool>,
    /// The whole of it was deleted.
    pub(crate) gone: bool,
}

/// The claims of one lane.
#[derive(Clone, Debug, Default)]
pub(crate) struct Claims {
    pub(crate) revision: u64,
    pub(crate) all: BTreeSet<(Pool, Address)>,
}

/// One change of a target, as it happened.
#[derive(Clone, Debug)]
pub(crate) struct Happened {
    pub(crate) at: Time,
    pub(crate) target: TargetId,
    pub(crate) before: Option<Weight>,
    pub(crate) after: Option<Weight>,
}

/// The load balancers, the claim store, and what is under way between them and the core.
#[derive(Clone, Debug)]
pub(crate) struct Model {
    pub(crate) timing: Timing,
    pub(crate) balancers: BTreeMap<LaneId, Balancer>,
    pub(crate) claims: BTreeMap<LaneId, Claims>,
    pub(crate) history: Vec<Happened>,
    /// Any write that contains one of these is refused.
    pub(crate) poisoned: BTreeSet<TargetId>,
    /// Whether a refusal names the target that is to blame.
    pub(crate) names_culprit: bool,
    /// How many targets a pool can hold.
    pub(crate) quota: Option<usize>,
    /// How many targets a claims record can hold.
    pub(crate) claims_quota: Option<usize>,
    /// So many reads are answered as if nothing stood there.
    pub(crate) empty_reads: u32,
    /// Health of targets, where it is asked for; healthy where nothing is said.
    pub(crate) health: BTreeMap<TargetId, Health>,
    /// Marks that were written.
    pub(crate) marks: BTreeSet<(Uid, Mark)>,
    /// Calls of each kind that the account gets in any second.
    pub(crate) rate: Option<usize>,
    /// When the last calls of each kind came.
    came: BTreeMap<Verb, VecDeque<Time>>,
    /// Load balancers that cannot be reached at all.
    pub(crate) stuck: BTreeSet<LaneId>,
    /// Faults for the next calls of a verb, in order.
    faults: BTreeMap<Verb, VecDeque<Fault>>,
    /// Faults for the next calls of any kind, in order; `None` lets one pass.
    pub(crate) storm: VecDeque<Option<Fault>>,
    due: BTreeMap<(Time, u64), Due>,
    order: u64,
}

#[derive(Clone, Debug)]
enum Due {
    Effect {
        lane: LaneId,
        batch: Batch,
        except: Vec<Pool>,
    },
    Shown {
        lane: LaneId,
        target: (Pool, Address),
        weight: Option<Weight>,
        change: usize,
    },
    ClaimEffect {
        lane: LaneId,
        add: Vec<(Pool, Address)>,
        drop: Vec<(Pool, Address)>,
    },
    /// Answered with what is there at that time.
    Look {
        id: ActionId,
        command: Command,
    },
    Answer {
        id: ActionId,
        result: Result<Success, Failure>,
    },
}

/// How long an answer takes that says that nothing was done.
const REFUSAL: Duration = Duration::from_millis(20);

impl Model {
    pub(crate) fn new() -> Self {
        Self {
            timing: Timing {
                task: Duration::from_secs(1),
                answer: Duration::from_millis(200),
                read: Duration::from_millis(50),
                claim: Duration::from_millis(20),
                lag: Duration::ZERO,
            },
            balancers: BTreeMap::new(),
            claims: BTreeMap::new(),
            history: Vec::new(),
            poisoned: BTreeSet::new(),
            names_culprit: true,
            quota: None,
            claims_quota: None,
            empty_reads: 0,
            health: BTreeMap::new(),
            marks: BTreeSet::new(),
            rate: None,
            came: BTreeMap::new(),
            stuck: BTreeSet::new(),
            faults: BTreeMap::new(),
            storm: VecDeque::new(),
            due: BTreeMap::new(),
            order: 0,
        }
    }

    /// Lets the next call of that kind fail.
    pub(crate) fn next(&mut self, verb: Verb, fault: Fault) {
        self.faults.entry(verb).or_default().push_back(fault);
    }

    /// Nothing fails any more.
    pub(crate) fn forget_faults(&mut self) {
        self.faults.clear();
        self.storm.clear();
        self.stuck.clear();
        self.poisoned.clear();
    }

    /// Puts a target there without the core, or takes it away.
    pub(crate) fn set_by_hand(&mut self, now: Time, target: &TargetId, weight: Option<Weight>) {
        self.change(now, &target.lane, (target.pool.clone(), target.address), weight, Duration::ZERO);
    }

    /// Another process claims a target.
    pub(crate) fn claim_by_hand(&mut self, target: &TargetId) {
        self.claim(&target.lane.clone(), &[(target.pool.clone(), target.address)], &[]);
    }

    /// Another process gives a claim up.
    pub(crate) fn unclaim_by_hand(&mut self, target: &TargetId) {
        self.claim(&target.lane.clone(), &[], &[(target.pool.clone(), target.address)]);
    }

    /// A load balancer by its id, to be changed.
    pub(crate) fn balancer(&mut self, id: &str) -> &mut Balancer {
        self.balancers.entry(crate::world::lane(id)).or_default()
    }

    /// Claims these targets, and says what the store would answer.
    pub(crate) fn claims_told(&mut self, lane: &LaneId, add: &[TargetId]) -> Success {
        let add: Vec<_> = add.iter().map(|target| (target.pool.clone(), target.address)).collect();
        self.claim(lane, &add, &[]);
        self.claims[lane].told()
    }

    /// The weight of a target, `None` when it is not registered.
    pub(crate) fn weight(&self, target: &TargetId) -> Option<Weight> {
        let balancer = self.balancers.get(&target.lane)?;
        balancer.targets.get(&(target.pool.clone(), target.address)).copied()
    }

    /// Whether the target is claimed in the store.
    pub(crate) fn is_claimed(&self, target: &TargetId) -> bool {
        let claims = self.claims.get(&target.lane);
        claims.is_some_and(|claims| claims.all.contains(&(target.pool.clone(), target.address)))
    }

    /// When something happens next.
    pub(crate) fn next_due(&self) -> Option<Time> {
        self.due.keys().next().map(|(at, _)| *at)
    }

    /// Lets the next thing happen that is due; an answer is returned to be delivered.
    pub(crate) fn happen(&mut self, now: Time) -> Option<(ActionId, Result<Success, Failure>)> {
        while let Some(entry) = self.due.first_entry() {
            if entry.key().0 > now {
                return None;
            }
            match entry.remove() {
                Due::Effect { lane, batch, except } => self.apply(now, &lane, &batch, &except),
                Due::Shown { lane, target, weight, change } => {
                    let balancer = self.balancers.entry(lane).or_default();
                    let shows = balancer.shows.entry(target.clone()).or_default();
                    if *shows > change {
                        continue;
                    }
                    *shows = change;
                    match weight {
                        Some(weight) => _ = balancer.shown.insert(target, weight),
                        None => _ = balancer.shown.remove(&target),
                    }
                }
                Due::ClaimEffect { lane, add, drop } => self.claim(&lane, &add, &drop),
                Due::Look { id, command } => return Some((id, self.look(&command))),
                Due::Answer { id, result } => return Some((id, result)),
            }
        }
        None
    }

    /// Everything under way still happens, but nobody hears of it any more.
    pub(crate) fn forget_answers(&mut self) {
        self.due.retain(|_, due| match due {
            Due::Answer { .. } => false,
            Due::Look { command, .. } => matches!(command, Command::Claim { .. }),
            Due::Effect { .. } | Due::Shown { .. } | Due::ClaimEffect { .. } => true,
        });
    }

    /// Whether anything is under way.
    pub(crate) fn is_quiet(&self) -> bool {
        self.due.is_empty()
    }

    /// Receives a call.
    pub(crate) fn carry_out(&mut self, now: Time, action: &Action) {
        let verb = Verb::of(&action.command);
        let fault = match self.faults.get_mut(&verb).and_then(VecDeque::pop_front) {
            Some(fault) => Some(fault),
            None => self.storm.pop_front().flatten(),
        };
        let claims = matches!(verb, Verb::Claim | Verb::LoadClaims);
        let fault = if !claims && self.is_too_many(now, verb) { Some(Fault::Throttled) } else { fault };
        let stuck = action.command.lane().is_some_and(|lane| self.stuck.contains(lane));
        let fault = if !claims && stuck { Some(Fault::Unreachable) } else { fault };
        match &action.command {
            Command::Write { lane, batch } => self.write(now, action, lane, batch, fault),
            Command::Read { .. } | Command::LoadClaims { .. } => {
                let takes = if verb == Verb::Read { self.timing.read } else { self.timing.claim };
                match fault {
                    None => {
                        self.at(now + takes, Due::Look { id: action.id, command: action.command.clone() })
                    }
                    Some(fault) => {
                        if let Some(failure) = fault.failure(action.attempt) {
                            self.at(now + REFUSAL, Due::Answer { id: action.id, result: Err(failure) });
                        }
                    }
                }
            }
            Command::Mark { pod, mark, .. } => {
                let done = now + self.timing.claim;
                if fault.as_ref().is_none_or(|fault| fault.takes_effect_after(self.timing.claim).is_some()) {
                    self.marks.insert((*pod, *mark));
                }
                match fault {
                    None => self.at(done, Due::Answer { id: action.id, result: Ok(Success::Marked) }),
                    Some(fault) => {
                        if let Some(failure) = fault.failure(action.attempt) {
                            self.at(done, Due::Answer { id: action.id, result: Err(failure) });
                        }
                    }
                }
            }
            Command::Claim { lane, base, add, drop } => {
                let done = now + self.timing.claim;
                let Some(fault) = fault else {
                    return self.at(done, Due::Look { id: action.id, command: action.command.clone() });
                };
                let holds = self.claims.get(lane).is_none_or(|claims| claims.base() == *base)
                    && (base.is_some() || self.claims.get(lane).is_none_or(|claims| claims.revision == 0));
                if holds && let Some(delay) = fault.takes_effect_after(self.timing.claim) {
                    let effect =
                        Due::ClaimEffect { lane: lane.clone(), add: add.clone(), drop: drop.clone() };
                    self.at(now + delay, effect);
                }
                if let Some(failure) = fault.failure(action.attempt) {
                    self.at(done, Due::Answer { id: action.id, result: Err(failure) });
                }
            }
        }
    }

    /// Whether the account has used up its calls of this second.
    fn is_too_many(&mut self, now: Time, verb: Verb) -> bool {
        let Some(rate) = self.rate else { return false };
        let came = self.came.entry(verb).or_default();
        came.retain(|at| now.since(*at) < Duration::from_secs(1));
        let too_many = came.len() >= rate;
        if !too_many {
            came.push_back(now);
        }
        too_many
    }

    fn write(&mut self, now: Time, action: &Action, lane: &LaneId, batch: &Batch, fault: Option<Fault>) {
        let id = action.id;
        let refused = self.refusal(now, lane, batch);
        let fails = fault.as_ref().and_then(|fault| fault.failure(action.attempt));
        let certain = fault.as_ref().is_some_and(Fault::is_certain);
        if let Some(failure) = fails.clone().filter(|_| certain).or(refused) {
            return self.at(now + REFUSAL, Due::Answer { id, result: Err(failure) });
        }
        let (takes, proof) = match batch {
            // Every write of a target group has a task.
            _ if matches!(lane, LaneId::TargetGroup(_)) => (self.timing.task, Proof::Task),
            Batch::Weights(_) => (self.timing.task, Proof::Task),
            Batch::Register(_) | Batch::Deregister(_) => (self.timing.answer, Proof::Answer),
        };
        let done = now + takes;
        let failed = match &fault {
            Some(Fault::Partial(pools)) => pools.clone(),
            Some(_) | None => Vec::new(),
        };
        let effect = match &fault {
            Some(fault) => fault.takes_effect_after(takes),
            None => Some(takes),
        };
        let balancer = self.balancers.entry(lane.clone()).or_default();
        balancer.busy_until = balancer.busy_until.max(done);
        if let Some(after) = effect {
            let effect = Due::Effect { lane: lane.clone(), batch: batch.clone(), except: failed.clone() };
            self.at(now + after, effect);
        }
        match (fails, &fault) {
            (Some(failure), _) => self.at(done, Due::Answer { id, result: Err(failure) }),
            (None, Some(Fault::LostBefore | Fault::LostAfter | Fault::LostThenLate(_))) => {}
            (None, Some(Fault::AnsweredTooLate)) => {
                let late = action.deadline + Duration::from_secs(5);
                self.at(late, Due::Answer { id, result: Ok(Success::Written { proof, failed }) });
            }
            (None, Some(_) | None) => {
                self.at(done, Due::Answer { id, result: Ok(Success::Written { proof, failed }) });
            }
        }
    }

    /// Why the load balancer does not take this batch, if it does not.
    fn refusal(&self, now: Time, lane: &LaneId, batch: &Batch) -> Option<Failure> {
        let Some(balancer) = self.balancers.get(lane) else { return Some(Failure::LaneMissing) };
        if balancer.gone {
            return Some(Failure::LaneMissing);
        }
        if now < balancer.busy_until {
            return Some(Failure::NotExecuted {
                why: Why::Busy,
                retry_in: Duration::from_millis(500),
                detail: "FailedOperation.ResourceInOperating".into(),
            });
        }
        let entries = entries(batch);
        let missing: BTreeSet<Pool> = entries
            .iter()
            .filter(|(pool, _, _)| balancer.gone_pools.contains(pool))
            .map(|(pool, _, _)| pool.clone())
            .collect();
        if !missing.is_empty() {
            return Some(Failure::PoolsMissing(missing.into_iter().collect()));
        }
        for (pool, address, _) in &entries {
            let target = TargetId { lane: lane.clone(), pool: pool.clone(), address: *address };
            let absent = !balancer.targets.contains_key(&(pool.clone(), *address));
            let unwritable = absent && !matches!(batch, Batch::Register(_));
            if self.poisoned.contains(&target) || unwritable {
                return Some(Failure::Refused {
                    why: Why::Invalid,
                    culprit: self.names_culprit.then(|| (pool.clone(), *address)),
                    retry_in: Duration::ZERO,
                    detail: "InvalidParameterValue".into(),
                });
            }
        }
        if let (Some(quota), Batch::Register(pools)) = (self.quota, batch) {
            for (pool, changes) in pools {
                let held = balancer.targets.keys().filter(|(p, _)| p == pool).count();
                if held + changes.len() > quota {
                    return Some(Failure::Refused {
                        why: Why::Quota,
                        culprit: None,
                        retry_in: Duration::ZERO,
                        detail: "LimitExceeded".into(),
                    });
                }
            }
        }
        None
    }

    fn apply(&mut self, now: Time, lane: &LaneId, batch: &Batch, except: &[Pool]) {
        for (pool, address, weight) in entries(batch) {
            let Some(balancer) = self.balancers.get(lane) else { return };
            let stands = balancer.targets.contains_key(&(pool.clone(), address));
            let sets_only = matches!(batch, Batch::Weights(_));
            if balancer.gone
                || balancer.gone_pools.contains(&pool)
                || except.contains(&pool)
                || (sets_only && !stands)
            {
                continue;
            }
            self.change(now, lane, (pool, address), weight, self.timing.lag);
        }
    }

    fn change(
        &mut self,
        now: Time,
        lane: &LaneId,
        target: (Pool, Address),
        weight: Option<Weight>,
        lag: Duration,
    ) {
        let balancer = self.balancers.entry(lane.clone()).or_default();
        let before = match weight {
            Some(weight) => balancer.targets.insert(target.clone(), weight),
            None => balancer.targets.remove(&target),
        };
        let id = TargetId { lane: lane.clone(), pool: target.0.clone(), address: target.1 };
        self.history.push(Happened { at: now, target: id, before, after: weight });
        let change = self.history.len();
        let shown = Due::Shown { lane: lane.clone(), target, weight, change };
        self.at(now + lag, shown);
    }

    /// Answers a read, a load or a claim with what is there now.
    fn look(&mut self, command: &Command) -> Result<Success, Failure> {
        match command {
            Command::Read { lane, pools, health } => {
                let Some(balancer) = self.balancers.get(lane).filter(|balancer| !balancer.gone) else {
                    return Err(Failure::LaneMissing);
                };
                let told = &self.health;
                let health_of = |pool: &Pool, address, asked| {
                    let target = TargetId { lane: lane.clone(), pool: pool.clone(), address };
                    let health = told.get(&target).copied().unwrap_or(Health::Healthy);
                    if asked { health } else { Health::Unknown }
                };
                let empty = self.empty_reads > 0;
                self.empty_reads = self.empty_reads.saturating_sub(1);
                let seen = pools.iter().filter(|pool| !balancer.gone_pools.contains(pool)).map(|pool| {
                    let targets = balancer.shown.iter().filter(|((p, _), _)| p == pool && !empty);
                    PoolSeen {
                        pool: pool.clone(),
                        targets: targets
                            .map(|((_, address), weight)| Seen {
                                address: *address,
                                weight: *weight,
                                health: health_of(pool, *address, *health),
                            })
                            .collect(),
                        strangers: balancer.strangers.get(pool).copied().unwrap_or(0),
                    }
                });
                Ok(Success::Seen(seen.collect()))
            }
            Command::LoadClaims { lane } => Ok(self.claims.entry(lane.clone()).or_default().told()),
            Command::Claim { lane, base, add, drop } => {
                let quota = self.claims_quota;
                let claims = self.claims.entry(lane.clone()).or_default();
                if claims.base() != *base {
                    let all = claims.all.iter().cloned().collect();
                    return Err(Failure::Conflict { revision: claims.base(), all });
                }
                if quota.is_some_and(|quota| claims.all.len() + add.len() > quota + drop.len()) {
                    return Err(Failure::Refused {
                        why: Why::Full,
                        culprit: None,
                        retry_in: Duration::from_secs(5),
                        detail: "the record is full".into(),
                    });
                }
                self.claim(lane, add, drop);
                Ok(self.claims.entry(lane.clone()).or_default().told())
            }
            Command::Write { .. } | Command::Mark { .. } => unreachable!("that is not a look"),
        }
    }

    fn claim(&mut self, lane: &LaneId, add: &[(Pool, Address)], drop: &[(Pool, Address)]) {
        let claims = self.claims.entry(lane.clone()).or_default();
        claims.revision += 1;
        claims.all.extend(add.iter().cloned());
        claims.all.retain(|claim| !drop.contains(claim));
    }

    fn at(&mut self, time: Time, due: Due) {
        self.order += 1;
        self.due.insert((time, self.order), due);
    }
}

impl Claims {
    fn base(&self) -> Option<Revision> {
        (self.revision > 0).then(|| Revision::new(self.revision.to_string()))
    }

    fn told(&self) -> Success {
        Success::Claims { revision: self.base(), all: self.all.iter().cloned().collect() }
    }
}
