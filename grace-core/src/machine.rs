//! The machine: events in, actions and notices out.

use alloc::vec::Vec;
use core::time::Duration;

use crate::action::Action;
use crate::event::Event;
use crate::explain::{DrainState, Explanation, Planned};
use crate::id::{ObjectName, Uid};
use crate::notice::Notice;
use crate::ownership::Ownership;
use crate::state::State;
use crate::target::TargetId;
use crate::time::Time;
use crate::timer::Due;

/// Decides what every CLB target should receive. Does no IO and reads no clock.
///
/// **The contract.** After each `handle_*` call, drain [`poll_action`](Self::poll_action) and
/// [`poll_notice`](Self::poll_notice) until `None`, then wait for the next event or for
/// [`poll_timeout`](Self::poll_timeout), whichever comes first. `now` never runs backwards.
/// An action must have been dropped when its `deadline` passes; one second later it counts as unknown.
#[derive(Clone, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(transparent))]
pub struct Machine {
    #[cfg_attr(feature = "serde", serde(deserialize_with = "crate::snapshot::restored"))]
    state: State,
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
    /// What gives the right to change a target: the ledger of claims.
    pub ownership: Ownership,
    /// Whether the longest drain of a full pool is given up for a registration that finds no room: no. It cuts connections.
    pub evict_oldest_draining: bool,
    /// Whether the readiness gate of Pods is set: no. Only where nobody else sets it.
    pub mark_ready: bool,
    /// Whether Pods are told that they are drained: no.
    pub mark_drained: bool,
    /// The bug that is planted in this machine: none.
    #[cfg(feature = "planted")]
    pub planted: Option<crate::planted::Planted>,
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
            ownership: Ownership::Ledger,
            evict_oldest_draining: false,
            mark_ready: false,
            mark_drained: false,
            #[cfg(feature = "planted")]
            planted: None,
        }
    }
}

/// Why the machine wants to be woken. For people and tests; the driver needs the time only.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
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
    pub fn new(config: Config) -> Self {
        Self { state: State::new(config) }
    }

    /// Takes in a fact or an answer. Due timers run first, so a flood of events cannot starve them.
    pub fn handle_event(&mut self, event: &Event, now: Time) {
        if let Event::Revoked(lane) = event {
            // Nothing leaves without a grant, not even what was due before.
            self.state.now = self.state.now.max(now);
            self.state.revoked(lane);
        }
        self.handle_timeout(now);
        let state = &mut self.state;
        match event {
            Event::Pod { from, pod } => state.pod_seen(from, pod),
            Event::PodGone { uid, .. } => state.pod_gone(uid),
            Event::Slice { from, slice } => state.slice_seen(from, slice),
            Event::SliceGone { key, .. } => state.slice_gone(key),
            Event::Route(route) => state.route_seen(route),
            Event::RouteGone { key, end } => state.route_gone(key, *end),
            Event::ListStarted(source) => state.list_started(source),
            Event::ListDone(source) => state.list_done(source),
            Event::Synced => {
                state.all_synced();
                state.settle();
                // Every target was queued at once, which does not come again.
                state.touched.shrink_to_fit();
            }
            Event::Lane(lane) => state.lane_seen(lane),
            Event::Granted(lane) => state.granted(lane),
            Event::Revoked(lane) => state.revoked(lane),
            Event::Hold { pod, until } => state.hold(*pod, Some(*until)),
            Event::Unhold { pod } => state.hold(*pod, None),
            Event::Answer { id, result } => state.answered(*id, result),
        }
        state.settle();
    }

    /// Lets time pass. Harmless when early.
    pub fn handle_timeout(&mut self, now: Time) {
        let state = &mut self.state;
        state.now = state.now.max(now);
        while state.timers.is_due(state.now) {
            let due: Vec<Due> = state.timers.due(state.now).collect();
            for due in &due {
                match due {
                    Due::Lane(lane) => state.stir(*lane),
                    Due::Target(target) => state.touch(*target),
                    Due::Marks => state.marking.stirred = true,
                }
            }
            state.settle();
            // Whoever was woken has set its timer anew or has none: one that stays would wake for ever.
            let overdue: Vec<Due> = state.timers.due(state.now).filter(|left| due.contains(left)).collect();
            for left in overdue {
                state.drop_timer(left);
            }
        }
    }

    /// The next thing to carry out.
    #[must_use]
    pub fn poll_action(&mut self) -> Option<Action> {
        self.state.actions.pop_front()
    }

    /// The next thing to tell.
    #[must_use]
    pub fn poll_notice(&mut self) -> Option<Notice> {
        self.state.notices.pop_front()
    }

    /// When to call [`handle_timeout`](Self::handle_timeout) at the latest, and why.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<(Time, Wake)> {
        self.state.timers.next()
    }

    /// Why a target is as it is; `None` when nothing is known of it.
    #[must_use]
    pub fn explain(&self, target: &TargetId) -> Option<Explanation> {
        self.state.explain(target)
    }

    /// Changes that wait to be sent, in the order of their content; also on lanes without a grant.
    #[must_use]
    pub fn plan(&self) -> Vec<Planned> {
        self.state.plan()
    }

    /// Targets of the Pods that bear this name.
    #[must_use]
    pub fn find(&self, pod: &ObjectName) -> Vec<TargetId> {
        self.state.find(pod)
    }

    /// How far the drain of a Pod is; `None` when it does not drain.
    #[must_use]
    pub fn drain(&self, pod: Uid) -> Option<DrainState> {
        self.state.drain_of(pod)
    }

    /// Everything that bears on what the machine will do, by content; see the file.
    #[cfg(feature = "planted")]
    #[doc(hidden)]
    pub fn project(&self, words: &mut Vec<u64>, times: &mut Vec<u64>) {
        crate::projection::Projection { words, times, now: self.state.now }.machine(&self.state);
    }

    /// The time of the last call.
    #[cfg(feature = "serde")]
    pub(crate) const fn now(&self) -> Time {
        self.state.now
    }

    /// Whether every source was listed once and every pool that is driven here was read, or is known to be missing.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        self.state.synced && self.state.lanes_read()
    }
}

impl State {
    fn drop_timer(&mut self, due: Due) {
        match due {
            Due::Lane(lane) => self.timers.set(due, &mut self.lanes[lane as usize].timer, None),
            Due::Target(target) => self.set_target_timer(target, None),
            Due::Marks => self.set_marks_timer(None),
        }
    }

    fn all_synced(&mut self) {
        if self.synced {
            return;
        }
        self.synced = true;
        let targets: Vec<u32> = self.targets.indices().collect();
        for target in targets {
            self.touch(target);
        }
        for lane in 0..self.lanes.len() {
            self.stir(u32::try_from(lane).unwrap_or(u32::MAX));
        }
    }
}
