//! The wall clock, and how far the server's is from it. Only timestamps and expiry are read from it: pauses and time limits
//! follow the runtime's own clock, which never jumps.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use tracing::warn;

use crate::sign::UnixSeconds;
use crate::skew;

/// Reads a wall clock.
pub(crate) type WallClock = Arc<dyn Fn() -> UnixSeconds + Send + Sync>;

/// The system's clock.
pub(crate) fn system() -> WallClock {
    Arc::new(|| {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        UnixSeconds::new(since.as_secs()).unwrap_or(UnixSeconds::MAX)
    })
}

/// A wall clock and what was learned about it; clones learn together.
#[derive(Clone)]
pub(crate) struct Clock {
    /// The local time.
    now: WallClock,
    /// Seconds to add to it; learned from an answer.
    offset: Arc<AtomicI64>,
}

impl Clock {
    /// A clock that is right until the server says otherwise.
    pub(crate) fn new(now: WallClock) -> Self {
        Self { now, offset: Arc::default() }
    }

    /// The local time, right or wrong.
    pub(crate) fn local(&self) -> UnixSeconds {
        (self.now)()
    }

    /// The local time `local` in the server's terms.
    pub(crate) fn corrected(&self, local: UnixSeconds) -> UnixSeconds {
        local.shifted(self.offset.load(Ordering::Relaxed))
    }

    /// Learns from the `Date` of an answer to a request made at `local`. Whether anything changed.
    pub(crate) fn learn(&self, local: UnixSeconds, date: Option<&str>) -> bool {
        let known = self.offset.load(Ordering::Relaxed);
        let Some(offset) = date.and_then(|date| skew::offset(date, local, known)) else { return false };
        self.offset.store(offset, Ordering::Relaxed);
        warn!(
            offset_seconds = offset,
            "the local clock is wrong; signatures are corrected by the server's, set it right"
        );
        true
    }
}
