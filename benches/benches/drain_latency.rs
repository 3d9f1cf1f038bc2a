//! cargo bench -p grace-benches --bench drain_latency
//!
//! How long does it take from the request that deletes a Pod to the request that takes its weight?
//!
//! 300 Pods behind one listener are deleted one after the other, each while the CLB is idle. Both sides are real HTTP on
//! loopback: the Kubernetes API of `k8s_watch::sim` and the CLB of `clb_client::sim`, which verifies each signature. The
//! clock starts when the deletion is sent and stops when the CLB has received the weight. 30 ms of it are the linger, in
//! which the core waits for more to put into the same call; the rest is our own share, the two servers included.

use std::error::Error;
use std::time::Duration;

use clb_client::Client;
use clb_client::sim::{
    Account, Action, Config, Latency, Limits, Listener, LoadBalancer, PoolId, Server, Simulator,
};
use grace_core::{Notice, Uid};
use k8s_openapi::api::core::v1::Pod;
use k8s_watch::sim::Cluster;
use k8s_watch::{Clb, Controller};
use kube::api::{Api, DeleteParams};
use serde_json::json;
use tokio::sync::broadcast::Receiver;
use tokio::sync::oneshot;
use tokio::time::{sleep, timeout};

#[tokio::main(worker_threads = 2)]
async fn main() -> Result<(), Box<dyn Error>> {
    let cluster = Cluster::new();
    let _slices = cluster.run_endpoint_slices(Duration::from_millis(5));
    let api = cluster.serve().await?;
    let client = kube::Client::try_from(kube::Config::new(format!("http://{}", api.address()).parse()?))?;
    let limits = Limits::default().with_targets_per_pool(DELETIONS);
    // The core lingers a third of a task at most, so shorter tasks than 90 ms would shorten the linger.
    let task = Latency::millis(100);
    let account = Account::new(Config::default().with_task(task).with_limits(limits))
        .with_load_balancer(LoadBalancer::new("lb-web").with_listener(Listener::tcp("lbl-web", 80)));
    let balancer = Server::start(Simulator::new(account)).await?;
    let pods = deploy(&cluster)?;

    let calls =
        Client::new("ap-guangzhou".parse()?, balancer.credential())?.with_endpoint(balancer.endpoint());
    let controller = Controller::builder(client.clone(), Clb::new(calls)).build();
    let mut notices = controller.handle().notices();
    let (shutdown, asked) = oneshot::channel::<()>();
    let running = tokio::spawn(controller.run(async move { drop(asked.await) }));
    registered(balancer.simulator()).await?;

    let api = Api::<Pod>::default_namespaced(client);
    let mut dice = fastrand::Rng::with_seed(1);
    let mut own = Vec::new();
    for (name, uid) in &pods {
        // The CLB is idle then, and deletions keep no step with any timer.
        sleep(Duration::from_micros(dice.u64(40_000..80_000))).await;
        let sent = balancer.simulator().now();
        api.delete(name, &DeleteParams::default()).await?;
        confirmed(&mut notices, *uid).await?;
        let received = weight_calls_since(balancer.simulator(), sent);
        let [received] = received[..] else {
            return Err(format!("{name} took {} weight calls instead of one", received.len()).into());
        };
        own.push(((received - sent).as_secs_f64() - LINGER.as_secs_f64()) * 1e3);
    }
    drop(shutdown);
    running.await??;

    own.sort_by(f64::total_cmp);
    let round = |ms: f64| (ms * 1e3).round() / 1e3;
    let [p50, p99, max] = [own.len() / 2, own.len() * 99 / 100, own.len() - 1].map(|at| round(own[at]));
    println!("{DELETIONS} single deletions on an idle CLB, from the deletion sent to the weight received:");
    println!("linger       {:>7} ms", LINGER.as_millis());
    println!("own share    {p50:>7.2} ms p50 (goal: 2), {p99:.2} ms p99 (goal: 20), {max:.2} ms at most");
    println!(
        "{}",
        json!({"deletions": DELETIONS, "linger_ms": 30, "own_ms": {"p50": p50, "p99": p99, "max": max}})
    );
    Ok(())
}

/// A Service with its ready Pods, each with its identity. There is no kubelet: deleted Pods go on terminating.
fn deploy(cluster: &Cluster) -> Result<Vec<(String, Uid)>, Box<dyn Error>> {
    cluster.create(&json!({
        "apiVersion": "v1", "kind": "Service", "metadata": {"name": "web", "annotations": {
            "service.cloud.tencent.com/direct-access": "true",
            "service.cloud.tencent.com/enable-grace-shutdown": "true",
            "service.kubernetes.io/loadbalance-id": "lb-web",
        }},
        "spec": {"type": "LoadBalancer", "selector": {"app": "web"}, "ports": [{"port": 80, "targetPort": 8080}]},
    }))?;
    let mut pods = Vec::new();
    for index in 0..DELETIONS {
        let name = format!("web-{index}");
        cluster.create(&json!({
            "apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "labels": {"app": "web"}},
            "spec": {"nodeName": "node-1", "terminationGracePeriodSeconds": 300, "containers": [{"name": "web", "image": "web"}]},
        }))?;
        let ip = format!("10.1.{}.{}", index / 250, index % 250 + 1);
        let status = json!({"status": {
            "phase": "Running", "podIP": ip, "podIPs": [{"ip": ip}],
            "conditions": [{"type": "ContainersReady", "status": "True"}, {"type": "Ready", "status": "True"}],
        }});
        let pod = cluster.patch("pods", "default", &name, &status)?;
        pods.push((name, Uid::of(pod["metadata"]["uid"].as_str().unwrap_or_default())));
    }
    Ok(pods)
}

/// Waits until every Pod is a target.
async fn registered(simulator: &Simulator) -> Result<(), Box<dyn Error>> {
    let pool = PoolId::listener("lb-web", "lbl-web");
    let all = async {
        while simulator.with(|account| account.targets(&pool)).is_none_or(|targets| targets.len() < DELETIONS)
        {
            sleep(Duration::from_millis(50)).await;
        }
        // The reads that follow registrations.
        sleep(Duration::from_secs(2)).await;
    };
    timeout(PATIENCE, all).await.map_err(|_| "the Pods were not registered within 30 s".into())
}

/// Waits until the drain of a Pod is confirmed.
async fn confirmed(notices: &mut Receiver<Notice>, uid: Uid) -> Result<(), Box<dyn Error>> {
    let confirmed = async {
        loop {
            if let Notice::DrainConfirmed { pod, .. } = notices.recv().await?
                && pod == uid
            {
                return Ok(());
            }
        }
    };
    timeout(PATIENCE, confirmed).await.map_err(|_| "a drain was not confirmed within 30 s")?
}

/// When the weight calls since a moment were received.
fn weight_calls_since(simulator: &Simulator, since: Duration) -> Vec<Duration> {
    simulator.with(|account| {
        let calls = account.calls().iter().filter(|call| call.at >= since);
        calls.filter(|call| call.action == Action::BatchModifyTargetWeight).map(|call| call.at).collect()
    })
}

const DELETIONS: usize = 300;
/// How long the core waits for more on an idle CLB, by default.
const LINGER: Duration = Duration::from_millis(30);
const PATIENCE: Duration = Duration::from_secs(30);
