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
async fn a_finalizer_keeps_the_object() {
    let mut held = pod("web", json!({}));
    held["metadata"]["finalizers"] = json!(["example.com/hold"]);
    same(
        "finalizer",
        &[
            create("pods", held),
            merge("pods/web/status", running("10.1.0.1")),
            delete("pods/web", json!({})),
            delete("pods/web", json!({"gracePeriodSeconds": 0})),
            delete("pods/web", json!({"gracePeriodSeconds": 0})),
            merge("pods/web", json!({"metadata": {"finalizers": null}})),
            get("pods/web"),
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
async fn an_eviction() {
    let eviction =
        |name: &str| json!({"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": name}});
    same("eviction", &[
        create("pods", pod("web", json!({}))),
        merge("pods/web/status", running("10.1.0.1")),
        create("pods/web/eviction", eviction("web")),
        create("pods/web/eviction", eviction("web")),
        delete("pods/web", json!({"gracePeriodSeconds": 0})),
        create("pods/web/eviction", eviction("web")),
        create("pods", pod("short", json!({}))),
        merge("pods/short/status", running("10.1.0.2")),
        create("pods/short/eviction", json!({"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": "short"}, "deleteOptions": {"gracePeriodSeconds": 5}})),
    ])
    .await;
}

#[tokio::test]
async fn a_binding() {
    let binding = json!({"apiVersion": "v1", "kind": "Binding", "metadata": {"name": "web"}, "target": {"kind": "Node", "name": "n1"}});
    same(
        "binding",
        &[
            create("pods", pod("web", json!({"nodeName": null}))),
            create("pods/web/binding", binding.clone()),
            create("pods/web/binding", binding),
            delete("pods/web", json!({})),
        ],
    )
    .await;
}

#[tokio::test]
async fn conditions_by_each_kind_of_patch() {
    let gate = json!([{"type": "cloud.tencent.com/load-balancer-backendgroup-ready", "status": "True"}]);
    same("conditions", &[
        create("pods", pod("web", json!({}))),
        merge("pods/web/status", running("10.1.0.1")),
        strategic("pods/web/status", json!({"status": {"conditions": gate}})),
        strategic("pods/web/status", json!({"status": {"conditions": gate}})),
        strategic("pods/web/status", json!({"metadata": {"uid": "$uid(web)"}, "status": {"conditions": [{"type": "Ready", "status": "False"}]}})),
        strategic("pods/web/status", json!({"metadata": {"uid": "somebody-else"}, "status": {"conditions": gate}})),
        strategic("pods/web/status", json!({"metadata": {"resourceVersion": "$old(web)"}, "status": {"conditions": [{"type": "Ready", "status": "True"}]}})),
        strategic("pods/web/status", json!({"status": {"conditions": [{"type": "ContainersReady", "status": "True"}, {"type": "Other", "status": "True"}, {"type": "Ready", "status": "True"}]}})),
        strategic("pods/web/status", json!({"status": {"conditions": [{"$patch": "delete", "type": "Ready"}]}})),
        merge("pods/web/status", json!({"status": {"conditions": gate}})),
        merge("pods/web/status", json!({"status": {"podIP": "not an address"}})),
        merge("pods/web/status", json!({"status": {"podIP": "10.01.0.1"}})),
        merge("pods/web/status", json!({"status": {"podIP": "10.1.0.9"}})),
        strategic("pods/nobody/status", json!({"status": {"conditions": gate}})),
        merge("pods/web", json!({"metadata": {"deletionGracePeriodSeconds": 1}})),
        merge("pods/web", json!({"metadata": {"annotations": {"a": "1"}, "labels": {"app": "other"}}})),
        merge("pods/web", json!({"metadata": {"annotations": {"a": null}}})),
        strategic("pods/web", json!({"metadata": {"annotations": {"b": "2"}}})),
    ])
    .await;
}

#[tokio::test]
async fn config_maps() {
    let large = "x".repeat(1_048_577);
    same(
        "configmaps",
        &[
            create("configmaps", json!({"metadata": {"name": "claims"}, "data": {"lbl-1": "10.0.0.1:80"}})),
            create("configmaps", json!({"metadata": {"name": "claims"}})),
            merge("configmaps/claims", json!({"data": {"lbl-2.loc-1": "10.0.0.2:80", "lbl-1": null}})),
            merge(
                "configmaps/claims",
                json!({"metadata": {"resourceVersion": "$old(claims)"}, "data": {"lbl-3": "10.0.0.3:80"}}),
            ),
            merge(
                "configmaps/claims",
                json!({"metadata": {"resourceVersion": "$rv(claims)"}, "data": {"lbl-3": "10.0.0.3:80"}}),
            ),
            merge("configmaps/claims", json!({"data": {"lbl-3": "10.0.0.3:80"}})),
            merge("configmaps/claims", json!({"data": {"10.0.0.1:80": "x"}})),
            merge("configmaps/claims", json!({"data": {"lbl-4": large}})),
            merge("configmaps/claims", json!({"data": {"lbl-4": 4}})),
            merge("configmaps/nothing", json!({"data": {"a": "b"}})),
            replace(
                "configmaps/claims",
                json!({"metadata": {"name": "claims", "resourceVersion": "$old(claims)"}, "data": {}}),
            ),
            replace("configmaps/claims", json!({"metadata": {"name": "claims"}, "data": {"a": "b"}})),
            replace("configmaps/nothing", json!({"metadata": {"name": "nothing"}})),
            create("configmaps", json!({"metadata": {"name": "Not_A_Name"}})),
            delete("configmaps/claims", json!({"preconditions": {"uid": "somebody-else"}})),
            delete("configmaps/claims", json!({"preconditions": {"resourceVersion": "1"}})),
            delete("configmaps/claims", json!({})),
            delete("configmaps/claims", json!({})),
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
            merge("leases/l", json!({"spec": {"renewTime": "2026-11-24T20:00:00Z"}})),
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

#[tokio::test]
async fn objects_that_are_refused() {
    let mut named_twice = pod("web", json!({}));
    named_twice["metadata"]["namespace"] = "elsewhere".into();
    same(
        "refused",
        &[
            create("pods", named_twice),
            create("pods", json!({"metadata": {"name": "web"}, "spec": {}})),
            create(
                "pods",
                json!({"metadata": {}, "spec": {"containers": [{"name": "web", "image": "web"}]}}),
            ),
            create("services", json!({"metadata": {"name": "web"}, "spec": {"ports": []}})),
            create("services", json!({"metadata": {"name": "web"}, "spec": {"ports": [{"port": 80}]}})),
            create("services", json!({"metadata": {"name": "web"}, "spec": {"ports": [{"port": 80}]}})),
            merge("services/web", json!({"spec": {"ports": [{"port": 0, "targetPort": 80}]}})),
            delete("services/web", json!({})),
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
