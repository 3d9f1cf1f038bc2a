//! How moments and spans are shown.

use std::time::Duration;

use grace_core::Time;
use k8s_openapi::jiff::Timestamp;

/// Shows moments relative to the first entry of a log.
#[derive(Clone, Copy)]
pub(crate) struct Clock {
    /// Time of the first entry.
    pub(crate) begin: Time,
    /// Time of the last entry.
    pub(crate) end: Time,
}

impl Clock {
    /// Seconds since the first entry, negative before it.
    pub(crate) fn relative(self, at: Time) -> String {
        let (sign, span) =
            if at < self.begin { ('-', self.begin.since(at)) } else { ('+', at.since(self.begin)) };
        // Cut and not rounded, as the moment beside it.
        format!("{sign}{}.{:03}", span.as_secs(), span.subsec_millis())
    }

    /// Both ways, in a text.
    pub(crate) fn both(self, at: Time) -> String {
        format!("{} ({})", absolute(at), self.relative(at))
    }
}

/// A moment in UTC.
pub(crate) fn absolute(at: Time) -> String {
    let micros = i64::try_from(at.as_micros()).ok();
    match micros.and_then(|micros| Timestamp::from_microsecond(micros).ok()) {
        Some(at) => format!("{at:.3}"),
        None => format!("{at} s"),
    }
}

/// A span in seconds.
pub(crate) fn seconds(span: Duration) -> String {
    format!("{:.3} s", span.as_secs_f64())
}
