//! The core's time: the wall clock is read once, from then on it advances with tokio's clock.
//!
//! So it never runs backwards, and stands still where a test pauses tokio's clock.

use std::time::{Duration, SystemTime};

use grace_core::Time;
use k8s_openapi::jiff::Timestamp;
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

/// A moment as Kubernetes writes it, with so many digits of a second; what is beyond them is cut off.
pub(crate) fn timestamp(at: Time, digits: usize) -> String {
    let micros = i64::try_from(at.as_micros()).unwrap_or(i64::MAX);
    Timestamp::from_microsecond(micros).map_or_else(|_| String::new(), |at| format!("{at:.digits$}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_timestamp_has_the_digits_that_are_asked_for() {
        let at = Time::from_micros(1_772_323_200_987_654);
        assert_eq!(timestamp(at, 0), "2026-03-01T00:00:00Z");
        assert_eq!(timestamp(at, 6), "2026-03-01T00:00:00.987654Z");
    }

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
