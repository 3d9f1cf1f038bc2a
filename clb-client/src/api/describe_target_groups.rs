//! `DescribeTargetGroups` and `DescribeTargetGroupList`: which target groups there are.

use serde::{Deserialize, Serialize};

use super::null::or_default;
use super::{ApiCall, Filter, OverLimit, Protocol, TargetGroupId};

/// Reads target groups with the listeners and rules above them, by pages of 20 unless told otherwise.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct DescribeTargetGroups(Query);

/// Reads target groups without what is above them, by pages of 20 unless told otherwise.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct DescribeTargetGroupList(Query);

/// What both take.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
struct Query {
    /// Only these; not together with filters.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    target_group_ids: Vec<TargetGroupId>,
    /// Only what fits all of these.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    filters: Vec<Filter>,
    /// How many to skip.
    #[serde(skip_serializing_if = "Option::is_none")]
    offset: Option<u32>,
    /// How many to answer with.
    #[serde(skip_serializing_if = "Option::is_none")]
    limit: Option<u32>,
}

/// Declares the constructors and the call.
macro_rules! query {
    ($name:ident, $action:literal) => {
        impl $name {
            /// All of the region.
            #[must_use]
            pub fn new() -> Self {
                Self::default()
            }

            /// Only `groups`. Not together with a filter.
            #[must_use]
            pub fn with_ids(mut self, groups: Vec<TargetGroupId>) -> Self {
                self.0.target_group_ids = groups;
                self
            }

            /// Only those that fit; names are `TargetGroupVpcId`, `TargetGroupName` and `Tag`.
            #[must_use]
            pub fn with_filter(mut self, filter: Filter) -> Self {
                self.0.filters.push(filter);
                self
            }

            /// Skips `offset` and answers with at most `limit`, which is at most 100.
            #[must_use]
            pub const fn with_page(mut self, offset: u32, limit: u32) -> Self {
                (self.0.offset, self.0.limit) = (Some(offset), Some(limit));
                self
            }
        }

        impl ApiCall for $name {
            const ACTION: &'static str = $action;
            const REPEATABLE: bool = true;
            type Response = DescribeTargetGroupsResponse;

            fn object(&self) -> &str {
                match &*self.0.target_group_ids {
                    [one] => one.as_str(),
                    _ => "",
                }
            }

            fn check(&self) -> Result<(), OverLimit> {
                OverLimit::check("target groups on a page", self.0.limit.unwrap_or(0) as usize, 100)
            }
        }
    };
}

query!(DescribeTargetGroups, "DescribeTargetGroups");
query!(DescribeTargetGroupList, "DescribeTargetGroupList");

/// One page of target groups.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[non_exhaustive]
#[serde(default, rename_all = "PascalCase")]
pub struct DescribeTargetGroupsResponse {
    /// How many there are on all pages.
    #[serde(deserialize_with = "or_default")]
    pub total_count: u64,
    /// Those of this page.
    #[serde(rename = "TargetGroupSet", deserialize_with = "or_default")]
    pub groups: Vec<TargetGroup>,
    /// Names the call.
    pub request_id: String,
}

/// One target group.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[non_exhaustive]
#[serde(default, rename_all = "PascalCase")]
pub struct TargetGroup {
    /// Names it.
    #[serde(deserialize_with = "or_default")]
    pub target_group_id: String,
    /// For people.
    #[serde(deserialize_with = "or_default")]
    pub target_group_name: String,
    /// Its network.
    #[serde(deserialize_with = "or_default")]
    pub vpc_id: String,
    /// `v1` or `v2`.
    #[serde(deserialize_with = "or_default")]
    pub target_group_type: String,
    /// What its targets speak; groups of the second generation only.
    #[serde(deserialize_with = "or_default")]
    pub protocol: Protocol,
    /// Default port of its targets.
    pub port: Option<u32>,
    /// Default weight of its targets; groups of the second generation only.
    pub weight: Option<u32>,
    /// How many targets it has.
    pub registered_instances_count: Option<u64>,
    /// Whether its targets take all ports.
    #[serde(deserialize_with = "or_default")]
    pub full_listen_switch: bool,
    /// The listeners and rules above it; only of [`DescribeTargetGroups`].
    #[serde(rename = "AssociatedRule", deserialize_with = "or_default")]
    pub associated: Vec<AssociatedRule>,
}

/// A listener or rule above a group.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[non_exhaustive]
#[serde(default, rename_all = "PascalCase")]
pub struct AssociatedRule {
    /// Whose.
    #[serde(deserialize_with = "or_default")]
    pub load_balancer_id: String,
    /// The listener.
    #[serde(deserialize_with = "or_default")]
    pub listener_id: String,
    /// The rule; empty for layer 4.
    #[serde(rename = "LocationId", deserialize_with = "or_default")]
    pub rule_id: String,
    /// What the listener speaks.
    #[serde(deserialize_with = "or_default")]
    pub protocol: Protocol,
    /// Where it listens.
    #[serde(deserialize_with = "or_default")]
    pub port: u32,
    /// The group's share there.
    pub weight: Option<u32>,
}
