//! The event log: each call of the core as a line, given to whoever embeds this.

use grace_core::log::Entry;
use grace_core::{Config, Event, Time};
use tracing::error;

/// Takes each line, without its end.
pub(crate) type Sink = Box<dyn FnMut(&str) + Send + Sync>;

/// Writes down what the core is told, where somebody wants it.
pub(crate) struct Record(pub(crate) Option<Sink>);

impl Record {
    /// The first line.
    pub(crate) fn start(&mut self, config: &Config) {
        self.line(|| Entry::start(config));
    }

    /// The core is told something.
    pub(crate) fn event(&mut self, event: &Event, now: Time) {
        self.line(|| Entry::Event { now, event: event.clone() });
    }

    /// The core is told that time passed.
    pub(crate) fn timeout(&mut self, now: Time) {
        self.line(|| Entry::Timeout { now });
    }

    fn line(&mut self, entry: impl FnOnce() -> Entry) {
        let Some(sink) = &mut self.0 else { return };
        match serde_json::to_string(&entry()) {
            Ok(line) => sink(&line),
            Err(why) => {
                self.0 = None;
                error!(%why, "an event has no text; the event log ends here, because without it the rest is of no use");
            }
        }
    }
}
