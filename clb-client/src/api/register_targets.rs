//! `RegisterTargets`: binds targets to one listener or rule. Documentation: product/214/33809.

use serde::Serialize;

use super::{ApiCall, LoadBalancerId, OverLimit, Pool, Queued, Target};

/// Binds targets to one listener or rule. A target without a weight gets 10.
///
/// Asynchronous. At most 20 targets.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct RegisterTargets {
    /// Whose targets.
    load_balancer_id: LoadBalancerId,
    /// The listener or rule.
    #[serde(flatten)]
    pool: Pool,
    /// At most 20.
    targets: Vec<Target>,
}

impl RegisterTargets {
    /// The `targets` of `pool` of `load_balancer`.
    #[must_use]
    pub const fn new(load_balancer: LoadBalancerId, pool: Pool, targets: Vec<Target>) -> Self {
        Self { load_balancer_id: load_balancer, pool, targets }
    }
}

impl ApiCall for RegisterTargets {
    const ACTION: &'static str = "RegisterTargets";
    // What is already done may be refused as an error.
    const REPEATABLE: bool = false;
    type Response = Queued;

    fn object(&self) -> &str {
        self.load_balancer_id.as_str()
    }

    fn check(&self) -> Result<(), OverLimit> {
        OverLimit::check("targets", self.targets.len(), 20)
    }
}
