//! What happened, for tests and figures: every call, and every change of a target, as far back as the log reaches.

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

/// The latest of all that was logged. A simulator may run for days, so the log must not grow with them.
#[derive(Clone, Debug)]
pub(crate) struct Log<T> {
    /// Oldest first; at most twice as many as are shown, so that room is made once for many entries.
    entries: Vec<T>,
    /// How many are shown at most.
    limit: usize,
    /// How many there have been.
    total: u64,
}

impl<T> Log<T> {
    /// Keeps the latest `limit` entries.
    pub(crate) const fn new(limit: usize) -> Self {
        Self { entries: Vec::new(), limit, total: 0 }
    }

    /// One more.
    pub(crate) fn push(&mut self, entry: T) {
        if self.entries.len() >= self.limit.saturating_mul(2).max(1) {
            self.entries.drain(..self.entries.len() - self.limit);
        }
        self.entries.push(entry);
        self.total += 1;
    }

    /// Those that are kept, oldest first.
    pub(crate) fn latest(&self) -> &[T] {
        &self.entries[self.entries.len().saturating_sub(self.limit)..]
    }

    /// How many there have been.
    pub(crate) const fn total(&self) -> u64 {
        self.total
    }

    /// How many older ones are no longer there.
    pub(crate) fn dropped(&self) -> u64 {
        self.total - self.latest().len() as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_latest_entries_are_kept_and_the_others_counted() {
        for limit in [0, 1, 3, 7] {
            let mut log = Log::new(limit);
            for n in 1..=20 {
                log.push(n);
                let kept: Vec<_> = (1..=n).skip(usize::try_from(n).unwrap().saturating_sub(limit)).collect();
                assert_eq!(log.latest(), kept, "the {limit} latest of {n}");
                assert_eq!((log.total(), log.dropped()), (n as u64, n as u64 - kept.len() as u64));
                assert!(log.entries.len() <= (2 * limit).max(1), "{} entries for {limit}", log.entries.len());
            }
        }
    }
}
