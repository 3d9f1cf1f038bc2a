//! `RegisterTargetGroupInstances`: binds targets to a target group.

use serde::Serialize;

use super::{ApiCall, GroupMember, OverLimit, Queued, TargetGroupId};

/// Binds targets to a target group.
///
/// Asynchronous. How many targets one call takes is not documented; more than the 50 of `CreateTargetGroup` are refused.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct RegisterTargetGroupInstances {
    /// Which group.
    target_group_id: TargetGroupId,
    /// Which of its targets.
    target_group_instances: Vec<GroupMember>,
}

impl RegisterTargetGroupInstances {
    /// Binds `members` to `group`.
    #[must_use]
    pub const fn new(group: TargetGroupId, members: Vec<GroupMember>) -> Self {
        Self { target_group_id: group, target_group_instances: members }
    }
}

impl ApiCall for RegisterTargetGroupInstances {
    const ACTION: &'static str = "RegisterTargetGroupInstances";
    // What is already done may be refused as an error.
    const REPEATABLE: bool = false;
    type Response = Queued;

    fn object(&self) -> &str {
        self.target_group_id.as_str()
    }

    fn check(&self) -> Result<(), OverLimit> {
        OverLimit::check("targets", self.target_group_instances.len(), 50)
    }
}
