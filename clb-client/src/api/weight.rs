//! The share of new connections that a target receives.

use std::fmt;

use serde::Serialize;

/// Share of new connections, 0 to 100. 0 drains the target: connections it already has live on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct Weight(u8);

impl Weight {
    /// No new connections.
    pub const DRAINED: Self = Self(0);

    /// What the API assumes when a weight is not said.
    pub const DEFAULT: Self = Self(10);

    /// # Errors
    /// [`WeightOutOfRange`] when `value` is above 100.
    pub const fn new(value: u8) -> Result<Self, WeightOutOfRange> {
        if value <= 100 { Ok(Self(value)) } else { Err(WeightOutOfRange(value)) }
    }

    /// 0 to 100.
    #[must_use]
    pub const fn get(self) -> u8 {
        self.0
    }
}

impl TryFrom<u8> for Weight {
    type Error = WeightOutOfRange;

    fn try_from(value: u8) -> Result<Self, WeightOutOfRange> {
        Self::new(value)
    }
}

impl fmt::Display for Weight {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A number that is no weight.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0} is no weight; weights go from 0 to 100")]
pub struct WeightOutOfRange(u8);
