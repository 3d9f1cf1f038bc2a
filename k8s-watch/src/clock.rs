//! The core's time: the wall clock is read once, from then on it advances with tokio's clock.
//!
//! So it never runs backwards, and stands still where a test pauses tokio's clock.

use std::time::{Duration, SystemTime};

use grace_core::Time;
use tokio::time::Instant;

/// Tells the core's time.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Clock {
    wall: Time,
    start: Instant,
}

impl Clock {
    /// A clock that shows the wall's time now.
    pub(crate) fn start() -> Self {
        let since_epoch = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        Self { wall: Time::EPOCH + since_epoch, start: Instant::now() }
    }

    /// The time now.
    pub(crate) fn now(&self) -> Time {
        self.wall + self.start.elapsed()
    }

    /// The moment at which this clock shows `at`.
    pub(crate) fn instant(&self, at: Time) -> Instant {
        // A moment that far away never comes, and tokio would not take it either.
        self.start + at.since(self.wall).min(Duration::from_secs(u64::from(u32::MAX)))
    }

    /// Waits until this clock shows `at`; for ever when there is no such moment.
    pub(crate) async fn until(&self, at: Option<Time>) {
        match at {
            Some(at) => tokio::time::sleep_until(self.instant(at)).await,
            None => std::future::pending().await,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn n5_once_started_it_follows_no_wall() {
        let clock = Clock::start();
        let before = clock.now();
        tokio::time::advance(Duration::from_secs(3_600)).await;
        assert_eq!(clock.now(), before + Duration::from_secs(3_600));
        assert_eq!(clock.instant(clock.now()), Instant::now());
        assert_eq!(clock.instant(Time::EPOCH), clock.start, "a moment that is over is no panic");
        let _never = clock.instant(Time::from_micros(u64::MAX));
    }
}
