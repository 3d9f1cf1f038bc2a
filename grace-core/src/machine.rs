//! The machine: events in, actions and notices out.

use alloc::collections::VecDeque;
use core::time::Duration;

use crate::action::Action;
use crate::event::Event;
use crate::notice::Notice;
use crate::time::Time;

/// Decides what every CLB target should receive. Does no IO and reads no clock.
///
/// **The contract.** After each `handle_*` call, drain [`poll_action`](Self::poll_action) and
/// [`poll_notice`](Self::poll_notice) until `None`, then wait for the next event or for
/// [`poll_timeout`](Self::poll_timeout), whichever comes first. `now` never runs backwards.
/// An action must have been dropped when its `deadline` passes; one second later it counts as unknown.
#[derive(Clone, Debug)]
pub struct Machine {
    config: Config,
    actions: VecDeque<Action>,
    notices: VecDeque<Notice>,
}

/// How the machine behaves where no annotation says anything.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[expect(clippy::exhaustive_structs, reason = "written with `..Config::default()`")]
pub struct Config {
    /// Silence after which an idle lane sends: 30 ms. Gathers a burst at a price of at most 3 % of a one-second task.
    pub linger: Duration,
    /// Longest wait after the first event of a burst: 300 ms, or a third of the learned task time if that is less.
    pub linger_max: Duration,
    /// Full comparison with the load balancer: every 60 s, spread over that time by lane.
    pub resync: Duration,
    /// Calls per second and kind of call, over all lanes: 20, the default rate of each CLB API action.
    pub calls_per_second: u32,
    /// How long a living Pod must be in no slice of a Service before it counts as deselected: 5 s, because a Pod that
    /// moves between slices is in none for a moment.
    pub deselected_after: Duration,
    /// Longest a write may take, its task included: 60 s.
    pub write_timeout: Duration,
    /// Longest a read or a claim may take: 15 s.
    pub read_timeout: Duration,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            linger: Duration::from_millis(30),
            linger_max: Duration::from_millis(300),
            resync: Duration::from_secs(60),
            calls_per_second: 20,
            deselected_after: Duration::from_secs(5),
            write_timeout: Duration::from_secs(60),
            read_timeout: Duration::from_secs(15),
        }
    }
}

/// Why the machine wants to be woken. For people and tests; the driver needs the time only.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Wake {
    /// A burst is being gathered.
    Linger,
    /// The budget of calls refills.
    Budget,
    /// Something failed and is tried again.
    Retry,
    /// A read is due: after an answer without proof, at the resync, or to verify after a grant.
    Read,
    /// A drain without a Pod event to end it, or a deselected Pod, reaches its time.
    Drain,
    /// An action passed its deadline.
    Deadline,
}

impl Machine {
    /// A machine that knows nothing yet.
    #[must_use]
    pub const fn new(config: Config) -> Self {
        Self { config, actions: VecDeque::new(), notices: VecDeque::new() }
    }

    /// Takes in a fact or an answer. Due timers run first, so a flood of events cannot starve them.
    pub fn handle_event(&mut self, _event: &Event, now: Time) {
        self.handle_timeout(now);
    }

    /// Lets time pass. Harmless when early.
    pub fn handle_timeout(&mut self, _now: Time) {}

    /// The next thing to carry out.
    #[must_use]
    pub fn poll_action(&mut self) -> Option<Action> {
        self.actions.pop_front()
    }

    /// The next thing to tell.
    #[must_use]
    pub fn poll_notice(&mut self) -> Option<Notice> {
        self.notices.pop_front()
    }

    /// When to call [`handle_timeout`](Self::handle_timeout) at the latest, and why.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<(Time, Wake)> {
        let _ = &self.config;
        None
    }
}
