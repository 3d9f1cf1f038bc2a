//! Services that change, end, or ask for something that cannot be.

use serde_json::json;

use crate::rig::{CONFIG_DRAIN, Scene, Switches, until};

#[tokio::test]
async fn o17_a_switch_that_is_not_exactly_true_is_off_and_told() {
    let Some(scene) = Scene::new("typo", Switches::None).await else { return };
    let annotations = json!({"metadata": {"annotations": {
        "service.cloud.tencent.com/enable-grace-shutdown": "True", "service.cloud.tencent.com/enable-graceful-shutdown": "true"}}});
    scene.namespace.merge("services/web", annotations).await;
    let invalid = scene.event("web", "InvalidAnnotation").await;
    assert!(invalid.contains("enable-grace-shutdown") && invalid.contains("True"), "{invalid}");
    let unknown = scene.event("web", "UnknownAnnotation").await;
    assert!(unknown.contains("enable-graceful-shutdown"), "{unknown}");
    scene.serving("web-1", "10.1.0.1").await;
    scene.namespace.delete_pod("web-1").await;
    scene.clb.tells("10.1.0.1:8080", "- 10 -").await;
}

#[tokio::test]
async fn o18_without_direct_access_nothing_is_written() {
    let Some(mut scene) = Scene::new("no-direct", Switches::Both).await else { return };
    let mut annotations = Switches::Both.annotations();
    annotations["service.cloud.tencent.com/direct-access"] = json!("false");
    annotations["service.kubernetes.io/loadbalance-id"] = json!("lb-1");
    scene.namespace.service_on("api", 81, annotations).await;
    scene.namespace.pod("api-1", "api", "10.2.0.1").await;
    scene.event("api", "DirectAccessMissing").await;
    scene.fence().await;
    assert_eq!(scene.clb.story_on("lbl-81", "10.2.0.1:8080"), "");
}

#[tokio::test]
async fn o19_a_running_drain_ends_as_it_began_when_direct_access_is_taken_away() {
    let Some(mut scene) = Scene::new("released", Switches::Both).await else { return };
    let uid = scene.serving("web-1", "10.1.0.1").await;
    scene.serving("web-2", "10.1.0.2").await;
    scene.serving("web-3", "10.1.0.3").await;
    scene.namespace.delete_pod("web-1").await;
    scene.clb.tells("10.1.0.1:8080", "- 10 0").await;
    scene.namespace.kubelet.ready("web-2", false).await;
    scene.clb.tells("10.1.0.2:8080", "- 10 0").await;
    let off = json!({"metadata": {"annotations": {"service.cloud.tencent.com/direct-access": null}}});
    scene.namespace.merge("services/web", off).await;
    scene.clb.tells("10.1.0.2:8080", "- 10 0 10").await;
    assert_eq!(scene.clb.story("10.1.0.1:8080"), "- 10 0");
    scene.namespace.kubelet.remove("web-1", &uid).await.ok();
    scene.clb.tells("10.1.0.1:8080", "- 10 0 -").await;
    scene.claimed(&[]).await;
    assert_eq!(scene.clb.targets(), [("10.1.0.2:8080".to_owned(), 10), ("10.1.0.3:8080".to_owned(), 10)]);
    scene.stop().await;
}

#[tokio::test]
async fn o20_a_deleted_service_takes_its_targets_away_after_a_drain() {
    let Some(scene) = Scene::new("service-deleted", Switches::Grace).await else { return };
    scene.serving("web-1", "10.1.0.1").await;
    scene.serving("web-2", "10.1.0.2").await;
    scene.namespace.admin.delete(&scene.namespace.path("services/web"), json!({})).await.ok();
    for target in ["10.1.0.1:8080", "10.1.0.2:8080"] {
        scene.clb.tells(target, "- 10 0 -").await;
        let changes = scene.clb.times(target);
        let drained = changes[2] - changes[1];
        assert!(drained >= CONFIG_DRAIN, "{target} was at 0 for {drained:?} only");
    }
    scene.claimed(&[]).await;
}

#[tokio::test]
async fn o21_a_target_port_that_changes_is_served_before_the_old_one_ends() {
    let Some(scene) = Scene::new("port", Switches::Grace).await else { return };
    scene.serving("web-1", "10.1.0.1").await;
    let ports =
        json!({"spec": {"ports": [{"name": "web", "protocol": "TCP", "port": 80, "targetPort": 9090}]}});
    scene.namespace.merge("services/web", ports).await;
    scene.clb.tells("10.1.0.1:9090", "- 10").await;
    scene.clb.tells("10.1.0.1:8080", "- 10 0 -").await;
    let (served, old) = (scene.clb.times("10.1.0.1:9090")[0], scene.clb.times("10.1.0.1:8080")[1]);
    assert!(served < old, "the old port was at 0 before the other was served");
}

#[tokio::test]
async fn o30_the_older_of_two_services_keeps_a_listener() {
    let Some(mut scene) = Scene::new("contested", Switches::Grace).await else { return };
    scene.serving("web-1", "10.1.0.1").await;
    // Creation times have whole seconds: the younger one must not be of the same.
    let created = scene.namespace.admin.get(&scene.namespace.path("services/web")).await.ok();
    until("a second has passed", async || {
        let probe = scene
            .namespace
            .admin
            .create(
                &scene.namespace.path("services?dryRun=All"),
                json!({"metadata": {"name": "probe"}, "spec": {"ports": [{"port": 80}]}}),
            )
            .await
            .ok();
        let (now, then) =
            (&probe["metadata"]["creationTimestamp"], &created["metadata"]["creationTimestamp"]);
        if now.as_str() > then.as_str() { Ok(()) } else { Err(now.to_string()) }
    })
    .await;
    scene.namespace.service("other", Switches::Grace.annotations()).await;
    scene.namespace.pod("other-1", "other", "10.2.0.1").await;
    scene.event("other", "PoolContested").await;
    scene.fence().await;
    assert_eq!(scene.clb.story("10.2.0.1:8080"), "");
    scene.namespace.delete_pod("web-1").await;
    scene.clb.tells("10.1.0.1:8080", "- 10 0").await;
}

#[tokio::test]
async fn o20_a_listener_or_a_load_balancer_that_is_missing_is_told_and_stops_nobody() {
    let Some(mut scene) = Scene::new("missing", Switches::Grace).await else { return };
    scene.namespace.service_on("no-listener", 82, Switches::Grace.annotations()).await;
    let mut annotations = Switches::Grace.annotations();
    annotations["service.kubernetes.io/loadbalance-id"] = json!("lb-none");
    scene.namespace.service_on("no-clb", 80, annotations).await;
    assert!(scene.event("no-listener", "ListenerMissing").await.contains("82"));
    assert!(scene.event("no-clb", "LoadBalancerMissing").await.contains("lb-none"));
    scene.serving("web-1", "10.1.0.1").await;
    scene.fence().await;
}
