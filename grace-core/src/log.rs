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
        Self::Start { version: env!("CARGO_PKG_VERSION").into(), config: config.clone() }
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
        match entry {
            Entry::Start { .. } => {}
            Entry::Event { now, event } => machine.handle_event(event, *now),
            Entry::Timeout { now } => machine.handle_timeout(*now),
        }
        while let Some(action) = machine.poll_action() {
            actions.push(action);
        }
        while machine.poll_notice().is_some() {}
    }
    Ok((machine, actions))
}
