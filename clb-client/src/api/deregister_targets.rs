//! `DeregisterTargets`: unbinds targets of one listener or rule. Documentation: product/214/33832.

use serde::Serialize;

use super::{ApiCall, LoadBalancerId, OverLimit, Pool, Queued, Target};

/// Unbinds targets of one listener or rule. It stops forwarding to them at once, connections included.
///
/// Asynchronous. At most 20 targets.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct DeregisterTargets {
    /// Whose targets.
    load_balancer_id: LoadBalancerId,
    /// The listener or rule.
    #[serde(flatten)]
    pool: Pool,
    /// At most 20.
    targets: Vec<Target>,
}

impl DeregisterTargets {
    /// The `targets` of `pool` of `load_balancer`.
    #[must_use]
    pub const fn new(load_balancer: LoadBalancerId, pool: Pool, targets: Vec<Target>) -> Self {
        Self { load_balancer_id: load_balancer, pool, targets }
    }
}

impl ApiCall for DeregisterTargets {
    const ACTION: &'static str = "DeregisterTargets";
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
