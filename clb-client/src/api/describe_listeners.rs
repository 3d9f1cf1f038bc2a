//! `DescribeListeners`: listeners and rules of a load balancer. Documentation: api/214/30686.

use serde::{Deserialize, Serialize};

use super::null::or_default;
use super::{ApiCall, ListenerId, LoadBalancerId, OverLimit, Protocol};

/// Reads the listeners and rules of a load balancer, without pages.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct DescribeListeners {
    /// Whose listeners.
    load_balancer_id: LoadBalancerId,
    /// Only these, at most 100.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    listener_ids: Vec<ListenerId>,
    /// Only those that speak it.
    #[serde(skip_serializing_if = "Option::is_none")]
    protocol: Option<Protocol>,
    /// Only those that listen there.
    #[serde(skip_serializing_if = "Option::is_none")]
    port: Option<u16>,
}

impl DescribeListeners {
    /// All listeners of `load_balancer`.
    #[must_use]
    pub const fn new(load_balancer: LoadBalancerId) -> Self {
        Self { load_balancer_id: load_balancer, listener_ids: Vec::new(), protocol: None, port: None }
    }

    /// Only `listeners`, at most 100.
    #[must_use]
    pub fn with_listeners(mut self, listeners: Vec<ListenerId>) -> Self {
        self.listener_ids = listeners;
        self
    }

    /// Only those that speak `protocol`.
    #[must_use]
    pub fn with_protocol(mut self, protocol: Protocol) -> Self {
        self.protocol = Some(protocol);
        self
    }

    /// Only those that listen on `port`.
    #[must_use]
    pub const fn with_port(mut self, port: u16) -> Self {
        self.port = Some(port);
        self
    }
}

/// The listeners.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[non_exhaustive]
#[serde(default, rename_all = "PascalCase")]
pub struct DescribeListenersResponse {
    /// In no documented order.
    #[serde(deserialize_with = "or_default")]
    pub listeners: Vec<Listener>,
    /// How many there are.
    #[serde(deserialize_with = "or_default")]
    pub total_count: u64,
    /// Names the call.
    pub request_id: String,
}

/// One listener.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[non_exhaustive]
#[serde(default, rename_all = "PascalCase")]
pub struct Listener {
    /// Names it.
    #[serde(deserialize_with = "or_default")]
    pub listener_id: String,
    /// For people.
    #[serde(deserialize_with = "or_default")]
    pub listener_name: String,
    /// What it speaks.
    #[serde(deserialize_with = "or_default")]
    pub protocol: Protocol,
    /// Where it listens.
    #[serde(deserialize_with = "or_default")]
    pub port: u32,
    /// The last port of a range; 0 else.
    #[serde(deserialize_with = "or_default")]
    pub end_port: u32,
    /// `WRR`, `LEAST_CONN` or `IP_HASH`.
    #[serde(deserialize_with = "or_default")]
    pub scheduler: String,
    /// Seconds for which a client sticks to its target, 0 for off. A sticky client may still reach a drained target.
    #[serde(deserialize_with = "or_default")]
    pub session_expire_time: i64,
    /// What hangs below it.
    #[serde(deserialize_with = "or_default")]
    pub target_type: TargetType,
    /// The rules of a layer-7 listener.
    #[serde(deserialize_with = "or_default")]
    pub rules: Vec<Rule>,
    /// Whether connections are reset when their target is deregistered.
    #[serde(deserialize_with = "or_default")]
    pub deregister_target_rst: bool,
    /// Switches that are on, by name.
    #[serde(deserialize_with = "or_default")]
    pub attr_flags: Vec<String>,
    /// How targets are probed.
    #[serde(deserialize_with = "or_default")]
    pub health_check: Option<HealthCheck>,
    /// Seconds after which an idle connection is closed; 0 when not said.
    #[serde(deserialize_with = "or_default")]
    pub idle_connect_timeout: i64,
}

impl Listener {
    /// Whether connections are cut when their target gets weight 0 (`RescheduleTargetZeroWeight`): defeats draining.
    #[must_use]
    pub fn cuts_drained_connections(&self) -> bool {
        self.has_flag("RescheduleTargetZeroWeight")
    }

    /// Whether connections are cut when targets come or go (`RescheduleExpandTarget`).
    #[must_use]
    pub fn cuts_connections_on_expansion(&self) -> bool {
        self.has_flag("RescheduleExpandTarget")
    }

    /// Whether it is stopped.
    #[must_use]
    pub fn is_stopped(&self) -> bool {
        self.has_flag("Stop")
    }

    fn has_flag(&self, name: &str) -> bool {
        self.attr_flags.iter().any(|flag| flag == name)
    }
}

/// One rule of a layer-7 listener.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[non_exhaustive]
#[serde(default, rename_all = "PascalCase")]
pub struct Rule {
    /// Names it.
    #[serde(rename = "LocationId", deserialize_with = "or_default")]
    pub rule_id: String,
    /// The host it answers for.
    #[serde(deserialize_with = "or_default")]
    pub domain: String,
    /// All hosts it answers for, where there are several.
    #[serde(deserialize_with = "or_default")]
    pub domains: Vec<String>,
    /// The path it answers for.
    #[serde(deserialize_with = "or_default")]
    pub url: String,
    /// Seconds for which a client sticks to its target, 0 for off.
    #[serde(deserialize_with = "or_default")]
    pub session_expire_time: i64,
    /// What hangs below it.
    #[serde(deserialize_with = "or_default")]
    pub target_type: TargetType,
    /// Whether it is what answers for hosts that no rule names.
    #[serde(deserialize_with = "or_default")]
    pub default_server: bool,
    /// Whether it only redirects and was made automatically.
    #[serde(deserialize_with = "or_default")]
    pub be_auto_created: bool,
    /// How targets are probed.
    #[serde(deserialize_with = "or_default")]
    pub health_check: Option<HealthCheck>,
}

/// How targets are probed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[non_exhaustive]
#[serde(default, rename_all = "PascalCase")]
pub struct HealthCheck {
    /// 1 for on, 0 for off.
    pub health_switch: Option<i64>,
    /// Seconds between two probes.
    pub interval_time: Option<i64>,
    /// Probes in a row that make a target healthy.
    pub health_num: Option<i64>,
    /// Probes in a row that make a target unhealthy.
    pub un_health_num: Option<i64>,
}

/// What hangs below a listener or rule.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[non_exhaustive]
pub enum TargetType {
    /// Targets of its own.
    #[serde(rename = "NODE")]
    Node,
    /// A service of a registry.
    #[serde(rename = "POLARIS")]
    Polaris,
    /// A target group.
    #[serde(rename = "TARGETGROUP")]
    TargetGroup,
    /// A target group of the second generation.
    #[serde(rename = "TARGETGROUP-V2")]
    TargetGroupV2,
    /// As the server said it; empty when it said nothing, which layer-7 listeners do.
    #[serde(untagged)]
    Other(String),
}

/// An empty [`TargetType::Other`]: the server said nothing.
impl Default for TargetType {
    fn default() -> Self {
        Self::Other(String::new())
    }
}

impl ApiCall for DescribeListeners {
    const ACTION: &'static str = "DescribeListeners";
    const REPEATABLE: bool = true;
    type Response = DescribeListenersResponse;

    fn object(&self) -> &str {
        self.load_balancer_id.as_str()
    }

    fn check(&self) -> Result<(), OverLimit> {
        OverLimit::check("listeners", self.listener_ids.len(), 100)
    }
}
