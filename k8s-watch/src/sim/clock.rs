//! The cluster's clock: the wall at construction, advanced by tokio's clock, so that a paused test sees exact times.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use k8s_openapi::jiff::Timestamp;
use tokio::time::Instant;

/// Tells the time in microseconds since the Unix epoch.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Clock {
    /// The wall when the cluster was made, in microseconds since the Unix epoch.
    wall: i64,
    /// tokio's clock at that moment.
    start: Instant,
}

impl Clock {
    /// A clock that shows `wall` now.
    pub(crate) fn starting_at(wall: SystemTime) -> Self {
        let since = wall.duration_since(UNIX_EPOCH).unwrap_or_default();
        Self { wall: micros(since), start: Instant::now() }
    }

    /// Microseconds since the Unix epoch.
    pub(crate) fn now(&self) -> i64 {
        self.wall + micros(self.start.elapsed())
    }
}

/// `metav1.Time`: whole seconds, the fraction cut off.
pub(crate) fn whole_seconds(at: i64) -> String {
    timestamp(at.div_euclid(MICROS) * MICROS).to_string()
}

/// Microseconds since the Unix epoch of an RFC 3339 time.
pub(crate) fn parse(text: &str) -> Option<i64> {
    text.parse::<Timestamp>().ok().map(Timestamp::as_microsecond)
}

/// Whether a text is what the API accepts as `metav1.MicroTime`: six digits of fraction, `Z` or an offset.
pub(crate) fn is_micro_time(text: &str) -> bool {
    let Some((_, fraction)) = text.split_once('.') else { return false };
    let digits = fraction.bytes().take_while(u8::is_ascii_digit).count();
    digits == 6 && text.as_bytes().get(10) == Some(&b'T') && parse(text).is_some()
}

fn timestamp(at: i64) -> Timestamp {
    Timestamp::from_microsecond(at).unwrap_or(Timestamp::UNIX_EPOCH)
}

fn micros(duration: Duration) -> i64 {
    i64::try_from(duration.as_micros()).unwrap_or(i64::MAX)
}

const MICROS: i64 = 1_000_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_cut_off_to_whole_seconds() {
        let at = parse("2026-11-24T20:58:01.900Z").unwrap();
        assert_eq!(whole_seconds(at), "2026-11-24T20:58:01Z");
    }

    #[rustfmt::skip]
    #[test]
    fn a_micro_time_has_exactly_six_digits() {
        for (text, valid) in [
            ("2026-11-24T20:00:00.000000Z",      true),
            ("2026-11-24T20:00:00.000000+08:00", true),
            ("2026-11-24T20:00:00Z",             false),
            ("2026-11-24T20:00:00.5Z",           false),
            ("2026-11-24T20:00:00.000000000Z",   false),
            ("2026-11-24 20:00:00.000000Z",      false),
        ] {
            assert_eq!(is_micro_time(text), valid, "{text}");
        }
    }
}
