//! `DescribeLoadBalancers`: which load balancers there are. Documentation: api/214/30685.

use serde::{Deserialize, Serialize};

use super::null::or_default;
use super::{ApiCall, LoadBalancerId, OverLimit};

/// Reads load balancers of the region, by pages of 20 unless told otherwise.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct DescribeLoadBalancers {
    /// Only these, at most 20.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    load_balancer_ids: Vec<LoadBalancerId>,
    /// Only what fits all of these, at most 10.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    filters: Vec<Filter>,
    /// How many to skip.
    #[serde(skip_serializing_if = "Option::is_none")]
    offset: Option<u32>,
    /// How many to answer with, at most 100.
    #[serde(skip_serializing_if = "Option::is_none")]
    limit: Option<u32>,
}

impl DescribeLoadBalancers {
    /// All of the region.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Only `load_balancers`, at most 20.
    #[must_use]
    pub fn with_ids(mut self, load_balancers: Vec<LoadBalancerId>) -> Self {
        self.load_balancer_ids = load_balancers;
        self
    }

    /// Only those that fit; names are `tag-key`, `tag:KEY`, `charge-type`, `master-zone-id` and others.
    #[must_use]
    pub fn with_filter(mut self, filter: Filter) -> Self {
        self.filters.push(filter);
        self
    }

    /// Skips `offset` and answers with at most `limit`, which is at most 100.
    #[must_use]
    pub const fn with_page(mut self, offset: u32, limit: u32) -> Self {
        (self.offset, self.limit) = (Some(offset), Some(limit));
        self
    }
}

/// A condition on what is read: one of the values must fit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Filter {
    /// What is compared.
    name: String,
    /// With what; any of them.
    values: Vec<String>,
}

impl Filter {
    /// `name` must be one of `values`.
    #[must_use]
    pub fn new(name: impl Into<String>, values: Vec<String>) -> Self {
        Self { name: name.into(), values }
    }
}

/// One page of load balancers.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[non_exhaustive]
#[serde(default, rename_all = "PascalCase")]
pub struct DescribeLoadBalancersResponse {
    /// How many there are on all pages.
    #[serde(deserialize_with = "or_default")]
    pub total_count: u64,
    /// Those of this page.
    #[serde(rename = "LoadBalancerSet", deserialize_with = "or_default")]
    pub load_balancers: Vec<LoadBalancer>,
    /// Names the call.
    pub request_id: String,
}

/// One load balancer.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[non_exhaustive]
#[serde(default, rename_all = "PascalCase")]
pub struct LoadBalancer {
    /// Names it.
    #[serde(deserialize_with = "or_default")]
    pub load_balancer_id: String,
    /// For people.
    #[serde(deserialize_with = "or_default")]
    pub load_balancer_name: String,
    /// `OPEN` or `INTERNAL`.
    #[serde(deserialize_with = "or_default")]
    pub load_balancer_type: String,
    /// 1 for the present generation, 0 for classic ones, whose weights cannot be changed.
    pub forward: Option<i64>,
    /// 0 while it is made, 1 when it runs.
    pub status: Option<i64>,
    /// Its addresses; empty where it has a domain name instead.
    #[serde(deserialize_with = "or_default")]
    pub load_balancer_vips: Vec<String>,
    /// Its domain name.
    #[serde(deserialize_with = "or_default")]
    pub load_balancer_domain: String,
    /// Its network.
    #[serde(deserialize_with = "or_default")]
    pub vpc_id: String,
    /// Labels; TKE leaves `tke-clusterId` here.
    #[serde(deserialize_with = "or_default")]
    pub tags: Vec<Tag>,
    /// Where its targets are, when that is elsewhere.
    #[serde(deserialize_with = "or_default")]
    pub target_region_info: Option<TargetRegion>,
    /// 1 when it is switched off for arrears.
    #[serde(deserialize_with = "or_default")]
    pub isolation: i64,
    /// Switches that are on, by name.
    #[serde(deserialize_with = "or_default")]
    pub attribute_flags: Vec<String>,
}

/// A label.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[non_exhaustive]
#[serde(default)]
pub struct Tag {
    /// Its name.
    #[serde(rename = "TagKey", deserialize_with = "or_default")]
    pub key: String,
    /// Its value.
    #[serde(rename = "TagValue", deserialize_with = "or_default")]
    pub value: String,
}

/// Region and network of the targets.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[non_exhaustive]
#[serde(default, rename_all = "PascalCase")]
pub struct TargetRegion {
    /// Region id.
    #[serde(deserialize_with = "or_default")]
    pub region: String,
    /// Network.
    #[serde(deserialize_with = "or_default")]
    pub vpc_id: String,
}

impl ApiCall for DescribeLoadBalancers {
    const ACTION: &'static str = "DescribeLoadBalancers";
    const REPEATABLE: bool = true;
    type Response = DescribeLoadBalancersResponse;

    fn object(&self) -> &str {
        match &*self.load_balancer_ids {
            [one] => one.as_str(),
            _ => "",
        }
    }

    fn check(&self) -> Result<(), OverLimit> {
        OverLimit::check("load balancer ids", self.load_balancer_ids.len(), 20)?;
        OverLimit::check("filters", self.filters.len(), 10)?;
        OverLimit::check("load balancers on a page", self.limit.unwrap_or(0) as usize, 100)
    }
}
