//! Connections per target.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// What happened to the connections of one target of one pool.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Counters {
    /// Connections given to the target.
    pub opened: u64,
    /// Of these, such that were opened after somebody had been told that the weight is 0. Must stay 0, unless sticky
    /// clients are let through.
    pub opened_after_zero: u64,
    /// Of the opened ones, such that could not be made: no entry in the dial table, or nobody listens there.
    pub unreachable: u64,
    /// Of the opened ones, such that the load balancer cut: deregistered, or rescheduled.
    pub cut: u64,
    /// Of the opened ones, such that one of the two sides reset.
    pub reset: u64,
    /// Connections that are open now.
    pub open: u64,
}

/// The same, while it is counted.
#[derive(Debug, Default)]
pub(super) struct Tally {
    opened: AtomicU64,
    opened_after_zero: AtomicU64,
    unreachable: AtomicU64,
    cut: AtomicU64,
    reset: AtomicU64,
    ended: AtomicU64,
}

/// How a connection ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// Both sides were done.
    Closed,
    /// The target could not be reached.
    Unreachable,
    /// The load balancer cut it.
    Cut,
    /// One side reset it.
    Reset,
}

impl Tally {
    pub(super) fn open(&self, zero_acknowledged: bool) {
        self.opened.fetch_add(1, Relaxed);
        self.opened_after_zero.fetch_add(u64::from(zero_acknowledged), Relaxed);
    }

    pub(super) fn end(&self, how: End) {
        match how {
            End::Closed => {}
            End::Unreachable => drop(self.unreachable.fetch_add(1, Relaxed)),
            End::Cut => drop(self.cut.fetch_add(1, Relaxed)),
            End::Reset => drop(self.reset.fetch_add(1, Relaxed)),
        }
        self.ended.fetch_add(1, Relaxed);
    }

    pub(super) fn read(&self) -> Counters {
        // `ended` first: a connection that opens and ends in between must not make the difference negative.
        let ended = self.ended.load(Relaxed);
        let opened = self.opened.load(Relaxed);
        Counters {
            opened,
            opened_after_zero: self.opened_after_zero.load(Relaxed),
            unreachable: self.unreachable.load(Relaxed),
            cut: self.cut.load(Relaxed),
            reset: self.reset.load(Relaxed),
            open: opened.saturating_sub(ended),
        }
    }
}
