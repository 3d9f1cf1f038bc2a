//! What the core knows of an EndpointSlice: which Pods serve a Service, on which port, and whether they are ready.

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::fmt;
use core::net::IpAddr;
use core::num::NonZeroU16;

use crate::id::{ObjectName, Uid};

/// A Service, by namespace and name.
pub type ServiceKey = ObjectName;
/// An EndpointSlice, by namespace and name.
pub type SliceKey = ObjectName;

/// Name of a port of a Service; the empty name is the one of a Service with a single unnamed port.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(transparent))]
pub struct PortName(Box<str>);

impl PortName {
    /// The name as text, possibly empty.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<&str> for PortName {
    fn from(name: &str) -> Self {
        Self(name.into())
    }
}

impl fmt::Display for PortName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Everything about one EndpointSlice. Its endpoints are reached on each of its ports.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[expect(clippy::exhaustive_structs, reason = "a field that a driver forgets must not compile")]
pub struct SliceFacts {
    /// Which slice.
    pub key: SliceKey,
    /// The Service that it belongs to (label `kubernetes.io/service-name`), in the namespace of the slice.
    pub service: ServiceKey,
    /// Port names of the Service with the container ports they resolve to for the Pods of this slice.
    pub ports: Vec<(PortName, NonZeroU16)>,
    /// The Pods. One that moves between slices may stand in two of them, or for a moment in none.
    pub endpoints: Vec<EndpointFacts>,
}

/// One Pod in an EndpointSlice, with the rules for missing conditions applied (KEP-1672).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[expect(clippy::exhaustive_structs, reason = "a field that a driver forgets must not compile")]
pub struct EndpointFacts {
    /// The Pod that `targetRef` names.
    pub pod: Uid,
    /// Its address.
    pub ip: IpAddr,
    /// Whether the Pod itself is ready, terminating or not.
    pub serving: bool,
    /// Whether the Pod has a deletion timestamp.
    pub terminating: bool,
}
