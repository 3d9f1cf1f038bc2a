//! The questions, one call after the other, and what is left behind: nothing.

use std::error::Error as StdError;
use std::net::SocketAddr;
use std::time::Duration;

use clb_client::api::{
    Address, BatchDeregisterTargets, BatchModifyTargetWeight, BatchRegisterTargets, BatchTarget,
    DescribeListeners, DescribeTargets, DescribeTaskStatus, ListenerId, LoadBalancerId, Pool, PoolWeights,
    RuleId, TargetWeight, Weight,
};
use clb_client::task::Outcome;
use clb_client::{Client, Error, ErrorKind};
use tokio::time::{Instant, sleep};

use crate::finding::{Findings, Verdict};

/// Where it is tried.
pub(crate) struct Place {
    pub(crate) client: Client,
    pub(crate) load_balancer: LoadBalancerId,
    pub(crate) listener: ListenerId,
    pub(crate) rule: Option<RuleId>,
    /// Addresses that are no targets. The third is never registered.
    pub(crate) scratch: [SocketAddr; 3],
}

type Result<T> = std::result::Result<T, Box<dyn StdError>>;

impl Place {
    /// Asks everything, and deregisters what was registered, also where a question fails.
    pub(crate) async fn probe(&self, beside_targets: bool) -> Result<Findings> {
        let present = self.targets().await?;
        if let Some((address, _)) = present.iter().find(|(address, _)| self.scratch.contains(address)) {
            return Err(format!("{address} is a target already; give addresses that are none").into());
        }
        if !present.is_empty() && !beside_targets {
            let (count, listener) = (present.len(), &self.listener);
            return Err(format!(
                "{listener} has {count} targets; use one that nobody needs, or say --beside-targets"
            )
            .into());
        }
        let found = self.ask().await;
        self.clean_up().await?;
        found
    }

    async fn ask(&self) -> Result<Findings> {
        let [first, second, absent] = self.scratch;
        let session_seconds = self.session_seconds().await?;

        let queued = self.client.call(&self.register(&[first, second], 10)?).await?;
        if !queued.failed_listeners.is_empty() {
            return Err(format!("the scratch addresses are not accepted: {}", queued.message).into());
        }
        let registered_after = self.until_shown(&[(first, 10), (second, 10)]).await?;
        let batch_has_a_task = self.task_verdict(&queued.request_id).await;

        let begun = self.client.call(&self.weights(vec![self.element(&[(first, 20)])?])).await?;
        let outcome = self.client.task(begun.request_id.as_str()).wait(LIMIT).await;
        let ended = Instant::now();
        if !matches!(outcome, Outcome::Succeeded) {
            return Err(format!("an ordinary change of a weight does not succeed: {outcome:?}").into());
        }

        let two = vec![self.element(&[(first, 31)])?, self.element(&[(second, 32)])?];
        let two_elements = self.weigh(two, &[(first, 31), (second, 32)]).await?;

        let stranger = ListenerId::new("lbl-00000000")?;
        let unknown = PoolWeights::new(Pool::listener(stranger), vec![weight_of(first, 41)?]);
        let unknown_listener =
            self.weigh(vec![self.element(&[(first, 41)])?, unknown], &[(first, 41)]).await?;
        let weight_of_unbound = self.weigh(vec![self.element(&[(absent, 51)])?], &[(absent, 51)]).await?;

        let answer = self.client.call(&self.register(&[first], 61)?).await;
        let bound = self.batch_verdict(answer.map(|a| a.failed_listeners), &[(first, 61)]).await?;
        let answer = self.client.call(&self.deregister(&[absent])?).await;
        let deregister_unbound = self.batch_verdict(answer.map(|a| a.failed_listeners), &[]).await?;

        let unknown_task = self.task_verdict("00000000-0000-4000-8000-000000000000").await;
        let first_task = (ended.elapsed(), self.task_verdict(&begun.request_id).await);
        Ok(Findings {
            registered_after,
            batch_has_a_task,
            two_elements,
            unknown_listener,
            bound,
            weight_of_unbound,
            deregister_unbound,
            unknown_task,
            first_task,
            session_seconds,
        })
    }

    /// Deregisters the scratch addresses that are targets, until a read shows none.
    async fn clean_up(&self) -> Result<()> {
        let until = Instant::now() + LIMIT;
        loop {
            let left: Vec<_> = self.targets().await?.into_iter().map(|(address, _)| address).collect();
            let left: Vec<_> = left.into_iter().filter(|address| self.scratch.contains(address)).collect();
            if left.is_empty() {
                return Ok(());
            }
            if Instant::now() >= until {
                return Err(format!("{left:?} could not be deregistered; do it by hand").into());
            }
            // A refusal is looked at with the next read.
            drop(self.client.call(&self.deregister(&left)?).await);
            sleep(PAUSE).await;
        }
    }

    /// Sends a weight call and compares what a read shows with `wanted`.
    async fn weigh(&self, elements: Vec<PoolWeights>, wanted: &[(SocketAddr, u32)]) -> Result<Verdict> {
        let queued = match self.client.call(&self.weights(elements)).await {
            Ok(queued) => queued,
            Err(error) => return refusal(error),
        };
        let outcome = self.client.task(queued.request_id).wait(LIMIT).await;
        let effect = self.effect(wanted).await?;
        Ok(match outcome {
            Outcome::Succeeded => effect,
            Outcome::Failed { .. } if effect == Verdict::InPart => effect,
            Outcome::Failed { .. } => Verdict::TaskFailed,
            Outcome::Unknown { .. } | _ => Verdict::Open,
        })
    }

    /// What a batch answer, and a read a little later, say.
    async fn batch_verdict(
        &self,
        failed_listeners: std::result::Result<Vec<String>, Error>,
        wanted: &[(SocketAddr, u32)],
    ) -> Result<Verdict> {
        match failed_listeners {
            Ok(failed) if failed.is_empty() => {}
            Ok(_) => return Ok(Verdict::InPart),
            Err(error) => return refusal(error),
        }
        self.until_shown(wanted).await?;
        self.effect(wanted).await
    }

    /// How long until a read shows every one of `wanted`; `Some(0)` when the first read does.
    async fn until_shown(&self, wanted: &[(SocketAddr, u32)]) -> Result<Option<Duration>> {
        let begun = Instant::now();
        if self.effect(wanted).await? == Verdict::Done {
            return Ok(Some(Duration::ZERO));
        }
        while begun.elapsed() < LIMIT {
            sleep(PAUSE).await;
            if self.effect(wanted).await? == Verdict::Done {
                return Ok(Some(begun.elapsed()));
            }
        }
        Ok(None)
    }

    async fn effect(&self, wanted: &[(SocketAddr, u32)]) -> Result<Verdict> {
        let present = self.targets().await?;
        let met = wanted.iter().filter(|one| present.contains(one)).count();
        Ok(match met {
            _ if met == wanted.len() => Verdict::Done,
            0 => Verdict::WithoutEffect,
            _ => Verdict::InPart,
        })
    }

    async fn task_verdict(&self, id: &str) -> Verdict {
        use clb_client::api::TaskStatus;
        match self.client.call(&DescribeTaskStatus::new(id)).await.map(|answer| answer.status) {
            Ok(TaskStatus::Succeeded) => Verdict::Done,
            Ok(TaskStatus::Failed) => Verdict::TaskFailed,
            Ok(TaskStatus::Running | TaskStatus::Other(_) | _) => Verdict::Open,
            Err(error) => Verdict::Refused(error.code().unwrap_or("no answer").to_owned()),
        }
    }

    /// Address and weight of every target of the pool.
    async fn targets(&self) -> Result<Vec<(SocketAddr, u32)>> {
        let request =
            DescribeTargets::new(self.load_balancer.clone()).with_listeners(vec![self.listener.clone()]);
        let listeners = self.client.call(&request).await?.listeners;
        let listener = listeners.into_iter().find(|one| one.listener_id == self.listener.as_str());
        let listener = listener.ok_or_else(|| format!("{} has no {}", self.load_balancer, self.listener))?;
        let targets = match &self.rule {
            None => listener.targets,
            Some(rule) => {
                let rule = listener.rules.into_iter().find(|one| one.rule_id == rule.as_str());
                rule.ok_or_else(|| format!("{} has no such rule", self.listener))?.targets
            }
        };
        let address = |ip, port| Some(SocketAddr::new(ip, u16::try_from(port).ok()?));
        Ok(targets
            .iter()
            .filter_map(|target| Some((address(target.ip()?, target.port)?, target.weight.unwrap_or(0))))
            .collect())
    }

    async fn session_seconds(&self) -> Result<i64> {
        let request =
            DescribeListeners::new(self.load_balancer.clone()).with_listeners(vec![self.listener.clone()]);
        let listeners = self.client.call(&request).await?.listeners;
        let listener =
            listeners.first().ok_or_else(|| format!("{} has no {}", self.load_balancer, self.listener))?;
        Ok(match &self.rule {
            None => listener.session_expire_time,
            Some(rule) => {
                let rule = listener.rules.iter().find(|one| one.rule_id == rule.as_str());
                rule.map_or(0, |rule| rule.session_expire_time)
            }
        })
    }

    fn pool(&self) -> Pool {
        match &self.rule {
            None => Pool::listener(self.listener.clone()),
            Some(rule) => Pool::rule(self.listener.clone(), rule.clone()),
        }
    }

    fn element(&self, targets: &[(SocketAddr, u8)]) -> Result<PoolWeights> {
        let targets = targets.iter().map(|(address, weight)| weight_of(*address, *weight));
        Ok(PoolWeights::new(self.pool(), targets.collect::<Result<_>>()?))
    }

    fn weights(&self, elements: Vec<PoolWeights>) -> BatchModifyTargetWeight {
        BatchModifyTargetWeight::new(self.load_balancer.clone(), elements)
    }

    fn register(&self, targets: &[SocketAddr], weight: u8) -> Result<BatchRegisterTargets> {
        let weight = Weight::new(weight)?;
        let targets = targets
            .iter()
            .map(|target| Ok(BatchTarget::new(self.pool(), address(*target)?).with_weight(weight)));
        Ok(BatchRegisterTargets::new(self.load_balancer.clone(), targets.collect::<Result<_>>()?))
    }

    fn deregister(&self, targets: &[SocketAddr]) -> Result<BatchDeregisterTargets> {
        let targets = targets.iter().map(|target| Ok(BatchTarget::new(self.pool(), address(*target)?)));
        Ok(BatchDeregisterTargets::new(self.load_balancer.clone(), targets.collect::<Result<_>>()?))
    }
}

/// A refusal is a finding; what says nothing about the question is not.
fn refusal(error: Error) -> Result<Verdict> {
    match (error.kind(), error.code()) {
        (ErrorKind::Credential | ErrorKind::Permission | ErrorKind::Throttled | ErrorKind::Busy, _)
        | (_, None) => Err(error.into()),
        (_, Some(code)) => Ok(Verdict::Refused(code.to_owned())),
    }
}

fn weight_of(target: SocketAddr, weight: u8) -> Result<TargetWeight> {
    Ok(TargetWeight::new(address(target)?, Weight::new(weight)?))
}

fn address(target: SocketAddr) -> Result<Address> {
    Ok(Address::ip(target.ip(), target.port().try_into()?))
}

/// How long an effect is waited for.
const LIMIT: Duration = Duration::from_secs(60);
/// Between two reads.
const PAUSE: Duration = Duration::from_millis(500);

#[cfg(test)]
mod tests {
    use clb_client::Region;
    use clb_client::sim::{
        Account, Config, Latency, Limits, Listener, LoadBalancer, Mismatch, PoolId, Simulator,
    };

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_strict_load_balancer() {
        let simulator = simulator(Config::default());
        let found = place(&simulator).probe(false).await.unwrap();
        assert_eq!((found.registered_after, found.elements_per_pool()), (Some(Duration::ZERO), 1), "{found}");
        assert!(matches!(found.unknown_listener, Verdict::Refused(_)), "{found}");
        for verdict in
            [&found.bound, &found.weight_of_unbound, &found.deregister_unbound, &found.unknown_task]
        {
            assert!(matches!(verdict, Verdict::Refused(_)), "{found}");
        }
        assert_eq!(found.first_task.1, Verdict::Done, "{found}");
        assert_eq!(targets(&simulator), []);
    }

    #[tokio::test(start_paused = true)]
    async fn a_lenient_load_balancer_with_slow_batches() {
        let config = Config::default()
            .with_bound(Mismatch::Accept)
            .with_unbound(Mismatch::Accept)
            .with_limits(Limits::default().with_elements_per_pool(10))
            .with_asynchronous_batches()
            .with_task(Latency::millis(2_000))
            // Longer than the pause between two questions about a task, shorter than the whole.
            .with_task_retention(Duration::from_secs(5));
        let simulator = simulator(config);
        let found = place(&simulator).probe(false).await.unwrap();
        assert!(found.registered_after.is_some_and(|after| after >= Duration::from_secs(1)), "{found}");
        assert_eq!(found.elements_per_pool(), 10, "{found}");
        assert_eq!(
            (&found.bound, &found.weight_of_unbound),
            (&Verdict::Done, &Verdict::WithoutEffect),
            "{found}"
        );
        assert_eq!(found.deregister_unbound, Verdict::Done, "{found}");
        assert!(matches!(found.first_task.1, Verdict::Refused(_)), "{found}");
        assert_eq!(targets(&simulator), []);
    }

    #[tokio::test(start_paused = true)]
    async fn a_load_balancer_that_does_what_fits() {
        let config = Config::default().with_bound(Mismatch::Partial).with_unbound(Mismatch::Partial);
        let simulator = simulator(config);
        let found = place(&simulator).probe(false).await.unwrap();
        assert_eq!(
            (&found.bound, &found.weight_of_unbound),
            (&Verdict::InPart, &Verdict::TaskFailed),
            "{found}"
        );
        assert_eq!(targets(&simulator), []);
    }

    #[tokio::test(start_paused = true)]
    async fn a_listener_with_targets_is_left_alone_unless_told() {
        let simulator = simulator(Config::default());
        let stranger = "10.0.0.99:80".parse().unwrap();
        assert!(simulator.with(|account| account.plant(&pool(), stranger, 7)));
        let error = place(&simulator).probe(false).await.unwrap_err();
        assert!(error.to_string().contains("--beside-targets"), "{error}");
        assert_eq!(targets(&simulator), [(stranger, 7)]);
        place(&simulator).probe(true).await.unwrap();
        assert_eq!(targets(&simulator), [(stranger, 7)]);
    }

    fn simulator(config: Config) -> Simulator {
        let listener = Listener::tcp("lbl-1", 80).with_session_persistence(60);
        let balancer = LoadBalancer::new("lb-1").with_listener(listener);
        Simulator::in_virtual_time(Account::new(config).with_load_balancer(balancer))
    }

    fn place(simulator: &Simulator) -> Place {
        Place {
            client: simulator.client(Region::new("ap-guangzhou").unwrap()),
            load_balancer: "lb-1".parse().unwrap(),
            listener: "lbl-1".parse().unwrap(),
            rule: None,
            scratch: [1, 2, 3].map(|i| SocketAddr::from(([10, 0, 0, i], 80))),
        }
    }

    fn targets(simulator: &Simulator) -> Vec<(SocketAddr, u8)> {
        simulator.with(|account| account.targets(&pool())).unwrap()
    }

    fn pool() -> PoolId {
        PoolId::listener("lb-1", "lbl-1")
    }
}
