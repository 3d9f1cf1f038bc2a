//! A small read-and-repeat loop over the client against a simulator that fails often: what is wanted comes true, and not much
//! more is written than without a fault. Virtual time; operations and faults from a fixed seed, the client's jitter is not.
#![cfg(feature = "sim")]
#![expect(clippy::unwrap_used, reason = "test data that is known to be well-formed")]

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use clb_client::api::{
    Address, BatchDeregisterTargets, BatchModifyTargetWeight, BatchRegisterTargets, BatchTarget,
    DescribeTargets, ListenerId, LoadBalancerId, Pool, PoolWeights, TargetWeight, Weight,
};
use clb_client::sim::{
    Account, Applied, Config, Fault, Latency, Listener, LoadBalancer, On, PoolId, Simulator,
};
use clb_client::task::Outcome;
use clb_client::{Client, Region};

/// What one load balancer has, or shall have.
type Targets = BTreeMap<SocketAddr, u8>;

#[tokio::test(start_paused = true)]
async fn ten_thousand_operations_come_true_although_a_third_of_the_calls_go_wrong() {
    let faultless = run(|_| {}).await;
    let faulty = run(|account| {
        let faults = account.faults();
        faults.rate(On::Any, 0.05, Fault::LostBeforeEffect);
        faults.rate(On::Any, 0.05, Fault::LostAfterEffect);
        faults.rate(On::Any, 0.10, Fault::Throttled);
        faults.rate(On::Writes, 0.10, Fault::Busy);
        faults.rate(On::Writes, 0.05, Fault::FailedTask(Applied::Half));
    })
    .await;
    println!("{OPERATIONS} operations, seed {SEED}: without faults {faultless:?}, with faults {faulty:?}");
    assert!(faulty.writes < 2 * faultless.writes, "{faulty:?} against {faultless:?}");
}

/// Calls of one run.
#[derive(Debug)]
#[expect(dead_code, reason = "printed")]
struct Calls {
    writes: usize,
    reads: usize,
    polls: usize,
}

/// Lets ten load balancers go through their share of the operations at the same time, and compares what they have at the end
/// with what they shall have.
async fn run(spoil: impl FnOnce(&mut Account)) -> Calls {
    let names: Vec<String> = (0..BALANCERS).map(|n| format!("lb-{n}")).collect();
    let config = Config::default().with_seed(SEED).with_task(Latency::millis(700));
    let account = names.iter().fold(Account::new(config), |account, name| {
        account.with_load_balancer(LoadBalancer::new(name).with_listener(Listener::tcp("lbl-1", 80)))
    });
    let simulator = Simulator::in_virtual_time(account);
    simulator.with(spoil);
    let client = simulator.client(Region::new("ap-guangzhou").unwrap());
    let driven: Vec<_> = (SEED..)
        .zip(&names)
        .map(|(seed, name)| tokio::spawn(drive(client.clone(), LoadBalancerId::new(name).unwrap(), seed)))
        .collect();
    for (driven, name) in driven.into_iter().zip(&names) {
        let wanted = driven.await.unwrap();
        let found = simulator.with(|account| account.targets(&PoolId::listener(name, "lbl-1")).unwrap());
        assert_eq!(found.into_iter().collect::<Targets>(), wanted, "{name}");
    }
    simulator.with(|account| {
        let count = |names: fn(&str) -> bool| {
            account.calls().iter().filter(|call| names(call.action.as_str())).count()
        };
        Calls {
            writes: count(|name| name.starts_with("Batch")),
            reads: count(|name| name == "DescribeTargets"),
            polls: count(|name| name == "DescribeTaskStatus"),
        }
    })
}

/// Twenty operations at a time, each followed until what is wanted has come true.
async fn drive(client: Client, balancer: LoadBalancerId, seed: u64) -> Targets {
    let mut dice = fastrand::Rng::with_seed(seed);
    let (mut wanted, mut seen) = (Targets::new(), read(&client, &balancer).await);
    for _ in 0..OPERATIONS / BALANCERS / AT_ONCE {
        for _ in 0..AT_ONCE {
            let address = SocketAddr::from(([10, 0, 0, dice.u8(1..=60)], 8080));
            match dice.u8(0..4) {
                0 => drop(wanted.remove(&address)),
                1 => drop(wanted.insert(address, 0)),
                _ => drop(wanted.insert(address, dice.u8(1..=100))),
            }
        }
        while wanted != seen {
            match step(&client, &balancer, &wanted, &seen).await {
                Some(reached) => seen = reached,
                None => seen = read(&client, &balancer).await,
            }
        }
    }
    wanted
}

/// One write towards what is wanted: weights first, then registrations, then removals. What is there afterwards, or none when
/// that is not certain.
async fn step(
    client: &Client,
    balancer: &LoadBalancerId,
    wanted: &Targets,
    seen: &Targets,
) -> Option<Targets> {
    let pool = || Pool::listener(ListenerId::new("lbl-1").unwrap());
    let address = |target: &SocketAddr| Address::ip(target.ip(), target.port().try_into().unwrap());
    let differ = |there: bool| {
        move |(target, weight): &(&SocketAddr, &u8)| match seen.get(*target) {
            Some(present) => there && present != *weight,
            None => !there,
        }
    };
    let mut reached = seen.clone();
    let changed: Targets =
        wanted.iter().filter(differ(true)).map(|(target, weight)| (*target, *weight)).collect();
    if !changed.is_empty() {
        let weight = |(target, weight): (&SocketAddr, &u8)| {
            TargetWeight::new(address(target), Weight::new(*weight).unwrap())
        };
        let (changed, element) =
            (&changed, PoolWeights::new(pool(), changed.iter().take(50).map(weight).collect()));
        let queued =
            client.call(&BatchModifyTargetWeight::new(balancer.clone(), vec![element])).await.ok()?;
        let outcome = client.task(queued.request_id).wait(Duration::from_secs(30)).await;
        reached.extend(changed.iter().take(50));
        return matches!(outcome, Outcome::Succeeded).then_some(reached);
    }
    let added: Targets =
        wanted.iter().filter(differ(false)).map(|(target, weight)| (*target, *weight)).collect();
    if !added.is_empty() {
        let target = |(target, weight): (&SocketAddr, &u8)| {
            BatchTarget::new(pool(), address(target)).with_weight(Weight::new(*weight).unwrap())
        };
        let targets = added.iter().map(target).collect();
        let done = client.call(&BatchRegisterTargets::new(balancer.clone(), targets)).await.ok()?;
        reached.extend(added);
        return done.failed_listeners.is_empty().then_some(reached);
    }
    let targets = seen.keys().filter(|target| !wanted.contains_key(target));
    let targets = targets.map(|target| BatchTarget::new(pool(), address(target))).collect();
    let done = client.call(&BatchDeregisterTargets::new(balancer.clone(), targets)).await.ok()?;
    reached.retain(|target, _| wanted.contains_key(target));
    done.failed_listeners.is_empty().then_some(reached)
}

/// What is there.
async fn read(client: &Client, balancer: &LoadBalancerId) -> Targets {
    loop {
        if let Ok(answer) = client.call(&DescribeTargets::new(balancer.clone())).await {
            let targets = answer.listeners.iter().flat_map(|listener| &listener.targets);
            let target = |port: u32| u16::try_from(port).unwrap();
            return targets
                .map(|one| {
                    (
                        SocketAddr::new(one.ip().unwrap(), target(one.port)),
                        u8::try_from(one.weight.unwrap()).unwrap(),
                    )
                })
                .collect();
        }
    }
}

const SEED: u64 = 20_260_301;
const OPERATIONS: u64 = 10_000;
const BALANCERS: u64 = 10;
const AT_ONCE: u64 = 20;
