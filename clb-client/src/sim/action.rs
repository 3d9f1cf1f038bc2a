//! The API actions that the simulator answers.

use std::{fmt, str::FromStr};

macro_rules! actions {
    ($($(#[$doc:meta])+ $name:ident => $course:expr,)+) => {
        /// An API action by its name on the wire (`X-TC-Action`).
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[non_exhaustive]
        pub enum Action {
            $($(#[$doc])+ $name,)+
        }

        impl Action {
            /// Every action.
            pub const ALL: &[Self] = &[$(Self::$name,)+];

            /// The name on the wire.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$name => stringify!($name),)+
                }
            }

            /// What it does.
            pub(crate) const fn course(self) -> Course {
                use self::{Change::*, Course::*, Read::*, Write::*};
                match self {
                    $(Self::$name => $course,)+
                }
            }
        }
    };
}

actions! {
    /// Load balancers by id, kind, name or tag.
    DescribeLoadBalancers => Read(LoadBalancers),
    /// Listeners and rules of one load balancer.
    DescribeListeners => Read(Listeners),
    /// Targets of up to 20 listeners of one load balancer.
    DescribeTargets => Read(Targets),
    /// Health of the targets of up to 30 load balancers.
    DescribeTargetHealth => Read(Health),
    /// How an asynchronous write ended.
    DescribeTaskStatus => Read(Task),
    /// How several of them ended, in pages.
    DescribeAsyncJobs => Read(Jobs),
    /// Which load balancers send traffic to an address.
    DescribeLBListeners => Read(Reverse),
    /// What the account may have.
    DescribeQuota => Read(Quota),
    /// Target groups with the listeners and rules that use them.
    DescribeTargetGroups => Read(Groups),
    /// Target groups without the listeners and rules that use them.
    DescribeTargetGroupList => Read(GroupList),
    /// Targets of a target group, in pages.
    DescribeTargetGroupInstances => Read(GroupMembers),
    /// Binds up to 500 targets; answers without a task.
    BatchRegisterTargets => Write(Batch(Register)),
    /// Unbinds up to 500 targets; answers without a task.
    BatchDeregisterTargets => Write(Batch(Deregister)),
    /// Sets the weight of up to 500 targets; a task.
    BatchModifyTargetWeight => Write(Weights),
    /// Binds up to 20 targets of one listener or rule; a task.
    RegisterTargets => Write(Single(Register)),
    /// Unbinds up to 20 targets of one listener or rule; a task.
    DeregisterTargets => Write(Single(Deregister)),
    /// Sets the weight of up to 20 targets of one listener or rule; a task.
    ModifyTargetWeight => Write(Single(Weight)),
    /// Moves up to 20 targets of one listener or rule to another port; a task.
    ModifyTargetPort => Write(Single(Port)),
    /// Binds targets to a target group; a task.
    RegisterTargetGroupInstances => Write(Group(Register)),
    /// Unbinds targets from a target group; a task.
    DeregisterTargetGroupInstances => Write(Group(Deregister)),
    /// Sets the weight of targets of a target group; a task.
    ModifyTargetGroupInstancesWeight => Write(Group(Weight)),
    /// Moves targets of a target group to other ports; a task.
    ModifyTargetGroupInstancesPort => Write(Group(Port)),
    /// Makes up to 20 listeners or rules forward to target groups; a task.
    AssociateTargetGroups => Write(Associate),
}

/// Reads and writes take different ways through the account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Course {
    Read(Read),
    Write(Write),
}

/// What is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Read {
    LoadBalancers,
    Listeners,
    Targets,
    Health,
    Task,
    Jobs,
    Reverse,
    Quota,
    Groups,
    GroupList,
    GroupMembers,
}

/// The forms of a write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Write {
    /// A flat list of targets, each with its listener; no task.
    Batch(Change),
    /// Elements of one listener or rule each, with weights.
    Weights,
    /// One listener or rule.
    Single(Change),
    /// One target group.
    Group(Change),
    /// Listeners and rules, each with its target group.
    Associate,
}

/// What a write does to its targets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Change {
    Register,
    Deregister,
    Weight,
    Port,
}

impl Action {
    /// Whether the action changes something, and so needs the load balancer or the target group for itself.
    #[must_use]
    pub const fn is_write(self) -> bool {
        matches!(self.course(), Course::Write(_))
    }
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The text names no action that the simulator answers.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the simulator does not answer the action {0:?}; Action::ALL lists what it answers")]
pub struct UnknownAction(String);

impl FromStr for Action {
    type Err = UnknownAction;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .iter()
            .copied()
            .find(|action| action.as_str() == text)
            .ok_or_else(|| UnknownAction(text.chars().take(64).collect()))
    }
}
