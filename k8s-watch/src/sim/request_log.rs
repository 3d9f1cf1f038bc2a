//! Who asked for what: one line per request, in the words of RBAC.

use std::collections::VecDeque;

/// One request that reached the cluster.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Request {
    /// When it was answered, in microseconds since the Unix epoch by the cluster's clock.
    pub at: i64,
    /// RBAC verb: `get`, `list`, `watch`, `create`, `update`, `patch`, `delete`, `deletecollection`.
    pub verb: String,
    /// API group; empty for the core group.
    pub group: String,
    /// Plural of the kind.
    pub resource: String,
    /// `status`, `eviction`, `binding`, or empty.
    pub subresource: String,
    /// Empty for kinds of the cluster and for all namespaces.
    pub namespace: String,
    /// Empty for lists, watches and creations.
    pub name: String,
    /// HTTP status of the answer; `None` when a fault kept the answer back. A watch is logged when it starts.
    pub code: Option<u16>,
}

impl Request {
    /// Resource and subresource as RBAC names them: `pods/status`.
    #[must_use]
    pub fn resource_path(&self) -> String {
        if self.subresource.is_empty() {
            self.resource.clone()
        } else {
            format!("{}/{}", self.resource, self.subresource)
        }
    }
}

#[derive(Debug, Default)]
pub(crate) struct RequestLog(VecDeque<Request>);

impl RequestLog {
    pub(crate) fn record(&mut self, request: Request) {
        if self.0.len() == KEPT {
            self.0.pop_front();
        }
        self.0.push_back(request);
    }

    pub(crate) fn all(&self) -> Vec<Request> {
        self.0.iter().cloned().collect()
    }

    pub(crate) fn take(&mut self) -> Vec<Request> {
        std::mem::take(&mut self.0).into()
    }
}

/// The newest requests are kept, so that a long run does not grow without end.
const KEPT: usize = 100_000;
