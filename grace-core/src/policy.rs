//! What the owner of a route asked for. Data only.

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::time::Duration;

use crate::target::Weight;

/// What the annotations of a Service or Ingress ask for one route.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[expect(clippy::exhaustive_structs, reason = "a field that a driver forgets must not compile")]
pub struct Policy {
    /// Which Pods are drained.
    pub drain: DrainOn,
    /// Weight of a Pod for which nothing else is said.
    pub default_weight: Weight,
    /// Weights by StatefulSet ordinal (annotation `lb-rs-weight`); they win over `default_weight`.
    pub by_ordinal: Vec<OrdinalWeight>,
    /// `publishNotReadyAddresses`: the user wants traffic regardless of readiness.
    pub ignore_readiness: bool,
    /// How many targets of a pool keep their weight although they are not ready; `None`: none do, as TKE documents.
    pub floor: Option<Floor>,
    /// How long a target stays at 0 after its Pod is over or gone, because a Pod that was deleted by force may still run.
    /// Default 0 s.
    pub min_drain: Duration,
    /// Over how long a Pod that became ready gets its weight, in ten steps; `None`: at once. Never delays a drain.
    pub slow_start: Option<Duration>,
    /// How long a target that leaves a living Pod (port changed, Pod deselected, route deleted) stays at 0 before it
    /// is deregistered, because no event of the Pod will end that drain. Default 30 s.
    pub config_drain: Duration,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            drain: DrainOn::Nothing,
            default_weight: Weight::DEFAULT,
            by_ordinal: Vec::new(),
            ignore_readiness: false,
            floor: None,
            min_drain: Duration::ZERO,
            slow_start: None,
            config_drain: Duration::from_secs(30),
        }
    }
}

/// Which Pods are brought to weight 0 while they stay registered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[expect(clippy::exhaustive_enums, reason = "every decision names every case; a further one must break them")]
pub enum DrainOn {
    /// None: a Pod that terminates is deregistered at once.
    #[default]
    Nothing,
    /// Terminating ones (`enable-grace-shutdown`).
    Termination,
    /// Terminating ones and those whose endpoint is not ready (`enable-grace-shutdown-tkex`, alone or with the other).
    TerminationAndUnready,
}

/// A floor under what readiness may take away. Terminating Pods are never subject to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[expect(clippy::exhaustive_enums, reason = "every decision names every case; a further one must break them")]
pub enum Floor {
    /// At least so many targets of a pool keep a positive weight.
    Targets(u16),
    /// At least so many percent of the living targets of a pool, rounded up; above 100 counts as 100.
    Percent(u8),
}

impl Floor {
    /// How many of `live` targets keep a positive weight.
    #[must_use]
    pub fn of(self, live: u32) -> u32 {
        match self {
            Self::Targets(targets) => u32::from(targets).min(live),
            Self::Percent(percent) => {
                let share = u64::from(live) * u64::from(percent.min(100));
                u32::try_from(share.div_ceil(100)).unwrap_or(live)
            }
        }
    }
}

/// Weight of some ordinals of one StatefulSet.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[expect(clippy::exhaustive_structs, reason = "a field that a driver forgets must not compile")]
pub struct OrdinalWeight {
    /// Name of the StatefulSet, in the namespace of the Service.
    pub stateful_set: Box<str>,
    /// Ordinals.
    pub ordinals: Vec<u32>,
    /// Their weight.
    pub weight: Weight,
}
