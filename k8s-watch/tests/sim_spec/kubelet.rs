//! The life of a Pod with a kubelet: start, readiness, restarts, termination.

use std::time::Duration;

use k8s_watch::sim::{Kubelet, KubeletOptions, TimedRuntime};
use kube::api::DeleteParams;
use serde_json::{Value, json};

use crate::harness::{Shop, grace, shop};

const NEVER: Duration = Duration::from_secs(100_000);

/// A shop with a kubelet, and one Pod that is ready.
async fn with_pod(runtime: TimedRuntime, spec: &Value) -> (Shop, Kubelet) {
    let shop = shop();
    let kubelet = shop.cluster.run_kubelet(runtime, KubeletOptions::default());
    shop.pod("web-1", &json!({"spec": spec}));
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert_eq!(shop.ready("web-1"), Some(true));
    (shop, kubelet)
}

impl Shop {
    /// The condition Ready; `None` when there is no such Pod.
    fn ready(&self, name: &str) -> Option<bool> {
        let pod = self.cluster.object("pods", "default", name)?;
        let conditions = pod["status"]["conditions"].as_array().cloned().unwrap_or_default();
        Some(conditions.iter().any(|c| c["type"] == "Ready" && c["status"] == "True"))
    }

    /// Seconds of virtual time until the Pod is gone, and the phases it went through since now.
    async fn end_of(&self, name: &str) -> (f64, Vec<String>) {
        let start = tokio::time::Instant::now();
        let mut phases: Vec<String> = Vec::new();
        let gone = self.cluster.wait_until(NEVER, |cluster| {
            let Some(pod) = cluster.object("pods", "default", name) else { return true };
            let phase = pod["status"]["phase"].as_str().unwrap_or_default().to_owned();
            if phases.last() != Some(&phase) {
                phases.push(phase);
            }
            false
        });
        assert!(gone.await, "{name} never ends");
        (start.elapsed().as_secs_f64(), phases)
    }
}

fn about(found: f64, wanted: f64) -> bool {
    (wanted..wanted + 0.1).contains(&found)
}

#[tokio::test(start_paused = true)]
async fn a_pod_is_bound_started_and_ready() {
    let shop = shop();
    let _kubelet = shop.cluster.run_kubelet(TimedRuntime::default(), KubeletOptions::default());
    shop.pod("web-1", &json!({"spec": {"nodeName": ""}}));
    tokio::time::sleep(Duration::from_millis(600)).await;
    let pod = shop.cluster.object("pods", "default", "web-1").unwrap();
    assert_eq!(pod["spec"]["nodeName"], "node-1");
    assert_eq!((&pod["status"]["phase"], &pod["status"]["podIP"]), (&json!("Running"), &json!("10.1.0.1")));
    assert_eq!(shop.ready("web-1"), Some(false));
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(shop.ready("web-1"), Some(true));
}

#[tokio::test(start_paused = true)]
async fn a_readiness_gate_holds_ready_back() {
    let shop = shop();
    let _kubelet = shop.cluster.run_kubelet(TimedRuntime::default(), KubeletOptions::default());
    shop.pod("web-1", &json!({"spec": {"readinessGates": [{"conditionType": "example.com/gate"}]}}));
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert_eq!(shop.ready("web-1"), Some(false));
    let mut pod = shop.cluster.object("pods", "default", "web-1").unwrap();
    let conditions = pod["status"]["conditions"].as_array_mut().unwrap();
    assert!(conditions.iter().any(|c| c["type"] == "ContainersReady" && c["status"] == "True"));
    conditions.push(json!({"type": "example.com/gate", "status": "True"}));
    let gate = json!({"status": {"conditions": pod["status"]["conditions"]}});
    shop.cluster.patch("pods", "default", "web-1", &gate).unwrap();
    tokio::time::sleep(Duration::from_millis(50)).await;
    assert_eq!(shop.ready("web-1"), Some(true));
}

#[tokio::test(start_paused = true)]
async fn termination_ends_with_a_phase_and_then_the_object() {
    let (shop, _kubelet) = with_pod(TimedRuntime::default(), &json!({})).await;
    let mut watch = shop.watch().await;
    shop.delete("web-1", &DeleteParams::default()).await.unwrap();
    let (after, phases) = shop.end_of("web-1").await;
    assert!(about(after, 0.2), "{after}");
    assert_eq!(phases, ["Running", "Succeeded"]);
    let seen = watch.seen().await;
    let kinds: Vec<_> = seen.iter().map(|l| l.split(" until").next().unwrap()).collect();
    assert_eq!(
        kinds,
        [
            "MODIFIED web-1, grace 30", // asked
            "MODIFIED web-1, grace 30", // phase Succeeded
            "MODIFIED web-1, grace 0",
            "DELETED web-1, grace 0"
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn a_pre_stop_sleep_comes_before_sigterm() {
    let sleep =
        json!({"containers": [{"name": "web", "lifecycle": {"preStop": {"sleep": {"seconds": 10}}}}]});
    let (shop, _kubelet) = with_pod(TimedRuntime::default(), &sleep).await;
    shop.delete("web-1", &DeleteParams::default()).await.unwrap();
    let (after, _) = shop.end_of("web-1").await;
    assert!(about(after, 10.2), "{after}");
}

#[rustfmt::skip]
#[tokio::test(start_paused = true)]
async fn the_grace_ends_with_sigkill() {
    let seconds = Duration::from_secs;
    let runtime = TimedRuntime::default();
    for (runtime, gone_after) in [
        // SIGTERM is ignored.
        (runtime.stops_after(None),                                 30.0),
        // The hook leaves 1 s; the containers get 2 s.
        (runtime.hook_takes(seconds(29)).stops_after(None),         31.0),
        // The hook runs over and is cut off; SIGTERM comes at 30 s.
        (runtime.hook_takes(seconds(60)),                           30.2),
        (runtime.hook_takes(seconds(60)).stops_after(None),         32.0),
    ] {
        let (shop, _kubelet) = with_pod(runtime, &json!({})).await;
        shop.delete("web-1", &DeleteParams::default()).await.unwrap();
        let (after, phases) = shop.end_of("web-1").await;
        assert!(about(after, gone_after), "{after} instead of {gone_after}: {runtime:?}");
        let killed = gone_after != 30.2;
        assert_eq!(phases.last().map(String::as_str), Some(if killed { "Failed" } else { "Succeeded" }));
    }
}

#[tokio::test(start_paused = true)]
async fn a_second_deletion_brings_the_kill_forward() {
    let (shop, _kubelet) = with_pod(TimedRuntime::default().stops_after(None), &json!({})).await;
    shop.delete("web-1", &grace(600)).await.unwrap();
    tokio::time::sleep(Duration::from_secs(5)).await;
    shop.delete("web-1", &grace(10)).await.unwrap();
    let (after, _) = shop.end_of("web-1").await;
    assert!(about(after, 10.0), "{after}");
}

#[tokio::test(start_paused = true)]
async fn a_restart_in_place_keeps_uid_and_address() {
    let (shop, kubelet) = with_pod(TimedRuntime::default(), &json!({})).await;
    let before = shop.cluster.object("pods", "default", "web-1").unwrap();
    assert!(kubelet.restart("default", "web-1", Duration::from_secs(3)));
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert_eq!(shop.ready("web-1"), Some(false));
    tokio::time::sleep(Duration::from_secs(5)).await;
    assert_eq!(shop.ready("web-1"), Some(true));
    let after = shop.cluster.object("pods", "default", "web-1").unwrap();
    assert_eq!(after["metadata"]["uid"], before["metadata"]["uid"]);
    assert_eq!(after["status"]["podIP"], before["status"]["podIP"]);
    assert_eq!(after["status"]["containerStatuses"][0]["restartCount"], 1);
}

#[tokio::test(start_paused = true)]
async fn a_probe_can_be_overruled() {
    let (shop, kubelet) = with_pod(TimedRuntime::default(), &json!({})).await;
    for (word, ready) in [(Some(false), false), (None, true)] {
        assert!(kubelet.set_ready("default", "web-1", word));
        tokio::time::sleep(Duration::from_millis(50)).await;
        assert_eq!(shop.ready("web-1"), Some(ready));
    }
    assert!(!kubelet.set_ready("default", "web-9", None));
}

#[tokio::test(start_paused = true)]
async fn node_pressure_fails_a_pod_without_deleting_it() {
    let (shop, kubelet) = with_pod(TimedRuntime::default(), &json!({})).await;
    assert!(kubelet.evict("default", "web-1"));
    tokio::time::sleep(Duration::from_millis(50)).await;
    let pod = shop.cluster.object("pods", "default", "web-1").unwrap();
    assert_eq!((&pod["status"]["phase"], &pod["status"]["reason"]), (&json!("Failed"), &json!("Evicted")));
    assert_eq!(pod["metadata"].get("deletionTimestamp"), None);
}

#[tokio::test(start_paused = true)]
async fn an_address_is_reused_where_wanted() {
    for (reuse, expected) in [(false, "10.1.0.2"), (true, "10.1.0.1")] {
        let shop = shop();
        let options = KubeletOptions::default().reuse_addresses(reuse);
        let _kubelet = shop.cluster.run_kubelet(TimedRuntime::default(), options);
        shop.pod("web-1", &json!({}));
        tokio::time::sleep(Duration::from_secs(1)).await;
        shop.delete("web-1", &grace(0)).await.unwrap();
        tokio::time::sleep(Duration::from_secs(1)).await;
        shop.pod("web-2", &json!({}));
        tokio::time::sleep(Duration::from_secs(1)).await;
        assert_eq!(shop.cluster.object("pods", "default", "web-2").unwrap()["status"]["podIP"], expected);
    }
}

#[tokio::test(start_paused = true)]
async fn a_pod_deleted_before_it_runs_ends_at_once() {
    let shop = shop();
    let _kubelet =
        shop.cluster.run_kubelet(TimedRuntime::default().starts_after(NEVER), KubeletOptions::default());
    shop.pod("web-1", &json!({}));
    tokio::time::sleep(Duration::from_secs(1)).await;
    shop.delete("web-1", &DeleteParams::default()).await.unwrap();
    let (after, _) = shop.end_of("web-1").await;
    assert!(after < 0.1, "{after}");
}
