//! One file per API action: a request, its response, and what they have in common.
//!
//! What an action needs is an argument of its constructor, what it may have is a `with_*` method.
//! Responses accept `null` and absent fields, and ignore fields they do not know. Ids in responses are plain text: what the
//! server sends is not checked, what goes into a request is.

mod associate_target_groups;
mod batch_deregister_targets;
mod batch_modify_target_weight;
mod batch_register_targets;
mod deregister_target_group_instances;
mod deregister_targets;
mod describe_async_jobs;
mod describe_cross_targets;
mod describe_lb_listeners;
mod describe_listeners;
mod describe_load_balancers;
mod describe_quota;
mod describe_target_group_instances;
mod describe_target_groups;
mod describe_target_health;
mod describe_targets;
mod describe_task_status;
mod group_member;
mod id;
mod modify_target_group_instances_port;
mod modify_target_group_instances_weight;
mod modify_target_port;
mod modify_target_weight;
mod null;
mod pool;
mod queued;
mod register_target_group_instances;
mod register_targets;
mod target;
mod weight;

use serde::Serialize;
use serde::de::DeserializeOwned;

pub use associate_target_groups::{AssociateTargetGroups, Association};
pub use batch_deregister_targets::{BatchDeregisterTargets, BatchDeregisterTargetsResponse};
pub use batch_modify_target_weight::{BatchModifyTargetWeight, PoolWeights, TargetWeight};
pub use batch_register_targets::{BatchRegisterTargets, BatchRegisterTargetsResponse};
pub use deregister_target_group_instances::DeregisterTargetGroupInstances;
pub use deregister_targets::DeregisterTargets;
pub use describe_async_jobs::{AsyncJob, DescribeAsyncJobs, DescribeAsyncJobsResponse};
pub use describe_cross_targets::{CrossTarget, DescribeCrossTargets, DescribeCrossTargetsResponse};
pub use describe_lb_listeners::{
    BackendAddress, DescribeLBListeners, DescribeLBListenersResponse, FoundListener, FoundLoadBalancer,
    FoundRule, FoundTarget,
};
pub use describe_listeners::{
    DescribeListeners, DescribeListenersResponse, HealthCheck, Listener, Rule, TargetType,
};
pub use describe_load_balancers::{
    DescribeLoadBalancers, DescribeLoadBalancersResponse, Filter, LoadBalancer, Tag, TargetRegion,
};
pub use describe_quota::{DescribeQuota, DescribeQuotaResponse, Quota};
pub use describe_target_group_instances::{
    DescribeTargetGroupInstances, DescribeTargetGroupInstancesResponse, GroupBackend,
};
pub use describe_target_groups::{
    AssociatedRule, DescribeTargetGroupList, DescribeTargetGroups, DescribeTargetGroupsResponse, TargetGroup,
};
pub use describe_target_health::{
    DescribeTargetHealth, DescribeTargetHealthResponse, HealthVerdict, ListenerHealth, LoadBalancerHealth,
    RuleHealth, TargetHealth,
};
pub use describe_targets::{Backend, DescribeTargets, DescribeTargetsResponse, ListenerTargets, RuleTargets};
pub use describe_task_status::{DescribeTaskStatus, DescribeTaskStatusResponse, TaskStatus};
pub use group_member::GroupMember;
pub use id::{BadId, InstanceId, ListenerId, LoadBalancerId, RuleId, TargetGroupId};
pub use modify_target_group_instances_port::ModifyTargetGroupInstancesPort;
pub use modify_target_group_instances_weight::ModifyTargetGroupInstancesWeight;
pub use modify_target_port::ModifyTargetPort;
pub use modify_target_weight::ModifyTargetWeight;
pub use pool::{Pool, Protocol};
pub use queued::Queued;
pub use register_target_group_instances::RegisterTargetGroupInstances;
pub use register_targets::RegisterTargets;
pub use target::{Address, BatchTarget, Target};
pub use weight::{Weight, WeightOutOfRange};

/// A request of one action. Serialises to the body that is signed and sent.
///
/// Any action of any product can be called by implementing this for a type of one's own:
///
/// ```
/// use clb_client::api::ApiCall;
///
/// #[derive(serde::Serialize)]
/// struct DescribeRewrite {}
///
/// #[derive(serde::Deserialize)]
/// #[serde(rename_all = "PascalCase")]
/// struct Rewrite {
///     request_id: String,
/// }
///
/// impl ApiCall for DescribeRewrite {
///     const ACTION: &'static str = "DescribeRewrite";
///     const REPEATABLE: bool = true;
///     type Response = Rewrite;
/// }
/// ```
pub trait ApiCall: Serialize + Send + Sync {
    /// Name of the action, the value of `X-TC-Action`.
    const ACTION: &'static str;

    /// Whether a second copy does no harm: true for reads, and for writes of absolute values. Decides whether the call is
    /// retried when the first one may have been executed.
    const REPEATABLE: bool;

    /// What a successful answer holds.
    type Response: DeserializeOwned + Send;

    /// What the call is about, such as `lb-1`, for errors and logs; empty when it is about nothing in particular.
    fn object(&self) -> &str {
        ""
    }

    /// Refuses what the documented limits of the action rule out, before anything is sent.
    ///
    /// # Errors
    /// The limit that is exceeded.
    fn check(&self) -> Result<(), OverLimit> {
        Ok(())
    }
}

/// A request that the server would refuse for its size.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{found} {what} in one call, at most {limit} are allowed; send several calls")]
pub struct OverLimit {
    /// What there is too much of.
    what: &'static str,
    /// How many were given.
    found: usize,
    /// How many one call may have.
    limit: usize,
}

impl OverLimit {
    /// Refuses more than `limit` of `what`.
    ///
    /// # Errors
    /// When `found` is above `limit`.
    pub const fn check(what: &'static str, found: usize, limit: usize) -> Result<(), Self> {
        if found <= limit { Ok(()) } else { Err(Self { what, found, limit }) }
    }
}
