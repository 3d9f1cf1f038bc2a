//! Endpoints that are not ready.

use serde_json::json;

use crate::rig::{Scene, Switches};

#[tokio::test]
async fn o11_a_pod_that_is_not_ready_goes_to_zero_and_gets_its_exact_weight_back() {
    let Some(scene) = Scene::new("unready", Switches::Both).await else { return };
    let weight = json!({"metadata": {"annotations": {"service.cloud.tencent.com/custom-weight": "37"}}});
    scene.namespace.pending_pod("web-1", "web").await;
    scene.namespace.merge("pods/web-1", weight).await;
    scene.namespace.kubelet.run("web-1", "10.1.0.1").await;
    scene.clb.tells("10.1.0.1:8080", "- 37").await;
    scene.namespace.kubelet.ready("web-1", false).await;
    scene.clb.tells("10.1.0.1:8080", "- 37 0").await;
    scene.namespace.kubelet.ready("web-1", true).await;
    scene.clb.tells("10.1.0.1:8080", "- 37 0 37").await;
    scene.claimed(&["10.1.0.1:8080"]).await;
}

#[tokio::test]
async fn o11_with_the_first_switch_alone_readiness_changes_nothing() {
    let Some(mut scene) = Scene::new("unready-grace", Switches::Grace).await else { return };
    scene.serving("web-1", "10.1.0.1").await;
    scene.namespace.kubelet.ready("web-1", false).await;
    scene.namespace.endpoint("web", "10.1.0.1", Some((false, false, false))).await;
    scene.fence().await;
    assert_eq!(scene.clb.story("10.1.0.1:8080"), "- 10");
    scene.namespace.delete_pod("web-1").await;
    scene.clb.tells("10.1.0.1:8080", "- 10 0").await;
}

#[tokio::test]
async fn o18_the_second_switch_alone_drains_what_is_not_ready_and_what_ends() {
    let Some(scene) = Scene::new("unready-tkex", Switches::Tkex).await else { return };
    scene.serving("web-1", "10.1.0.1").await;
    scene.namespace.kubelet.ready("web-1", false).await;
    scene.clb.tells("10.1.0.1:8080", "- 10 0").await;
    scene.namespace.kubelet.ready("web-1", true).await;
    scene.clb.tells("10.1.0.1:8080", "- 10 0 10").await;
    scene.namespace.delete_pod("web-1").await;
    scene.clb.tells("10.1.0.1:8080", "- 10 0 10 0").await;
}

#[tokio::test]
async fn o13_unready_addresses_that_are_published_keep_their_weight_until_their_pod_ends() {
    let Some(mut scene) = Scene::new("published", Switches::Both).await else { return };
    scene.namespace.merge("services/web", json!({"spec": {"publishNotReadyAddresses": true}})).await;
    scene.serving("web-1", "10.1.0.1").await;
    scene.namespace.kubelet.ready("web-1", false).await;
    scene.namespace.endpoint("web", "10.1.0.1", Some((true, false, false))).await;
    scene.fence().await;
    assert_eq!(scene.clb.story("10.1.0.1:8080"), "- 10");
    scene.namespace.delete_pod("web-1").await;
    scene.namespace.endpoint("web", "10.1.0.1", Some((true, false, true))).await;
    scene.clb.tells("10.1.0.1:8080", "- 10 0").await;
}

#[tokio::test]
async fn o11_a_pod_that_was_never_ready_is_not_registered() {
    let Some(mut scene) = Scene::new("never-ready", Switches::Both).await else { return };
    scene.namespace.pending_pod("web-1", "web").await;
    let status = json!({"status": {"phase": "Running", "podIP": "10.1.0.1", "podIPs": [{"ip": "10.1.0.1"}],
        "conditions": [{"type": "Ready", "status": "False"}]}});
    scene
        .namespace
        .admin
        .patch(&scene.namespace.path("pods/web-1/status"), crate::rig::MERGE, status)
        .await
        .ok();
    scene.namespace.endpoint("web", "10.1.0.1", Some((false, false, false))).await;
    scene.fence().await;
    assert_eq!(scene.clb.story("10.1.0.1:8080"), "");
    scene.namespace.kubelet.ready("web-1", true).await;
    scene.clb.tells("10.1.0.1:8080", "- 10").await;
}

#[tokio::test]
async fn o11_all_not_ready_go_to_zero_and_that_is_told() {
    let Some(scene) = Scene::new("all-unready", Switches::Tkex).await else { return };
    for number in 1..=3 {
        scene.serving(&format!("web-{number}"), &format!("10.1.0.{number}")).await;
    }
    for number in 1..=3 {
        scene.namespace.kubelet.ready(&format!("web-{number}"), false).await;
    }
    for number in 1..=3 {
        scene.clb.tells(&format!("10.1.0.{number}:8080"), "- 10 0").await;
    }
    scene.event("web", "AllTargetsAtZero").await;
}
