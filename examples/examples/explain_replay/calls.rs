//! Calls that touched targets of a Pod: why they left, and how they ended.

use std::collections::{BTreeMap, BTreeSet};

use grace_core::{
    Action, ActionId, Address, Batch, Command, Failure, LaneId, Machine, ObjectName, Pool, PoolSeen, Reason,
    Success, TargetId, Time, Uid, Weight,
};

use crate::moment::seconds;
use crate::words;

/// Targets of the Pods that bear one name, and the calls about them that are open.
pub(crate) struct Calls {
    uids: Vec<Uid>,
    targets: BTreeSet<TargetId>,
    open: BTreeMap<ActionId, Open>,
    shown: BTreeMap<TargetId, Option<Weight>>,
}

/// A call without an answer so far.
struct Open {
    left: Time,
    deadline: Time,
    kind: Kind,
}

/// What is said of its end.
enum Kind {
    /// How it ended.
    Change,
    /// What it showed of our targets.
    Read { lane: LaneId, pools: Vec<Pool> },
}

impl Calls {
    /// Nothing was called yet.
    pub(crate) const fn new(uids: Vec<Uid>) -> Self {
        Self { uids, targets: BTreeSet::new(), open: BTreeMap::new(), shown: BTreeMap::new() }
    }

    /// Every target that the Pods have, or had until somebody else lived there.
    pub(crate) const fn targets(&self) -> &BTreeSet<TargetId> {
        &self.targets
    }

    /// Learns which targets the Pods have by now.
    pub(crate) fn look(&mut self, machine: &Machine, name: &ObjectName) {
        let found = machine.find(name);
        self.targets.extend(
            found
                .into_iter()
                .filter(|target| owner(machine, target).is_none_or(|uid| self.uids.contains(&uid))),
        );
    }

    /// Whether a target is the Pods' at this moment.
    pub(crate) fn is_ours(&mut self, target: &TargetId, machine: &Machine) -> bool {
        match owner(machine, target) {
            Some(uid) if self.uids.contains(&uid) => {
                self.targets.insert(target.clone());
                true
            }
            Some(_) => {
                self.targets.remove(target);
                false
            }
            None => self.targets.contains(target),
        }
    }

    /// A call leaves. What is said of it, where it is about the Pods.
    pub(crate) fn left(&mut self, action: &Action, now: Time, machine: &Machine) -> Option<String> {
        let (kind, text) = match &action.command {
            Command::Write { lane, batch } => (Kind::Change, self.write(lane, batch, machine)?),
            Command::Claim { lane, add, drop, .. } => (Kind::Change, self.claim(lane, add, drop, machine)?),
            Command::Mark { pod, mark, .. } => {
                let ours = self.uids.contains(pod);
                (Kind::Change, ours.then(|| format!("shows on the Pod {}", words::mark(*mark)))?)
            }
            Command::Read { lane, pools, .. } => {
                let kind = Kind::Read { lane: lane.clone(), pools: pools.clone() };
                self.open.insert(action.id, Open { left: now, deadline: action.deadline, kind });
                return None;
            }
            Command::LoadClaims { .. } => return None,
        };
        self.open.insert(action.id, Open { left: now, deadline: action.deadline, kind });
        let again = if action.attempt > 0 { format!(" (try {})", action.attempt + 1) } else { String::new() };
        Some(format!("{} {text}{again}", action.id))
    }

    fn write(&mut self, lane: &LaneId, batch: &Batch, machine: &Machine) -> Option<String> {
        let all: Vec<(&Pool, Address, Option<Uid>, Reason, String)> = match batch {
            Batch::Weights(pools) | Batch::Register(pools) => {
                let of = if matches!(batch, Batch::Weights(_)) { "weight" } else { "register with weight" };
                let each =
                    pools.iter().flat_map(|(pool, changes)| changes.iter().map(move |change| (pool, change)));
                each.map(|(pool, change)| {
                    let cause = change.cause;
                    (pool, change.address, cause.pod, cause.reason, format!("{of} {}", change.weight))
                })
                .collect()
            }
            Batch::Deregister(pools) => {
                let each =
                    pools.iter().flat_map(|(pool, gone)| gone.iter().map(move |removal| (pool, removal)));
                each.map(|(pool, removal)| {
                    (pool, removal.address, removal.cause.pod, removal.cause.reason, "deregister".to_owned())
                })
                .collect()
            }
        };
        let total = all.len();
        let mut ours = Vec::new();
        for (pool, address, pod, reason, what) in all {
            let target = TargetId { lane: lane.clone(), pool: pool.clone(), address };
            let for_us = pod.is_some_and(|uid| self.uids.contains(&uid));
            if for_us {
                self.targets.insert(target.clone());
            }
            if for_us || self.is_ours(&target, machine) {
                ours.push(format!("{address} in {pool}: {what}, because {}", words::reason(reason)));
            }
        }
        let others = total - ours.len();
        (!ours.is_empty()).then(|| format!("writes to {lane}: {}{}", ours.join("; "), with_others(others)))
    }

    fn claim(
        &mut self,
        lane: &LaneId,
        add: &[(Pool, Address)],
        drop: &[(Pool, Address)],
        machine: &Machine,
    ) -> Option<String> {
        let mut ours = Vec::new();
        let all = add.iter().map(|one| ("add", one)).chain(drop.iter().map(|one| ("drop", one)));
        for (what, (pool, address)) in all {
            let target = TargetId { lane: lane.clone(), pool: pool.clone(), address: *address };
            if self.is_ours(&target, machine) {
                ours.push(format!("{what} {address} in {pool}"));
            }
        }
        let others = add.len() + drop.len() - ours.len();
        (!ours.is_empty())
            .then(|| format!("records claims on {lane}: {}{}", ours.join(", "), with_others(others)))
    }

    /// An answer comes in; the machine has not learned it yet. What is said of it, where it is about the Pods.
    pub(crate) fn answered(
        &mut self,
        id: ActionId,
        result: &Result<Success, Failure>,
        now: Time,
        machine: &Machine,
        name: &ObjectName,
    ) -> Vec<String> {
        let Some(open) = self.open.remove(&id) else { return Vec::new() };
        let after = seconds(now.since(open.left));
        match (open.kind, result) {
            (Kind::Change, result) => vec![format!("{id} after {after}: {}", words::ended(result))],
            (Kind::Read { lane, pools }, result) => {
                self.look(machine, name);
                let asked = |target: &&TargetId| target.lane == lane && pools.contains(&target.pool);
                let asked: Vec<TargetId> = self.targets.iter().filter(asked).cloned().collect();
                let ours: Vec<TargetId> =
                    asked.into_iter().filter(|target| self.is_ours(target, machine)).collect();
                match result {
                    Ok(Success::Seen(seen)) => {
                        ours.iter().filter_map(|target| self.read(id, target, seen)).collect()
                    }
                    result if !ours.is_empty() => {
                        vec![format!("{id} after {after}, a read of {lane}: {}", words::ended(result))]
                    }
                    _ => Vec::new(),
                }
            }
        }
    }

    /// What a read shows of a target, where the last one did not show the same.
    fn read(&mut self, id: ActionId, target: &TargetId, seen: &[PoolSeen]) -> Option<String> {
        let pool = seen.iter().find(|pool| pool.pool == target.pool);
        let found = pool.and_then(|pool| pool.targets.iter().find(|found| found.address == target.address));
        let weight = found.map(|found| found.weight);
        if self.shown.insert(target.clone(), weight) == Some(weight) {
            return None;
        }
        let what = match (pool, weight) {
            (None, _) => "its pool was not found".to_owned(),
            (Some(_), None) => "not registered".to_owned(),
            (Some(_), Some(weight)) => format!("weight {weight}"),
        };
        Some(format!("{id} reads {target}: {what}"))
    }

    /// Calls that passed their deadline before `now` without an answer.
    pub(crate) fn overdue(&mut self, now: Time) -> Vec<(Time, String)> {
        let late = |open: &Open| open.deadline + AFTER_DEADLINE < now;
        let ids: Vec<ActionId> = self.open.iter().filter(|(_, open)| late(open)).map(|(id, _)| *id).collect();
        let calls = ids.into_iter().filter_map(|id| Some((id, self.open.remove(&id)?)));
        let changes = calls.filter(|(_, open)| matches!(open.kind, Kind::Change));
        changes
            .map(|(id, open)| {
                let at = open.deadline + AFTER_DEADLINE;
                (at, format!("{id}: no answer within its deadline, counts as perhaps executed"))
            })
            .collect()
    }

    /// Calls about the Pods that have no answer so far.
    pub(crate) fn open(&self) -> impl Iterator<Item = ActionId> {
        self.open.iter().filter(|(_, open)| matches!(open.kind, Kind::Change)).map(|(id, _)| *id)
    }
}

fn owner(machine: &Machine, target: &TargetId) -> Option<Uid> {
    machine.explain(target)?.occupant.map(|(uid, _)| uid)
}

fn with_others(others: usize) -> String {
    match others {
        0 => String::new(),
        1 => "; with another target".to_owned(),
        others => format!("; with {others} other targets"),
    }
}

/// So long after its deadline the core gives a call up.
const AFTER_DEADLINE: std::time::Duration = std::time::Duration::from_secs(1);
