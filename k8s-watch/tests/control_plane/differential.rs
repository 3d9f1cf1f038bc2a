//! The same requests to the real API server and to `k8s_watch::sim::Cluster`: equal answers, equal events.

use k8s_watch::sim::Cluster;
use serde_json::{Value, json};

use crate::rig::{Namespace, Requests, Server};
use crate::script::{Step, create, delete, get, merge, replace, run, strategic};

#[tokio::test]
async fn a_graceful_deletion() {
    same(
        "graceful",
        &[
            create("pods", pod("web", json!({}))),
            merge("pods/web/status", running("10.1.0.1")),
            delete("pods/web", json!({})),
            delete("pods/web", json!({})),
            delete("pods/web", json!({"gracePeriodSeconds": 60})),
            delete("pods/web", json!({"gracePeriodSeconds": 10})),
            create("pods", pod("web", json!({}))),
            merge(
                "pods/web/status",
                json!({"status": {"conditions": [{"type": "Ready", "status": "False"}]}}),
            ),
            delete("pods/web", json!({"gracePeriodSeconds": 0, "preconditions": {"uid": "somebody-else"}})),
            delete("pods/web", json!({"gracePeriodSeconds": 0, "preconditions": {"uid": "$uid(web)"}})),
            get("pods/web"),
            delete("pods/web", json!({})),
        ],
    )
    .await;
}

#[tokio::test]
async fn a_forced_deletion_and_a_successor_of_the_same_name() {
    same(
        "forced",
        &[
            create("pods", pod("web", json!({}))),
            merge("pods/web/status", running("10.1.0.1")),
            delete("pods/web", json!({"gracePeriodSeconds": 0})),
            create("pods", pod("web", json!({}))),
            merge("pods/web/status", running("10.1.0.1")),
        ],
    )
    .await;
}

#[tokio::test]
async fn deletions_that_nobody_waits_for() {
    same(
        "at-once",
        &[
            create("pods", pod("unscheduled", json!({"nodeName": null}))),
            delete("pods/unscheduled", json!({})),
            create("pods", pod("unscheduled-running", json!({"nodeName": null}))),
            merge("pods/unscheduled-running/status", running("10.1.0.2")),
            delete("pods/unscheduled-running", json!({})),
            create("pods", pod("failed", json!({}))),
            merge("pods/failed/status", json!({"status": {"phase": "Failed"}})),
            delete("pods/failed", json!({})),
            create("pods", pod("succeeded", json!({}))),
            merge("pods/succeeded/status", json!({"status": {"phase": "Succeeded"}})),
            delete("pods/succeeded", json!({})),
            create("pods", pod("graceless", json!({"terminationGracePeriodSeconds": 0}))),
            merge("pods/graceless/status", running("10.1.0.3")),
            delete("pods/graceless", json!({})),
        ],
    )
    .await;
}

#[tokio::test]
async fn a_phase_that_ends_while_terminating() {
    same(
        "ending",
        &[
            create("pods", pod("web", json!({}))),
            merge("pods/web/status", running("10.1.0.1")),
            delete("pods/web", json!({})),
            strategic(
                "pods/web/status",
                json!({"status": {"phase": "Failed", "conditions": [{"type": "Ready", "status": "False"}]}}),
            ),
            delete("pods/web", json!({"gracePeriodSeconds": 0})),
        ],
    )
    .await;
}

#[tokio::test]
async fn leases() {
    let lease = |version: Option<&str>, transitions: i64| {
        let mut lease = json!({"apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": {"name": "l"}, "spec": {
            "holderIdentity": "a", "leaseDurationSeconds": 15, "leaseTransitions": transitions, "renewTime": "2026-11-24T20:00:00.000000Z"}});
        if let Some(version) = version {
            lease["metadata"]["resourceVersion"] = version.into();
        }
        lease
    };
    let mut bad_time = lease(Some("$rv(l)"), 3);
    bad_time["spec"]["renewTime"] = "2026-11-24T20:00:00Z".into();
    let mut bad_duration = lease(Some("$rv(l)"), 3);
    bad_duration["spec"]["leaseDurationSeconds"] = 0.into();
    same(
        "leases",
        &[
            replace("leases/l", lease(None, 0)),
            create("leases", lease(None, 0)),
            replace("leases/l", lease(None, 1)),
            replace("leases/l", lease(Some("$rv(l)"), 1)),
            replace("leases/l", lease(Some("$old(l)"), 2)),
            replace("leases/l", bad_time),
            replace("leases/l", bad_duration),
            merge(
                "leases/l",
                json!({"metadata": {"resourceVersion": "$old(l)"}, "spec": {"holderIdentity": "b"}}),
            ),
            merge("leases/l", json!({"spec": {"holderIdentity": ""}})),
            delete("leases/l", json!({"preconditions": {"resourceVersion": "$old(l)"}})),
            delete("leases/l", json!({})),
        ],
    )
    .await;
}

#[tokio::test]
async fn reads_that_are_refused() {
    same(
        "reads",
        &[
            create("pods", pod("web", json!({}))),
            get("pods?resourceVersion=999999999&resourceVersionMatch=NotOlderThan"),
            get("pods?continue=nonsense"),
            get("pods?watch=1&sendInitialEvents=true&timeoutSeconds=1"),
            get("pods?sendInitialEvents=true"),
            get("pods/nobody"),
            get("pods?labelSelector=app%3Dweb"),
            get("pods?labelSelector=app%3Dother"),
            get("pods?fieldSelector=metadata.name%3Dweb"),
        ],
    )
    .await;
}

/// Runs `script` in a namespace of the real server and of a fresh simulated cluster.
async fn same(test: &str, script: &[Step]) {
    let Some(server) = Server::shared().await else { return };
    let namespace = Namespace::create(server, test).await;
    let real = run(&namespace.admin, &namespace.name, script).await;

    let cluster = Cluster::new();
    cluster.add_namespace(&namespace.name);
    let simulated = run(&Requests::new(cluster.client()), &namespace.name, script).await;

    let differing: Vec<String> = (0..real.len().max(simulated.len()))
        .filter(|&line| real.get(line) != simulated.get(line))
        .map(|line| {
            format!("  real      {}\n  simulated {}", shown(real.get(line)), shown(simulated.get(line)))
        })
        .collect();
    assert!(differing.is_empty(), "{test}: {} lines differ\n{}", differing.len(), differing.join("\n"));
}

fn shown(line: Option<&String>) -> &str {
    line.map_or("(nothing)", |line| line)
}

/// One container on node `n1`, with these fields of the spec instead.
fn pod(name: &str, spec: Value) -> Value {
    let mut pod = json!({"metadata": {"name": name, "labels": {"app": "web"}}, "spec": {
        "nodeName": "n1", "terminationGracePeriodSeconds": 30, "containers": [{"name": "web", "image": "web"}]}});
    for (field, value) in spec.as_object().unwrap() {
        pod["spec"][field] = value.clone();
    }
    pod
}

fn running(ip: &str) -> Value {
    json!({"status": {"phase": "Running", "podIP": ip, "podIPs": [{"ip": ip}], "conditions": [
        {"type": "Ready", "status": "True"}, {"type": "ContainersReady", "status": "True"}]}})
}
