//! Whether and when a failed call is sent again. Pure: time and dice come in.

use std::time::Duration;

use crate::error::{Error, ErrorKind, Executed};

/// Retries within a budget of time, or never.
///
/// Which classes are retried is said at [`ErrorKind`]. A call that may have been executed is sent again only when it is
/// [repeatable](crate::api::ApiCall::REPEATABLE). Every attempt is signed anew.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RetryPolicy {
    /// Time from the first attempt to the beginning of the last one; none: no second attempt.
    budget: Option<Duration>,
}

impl RetryPolicy {
    /// Sends a call once. For callers that plan anew after a failure instead of repeating what they wanted before.
    #[must_use]
    pub const fn never() -> Self {
        Self { budget: None }
    }

    /// No attempt begins later than `budget` after the first one.
    #[must_use]
    pub const fn within(budget: Duration) -> Self {
        Self { budget: Some(budget) }
    }

    /// How long to wait before attempt `attempt + 1`, or none when it shall not be made.
    ///
    /// `attempt` counts from 1, `elapsed` from the first attempt; `draw` is a random number from 0 to 1 which shortens the
    /// pause by up to a half.
    #[must_use]
    pub fn pause(
        &self,
        attempt: u32,
        error: &Error,
        repeatable: bool,
        elapsed: Duration,
        draw: f64,
    ) -> Option<Duration> {
        self.pause_after(attempt, error.kind(), error.executed(), repeatable, elapsed, draw)
    }

    /// The same for the parts of an error that count.
    pub(crate) fn pause_after(
        &self,
        attempt: u32,
        kind: ErrorKind,
        executed: Executed,
        repeatable: bool,
        elapsed: Duration,
        draw: f64,
    ) -> Option<Duration> {
        let schedule = Schedule::of(kind)?;
        if attempt >= schedule.attempts || (executed == Executed::Maybe && !repeatable) {
            return None;
        }
        let doubled = schedule.first.saturating_mul(1 << attempt.saturating_sub(1).min(16));
        let pause = doubled.min(schedule.longest).mul_f64(1.0 - draw.clamp(0.0, 1.0) / 2.0);
        (elapsed.saturating_add(pause) <= self.budget?).then_some(pause)
    }
}

/// A minute: as long as two ordinary grace periods, so that a drain is not given up while it still helps.
impl Default for RetryPolicy {
    fn default() -> Self {
        Self::within(Duration::from_secs(60))
    }
}

/// How one class is retried.
struct Schedule {
    /// Pause after the first attempt; doubled after each further one.
    first: Duration,
    /// Longest pause.
    longest: Duration,
    /// Attempts in all.
    attempts: u32,
}

impl Schedule {
    /// None: the class is not retried.
    const fn of(kind: ErrorKind) -> Option<Self> {
        let (first, longest, attempts) = match kind {
            ErrorKind::Throttled => (1_000, 30_000, u32::MAX),
            ErrorKind::Busy => (500, 8_000, u32::MAX),
            ErrorKind::Transport => (200, 5_000, u32::MAX),
            ErrorKind::Server | ErrorKind::Failed => (1_000, 15_000, 5),
            ErrorKind::LoadBalancerGone
            | ErrorKind::PoolGone
            | ErrorKind::Credential
            | ErrorKind::Permission
            | ErrorKind::Quota
            | ErrorKind::Invalid => return None,
        };
        Some(Self { first: Duration::from_millis(first), longest: Duration::from_millis(longest), attempts })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ErrorKind::*;
    use Executed::{Maybe, No};

    #[test]
    fn each_class_has_its_schedule() {
        #[rustfmt::skip]
        let rows = [
            (Throttled, No, false, Some(&[1000, 2000, 4000, 8000, 16000, 30000, 30000][..])),
            (Busy, No, false, Some(&[500, 1000, 2000, 4000, 8000, 8000][..])),
            (Transport, No, false, Some(&[200, 400, 800, 1600, 3200, 5000, 5000][..])),
            (Transport, Maybe, true, Some(&[200, 400][..])),
            (Transport, Maybe, false, None),
            (Server, Maybe, true, Some(&[1000, 2000, 4000, 8000][..])),
            (Server, Maybe, false, None),
            (Failed, Maybe, true, Some(&[1000, 2000, 4000, 8000][..])),
            (LoadBalancerGone, No, true, None),
            (PoolGone, No, true, None),
            (Credential, No, true, None),
            (Permission, No, true, None),
            (Quota, No, true, None),
            (Invalid, No, true, None),
        ];
        let policy = RetryPolicy::within(Duration::from_secs(600));
        for row @ (kind, executed, repeatable, pauses) in rows {
            let pause =
                |attempt| policy.pause_after(attempt, kind, executed, repeatable, Duration::ZERO, 0.0);
            match pauses {
                None => assert_eq!(pause(1), None, "{row:?}"),
                Some(pauses) => {
                    for (attempt, ms) in (1..).zip(pauses) {
                        assert_eq!(
                            pause(attempt),
                            Some(Duration::from_millis(*ms)),
                            "{row:?}, attempt {attempt}"
                        );
                    }
                }
            }
        }
        assert_eq!(policy.pause_after(5, Server, Maybe, true, Duration::ZERO, 0.0), None);
    }

    #[test]
    fn the_budget_ends_the_attempts_and_dice_shorten_the_pause() {
        let policy = RetryPolicy::within(Duration::from_secs(2));
        let pause =
            |elapsed, draw| policy.pause_after(2, Busy, No, false, Duration::from_millis(elapsed), draw);
        assert_eq!(pause(1000, 0.0), Some(Duration::from_secs(1)));
        assert_eq!(pause(1001, 0.0), None);
        assert_eq!(pause(1500, 1.0), Some(Duration::from_millis(500)));
        assert!(
            policy.pause_after(u32::MAX - 1, Busy, No, false, Duration::ZERO, 1.0).is_none(),
            "8 s are over 2 s"
        );
    }

    #[test]
    fn never_means_never() {
        for kind in [Throttled, Busy, Transport] {
            assert_eq!(RetryPolicy::never().pause_after(1, kind, No, true, Duration::ZERO, 1.0), None);
        }
    }
}
