//! The account as people want to see it.

use std::{collections::BTreeMap, time::Duration};

use serde_json::{Value, json};

use super::{
    account::Account,
    log::{Call, Change, Outcome},
};

impl Account {
    /// The whole account as JSON, for people: targets, locks and tasks as they are now, every call so far in `call_log`,
    /// and every change of a target in `change_log`. Times (`at_ms`, `now_ms`) are milliseconds since the start; a weight
    /// of `null` stands for a target that is not bound.
    #[must_use]
    pub fn describe(&self) -> Value {
        let weights = |owner: &str| -> BTreeMap<String, BTreeMap<String, u8>> {
            let pools = self.pools().into_iter().filter(|pool| pool.owner() == owner);
            pools
                .map(|pool| {
                    let targets = self.targets_of(&pool).into_iter().flatten();
                    let weights = targets.map(|(key, target)| (key.to_string(), target.weight)).collect();
                    (pool.to_string(), weights)
                })
                .collect()
        };
        let busy_for = |until: Duration| millis(until.saturating_sub(self.now));
        let balancers: Vec<Value> = self
            .load_balancers
            .values()
            .map(|balancer| {
                json!({
                    "id": balancer.id,
                    "tags": balancer.tags,
                    "busy_for_ms": busy_for(balancer.busy_until),
                    "weights": weights(&balancer.id),
                })
            })
            .collect();
        let groups: Vec<Value> = self
            .groups
            .values()
            .map(|group| {
                let busy_for = busy_for(group.busy_until);
                json!({"id": group.id, "busy_for_ms": busy_for, "weights": weights(&group.id)})
            })
            .collect();
        let tasks: Vec<Value> =
            self.tasks.running().map(|(id, owner)| json!({"id": id, "locks": owner})).collect();
        json!({
            "now_ms": millis(self.now),
            "load_balancers": balancers,
            "target_groups": groups,
            "running_tasks": tasks,
            "calls": self.calls.total(),
            "calls_dropped": self.calls.dropped(),
            "changes": self.changes.total(),
            "changes_dropped": self.changes.dropped(),
            "faults_outstanding": self.faults.outstanding(),
            "call_log": self.calls.latest().iter().map(called).collect::<Vec<_>>(),
            "change_log": self.changes.latest().iter().map(changed).collect::<Vec<_>>(),
        })
    }
}

fn called(call: &Call) -> Value {
    let outcome = match &call.outcome {
        Outcome::Accepted => "accepted",
        Outcome::Partial => "partial",
        Outcome::Refused(code) => code,
        Outcome::Unanswered => "unanswered",
    };
    json!({
        "at_ms": millis(call.at),
        "action": call.action.as_str(),
        "on": call.load_balancer,
        "targets": call.targets,
        "outcome": outcome,
        "request_id": call.request_id,
    })
}

fn changed(change: &Change) -> Value {
    json!({
        "at_ms": millis(change.at),
        "pool": change.pool.to_string(),
        "target": change.address.to_string(),
        "before": change.before,
        "after": change.after,
    })
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
