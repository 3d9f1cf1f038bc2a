//! `DescribeTaskStatus`: how far an asynchronous write is. Documentation: product/214/30683.

use serde::{Deserialize, Serialize};

use super::ApiCall;
use super::null::or_default;

/// Asks how far an asynchronous write is. [`Client::task`](crate::Client::task) asks until the end.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct DescribeTaskStatus {
    /// The request id of the write.
    task_id: String,
}

impl DescribeTaskStatus {
    /// The task of the write whose answer carried `request_id`.
    #[must_use]
    pub fn new(request_id: impl Into<String>) -> Self {
        Self { task_id: request_id.into() }
    }
}

/// How far a task is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[non_exhaustive]
#[serde(from = "Option<i64>")]
pub enum TaskStatus {
    /// The change is in force.
    Succeeded,
    /// Given up, perhaps in the middle.
    Failed,
    /// Not finished yet.
    Running,
    /// Anything the documentation does not name: not finished as far as one can tell.
    Other(Option<i64>),
}

impl From<Option<i64>> for TaskStatus {
    fn from(status: Option<i64>) -> Self {
        match status {
            Some(0) => Self::Succeeded,
            Some(1) => Self::Failed,
            Some(2) => Self::Running,
            other => Self::Other(other),
        }
    }
}

/// The server said nothing.
impl Default for TaskStatus {
    fn default() -> Self {
        Self::Other(None)
    }
}

/// How far the task is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[non_exhaustive]
#[serde(default, rename_all = "PascalCase")]
pub struct DescribeTaskStatusResponse {
    /// How far.
    pub status: TaskStatus,
    /// Why it failed.
    #[serde(deserialize_with = "or_default")]
    pub message: String,
    /// What it changed.
    #[serde(deserialize_with = "or_default")]
    pub load_balancer_ids: Vec<String>,
    /// Names this call, not the task.
    pub request_id: String,
}

impl ApiCall for DescribeTaskStatus {
    const ACTION: &'static str = "DescribeTaskStatus";
    const REPEATABLE: bool = true;
    type Response = DescribeTaskStatusResponse;

    fn object(&self) -> &str {
        &self.task_id
    }
}
