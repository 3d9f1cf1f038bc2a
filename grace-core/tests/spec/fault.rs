//! What can go wrong with one call.

use std::time::Duration;

use grace_core::{Failure, Pool, Why};

/// A fault of one call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// Another task is running: nothing was done.
    Busy,
    /// Too many calls: nothing was done.
    Throttled,
    /// No connection: nothing was done.
    Unreachable,
    /// The permission is missing.
    Forbidden,
    /// The task failed; it had no effect, which nobody knows.
    TaskFailed,
    /// These pools were left out.
    Partial(Vec<Pool>),
    /// No effect, no answer.
    LostBefore,
    /// The effect came, the answer did not.
    LostAfter,
    /// No answer, and the effect comes later.
    LostThenLate(Duration),
    /// An unclear answer without effect.
    UnclearBefore,
    /// An unclear answer with effect.
    UnclearAfter,
    /// The effect came in time, its answer after the deadline.
    AnsweredTooLate,
}

impl Fault {
    /// What the core hears, if it hears anything; `attempt` as the action says it.
    pub(crate) fn failure(&self, attempt: u32) -> Option<Failure> {
        let not_executed = |why, millis, detail: &str| {
            Some(Failure::NotExecuted { why, retry_in: Duration::from_millis(millis), detail: detail.into() })
        };
        match self {
            Self::Busy => not_executed(Why::Busy, 500, "FailedOperation.ResourceInOperating"),
            Self::Throttled => not_executed(Why::Throttled, 1_000, "RequestLimitExceeded"),
            Self::Unreachable => not_executed(Why::Unreachable, 2_000, "connection refused"),
            // As an executor waits: longer with each try, at most five minutes.
            Self::Forbidden => {
                let millis = (5_000_u64 << attempt.min(10)).min(300_000);
                not_executed(Why::Permission, millis, "UnauthorizedOperation")
            }
            Self::TaskFailed | Self::UnclearBefore | Self::UnclearAfter => Some(Failure::Unknown {
                retry_in: Duration::from_millis(500),
                detail: "the outcome is not known".into(),
            }),
            Self::Partial(_)
            | Self::LostBefore
            | Self::LostAfter
            | Self::LostThenLate(_)
            | Self::AnsweredTooLate => None,
        }
    }

    /// Whether it is told at once that nothing was done.
    pub(crate) const fn is_certain(&self) -> bool {
        matches!(self, Self::Busy | Self::Throttled | Self::Unreachable | Self::Forbidden)
    }

    /// When the effect comes, if it comes, for a call that usually takes `takes`.
    pub(crate) const fn takes_effect_after(&self, takes: Duration) -> Option<Duration> {
        match self {
            Self::Busy
            | Self::Throttled
            | Self::Unreachable
            | Self::Forbidden
            | Self::TaskFailed
            | Self::LostBefore
            | Self::UnclearBefore => None,
            Self::LostThenLate(after) => Some(*after),
            Self::Partial(_) | Self::LostAfter | Self::UnclearAfter | Self::AnsweredTooLate => Some(takes),
        }
    }
}
