//! What happened, for tests and figures: every call, and every change of a target.

use std::{net::SocketAddr, time::Duration};

use super::{action::Action, pool::PoolId};

/// One call that reached the account.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Call {
    /// When, since the start.
    pub at: Duration,
    /// The action.
    pub action: Action,
    /// The load balancer or target group, where the action names one.
    pub load_balancer: Option<String>,
    /// Elements of `ModifyList`; 1 for the other writes, 0 for reads.
    pub elements: usize,
    /// Targets named by the call.
    pub targets: usize,
    /// The request id, which is the task id of an asynchronous write.
    pub request_id: String,
    /// How it ended.
    pub outcome: Outcome,
}

/// How a call ended.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Outcome {
    /// Answered, or accepted as a task.
    Accepted,
    /// Accepted for some listeners; the others are in `FailListenerIdSet`.
    Partial,
    /// Refused with this code.
    Refused(String),
    /// The caller got no answer, or none it could read. The effect may have come or not.
    Unanswered,
}

/// One target whose weight or presence changed.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Change {
    /// When the change took effect, since the start.
    pub at: Duration,
    /// Where the target hangs.
    pub pool: PoolId,
    /// The target's address.
    pub address: SocketAddr,
    /// Weight before; `None` if it was not bound.
    pub before: Option<u8>,
    /// Weight after; `None` if it is no longer bound.
    pub after: Option<u8>,
}
