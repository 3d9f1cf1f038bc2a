//! Asynchronous writes: their effect comes at their end, and their end can be asked for.

use std::{
    collections::{BTreeMap, VecDeque},
    time::Duration,
};

use super::{
    action::Action,
    fault::Applied,
    pool::{PoolId, TargetKey},
    write::Edit,
};

/// A write that has been accepted and has not taken effect yet.
#[derive(Clone, Debug)]
pub(crate) struct Pending {
    /// Whose targets it changes: a load balancer or a target group.
    pub(crate) owner: String,
    pub(crate) edits: Vec<Edit>,
    /// Listeners and rules with the target group that they are to forward to.
    pub(crate) associations: Vec<(PoolId, String)>,
    /// The task fails for this reason, after what fits was done.
    pub(crate) broken: Option<String>,
    /// The task to end; `None` for a batch that was answered without one, and for late effects.
    pub(crate) task: Option<String>,
    /// The task fails; this much is done nevertheless.
    pub(crate) fails: Option<Applied>,
    /// Reads show the state before for so long.
    pub(crate) lag: Duration,
}

/// Everything that `DescribeTaskStatus` and `DescribeAsyncJobs` can be asked about.
#[derive(Clone, Debug)]
pub(crate) struct Tasks {
    by_id: BTreeMap<String, Task>,
    /// Those that have ended, in the order of their ends; the oldest go when there are too many.
    ended: VecDeque<String>,
    /// How many ended ones are kept.
    limit: usize,
}

#[derive(Clone, Debug)]
pub(crate) struct Task {
    /// The write that it carries out.
    pub(crate) action: Action,
    /// The load balancer or target group that it locks.
    pub(crate) owner: String,
    pub(crate) state: State,
    /// Targets whose weight became 0 by this task and whose end nobody has been told yet.
    zeroed: Vec<(PoolId, TargetKey)>,
}

#[derive(Clone, Debug)]
pub(crate) enum State {
    Running,
    Succeeded { at: Duration },
    Failed { at: Duration, message: String },
}

impl Task {
    /// The targets that are acknowledged to be at weight 0 by an answer that tells how the task stands.
    pub(crate) fn told(&mut self) -> Vec<(PoolId, TargetKey)> {
        match self.state {
            State::Succeeded { .. } => std::mem::take(&mut self.zeroed),
            State::Running | State::Failed { .. } => Vec::new(),
        }
    }
}

impl Tasks {
    /// Keeps those that run, and the latest `limit` that have ended.
    pub(crate) const fn new(limit: usize) -> Self {
        Self { by_id: BTreeMap::new(), ended: VecDeque::new(), limit }
    }

    pub(crate) fn start(&mut self, id: &str, action: Action, owner: &str) {
        let task = Task { action, owner: owner.to_owned(), state: State::Running, zeroed: Vec::new() };
        self.by_id.insert(id.to_owned(), task);
    }

    pub(crate) fn end(
        &mut self,
        id: &str,
        at: Duration,
        result: Result<(), String>,
        zeroed: Vec<(PoolId, TargetKey)>,
    ) {
        if let Some(task) = self.by_id.get_mut(id) {
            task.state = match result {
                Ok(()) => State::Succeeded { at },
                Err(message) => State::Failed { at, message },
            };
            task.zeroed = zeroed;
            self.ended.push_back(id.to_owned());
        }
        if self.ended.len() > self.limit
            && let Some(oldest) = self.ended.pop_front()
        {
            self.by_id.remove(&oldest);
        }
    }

    /// The task of this name; none that ended as long ago as `retention`.
    pub(crate) fn find(&mut self, id: &str, now: Duration, retention: Option<Duration>) -> Option<&mut Task> {
        if let (Some(retention), Some(Task { state: State::Succeeded { at } | State::Failed { at, .. }, .. })) =
            (retention, self.by_id.get(id))
            && *at + retention <= now
        {
            self.by_id.remove(id);
        }
        self.by_id.get_mut(id)
    }

    /// Tasks that have not ended, as (id, load balancer or target group).
    pub(crate) fn running(&self) -> impl Iterator<Item = (&str, &str)> {
        self.by_id
            .iter()
            .filter(|(_, task)| matches!(task.state, State::Running))
            .map(|(id, task)| (id.as_str(), task.owner.as_str()))
    }
}
