//! 10,000 writes through a faulty API, by a loop that reads and repeats: they end in exactly the intended state.
#![cfg(feature = "sim")]

use std::{collections::BTreeMap, net::SocketAddr, time::Duration};

use clb_client::{
    Client, Executed, RateLimit, Region, RetryPolicy,
    api::{
        Address, BatchDeregisterTargets, BatchModifyTargetWeight, BatchRegisterTargets, BatchTarget,
        DescribeTargets, DescribeTaskStatus, ListenerId, LoadBalancerId, Pool, PoolWeights, TargetWeight,
        TaskStatus, Weight,
    },
    sim::{Account, Applied, Config, Fault, Latency, Limits, Listener, LoadBalancer, On, PoolId, Simulator},
};
use tokio::time::sleep;

#[tokio::test(start_paused = true)]
async fn ten_thousand_operations_end_in_the_intended_state() {
    let faultless = run(1_000, |_| ()).await;
    assert_eq!(faultless.writes, 1_000, "without faults one write each: {faultless:?}");
    let faulty = run(OPERATIONS, |account| {
        let faults = account.faults();
        faults.rate(On::Any, 0.05, Fault::LostBeforeEffect);
        faults.rate(On::Any, 0.05, Fault::LostAfterEffect);
        faults.rate(On::Any, 0.10, Fault::Throttled);
        faults.rate(On::Writes, 0.10, Fault::Busy);
        faults.rate(On::Writes, 0.05, Fault::FailedTask(Applied::Half));
    })
    .await;
    println!("{OPERATIONS} operations, seed {SEED}: {faulty:?}");
    assert!(faulty.writes < 2 * OPERATIONS, "{faulty:?}");
    assert!(faulty.writes > OPERATIONS * 5 / 4, "the faults came: {faulty:?}");
}

/// What it took.
#[derive(Clone, Copy, Debug, Default)]
struct Calls {
    writes: usize,
    reads: usize,
    polls: usize,
}

/// Carries out random operations, drawn from `SEED`, and compares the account with what is intended.
async fn run(operations: usize, faults: impl FnOnce(&mut Account)) -> Calls {
    let config = Config::default()
        .with_seed(SEED)
        .with_task(Latency::Between(Duration::from_millis(200), Duration::from_millis(800)))
        .with_limits(Limits::default().with_calls_per_second(None));
    let balancer = (1..=LISTENERS).fold(LoadBalancer::new("lb-1"), |balancer, i| {
        balancer.with_listener(Listener::tcp(&format!("lbl-{i}"), i))
    });
    let mut account = Account::new(config).with_load_balancer(balancer);
    faults(&mut account);
    let simulator = Simulator::in_virtual_time(account);
    let region = Region::new("ap-guangzhou").expect("well formed");
    let client = simulator.client(region).with_retry(RetryPolicy::never()).with_rate_limit(RateLimit::none());
    let mut driver = Driver { client, calls: Calls::default() };
    let mut dice = fastrand::Rng::with_seed(SEED);
    let mut intended: BTreeMap<(u16, u8), u8> = BTreeMap::new();
    for _ in 0..operations {
        let target = (dice.u16(1..=LISTENERS), dice.u8(1..=20));
        let present = intended.get(&target).copied();
        let wanted = match present {
            Some(_) if dice.u8(..3) == 0 => None,
            Some(weight) => Some((weight + dice.u8(1..=100)) % 101),
            None => Some(dice.u8(0..=100)),
        };
        driver.bring(target, present, wanted).await;
        match wanted {
            Some(weight) => drop(intended.insert(target, weight)),
            None => drop(intended.remove(&target)),
        }
    }
    for listener in 1..=LISTENERS {
        let wanted: Vec<(SocketAddr, u8)> = intended
            .range((listener, 0)..(listener + 1, 0))
            .map(|((_, i), weight)| (socket(*i), *weight))
            .collect();
        let pool = PoolId::listener("lb-1", &format!("lbl-{listener}"));
        assert_eq!(simulator.with(|account| account.targets(&pool)), Some(wanted), "seed {SEED}: {pool}");
    }
    driver.calls
}

struct Driver {
    client: Client,
    calls: Calls,
}

impl Driver {
    /// Writes until a target has the wanted weight (`None`: is not bound). After whatever was perhaps executed it reads
    /// first.
    async fn bring(&mut self, target: (u16, u8), mut present: Option<u8>, wanted: Option<u8>) {
        while present != wanted {
            match self.write(target, present, wanted).await {
                Ok(()) => return,
                Err(Executed::No) => sleep(Duration::from_millis(500)).await,
                Err(Executed::Maybe) => {
                    // Longer than any task, so that what is going to happen has happened.
                    sleep(Duration::from_secs(1)).await;
                    present = self.read(target).await;
                }
            }
        }
    }

    async fn write(
        &mut self,
        target: (u16, u8),
        present: Option<u8>,
        wanted: Option<u8>,
    ) -> Result<(), Executed> {
        self.calls.writes += 1;
        let pool = Pool::listener(listener(target.0));
        let failed_listeners = match (present, wanted) {
            (Some(_), Some(weight)) => {
                let weights = PoolWeights::new(pool, vec![TargetWeight::new(address(target.1), of(weight))]);
                let call = BatchModifyTargetWeight::new(lb(), vec![weights]);
                let task = self.client.call(&call).await.map_err(|why| why.executed())?.request_id;
                return self.wait(&task).await;
            }
            (None, Some(weight)) => {
                let target = BatchTarget::new(pool, address(target.1)).with_weight(of(weight));
                let call = BatchRegisterTargets::new(lb(), vec![target]);
                self.client.call(&call).await.map_err(|why| why.executed())?.failed_listeners
            }
            (_, None) => {
                let call = BatchDeregisterTargets::new(lb(), vec![BatchTarget::new(pool, address(target.1))]);
                self.client.call(&call).await.map_err(|why| why.executed())?.failed_listeners
            }
        };
        if failed_listeners.is_empty() { Ok(()) } else { Err(Executed::Maybe) }
    }

    async fn wait(&mut self, task: &str) -> Result<(), Executed> {
        let ask = DescribeTaskStatus::new(task);
        loop {
            sleep(Duration::from_millis(200)).await;
            self.calls.polls += 1;
            // A lost poll is asked again.
            let Ok(answer) = self.client.call(&ask).await else { continue };
            if answer.status == TaskStatus::Succeeded {
                return Ok(());
            }
            if answer.status != TaskStatus::Running {
                return Err(Executed::Maybe);
            }
        }
    }

    async fn read(&mut self, target: (u16, u8)) -> Option<u8> {
        let ask = DescribeTargets::new(lb()).with_listeners(vec![listener(target.0)]);
        loop {
            self.calls.reads += 1;
            match self.client.call(&ask).await {
                Ok(answer) => {
                    let mut targets = answer.listeners.iter().flat_map(|listener| &listener.targets);
                    let found = targets.find(|seen| seen.ip() == Some(socket(target.1).ip()))?;
                    return found.weight.and_then(|weight| u8::try_from(weight).ok());
                }
                Err(_) => sleep(Duration::from_millis(500)).await,
            }
        }
    }
}

fn lb() -> LoadBalancerId {
    LoadBalancerId::new("lb-1").expect("well formed")
}

fn listener(i: u16) -> ListenerId {
    ListenerId::new(&format!("lbl-{i}")).expect("well formed")
}

fn socket(i: u8) -> SocketAddr {
    SocketAddr::from(([10, 0, 0, i], 8080))
}

fn address(i: u8) -> Address {
    Address::ip(socket(i).ip(), socket(i).port().try_into().expect("not 0"))
}

fn of(weight: u8) -> Weight {
    Weight::new(weight).expect("in range")
}

const OPERATIONS: usize = 10_000;
const LISTENERS: u16 = 10;
const SEED: u64 = 7;
