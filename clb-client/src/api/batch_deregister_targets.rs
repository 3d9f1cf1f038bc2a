//! `BatchDeregisterTargets`. Documentation: product/214/33845.

use serde::{Deserialize, Serialize};

use super::null::or_default;
use super::{ApiCall, BatchTarget, LoadBalancerId, OverLimit};

/// Unbinds many targets of one load balancer. It stops forwarding to them at once, connections included.
///
/// Answers without a task; listeners that failed are named in the answer. At most 500 targets, in VPC networks only.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct BatchDeregisterTargets {
    /// Whose targets.
    load_balancer_id: LoadBalancerId,
    /// At most 500.
    targets: Vec<BatchTarget>,
}

impl BatchDeregisterTargets {
    /// The `targets` of `load_balancer`.
    #[must_use]
    pub const fn new(load_balancer: LoadBalancerId, targets: Vec<BatchTarget>) -> Self {
        Self { load_balancer_id: load_balancer, targets }
    }

    /// As few calls as the limit allows for any number of targets.
    #[must_use]
    pub fn split(load_balancer: &LoadBalancerId, targets: &[BatchTarget]) -> Vec<Self> {
        targets.chunks(TARGETS).map(|chunk| Self::new(load_balancer.clone(), chunk.to_vec())).collect()
    }
}

/// What was done, and for which listeners it was not.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[non_exhaustive]
#[serde(default, rename_all = "PascalCase")]
pub struct BatchDeregisterTargetsResponse {
    /// Listeners that failed; everything that was sent for one of them, and for its rules, is in doubt. Empty: all is done.
    #[serde(rename = "FailListenerIdSet", deserialize_with = "or_default")]
    pub failed_listeners: Vec<String>,
    /// Why, in words.
    #[serde(deserialize_with = "or_default")]
    pub message: String,
    /// Names the call.
    pub request_id: String,
}

impl ApiCall for BatchDeregisterTargets {
    const ACTION: &'static str = "BatchDeregisterTargets";
    // What is already done may be refused as an error.
    const REPEATABLE: bool = false;
    type Response = BatchDeregisterTargetsResponse;

    fn object(&self) -> &str {
        self.load_balancer_id.as_str()
    }

    fn check(&self) -> Result<(), OverLimit> {
        OverLimit::check("targets", self.targets.len(), TARGETS)
    }
}

/// Targets of one call.
const TARGETS: usize = 500;
