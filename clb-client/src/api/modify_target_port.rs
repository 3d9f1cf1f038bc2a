//! `ModifyTargetPort`: moves targets of one listener or rule to another port. Documentation: product/214/33812.

use std::num::NonZeroU16;

use serde::Serialize;

use super::{ApiCall, LoadBalancerId, OverLimit, Pool, Queued, Target};

/// Moves targets of one listener or rule to another port.
///
/// Asynchronous. At most 20 targets.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct ModifyTargetPort {
    /// Whose targets.
    load_balancer_id: LoadBalancerId,
    /// The listener or rule.
    #[serde(flatten)]
    pool: Pool,
    /// At most 20.
    targets: Vec<Target>,
    /// Where they move to.
    new_port: NonZeroU16,
}

impl ModifyTargetPort {
    /// Moves the `targets` of `pool` of `load_balancer` to `new_port`.
    #[must_use]
    pub const fn new(
        load_balancer: LoadBalancerId,
        pool: Pool,
        targets: Vec<Target>,
        new_port: NonZeroU16,
    ) -> Self {
        Self { load_balancer_id: load_balancer, pool, targets, new_port }
    }
}

impl ApiCall for ModifyTargetPort {
    const ACTION: &'static str = "ModifyTargetPort";
    // After the first copy no target has the old port.
    const REPEATABLE: bool = false;
    type Response = Queued;

    fn object(&self) -> &str {
        self.load_balancer_id.as_str()
    }

    fn check(&self) -> Result<(), OverLimit> {
        OverLimit::check("targets", self.targets.len(), 20)
    }
}
