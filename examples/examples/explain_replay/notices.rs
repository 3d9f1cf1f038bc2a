//! Which notices are about a Pod.

use grace_core::{LaneId, Machine, Notice, Pool, Uid};

use crate::calls::Calls;

/// Whether a notice is about one of these Pods, one of its targets, or a pool or load balancer where it has one.
pub(crate) fn is_about(notice: &Notice, uids: &[Uid], calls: &mut Calls, machine: &Machine) -> bool {
    let on_lane = |calls: &Calls, lane: &LaneId| calls.targets().iter().any(|target| target.lane == *lane);
    let in_pool = |calls: &Calls, lane: &LaneId, pool: &Pool| {
        calls.targets().iter().any(|target| (&target.lane, &target.pool) == (lane, pool))
    };
    match notice {
        Notice::DrainStarted { pod, .. }
        | Notice::DrainConfirmed { pod, .. }
        | Notice::DrainFinished { pod, .. }
        | Notice::DrainLate { pod, .. }
        | Notice::RestoreHeld { pod, .. }
        | Notice::MarkRefused { pod, .. }
        | Notice::MarkUndone { pod, .. } => uids.contains(pod),
        Notice::Refused { target, pod, .. } => match pod {
            Some((pod, _)) => uids.contains(pod),
            None => calls.is_ours(target, machine),
        },
        Notice::Overwritten { target, .. }
        | Notice::Fighting { target, .. }
        | Notice::Foreign { target, .. }
        | Notice::Orphan { target, .. }
        | Notice::Evicted { target, .. }
        | Notice::Suppressed { target, .. } => calls.is_ours(target, machine),
        Notice::AllAtZero { lane, pool, .. }
        | Notice::FloorHeld { lane, pool, .. }
        | Notice::Contested { lane, pool, .. }
        | Notice::HarmfulSwitch { lane, pool, .. } => in_pool(calls, lane, pool),
        Notice::Blocked { lane, .. } | Notice::Missing { lane, .. } | Notice::ClaimsRefused { lane, .. } => {
            on_lane(calls, lane)
        }
        _ => false,
    }
}
