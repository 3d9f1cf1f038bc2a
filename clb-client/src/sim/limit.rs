//! Limits of the API: what one call may carry, how many calls a second, how many targets a pool takes.

use std::{collections::VecDeque, time::Duration};

/// Most targets in one batch call.
pub(crate) const TARGETS_PER_BATCH: usize = 500;
/// Most elements in one `BatchModifyTargetWeight`.
pub(crate) const ELEMENTS_PER_BATCH: usize = 100;
/// Most targets in one element of `BatchModifyTargetWeight`.
pub(crate) const TARGETS_PER_ELEMENT: usize = 50;
/// Most targets in one call about a single listener or rule. Not documented for weights and ports.
pub(crate) const TARGETS_PER_CALL: usize = 20;
/// Most listener ids in one `DescribeTargets`.
pub(crate) const LISTENERS_PER_TARGET_READ: usize = 20;
/// Most listener ids in one `DescribeListeners`.
pub(crate) const LISTENERS_PER_READ: usize = 100;
/// Most load balancer ids in one `DescribeLoadBalancers`.
pub(crate) const LOAD_BALANCERS_PER_READ: usize = 20;
/// Largest page of the paginated reads.
pub(crate) const LARGEST_PAGE: i64 = 100;

/// The limits that differ between accounts, or that are not documented precisely.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    pub(crate) calls_per_second: Option<u32>,
    pub(crate) targets_per_pool: usize,
    pub(crate) elements_per_pool: usize,
    pub(crate) targets_per_group_call: usize,
}

impl Default for Limits {
    /// 20 calls per second and action, 100 targets per listener or rule, one element per listener or rule.
    fn default() -> Self {
        Self {
            calls_per_second: Some(20),
            targets_per_pool: 100,
            elements_per_pool: 1,
            targets_per_group_call: 20,
        }
    }
}

impl Limits {
    /// Calls per action in any sliding second, account-wide; `None` switches the limit off.
    #[must_use]
    pub const fn with_calls_per_second(mut self, calls: Option<u32>) -> Self {
        self.calls_per_second = calls;
        self
    }

    /// Targets that one listener (layer 4), rule (layer 7) or target group takes; raised by ticket in a real account.
    #[must_use]
    pub const fn with_targets_per_pool(mut self, targets: usize) -> Self {
        self.targets_per_pool = targets;
        self
    }

    /// How often one `BatchModifyTargetWeight` may name the same listener or rule. The documentation does not say.
    #[must_use]
    pub const fn with_elements_per_pool(mut self, elements: usize) -> Self {
        self.elements_per_pool = elements;
        self
    }

    /// Targets in one write on a target group. Documented (20) for deregistration only.
    #[must_use]
    pub const fn with_targets_per_group_call(mut self, targets: usize) -> Self {
        self.targets_per_group_call = targets;
        self
    }
}

/// Counts the calls of one action in the last second.
#[derive(Clone, Debug, Default)]
pub(crate) struct Window {
    admitted: VecDeque<Duration>,
}

impl Window {
    /// Whether one more call fits at `now`; counts it if so. A refused call does not count.
    pub(crate) fn admit(&mut self, now: Duration, limit: u32) -> bool {
        while self.admitted.front().is_some_and(|at| *at + SECOND <= now) {
            self.admitted.pop_front();
        }
        let fits = self.admitted.len() < limit as usize;
        if fits {
            self.admitted.push_back(now);
        }
        fits
    }
}

const SECOND: Duration = Duration::from_secs(1);
