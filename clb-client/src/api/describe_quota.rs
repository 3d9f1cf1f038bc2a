//! `DescribeQuota`: what the account may have in the region. Documentation: product/214/38187.

use serde::{Deserialize, Serialize};

use super::ApiCall;
use super::null::or_default;

/// Reads what the account may have in the region.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct DescribeQuota {}

impl DescribeQuota {
    /// All quotas.
    #[must_use]
    pub const fn new() -> Self {
        Self {}
    }
}

/// All quotas.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[non_exhaustive]
#[serde(default, rename_all = "PascalCase")]
pub struct DescribeQuotaResponse {
    /// In no documented order.
    #[serde(rename = "QuotaSet", deserialize_with = "or_default")]
    pub quotas: Vec<Quota>,
    /// Names the call.
    pub request_id: String,
}

/// One quota.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[non_exhaustive]
#[serde(default)]
pub struct Quota {
    /// Such as `TOTAL_TARGET_BIND_QUOTA`, targets per listener or rule.
    #[serde(rename = "QuotaId", deserialize_with = "or_default")]
    pub id: String,
    /// What is used; not said for every quota.
    #[serde(rename = "QuotaCurrent")]
    pub current: Option<i64>,
    /// What is allowed.
    #[serde(rename = "QuotaLimit")]
    pub limit: Option<i64>,
}

impl ApiCall for DescribeQuota {
    const ACTION: &'static str = "DescribeQuota";
    const REPEATABLE: bool = true;
    type Response = DescribeQuotaResponse;
}
