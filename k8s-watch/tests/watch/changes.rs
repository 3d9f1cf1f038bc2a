//! What happens when the world changes in the middle: Services, annotations, listeners, other writers, permissions.

use std::time::Duration;

use clb_client::sim::{Account, Action, Config, Fault, Latency, Listener, LoadBalancer, On, Switch};
use serde_json::json;

use crate::rig::{GRACE, LB_1, Rig, TKEX, rig, rig_with};

const DIRECT: &str = "service.cloud.tencent.com/direct-access";

/// `web-a` and `web-b` behind port 80.
async fn serving(annotations: &[(&str, &str)]) -> Rig {
    let mut rig = rig();
    rig.service("web", 80, annotations);
    rig.pod("web-a", "web", json!({}));
    rig.pod("web-b", "web", json!({}));
    rig.start();
    rig.until("both Pods serve", |rig| rig.serves(80, "web", 2, 10)).await;
    rig.waits(5).await;
    rig
}

#[tokio::test(start_paused = true)]
async fn o20_a_deleted_service_drains_and_deregisters_its_targets() {
    let rig = serving(&GRACE).await;
    rig.cluster.delete("services", "default", "web", None).unwrap();
    rig.until_within(Duration::from_secs(3), "all at 0", |rig| rig.targets(80).into_values().all(|w| w == 0))
        .await;
    rig.waits(20).await;
    assert_eq!(rig.targets(80).len(), 2, "open connections get 30 s");
    rig.until_within(Duration::from_secs(20), "deregistered", |rig| rig.targets(80).is_empty()).await;
    assert!(rig.exists("web-a") && rig.exists("web-b"));
}

#[tokio::test(start_paused = true)]
async fn o19_without_direct_access_what_lives_stays_and_what_drains_finishes() {
    let rig = serving(&GRACE).await;
    let (dying, living) = (rig.address("web-a"), rig.address("web-b"));
    rig.delete_pod("web-a");
    rig.until("weight 0", |rig| rig.weight(80, dying) == Some(0)).await;
    rig.annotate("services", "web", json!({DIRECT: null}));
    rig.until("the drain finishes", |rig| rig.weight(80, dying).is_none()).await;
    rig.waits(120).await;
    assert_eq!(rig.weight(80, living), Some(10));
}

#[tokio::test(start_paused = true)]
async fn o20_a_service_that_moves_to_another_clb_is_drained_on_the_old_one() {
    let rig = serving(&GRACE).await;
    let balancer = LoadBalancer::new("lb-2").with_listener(Listener::tcp("lbl-2", 80));
    rig.clb.with(|account| account.put_load_balancer(balancer));
    rig.annotate("services", "web", json!({LB_1.0: "lb-2"}));
    let pool = clb_client::sim::PoolId::listener("lb-2", "lbl-2");
    let there = |rig: &Rig| rig.clb.with(|account| account.targets(&pool)).unwrap();
    rig.until("registered there", |rig| there(rig).len() == 2).await;
    rig.until("deregistered here", |rig| rig.targets(80).is_empty()).await;
    let away = rig.changes().into_iter().filter(|change| change.after.is_none());
    assert!(away.into_iter().all(|change| change.before == Some(0)));
}

#[tokio::test(start_paused = true)]
async fn o28_a_pod_that_loses_its_label_drains_although_it_lives() {
    let rig = serving(&GRACE).await;
    let address = rig.address("web-a");
    rig.cluster
        .patch("pods", "default", "web-a", &json!({"metadata": {"labels": {"app": "other"}}}))
        .unwrap();
    rig.until_within(Duration::from_secs(10), "weight 0", |rig| rig.weight(80, address) == Some(0)).await;
    rig.until("deregistered", |rig| rig.weight(80, address).is_none()).await;
    assert!(rig.exists("web-a"));
}

#[tokio::test(start_paused = true)]
async fn o3_o4_a_pod_that_is_deleted_at_once_is_deregistered() {
    let rig = serving(&GRACE).await;
    let forced = rig.address("web-a");
    rig.cluster.delete("pods", "default", "web-a", Some(0)).unwrap();
    rig.until("the forced one", |rig| rig.weight(80, forced).is_none()).await;
    // Over by the node's decision, then deleted: the API server waits for nobody.
    let evicted = rig.address("web-b");
    assert!(rig.kubelet.evict("default", "web-b"));
    rig.until("the evicted one", |rig| rig.weight(80, evicted).is_none()).await;
    rig.delete_pod("web-b");
    rig.until("gone at once", |rig| !rig.exists("web-b")).await;
    rig.waits(70).await;
    assert!(rig.targets(80).is_empty());
}

#[tokio::test(start_paused = true)]
async fn c9_a_clb_that_is_deleted_underneath_is_told_and_found_again() {
    let rig = serving(&GRACE).await;
    rig.clb.with(|account| assert!(account.remove_load_balancer("lb-1")));
    rig.delete_pod("web-a");
    let note = rig.until_event("LoadBalancerMissing Service/web").await;
    assert!(note.contains("lb-1"), "{note}");
    rig.until("the Pod is gone", |rig| !rig.exists("web-a")).await;
    let balancer = LoadBalancer::new("lb-1").with_listener(Listener::tcp("lbl-80", 80));
    rig.clb.with(|account| account.put_load_balancer(balancer));
    rig.until_within(Duration::from_secs(300), "found again", |rig| rig.serves(80, "web", 1, 10)).await;
}

#[tokio::test(start_paused = true)]
async fn c19_a_listener_that_cuts_what_drains_is_told() {
    let listener = Listener::tcp("lbl-80", 80).with_switch(Switch::RescheduleTargetZeroWeight);
    let config = Config::default().with_task(Latency::millis(800));
    let mut rig =
        rig_with(Account::new(config).with_load_balancer(LoadBalancer::new("lb-1").with_listener(listener)));
    rig.service("web", 80, &GRACE);
    rig.pod("web-a", "web", json!({}));
    rig.start();
    let note = rig.until_event("HarmfulListenerSwitch Service/web").await;
    assert!(note.contains("lbl-80") && note.contains("RescheduleTargetZeroWeight"), "{note}");
    rig.until("it serves all the same", |rig| rig.serves(80, "web", 1, 10)).await;
}

#[tokio::test(start_paused = true)]
async fn c21_a_permission_that_is_missing_for_one_action_is_told_and_the_others_go_on() {
    let rig = serving(&GRACE).await;
    let fault = Fault::error("UnauthorizedOperation", "not allowed to do that");
    rig.clb.with(|account| account.faults().script(On::Action(Action::BatchRegisterTargets), 1_000, fault));
    rig.pod("web-c", "web", json!({}));
    let blocked = |rig: &Rig| {
        rig.events().into_iter().find(|(event, note)| {
            event.contains("Refused") && note.contains("BatchRegisterTargets") && note.contains("request id")
        })
    };
    rig.until("it is told", |rig| blocked(rig).is_some()).await;
    let address = rig.address("web-a");
    rig.delete_pod("web-a");
    rig.until_within(Duration::from_secs(3), "drains go on", |rig| rig.weight(80, address) == Some(0)).await;
    rig.clb.with(|account| account.faults().clear());
    rig.until("then it is registered", |rig| rig.weight(80, rig.address("web-c")) == Some(10)).await;
}

#[tokio::test(start_paused = true)]
async fn f2_f3_what_somebody_else_registered_is_left_alone_and_told() {
    let rig = serving(&GRACE).await;
    let pool = rig.pool(80);
    let (machine, gone) = ("192.0.2.7:8080".parse().unwrap(), rig.address("web-a"));
    rig.clb.with(|account| {
        assert!(account.plant(&pool, machine, 33));
        assert!(account.unplant(&pool, gone));
    });
    let note = rig.until_event("ForeignTarget Service/web").await;
    assert!(note.contains("192.0.2.7:8080") && note.contains("lbl-80"), "{note}");
    rig.until("ours is registered again", |rig| rig.weight(80, gone) == Some(10)).await;
    rig.waits(300).await;
    assert_eq!(rig.weight(80, machine), Some(33));
}

#[tokio::test(start_paused = true)]
async fn g4_all_nodes_not_ready_at_once_all_get_0_and_one_warning_for_each_listener() {
    let rig = serving(&TKEX).await;
    for pod in ["web-a", "web-b"] {
        rig.kubelet.set_ready("default", pod, Some(false));
    }
    rig.until("all at 0", |rig| rig.serves(80, "web", 2, 0)).await;
    let note = rig.until_event("AllTargetsAtZero Service/web").await;
    assert!(note.contains("all 2 targets") && note.contains("lbl-80") && note.contains("lb-1"), "{note}");
    for pod in ["web-a", "web-b"] {
        rig.kubelet.set_ready("default", pod, None);
    }
    rig.until("and back", |rig| rig.serves(80, "web", 2, 10)).await;
}
