//! What the owner of a route asked for. Data only.

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::time::Duration;

use crate::target::Weight;

/// What the annotations of a Service or Ingress ask for one route.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[expect(
    clippy::exhaustive_structs,
    reason = "a fact is a whole statement: a field that a driver forgets must not compile"
)]
pub struct Policy {
    /// Which Pods are drained.
    pub drain: DrainOn,
    /// Weight of a Pod for which nothing else is said.
    pub default_weight: Weight,
    /// Weights by StatefulSet ordinal (annotation `lb-rs-weight`); they win over `default_weight`.
    pub by_ordinal: Vec<OrdinalWeight>,
    /// `publishNotReadyAddresses`: the user wants traffic regardless of readiness.
    pub ignore_readiness: bool,
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

/// Weight of some ordinals of one StatefulSet.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[expect(
    clippy::exhaustive_structs,
    reason = "a fact is a whole statement: a field that a driver forgets must not compile"
)]
pub struct OrdinalWeight {
    /// Name of the StatefulSet, in the namespace of the Service.
    pub stateful_set: Box<str>,
    /// Ordinals.
    pub ordinals: Vec<u32>,
    /// Their weight.
    pub weight: Weight,
}
