//! Targets of a target group.

use std::net::IpAddr;
use std::num::NonZeroU16;

use serde::Serialize;

use super::Weight;

/// Address and port of a target of a group.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct GroupMember {
    /// Its private address.
    #[serde(rename = "BindIP")]
    ip: IpAddr,
    /// Its port.
    #[serde(rename = "Port")]
    port: NonZeroU16,
    /// Its weight.
    #[serde(rename = "Weight", skip_serializing_if = "Option::is_none")]
    weight: Option<Weight>,
    /// The port it moves to.
    #[serde(rename = "NewPort", skip_serializing_if = "Option::is_none")]
    new_port: Option<NonZeroU16>,
}

impl GroupMember {
    /// The target `ip`:`port`.
    #[must_use]
    pub const fn new(ip: IpAddr, port: NonZeroU16) -> Self {
        Self { ip, port, weight: None, new_port: None }
    }

    /// The weight it is registered with; groups of the second generation need it, unless they have a default.
    #[must_use]
    pub const fn with_weight(mut self, weight: Weight) -> Self {
        self.weight = Some(weight);
        self
    }

    /// The same target on its way to another port.
    pub(super) const fn moving_to(mut self, port: NonZeroU16) -> Self {
        self.new_port = Some(port);
        self
    }
}
