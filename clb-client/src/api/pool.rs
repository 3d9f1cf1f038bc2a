//! Where targets hang.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::{ListenerId, RuleId};

/// A listener (layer 4), or a rule of a listener (layer 7).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct Pool {
    /// The listener.
    #[serde(rename = "ListenerId")]
    listener: ListenerId,
    /// The rule of it; none for layer 4.
    #[serde(rename = "LocationId", skip_serializing_if = "Option::is_none")]
    rule: Option<RuleId>,
}

impl Pool {
    /// A layer-4 listener: TCP, UDP, TCP_SSL, QUIC.
    #[must_use]
    pub const fn listener(listener: ListenerId) -> Self {
        Self { listener, rule: None }
    }

    /// A rule of an HTTP or HTTPS listener.
    #[must_use]
    pub const fn rule(listener: ListenerId, rule: RuleId) -> Self {
        Self { listener, rule: Some(rule) }
    }

    /// The listener.
    #[must_use]
    pub const fn listener_id(&self) -> &ListenerId {
        &self.listener
    }

    /// The rule; none for layer 4.
    #[must_use]
    pub const fn rule_id(&self) -> Option<&RuleId> {
        self.rule.as_ref()
    }
}

impl fmt::Display for Pool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.rule {
            None => self.listener.fmt(f),
            Some(rule) => write!(f, "{}.{rule}", self.listener),
        }
    }
}

/// What a listener speaks.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[non_exhaustive]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Protocol {
    /// Layer 4.
    Tcp,
    /// Layer 4.
    Udp,
    /// Layer 4, TLS ends at the load balancer.
    TcpSsl,
    /// Layer 4.
    Quic,
    /// Layer 7.
    Http,
    /// Layer 7, TLS ends at the load balancer.
    Https,
    /// As the server said it.
    #[serde(untagged)]
    Other(String),
}

impl Protocol {
    /// Whether targets hang on the rules of the listener; `None` for a protocol that is not known here.
    #[must_use]
    pub const fn has_rules(&self) -> Option<bool> {
        match self {
            Self::Tcp | Self::Udp | Self::TcpSsl | Self::Quic => Some(false),
            Self::Http | Self::Https => Some(true),
            Self::Other(_) => None,
        }
    }
}

/// An empty [`Protocol::Other`]: the server said nothing.
impl Default for Protocol {
    fn default() -> Self {
        Self::Other(String::new())
    }
}
