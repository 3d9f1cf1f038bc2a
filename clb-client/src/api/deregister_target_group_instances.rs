//! `DeregisterTargetGroupInstances`: unbinds targets of a target group.

use serde::Serialize;

use super::{ApiCall, GroupMember, OverLimit, Queued, TargetGroupId};

/// Unbinds targets of a target group.
///
/// Asynchronous. At most 20 targets.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct DeregisterTargetGroupInstances {
    /// Which group.
    target_group_id: TargetGroupId,
    /// Which of its targets.
    target_group_instances: Vec<GroupMember>,
}

impl DeregisterTargetGroupInstances {
    /// Unbinds `members` of `group`.
    #[must_use]
    pub const fn new(group: TargetGroupId, members: Vec<GroupMember>) -> Self {
        Self { target_group_id: group, target_group_instances: members }
    }
}

impl ApiCall for DeregisterTargetGroupInstances {
    const ACTION: &'static str = "DeregisterTargetGroupInstances";
    // What is already done may be refused as an error.
    const REPEATABLE: bool = false;
    type Response = Queued;

    fn object(&self) -> &str {
        self.target_group_id.as_str()
    }

    fn check(&self) -> Result<(), OverLimit> {
        OverLimit::check("targets", self.target_group_instances.len(), 20)
    }
}
