//! The instant of a signature.

use std::error::Error;
use std::fmt;

/// Whole seconds since the Unix epoch, up to the end of the year 9999 (UTC).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UnixSeconds(u64);

impl UnixSeconds {
    /// The last second of the year 9999: a date has four digits for the year.
    pub const MAX: Self = Self(253_402_300_799);

    /// # Errors
    /// [`TimeOutOfRange`] after the year 9999.
    pub const fn new(seconds: u64) -> Result<Self, TimeOutOfRange> {
        if seconds <= Self::MAX.0 { Ok(Self(seconds)) } else { Err(TimeOutOfRange(seconds)) }
    }

    /// Seconds since the Unix epoch.
    #[must_use]
    pub const fn get(self) -> u64 {
        self.0
    }

    /// The instant `offset` seconds later (earlier when negative), held inside the range of the type.
    #[must_use]
    pub const fn shifted(self, offset: i64) -> Self {
        let shifted = self.0.saturating_add_signed(offset);
        if shifted <= Self::MAX.0 { Self(shifted) } else { Self::MAX }
    }

    /// Days since the Unix epoch, in UTC.
    pub(crate) const fn day(self) -> u64 {
        self.0 / SECONDS_PER_DAY
    }

    /// Decimal digits, right-aligned in a buffer, and where they begin.
    pub(crate) fn decimal(self) -> ([u8; 12], usize) {
        let (mut digits, mut rest) = ([b'0'; 12], self.0);
        for pair in digits.as_chunks_mut().0.iter_mut().rev() {
            let two = u8::try_from(rest % 100).expect("two digits");
            *pair = [b'0' + two / 10, b'0' + two % 10];
            rest /= 100;
        }
        let from = digits.iter().position(|digit| *digit != b'0').unwrap_or(digits.len() - 1);
        (digits, from)
    }
}

impl fmt::Display for UnixSeconds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A time that no signature can carry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TimeOutOfRange(u64);

impl fmt::Display for TimeOutOfRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} seconds after the Unix epoch is later than the year 9999; correct the clock", self.0)
    }
}

impl Error for TimeOutOfRange {}

/// The Unix time scale has no leap seconds.
const SECONDS_PER_DAY: u64 = 86_400;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seconds_are_written_without_leading_zeros() {
        for seconds in [0, 1, 9, 10, 99, 100, 101, 86_399, 1_772_323_200, UnixSeconds::MAX.get()] {
            let (digits, from) = UnixSeconds::new(seconds).unwrap().decimal();
            assert_eq!(digits[from..], *seconds.to_string().as_bytes());
        }
    }
}
