//! The core's time: microseconds since the Unix epoch, handed in with every call.

use core::fmt;
use core::num::NonZeroU64;
use core::ops::{Add, Sub};
use core::time::Duration;

/// A moment, in microseconds since the Unix epoch.
///
/// The driver reads the wall clock once and advances it monotonically, so moments never run backwards, can be
/// recorded and replayed, and compare with the timestamps of Kubernetes objects. Arithmetic saturates: a timestamp far
/// in the past or the future is never a panic.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(transparent))]
pub struct Time(u64);

impl Time {
    /// The Unix epoch; stands for "always" where a creation time is missing.
    pub const EPOCH: Self = Self(0);

    /// A moment from microseconds since the Unix epoch.
    #[must_use]
    pub const fn from_micros(micros: u64) -> Self {
        Self(micros)
    }

    /// A moment from whole seconds since the Unix epoch; seconds before the epoch become the epoch.
    #[must_use]
    pub const fn from_unix_seconds(seconds: i64) -> Self {
        if seconds <= 0 { Self(0) } else { Self((seconds as u64).saturating_mul(1_000_000)) }
    }

    /// Microseconds since the Unix epoch.
    #[must_use]
    pub const fn as_micros(self) -> u64 {
        self.0
    }

    /// Time passed since `earlier`, zero when `earlier` lies in the future.
    #[must_use]
    pub const fn since(self, earlier: Self) -> Duration {
        Duration::from_micros(self.0.saturating_sub(earlier.0))
    }
}

/// A moment, or none: in the space of one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub(crate) struct Moment(Option<NonZeroU64>);

impl From<Option<Time>> for Moment {
    fn from(time: Option<Time>) -> Self {
        // One more than the microseconds, so that the epoch is a moment too.
        Self(time.map(|time| NonZeroU64::MIN.saturating_add(time.0)))
    }
}

impl Moment {
    pub(crate) fn get(self) -> Option<Time> {
        self.0.map(|micros| Time(micros.get() - 1))
    }
}

impl Add<Duration> for Time {
    type Output = Self;
    fn add(self, span: Duration) -> Self {
        Self(self.0.saturating_add(u64::try_from(span.as_micros()).unwrap_or(u64::MAX)))
    }
}

impl Sub<Duration> for Time {
    type Output = Self;
    fn sub(self, span: Duration) -> Self {
        Self(self.0.saturating_sub(u64::try_from(span.as_micros()).unwrap_or(u64::MAX)))
    }
}

impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{:06}", self.0 / 1_000_000, self.0 % 1_000_000)
    }
}
