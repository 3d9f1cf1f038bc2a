//! The CLB of one test: a simulated account with one load balancer, and what became of each target.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::time::Duration;

use clb_client::sim::{Account, Action, Config, Latency, Listener, LoadBalancer, PoolId, Simulator};
use tokio::time::Instant;

use super::until;

/// Load balancer `lb-1` with a TCP listener on port 80 and one on port 81.
pub(crate) struct Clb {
    pub(crate) simulator: Simulator,
    start: Instant,
}

impl Clb {
    pub(crate) fn new() -> Self {
        let config = Config::default().with_task(Latency::millis(100)).with_answer(Latency::millis(5));
        let balancer = LoadBalancer::new(LOAD_BALANCER)
            .with_listener(Listener::tcp("lbl-80", 80))
            .with_listener(Listener::tcp("lbl-81", 81));
        let simulator = Simulator::new(Account::new(config).with_load_balancer(balancer));
        let start = Instant::now() - simulator.now();
        Self { simulator, start }
    }

    /// The weights that a target on listener 80 has had, in order, `-` where it was not registered: `- 10 0 -` was
    /// registered with weight 10, drained and deregistered.
    pub(crate) fn story(&self, target: &str) -> String {
        self.story_on("lbl-80", target)
    }

    /// [`Clb::story`] on another listener.
    pub(crate) fn story_on(&self, listener: &str, target: &str) -> String {
        let (pool, address) =
            (PoolId::listener(LOAD_BALANCER, listener), target.parse::<SocketAddr>().unwrap());
        let word = |weight: Option<u8>| weight.map_or_else(|| "-".to_owned(), |weight| weight.to_string());
        self.simulator.with(|account| {
            let changes =
                account.changes().iter().filter(|change| change.pool == pool && change.address == address);
            let mut words: Vec<_> = changes.clone().take(1).map(|change| word(change.before)).collect();
            words.extend(changes.map(|change| word(change.after)));
            words.join(" ")
        })
    }

    /// Waits until the story of `target` on listener 80 is `wanted`; a story that took another turn fails at once.
    pub(crate) async fn tells(&self, target: &str, wanted: &str) {
        self.tells_on("lbl-80", target, wanted).await;
    }

    /// [`Clb::tells`] on another listener.
    pub(crate) async fn tells_on(&self, listener: &str, target: &str, wanted: &str) {
        until(&format!("{target} on {listener} went {wanted}"), async || {
            let story = self.story_on(listener, target);
            assert!(wanted.starts_with(&story), "{target} on {listener} went {story}, wanted {wanted}");
            if story == wanted { Ok(()) } else { Err(story) }
        })
        .await;
    }

    /// Every target that a listener ever had.
    pub(crate) fn ever(&self, listener: &str) -> BTreeSet<String> {
        let pool = PoolId::listener(LOAD_BALANCER, listener);
        self.simulator.with(|account| {
            account
                .changes()
                .iter()
                .filter(|change| change.pool == pool)
                .map(|change| change.address.to_string())
                .collect()
        })
    }

    /// The targets of listener 80 with their weights.
    pub(crate) fn targets(&self) -> Vec<(String, u8)> {
        let pool = PoolId::listener(LOAD_BALANCER, "lbl-80");
        let targets = self.simulator.with(|account| account.targets(&pool)).unwrap();
        targets.into_iter().map(|(address, weight)| (address.to_string(), weight)).collect()
    }

    /// When `target` was changed, oldest first.
    pub(crate) fn times(&self, target: &str) -> Vec<Instant> {
        let address = target.parse::<SocketAddr>().unwrap();
        self.simulator.with(|account| {
            let changes = account.changes().iter().filter(|change| change.address == address);
            changes.map(|change| self.start + change.at).collect()
        })
    }

    /// Binds a target past the controller, as another program or a person would.
    pub(crate) fn plant(&self, target: &str, weight: u8) {
        let pool = PoolId::listener(LOAD_BALANCER, "lbl-80");
        assert!(self.simulator.with(|account| account.plant(&pool, target.parse().unwrap(), weight)));
    }

    /// Unbinds a target past the controller.
    pub(crate) fn unplant(&self, target: &str) {
        let pool = PoolId::listener(LOAD_BALANCER, "lbl-80");
        assert!(self.simulator.with(|account| account.unplant(&pool, target.parse().unwrap())));
    }

    /// Waits until the targets are read again, so that what was written before is known and not only assumed.
    pub(crate) async fn read_again(&self) {
        let reads = || {
            self.simulator.with(|account| {
                account.calls().iter().filter(|call| call.action == Action::DescribeTargets).count()
            })
        };
        let before = reads();
        // A read that is under way already may have been answered with what was before.
        until("the targets are read again", async || {
            let seen = reads() - before;
            if seen >= 2 { Ok(()) } else { Err(seen.to_string()) }
        })
        .await;
    }

    /// How many calls the account has seen.
    pub(crate) fn calls(&self) -> usize {
        self.simulator.with(|account| account.calls().len())
    }

    /// How many changes of targets the account has seen.
    pub(crate) fn changes(&self) -> usize {
        self.simulator.with(|account| account.changes().len())
    }

    /// Waits until `calls` more than `before` calls were made, or nothing was called for `at_most`.
    pub(crate) async fn called(&self, before: usize, calls: usize, at_most: Duration) {
        let deadline = Instant::now() + at_most;
        while self.calls() < before + calls && Instant::now() < deadline {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    }
}

/// The only load balancer of the account.
pub(crate) const LOAD_BALANCER: &str = "lb-1";
