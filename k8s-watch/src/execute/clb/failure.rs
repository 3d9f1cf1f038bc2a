//! Errors of the CLB API as the core wants to know them: certainly without effect, perhaps with one, refused, or gone.

use std::time::Duration;

use clb_client::{Error, ErrorKind, Executed};
use grace_core::{Failure, Why};

use crate::causes::Causes;
use crate::execute::Attempt;

/// What an error means.
pub(super) enum Refusal {
    /// This.
    Certain(Failure),
    /// Some of the pools of the call do not exist; which ones, the error does not say reliably.
    PoolsGone,
}

/// Waiting times by class: busy and throttled lanes soon, what a person must mend later. A due drain is never given up.
pub(super) fn of(error: &Error, attempt: Attempt) -> Refusal {
    let detail: Box<str> = Causes(error).to_string().into();
    let pause = |first: u64, longest: u64| {
        attempt.pause(Duration::from_millis(first), Duration::from_millis(longest))
    };
    let not_executed = |why, retry_in, detail| Failure::NotExecuted { why, retry_in, detail };
    let failure = match error.kind() {
        ErrorKind::Throttled => not_executed(Why::Throttled, pause(1_000, 8_000), detail),
        ErrorKind::Busy => not_executed(Why::Busy, pause(500, 4_000), detail),
        ErrorKind::LoadBalancerGone => Failure::LaneMissing,
        ErrorKind::PoolGone => return Refusal::PoolsGone,
        ErrorKind::Credential => not_executed(Why::Credential, pause(5_000, 30_000), detail),
        ErrorKind::Permission => not_executed(Why::Permission, pause(5_000, 30_000), detail),
        ErrorKind::Quota => refused(Why::Quota, pause(5_000, 30_000), detail),
        // The target stands there already: reading shows with which weight.
        ErrorKind::Invalid if error.code() == Some("InvalidParameterValue.Duplicate") => {
            Failure::Unknown { retry_in: pause(500, 5_000), detail }
        }
        ErrorKind::Invalid => refused(Why::Invalid, pause(1_000, 30_000), detail),
        ErrorKind::Server | ErrorKind::Transport | ErrorKind::Failed | _
            if error.executed() == Executed::No =>
        {
            not_executed(Why::Unreachable, pause(500, 5_000), detail)
        }
        ErrorKind::Server | ErrorKind::Transport | ErrorKind::Failed | _ => {
            Failure::Unknown { retry_in: pause(500, 5_000), detail }
        }
    };
    Refusal::Certain(failure)
}

fn refused(why: Why, retry_in: Duration, detail: Box<str>) -> Failure {
    Failure::Refused { why, culprit: None, retry_in, detail }
}
