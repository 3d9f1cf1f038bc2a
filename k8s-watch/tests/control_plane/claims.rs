//! Claims: the ConfigMap refused, in conflict, full, deleted by hand.

use serde_json::json;

use crate::rig::{MERGE, Scene, Switches};

#[tokio::test]
async fn w10_claims_that_are_refused_stop_registrations_and_no_drain() {
    let Some(mut scene) = Scene::new("claims-refused", Switches::Grace).await else { return };
    scene.serving("web-1", "10.1.0.1").await;
    scene.namespace.revoke_claims().await;
    scene.namespace.pod("web-2", "web", "10.1.0.2").await;
    let told = scene.event("web", "ClaimsRefused").await;
    assert!(told.contains("grace-claims-lb-1") && told.contains("configmaps"), "{told}");
    scene.namespace.delete_pod("web-1").await;
    scene.clb.tells("10.1.0.1:8080", "- 10 0").await;
    assert_eq!(scene.clb.story("10.1.0.2:8080"), "");
    scene.namespace.grant_claims().await;
    scene.clb.tells("10.1.0.2:8080", "- 10").await;
    scene.claimed(&["10.1.0.1:8080", "10.1.0.2:8080"]).await;
    scene.fence().await;
}

#[tokio::test]
async fn claims_that_somebody_else_changed_are_taken_over() {
    let Some(scene) = Scene::new("claims-conflict", Switches::Grace).await else { return };
    scene.serving("web-1", "10.1.0.1").await;
    let theirs = json!({"data": {"lbl-81": "10.9.0.9:8080"}});
    scene.namespace.admin.patch(&scene.claims_path(), MERGE, theirs).await.ok();
    scene.serving("web-2", "10.1.0.2").await;
    scene.claimed(&["10.1.0.1:8080", "10.1.0.2:8080"]).await;
    scene.serving("web-3", "10.1.0.3").await;
    scene.claimed(&["10.1.0.1:8080", "10.1.0.2:8080", "10.1.0.3:8080"]).await;
}

#[tokio::test]
async fn claims_that_somebody_deleted_are_written_again() {
    let Some(scene) = Scene::new("claims-deleted", Switches::Grace).await else { return };
    let uid = scene.serving("web-1", "10.1.0.1").await;
    scene.namespace.admin.delete(&scene.claims_path(), json!({})).await.ok();
    scene.serving("web-2", "10.1.0.2").await;
    scene.claimed(&["10.1.0.1:8080", "10.1.0.2:8080"]).await;
    scene.namespace.delete_pod("web-1").await;
    scene.clb.tells("10.1.0.1:8080", "- 10 0").await;
    scene.namespace.kubelet.remove("web-1", &uid).await.ok();
    scene.clb.tells("10.1.0.1:8080", "- 10 0 -").await;
    scene.claimed(&["10.1.0.2:8080"]).await;
}

#[tokio::test]
async fn w10_claims_that_do_not_fit_stop_registrations_and_no_drain() {
    let Some(scene) = Scene::new("claims-full", Switches::Grace).await else { return };
    scene.serving("web-1", "10.1.0.1").await;
    // Another key that fills the ConfigMap to its last byte; somebody's note, say.
    let used: usize = scene.claims().await.unwrap().values().map(String::len).sum();
    let note = "x".repeat(1_048_576 - used - 2);
    scene.namespace.admin.patch(&scene.claims_path(), MERGE, json!({"data": {"note": note}})).await.ok();
    scene.namespace.pod("web-2", "web", "10.1.0.2").await;
    scene.event("web", "ClaimsFull").await;
    scene.namespace.delete_pod("web-1").await;
    scene.clb.tells("10.1.0.1:8080", "- 10 0").await;
    assert_eq!(scene.clb.story("10.1.0.2:8080"), "");
    scene.namespace.admin.patch(&scene.claims_path(), MERGE, json!({"data": {"note": null}})).await.ok();
    scene.clb.tells("10.1.0.2:8080", "- 10").await;
}

#[tokio::test]
async fn f2_what_somebody_else_registered_is_left_alone_and_told() {
    let Some(mut scene) = Scene::new("foreign", Switches::Grace).await else { return };
    scene.clb.plant("10.200.0.1:8080", 55);
    scene.serving("web-1", "10.1.0.1").await;
    assert!(scene.event("web", "ForeignTarget").await.contains("10.200.0.1"));
    scene.fence().await;
    assert_eq!(scene.clb.story("10.200.0.1:8080"), "- 55");
    let claims = scene.claims().await.unwrap();
    assert!(!claims["lbl-80"].contains("10.200.0.1"), "{claims:?}");
}

#[tokio::test]
async fn a_target_of_a_pod_of_ours_that_somebody_else_registered_is_adopted() {
    let Some(mut scene) = Scene::without_controller("adopted", Switches::Grace).await else { return };
    scene.clb.plant("10.1.0.1:8080", 55);
    let uid = scene.namespace.pod("web-1", "web", "10.1.0.1").await;
    scene.namespace.endpoint("web", "10.1.0.1", Some((true, true, false))).await;
    scene.start();
    scene.claimed(&["10.1.0.1:8080"]).await;
    scene.clb.tells("10.1.0.1:8080", "- 55 10").await;
    scene.namespace.delete_pod("web-1").await;
    scene.clb.tells("10.1.0.1:8080", "- 55 10 0").await;
    scene.namespace.kubelet.remove("web-1", &uid).await.ok();
    scene.clb.tells("10.1.0.1:8080", "- 55 10 0 -").await;
}

#[tokio::test]
async fn f1_a_weight_that_somebody_changed_is_restored_at_a_resync() {
    let Some(scene) = Scene::new("overwritten", Switches::Grace).await else { return };
    scene.serving("web-1", "10.1.0.1").await;
    scene.clb.read_again().await;
    scene.clb.plant("10.1.0.1:8080", 77);
    scene.clb.tells("10.1.0.1:8080", "- 10 77 10").await;
    scene.event("web", "WeightOverwritten").await;
}

#[tokio::test]
async fn f2_a_target_of_ours_that_somebody_removed_is_registered_again() {
    let Some(scene) = Scene::new("removed", Switches::Grace).await else { return };
    scene.serving("web-1", "10.1.0.1").await;
    scene.clb.unplant("10.1.0.1:8080");
    scene.clb.tells("10.1.0.1:8080", "- 10 - 10").await;
}
