//! Calls per second and kind of call, over all lanes.

use alloc::collections::VecDeque;
use core::time::Duration;

use crate::time::Time;

/// Kinds of call that the load balancer's API counts apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Verb {
    Weights,
    Register,
    Deregister,
    Read,
}

/// At most so many calls of each kind in *any* second: a window that slides, without a burst on top of a refill.
#[derive(Clone, Debug)]
pub(crate) struct Budget {
    windows: [Window; 4],
}

#[derive(Clone, Debug)]
struct Window {
    /// When the last calls left, oldest first, at most as many as one second allows.
    sent: VecDeque<Time>,
    /// Calls per second at most.
    full: u32,
    /// Calls per second now: halved when the API says that they are too many.
    now: u32,
    /// When the API last said so, or when a step was last given back.
    changed: Time,
}

const SECOND: Duration = Duration::from_secs(1);
/// One call per second is given back for each of these without a complaint.
const RESTORE_EVERY: Duration = Duration::from_secs(5);

impl Budget {
    pub(crate) fn new(calls_per_second: u32) -> Self {
        let full = calls_per_second.max(1);
        let window = Window { sent: VecDeque::new(), full, now: full, changed: Time::EPOCH };
        Self { windows: [window.clone(), window.clone(), window.clone(), window] }
    }

    /// When the next call of this kind may leave: `now` or later.
    pub(crate) fn next(&self, verb: Verb, now: Time) -> Time {
        let window = &self.windows[verb as usize];
        let allowed = window.now as usize;
        // A call leaves at the earliest one second after the call that it would otherwise share a second with.
        match window.sent.len().checked_sub(allowed) {
            Some(oldest) => now.max(window.sent[oldest] + SECOND),
            None => now,
        }
    }

    /// A call of this kind leaves.
    pub(crate) fn spend(&mut self, verb: Verb, now: Time) {
        let window = &mut self.windows[verb as usize];
        if window.sent.len() >= window.full as usize {
            window.sent.pop_front();
        }
        window.sent.push_back(now);
    }

    /// The API said that calls of this kind are too many.
    pub(crate) fn throttled(&mut self, verb: Verb, now: Time) {
        let window = &mut self.windows[verb as usize];
        window.now = (window.now / 2).max(1);
        window.changed = now;
    }

    /// The API accepted a call of this kind.
    pub(crate) fn accepted(&mut self, verb: Verb, now: Time) {
        let window = &mut self.windows[verb as usize];
        if window.now < window.full && now.since(window.changed) >= RESTORE_EVERY {
            window.now += 1;
            window.changed = now;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_sliding_second_holds_more_than_the_rate() {
        let mut budget = Budget::new(20);
        let (mut now, mut sent) = (Time::from_unix_seconds(1), alloc::vec::Vec::new());
        for _ in 0..100 {
            now = budget.next(Verb::Read, now);
            budget.spend(Verb::Read, now);
            sent.push(now);
        }
        assert!(sent.windows(21).all(|window| window[20].since(window[0]) >= SECOND));
        assert_eq!(now, Time::from_unix_seconds(5), "100 calls take four seconds and not more");
        assert_eq!(budget.next(Verb::Weights, now), now, "each kind has a budget of its own");
    }

    #[test]
    fn a_complaint_halves_the_rate_and_success_gives_it_back_slowly() {
        let mut budget = Budget::new(20);
        let mut now = Time::from_unix_seconds(1);
        budget.throttled(Verb::Weights, now);
        for _ in 0..10 {
            assert_eq!(budget.next(Verb::Weights, now), now);
            budget.spend(Verb::Weights, now);
        }
        assert_eq!(budget.next(Verb::Weights, now), now + SECOND);
        for _ in 0..10 {
            now = now + RESTORE_EVERY;
            budget.accepted(Verb::Weights, now);
        }
        for _ in 0..20 {
            assert_eq!(budget.next(Verb::Weights, now), now);
            budget.spend(Verb::Weights, now);
        }
    }
}
