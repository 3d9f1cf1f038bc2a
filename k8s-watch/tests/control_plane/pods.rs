//! Ways in which a Pod ends, and what the CLB sees of it.

use serde_json::json;

use crate::rig::{MERGE, Scene, Switches, until};

#[tokio::test]
async fn o1_o2_a_deleted_pod_is_drained_and_deregistered_only_when_it_is_gone() {
    let Some(mut scene) = Scene::new("deleted", Switches::Grace).await else { return };
    let uid = scene.serving("web-1", "10.1.0.1").await;
    scene.namespace.delete_pod("web-1").await;
    scene.clb.tells("10.1.0.1:8080", "- 10 0").await;
    // Its containers end one after the other; the object is there until the kubelet removes it.
    scene.namespace.kubelet.ready("web-1", false).await;
    scene.fence().await;
    assert_eq!(scene.clb.story("10.1.0.1:8080"), "- 10 0");
    scene.claimed(&["10.1.0.1:8080"]).await;
    scene.namespace.kubelet.remove("web-1", &uid).await.ok();
    scene.clb.tells("10.1.0.1:8080", "- 10 0 -").await;
    scene.claimed(&[]).await;
}

#[tokio::test]
async fn o1_a_drain_is_told_on_the_pod() {
    let Some(scene) = Scene::new("told", Switches::Grace).await else { return };
    let uid = scene.serving("web-1", "10.1.0.1").await;
    scene.namespace.delete_pod("web-1").await;
    let started = scene.event("web-1", "DrainStarted").await;
    let confirmed = scene.event("web-1", "DrainConfirmed").await;
    for text in [started, confirmed] {
        assert!(text.contains('1'), "the Event does not say how many targets: {text}");
    }
    scene.namespace.kubelet.remove("web-1", &uid).await.ok();
    scene.event("web-1", "DrainFinished").await;
}

#[tokio::test]
async fn o1_without_the_switches_a_deleted_pod_is_deregistered_at_once() {
    let Some(scene) = Scene::new("off", Switches::None).await else { return };
    scene.serving("web-1", "10.1.0.1").await;
    scene.namespace.delete_pod("web-1").await;
    scene.clb.tells("10.1.0.1:8080", "- 10 -").await;
}

#[tokio::test]
async fn o3_a_forced_deletion_is_deregistered() {
    let Some(mut scene) = Scene::new("forced", Switches::Both).await else { return };
    scene.serving("web-1", "10.1.0.1").await;
    scene.serving("web-2", "10.1.0.2").await;
    scene.namespace.force_delete_pod("web-1").await;
    until("web-1 is deregistered", async || {
        // The two events of a forced deletion may be seen as one or as two.
        let story = scene.clb.story("10.1.0.1:8080");
        if ["- 10 -", "- 10 0 -"].contains(&story.as_str()) { Ok(()) } else { Err(story) }
    })
    .await;
    scene.fence().await;
    assert_eq!(scene.clb.story("10.1.0.2:8080"), "- 10");
}

#[tokio::test]
async fn o3_a_drain_that_is_forced_to_its_end() {
    let Some(scene) = Scene::new("cut-short", Switches::Grace).await else { return };
    scene.serving("web-1", "10.1.0.1").await;
    scene.namespace.delete_pod("web-1").await;
    scene.clb.tells("10.1.0.1:8080", "- 10 0").await;
    scene.namespace.force_delete_pod("web-1").await;
    scene.clb.tells("10.1.0.1:8080", "- 10 0 -").await;
}

#[tokio::test]
async fn o4_a_failed_pod_that_is_deleted_vanishes_at_once() {
    let Some(mut scene) = Scene::new("failed-deleted", Switches::Grace).await else { return };
    scene.serving("web-1", "10.1.0.1").await;
    scene.kill();
    scene.namespace.kubelet.end("web-1", "Failed").await;
    scene.namespace.delete_pod("web-1").await;
    assert_eq!(scene.namespace.admin.get(&scene.namespace.path("pods/web-1")).await.code, 404);
    scene.start();
    scene.clb.tells("10.1.0.1:8080", "- 10 -").await;
}

#[tokio::test]
async fn o5_a_failed_pod_owns_no_target_although_its_object_stays() {
    let Some(mut scene) = Scene::new("failed", Switches::Both).await else { return };
    scene.serving("web-1", "10.1.0.1").await;
    scene.namespace.kubelet.end("web-1", "Failed").await;
    until("web-1 is deregistered", async || {
        // Not ready and over are told by two watches: the slice may come first.
        let story = scene.clb.story("10.1.0.1:8080");
        if ["- 10 -", "- 10 0 -"].contains(&story.as_str()) { Ok(()) } else { Err(story) }
    })
    .await;
    let before = scene.clb.story("10.1.0.1:8080");
    scene.namespace.delete_pod("web-1").await;
    scene.fence().await;
    assert_eq!(scene.clb.story("10.1.0.1:8080"), before);
}

#[tokio::test]
async fn o5_a_pod_that_fails_while_terminating_is_over() {
    let Some(scene) = Scene::new("failing", Switches::Grace).await else { return };
    scene.serving("web-1", "10.1.0.1").await;
    scene.namespace.delete_pod("web-1").await;
    scene.clb.tells("10.1.0.1:8080", "- 10 0").await;
    scene.namespace.kubelet.end("web-1", "Succeeded").await;
    scene.clb.tells("10.1.0.1:8080", "- 10 0 -").await;
}

#[tokio::test]
async fn o9_an_address_that_comes_late_is_registered_when_it_comes() {
    let Some(mut scene) = Scene::new("late-address", Switches::Both).await else { return };
    scene.namespace.pending_pod("web-1", "web").await;
    scene.fence().await;
    assert_eq!(scene.clb.story("10.1.0.1:8080"), "");
    scene.namespace.kubelet.run("web-1", "10.1.0.1").await;
    scene.clb.tells("10.1.0.1:8080", "- 10").await;
}

#[tokio::test]
async fn o10_a_pod_with_another_address_moves() {
    let Some(scene) = Scene::new("moved", Switches::Grace).await else { return };
    scene.serving("web-1", "10.1.0.1").await;
    scene.namespace.kubelet.run("web-1", "10.1.0.2").await;
    scene.clb.tells("10.1.0.2:8080", "- 10").await;
    until("the old address is deregistered", async || {
        let story = scene.clb.story("10.1.0.1:8080");
        if story.len() > 1 && story.ends_with('-') { Ok(()) } else { Err(story) }
    })
    .await;
}

#[tokio::test]
async fn o24_a_grace_period_that_is_cut_to_a_second_still_ends_with_the_pod() {
    let Some(mut scene) = Scene::new("shortened", Switches::Grace).await else { return };
    let uid = scene.serving("web-1", "10.1.0.1").await;
    scene.namespace.delete_pod("web-1").await;
    scene.clb.tells("10.1.0.1:8080", "- 10 0").await;
    let shorter = json!({"gracePeriodSeconds": 1});
    scene.namespace.admin.delete(&scene.namespace.path("pods/web-1"), shorter).await.ok();
    until("the kill time is over", async || {
        let pod = scene.namespace.admin.get(&scene.namespace.path("pods/web-1")).await.ok();
        let kill = pod["metadata"]["deletionTimestamp"].as_str().unwrap().to_owned();
        let kill: k8s_openapi::jiff::Timestamp = kill.parse().unwrap();
        if kill < k8s_openapi::jiff::Timestamp::now() { Ok(()) } else { Err(kill.to_string()) }
    })
    .await;
    scene.fence().await;
    assert_eq!(scene.clb.story("10.1.0.1:8080"), "- 10 0");
    scene.namespace.kubelet.remove("web-1", &uid).await.ok();
    scene.clb.tells("10.1.0.1:8080", "- 10 0 -").await;
}

#[tokio::test]
async fn o25_a_finalizer_keeps_the_object_but_not_the_target() {
    let Some(mut scene) = Scene::new("finalizer", Switches::Grace).await else { return };
    let uid = scene.serving("web-1", "10.1.0.1").await;
    scene.namespace.merge("pods/web-1", json!({"metadata": {"finalizers": ["example.com/hold"]}})).await;
    scene.namespace.delete_pod("web-1").await;
    scene.clb.tells("10.1.0.1:8080", "- 10 0").await;
    scene.fence().await;
    assert_eq!(scene.clb.story("10.1.0.1:8080"), "- 10 0");
    scene.namespace.kubelet.remove("web-1", &uid).await.ok();
    scene.clb.tells("10.1.0.1:8080", "- 10 0 -").await;
    assert_eq!(scene.namespace.admin.get(&scene.namespace.path("pods/web-1")).await.code, 200);
    scene.namespace.merge("pods/web-1", json!({"metadata": {"finalizers": null}})).await;
    scene.fence().await;
    assert_eq!(scene.clb.story("10.1.0.1:8080"), "- 10 0 -");
}

#[tokio::test]
async fn o26_a_pod_of_a_lost_node_stays_at_zero_until_somebody_removes_it() {
    let Some(mut scene) = Scene::new("lost-node", Switches::Both).await else { return };
    scene.serving("web-1", "10.1.0.1").await;
    // The node controller's hand: Ready goes, ContainersReady stays.
    let status =
        json!({"status": {"conditions": [{"type": "Ready", "status": "False", "reason": "NodeNotReady"}]}});
    let path = scene.namespace.path("pods/web-1/status");
    scene.namespace.admin.patch(&path, crate::rig::STRATEGIC, status).await.ok();
    scene.clb.tells("10.1.0.1:8080", "- 10 0").await;
    scene.namespace.delete_pod("web-1").await;
    scene.fence().await;
    assert_eq!(scene.clb.story("10.1.0.1:8080"), "- 10 0");
    scene.namespace.force_delete_pod("web-1").await;
    scene.clb.tells("10.1.0.1:8080", "- 10 0 -").await;
}

#[tokio::test]
async fn o28_a_live_pod_that_loses_the_label_is_drained_first() {
    let Some(scene) = Scene::new("deselected", Switches::Grace).await else { return };
    scene.serving("web-1", "10.1.0.1").await;
    scene.serving("web-2", "10.1.0.2").await;
    scene.namespace.merge("pods/web-1", json!({"metadata": {"labels": {"app": null}}})).await;
    scene.clb.tells("10.1.0.1:8080", "- 10 0 -").await;
    assert_eq!(scene.clb.story("10.1.0.2:8080"), "- 10");
}

#[tokio::test]
async fn o28_a_label_that_comes_back_within_five_seconds_changes_nothing() {
    let Some(mut scene) = Scene::new("reselected", Switches::Grace).await else { return };
    scene.serving("web-1", "10.1.0.1").await;
    scene.namespace.merge("pods/web-1", json!({"metadata": {"labels": {"app": null}}})).await;
    scene.namespace.endpoint("web", "10.1.0.1", None).await;
    scene.namespace.merge("pods/web-1", json!({"metadata": {"labels": {"app": "web"}}})).await;
    scene.namespace.endpoint("web", "10.1.0.1", Some((true, true, false))).await;
    scene.fence().await;
    assert_eq!(scene.clb.story("10.1.0.1:8080"), "- 10");
}

#[tokio::test]
async fn o6_a_live_pod_takes_over_the_address_of_one_that_still_terminates() {
    let Some(mut scene) = Scene::new("reused", Switches::Grace).await else { return };
    let old = scene.serving("old", "10.1.0.1").await;
    scene.namespace.delete_pod("old").await;
    scene.clb.tells("10.1.0.1:8080", "- 10 0").await;
    scene.namespace.pod("young", "web", "10.1.0.1").await;
    scene.clb.tells("10.1.0.1:8080", "- 10 0 10").await;
    scene.namespace.kubelet.remove("old", &old).await.ok();
    scene.fence().await;
    assert_eq!(scene.clb.story("10.1.0.1:8080"), "- 10 0 10");
}

#[tokio::test]
async fn o23_the_weight_of_a_pods_annotation_is_used_and_never_read_back() {
    let Some(mut scene) = Scene::new("weights", Switches::Grace).await else { return };
    let weight =
        |text: &str| json!({"metadata": {"annotations": {"service.cloud.tencent.com/custom-weight": text}}});
    scene.namespace.pending_pod("web-1", "web").await;
    scene.namespace.merge("pods/web-1", weight("37")).await;
    scene.namespace.kubelet.run("web-1", "10.1.0.1").await;
    scene.clb.tells("10.1.0.1:8080", "- 37").await;
    scene.namespace.merge("pods/web-1", weight("100")).await;
    scene.clb.tells("10.1.0.1:8080", "- 37 100").await;
    scene.namespace.merge("pods/web-1", weight("101")).await;
    scene.clb.tells("10.1.0.1:8080", "- 37 100 10").await;
    assert!(scene.event("web-1", "InvalidAnnotation").await.contains("101"));
    scene.namespace.delete_pod("web-1").await;
    scene.clb.tells("10.1.0.1:8080", "- 37 100 10 0").await;
    scene.namespace.admin.patch(&scene.namespace.path("pods/web-1"), MERGE, weight("50")).await.ok();
    scene.fence().await;
    assert_eq!(scene.clb.story("10.1.0.1:8080"), "- 37 100 10 0");
}
