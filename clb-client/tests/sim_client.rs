//! The client against the simulator: over HTTP, and without a network in virtual time.
#![cfg(feature = "sim")]

use std::time::Duration;

use clb_client::{
    Client, ErrorKind, Executed, RateLimit, Region, RetryPolicy,
    api::{
        Address, BatchDeregisterTargets, BatchModifyTargetWeight, BatchRegisterTargets, BatchTarget,
        DescribeAsyncJobs, DescribeListeners, DescribeLoadBalancers, DescribeTargets, DescribeTaskStatus,
        ListenerId, LoadBalancerId, Pool, PoolWeights, RuleId, TargetWeight, TaskStatus, Weight,
    },
    sim::{
        Account, Action, Applied, Config, Fault, Latency, Listener, LoadBalancer, On, PoolId, Rule, Shape,
        Simulator,
    },
};
use tokio::time::Instant;

#[cfg(all(feature = "reqwest", any(feature = "ring", feature = "aws-lc-rs")))]
#[tokio::test]
async fn over_http_a_target_is_registered_drained_and_deregistered() {
    let server = clb_client::sim::Server::start(account(Config::default().with_task(Latency::millis(20))))
        .await
        .unwrap();
    let client = Client::new(region(), server.credential()).unwrap().with_endpoint(server.endpoint());
    life_of_a_target(&client).await;
    let calls = server.simulator().with(|account| account.calls().len());
    assert!(calls >= 8, "{calls} calls");
}

#[tokio::test(start_paused = true)]
async fn without_a_network_a_target_is_registered_drained_and_deregistered() {
    let simulator = Simulator::in_virtual_time(account(Config::default().with_task(Latency::millis(800))));
    let before = Instant::now();
    life_of_a_target(&simulator.client(region())).await;
    assert!(before.elapsed() >= Duration::from_millis(800), "the task takes its time");
}

#[tokio::test(start_paused = true)]
async fn virtual_days_do_not_expire_signatures() {
    let simulator = Simulator::in_virtual_time(account(Config::default()));
    let client = simulator.client(region());
    for _ in 0..3 {
        client.call(&DescribeLoadBalancers::new()).await.unwrap();
        tokio::time::sleep(Duration::from_secs(86_400)).await;
    }
}

#[tokio::test(start_paused = true)]
async fn busy_and_throttled_are_certainly_not_executed() {
    let simulator = Simulator::in_virtual_time(account(Config::default()));
    let client =
        simulator.client(region()).with_retry(RetryPolicy::never()).with_rate_limit(RateLimit::none());
    simulator.with(|account| {
        account.faults().script(On::Writes, 1, Fault::Busy);
        account.faults().script(On::Writes, 1, Fault::Throttled);
        account.faults().script(On::Writes, 1, Fault::Unreachable);
    });
    for kind in [ErrorKind::Busy, ErrorKind::Throttled, ErrorKind::Transport] {
        let error = client.call(&register()).await.unwrap_err();
        assert_eq!((error.kind(), error.executed()), (kind, Executed::No));
    }
    client.call(&register()).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_lost_answer_may_have_been_executed() {
    let simulator = Simulator::in_virtual_time(account(Config::default()));
    let client = simulator.client(region()).with_retry(RetryPolicy::never());
    for (fault, bound) in [(Fault::LostBeforeEffect, 0), (Fault::LostAfterEffect, 1)] {
        simulator.with(|account| account.faults().script(On::Writes, 1, fault));
        let error = client.call(&register()).await.unwrap_err();
        assert_eq!((error.kind(), error.executed()), (ErrorKind::Transport, Executed::Maybe));
        assert_eq!(simulator.with(|account| account.targets(&web()).unwrap().len()), bound);
    }
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_does_not_come_ends_with_the_time_limit() {
    let simulator = Simulator::in_virtual_time(account(Config::default()));
    let client = simulator.client(region()).with_retry(RetryPolicy::never());
    simulator
        .with(|account| account.faults().script(On::Any, 1, Fault::SlowAnswer(Duration::from_secs(3600))));
    let before = Instant::now();
    let error = client.call(&register()).await.unwrap_err();
    assert_eq!((error.kind(), error.executed()), (ErrorKind::Transport, Executed::Maybe));
    assert!(before.elapsed() <= Duration::from_secs(11), "{:?}", before.elapsed());
}

#[tokio::test(start_paused = true)]
async fn gone_objects_are_told_apart() {
    let simulator = Simulator::in_virtual_time(account(Config::default()));
    let client = simulator.client(region()).with_retry(RetryPolicy::never());
    simulator.with(|account| account.remove_listener("lb-1", "lbl-1"));
    assert_eq!(client.call(&register()).await.unwrap_err().kind(), ErrorKind::PoolGone);
    assert_eq!(client.call(&weight(0)).await.unwrap_err().kind(), ErrorKind::PoolGone);
    simulator.with(|account| account.remove_load_balancer("lb-1"));
    assert_eq!(client.call(&register()).await.unwrap_err().kind(), ErrorKind::LoadBalancerGone);
    assert_eq!(client.call(&weight(0)).await.unwrap_err().kind(), ErrorKind::LoadBalancerGone);
    let read = DescribeTargets::new(lb());
    assert_eq!(client.call(&read).await.unwrap_err().kind(), ErrorKind::LoadBalancerGone);
}

#[tokio::test(start_paused = true)]
async fn odd_answers_are_read_or_refused_without_a_panic() {
    let simulator = Simulator::in_virtual_time(account(Config::default()));
    let client = simulator.client(region()).with_retry(RetryPolicy::never());
    client.call(&register()).await.unwrap();
    // How many targets can be told, and how many of them have an address.
    let cases = [
        (Shape::NullLists, 0, 0),
        (Shape::EmptyLists, 0, 0),
        (Shape::UnknownFields, 1, 1),
        (Shape::StrangeTargets, 4, 1),
    ];
    for (shape, all, with_address) in cases {
        simulator.with(|account| account.faults().script(On::Any, 1, Fault::Odd(shape)));
        let answer = client.call(&DescribeTargets::new(lb()).with_listeners(vec![listener("lbl-1")])).await;
        let listeners = answer.unwrap_or_else(|why| panic!("{shape:?}: {why}")).listeners;
        let targets: Vec<_> = listeners.iter().flat_map(|listener| &listener.targets).collect();
        assert_eq!(targets.len(), all, "{shape:?}");
        assert_eq!(targets.iter().filter(|target| target.ip().is_some()).count(), with_address, "{shape:?}");
    }
    for shape in [Shape::Truncated, Shape::BadGateway] {
        simulator.with(|account| account.faults().script(On::Any, 1, Fault::Odd(shape)));
        let error = client.call(&DescribeTargets::new(lb())).await.unwrap_err();
        assert!(matches!(error.kind(), ErrorKind::Transport | ErrorKind::Server), "{shape:?}: {error}");
        assert_eq!(error.executed(), Executed::Maybe, "{shape:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn the_ends_of_many_writes_are_read_in_pages() {
    let simulator = Simulator::in_virtual_time(account(Config::default().with_task(Latency::millis(300))));
    let client = simulator.client(region()).with_rate_limit(RateLimit::none());
    client.call(&register()).await.unwrap();
    let mut ids = vec!["unknown".to_owned()];
    for round in 0..130 {
        if round == 100 {
            simulator
                .with(|account| account.faults().script(On::Writes, 1, Fault::FailedTask(Applied::Nothing)));
        }
        ids.push(client.call(&weight(30)).await.unwrap().request_id);
        tokio::time::sleep(Duration::from_millis(if round == 129 { 100 } else { 300 })).await;
    }
    let reads = || {
        simulator.with(|account| {
            account.calls().iter().filter(|call| call.action == Action::DescribeAsyncJobs).count()
        })
    };
    let jobs = client.all_async_jobs(ids.clone()).await.unwrap();
    assert_eq!(reads(), 2);
    let page = client.call(&DescribeAsyncJobs::new(ids.clone())).await.unwrap();
    assert_eq!((page.jobs.as_slice(), page.total_count), (&jobs[..20], 130), "a page has 20 unless said");
    assert!(jobs.iter().map(|job| &job.request_id).eq(&ids[1..]), "each known write once, in order");
    assert!(jobs.iter().all(|job| job.api_name == "BatchModifyTargetWeight" && job.resource_ids == ["lb-1"]));
    let status: Vec<_> = jobs.iter().map(|job| job.status.as_str()).collect();
    assert_eq!((status[99], status[100], status[129]), ("Succeeded", "Failed", "Processing"));
}

#[tokio::test(start_paused = true)]
async fn a_wrong_clock_is_corrected_once() {
    let simulator = Simulator::in_virtual_time(account(Config::default()));
    let clock = simulator.unix_now();
    let client = simulator.client(region()).with_retry(RetryPolicy::never());
    let client = client.with_wall_clock(move || clock.shifted(-7200));
    client.call(&DescribeLoadBalancers::new()).await.unwrap();
}

async fn life_of_a_target(client: &Client) {
    let found = client.call(&DescribeLoadBalancers::new().with_ids(vec![lb()])).await.expect("answered");
    assert_eq!(found.load_balancers[0].load_balancer_id, "lb-1");
    let listeners = client.call(&DescribeListeners::new(lb())).await.expect("answered").listeners;
    assert_eq!(listeners.len(), 2);
    let answer = client.call(&register()).await.expect("answered");
    assert!(answer.failed_listeners.is_empty());
    assert_eq!(seen(client).await, [Some(30), Some(30)]);
    let task = client.call(&weight(0)).await.expect("answered").request_id;
    let ask = DescribeTaskStatus::new(task);
    let ended = loop {
        let status = client.call(&ask).await.expect("answered").status;
        if status != TaskStatus::Running {
            break status;
        }
        tokio::time::sleep(Duration::from_millis(60)).await;
    };
    assert_eq!(ended, TaskStatus::Succeeded);
    assert_eq!(seen(client).await, [Some(0), Some(0)]);
    let deregister = BatchDeregisterTargets::new(lb(), targets());
    client.call(&deregister).await.expect("answered");
    assert_eq!(seen(client).await, []);
}

/// Weights of all targets as a read shows them.
async fn seen(client: &Client) -> Vec<Option<u32>> {
    let listeners = client.call(&DescribeTargets::new(lb())).await.expect("answered").listeners;
    listeners
        .iter()
        .flat_map(|listener| {
            listener.targets.iter().chain(listener.rules.iter().flat_map(|rule| &rule.targets))
        })
        .map(|target| target.weight)
        .collect()
}

fn account(config: Config) -> Account {
    Account::new(config).with_load_balancer(
        LoadBalancer::new("lb-1")
            .with_listener(Listener::tcp("lbl-1", 80))
            .with_listener(Listener::http("lbl-7", 8000).with_rule(Rule::new("loc-1", "a.example.com", "/"))),
    )
}

fn web() -> PoolId {
    PoolId::listener("lb-1", "lbl-1")
}

fn region() -> Region {
    Region::new("ap-guangzhou").expect("well formed")
}

fn lb() -> LoadBalancerId {
    LoadBalancerId::new("lb-1").expect("well formed")
}

fn listener(id: &str) -> ListenerId {
    ListenerId::new(id).expect("well formed")
}

fn pools() -> [Pool; 2] {
    [
        Pool::listener(listener("lbl-1")),
        Pool::rule(listener("lbl-7"), RuleId::new("loc-1").expect("well formed")),
    ]
}

fn pod() -> Address {
    Address::ip("10.0.0.1".parse().expect("an address"), 8080.try_into().expect("not 0"))
}

fn targets() -> Vec<BatchTarget> {
    pools().map(|pool| BatchTarget::new(pool, pod()).with_weight(Weight::new(30).expect("in range"))).to_vec()
}

fn register() -> BatchRegisterTargets {
    BatchRegisterTargets::new(lb(), targets())
}

fn weight(weight: u8) -> BatchModifyTargetWeight {
    let weight = Weight::new(weight).expect("in range");
    let elements = pools().map(|pool| PoolWeights::new(pool, vec![TargetWeight::new(pod(), weight)]));
    BatchModifyTargetWeight::new(lb(), elements.to_vec())
}
