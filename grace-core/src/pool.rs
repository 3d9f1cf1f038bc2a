//! Where targets hang (pools), and what one unfinished write locks (lanes) with its limits.

use alloc::vec::Vec;
use core::fmt;
use core::net::IpAddr;

use crate::id::{ListenerId, LoadBalancerId, RuleId, TargetGroupId};

/// What one unfinished write locks. Limits, budget, claims and authority belong to the lane.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[expect(clippy::exhaustive_enums, reason = "an executor that forgets a kind of lane must not compile")]
pub enum LaneId {
    /// A CLB: every write on it excludes every other.
    LoadBalancer(LoadBalancerId),
    /// A target group that several listeners share. Its only pool is [`Pool::WholeGroup`]; each of its writes has a task.
    TargetGroup(TargetGroupId),
}

impl fmt::Display for LaneId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::LoadBalancer(id) => id.fmt(f),
            Self::TargetGroup(id) => id.fmt(f),
        }
    }
}

/// Where targets hang, within a lane.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[expect(clippy::exhaustive_enums, reason = "an executor that forgets a kind of pool must not compile")]
pub enum Pool {
    /// A layer-4 listener.
    Listener(ListenerId),
    /// A rule of a layer-7 listener.
    Rule(ListenerId, RuleId),
    /// All of a target group.
    WholeGroup,
}

impl fmt::Display for Pool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Listener(listener) => listener.fmt(f),
            Self::Rule(listener, rule) => write!(f, "{listener}.{rule}"),
            Self::WholeGroup => f.write_str("the group"),
        }
    }
}

/// What is known of a lane beside its targets.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[expect(clippy::exhaustive_structs, reason = "a field that a driver forgets must not compile")]
pub struct LaneFacts {
    /// The lane spoken of.
    pub id: LaneId,
    /// What one call may carry.
    pub limits: Limits,
    /// Settings of its listeners that defeat a drain; each is noticed once.
    pub harmful: Vec<(Pool, Switch)>,
    /// The only family of addresses that can be registered there; `None`: both, or not known.
    pub family: Option<Family>,
}

/// A family of addresses. A Pod with one address of each has one target per family that its pools take.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[expect(clippy::exhaustive_enums, reason = "there are two")]
pub enum Family {
    /// IPv4.
    V4,
    /// IPv6.
    V6,
}

impl Family {
    /// The family of an address.
    #[must_use]
    pub const fn of(ip: IpAddr) -> Self {
        match ip {
            IpAddr::V4(_) => Self::V4,
            IpAddr::V6(_) => Self::V6,
        }
    }
}

/// What one call to a lane may carry. The defaults are the documented limits of the CLB API.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[expect(clippy::exhaustive_structs, reason = "a limit that is forgotten is broken")]
pub struct Limits {
    /// Targets in one call: 500 (BatchModifyTargetWeight, BatchRegisterTargets, BatchDeregisterTargets).
    pub batch: u16,
    /// Elements in one weight call: 100 (BatchModifyTargetWeight, `ModifyList`).
    pub elements: u16,
    /// Targets in one element: 50 (BatchModifyTargetWeight, `ModifyList[].Targets`).
    pub per_element: u16,
    /// Elements that may name the same pool in one weight call: 1. More (up to 10) is not verified against the real
    /// CLB, so raise it only after trying it on a scratch CLB.
    pub elements_per_pool: u16,
    /// Listeners in one read: 20 (DescribeTargets, `ListenerIds`).
    pub pools_per_read: u16,
    /// Targets that a listener or rule can hold, where it is known (default quota 100, raised by ticket).
    pub targets_per_pool: Option<u16>,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            batch: 500,
            elements: 100,
            per_element: 50,
            elements_per_pool: 1,
            pools_per_read: 20,
            targets_per_pool: None,
        }
    }
}

impl Limits {
    /// What one call to a target group may carry: 20 targets (DeregisterTargetGroupInstances; of registering and of weights
    /// no other number is documented), of one group.
    #[must_use]
    pub const fn of_target_group() -> Self {
        Self {
            batch: 20,
            elements: 1,
            per_element: 20,
            elements_per_pool: 1,
            pools_per_read: 1,
            targets_per_pool: None,
        }
    }

    /// Targets of one pool in one weight call.
    pub(crate) fn weights_per_pool(&self) -> u32 {
        u32::from(self.per_element.max(1)) * u32::from(self.elements_per_pool.max(1))
    }
}

/// A setting of a listener that cuts the very connections a drain protects.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub enum Switch {
    /// `RescheduleTargetZeroWeight`: weight 0 reschedules open connections, so a drain cuts them.
    RescheduleTargetZeroWeight,
    /// `RescheduleExpandTarget`: every registration reschedules open connections.
    RescheduleExpandTarget,
}

impl Switch {
    /// The name that the CLB API uses.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::RescheduleTargetZeroWeight => "RescheduleTargetZeroWeight",
            Self::RescheduleExpandTarget => "RescheduleExpandTarget",
        }
    }
}
