//! Deployments and StatefulSets from creation to the end of a rolling update.

use std::{collections::BTreeSet, time::Duration};

use k8s_watch::sim::{ControllerTask, Kubelet, KubeletOptions, TimedRuntime};
use kube::api::WatchParams;
use serde_json::{Value, json};

use crate::harness::{Shop, shop};

/// A shop with all controllers.
fn with_controllers() -> (Shop, Kubelet, [ControllerTask; 2]) {
    let shop = shop();
    let lag = Duration::from_millis(5);
    let kubelet = shop.cluster.run_kubelet(TimedRuntime::default(), KubeletOptions::default());
    let controllers = [shop.cluster.run_workloads(lag), shop.cluster.run_endpoint_slices(lag)];
    (shop, kubelet, controllers)
}

fn workload(kind: &str, replicas: u32) -> Value {
    json!({"apiVersion": "apps/v1", "kind": kind, "metadata": {"name": "web"}, "spec": {
        "replicas": replicas, "selector": {"matchLabels": {"app": "web"}}, "serviceName": "web",
        "template": {"metadata": {"labels": {"app": "web"}}, "spec": {"containers": [{"name": "web", "image": "web:1"}]}},
    }})
}

fn image(version: u32) -> Value {
    json!({"spec": {"template": {"spec": {"containers": [{"name": "web", "image": format!("web:{version}")}]}}}})
}

impl Shop {
    fn pods(&self) -> Vec<Value> {
        self.cluster.objects("pods", "default")
    }

    /// Waits until a condition holds; `look` sees what every change leaves behind.
    async fn until(&self, mut look: impl FnMut(&Self), done: impl Fn(&Self) -> bool) {
        let limit = Duration::from_secs(600);
        let held = self.cluster.wait_until(limit, |_| {
            look(self);
            done(self)
        });
        assert!(held.await, "not done in 10 minutes: {:#?}", self.pods());
    }

    fn complete(&self, resource: &str, replicas: u32) -> bool {
        let Some(object) = self.cluster.object(resource, "default", "web") else { return false };
        object["status"]["observedGeneration"] == object["metadata"]["generation"]
            && ["replicas", "updatedReplicas", "availableReplicas"]
                .iter()
                .all(|f| object["status"][f] == replicas)
    }

    /// Endpoints in slices, as (ready, all).
    fn endpoints(&self) -> (usize, usize) {
        let slices = self.cluster.objects("endpointslices", "default");
        let endpoints: Vec<_> =
            slices.iter().filter_map(|s| s["endpoints"].as_array()).flatten().cloned().collect();
        (endpoints.iter().filter(|e| e["conditions"]["ready"] == true).count(), endpoints.len())
    }
}

fn uids(pods: &[Value]) -> BTreeSet<String> {
    pods.iter().map(|p| p["metadata"]["uid"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test(start_paused = true)]
async fn a_rollout_of_four_pods_keeps_its_bounds_and_shows_in_the_slices() {
    let (shop, _kubelet, _controllers) = with_controllers();
    let service = json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": "web"},
        "spec": {"selector": {"app": "web"}, "ports": [{"port": 80, "targetPort": 8080}]}});
    shop.cluster.create(&service).unwrap();
    shop.cluster.create(&workload("Deployment", 4)).unwrap();
    shop.until(|_| {}, |s| s.complete("deployments", 4) && s.endpoints() == (4, 4)).await;
    let before = uids(&shop.pods());

    shop.cluster.patch("deployments", "default", "web", &image(2)).unwrap();
    let (mut least_ready, mut most_active, mut terminating_seen) = (usize::MAX, 0, 0);
    shop.until(
        |shop| {
            let pods = shop.pods();
            let (going, active): (Vec<_>, Vec<_>) =
                pods.iter().partition(|p| p["metadata"].get("deletionTimestamp").is_some());
            least_ready = least_ready.min(shop.endpoints().0);
            most_active = most_active.max(active.len());
            terminating_seen = terminating_seen.max(going.len());
        },
        |s| s.complete("deployments", 4) && s.pods().len() == 4 && s.endpoints() == (4, 4),
    )
    .await;
    // 25 % of 4: one more, one less.
    assert_eq!((most_active, least_ready), (5, 3));
    assert!(terminating_seen >= 1);
    assert!(uids(&shop.pods()).is_disjoint(&before));
    assert!(shop.pods().iter().all(|p| p["spec"]["containers"][0]["image"] == "web:2"));
    assert_eq!(shop.cluster.objects("replicasets", "default").len(), 2);
}

#[tokio::test(start_paused = true)]
async fn an_old_pod_goes_when_a_new_one_was_ready_for_min_ready_seconds() {
    let (shop, _kubelet, _controllers) = with_controllers();
    let mut deployment = workload("Deployment", 2);
    deployment["spec"]["minReadySeconds"] = 4.into();
    deployment["spec"]["strategy"] = json!({"rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}});
    shop.cluster.create(&deployment).unwrap();
    shop.until(|_| {}, |s| s.complete("deployments", 2)).await;
    shop.cluster.patch("deployments", "default", "web", &image(2)).unwrap();
    let ready = |s: &Shop| {
        let is_ready = |p: &&Value| {
            let conditions = p["status"]["conditions"].as_array().into_iter().flatten();
            conditions.clone().any(|c| c["type"] == "Ready" && c["status"] == "True")
        };
        s.pods().iter().filter(is_ready).count()
    };
    shop.until(|_| {}, |s| ready(s) == 3).await;
    let since = tokio::time::Instant::now();
    let deleted = |s: &Shop| s.pods().iter().any(|p| p["metadata"].get("deletionTimestamp").is_some());
    shop.until(|_| {}, deleted).await;
    // The time of becoming ready is kept in whole seconds.
    let (least, most) = (Duration::from_millis(3_000), Duration::from_millis(4_100));
    assert!((least..most).contains(&since.elapsed()), "{:?}", since.elapsed());
    shop.until(|_| {}, |s| s.complete("deployments", 2) && s.pods().len() == 2).await;
}

#[tokio::test(start_paused = true)]
async fn a_deployment_is_scaled_and_deleted() {
    let (shop, _kubelet, _controllers) = with_controllers();
    shop.cluster.create(&workload("Deployment", 4)).unwrap();
    shop.until(|_| {}, |s| s.complete("deployments", 4)).await;
    shop.cluster.patch("deployments", "default", "web", &json!({"spec": {"replicas": 1}})).unwrap();
    shop.until(|_| {}, |s| s.complete("deployments", 1) && s.pods().len() == 1).await;
    shop.cluster.delete("deployments", "default", "web", None).unwrap();
    shop.until(|_| {}, |s| s.pods().is_empty()).await;
    assert!(shop.cluster.objects("replicasets", "default").is_empty());
}

#[tokio::test(start_paused = true)]
async fn recreate_lets_no_old_pod_meet_a_new_one() {
    let (shop, _kubelet, _controllers) = with_controllers();
    let mut deployment = workload("Deployment", 2);
    deployment["spec"]["strategy"] = json!({"type": "Recreate"});
    shop.cluster.create(&deployment).unwrap();
    shop.until(|_| {}, |s| s.complete("deployments", 2)).await;
    shop.cluster.patch("deployments", "default", "web", &image(2)).unwrap();
    let mut met = false;
    shop.until(
        |shop| {
            let images: BTreeSet<_> =
                shop.pods().iter().map(|p| p["spec"]["containers"][0]["image"].to_string()).collect();
            met |= images.len() > 1;
        },
        |s| s.complete("deployments", 2),
    )
    .await;
    assert!(!met);
}

#[tokio::test(start_paused = true)]
async fn a_stateful_set_replaces_pods_under_their_names() {
    let (shop, _kubelet, _controllers) = with_controllers();
    shop.cluster.create(&workload("StatefulSet", 3)).unwrap();
    shop.until(|_| {}, |s| s.complete("statefulsets", 3)).await;
    let names = |shop: &Shop| -> Vec<String> {
        shop.pods().iter().map(|p| p["metadata"]["name"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(names(&shop), ["web-0", "web-1", "web-2"]);
    let before = uids(&shop.pods());
    shop.cluster.patch("statefulsets", "default", "web", &image(2)).unwrap();
    let mut order: Vec<String> = Vec::new();
    shop.until(
        |shop| {
            for pod in shop.pods().iter().filter(|p| p["metadata"].get("deletionTimestamp").is_some()) {
                let name = pod["metadata"]["name"].as_str().unwrap().to_owned();
                if !order.contains(&name) {
                    order.push(name);
                }
            }
        },
        |s| s.complete("statefulsets", 3),
    )
    .await;
    assert_eq!(order, ["web-2", "web-1", "web-0"]);
    assert!(uids(&shop.pods()).is_disjoint(&before));
    shop.cluster.patch("statefulsets", "default", "web", &json!({"spec": {"replicas": 1}})).unwrap();
    shop.until(|_| {}, |s| names(s) == ["web-0"]).await;
}

/// A runtime each: timers that fire in the same millisecond do so in an order that depends on the age of the runtime.
#[test]
fn equal_runs_show_equal_events() {
    let run = || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
        runtime.unwrap().block_on(async {
            let (shop, _kubelet, _controllers) = with_controllers();
            let mut watch = shop.watch_from("0", &WatchParams::default()).await;
            shop.cluster.create(&workload("Deployment", 4)).unwrap();
            shop.until(|_| {}, |s| s.complete("deployments", 4)).await;
            shop.cluster.patch("deployments", "default", "web", &image(2)).unwrap();
            shop.until(|_| {}, |s| s.complete("deployments", 4) && s.pods().len() == 4).await;
            (watch.seen().await, shop.cluster.resource_version(), uids(&shop.pods()))
        })
    };
    let first = run();
    assert!(first.0.len() > 40, "{:?}", first.0);
    for _ in 0..4 {
        assert_eq!(first, run());
    }
}
