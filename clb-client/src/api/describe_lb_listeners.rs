//! `DescribeLBListeners`: which load balancers send traffic to an address. Documentation: api/214/43272.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use super::null::or_default;
use super::{ApiCall, Protocol};

/// Reads which load balancers of the region have one of some addresses as a target: finds what nobody cleaned up.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct DescribeLBListeners {
    /// The addresses.
    backends: Vec<BackendAddress>,
}

impl DescribeLBListeners {
    /// The load balancers in front of `backends`.
    #[must_use]
    pub const fn new(backends: Vec<BackendAddress>) -> Self {
        Self { backends }
    }
}

/// An address in a network.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct BackendAddress {
    /// The network: `vpc-1a2b3c4d`.
    vpc_id: String,
    /// The address in it.
    private_ip: IpAddr,
}

impl BackendAddress {
    /// `ip` in the network `vpc`.
    #[must_use]
    pub fn new(vpc: impl Into<String>, ip: IpAddr) -> Self {
        Self { vpc_id: vpc.into(), private_ip: ip }
    }
}

/// What was found.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[non_exhaustive]
#[serde(default, rename_all = "PascalCase")]
pub struct DescribeLBListenersResponse {
    /// By load balancer.
    #[serde(deserialize_with = "or_default")]
    pub load_balancers: Vec<FoundLoadBalancer>,
    /// Names the call.
    pub request_id: String,
}

/// A load balancer in front of an address.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[non_exhaustive]
#[serde(default, rename_all = "PascalCase")]
pub struct FoundLoadBalancer {
    /// Names it.
    #[serde(deserialize_with = "or_default")]
    pub load_balancer_id: String,
    /// Its address.
    #[serde(deserialize_with = "or_default")]
    pub vip: String,
    /// Its region.
    #[serde(deserialize_with = "or_default")]
    pub region: String,
    /// Its listeners in front of the address.
    #[serde(deserialize_with = "or_default")]
    pub listeners: Vec<FoundListener>,
}

/// A listener in front of an address.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[non_exhaustive]
#[serde(default, rename_all = "PascalCase")]
pub struct FoundListener {
    /// Names it.
    #[serde(deserialize_with = "or_default")]
    pub listener_id: String,
    /// What it speaks.
    #[serde(deserialize_with = "or_default")]
    pub protocol: Protocol,
    /// Where it listens.
    #[serde(deserialize_with = "or_default")]
    pub port: u32,
    /// Its rules in front of the address.
    #[serde(deserialize_with = "or_default")]
    pub rules: Vec<FoundRule>,
    /// The targets of a layer-4 listener.
    #[serde(deserialize_with = "or_default")]
    pub targets: Vec<FoundTarget>,
}

/// A rule in front of an address.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[non_exhaustive]
#[serde(default, rename_all = "PascalCase")]
pub struct FoundRule {
    /// Names it.
    #[serde(rename = "LocationId", deserialize_with = "or_default")]
    pub rule_id: String,
    /// The host it answers for.
    #[serde(deserialize_with = "or_default")]
    pub domain: String,
    /// The path it answers for.
    #[serde(deserialize_with = "or_default")]
    pub url: String,
    /// Its targets.
    #[serde(deserialize_with = "or_default")]
    pub targets: Vec<FoundTarget>,
}

/// The address as a target.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[non_exhaustive]
#[serde(default, rename_all = "PascalCase")]
pub struct FoundTarget {
    /// What kind, in any mixture of cases.
    #[serde(rename = "Type", deserialize_with = "or_default")]
    pub kind: String,
    /// The address.
    #[serde(deserialize_with = "or_default")]
    pub private_ip: String,
    /// The port.
    #[serde(deserialize_with = "or_default")]
    pub port: u32,
    /// 0 to 100; none when the server did not say it.
    pub weight: Option<u32>,
}

impl ApiCall for DescribeLBListeners {
    const ACTION: &'static str = "DescribeLBListeners";
    const REPEATABLE: bool = true;
    type Response = DescribeLBListenersResponse;
}
