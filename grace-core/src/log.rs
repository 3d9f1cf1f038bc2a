//! The event log: what came in, so that a run can be repeated elsewhere, action by action.
//!
//! One entry per line as JSON makes a log file; any serde format will do. The first entry names the version and the
//! configuration, each later one a call of the contract.

use alloc::boxed::Box;
use alloc::vec::Vec;

use crate::action::Action;
use crate::event::Event;
use crate::machine::{Config, Machine};
use crate::time::Time;

/// One line of an event log.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[expect(clippy::exhaustive_enums, reason = "a reader of logs must know every kind of line")]
pub enum Entry {
    /// The first line.
    Start {
        /// Version of the crate that wrote the log. Another version may decide differently.
        version: Box<str>,
        /// Configuration of the machine.
        config: Config,
    },
    /// [`Machine::handle_event`] was called.
    Event {
        /// With this time.
        now: Time,
        /// With this event.
        event: Event,
    },
    /// [`Machine::handle_timeout`] was called.
    Timeout {
        /// With this time.
        now: Time,
    },
}

impl Entry {
    /// The first line of a log of a machine with this configuration.
    #[must_use]
    pub fn start(config: &Config) -> Self {
        Self::Start { version: VERSION.into(), config: config.clone() }
    }

    /// The time of the call; the first line has none.
    #[must_use]
    pub const fn now(&self) -> Option<Time> {
        match self {
            Self::Start { .. } => None,
            Self::Event { now, .. } | Self::Timeout { now } => Some(*now),
        }
    }

    /// Calls the machine as it was called then. Afterwards the machine has what it handed out then, to be looked at and
    /// thrown away. The first line calls nothing.
    ///
    /// ```
    /// use grace_core::log::Entry;
    /// use grace_core::{Config, Event, Machine, Time};
    ///
    /// let now = Time::from_unix_seconds(1_772_323_200);
    /// let log = [Entry::start(&Config::default()), Entry::Event { now, event: Event::Synced }];
    /// let mut machine = Machine::new(Config::default());
    /// for entry in &log {
    ///     entry.apply(&mut machine);
    ///     while let Some(action) = machine.poll_action() {
    ///         println!("{:?}: {:?}", entry.now(), action.command);
    ///     }
    /// }
    /// assert!(machine.is_ready());
    /// assert_eq!(log[1].now(), Some(now));
    /// ```
    pub fn apply(&self, machine: &mut Machine) {
        match self {
            Self::Start { .. } => {}
            Self::Event { now, event } => machine.handle_event(event, *now),
            Self::Timeout { now } => machine.handle_timeout(*now),
        }
    }
}

/// A log that does not begin with its first line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "an event log starts with its version and configuration; this one does not: replay it from its first line"
)]
#[expect(clippy::exhaustive_structs, reason = "there is nothing more to say")]
pub struct NoStart;

/// Repeats what a log recorded. Gives the machine as it was after the last entry, and every action it handed out.
///
/// # Errors
/// [`NoStart`] when the first entry is not [`Entry::Start`].
pub fn replay<'a>(entries: impl IntoIterator<Item = &'a Entry>) -> Result<(Machine, Vec<Action>), NoStart> {
    let mut entries = entries.into_iter();
    let Some(Entry::Start { config, .. }) = entries.next() else { return Err(NoStart) };
    let mut machine = Machine::new(config.clone());
    let mut actions = Vec::new();
    for entry in entries {
        entry.apply(&mut machine);
        while let Some(action) = machine.poll_action() {
            actions.push(action);
        }
        while machine.poll_notice().is_some() {}
    }
    Ok((machine, actions))
}

/// Version of this crate, as [`Entry::start`] writes it. A log of another one may replay to other actions.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");
