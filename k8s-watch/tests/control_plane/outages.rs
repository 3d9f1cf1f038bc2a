//! The API server away, cut off, restarted, frozen, or too new for what the controller remembers.

use std::time::Duration;

use serde_json::json;
use tokio::time::Instant;

use crate::rig::{Relay, Scene, Server, Setup, Switches, until};

#[tokio::test]
async fn w1_a_watch_that_breaks_is_resumed_without_a_write() {
    let Some(server) = Server::shared().await else { return };
    let relay = Relay::to(server.port()).await;
    let mut scene = Scene::on(server, "cut", Switches::Grace, Some(&relay)).await;
    scene.start();
    scene.serving("web-1", "10.1.0.1").await;
    scene.serving("web-2", "10.1.0.2").await;
    relay.cut();
    scene.namespace.delete_pod("web-1").await;
    relay.mend();
    scene.clb.tells("10.1.0.1:8080", "- 10 0").await;
    scene.fence().await;
    assert_eq!(scene.clb.story("10.1.0.2:8080"), "- 10");
}

#[tokio::test]
async fn w5_a_pod_that_went_during_a_cut_is_deregistered_after_it() {
    let Some(server) = Server::shared().await else { return };
    let relay = Relay::to(server.port()).await;
    let mut scene = Scene::on(server, "gone-in-a-cut", Switches::Grace, Some(&relay)).await;
    scene.start();
    scene.serving("web-1", "10.1.0.1").await;
    scene.serving("web-2", "10.1.0.2").await;
    relay.cut();
    scene.namespace.force_delete_pod("web-1").await;
    relay.mend();
    until("web-1 is deregistered", async || {
        let story = scene.clb.story("10.1.0.1:8080");
        if ["- 10 -", "- 10 0 -"].contains(&story.as_str()) { Ok(()) } else { Err(story) }
    })
    .await;
    scene.fence().await;
    assert_eq!(scene.clb.story("10.1.0.2:8080"), "- 10");
}

#[tokio::test]
async fn w2_gone_while_watching_after_a_restart_of_the_api_server() {
    let Some(mut server) = Server::start(Setup::default()).await else { return };
    let relay = Relay::to(server.port()).await;
    let mut scene = Scene::on(&server, "restarted", Switches::Grace, Some(&relay)).await;
    scene.start();
    scene.serving("web-1", "10.1.0.1").await;
    scene.serving("web-2", "10.1.0.2").await;
    scene.serving("web-3", "10.1.0.3").await;
    relay.cut();
    scene.namespace.force_delete_pod("web-1").await;
    scene.namespace.delete_pod("web-2").await;
    // What the server remembers begins at its start: the version that the controller saw last is too old.
    server.stop_api(false);
    server.start_api_again().await;
    scene.namespace.reach(&server).await;
    relay.mend();
    scene.clb.tells("10.1.0.2:8080", "- 10 0").await;
    scene.clb.tells("10.1.0.1:8080", "- 10 -").await;
    scene.fence().await;
    assert_eq!(scene.clb.story("10.1.0.3:8080"), "- 10");
}

#[tokio::test]
async fn w2_gone_while_watching_after_a_compaction() {
    let Some(server) = Server::start(Setup::uncached()).await else { return };
    let relay = Relay::to(server.port()).await;
    let mut scene = Scene::on(&server, "compacted", Switches::Grace, Some(&relay)).await;
    scene.start();
    scene.serving("web-1", "10.1.0.1").await;
    scene.serving("web-2", "10.1.0.2").await;
    relay.cut();
    scene.namespace.force_delete_pod("web-1").await;
    scene.namespace.pod("web-3", "web", "10.1.0.3").await;
    let list = scene.namespace.admin.get(&scene.namespace.path("pods")).await.ok();
    server.compact(list["metadata"]["resourceVersion"].as_str().unwrap()).await;
    relay.mend();
    scene.clb.tells("10.1.0.3:8080", "- 10").await;
    scene.clb.tells("10.1.0.1:8080", "- 10 -").await;
    scene.fence().await;
    assert_eq!(scene.clb.story("10.1.0.2:8080"), "- 10");
}

#[tokio::test]
async fn w9_an_api_server_that_is_away_for_twenty_seconds_costs_no_write() {
    let Some(mut server) = Server::start(Setup::default()).await else { return };
    let mut scene = Scene::on(&server, "away", Switches::Grace, None).await;
    scene.start();
    let uid = scene.serving("web-1", "10.1.0.1").await;
    scene.serving("web-2", "10.1.0.2").await;
    scene.namespace.delete_pod("web-1").await;
    scene.clb.tells("10.1.0.1:8080", "- 10 0").await;
    let changes = scene.clb.changes();
    // It closes its port before it lets its watches end in peace, so the outage begins now.
    let away = Instant::now();
    server.stop_api(true);
    // A real outage in real time: the subject is what backoff and resync do in the meantime.
    tokio::time::sleep_until(away + Duration::from_secs(20)).await;
    assert_eq!(scene.clb.changes(), changes);
    server.start_api_again().await;
    let back = Instant::now();
    scene.namespace.reach(&server).await;
    scene.namespace.kubelet.remove("web-1", &uid).await.ok();
    scene.clb.tells("10.1.0.1:8080", "- 10 0 -").await;
    println!("deregistered {:?} after the server was back", back.elapsed());
    scene.fence().await;
    assert_eq!(scene.clb.story("10.1.0.2:8080"), "- 10");
}

#[tokio::test]
async fn w11_connections_that_fall_silent_are_given_up_after_a_while() {
    let Some(server) = Server::shared().await else { return };
    let relay = Relay::to(server.port()).await;
    let mut scene = Scene::on(server, "silent", Switches::Grace, Some(&relay)).await;
    scene.start();
    scene.serving("web-1", "10.1.0.1").await;
    scene.serving("web-2", "10.1.0.2").await;
    relay.silence();
    let asked = Instant::now();
    scene.namespace.delete_pod("web-1").await;
    // A silent watch is given up 5 s after its limit.
    scene.clb.tells("10.1.0.1:8080", "- 10 0").await;
    println!("drained {:?} after the connections fell silent", asked.elapsed());
    scene.fence().await;
    assert_eq!(scene.clb.story("10.1.0.2:8080"), "- 10");
}

#[tokio::test]
async fn w9_drains_go_on_with_what_is_known_while_the_load_balancer_is_all_that_can_be_reached() {
    let Some(server) = Server::shared().await else { return };
    let relay = Relay::to(server.port()).await;
    let mut scene = Scene::on(server, "half-away", Switches::Grace, Some(&relay)).await;
    scene.start();
    scene.serving("web-1", "10.1.0.1").await;
    relay.cut();
    // Somebody gives traffic back to nobody's harm: the weight is restored from what is known.
    scene.clb.plant("10.1.0.1:8080", 99);
    scene.clb.tells("10.1.0.1:8080", "- 10 99 10").await;
    relay.mend();
    scene.fence().await;
}

#[tokio::test]
async fn w10_a_role_that_is_taken_away_stops_nothing_that_is_known_and_heals() {
    let Some(server) = Server::shared().await else { return };
    let relay = Relay::to(server.port()).await;
    let mut scene = Scene::on(server, "forbidden", Switches::Grace, Some(&relay)).await;
    scene.start();
    scene.serving("web-1", "10.1.0.1").await;
    scene.serving("web-2", "10.1.0.2").await;
    scene.namespace.revoke_watching().await;
    // An open watch survives that; a broken one cannot be resumed.
    relay.cut();
    relay.mend();
    let changes = scene.clb.changes();
    until("the controller was refused", async || {
        let log = crate::rig::audited(&server.audit_log(), &scene.namespace.user());
        let refused =
            log.iter().filter(|request| !request.allowed && request.resource == "endpointslices").count();
        if refused > 0 { Ok(()) } else { Err(format!("{log:?}")) }
    })
    .await;
    scene.namespace.force_delete_pod("web-1").await;
    assert_eq!(scene.clb.changes(), changes);
    scene.namespace.grant_watching().await;
    until("web-1 is deregistered", async || {
        let story = scene.clb.story("10.1.0.1:8080");
        if ["- 10 -", "- 10 0 -"].contains(&story.as_str()) { Ok(()) } else { Err(story) }
    })
    .await;
    scene.fence().await;
    assert_eq!(scene.clb.story("10.1.0.2:8080"), "- 10");
}

#[tokio::test]
async fn w10_w13_one_kind_that_is_refused_from_the_start_keeps_everything_back() {
    let Some(mut scene) = Scene::without_controller("half-forbidden", Switches::Grace).await else { return };
    scene.namespace.revoke_watching().await;
    let path = format!("/apis/rbac.authorization.k8s.io/v1/namespaces/{}", scene.namespace.name);
    scene.namespace.grant_watching_of(&["pods", "services"]).await;
    scene.namespace.pod("web-1", "web", "10.1.0.1").await;
    scene.clb.plant("10.1.0.1:8080", 10);
    scene.start();
    let server = Server::shared().await.unwrap();
    until("the controller was refused", async || {
        let log = crate::rig::audited(&server.audit_log(), &scene.namespace.user());
        let refused =
            log.iter().filter(|request| !request.allowed && request.resource == "endpointslices").count();
        if refused > 0 { Ok(()) } else { Err(refused.to_string()) }
    })
    .await;
    scene.namespace.force_delete_pod("web-1").await;
    assert_eq!(scene.clb.story("10.1.0.1:8080"), "- 10");
    for kind in ["rolebindings", "roles"] {
        scene.namespace.admin.delete(&format!("{path}/{kind}/grace-controller"), json!({})).await.ok();
    }
    scene.namespace.grant_watching().await;
    scene.serving("web-2", "10.1.0.2").await;
    scene.fence().await;
}
