//! `ModifyTargetWeight`: sets the weights of targets of one listener or rule. Documentation: product/214/33811.

use serde::Serialize;

use super::{ApiCall, LoadBalancerId, OverLimit, Pool, Queued, TargetWeight};

/// Sets the weights of targets of one listener or rule.
///
/// Asynchronous. At most 20 targets.
///
/// The action also takes one weight for all targets; here each target names its own, because the server takes a missing one
/// for 10.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct ModifyTargetWeight {
    /// Whose targets.
    load_balancer_id: LoadBalancerId,
    /// The listener or rule.
    #[serde(flatten)]
    pool: Pool,
    /// At most 20.
    targets: Vec<TargetWeight>,
}

impl ModifyTargetWeight {
    /// The `targets` of `pool` of `load_balancer`.
    #[must_use]
    pub const fn new(load_balancer: LoadBalancerId, pool: Pool, targets: Vec<TargetWeight>) -> Self {
        Self { load_balancer_id: load_balancer, pool, targets }
    }
}

impl ApiCall for ModifyTargetWeight {
    const ACTION: &'static str = "ModifyTargetWeight";
    // Weights are absolute values.
    const REPEATABLE: bool = true;
    type Response = Queued;

    fn object(&self) -> &str {
        self.load_balancer_id.as_str()
    }

    fn check(&self) -> Result<(), OverLimit> {
        OverLimit::check("targets", self.targets.len(), 20)
    }
}
