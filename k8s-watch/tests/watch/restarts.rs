//! The process may end anywhere. Whoever starts next brings everything to the same end.

use std::time::Duration;

use grace_core::{LaneId, LoadBalancerId};
use k8s_watch::ClaimStore;
use k8s_watch::claims::ConfigMapClaims;
use k8s_watch::execute::Attempt;
use serde_json::json;
use tokio::time::{Instant, sleep};

use crate::rig::{GRACE, Rig, TKEX, rig};

async fn claims(rig: &Rig) -> usize {
    let lane = LaneId::LoadBalancer(LoadBalancerId::try_from("lb-1").unwrap());
    let attempt = Attempt { deadline: Instant::now() + Duration::from_secs(15), number: 0 };
    match ConfigMapClaims::new(rig.cluster.client(), "kube-system").load(&lane, attempt).await {
        Ok(grace_core::Success::Claims { all, .. }) => all.len(),
        other => panic!("{other:?}"),
    }
}

#[tokio::test(start_paused = true)]
async fn p1_to_p8_killed_at_any_moment_of_a_rollout_it_ends_the_same() {
    let mut ends = 0;
    // 60 moments, 195 ms apart: before, in and after calls, tasks and claims of a rollout.
    for moment in 0..60_u64 {
        let mut rig = rig();
        rig.service("web", 80, &GRACE);
        rig.deploy("web", 3);
        rig.start();
        rig.until("all Pods serve", |rig| rig.serves(80, "web", 3, 10)).await;
        rig.roll("web", "web:2");
        sleep(Duration::from_millis(195 * moment)).await;
        rig.kill().await;
        // Long enough for things to happen that nobody sees, short enough for drains to be still open.
        sleep(Duration::from_millis(700)).await;
        rig.start();
        rig.until_within(Duration::from_secs(300), "rolled out", |rig| {
            rig.rolled("web", 3) && rig.serves(80, "web", 3, 10)
        })
        .await;
        rig.waits(70).await;
        assert!(rig.serves(80, "web", 3, 10), "moment {moment}: {:?}", rig.targets(80));
        assert_eq!(claims(&rig).await, 3, "moment {moment}: a claim for each target and no other");
        ends += 1;
    }
    println!("killed and started again at {ends} moments: the same targets, weights and claims each time");
}

#[tokio::test(start_paused = true)]
async fn p9_a_crash_loop_makes_progress() {
    let mut rig = rig();
    rig.service("web", 80, &GRACE);
    rig.deploy("web", 3);
    rig.start();
    rig.until("all Pods serve", |rig| rig.serves(80, "web", 3, 10)).await;
    rig.roll("web", "web:2");
    for _ in 0..40 {
        sleep(Duration::from_secs(3)).await;
        rig.kill().await;
        rig.start();
    }
    rig.until("rolled out", |rig| rig.rolled("web", 3) && rig.serves(80, "web", 3, 10)).await;
}

#[tokio::test(start_paused = true)]
async fn w5_a_pod_that_came_and_went_unseen_is_deregistered() {
    let mut rig = rig();
    rig.service("web", 80, &GRACE);
    rig.pod("web-a", "web", json!({}));
    rig.pod("web-b", "web", json!({}));
    rig.start();
    rig.until("both Pods serve", |rig| rig.serves(80, "web", 2, 10)).await;
    rig.stop().await.unwrap();
    rig.delete_pod("web-a");
    rig.until("the Pod is gone", |rig| !rig.exists("web-a")).await;
    rig.start();
    rig.until("its target too", |rig| rig.serves(80, "web", 1, 10)).await;
}

#[tokio::test(start_paused = true)]
async fn a_weight_set_by_hand_is_restored_and_told() {
    let mut rig = rig();
    rig.service("web", 80, &TKEX);
    rig.pod("web-a", "web", json!({}));
    rig.start();
    rig.until("the Pod serves", |rig| rig.serves(80, "web", 1, 10)).await;
    let (pool, address) = (rig.pool(80), rig.address("web-a"));
    rig.waits(5).await;
    rig.clb.with(|account| account.plant(&pool, address, 55));
    rig.until("restored", |rig| rig.weight(80, address) == Some(10)).await;
    let note = rig.until_event("WeightOverwritten Service/web").await;
    assert!(note.contains("weight 10") && note.contains("55"), "{note}");
}
