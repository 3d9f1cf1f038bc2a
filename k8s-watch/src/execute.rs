//! Commands of the core on their way out: who carries them out, and until when.

#[cfg(feature = "clb")]
mod clb;

use std::sync::Arc;
use std::time::Duration;

use futures::future::BoxFuture;
use grace_core::{Action, Batch, Command, Failure, LaneId, Pool, Success, Why};
use tokio::time::{Instant, timeout_at};
use tracing::{debug, warn};

use crate::claims::ClaimStore;
use crate::clock::Clock;
use crate::marks::PodMarks;

#[cfg(feature = "clb")]
pub use clb::Clb;

/// Changes and reads the targets of load balancers. [`Clb`] is the one of Tencent Cloud; another one can be plugged in.
///
/// Calls of one lane never overlap. A call is made once and not retried inside: what failed goes back to the core, which
/// plans anew, so that what arrived meanwhile is in the next body. Waiting times are drawn here, with jitter, and said in
/// the answer; so they stand in the log of events and replay. The future is dropped at the deadline.
pub trait LoadBalancer: Send + Sync + 'static {
    /// Carries out one batch. [`Success::Written`], or how it ended.
    fn write<'a>(
        &'a self,
        lane: &'a LaneId,
        batch: &'a Batch,
        attempt: Attempt,
    ) -> BoxFuture<'a, Result<Success, Failure>>;

    /// Tells what stands in these pools, and how healthy it is where `health` asks for it. [`Success::Seen`], or how it
    /// ended.
    fn read<'a>(
        &'a self,
        lane: &'a LaneId,
        pools: &'a [Pool],
        health: bool,
        attempt: Attempt,
    ) -> BoxFuture<'a, Result<Success, Failure>>;
}

impl<L: LoadBalancer + ?Sized> LoadBalancer for Arc<L> {
    fn write<'a>(
        &'a self,
        lane: &'a LaneId,
        batch: &'a Batch,
        attempt: Attempt,
    ) -> BoxFuture<'a, Result<Success, Failure>> {
        (**self).write(lane, batch, attempt)
    }

    fn read<'a>(
        &'a self,
        lane: &'a LaneId,
        pools: &'a [Pool],
        health: bool,
        attempt: Attempt,
    ) -> BoxFuture<'a, Result<Success, Failure>> {
        (**self).read(lane, pools, health, attempt)
    }
}

/// One attempt at a command.
#[derive(Clone, Copy, Debug)]
#[expect(clippy::exhaustive_structs, reason = "all that an executor needs beside the command")]
pub struct Attempt {
    /// When the call is dropped at the latest.
    pub deadline: Instant,
    /// How often this was tried without success before; 0 for the first try.
    pub number: u32,
}

impl Attempt {
    /// A waiting time for the answer: `first` doubled with each attempt, at most `longest`, a fifth more or less.
    #[must_use]
    pub fn pause(&self, first: Duration, longest: Duration) -> Duration {
        let wait = first.saturating_mul(1 << self.number.min(10)).min(longest);
        wait.mul_f64(0.8 + 0.4 * fastrand::f64())
    }
}

/// Everybody who carries something out.
#[derive(Clone)]
pub(crate) struct Executors {
    /// Writes and reads.
    pub(crate) load_balancer: Arc<dyn LoadBalancer>,
    /// Claims.
    pub(crate) claims: Arc<dyn ClaimStore>,
    /// Marks on Pods.
    pub(crate) marks: Arc<dyn PodMarks>,
    /// Translates deadlines.
    pub(crate) clock: Clock,
}

impl Executors {
    /// Carries out one action until its deadline.
    pub(crate) async fn carry_out(&self, action: &Action) -> Result<Success, Failure> {
        let attempt = Attempt { deadline: self.clock.instant(action.deadline), number: action.attempt };
        let work = match &action.command {
            Command::Write { lane, batch } => self.load_balancer.write(lane, batch, attempt),
            Command::Read { lane, pools, health } => self.load_balancer.read(lane, pools, *health, attempt),
            Command::Claim { lane, base, add, drop } => {
                self.claims.change(lane, base.as_ref(), add, drop, attempt)
            }
            Command::LoadClaims { lane } => self.claims.load(lane, attempt),
            Command::Mark { pod, name, mark } => self.marks.mark(*pod, name, *mark, attempt),
        };
        let result =
            timeout_at(attempt.deadline, work).await.unwrap_or_else(|_| Err(late(&action.command, attempt)));
        if let Err(failure) = &result {
            log(action, failure);
        }
        result
    }
}

/// What a command is about: a lane, or a Pod.
pub(crate) fn on(command: &Command) -> String {
    match command {
        Command::Write { lane, .. }
        | Command::Read { lane, .. }
        | Command::Claim { lane, .. }
        | Command::LoadClaims { lane } => lane.to_string(),
        Command::Mark { name, .. } => format!("Pod {name}"),
    }
}

/// A failure that goes away by waiting is no news; the core tells when one stays.
fn log(action: &Action, failure: &Failure) {
    let (id, on, attempt) = (action.id, on(&action.command), action.attempt);
    match failure {
        Failure::NotExecuted { why: Why::Busy | Why::Throttled | Why::NotLeader, retry_in, detail } => {
            debug!(%id, on, attempt, ?retry_in, "not carried out: {detail}");
        }
        Failure::NotExecuted { why, retry_in, detail } => {
            warn!(%id, on, attempt, ?why, ?retry_in, "not carried out: {detail}");
        }
        Failure::Unknown { retry_in, detail } => {
            warn!(%id, on, attempt, ?retry_in, "end unknown, reading before the next write: {detail}");
        }
        Failure::Refused { why, culprit, retry_in, detail } => {
            let culprit = culprit.as_ref().map(|(pool, address)| format!("{address} in {pool}"));
            warn!(%id, on, attempt, ?why, culprit, ?retry_in, "refused: {detail}");
        }
        Failure::LaneMissing => warn!(%id, on, attempt, "the load balancer does not exist"),
        Failure::PoolsMissing(pools) => warn!(%id, on, attempt, ?pools, "pools do not exist"),
        Failure::Conflict { .. } => debug!(%id, on, attempt, "claims were changed by somebody else"),
    }
}

/// No answer until the deadline.
fn late(command: &Command, attempt: Attempt) -> Failure {
    let retry_in = attempt.pause(Duration::from_millis(500), Duration::from_secs(5));
    let detail = "no answer until the deadline".into();
    match command {
        Command::Write { .. } | Command::Claim { .. } | Command::Mark { .. } => {
            Failure::Unknown { retry_in, detail }
        }
        Command::Read { .. } | Command::LoadClaims { .. } => {
            Failure::NotExecuted { why: Why::Unreachable, retry_in, detail }
        }
    }
}
