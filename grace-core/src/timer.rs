//! When something is due.

use alloc::collections::BTreeSet;

use crate::machine::Wake;
use crate::slab::Index;
use crate::time::Time;

/// What is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub(crate) enum Due {
    /// A lane may be able to send, or has to give something up.
    Lane(Index),
    /// What is wanted of a target may change by time alone.
    Target(Index),
    /// A mark is tried again, or counts as lost.
    Marks,
}

/// All timers, earliest first. Each lane and each target has at most one, kept in its record.
#[derive(Clone, Debug, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub(crate) struct Timers {
    queue: BTreeSet<(Time, Due, Wake)>,
}

impl Timers {
    /// Moves the timer of `due` from `old` to `new`.
    pub(crate) fn set(&mut self, due: Due, old: &mut Option<(Time, Wake)>, new: Option<(Time, Wake)>) {
        if *old == new {
            return;
        }
        if let Some((at, wake)) = *old {
            self.queue.remove(&(at, due, wake));
        }
        if let Some((at, wake)) = new {
            self.queue.insert((at, due, wake));
        }
        *old = new;
    }

    pub(crate) fn is_due(&self, now: Time) -> bool {
        self.queue.first().is_some_and(|(at, ..)| *at <= now)
    }

    /// What is due at `now`; it stays in the queue until its owner sets the timer anew.
    pub(crate) fn due(&self, now: Time) -> impl Iterator<Item = Due> + '_ {
        self.queue.iter().take_while(move |(at, ..)| *at <= now).map(|(_, due, _)| *due)
    }

    /// When the next thing is due, and why.
    pub(crate) fn next(&self) -> Option<(Time, Wake)> {
        self.queue.first().map(|(at, _, wake)| (*at, *wake))
    }
}
