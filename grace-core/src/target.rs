//! What a CLB forwards to: an address with a weight, in a pool of a lane.

use core::fmt;
use core::net::IpAddr;
use core::num::NonZeroU16;

use crate::pool::{LaneId, Pool};

/// Share of new connections a target receives. `0` drains it: open connections live on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(
    feature = "serde",
    derive(serde::Serialize, serde::Deserialize),
    serde(try_from = "u8", into = "u8")
)]
pub struct Weight(u8);

/// A number that is no weight.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a weight lies between 0 and 100, not at {0}; choose one in that range")]
#[expect(clippy::exhaustive_structs, reason = "the refused value is all there is to say")]
pub struct WeightOutOfRange(pub u8);

impl Weight {
    /// No new connections; open ones live on.
    pub const DRAINED: Self = Self(0);
    /// What the CLB gives a target that is registered without a weight.
    pub const DEFAULT: Self = Self(10);

    /// A weight, 0 to 100.
    ///
    /// # Errors
    /// [`WeightOutOfRange`] when `value` is above 100.
    pub const fn new(value: u8) -> Result<Self, WeightOutOfRange> {
        if value <= 100 { Ok(Self(value)) } else { Err(WeightOutOfRange(value)) }
    }

    /// The number, 0 to 100.
    #[must_use]
    pub const fn get(self) -> u8 {
        self.0
    }

    /// Whether new connections stay away.
    #[must_use]
    pub const fn is_drained(self) -> bool {
        self.0 == 0
    }
}

impl TryFrom<u8> for Weight {
    type Error = WeightOutOfRange;
    fn try_from(value: u8) -> Result<Self, WeightOutOfRange> {
        Self::new(value)
    }
}

impl From<Weight> for u8 {
    fn from(weight: Weight) -> Self {
        weight.0
    }
}

impl fmt::Display for Weight {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Where a target listens: a Pod's address and the port of its container.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[expect(clippy::exhaustive_structs, reason = "these two identify a target in a pool")]
pub struct Address {
    /// Address of the Pod.
    pub ip: IpAddr,
    /// Port of the container, 1 to 65535.
    pub port: NonZeroU16,
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.ip {
            IpAddr::V4(ip) => write!(f, "{ip}:{}", self.port),
            IpAddr::V6(ip) => write!(f, "[{ip}]:{}", self.port),
        }
    }
}

/// One target: an address in a pool of a lane. Its occupant is a Pod, which may change: addresses are used again.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[expect(clippy::exhaustive_structs, reason = "an identity is complete or it is none")]
pub struct TargetId {
    /// The load balancer or target group.
    pub lane: LaneId,
    /// The listener or rule.
    pub pool: Pool,
    /// The Pod's address and port.
    pub address: Address,
}

impl fmt::Display for TargetId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} in {} of {}", self.address, self.pool, self.lane)
    }
}
