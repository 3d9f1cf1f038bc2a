//! The account as people want to see it.

use std::{collections::BTreeMap, time::Duration};

use serde_json::{Value, json};

use super::account::Account;

impl Account {
    /// The whole account as JSON, for people.
    #[must_use]
    pub fn describe(&self) -> Value {
        let balancers: Vec<Value> = self
            .load_balancers
            .values()
            .map(|balancer| {
                let pools: BTreeMap<String, Value> = self
                    .pools()
                    .iter()
                    .filter(|pool| pool.owner() == balancer.id)
                    .map(|pool| {
                        let weights: BTreeMap<String, u8> = self
                            .targets_of(pool)
                            .into_iter()
                            .flatten()
                            .map(|(key, target)| (key.to_string(), target.weight))
                            .collect();
                        (pool.to_string(), json!(weights))
                    })
                    .collect();
                json!({
                    "id": balancer.id,
                    "tags": balancer.tags,
                    "busy_for_ms": millis(balancer.busy_until.saturating_sub(self.now)),
                    "weights": pools,
                })
            })
            .collect();
        let tasks: Vec<Value> =
            self.tasks.running().map(|(id, balancer)| json!({"id": id, "load_balancer": balancer})).collect();
        json!({
            "now_ms": millis(self.now),
            "load_balancers": balancers,
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
