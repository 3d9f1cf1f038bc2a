//! What a rolling update of 50 Pods on 2 Services that share a CLB costs the controller. CLB and controller are programs,
//! started from their examples and looked at from outside; with `--nocapture` the figures are printed as JSON.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::{Duration, SystemTime};

use k8s_openapi::jiff::Timestamp;
use serde_json::{Value, json};
use tokio::time::Instant;

use crate::clb_sim::{ClbSim, State};
use crate::manifests::{BALANCER, admin_kubeconfig, create, environment};
use crate::program::Program;
use crate::rig::{Kubelet, KubeletLoop, MERGE, Requests, Server, Setup, until};

#[tokio::test(flavor = "multi_thread")]
async fn f5_fifty_pods_on_two_services_of_one_clb_are_replaced() {
    let Some(server) = Server::start(Setup::default()).await else { return };
    let admin = server.admin().await;
    admin.create("/api/v1/nodes", json!({"metadata": {"name": "n1"}})).await.ok();
    let kubelet = Kubelet::new(admin.clone(), "default");
    let node = kubelet.take_over(9, TERMINATING);
    for (name, port) in SERVICES {
        service(&admin, name, port).await;
    }
    let clb = ClbSim::start(TASK, &orders(), server.audit_log().parent().unwrap()).await;
    let environment = environment(clb.address, admin_kubeconfig(&server));
    let environment: Vec<_> = environment.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let controller = Program::start(&["--log-format", "json"], &environment);
    let (old, before) = settled(&clb, &[], &controller).await;
    let idle = memory(&controller, "VmRSS");
    let names = names(&admin).await;

    let began = Instant::now();
    let roll = json!({"spec": {"template": {"metadata": {"annotations": {"rolled": "once"}}}}});
    for (name, _) in SERVICES {
        let path = format!("/apis/apps/v1/namespaces/default/deployments/{name}");
        admin.patch(&path, MERGE, roll.clone()).await.ok();
    }
    let (_, after) = settled(&clb, &old, &controller).await;

    let in_force = drained_before_their_end(&after, &old, &node);
    let confirmed = confirmed(&controller, &names, &node);
    let calls = &after.calls()[before.calls().len()..];
    let per_pod = |kind: fn(&str) -> bool| {
        let count = calls.iter().filter(|action| kind(action)).count();
        (count as f64 / old.len() as f64 * 100.0).round() / 100.0
    };
    let writes = per_pod(|action| !action.starts_with("Describe"));
    let figures = json!({
        "pods": old.len(),
        "services": SERVICES.len(),
        "task_ms": TASK.as_millis(),
        "pod_terminates_for_ms": TERMINATING.as_millis(),
        "seconds": (began.elapsed().as_secs_f64() * 10.0).round() / 10.0,
        "calls_per_pod": {
            "writes": writes,
            "reads": per_pod(|action| action.starts_with("Describe") && action != POLL),
            "polls": per_pod(|action| action == POLL),
        },
        "deletion_to_weight_0_in_force_ms": spread(&in_force),
        "deletion_to_weight_0_confirmed_ms": spread(&confirmed),
        "memory_kib": {"idle": idle, "peak": memory(&controller, "VmHWM")},
        "build": if cfg!(debug_assertions) { "debug" } else { "release" },
    });
    println!("{figures}");
    // One by one they would be 3 each: register, weight 0, deregister.
    assert!(writes < 1.5, "{figures}");
    assert_eq!(controller.terminate().await.status.code(), Some(0));
}

/// Waits until the targets are `SERVICES` times `REPLICAS` with weight 10, none of them in `old`, and the controller rests.
async fn settled(clb: &ClbSim, old: &[SocketAddr], controller: &Program) -> (Vec<SocketAddr>, State) {
    let settled = until("the targets are the Pods, and nothing is called any more", async || {
        let state = clb.state().await;
        let targets: Vec<_> =
            LISTENERS.iter().flat_map(|id| state.targets(&format!("{BALANCER}/{id}"))).collect();
        let done = targets.len() == SERVICES.len() * REPLICAS
            && targets.iter().all(|(address, weight)| *weight == 10 && !old.contains(address));
        if done && state.quiet() > REST {
            Ok((targets.into_iter().map(|(address, _)| address).collect(), state))
        } else {
            tokio::time::sleep(LOOK).await;
            Err(format!("{targets:?}\n{}", controller.log()))
        }
    });
    settled.await
}

/// Every target was at weight 0 when its kubelet removed the Pod, and was deregistered after that. Returns the times
/// from the kubelet's knowledge that the Pod ends to weight 0 in force.
fn drained_before_their_end(state: &State, old: &[SocketAddr], node: &KubeletLoop) -> Vec<Duration> {
    let ends = node.ends();
    let drains = old.iter().map(|address| {
        let story = state.story(*address);
        let [(_, Some(10)), (zero, Some(0)), (gone, None)] = story[..] else {
            panic!("{address} was not registered, drained and deregistered: {story:?}")
        };
        let end = ends[&address.ip().to_string()];
        let removed = end.removed.unwrap_or_else(|| panic!("{address} is gone and its Pod is not"));
        let ([_, zero], [gone, _]) = (state.instants(zero), state.instants(gone));
        assert!(zero < removed, "{address} had traffic when its Pod was removed");
        assert!(removed < gone, "{address} was deregistered before its Pod was removed");
        zero.saturating_duration_since(end.asked)
    });
    drains.collect()
}

/// The same until the controller knows it: `DrainConfirmed` in its log.
fn confirmed(controller: &Program, names: &BTreeMap<String, String>, node: &KubeletLoop) -> Vec<Duration> {
    let (now, wall) = (Instant::now(), SystemTime::now());
    let ends = node.ends();
    let log = controller.stderr.lock().unwrap().clone();
    let records = log.iter().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let drains = records.filter(|record| record["reason"] == "DrainConfirmed").map(|record| {
        let ip = &names[record["object"].as_str().unwrap()];
        let at: Timestamp = record["timestamp"].as_str().unwrap().parse().unwrap();
        let asked = wall - now.duration_since(ends[ip].asked);
        SystemTime::from(at).duration_since(asked).unwrap_or_default()
    });
    let drains: Vec<_> = drains.collect();
    assert_eq!(drains.len(), names.len(), "each drain is confirmed once");
    drains
}

/// Address of each Pod by its namespace and name.
async fn names(admin: &Requests) -> BTreeMap<String, String> {
    let pods = admin.get("/api/v1/namespaces/default/pods").await.ok();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let pods = pods["items"].as_array().unwrap().iter();
    pods.map(|pod| (format!("default/{}", text(&pod["metadata"]["name"])), text(&pod["status"]["podIP"])))
        .collect()
}

fn spread(times: &[Duration]) -> Value {
    let mut times: Vec<_> = times.iter().map(Duration::as_millis).collect();
    times.sort_unstable();
    json!({"n": times.len(), "p50": times[times.len() / 2], "max": times[times.len() - 1]})
}

/// A line of `/proc/PID/status` in KiB: `VmRSS`, or `VmHWM` for the most so far.
fn memory(program: &Program, line: &str) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", program.pid())).unwrap();
    let found = status.lines().find(|found| found.starts_with(line)).unwrap();
    found.split_whitespace().nth(1).unwrap().parse().unwrap()
}

/// One load balancer with a listener for each Service.
fn orders() -> Vec<Value> {
    let mut orders = vec![json!({"do": "put_load_balancer", "id": BALANCER})];
    orders.extend(LISTENERS.iter().zip(SERVICES).map(|(id, (_, port))| {
        json!({"do": "put_listener", "load_balancer": BALANCER, "id": id, "protocol": "TCP", "port": port})
    }));
    orders
}

async fn service(admin: &Requests, name: &str, port: u16) {
    let service = json!({
        "apiVersion": "v1", "kind": "Service",
        "metadata": {"name": name, "annotations": {
            "service.kubernetes.io/loadbalance-id": BALANCER,
            "service.cloud.tencent.com/direct-access": "true",
            "service.cloud.tencent.com/enable-grace-shutdown": "true",
        }},
        "spec": {"selector": {"app": name}, "ports": [{"port": port, "targetPort": 8080}]},
    });
    let deployment = json!({
        "apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": name},
        "spec": {"replicas": REPLICAS, "selector": {"matchLabels": {"app": name}}, "template": {
            "metadata": {"labels": {"app": name}},
            "spec": {"nodeName": "n1", "containers": [{"name": "web", "image": "web"}]},
        }},
    });
    create(admin, "default", service).await;
    create(admin, "default", deployment).await;
}

const SERVICES: [(&str, u16); 2] = [("books", 80), ("music", 81)];
/// Of the Services, in their order.
const LISTENERS: [&str; 2] = ["lbl-80", "lbl-81"];
/// Of each Deployment.
const REPLICAS: usize = 25;
/// How long a Pod lives after its deletion.
const TERMINATING: Duration = Duration::from_secs(3);
/// How long a task of the CLB takes.
const TASK: Duration = Duration::from_millis(500);
/// The call that asks how a task ended.
const POLL: &str = "DescribeTaskStatus";
/// A read that proves what a batch did comes a second after it.
const REST: Duration = Duration::from_secs(2);
/// Between two looks at the state, which grows with the logs in it.
const LOOK: Duration = Duration::from_millis(100);
