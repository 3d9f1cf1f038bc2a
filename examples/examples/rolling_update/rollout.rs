//! One rolling update under load: builds everything, lets it run, and says what came of it.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use clb_client::Client;
use clb_client::sim::data_plane::{DataPlane, DialTable, Options};
use clb_client::sim::{Account, Config, Latency, Listener, LoadBalancer, PoolId, Server, Simulator};
use k8s_watch::{Clb, Controller};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep};

use crate::cluster::{Deployed, LOAD_BALANCER};
use crate::drains::Drains;
use crate::flags::Flags;
use crate::load::{Load, Plan};
use crate::pod::Containers;
use crate::progress::Progress;
use crate::report::Outcome;

/// Whether the Service asks for grace shutdown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Grace {
    /// Direct access alone: a deleted Pod is deregistered at once.
    Off,
    /// Both switches.
    On,
}

/// Why there is no outcome.
pub(crate) type Failed = Box<dyn std::error::Error>;

/// Rolls once.
pub(crate) async fn run(grace: Grace, flags: &Flags) -> Result<Outcome, Failed> {
    let mut progress = Progress::start(match grace {
        Grace::Off => "grace shutdown off",
        Grace::On => "grace shutdown on",
    });
    let balancer = Balancer::start(flags).await?;
    let deployed =
        Deployed::start(grace, flags, Containers::new(balancer.plane.dial_table().clone(), flags.seed))?;
    let controller = Running::start(&deployed, &balancer)?;
    let drains = Drains::follow(deployed.client(), controller.handle.notices());

    let ready = || deployed.standing().is_complete(flags.replicas) && balancer.serves(flags.replicas);
    until(ready, "the first version did not come up", || {
        let (available, targets) = (deployed.standing().available, balancer.targets().len());
        progress.show(&format!("the first version starts: {available} Pods available, {targets} targets"));
    })
    .await?;

    let load = Load::start(balancer.address, plan(flags));
    sleep(WARM_UP).await;
    let began = (Instant::now(), balancer.simulator.now());
    deployed.release()?;
    until(ready, "the rollout did not come to its end", || {
        let (standing, clients) = (deployed.standing(), load.tally());
        progress.show(&format!(
            "{} of {} Pods replaced, {} draining | {} requests, {} lost | {} meetings cut",
            standing.updated,
            flags.replicas,
            standing.terminating,
            clients.sent,
            clients.lost(),
            clients.cut,
        ));
    })
    .await?;
    let seconds = began.0.elapsed().as_secs_f64();
    let clients = load.stop().await;
    controller.stop().await?;

    progress.finish(&format!(
        "done: {} requests, {} lost | {} meetings, {} cut",
        clients.sent,
        clients.lost(),
        clients.joined,
        clients.cut,
    ));
    Ok(Outcome {
        grace: grace == Grace::On,
        replaced: drains.deleted(),
        seconds,
        clients,
        weight_zero_ms: if grace == Grace::On { drains.weight_zero_ms() } else { Vec::new() },
        opened_after_zero: balancer
            .plane
            .all_counters()
            .iter()
            .map(|(.., target)| target.opened_after_zero)
            .sum(),
        calls: balancer.calls_since(began.1),
    })
}

/// The simulated CLB with its API and its listener.
struct Balancer {
    simulator: Simulator,
    server: Server,
    plane: DataPlane,
    /// Where clients connect to.
    address: SocketAddr,
    pool: PoolId,
}

impl Balancer {
    async fn start(flags: &Flags) -> Result<Self, Failed> {
        let task = Latency::Between(flags.task_time * 3 / 4, flags.task_time * 5 / 4);
        let config = Config::default()
            .with_seed(flags.seed)
            .with_task(task)
            .with_batch(Latency::Between(flags.task_time / 4, flags.task_time / 2))
            .with_answer(Latency::Between(Duration::from_millis(5), Duration::from_millis(20)));
        let account = Account::new(config)
            .with_load_balancer(LoadBalancer::new(LOAD_BALANCER).with_listener(Listener::tcp(LISTENER, 80)));
        let simulator = Simulator::new(account);
        let plane = DataPlane::start(&simulator, DialTable::new(), Options::default()).await?;
        let address = plane.address(LOAD_BALANCER, LISTENER).ok_or("the listener has no socket")?;
        let server = Server::start(simulator.clone()).await?;
        Ok(Self { simulator, server, plane, address, pool: PoolId::listener(LOAD_BALANCER, LISTENER) })
    }

    fn targets(&self) -> Vec<(SocketAddr, u8)> {
        self.simulator.with(|account| account.targets(&self.pool)).unwrap_or_default()
    }

    /// Whether exactly so many targets are registered, all with a positive weight.
    fn serves(&self, replicas: u32) -> bool {
        let targets = self.targets();
        targets.len() == replicas as usize && targets.iter().all(|(_, weight)| *weight > 0)
    }

    fn calls_since(&self, began: Duration) -> BTreeMap<String, u64> {
        self.simulator.with(|account| {
            let mut calls = BTreeMap::new();
            for call in account.calls().iter().filter(|call| call.at >= began) {
                *calls.entry(call.action.to_string()).or_default() += 1;
            }
            calls
        })
    }
}

/// The controller at work.
struct Running {
    handle: k8s_watch::Handle,
    shutdown: oneshot::Sender<()>,
    task: JoinHandle<Result<(), k8s_watch::Error>>,
}

impl Running {
    fn start(deployed: &Deployed, balancer: &Balancer) -> Result<Self, Failed> {
        let client = Client::new("ap-guangzhou".parse()?, balancer.server.credential())?
            .with_endpoint(balancer.server.endpoint());
        let controller = Controller::builder(deployed.client(), Clb::new(client)).build();
        let handle = controller.handle();
        let (shutdown, asked) = oneshot::channel();
        let task = tokio::spawn(controller.run(async move { drop(asked.await) }));
        Ok(Self { handle, shutdown, task })
    }

    async fn stop(self) -> Result<(), Failed> {
        drop(self.shutdown);
        Ok(self.task.await??)
    }
}

/// Waits for a condition, and shows how far it is meanwhile.
async fn until(done: impl Fn() -> bool, why_not: &'static str, mut show: impl FnMut()) -> Result<(), Failed> {
    let deadline = Instant::now() + PATIENCE;
    while !done() {
        if Instant::now() > deadline {
            return Err(format!(
                "{why_not} within {} s; RUST_LOG=k8s_watch=debug shows why",
                PATIENCE.as_secs()
            )
            .into());
        }
        show();
        sleep(Duration::from_millis(50)).await;
    }
    Ok(())
}

fn plan(flags: &Flags) -> Plan {
    Plan {
        short_per_second: 100,
        slow_per_second: 4,
        slow: Duration::from_secs(3),
        meetings: 30,
        heartbeat: Duration::from_millis(500),
        patience: Duration::from_secs(5),
        seed: flags.seed,
    }
}

const LISTENER: &str = "lbl-meet";
/// Load before the rollout, so that every Pod has meetings and slow requests when it begins.
const WARM_UP: Duration = Duration::from_secs(1);
/// Longest wait for a rollout; with the defaults it takes a third of that.
const PATIENCE: Duration = Duration::from_secs(90);
