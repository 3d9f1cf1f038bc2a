//! Calls per second and kind of call, over all lanes.

use alloc::collections::VecDeque;
use core::time::Duration;

use crate::time::Time;

/// Kinds of call that the load balancer's API counts apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub(crate) enum Verb {
    Weights,
    Register,
    Deregister,
    Read,
}

/// At most so many calls of each kind in *any* second: a window that slides, without a burst on top of a refill.
#[derive(Clone, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub(crate) struct Budget {
    windows: [Window; 4],
}

#[derive(Clone, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
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
        self.windows[verb as usize].next(now)
    }

    /// A call of this kind leaves.
    pub(crate) fn spend(&mut self, verb: Verb, now: Time) {
        self.windows[verb as usize].spend(now);
    }

    /// The calls of this kind that are still to come, if none of them is complained about.
    pub(crate) fn outlook(&self, verb: Verb) -> Outlook {
        Outlook { window: self.windows[verb as usize].clone(), grows: true }
    }

    /// The same, if the API goes on to complain once it has begun.
    pub(crate) fn gloomy_outlook(&self, verb: Verb) -> Outlook {
        let mut outlook = Outlook { grows: false, ..self.outlook(verb) };
        if outlook.window.now < outlook.window.full {
            outlook.window.now = (outlook.window.now / 2).max(1);
        }
        outlook
    }

    /// The API said that calls of this kind are too many.
    pub(crate) fn throttled(&mut self, verb: Verb, now: Time) {
        let window = &mut self.windows[verb as usize];
        window.now = (window.now / 2).max(1);
        window.changed = now;
    }

    /// The API accepted a call of this kind.
    pub(crate) fn accepted(&mut self, verb: Verb, now: Time) {
        self.windows[verb as usize].accepted(now);
    }
}

/// When calls that are still to come will leave.
#[derive(Clone, Debug)]
pub(crate) struct Outlook {
    window: Window,
    /// Whether what was taken away is given back.
    grows: bool,
}

impl Outlook {
    /// When a call may leave: `at` or later.
    pub(crate) fn next(&self, at: Time) -> Time {
        self.window.next(at)
    }

    /// A call leaves, and is accepted.
    pub(crate) fn spend(&mut self, at: Time) {
        self.window.spend(at);
        if self.grows {
            self.window.accepted(at);
        }
    }
}

impl Window {
    fn next(&self, now: Time) -> Time {
        // A call leaves at the earliest one second after the call that it would otherwise share a second with.
        match self.sent.len().checked_sub(self.now as usize) {
            Some(oldest) => now.max(self.sent[oldest] + SECOND),
            None => now,
        }
    }

    fn spend(&mut self, now: Time) {
        if self.sent.len() >= self.full as usize {
            self.sent.pop_front();
        }
        self.sent.push_back(now);
    }

    fn accepted(&mut self, now: Time) {
        if self.now < self.full && now.since(self.changed) >= RESTORE_EVERY {
            self.now += 1;
            self.changed = now;
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
