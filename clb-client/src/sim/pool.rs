//! Where targets hang, and the targets themselves.

use std::{collections::BTreeMap, fmt, net::SocketAddr, time::Duration};

use serde_json::{Value, json};

/// Where targets hang: a layer 4 listener, a rule of a layer 7 listener, or a target group.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum PoolId {
    /// A TCP, UDP, TCP_SSL or QUIC listener.
    Listener {
        /// `lb-...`
        load_balancer: String,
        /// `lbl-...`
        listener: String,
    },
    /// A rule of an HTTP or HTTPS listener.
    Rule {
        /// `lb-...`
        load_balancer: String,
        /// `lbl-...`
        listener: String,
        /// `loc-...`
        rule: String,
    },
    /// A target group.
    Group {
        /// `lbtg-...`
        group: String,
    },
}

impl PoolId {
    /// The pool of a layer 4 listener.
    #[must_use]
    pub fn listener(load_balancer: &str, listener: &str) -> Self {
        Self::Listener { load_balancer: load_balancer.to_owned(), listener: listener.to_owned() }
    }

    /// The pool of a layer 7 rule.
    #[must_use]
    pub fn rule(load_balancer: &str, listener: &str, rule: &str) -> Self {
        Self::Rule {
            load_balancer: load_balancer.to_owned(),
            listener: listener.to_owned(),
            rule: rule.to_owned(),
        }
    }

    /// The pool of a target group.
    #[must_use]
    pub fn group(group: &str) -> Self {
        Self::Group { group: group.to_owned() }
    }

    /// What a write on this pool locks: the load balancer, or the target group.
    #[must_use]
    pub fn owner(&self) -> &str {
        match self {
            Self::Group { group } => group,
            Self::Listener { load_balancer, .. } | Self::Rule { load_balancer, .. } => load_balancer,
        }
    }

    /// The listener; `None` for a target group.
    #[must_use]
    pub fn listener_id(&self) -> Option<&str> {
        match self {
            Self::Listener { listener, .. } | Self::Rule { listener, .. } => Some(listener),
            Self::Group { .. } => None,
        }
    }
}

impl fmt::Display for PoolId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Group { group } => f.write_str(group),
            Self::Listener { load_balancer, listener } => write!(f, "{load_balancer}/{listener}"),
            Self::Rule { load_balancer, listener, rule } => write!(f, "{load_balancer}/{listener}/{rule}"),
        }
    }
}

/// What tells two targets of one pool apart.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct TargetKey {
    /// Address inside the cluster or the VPC.
    pub(crate) address: SocketAddr,
    /// The instance, for targets registered by `InstanceId`. Such a target and one registered by address may
    /// show the same address.
    pub(crate) instance: Option<String>,
}

impl TargetKey {
    pub(crate) const fn by_address(address: SocketAddr) -> Self {
        Self { address, instance: None }
    }

    /// The same machine on another port.
    pub(crate) fn on_port(&self, port: u16) -> Self {
        Self { address: SocketAddr::new(self.address.ip(), port), instance: self.instance.clone() }
    }
}

impl fmt::Display for TargetKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.instance {
            Some(instance) => write!(f, "{instance}:{}", self.address.port()),
            None => self.address.fmt(f),
        }
    }
}

/// One bound target.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Target {
    /// 0..=100
    pub(crate) weight: u8,
    /// When it was bound, since the start.
    pub(crate) registered: Duration,
    /// Free label of the caller.
    pub(crate) tag: String,
    /// Somebody was told that the weight is 0: a task that set it was reported as successful.
    pub(crate) zero_acknowledged: bool,
}

/// The targets of one pool.
pub(crate) type Targets = BTreeMap<TargetKey, Target>;

/// A target as `DescribeTargets` shows it: the address stands in `PrivateIpAddresses`, there is no `EniIp`.
pub(crate) fn shown(key: &TargetKey, target: &Target, registered: &str) -> Value {
    let (kind, instance) = match &key.instance {
        Some(instance) => ("CVM", instance.as_str()),
        None => ("ENI", ""),
    };
    json!({
        "Type": kind,
        "InstanceId": instance,
        "Port": key.address.port(),
        "Weight": target.weight,
        "PublicIpAddresses": null,
        "PrivateIpAddresses": [key.address.ip().to_string()],
        "InstanceName": null,
        "RegisteredTime": registered,
        "EniId": "",
        "Tag": target.tag,
        "Zone": null,
    })
}
