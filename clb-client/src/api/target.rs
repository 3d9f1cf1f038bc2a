//! Who receives the traffic.

use std::fmt;
use std::net::IpAddr;
use std::num::NonZeroU16;

use serde::Serialize;

use super::{InstanceId, Pool, Weight};

/// Address and port of a target. Together with the pool it is the identity of the target.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct Address {
    /// The host part: the API takes exactly one of the two.
    #[serde(flatten)]
    host: Host,
    /// The target's port.
    #[serde(rename = "Port")]
    port: NonZeroU16,
}

/// Names the machine.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
enum Host {
    /// A private address: that of a Pod when the load balancer forwards straight to Pods.
    EniIp(IpAddr),
    /// A virtual machine, by its first network interface.
    InstanceId(InstanceId),
}

impl Address {
    /// A Pod, or anything else with a private address.
    #[must_use]
    pub const fn ip(ip: IpAddr, port: NonZeroU16) -> Self {
        Self { host: Host::EniIp(ip), port }
    }

    /// A virtual machine.
    #[must_use]
    pub const fn instance(instance: InstanceId, port: NonZeroU16) -> Self {
        Self { host: Host::InstanceId(instance), port }
    }

    /// The target's port.
    #[must_use]
    pub const fn port(&self) -> NonZeroU16 {
        self.port
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.host {
            Host::EniIp(IpAddr::V4(ip)) => write!(f, "{ip}:{}", self.port),
            Host::EniIp(IpAddr::V6(ip)) => write!(f, "[{ip}]:{}", self.port),
            Host::InstanceId(id) => write!(f, "{id}:{}", self.port),
        }
    }
}

/// A target of the calls that name one listener or rule.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct Target {
    /// Who it is.
    #[serde(flatten)]
    address: Address,
    /// Its weight; the server assumes 10.
    #[serde(rename = "Weight", skip_serializing_if = "Option::is_none")]
    weight: Option<Weight>,
}

impl Target {
    /// The target `address`.
    #[must_use]
    pub const fn new(address: Address) -> Self {
        Self { address, weight: None }
    }

    /// The weight it is registered with; [`Weight::DEFAULT`] when it is not said. Deregistration ignores it.
    #[must_use]
    pub const fn with_weight(mut self, weight: Weight) -> Self {
        self.weight = Some(weight);
        self
    }
}

/// A target of the batch calls, which name the pool with each target.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct BatchTarget {
    /// Where it hangs. Layer 7 needs the rule.
    #[serde(flatten)]
    pool: Pool,
    /// Who it is.
    #[serde(flatten)]
    address: Address,
    /// Its weight; the server assumes 10.
    #[serde(rename = "Weight", skip_serializing_if = "Option::is_none")]
    weight: Option<Weight>,
}

impl BatchTarget {
    /// The target `address` of `pool`.
    #[must_use]
    pub const fn new(pool: Pool, address: Address) -> Self {
        Self { pool, address, weight: None }
    }

    /// The weight it is registered with; [`Weight::DEFAULT`] when it is not said. Deregistration ignores it.
    #[must_use]
    pub const fn with_weight(mut self, weight: Weight) -> Self {
        self.weight = Some(weight);
        self
    }
}
