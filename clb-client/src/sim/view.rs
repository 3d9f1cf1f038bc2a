//! The account as people want to see it.

use std::{collections::BTreeMap, time::Duration};

use serde_json::{Value, json};

use super::account::Account;

impl Account {
    /// The whole account as JSON, for people.
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
            "calls": self.calls.len(),
            "changes": self.changes.len(),
            "faults_outstanding": self.faults.outstanding(),
        })
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
