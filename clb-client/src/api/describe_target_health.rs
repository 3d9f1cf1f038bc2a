//! `DescribeTargetHealth`: what the probes say about targets. Documentation: product/214/33825.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use super::null::or_default;
use super::{ApiCall, ListenerId, LoadBalancerId, OverLimit, Protocol, RuleId};

/// Reads what the probes say about the targets of up to 30 load balancers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct DescribeTargetHealth {
    /// Whose targets, at most 30.
    load_balancer_ids: Vec<LoadBalancerId>,
    /// Only those of these listeners.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    listener_ids: Vec<ListenerId>,
    /// Only those of these rules.
    #[serde(rename = "LocationIds", skip_serializing_if = "Vec::is_empty")]
    rule_ids: Vec<RuleId>,
}

impl DescribeTargetHealth {
    /// The targets of `load_balancers`, at most 30.
    #[must_use]
    pub const fn new(load_balancers: Vec<LoadBalancerId>) -> Self {
        Self { load_balancer_ids: load_balancers, listener_ids: Vec::new(), rule_ids: Vec::new() }
    }

    /// Only those of `listeners`.
    #[must_use]
    pub fn with_listeners(mut self, listeners: Vec<ListenerId>) -> Self {
        self.listener_ids = listeners;
        self
    }

    /// Only those of `rules`.
    #[must_use]
    pub fn with_rules(mut self, rules: Vec<RuleId>) -> Self {
        self.rule_ids = rules;
        self
    }
}

/// What the probes say.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[non_exhaustive]
#[serde(default, rename_all = "PascalCase")]
pub struct DescribeTargetHealthResponse {
    /// By load balancer.
    #[serde(deserialize_with = "or_default")]
    pub load_balancers: Vec<LoadBalancerHealth>,
    /// Names the call.
    pub request_id: String,
}

/// What the probes say about one load balancer.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[non_exhaustive]
#[serde(default, rename_all = "PascalCase")]
pub struct LoadBalancerHealth {
    /// Which one.
    #[serde(deserialize_with = "or_default")]
    pub load_balancer_id: String,
    /// By listener.
    #[serde(deserialize_with = "or_default")]
    pub listeners: Vec<ListenerHealth>,
}

/// What the probes say about one listener.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[non_exhaustive]
#[serde(default, rename_all = "PascalCase")]
pub struct ListenerHealth {
    /// Which one.
    #[serde(deserialize_with = "or_default")]
    pub listener_id: String,
    /// What it speaks.
    #[serde(deserialize_with = "or_default")]
    pub protocol: Protocol,
    /// Where it listens.
    #[serde(deserialize_with = "or_default")]
    pub port: u32,
    /// By rule. A layer-4 listener has one here too, without domain and URL and with an id of its own.
    #[serde(deserialize_with = "or_default")]
    pub rules: Vec<RuleHealth>,
}

/// What the probes say about one rule.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[non_exhaustive]
#[serde(default, rename_all = "PascalCase")]
pub struct RuleHealth {
    /// Which one.
    #[serde(rename = "LocationId", deserialize_with = "or_default")]
    pub rule_id: String,
    /// The host it answers for.
    #[serde(deserialize_with = "or_default")]
    pub domain: String,
    /// The path it answers for.
    #[serde(deserialize_with = "or_default")]
    pub url: String,
    /// By target.
    #[serde(deserialize_with = "or_default")]
    pub targets: Vec<TargetHealth>,
}

/// What the probes say about one target.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[non_exhaustive]
#[serde(default, rename_all = "PascalCase")]
pub struct TargetHealth {
    /// Its address.
    #[serde(rename = "IP", deserialize_with = "or_default")]
    pub ip: String,
    /// Its port.
    #[serde(deserialize_with = "or_default")]
    pub port: u32,
    /// True when it is healthy; false also while it was not probed yet.
    pub health_status: Option<bool>,
    /// `Alive`, `Dead`, `Unknown` (not probed yet) or `Close` (no probes). May contradict `health_status`.
    #[serde(deserialize_with = "or_default")]
    pub health_status_detail: String,
    /// The virtual machine.
    #[serde(deserialize_with = "or_default")]
    pub target_id: String,
    /// The target group it belongs to.
    #[serde(deserialize_with = "or_default")]
    pub target_group_id: String,
}

impl TargetHealth {
    /// Its address, parsed.
    #[must_use]
    pub fn address(&self) -> Option<IpAddr> {
        self.ip.parse().ok()
    }

    /// What to make of the two fields, which contradict each other in the official sample: without probes there is no
    /// information, else the first one counts.
    #[must_use]
    pub fn verdict(&self) -> HealthVerdict {
        match (self.health_status_detail.as_str(), self.health_status) {
            ("Close", _) => HealthVerdict::NotProbed,
            (_, Some(true)) => HealthVerdict::Healthy,
            ("Unknown", _) | ("", None) => HealthVerdict::Unknown,
            (_, Some(false) | None) => HealthVerdict::Unhealthy,
        }
    }
}

/// Whether a target is healthy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum HealthVerdict {
    /// It passes its probes.
    Healthy,
    /// It fails them.
    Unhealthy,
    /// It was not probed often enough.
    Unknown,
    /// There are no probes; it receives traffic as if it were healthy.
    NotProbed,
}

impl ApiCall for DescribeTargetHealth {
    const ACTION: &'static str = "DescribeTargetHealth";
    const REPEATABLE: bool = true;
    type Response = DescribeTargetHealthResponse;

    fn object(&self) -> &str {
        match &*self.load_balancer_ids {
            [one] => one.as_str(),
            _ => "",
        }
    }

    fn check(&self) -> Result<(), OverLimit> {
        OverLimit::check("load balancers", self.load_balancer_ids.len(), 30)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn contradictions_of_the_official_sample_are_settled() {
        #[rustfmt::skip]
        let rows = [
            (r#"{"HealthStatus":true,"HealthStatusDetail":"Alive"}"#, HealthVerdict::Healthy),
            (r#"{"HealthStatus":true,"HealthStatusDetail":"Dead"}"#, HealthVerdict::Healthy),
            (r#"{"HealthStatus":false,"HealthStatusDetail":"Dead"}"#, HealthVerdict::Unhealthy),
            (r#"{"HealthStatus":false,"HealthStatusDetail":null}"#, HealthVerdict::Unhealthy),
            (r#"{"HealthStatus":false,"HealthStatusDetail":"Unknown"}"#, HealthVerdict::Unknown),
            (r#"{"HealthStatus":false,"HealthStatusDetail":"Close"}"#, HealthVerdict::NotProbed),
            (r#"{"IP":"10.0.0.7","HealthStatusDetial":"Alive"}"#, HealthVerdict::Unknown),
        ];
        for (json, verdict) in rows {
            let health: TargetHealth = serde_json::from_str(json).unwrap();
            assert_eq!(health.verdict(), verdict, "{json}");
        }
    }
}
