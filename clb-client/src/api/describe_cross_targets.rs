//! `DescribeCrossTargets`: what can be a target from another VPC or region (cross-region binding 2.0).
//! Form: official Python SDK 3.1.194, `clb/v20180317/models.py`.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use super::null::or_default;
use super::{ApiCall, Filter};

/// Reads machines and interfaces that a Cloud Connect Network reaches.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct DescribeCrossTargets {
    /// All of them must hold.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    filters: Vec<Filter>,
    /// Where the page begins.
    #[serde(skip_serializing_if = "Option::is_none")]
    offset: Option<u32>,
    /// Length of the page, at most 100, 20 unless said.
    #[serde(skip_serializing_if = "Option::is_none")]
    limit: Option<u32>,
}

impl DescribeCrossTargets {
    /// The first 20.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Only those for which `filter` holds: `vpc-id`, `ip`, `listener-id` or `location-id`.
    #[must_use]
    pub fn with_filter(mut self, filter: Filter) -> Self {
        self.filters.push(filter);
        self
    }

    /// Another page; `limit` is at most 100.
    #[must_use]
    pub const fn with_page(mut self, offset: u32, limit: u32) -> Self {
        (self.offset, self.limit) = (Some(offset), Some(limit));
        self
    }
}

/// A page of them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[non_exhaustive]
#[serde(default, rename_all = "PascalCase")]
pub struct DescribeCrossTargetsResponse {
    /// Over all pages.
    #[serde(deserialize_with = "or_default")]
    pub total_count: u64,
    /// In no documented order.
    #[serde(rename = "CrossTargetSet", deserialize_with = "or_default")]
    pub targets: Vec<CrossTarget>,
    /// Names the call.
    pub request_id: String,
}

/// A machine or interface elsewhere.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[non_exhaustive]
#[serde(default, rename_all = "PascalCase")]
pub struct CrossTarget {
    /// VPC of the load balancer.
    #[serde(deserialize_with = "or_default")]
    pub local_vpc_id: String,
    /// VPC of the machine or interface.
    #[serde(deserialize_with = "or_default")]
    pub vpc_id: String,
    /// Its address, as text.
    #[serde(rename = "IP", deserialize_with = "or_default")]
    pub private_ip: String,
    /// Its interface.
    #[serde(deserialize_with = "or_default")]
    pub eni_id: String,
    /// Its machine; empty for an interface.
    #[serde(deserialize_with = "or_default")]
    pub instance_id: String,
    /// Its region.
    #[serde(deserialize_with = "or_default")]
    pub region: String,
}

impl CrossTarget {
    /// Its address; `None` when the text is none.
    #[must_use]
    pub fn ip(&self) -> Option<IpAddr> {
        self.private_ip.parse().ok()
    }
}

impl ApiCall for DescribeCrossTargets {
    const ACTION: &'static str = "DescribeCrossTargets";
    const REPEATABLE: bool = true;
    type Response = DescribeCrossTargetsResponse;
}
