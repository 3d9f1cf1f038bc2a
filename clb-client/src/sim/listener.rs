//! Listeners and layer 7 rules.

use std::{collections::BTreeMap, fmt};

use serde_json::{Value, json};

use super::{pool::Targets, target_group::TargetGroup};

/// The protocol of a listener.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(clippy::exhaustive_enums, reason = "a further one must be thought about everywhere")]
pub enum Protocol {
    /// Layer 4.
    Tcp,
    /// Layer 4.
    Udp,
    /// Layer 4 with TLS ended at the load balancer.
    TcpSsl,
    /// Layer 4 here: targets hang on the listener.
    Quic,
    /// Layer 7: targets hang on rules.
    Http,
    /// Layer 7: targets hang on rules.
    Https,
}

impl Protocol {
    /// The name on the wire.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Tcp => "TCP",
            Self::Udp => "UDP",
            Self::TcpSsl => "TCP_SSL",
            Self::Quic => "QUIC",
            Self::Http => "HTTP",
            Self::Https => "HTTPS",
        }
    }

    /// Whether targets hang on rules.
    #[must_use]
    pub const fn is_layer_7(self) -> bool {
        matches!(self, Self::Http | Self::Https)
    }
}

impl fmt::Display for Protocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A listener attribute that decides what happens to existing connections.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Switch {
    /// Connections of a deregistered target are reset. A field of its own in `DescribeListeners`.
    DeregisterTargetRst,
    /// Weight 0 cuts existing connections: defeats graceful shutdown. Shown in `AttrFlags`.
    RescheduleTargetZeroWeight,
    /// A failing health check cuts existing connections. Shown in `AttrFlags`.
    RescheduleUnhealthy,
    /// Adding or removing targets cuts existing connections. Shown in `AttrFlags`.
    RescheduleExpandTarget,
    /// The listener is stopped. Shown in `AttrFlags` as `Stop`.
    Stop,
}

impl Switch {
    /// The string in `AttrFlags`; `None` for a switch that has a field of its own.
    const fn flag(self) -> Option<&'static str> {
        match self {
            Self::DeregisterTargetRst => None,
            Self::RescheduleTargetZeroWeight => Some("RescheduleTargetZeroWeight"),
            Self::RescheduleUnhealthy => Some("RescheduleUnhealthy"),
            Self::RescheduleExpandTarget => Some("RescheduleExpandTarget"),
            Self::Stop => Some("Stop"),
        }
    }
}

/// A rule of a layer 7 listener: domain and URL, and its targets.
#[derive(Clone, Debug)]
pub struct Rule {
    pub(crate) id: String,
    pub(crate) domain: String,
    pub(crate) url: String,
    /// Session persistence by cookie, seconds; 0 is off.
    pub(crate) session_expire: u32,
    /// The target group that it forwards to, instead of targets of its own.
    pub(crate) group: Option<String>,
    pub(crate) targets: Targets,
}

impl Rule {
    /// A rule (`loc-...`) for requests to `domain` whose path starts with `url`.
    #[must_use]
    pub fn new(id: &str, domain: &str, url: &str) -> Self {
        Self {
            id: id.to_owned(),
            domain: domain.to_owned(),
            url: url.to_owned(),
            session_expire: 0,
            group: None,
            targets: Targets::new(),
        }
    }

    /// Session persistence by cookie for so many seconds; 0 is off, the API takes 30 to 3600. The data plane keeps it as
    /// long as the client keeps the cookie.
    #[must_use]
    pub const fn with_session_persistence(mut self, seconds: u32) -> Self {
        self.session_expire = seconds;
        self
    }

    /// The rule forwards to a target group (`lbtg-...`), so that it takes no single targets.
    #[must_use]
    pub fn with_target_group(mut self, group: &str) -> Self {
        self.group = Some(group.to_owned());
        self
    }

    fn shown(&self, listener: &str, groups: &Groups) -> Value {
        let (target_type, group) = forwards_to(self.group.as_deref(), groups);
        json!({
            "LocationId": self.id,
            "Domain": self.domain,
            "Domains": null,
            "Url": self.url,
            "ListenerId": listener,
            "Scheduler": "WRR",
            "SessionExpireTime": self.session_expire,
            "CookieName": "",
            "HealthCheck": health_check(),
            "Certificate": null,
            "ForwardType": "HTTP",
            "TargetType": target_type,
            "TargetGroup": group,
            "TargetGroupList": null,
            "RewriteTarget": {"TargetListenerId": null, "TargetLocationId": null},
            "DefaultServer": false,
            "Http2": false,
            "HttpGzip": true,
            "BeAutoCreated": false,
            "QuicStatus": "QUIC_INACTIVE",
            "CreateTime": "2026-01-01 00:00:00",
        })
    }
}

/// A listener: a port of a load balancer, with targets (layer 4) or rules (layer 7).
#[derive(Clone, Debug)]
pub struct Listener {
    pub(crate) id: String,
    pub(crate) protocol: Protocol,
    pub(crate) port: u16,
    pub(crate) switches: Vec<Switch>,
    pub(crate) session_expire: u32,
    /// The target group that it forwards to, instead of targets of its own.
    pub(crate) group: Option<String>,
    /// Targets of a layer 4 listener; empty for layer 7.
    pub(crate) targets: Targets,
    /// Rules of a layer 7 listener by id; empty for layer 4.
    pub(crate) rules: BTreeMap<String, Rule>,
}

impl Listener {
    /// A listener (`lbl-...`) on `port` of the load balancer.
    #[must_use]
    pub fn new(id: &str, protocol: Protocol, port: u16) -> Self {
        Self {
            id: id.to_owned(),
            protocol,
            port,
            switches: Vec::new(),
            session_expire: 0,
            group: None,
            targets: Targets::new(),
            rules: BTreeMap::new(),
        }
    }

    /// A TCP listener.
    #[must_use]
    pub fn tcp(id: &str, port: u16) -> Self {
        Self::new(id, Protocol::Tcp, port)
    }

    /// An HTTP listener; give it rules.
    #[must_use]
    pub fn http(id: &str, port: u16) -> Self {
        Self::new(id, Protocol::Http, port)
    }

    /// Adds a rule. Only layer 7 listeners show and use it.
    #[must_use]
    pub fn with_rule(mut self, rule: Rule) -> Self {
        self.rules.insert(rule.id.clone(), rule);
        self
    }

    /// Switches an attribute on.
    #[must_use]
    pub fn with_switch(mut self, switch: Switch) -> Self {
        if !self.switches.contains(&switch) {
            self.switches.push(switch);
        }
        self
    }

    /// Session persistence by client address for so many seconds; 0 is off, the API takes 30 to 3600.
    #[must_use]
    pub const fn with_session_persistence(mut self, seconds: u32) -> Self {
        self.session_expire = seconds;
        self
    }

    /// The listener forwards to a target group (`lbtg-...`), so that it takes no single targets.
    #[must_use]
    pub fn with_target_group(mut self, group: &str) -> Self {
        self.group = Some(group.to_owned());
        self
    }

    pub(crate) fn has(&self, switch: Switch) -> bool {
        self.switches.contains(&switch)
    }

    /// As `DescribeListeners` shows it.
    pub(crate) fn shown(&self, groups: &Groups) -> Value {
        let (target_type, group) = forwards_to(self.group.as_deref(), groups);
        let rules = self
            .protocol
            .is_layer_7()
            .then(|| self.rules.values().map(|rule| rule.shown(&self.id, groups)).collect::<Vec<_>>());
        let flags: Vec<&str> = self.switches.iter().filter_map(|switch| switch.flag()).collect();
        json!({
            "ListenerId": self.id,
            "ListenerName": self.id,
            "Protocol": self.protocol.as_str(),
            "Port": self.port,
            "EndPort": 0,
            "CreateTime": "2026-01-01 00:00:00",
            "HealthCheck": (!self.protocol.is_layer_7()).then(health_check),
            "Certificate": null,
            "Scheduler": (!self.protocol.is_layer_7()).then_some("WRR"),
            "SessionExpireTime": self.session_expire,
            "SessionType": "NORMAL",
            "SniSwitch": 0,
            "Rules": rules,
            "TargetType": target_type,
            "TargetGroup": group,
            "TargetGroupList": null,
            "KeepaliveEnable": 0,
            "Toa": false,
            "DeregisterTargetRst": self.has(Switch::DeregisterTargetRst),
            "AttrFlags": flags,
            "MaxConn": -1,
            "MaxCps": -1,
            "IdleConnectTimeout": 900,
            "RescheduleInterval": 0,
            "RescheduleStartTime": 0,
            "DataCompressMode": "transparent",
        })
    }
}

/// Target groups by id.
pub(crate) type Groups = BTreeMap<String, TargetGroup>;

/// `TargetType` and `TargetGroup`.
fn forwards_to(group: Option<&str>, groups: &Groups) -> (&'static str, Option<Value>) {
    match group.map(|id| groups.get(id)) {
        None => ("NODE", None),
        Some(None) => ("TARGETGROUP", None),
        Some(Some(group)) => (group.target_type(), Some(group.shown_in_short())),
    }
}

/// The documented defaults.
fn health_check() -> Value {
    json!({
        "HealthSwitch": 1, "TimeOut": 2, "IntervalTime": 5, "HealthNum": 3, "UnHealthNum": 3,
        "HttpCode": null, "HttpCheckPath": null, "HttpCheckDomain": null, "HttpCheckMethod": null,
        "CheckPort": null, "CheckType": "TCP", "HttpVersion": null, "ContextType": null, "SendContext": null,
        "RecvContext": null, "ExtendedCode": null, "SourceIpType": 1,
    })
}
