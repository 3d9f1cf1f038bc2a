//! `ModifyTargetGroupInstancesWeight`: sets weights in a target group.

use serde::Serialize;

use super::{ApiCall, GroupMember, OverLimit, Queued, TargetGroupId, Weight};

/// Sets the weights of targets of a target group, for all listeners and rules that share it.
///
/// Asynchronous. How many targets one call takes is not documented; more than 20 are refused.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct ModifyTargetGroupInstancesWeight {
    /// Which group.
    target_group_id: TargetGroupId,
    /// Which of its targets.
    target_group_instances: Vec<GroupMember>,
}

impl ModifyTargetGroupInstancesWeight {
    /// Gives each target its weight.
    #[must_use]
    pub fn new(group: TargetGroupId, weights: Vec<(GroupMember, Weight)>) -> Self {
        Self {
            target_group_id: group,
            target_group_instances: weights
                .into_iter()
                .map(|(member, weight)| member.with_weight(weight))
                .collect(),
        }
    }
}

impl ApiCall for ModifyTargetGroupInstancesWeight {
    const ACTION: &'static str = "ModifyTargetGroupInstancesWeight";
    // Weights are absolute values.
    const REPEATABLE: bool = true;
    type Response = Queued;

    fn object(&self) -> &str {
        self.target_group_id.as_str()
    }

    fn check(&self) -> Result<(), OverLimit> {
        OverLimit::check("targets", self.target_group_instances.len(), 20)
    }
}
