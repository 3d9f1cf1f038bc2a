//! The event log: what came in, so that a run can be repeated elsewhere, action by action.
//!
//! One entry per line as JSON makes a log file; any serde format will do. The first entry names the version and the
//! configuration, each later one a call of the contract.
//!
//! A log of a long run is cut now and then: a snapshot of the machine among its entries makes what follows complete without
//! what was before. Entries may be lost from the front, up to a snapshot, and from the end; none may be lost in between.

use alloc::boxed::Box;
use alloc::vec::Vec;

use crate::action::Action;
use crate::event::Event;
use crate::machine::{Config, Machine};
use crate::time::Time;

/// One line of an event log.
#[derive(Clone, Debug, serde::Serialize, serde::Deserialize)]
#[expect(clippy::exhaustive_enums, reason = "a reader of logs must know every kind of line")]
pub enum Entry {
    /// The first line.
    Start {
        /// Version of the crate that wrote the log. Another version may decide differently.
        version: Box<str>,
        /// Configuration of the machine.
        config: Config,
    },
    /// The machine between two calls: a replay may begin here as well, and does what one from the first line does.
    Snapshot {
        /// Version of the crate that wrote the log. Another version has another machine, and cannot read this one.
        version: Box<str>,
        /// All that it remembers. It is believed as it stands: a line that was changed by hand may end in a panic.
        machine: Box<Machine>,
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

    /// The machine as it is now, to be written between two calls, when all its actions and notices were taken: notices
    /// that were not are not in it. It is a copy, as large as the machine.
    ///
    /// ```
    /// use grace_core::log::{Entry, replay};
    /// use grace_core::{Config, Event, Machine, Time};
    ///
    /// let now = Time::from_unix_seconds(1_772_323_200);
    /// let mut machine = Machine::new(Config::default());
    /// machine.handle_event(&Event::Synced, now);
    /// let snapshot = Entry::snapshot(&machine);
    /// // What was before it is not needed any more.
    /// let (replayed, _) = replay([&snapshot, &Entry::Timeout { now }]).expect("it has a snapshot");
    /// assert!(replayed.is_ready());
    /// ```
    #[must_use]
    pub fn snapshot(machine: &Machine) -> Self {
        Self::Snapshot { version: VERSION.into(), machine: Box::new(machine.clone()) }
    }

    /// The machine that a replay has which begins with this entry; `None` where none can begin.
    #[must_use]
    pub fn machine(&self) -> Option<Machine> {
        match self {
            Self::Start { config, .. } => Some(Machine::new(config.clone())),
            Self::Snapshot { machine, .. } => Some((**machine).clone()),
            Self::Event { .. } | Self::Timeout { .. } => None,
        }
    }

    /// The time of the call, or of the last one before a snapshot; the first line has none.
    #[must_use]
    pub fn now(&self) -> Option<Time> {
        match self {
            Self::Start { .. } => None,
            Self::Snapshot { machine, .. } => Some(machine.now()),
            Self::Event { now, .. } | Self::Timeout { now } => Some(*now),
        }
    }

    /// Calls the machine as it was called then. Afterwards the machine has what it handed out then, to be looked at and
    /// thrown away. The first line and a snapshot call nothing.
    ///
    /// ```
    /// use grace_core::log::Entry;
    /// use grace_core::{Config, Event, Machine, Time};
    ///
    /// let now = Time::from_unix_seconds(1_772_323_200);
    /// let log = [Entry::start(&Config::default()), Entry::Event { now, event: Event::Synced }];
    /// let mut machine = log[0].machine().expect("a log begins with it");
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
            Self::Start { .. } | Self::Snapshot { .. } => {}
            Self::Event { now, event } => machine.handle_event(event, *now),
            Self::Timeout { now } => machine.handle_timeout(*now),
        }
    }
}

/// A log that has nothing to begin a replay with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "an event log is replayed from its first line, which has the version and the configuration, or from a snapshot; this \
     one has neither: keep what was written since the last snapshot when a log is cut"
)]
#[expect(clippy::exhaustive_structs, reason = "there is nothing more to say")]
pub struct NoStart;

/// Repeats what a log recorded, from its first line or, where that was cut off, from the first snapshot that is left. Gives
/// the machine as it was after the last entry, and every action it handed out on the way.
///
/// # Errors
/// [`NoStart`] when no entry is [`Entry::Start`] or [`Entry::Snapshot`].
pub fn replay<'a>(entries: impl IntoIterator<Item = &'a Entry>) -> Result<(Machine, Vec<Action>), NoStart> {
    let mut entries = entries.into_iter();
    let mut machine = entries.find_map(Entry::machine).ok_or(NoStart)?;
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

/// Version of this crate, as [`Entry::start`] and [`Entry::snapshot`] write it. A log of another one may replay to other actions.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");
