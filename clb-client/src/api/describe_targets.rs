//! `DescribeTargets`: what is bound to listeners and rules. Documentation: product/214/33824.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use super::null::or_default;
use super::{ApiCall, Filter, ListenerId, LoadBalancerId, OverLimit, Protocol};

/// Reads the targets of a load balancer. The answer is complete for the listeners that were asked for; there are no pages.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct DescribeTargets {
    /// Whose targets.
    load_balancer_id: LoadBalancerId,
    /// Only these listeners, at most 20.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    listener_ids: Vec<ListenerId>,
    /// Only what fits these.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    filters: Vec<Filter>,
}

impl DescribeTargets {
    /// All targets of `load_balancer`.
    #[must_use]
    pub const fn new(load_balancer: LoadBalancerId) -> Self {
        Self { load_balancer_id: load_balancer, listener_ids: Vec::new(), filters: Vec::new() }
    }

    /// Only those of `listeners`, at most 20.
    #[must_use]
    pub fn with_listeners(mut self, listeners: Vec<ListenerId>) -> Self {
        self.listener_ids = listeners;
        self
    }

    /// Only those that fit; names are `location-id`, `private-ip-address` and `tag`.
    #[must_use]
    pub fn with_filter(mut self, filter: Filter) -> Self {
        self.filters.push(filter);
        self
    }
}

/// What is bound.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[non_exhaustive]
#[serde(default, rename_all = "PascalCase")]
pub struct DescribeTargetsResponse {
    /// By listener.
    #[serde(deserialize_with = "or_default")]
    pub listeners: Vec<ListenerTargets>,
    /// Names the call.
    pub request_id: String,
}

/// What is bound to one listener.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[non_exhaustive]
#[serde(default, rename_all = "PascalCase")]
pub struct ListenerTargets {
    /// Which listener.
    #[serde(deserialize_with = "or_default")]
    pub listener_id: String,
    /// What it speaks.
    #[serde(deserialize_with = "or_default")]
    pub protocol: Protocol,
    /// Where it listens.
    #[serde(deserialize_with = "or_default")]
    pub port: u32,
    /// The last port of a listener with a range; 0 else.
    #[serde(deserialize_with = "or_default")]
    pub end_port: u32,
    /// The rules of a layer-7 listener.
    #[serde(deserialize_with = "or_default")]
    pub rules: Vec<RuleTargets>,
    /// The targets of a layer-4 listener.
    #[serde(deserialize_with = "or_default")]
    pub targets: Vec<Backend>,
}

/// What is bound to one rule.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[non_exhaustive]
#[serde(default, rename_all = "PascalCase")]
pub struct RuleTargets {
    /// Which rule.
    #[serde(rename = "LocationId", deserialize_with = "or_default")]
    pub rule_id: String,
    /// The host it answers for.
    #[serde(deserialize_with = "or_default")]
    pub domain: String,
    /// The path it answers for.
    #[serde(deserialize_with = "or_default")]
    pub url: String,
    /// The targets of it.
    #[serde(deserialize_with = "or_default")]
    pub targets: Vec<Backend>,
}

/// One target as it is read back.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[non_exhaustive]
#[serde(default, rename_all = "PascalCase")]
pub struct Backend {
    /// `CVM`, `ENI`, `CCN`, `EVM`, `GLOBALROUTE`, `NAT`, `SRV`, in any mixture of cases. Says nothing about whose it is.
    #[serde(rename = "Type", deserialize_with = "or_default")]
    pub kind: String,
    /// The virtual machine it runs on; may be empty.
    #[serde(deserialize_with = "or_default")]
    pub instance_id: String,
    /// Its port; 0 behind a listener with all ports.
    #[serde(deserialize_with = "or_default")]
    pub port: u32,
    /// 0 to 100; none when the server did not say it, which is not the same as 0.
    pub weight: Option<u32>,
    /// Its addresses; the first one counts. [`Backend::ip`] parses it.
    #[serde(deserialize_with = "or_default")]
    pub private_ip_addresses: Vec<String>,
    /// Its network interface; may be empty.
    #[serde(deserialize_with = "or_default")]
    pub eni_id: String,
    /// A free label.
    #[serde(deserialize_with = "or_default")]
    pub tag: String,
    /// When it was bound, in one of several forms.
    #[serde(deserialize_with = "or_default")]
    pub registered_time: String,
}

impl Backend {
    /// The address it was bound with; none when there is no address or it is none.
    #[must_use]
    pub fn ip(&self) -> Option<IpAddr> {
        self.private_ip_addresses.first()?.parse().ok()
    }
}

impl ApiCall for DescribeTargets {
    const ACTION: &'static str = "DescribeTargets";
    const REPEATABLE: bool = true;
    type Response = DescribeTargetsResponse;

    fn object(&self) -> &str {
        self.load_balancer_id.as_str()
    }

    fn check(&self) -> Result<(), OverLimit> {
        OverLimit::check("listeners", self.listener_ids.len(), 20)
    }
}
