//! How many calls of one action may be sent in a second. Pure: time comes in.

use std::collections::VecDeque;
use std::num::NonZeroU32;
use std::time::Duration;

/// Calls per second and action that a client, together with its clones, sends at most.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RateLimit {
    /// None: no limit.
    per_second: Option<NonZeroU32>,
}

impl RateLimit {
    /// At most `calls` in any second, wherever it begins.
    #[must_use]
    pub const fn per_second(calls: NonZeroU32) -> Self {
        Self { per_second: Some(calls) }
    }

    /// No limit: for callers with a budget of their own.
    #[must_use]
    pub const fn none() -> Self {
        Self { per_second: None }
    }

    /// An empty window, if there is a limit.
    pub(crate) fn window(self) -> Option<Window> {
        self.per_second.map(Window::new)
    }
}

/// 20, the documented default of every action.
impl Default for RateLimit {
    fn default() -> Self {
        Self { per_second: NonZeroU32::new(20) }
    }
}

/// The calls of one action in the last second.
///
/// There is no burst on top of a refill: no second, wherever it begins, has more calls than allowed.
#[derive(Debug)]
pub(crate) struct Window {
    /// Calls per second when the server does not complain.
    full: u32,
    /// Calls per second at present, 1 to `full`.
    allowed: u32,
    /// When the calls of the last second were sent, oldest first.
    sent: VecDeque<Duration>,
    /// When `allowed` was changed last.
    changed: Duration,
}

impl Window {
    fn new(per_second: NonZeroU32) -> Self {
        let full = per_second.get();
        Self { full, allowed: full, sent: VecDeque::new(), changed: Duration::ZERO }
    }

    /// Counts a call that is sent at `now`, or says how long it has to wait.
    pub(crate) fn admit(&mut self, now: Duration) -> Result<(), Duration> {
        while self.sent.front().is_some_and(|sent| *sent + SECOND <= now) {
            self.sent.pop_front();
        }
        if let Some(nth) = self.sent.len().checked_sub(self.allowed as usize) {
            return Err((self.sent[nth] + SECOND).saturating_sub(now));
        }
        self.sent.push_back(now);
        Ok(())
    }

    /// Halves the rate after the server refused a call for it, once per second at most: one overrun refuses many calls.
    pub(crate) fn refused(&mut self, now: Duration) {
        if self.allowed == self.full || now >= self.changed + SECOND {
            self.allowed = (self.allowed / 2).max(1);
            self.changed = now;
        }
    }

    /// Raises the rate by one call per second, every five seconds of success.
    pub(crate) fn accepted(&mut self, now: Duration) {
        if self.allowed < self.full && now >= self.changed + RECOVERY {
            self.allowed += 1;
            self.changed = now;
        }
    }
}

/// What the rate is counted over.
const SECOND: Duration = Duration::from_secs(1);

/// Slow, so that several clients of one account settle instead of swinging.
const RECOVERY: Duration = Duration::from_secs(5);

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_call_above_the_limit_waits_for_the_oldest_to_be_a_second_old() {
        let mut window = window(2);
        assert_eq!(window.admit(ms(0)), Ok(()));
        assert_eq!(window.admit(ms(900)), Ok(()));
        assert_eq!(window.admit(ms(950)), Err(ms(50)));
        assert_eq!(window.admit(ms(1000)), Ok(()));
        assert_eq!(window.admit(ms(1000)), Err(ms(900)));
    }

    #[test]
    fn c2_a_refusal_halves_the_rate_once_and_success_restores_it_slowly() {
        let mut window = window(20);
        for _ in 0..5 {
            window.refused(ms(100));
        }
        assert_eq!(window.allowed, 10);
        window.refused(ms(1100));
        assert_eq!(window.allowed, 5);
        for second in 1..=200 {
            window.refused(ms(1100 + second * 1000));
        }
        assert_eq!(window.allowed, 1);
        let from = 300_000;
        for second in 0..95 {
            window.accepted(ms(from + second * 1000));
        }
        assert_eq!(window.allowed, 20);
    }

    proptest! {
        #[test]
        fn no_second_has_more_calls_than_allowed(limit in 1_u32..30, gaps in prop::collection::vec(0_u64..400, 1..200)) {
            let (mut window, mut now, mut sent) = (window(limit), 0, Vec::new());
            for gap in gaps {
                now += gap;
                if window.admit(ms(now)).is_ok() {
                    sent.push(now);
                }
            }
            for (i, first) in sent.iter().enumerate() {
                let within = sent[i..].iter().take_while(|at| **at < first + 1000).count();
                prop_assert!(within <= limit as usize, "{} calls from {}", within, first);
            }
        }
    }

    fn window(per_second: u32) -> Window {
        Window::new(NonZeroU32::new(per_second).unwrap())
    }

    fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }
}
