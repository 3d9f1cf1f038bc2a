//! The API actions that the simulator answers.

use std::{fmt, str::FromStr};

/// An API action by its name on the wire (`X-TC-Action`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Action {
    /// Load balancers by id, kind, name or tag.
    DescribeLoadBalancers,
    /// Listeners and rules of one load balancer.
    DescribeListeners,
    /// Targets of up to 20 listeners of one load balancer.
    DescribeTargets,
    /// How an asynchronous write ended.
    DescribeTaskStatus,
    /// Binds up to 500 targets; answers without a task.
    BatchRegisterTargets,
    /// Unbinds up to 500 targets; answers without a task.
    BatchDeregisterTargets,
    /// Sets the weight of up to 500 targets; a task.
    BatchModifyTargetWeight,
}

impl Action {
    /// Every action, in the order of the documentation.
    pub const ALL: [Self; 7] = [
        Self::DescribeLoadBalancers,
        Self::DescribeListeners,
        Self::DescribeTargets,
        Self::DescribeTaskStatus,
        Self::BatchRegisterTargets,
        Self::BatchDeregisterTargets,
        Self::BatchModifyTargetWeight,
    ];

    /// The name on the wire.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::DescribeLoadBalancers => "DescribeLoadBalancers",
            Self::DescribeListeners => "DescribeListeners",
            Self::DescribeTargets => "DescribeTargets",
            Self::DescribeTaskStatus => "DescribeTaskStatus",
            Self::BatchRegisterTargets => "BatchRegisterTargets",
            Self::BatchDeregisterTargets => "BatchDeregisterTargets",
            Self::BatchModifyTargetWeight => "BatchModifyTargetWeight",
        }
    }

    /// Whether the action changes targets, and so needs the load balancer for itself.
    #[must_use]
    pub const fn is_write(self) -> bool {
        match self {
            Self::DescribeLoadBalancers
            | Self::DescribeListeners
            | Self::DescribeTargets
            | Self::DescribeTaskStatus => false,
            Self::BatchRegisterTargets | Self::BatchDeregisterTargets | Self::BatchModifyTargetWeight => true,
        }
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
            .into_iter()
            .find(|action| action.as_str() == text)
            .ok_or_else(|| UnknownAction(text.chars().take(64).collect()))
    }
}
