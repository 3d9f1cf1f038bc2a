//! Workloads under the real controllers of Kubernetes.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::{Value, json};

use crate::rig::{KubeletLoop, Scene, Switches, apply_workload, until};

#[tokio::test]
async fn o1_o2_a_rollout_drains_every_pod_and_deregisters_it_after_its_end() {
    let Some(scene) = Scene::new("rollout", Switches::Both).await else { return };
    let kubelet = scene.namespace.kubelet.take_over(1, Duration::from_millis(400));
    rolled(&scene, &kubelet, "web", 4).await;
}

#[tokio::test]
async fn o1_o2_the_workload_that_is_shipped_rolls_like_any_other() {
    let Some(mut scene) = Scene::without_controller("shipped", Switches::None).await else { return };
    let kubelet = scene.namespace.kubelet.take_over(1, Duration::from_millis(400));
    scene.namespace.admin.delete(&scene.namespace.path("services/web"), json!({})).await.ok();
    apply_workload(&scene.namespace).await;
    scene.start();
    scene.namespace.ready_pods("web", 3).await;
    until("the first Pods serve", async || served(&scene, "lbl-80", 3)).await;
    scene.namespace.roll("web").await;
    scene.namespace.ready_pods("web", 3).await;
    until("their successors serve", async || served(&scene, "lbl-80", 6)).await;
    drained_before_their_end(&scene, &kubelet);
}

#[tokio::test]
async fn f5_two_services_on_one_load_balancer_roll_at_the_same_time() {
    let Some(scene) = Scene::new("shared-clb", Switches::Grace).await else { return };
    let kubelet = scene.namespace.kubelet.take_over(1, Duration::from_millis(400));
    scene.namespace.service_on("api", 81, Switches::Grace.annotations()).await;
    for name in ["web", "api"] {
        scene.namespace.deployment(name, 3).await;
    }
    let both = [("web", "lbl-80"), ("api", "lbl-81")];
    for (name, listener) in both {
        scene.namespace.ready_pods(name, 3).await;
        until(&format!("{name} is served"), async || served(&scene, listener, 3)).await;
    }
    for (name, _) in both {
        scene.namespace.roll(name).await;
    }
    for (name, listener) in both {
        scene.namespace.ready_pods(name, 3).await;
        until(&format!("{name} is served"), async || served(&scene, listener, 6)).await;
    }
    drained_before_their_end(&scene, &kubelet);
}

#[tokio::test]
async fn o31_a_stateful_pod_comes_back_with_its_name_and_its_address() {
    let Some(mut scene) = Scene::new("stateful", Switches::Grace).await else { return };
    let set = json!({"metadata": {"name": "web"}, "spec": {
        "replicas": 1, "serviceName": "web", "selector": {"matchLabels": {"app": "web"}},
        "template": {"metadata": {"labels": {"app": "web"}}, "spec": crate::rig::pod_spec()}}});
    scene.namespace.admin.create(&scene.namespace.group_path("apps/v1", "statefulsets"), set).await.ok();
    let old = pod(&scene, "web-0", None).await;
    scene.namespace.kubelet.run("web-0", "10.1.0.1").await;
    scene.clb.tells("10.1.0.1:8080", "- 10").await;
    scene.namespace.delete_pod("web-0").await;
    scene.clb.tells("10.1.0.1:8080", "- 10 0").await;
    scene.namespace.kubelet.remove("web-0", &old).await.ok();
    let young = pod(&scene, "web-0", Some(&old)).await;
    assert_ne!(old, young);
    scene.namespace.kubelet.run("web-0", "10.1.0.1").await;
    until("the successor serves", async || {
        // Whether the deregistration of the predecessor came first depends on who was faster.
        let story = scene.clb.story("10.1.0.1:8080");
        if ["- 10 0 - 10", "- 10 0 10"].contains(&story.as_str()) { Ok(()) } else { Err(story) }
    })
    .await;
    let story = scene.clb.story("10.1.0.1:8080");
    scene.fence().await;
    assert_eq!(scene.clb.story("10.1.0.1:8080"), story);
}

#[tokio::test]
async fn o1_an_eviction_drains_like_a_deletion() {
    let Some(mut scene) = Scene::new("evicted", Switches::Grace).await else { return };
    let uid = scene.serving("web-1", "10.1.0.1").await;
    assert_eq!(evict(&scene, "web-1").await, 201);
    scene.clb.tells("10.1.0.1:8080", "- 10 0").await;
    scene.fence().await;
    assert_eq!(scene.clb.story("10.1.0.1:8080"), "- 10 0");
    scene.namespace.kubelet.remove("web-1", &uid).await.ok();
    scene.clb.tells("10.1.0.1:8080", "- 10 0 -").await;
}

#[tokio::test]
async fn o1_an_eviction_that_a_disruption_budget_refuses_changes_nothing() {
    let Some(mut scene) = Scene::new("budget", Switches::Grace).await else { return };
    scene.serving("web-1", "10.1.0.1").await;
    scene.serving("web-2", "10.1.0.2").await;
    let path = scene.namespace.group_path("policy/v1", "poddisruptionbudgets");
    let budget = json!({"metadata": {"name": "web"}, "spec": {"minAvailable": 2, "selector": {"matchLabels": {"app": "web"}}}});
    scene.namespace.admin.create(&path, budget).await.ok();
    let path = scene.namespace.group_path("policy/v1", "poddisruptionbudgets/web");
    let healthy = async |allowed: u64| {
        until(&format!("the budget allows {allowed}"), async || {
            let budget = scene.namespace.admin.get(&path).await.ok();
            let seen = budget["status"]["observedGeneration"] == budget["metadata"]["generation"];
            let status = &budget["status"];
            if seen && status["disruptionsAllowed"] == allowed { Ok(()) } else { Err(status.to_string()) }
        })
        .await;
    };
    healthy(0).await;
    assert_eq!(evict(&scene, "web-1").await, 429);
    let smaller = json!({"spec": {"minAvailable": 1}});
    scene.namespace.admin.patch(&path, crate::rig::MERGE, smaller).await.ok();
    healthy(1).await;
    assert_eq!(scene.clb.story("10.1.0.1:8080"), "- 10");
    assert_eq!(evict(&scene, "web-1").await, 201);
    scene.clb.tells("10.1.0.1:8080", "- 10 0").await;
    scene.fence().await;
    assert_eq!(scene.clb.story("10.1.0.2:8080"), "- 10");
}

#[tokio::test]
async fn o20_a_deleted_namespace_is_drained_pod_by_pod() {
    let Some(scene) = Scene::new("namespace", Switches::Grace).await else { return };
    let uid = scene.serving("web-1", "10.1.0.1").await;
    scene
        .namespace
        .admin
        .delete(&format!("/api/v1/namespaces/{}", scene.namespace.name), json!({}))
        .await
        .ok();
    scene.clb.tells("10.1.0.1:8080", "- 10 0").await;
    until("the namespace controller has asked the Pod to go", async || {
        let pod = scene.namespace.admin.get(&scene.namespace.path("pods/web-1")).await.ok();
        if pod["metadata"]["deletionTimestamp"].is_string() {
            Ok(())
        } else {
            Err(pod["metadata"].to_string())
        }
    })
    .await;
    scene.namespace.kubelet.remove("web-1", &uid).await.ok();
    scene.clb.tells("10.1.0.1:8080", "- 10 0 -").await;
    scene.claimed(&[]).await;
}

/// Rolls a Deployment of `replicas` Pods once and checks the story of every target.
async fn rolled(scene: &Scene, kubelet: &KubeletLoop, deployment: &str, replicas: u32) {
    scene.namespace.deployment(deployment, replicas).await;
    scene.namespace.ready_pods(deployment, replicas.into()).await;
    let size = replicas as usize;
    until("the first Pods serve", async || served(scene, "lbl-80", size)).await;
    scene.namespace.roll(deployment).await;
    scene.namespace.ready_pods(deployment, replicas.into()).await;
    until("their successors serve", async || served(scene, "lbl-80", 2 * size)).await;
    drained_before_their_end(scene, kubelet);
}

/// Every target of `listener` serves with weight 10, or was drained and deregistered; there were `ever`.
fn served(scene: &Scene, listener: &str, ever: usize) -> Result<(), String> {
    let stories: BTreeMap<_, _> = scene
        .clb
        .ever(listener)
        .into_iter()
        .map(|target| {
            let story = scene.clb.story_on(listener, &target);
            (target, story)
        })
        .collect();
    let done = stories.len() == ever && stories.values().all(|story| story == "- 10" || story == "- 10 0 -");
    if done { Ok(()) } else { Err(format!("{stories:?}")) }
}

/// Every target was drained, and deregistered after its kubelet had removed the Pod.
fn drained_before_their_end(scene: &Scene, kubelet: &KubeletLoop) {
    let ends = kubelet.ends();
    assert!(!ends.is_empty());
    for (ip, end) in ends {
        let [_, _, deregistered] = scene.clb.times(&format!("{ip}:8080"))[..] else {
            panic!("{ip} was not registered, drained and deregistered")
        };
        let removed = end.removed.expect("every Pod of a rollout is removed");
        let told = deregistered.saturating_duration_since(end.asked);
        assert!(deregistered > removed, "{ip} was deregistered {told:?} after its notice and before its end");
    }
}

/// Waits for a Pod that is not `other`; returns its uid.
async fn pod(scene: &Scene, name: &str, other: Option<&str>) -> String {
    until(&format!("{name} was created"), async || {
        let pod = scene.namespace.admin.get(&scene.namespace.path(&format!("pods/{name}"))).await;
        let uid = pod.body["metadata"]["uid"].as_str().filter(|uid| Some(*uid) != other).map(str::to_owned);
        uid.ok_or_else(|| pod.body.to_string())
    })
    .await
}

/// The answer's status.
async fn evict(scene: &Scene, pod: &str) -> u16 {
    let eviction: Value = json!({"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": pod}});
    scene.namespace.admin.create(&scene.namespace.path(&format!("pods/{pod}/eviction")), eviction).await.code
}
