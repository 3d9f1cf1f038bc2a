//! `AssociateTargetGroups`: hangs target groups below listeners and rules.

use serde::Serialize;

use super::{ApiCall, LoadBalancerId, OverLimit, Pool, Queued, TargetGroupId, Weight};

/// Hangs target groups below listeners and rules.
///
/// Asynchronous. At most 20 associations.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct AssociateTargetGroups {
    /// At most 20.
    associations: Vec<Association>,
}

impl AssociateTargetGroups {
    /// Makes `associations`.
    #[must_use]
    pub const fn new(associations: Vec<Association>) -> Self {
        Self { associations }
    }
}

/// One group below one listener or rule.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Association {
    /// Whose listener or rule.
    load_balancer_id: LoadBalancerId,
    /// The listener or rule.
    #[serde(flatten)]
    pool: Pool,
    /// The group.
    target_group_id: TargetGroupId,
    /// The group's share, where several groups hang below one rule.
    #[serde(skip_serializing_if = "Option::is_none")]
    weight: Option<Weight>,
}

impl Association {
    /// `group` below `pool` of `load_balancer`.
    #[must_use]
    pub const fn new(load_balancer: LoadBalancerId, pool: Pool, group: TargetGroupId) -> Self {
        Self { load_balancer_id: load_balancer, pool, target_group_id: group, weight: None }
    }

    /// The group's share, where several groups hang below one rule.
    #[must_use]
    pub const fn with_weight(mut self, weight: Weight) -> Self {
        self.weight = Some(weight);
        self
    }
}

impl ApiCall for AssociateTargetGroups {
    const ACTION: &'static str = "AssociateTargetGroups";
    // What is already done may be refused as an error.
    const REPEATABLE: bool = false;
    type Response = Queued;

    fn check(&self) -> Result<(), OverLimit> {
        OverLimit::check("associations", self.associations.len(), 20)
    }
}
