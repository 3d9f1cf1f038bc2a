//! `DescribeAsyncJobs`: several asynchronous calls by their request ids.
//! Form: official Python SDK 3.1.194, `clb/v20180317/models.py`. Whether it knows the tasks of target writes is not
//! documented; [`DescribeTaskStatus`](super::DescribeTaskStatus) does.

use serde::{Deserialize, Serialize};

use super::null::or_default;
use super::{ApiCall, OverLimit};

/// Reads how asynchronous calls ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct DescribeAsyncJobs {
    /// Which calls.
    request_ids: Vec<String>,
    /// Where the page begins; empty for the first one.
    #[serde(skip_serializing_if = "String::is_empty")]
    next_token: String,
    /// Length of the page, 1 to 100, 20 unless said.
    #[serde(skip_serializing_if = "Option::is_none")]
    max_results: Option<u8>,
}

impl DescribeAsyncJobs {
    /// The calls with these request ids.
    #[must_use]
    pub const fn new(request_ids: Vec<String>) -> Self {
        Self { request_ids, next_token: String::new(), max_results: None }
    }

    /// The page that begins at the `next_token` of the last answer, the first one when it is empty, with at most
    /// `max_results` (1 to 100) calls. [`Client::all_async_jobs`](crate::Client::all_async_jobs) reads every page.
    #[must_use]
    pub fn with_page(mut self, next_token: impl Into<String>, max_results: u8) -> Self {
        (self.next_token, self.max_results) = (next_token.into(), Some(max_results));
        self
    }
}

/// A page of them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[non_exhaustive]
#[serde(default, rename_all = "PascalCase")]
pub struct DescribeAsyncJobsResponse {
    /// In no documented order.
    #[serde(deserialize_with = "or_default")]
    pub jobs: Vec<AsyncJob>,
    /// Where the next page begins; empty on the last one.
    #[serde(deserialize_with = "or_default")]
    pub next_token: String,
    /// Over all pages.
    #[serde(deserialize_with = "or_default")]
    pub total_count: u64,
    /// Names the call.
    pub request_id: String,
}

/// One asynchronous call.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[non_exhaustive]
#[serde(default, rename_all = "PascalCase")]
pub struct AsyncJob {
    /// Name of its action.
    #[serde(deserialize_with = "or_default")]
    pub api_name: String,
    /// Its request id.
    #[serde(deserialize_with = "or_default")]
    pub request_id: String,
    /// `Processing`, `Succeeded` or `Failed`.
    #[serde(deserialize_with = "or_default")]
    pub status: String,
    /// What it is about.
    #[serde(deserialize_with = "or_default")]
    pub resource_ids: Vec<String>,
}

impl ApiCall for DescribeAsyncJobs {
    const ACTION: &'static str = "DescribeAsyncJobs";
    const REPEATABLE: bool = true;
    type Response = DescribeAsyncJobsResponse;

    fn check(&self) -> Result<(), OverLimit> {
        OverLimit::check("calls on a page", self.max_results.unwrap_or(0).into(), 100)
    }
}
