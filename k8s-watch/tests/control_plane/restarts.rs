//! The controller killed and started again.

use std::time::Duration;

use crate::rig::{Scene, Switches, until};

#[tokio::test]
async fn p7_killed_between_zero_and_deregistration() {
    let Some(mut scene) = Scene::new("killed", Switches::Grace).await else { return };
    let uid = scene.serving("web-1", "10.1.0.1").await;
    scene.serving("web-2", "10.1.0.2").await;
    scene.namespace.delete_pod("web-1").await;
    scene.clb.tells("10.1.0.1:8080", "- 10 0").await;
    scene.kill();
    scene.start();
    scene.fence().await;
    assert_eq!(scene.clb.story("10.1.0.1:8080"), "- 10 0");
    scene.namespace.kubelet.remove("web-1", &uid).await.ok();
    scene.clb.tells("10.1.0.1:8080", "- 10 0 -").await;
    assert_eq!(scene.clb.story("10.1.0.2:8080"), "- 10");
}

#[tokio::test]
async fn w5_p7_a_pod_that_went_while_nobody_watched_is_deregistered_at_the_start() {
    let Some(mut scene) = Scene::new("unwatched", Switches::Grace).await else { return };
    let uid = scene.serving("web-1", "10.1.0.1").await;
    scene.serving("web-2", "10.1.0.2").await;
    scene.namespace.delete_pod("web-1").await;
    scene.clb.tells("10.1.0.1:8080", "- 10 0").await;
    scene.kill();
    scene.namespace.kubelet.remove("web-1", &uid).await.ok();
    scene.namespace.delete_pod("web-2").await;
    scene.start();
    scene.clb.tells("10.1.0.2:8080", "- 10 0").await;
    scene.clb.tells("10.1.0.1:8080", "- 10 0 -").await;
    scene.claimed(&["10.1.0.2:8080"]).await;
}

#[tokio::test]
async fn w4_p7_a_pod_of_the_same_name_came_while_nobody_watched() {
    let Some(mut scene) = Scene::new("replaced", Switches::Grace).await else { return };
    scene.serving("web-1", "10.1.0.1").await;
    scene.kill();
    scene.namespace.force_delete_pod("web-1").await;
    scene.namespace.pod("web-1", "web", "10.1.0.2").await;
    scene.start();
    scene.clb.tells("10.1.0.2:8080", "- 10").await;
    scene.clb.tells("10.1.0.1:8080", "- 10 -").await;
}

#[tokio::test]
async fn p1_to_p8_killed_again_and_again_in_the_middle_of_a_rollout() {
    let Some(mut scene) = Scene::new("crashes", Switches::Grace).await else { return };
    let kubelet = scene.namespace.kubelet.take_over(1, Duration::from_millis(200));
    scene.namespace.deployment("web", 3).await;
    scene.namespace.ready_pods("web", 3).await;
    until("all serve", async || served(&scene, 3)).await;
    scene.namespace.roll("web").await;
    // Each life is a little longer than the one before, so each ends at another call.
    for calls in 1..=LIVES {
        let before = scene.clb.calls();
        scene.clb.called(before, calls, Duration::from_millis(700)).await;
        scene.kill();
        scene.start();
    }
    scene.namespace.ready_pods("web", 3).await;
    until("their successors serve", async || served(&scene, 6)).await;
    // The Pod of a fence has an address of its own.
    drop(kubelet);
    let writes = scene.clb.changes();
    scene.fence().await;
    // The fence itself is a registration and a deregistration, with or without a drain.
    assert!(scene.clb.changes() - writes <= 3, "targets changed after the rollout had ended");
    println!("{LIVES} lives");
}

#[tokio::test]
async fn p11_a_controller_that_is_asked_to_end_leaves_everything_as_it_is() {
    let Some(mut scene) = Scene::new("stopped", Switches::Both).await else { return };
    scene.serving("web-1", "10.1.0.1").await;
    scene.namespace.delete_pod("web-1").await;
    scene.clb.tells("10.1.0.1:8080", "- 10 0").await;
    let changes = scene.clb.changes();
    scene.stop().await;
    assert_eq!(scene.clb.changes(), changes);
    scene.claimed(&["10.1.0.1:8080"]).await;
}

/// Three targets serve, of `ever`; the others went the whole way, some of them perhaps with one write more.
fn served(scene: &Scene, ever: usize) -> Result<(), String> {
    let stories: Vec<_> = scene.clb.ever("lbl-80").iter().map(|target| scene.clb.story(target)).collect();
    let serving = stories.iter().filter(|story| story.as_str() == "- 10").count();
    let ended = stories.iter().filter(|story| ["- 10 0 -", "- 10 -"].contains(&story.as_str())).count();
    if serving == 3 && serving + ended == ever { Ok(()) } else { Err(format!("{stories:?}")) }
}

/// How often the controller is killed in one rollout.
const LIVES: usize = 12;
