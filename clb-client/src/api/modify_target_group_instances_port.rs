//! `ModifyTargetGroupInstancesPort`: moves targets of a target group to other ports.

use std::num::NonZeroU16;

use serde::Serialize;

use super::{ApiCall, GroupMember, OverLimit, Queued, TargetGroupId};

/// Moves targets of a target group to other ports.
///
/// Asynchronous. How many targets one call takes is not documented; more than 20 are refused.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct ModifyTargetGroupInstancesPort {
    /// Which group.
    target_group_id: TargetGroupId,
    /// Which of its targets.
    target_group_instances: Vec<GroupMember>,
}

impl ModifyTargetGroupInstancesPort {
    /// Moves each target to the port beside it.
    #[must_use]
    pub fn new(group: TargetGroupId, moves: Vec<(GroupMember, NonZeroU16)>) -> Self {
        Self {
            target_group_id: group,
            target_group_instances: moves.into_iter().map(|(member, port)| member.moving_to(port)).collect(),
        }
    }
}

impl ApiCall for ModifyTargetGroupInstancesPort {
    const ACTION: &'static str = "ModifyTargetGroupInstancesPort";
    // After the first copy no target has the old port.
    const REPEATABLE: bool = false;
    type Response = Queued;

    fn object(&self) -> &str {
        self.target_group_id.as_str()
    }

    fn check(&self) -> Result<(), OverLimit> {
        OverLimit::check("targets", self.target_group_instances.len(), 20)
    }
}
