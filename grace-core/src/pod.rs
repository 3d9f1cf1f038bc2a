//! What the core knows of a Pod.

use alloc::boxed::Box;
use core::net::IpAddr;
use core::time::Duration;

use crate::id::{ObjectName, Uid};
use crate::target::Weight;
use crate::time::Time;

/// Everything about one Pod that bears on its targets.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[expect(clippy::exhaustive_structs, reason = "a field that a driver forgets must not compile")]
pub struct PodFacts {
    /// Identity. A Pod that is created again under its name is another Pod.
    pub uid: Uid,
    /// For people only.
    pub name: ObjectName,
    /// Addresses, at most one per family; none while the Pod has no sandbox.
    pub ips: [Option<IpAddr>; 2],
    /// When it was created; breaks ties between Pods on one address.
    pub created: Time,
    /// Where it is between creation and its end.
    pub life: Life,
    /// Our own readiness gate.
    pub gate: Gate,
    /// Since when it is ready, where it is.
    pub ready_since: Option<Time>,
    /// Since when it is not ready, where it is not.
    pub unready_since: Option<Time>,
    /// Weight that the Pod's annotation asks for behind Services; wins over the route's.
    pub weight_service: Option<Weight>,
    /// Weight that the Pod's annotation asks for behind Ingresses; wins over the route's.
    pub weight_ingress: Option<Weight>,
    /// StatefulSet and ordinal, for weights by ordinal.
    pub ordinal: Option<(Box<str>, u32)>,
    /// How much time its end allows, as declared.
    pub stop: StopBudget,
    /// Whether the Pod already shows that it is drained.
    pub drained_shown: bool,
}

/// Where a Pod is between creation and its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[expect(clippy::exhaustive_enums, reason = "every decision names every case; a further one must break them")]
pub enum Life {
    /// No deletion timestamp, not in a terminal phase.
    Live,
    /// Deletion was asked for, its containers may still run.
    Terminating {
        /// When deletion was asked for: the deletion timestamp minus the grace period.
        asked: Time,
        /// When the kubelet kills it: the deletion timestamp. May move earlier, and later after a kubelet restart.
        kill: Time,
    },
    /// Nothing runs any more: phase Succeeded or Failed, or a deletion with grace 0. The object may stay for days.
    Over,
}

/// State of the readiness gate that this software sets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[expect(clippy::exhaustive_enums, reason = "every decision names every case; a further one must break them")]
pub enum Gate {
    /// The Pod does not declare it.
    NotDeclared,
    /// Declared and not yet true.
    Waiting {
        /// Nothing else is missing for the Pod to be ready, read from the gate's own condition: such a Pod counts as
        /// ready, because it would otherwise wait for a registration that waits for it.
        only: bool,
    },
    /// Declared and true.
    Passed,
}

/// How much time the end of a Pod allows, as its spec declares it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[expect(clippy::exhaustive_structs, reason = "a field that a driver forgets must not compile")]
pub struct StopBudget {
    /// `terminationGracePeriodSeconds`.
    pub grace: Duration,
    /// The shortest preStop of its containers.
    pub pre_stop: PreStop,
}

/// What keeps the containers from SIGTERM for a while.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[expect(clippy::exhaustive_enums, reason = "every decision names every case; a further one must break them")]
pub enum PreStop {
    /// Some container has none: SIGTERM comes at once.
    None,
    /// All sleep, the shortest this long.
    Sleep(Duration),
    /// A script or a request, whose length nobody can know.
    Unknown,
}
