//! `DescribeTargetGroupInstances`: the targets of target groups, by pages.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use super::null::or_default;
use super::{ApiCall, Filter, OverLimit, TargetGroupId};

/// Reads the targets of target groups, by pages of 20 unless told otherwise.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct DescribeTargetGroupInstances {
    /// What must fit.
    filters: Vec<Filter>,
    /// How many to skip.
    #[serde(skip_serializing_if = "Option::is_none")]
    offset: Option<u32>,
    /// How many to answer with.
    #[serde(skip_serializing_if = "Option::is_none")]
    limit: Option<u32>,
}

impl DescribeTargetGroupInstances {
    /// The targets of `group`.
    #[must_use]
    pub fn of_group(group: &TargetGroupId) -> Self {
        Self::matching(Filter::new("TargetGroupId", vec![group.to_string()]))
    }

    /// What fits; names are `TargetGroupId`, `BindIP` and `InstanceId`.
    #[must_use]
    pub fn matching(filter: Filter) -> Self {
        Self { filters: vec![filter], offset: None, limit: None }
    }

    /// Of those, what fits too.
    #[must_use]
    pub fn with_filter(mut self, filter: Filter) -> Self {
        self.filters.push(filter);
        self
    }

    /// Skips `offset` and answers with at most `limit`. The largest page is not documented; 100 are taken for it.
    #[must_use]
    pub const fn with_page(mut self, offset: u32, limit: u32) -> Self {
        (self.offset, self.limit) = (Some(offset), Some(limit));
        self
    }
}

/// One page of targets.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[non_exhaustive]
#[serde(default, rename_all = "PascalCase")]
pub struct DescribeTargetGroupInstancesResponse {
    /// How many fit, on all pages.
    #[serde(deserialize_with = "or_default")]
    pub total_count: u64,
    /// How many there are, whatever page and permissions.
    #[serde(deserialize_with = "or_default")]
    pub real_count: u64,
    /// Those of this page.
    #[serde(rename = "TargetGroupInstanceSet", deserialize_with = "or_default")]
    pub members: Vec<GroupBackend>,
    /// Names the call.
    pub request_id: String,
}

/// One target of a group as it is read back.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[non_exhaustive]
#[serde(default, rename_all = "PascalCase")]
pub struct GroupBackend {
    /// Which group.
    #[serde(deserialize_with = "or_default")]
    pub target_group_id: String,
    /// What kind, in any mixture of cases.
    #[serde(rename = "Type", deserialize_with = "or_default")]
    pub kind: String,
    /// The virtual machine it runs on; may be empty.
    #[serde(deserialize_with = "or_default")]
    pub instance_id: String,
    /// Its port; 0 for all ports.
    #[serde(deserialize_with = "or_default")]
    pub port: u32,
    /// 0 to 100; none when the server did not say it, which is not the same as 0.
    pub weight: Option<u32>,
    /// Its addresses; the first one counts.
    #[serde(deserialize_with = "or_default")]
    pub private_ip_addresses: Vec<String>,
    /// Its network interface; may be empty.
    #[serde(deserialize_with = "or_default")]
    pub eni_id: String,
}

impl GroupBackend {
    /// The address it was bound with; none when there is no address or it is none.
    #[must_use]
    pub fn ip(&self) -> Option<IpAddr> {
        self.private_ip_addresses.first()?.parse().ok()
    }
}

impl ApiCall for DescribeTargetGroupInstances {
    const ACTION: &'static str = "DescribeTargetGroupInstances";
    const REPEATABLE: bool = true;
    type Response = DescribeTargetGroupInstancesResponse;

    fn check(&self) -> Result<(), OverLimit> {
        OverLimit::check("targets on a page", self.limit.unwrap_or(0) as usize, 100)
    }
}
