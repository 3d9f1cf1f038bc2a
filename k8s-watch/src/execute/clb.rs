//! The CLB of Tencent Cloud: a batch is one call, a weight change is done when its task is.

mod failure;
mod wire;

use futures::future::BoxFuture;
use grace_core::{Batch, Failure, LaneId, Limits, LoadBalancerId, Pool, Proof, Success, Why};
use std::collections::BTreeSet;
use std::time::Duration;
use tokio::time::Instant;
use tracing::warn;

use clb_client::api::{
    self, BatchDeregisterTargets, BatchModifyTargetWeight, BatchRegisterTargets, DescribeListeners,
    DescribeTargetHealth, DescribeTargets,
};
use clb_client::task::Outcome;
use clb_client::{Client, RateLimit, RetryPolicy};

use super::{Attempt, LoadBalancer};
use crate::bind::{Binding, BindingQuestion, BindingRules, Listeners, ResolveBindings};
use crate::causes::Causes;
use failure::Refusal;

/// Load balancers of one region.
///
/// ```no_run
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use clb_client::credential::Environment;
/// let client = clb_client::Client::new("ap-guangzhou".parse()?, Environment::read()?)?;
/// let load_balancer = k8s_watch::Clb::new(client);
/// # Ok(()) }
/// ```
pub struct Clb {
    /// For what the core asks for: its budget already limits the rate, and it plans anew instead of repeating.
    calls: Client,
    listeners: Listeners,
}

impl Clb {
    /// Load balancers as `client` reaches them. Its retries are switched off; its rate limit holds for looking up
    /// listeners and for waiting on tasks.
    #[must_use]
    pub fn new(client: Client) -> Self {
        Self::with_limits(client, Limits::default())
    }

    /// As [`new`](Self::new), with other limits per call than the documented ones.
    #[must_use]
    pub fn with_limits(client: Client, limits: Limits) -> Self {
        let client = client.with_retry(RetryPolicy::never());
        Self {
            calls: client.clone().with_rate_limit(RateLimit::none()),
            listeners: Listeners::new(client, limits),
        }
    }

    async fn write(&self, id: &LoadBalancerId, batch: &Batch, attempt: Attempt) -> Result<Success, Failure> {
        let balancer = wire::balancer(id);
        let failed = match batch {
            Batch::Weights(pools) => {
                let request = BatchModifyTargetWeight::new(balancer, wire::weights(pools));
                return match self.calls.call(&request).await {
                    Ok(answer) => self.finish(&answer.request_id, attempt).await,
                    Err(error) => Err(self.failure(id, batch, &error, attempt).await),
                };
            }
            Batch::Register(pools) => {
                let request = BatchRegisterTargets::new(balancer, wire::registrations(pools));
                self.calls.call(&request).await.map(|answer| answer.failed_listeners)
            }
            Batch::Deregister(pools) => {
                let request = BatchDeregisterTargets::new(balancer, wire::removals(pools));
                self.calls.call(&request).await.map(|answer| answer.failed_listeners)
            }
        };
        match failed {
            Ok(listeners) => {
                let listeners: BTreeSet<String> = listeners.into_iter().collect();
                let failed = wire::pools_of(batch)
                    .filter(|pool| wire::listener_of(pool).is_some_and(|id| listeners.contains(id.as_str())))
                    .cloned()
                    .collect();
                Ok(Success::Written { proof: Proof::Answer, failed })
            }
            Err(error) => Err(self.failure(id, batch, &error, attempt).await),
        }
    }

    /// Waits for the task of a weight change. A task that failed may have changed some of its targets.
    async fn finish(&self, task: &str, attempt: Attempt) -> Result<Success, Failure> {
        let limit = attempt.deadline.saturating_duration_since(Instant::now());
        let retry_in = attempt.pause(Duration::from_millis(500), Duration::from_secs(5));
        match self.calls.task(task).wait(limit).await {
            Outcome::Succeeded => Ok(Success::Written { proof: Proof::Task, failed: Vec::new() }),
            Outcome::Failed { message } => {
                Err(Failure::Unknown { retry_in, detail: format!("task {task} failed: {message}").into() })
            }
            Outcome::Unknown { last } => {
                let why = last
                    .map_or_else(|| "it was still running".to_owned(), |error| Causes(&error).to_string());
                Err(Failure::Unknown {
                    retry_in,
                    detail: format!("end of task {task} is unknown: {why}").into(),
                })
            }
            other => Err(Failure::Unknown { retry_in, detail: format!("task {task}: {other:?}").into() }),
        }
    }

    async fn read(
        &self,
        id: &LoadBalancerId,
        pools: &[Pool],
        health: bool,
        attempt: Attempt,
    ) -> Result<Success, Failure> {
        let listeners: BTreeSet<_> = pools.iter().filter_map(wire::listener_of).collect();
        let listeners: Vec<_> = listeners.into_iter().map(wire::listener).collect();
        let mut seen = Vec::new();
        let mut probed = Vec::new();
        for listeners in listeners.chunks(LISTENERS_PER_READ) {
            if health {
                probed.extend(self.health(id, listeners).await);
            }
            let request = DescribeTargets::new(wire::balancer(id)).with_listeners(listeners.to_vec());
            match self.calls.call(&request).await {
                Ok(answer) => seen.extend(answer.listeners),
                Err(error) => match failure::of(&error, attempt) {
                    Refusal::PoolsGone => return Err(self.missing(id, pools, &error, attempt).await),
                    // A read has no effect, so none is in doubt.
                    Refusal::Certain(Failure::Unknown { retry_in, detail }) => {
                        return Err(Failure::NotExecuted { why: Why::Unreachable, retry_in, detail });
                    }
                    Refusal::Certain(failure) => return Err(failure),
                },
            }
        }
        let mut seen: Vec<_> = pools.iter().filter_map(|pool| wire::seen(pool, &seen)).collect();
        for pool in &mut seen {
            wire::add_health(pool, &probed);
        }
        Ok(Success::Seen(seen))
    }

    /// What the probes of these listeners say. Weights are worth more than that: where it cannot be had, nothing is known
    /// of the health, and what waits for it waits on.
    async fn health(&self, id: &LoadBalancerId, listeners: &[api::ListenerId]) -> Vec<api::ListenerHealth> {
        let request = DescribeTargetHealth::new(vec![wire::balancer(id)]).with_listeners(listeners.to_vec());
        match self.calls.call(&request).await {
            Ok(answer) => answer.load_balancers.into_iter().flat_map(|at| at.listeners).collect(),
            Err(error) => {
                warn!(lane = %id, "health of targets is not known, readiness gates wait: {}", Causes(&error));
                Vec::new()
            }
        }
    }

    async fn failure(
        &self,
        id: &LoadBalancerId,
        batch: &Batch,
        error: &clb_client::Error,
        attempt: Attempt,
    ) -> Failure {
        let pools: Vec<Pool> = wire::pools_of(batch).cloned().collect();
        match failure::of(error, attempt) {
            Refusal::PoolsGone => self.missing(id, &pools, error, attempt).await,
            Refusal::Certain(Failure::Refused { why, retry_in, detail, .. }) => {
                Failure::Refused { why, culprit: wire::culprit(batch, error.message()), retry_in, detail }
            }
            Refusal::Certain(failure) => failure,
        }
    }

    /// Which of these pools do not exist, when the API said that some do not.
    async fn missing(
        &self,
        id: &LoadBalancerId,
        pools: &[Pool],
        error: &clb_client::Error,
        attempt: Attempt,
    ) -> Failure {
        if let [only] = pools {
            return Failure::PoolsMissing(vec![only.clone()]);
        }
        let listeners = match self.calls.call(&DescribeListeners::new(wire::balancer(id))).await {
            Ok(answer) => answer.listeners,
            Err(error) => {
                return match failure::of(&error, attempt) {
                    Refusal::Certain(failure) => failure,
                    Refusal::PoolsGone => unclear(&error, attempt),
                };
            }
        };
        let gone: Vec<Pool> = pools.iter().filter(|pool| !wire::exists(pool, &listeners)).cloned().collect();
        if gone.is_empty() { unclear(error, attempt) } else { Failure::PoolsMissing(gone) }
    }
}

fn unclear(error: &clb_client::Error, attempt: Attempt) -> Failure {
    let retry_in = attempt.pause(Duration::from_secs(1), Duration::from_secs(30));
    Failure::Unknown { retry_in, detail: Causes(error).to_string().into() }
}

impl LoadBalancer for Clb {
    fn write<'a>(
        &'a self,
        lane: &'a LaneId,
        batch: &'a Batch,
        attempt: Attempt,
    ) -> BoxFuture<'a, Result<Success, Failure>> {
        match lane {
            LaneId::LoadBalancer(id) => Box::pin(self.write(id, batch, attempt)),
            LaneId::TargetGroup(_) => Box::pin(async move { Err(no_group(attempt)) }),
        }
    }

    fn read<'a>(
        &'a self,
        lane: &'a LaneId,
        pools: &'a [Pool],
        health: bool,
        attempt: Attempt,
    ) -> BoxFuture<'a, Result<Success, Failure>> {
        match lane {
            LaneId::LoadBalancer(id) => Box::pin(self.read(id, pools, health, attempt)),
            LaneId::TargetGroup(_) => Box::pin(async move { Err(no_group(attempt)) }),
        }
    }
}

impl ResolveBindings for Clb {
    fn resolve<'a>(
        &'a self,
        asked: &'a [BindingQuestion],
        rules: &'a BindingRules,
    ) -> BoxFuture<'a, Vec<Binding>> {
        Box::pin(self.listeners.resolve(asked, rules))
    }
}

/// Bindings never name a target group, so only an embedder's own can lead here.
fn no_group(attempt: Attempt) -> Failure {
    Failure::NotExecuted {
        why: Why::Invalid,
        retry_in: attempt.pause(Duration::from_secs(30), Duration::from_secs(60)),
        detail: "target groups are not written: bind the route to a listener".into(),
    }
}

/// DescribeTargets takes 20 listeners.
const LISTENERS_PER_READ: usize = 20;
