//! What a rolling update of 50 Pods on 2 Services that share a CLB costs the controller; with `--nocapture` as JSON.

use std::net::SocketAddr;
use std::time::Duration;

use clb_client::sim::PoolId;
use serde_json::{Value, json};
use tokio::time::Instant;

use crate::manifests::{BALANCER, admin_kubeconfig, clb, create, environment};
use crate::program::{Program, until};
use crate::rig::{Kubelet, MERGE, Requests, Server, Setup};

#[tokio::test(flavor = "multi_thread")]
async fn fifty_pods_on_two_services_of_one_clb_are_replaced() {
    let Some(server) = Server::start(Setup::default()).await else { return };
    let admin = server.admin().await;
    admin.create("/api/v1/nodes", json!({"metadata": {"name": "n1"}})).await.ok();
    let kubelet = Kubelet::new(admin.clone(), "default");
    let node = kubelet.take_over(9, TERMINATING);
    for (name, port) in SERVICES {
        service(&admin, name, port).await;
    }
    let clb = clb().await;
    let all = |listener: &str| {
        let pool = PoolId::listener(BALANCER, listener);
        clb.simulator().with(|account| account.targets(&pool)).unwrap()
    };
    let settled = |old: &[SocketAddr]| {
        let targets = [all("lbl-80"), all("lbl-81")];
        let done = targets.iter().all(|targets| {
            targets.len() == REPLICAS && targets.iter().all(|(ip, weight)| *weight == 10 && !old.contains(ip))
        });
        done.then(|| targets.concat().into_iter().map(|(address, _)| address).collect::<Vec<_>>())
    };
    let environment = environment(&clb, admin_kubeconfig(&server));
    let environment: Vec<_> = environment.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let program = Program::run("controller", &[], &environment);
    let old = until("the targets are not the Pods", || settled(&[]), || program.log()).await;
    let idle = memory(&program, "VmRSS");
    let before = clb.simulator().with(|account| account.calls().len());

    let roll = json!({"spec": {"template": {"metadata": {"annotations": {"rolled": "once"}}}}});
    for (name, _) in SERVICES {
        let path = format!("/apis/apps/v1/namespaces/default/deployments/{name}");
        admin.patch(&path, MERGE, roll.clone()).await.ok();
    }
    until("the targets are not the successors", || settled(&old), || program.log()).await;

    let start = Instant::now() - clb.simulator().now();
    let (calls, changes) =
        clb.simulator().with(|account| (account.calls().to_vec(), account.changes().to_vec()));
    let ends = node.ends();
    let mut zeros: Vec<Duration> = Vec::new();
    for address in &old {
        let of: Vec<_> = changes.iter().filter(|change| change.address == *address).collect();
        let story: Vec<_> = of.iter().map(|change| change.after).collect();
        assert_eq!(story, [Some(10), Some(0), None], "{address}");
        let end = ends[&address.ip().to_string()];
        let (zero, gone) = (start + of[1].at, start + of[2].at);
        assert!(end.removed.is_some_and(|removed| zero < removed && removed < gone), "{address}");
        zeros.push(zero.saturating_duration_since(end.asked));
    }
    zeros.sort();
    let writes = |call: &&clb_client::sim::Call| !format!("{:?}", call.action).starts_with("Describe");
    let rolled = &calls[before..];
    let figures: Value = json!({
        "pods": old.len(),
        "calls_per_pod": rolled.len() as f64 / old.len() as f64,
        "writes_per_pod": rolled.iter().filter(writes).count() as f64 / old.len() as f64,
        "weight_zero_ms_p50": zeros[zeros.len() / 2].as_millis(),
        "weight_zero_ms_max": zeros[zeros.len() - 1].as_millis(),
        "memory_idle_kib": idle,
        "memory_peak_kib": memory(&program, "VmHWM"),
    });
    println!("{figures}");
    assert_eq!(program.terminate().await.status.code(), Some(0));
}

/// A line of `/proc/PID/status` in KiB: `VmRSS`, or `VmHWM` for the most so far.
fn memory(program: &Program, line: &str) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", program.pid())).unwrap();
    let found = status.lines().find(|found| found.starts_with(line)).unwrap();
    found.split_whitespace().nth(1).unwrap().parse().unwrap()
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
/// Of each Deployment.
const REPLICAS: usize = 25;
/// How long a Pod lives after its deletion.
const TERMINATING: Duration = Duration::from_secs(3);
