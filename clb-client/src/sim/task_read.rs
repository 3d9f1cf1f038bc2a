//! The reads that say how writes ended: one by one, and several of them in pages.

use serde_json::{Value, json};

use super::{
    account::Account,
    limit::LARGEST_PAGE,
    parameter::Parameters,
    refusal::Refusal,
    task::{State, Task},
};

impl Account {
    pub(crate) fn describe_task_status(&mut self, body: &Value) -> Result<Value, Refusal> {
        let call = Parameters::of_body(body, &["TaskId", "DealName"])?;
        let Some(id) = call.text("TaskId")?.or(call.text("DealName")?) else {
            return Err(Refusal::new("InvalidParameter", "one of `TaskId` and `DealName` must be passed"));
        };
        let task = self
            .tell(id)
            .ok_or_else(|| Refusal::new("InvalidParameter", format!("TaskId {id} not found")))?;
        Ok(match task.state {
            State::Running => json!({"Status": 2, "LoadBalancerIds": null, "Message": null}),
            State::Failed { message, .. } => {
                json!({"Status": 1, "LoadBalancerIds": null, "Message": message})
            }
            State::Succeeded { .. } => json!({"Status": 0, "LoadBalancerIds": [task.owner], "Message": null}),
        })
    }

    /// Ids that name no task are left out.
    pub(crate) fn describe_async_jobs(&mut self, body: &Value) -> Result<Value, Refusal> {
        let call = Parameters::of_body(body, &["RequestIds", "NextToken", "MaxResults"])?;
        let ids = call.texts("RequestIds")?;
        let size = call.integer("MaxResults")?.unwrap_or(20);
        let Some(size) = usize::try_from(size).ok().filter(|_| (1..=LARGEST_PAGE).contains(&size)) else {
            let message = format!("`MaxResults` {size} is out of range");
            return Err(Refusal::new("InvalidParameterValue.Range", message));
        };
        let from = match call.text("NextToken")?.filter(|token| !token.is_empty()) {
            None => 0,
            Some(token) => {
                token.strip_prefix(TOKEN).and_then(|place| place.parse().ok()).ok_or_else(|| {
                    Refusal::new(
                        "InvalidParameterValue",
                        format!("`NextToken` {token:?} comes from no answer"),
                    )
                })?
            }
        };
        let (now, retention) = (self.now, self.config.task_retention);
        let known: Vec<&str> =
            ids.into_iter().filter(|id| self.tasks.find(id, now, retention).is_some()).collect();
        let page: Vec<&str> = known.iter().copied().skip(from).take(size).collect();
        let jobs: Vec<Value> = page.iter().filter_map(|id| self.job(id)).collect();
        let next = from.saturating_add(size);
        let token = if next < known.len() { format!("{TOKEN}{next}") } else { String::new() };
        Ok(json!({"Jobs": jobs, "NextToken": token, "TotalCount": known.len()}))
    }

    /// As an answer shows it.
    fn job(&mut self, id: &str) -> Option<Value> {
        let task = self.tell(id)?;
        let status = match task.state {
            State::Running => "Processing",
            State::Succeeded { .. } => "Succeeded",
            State::Failed { .. } => "Failed",
        };
        Some(json!({
            "ApiName": task.action.as_str(),
            "RequestId": id,
            "Status": status,
            "ResourceIds": [task.owner],
        }))
    }

    /// How a task stands. Whoever is told that it succeeded knows the targets that it left at weight 0.
    fn tell(&mut self, id: &str) -> Option<Task> {
        let task = self.tasks.find(id, self.now, self.config.task_retention)?;
        let zeroed = task.told();
        let task = task.clone();
        for (pool, key) in zeroed {
            if let Some(target) = self.targets_mut(&pool).and_then(|targets| targets.get_mut(&key)) {
                target.zero_acknowledged = target.weight == 0;
            }
        }
        Some(task)
    }
}

/// What a token begins with; the place in the list follows.
const TOKEN: &str = "page-from-";
