//! What asynchronous writes answer with.

use serde::Deserialize;

/// The change is queued. [`Client::task`](crate::Client::task) waits for its effect.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[non_exhaustive]
#[serde(rename_all = "PascalCase")]
pub struct Queued {
    /// Names the call, and its task.
    pub request_id: String,
}
