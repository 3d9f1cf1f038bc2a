//! The steps of a deletion, as a watch shows them.

use std::time::Duration;

use k8s_openapi::api::core::v1::Pod;
use kube::api::{DeleteParams, EvictParams, Preconditions};
use serde_json::json;

use crate::harness::{grace, refusal, shop};

#[tokio::test(start_paused = true)]
async fn a_graceful_deletion_shows_the_deadline_in_whole_seconds() {
    let shop = shop();
    shop.ready_pod("web-1", "10.0.0.1");
    let mut watch = shop.watch().await;
    let answer = shop.pods.delete("web-1", &DeleteParams::default()).await.unwrap().left().unwrap();
    // Asked at 20:58:01.900.
    assert_eq!(watch.seen().await, ["MODIFIED web-1, grace 30 until 20:58:31"]);
    assert_eq!(answer.metadata.generation, Some(2));
    assert_eq!(answer.status.unwrap().phase.as_deref(), Some("Running"));
}

#[tokio::test(start_paused = true)]
async fn a_second_deletion_counts_only_when_it_is_shorter() {
    let shop = shop();
    shop.ready_pod("web-1", "10.0.0.1");
    shop.delete("web-1", &grace(60)).await.unwrap();
    let mut watch = shop.watch().await;
    tokio::time::sleep(Duration::from_secs(5)).await;
    shop.delete("web-1", &grace(60)).await.unwrap();
    shop.delete("web-1", &grace(90)).await.unwrap();
    shop.delete("web-1", &DeleteParams::default()).await.unwrap();
    assert!(watch.seen().await.is_empty());
    shop.delete("web-1", &grace(20)).await.unwrap();
    // From the first request on, not from this one, but never in the past.
    assert_eq!(watch.seen().await, ["MODIFIED web-1, grace 20 until 20:58:21"]);
    tokio::time::sleep(Duration::from_secs(3)).await;
    shop.delete("web-1", &grace(1)).await.unwrap();
    assert_eq!(watch.seen().await, ["MODIFIED web-1, grace 1 until 20:58:10"]);
}

#[tokio::test(start_paused = true)]
async fn the_final_deletion_is_two_events() {
    let shop = shop();
    shop.ready_pod("web-1", "10.0.0.1");
    shop.delete("web-1", &DeleteParams::default()).await.unwrap();
    let mut watch = shop.watch().await;
    tokio::time::sleep(Duration::from_secs(10)).await;
    shop.delete("web-1", &grace(0)).await.unwrap();
    let gone = ["MODIFIED web-1, grace 0 until 20:58:11", "DELETED web-1, grace 0 until 20:58:11"];
    assert_eq!(watch.seen().await, gone);
    assert_eq!(refusal(shop.pods.get("web-1").await), (404, "NotFound".into()));
}

#[tokio::test(start_paused = true)]
async fn a_forced_deletion_is_the_same_two_events() {
    let shop = shop();
    shop.ready_pod("web-1", "10.0.0.1");
    let mut watch = shop.watch().await;
    shop.delete("web-1", &grace(0)).await.unwrap();
    shop.create(
        json!({"metadata": {"name": "web-1"}, "spec": {"containers": [{"name": "web", "image": "web"}]}}),
    )
    .await
    .unwrap();
    let seen = watch.seen().await;
    assert_eq!(
        seen,
        ["MODIFIED web-1, grace 0 until 20:58:01", "DELETED web-1, grace 0 until 20:58:01", "ADDED web-1"]
    );
}

#[tokio::test(start_paused = true)]
async fn some_pods_go_at_once() {
    let shop = shop();
    shop.pod("unscheduled", &json!({"spec": {"nodeName": ""}}));
    shop.pod("no-grace", &json!({"spec": {"terminationGracePeriodSeconds": 0}}));
    shop.pod("failed", &json!({}));
    shop.cluster.patch("pods", "default", "failed", &json!({"status": {"phase": "Failed"}})).unwrap();
    let mut watch = shop.watch().await;
    for name in ["unscheduled", "no-grace"] {
        shop.delete(name, &DeleteParams::default()).await.unwrap();
        let until = "grace 0 until 20:58:0";
        let seen = watch.seen().await;
        assert_eq!(seen.len(), 2, "{seen:?}");
        assert!(seen[0].starts_with(&format!("MODIFIED {name}, {until}")), "{seen:?}");
        assert!(seen[1].starts_with(&format!("DELETED {name}, {until}")), "{seen:?}");
    }
    shop.delete("failed", &DeleteParams::default()).await.unwrap();
    assert_eq!(watch.seen().await.len(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_finalizer_keeps_the_object_until_it_is_removed() {
    let shop = shop();
    shop.pod("web-1", &json!({"metadata": {"finalizers": ["example.com/wait"]}}));
    let mut watch = shop.watch().await;
    shop.delete("web-1", &DeleteParams::default()).await.unwrap();
    shop.delete("web-1", &grace(0)).await.unwrap();
    let held = ["MODIFIED web-1, grace 30 until 20:58:31", "MODIFIED web-1, grace 0 until 20:58:01"];
    assert_eq!(watch.seen().await, held);
    shop.cluster.patch("pods", "default", "web-1", &json!({"metadata": {"finalizers": null}})).unwrap();
    assert_eq!(watch.seen().await, ["DELETED web-1, grace 0 until 20:58:01"]);
}

#[tokio::test(start_paused = true)]
async fn a_precondition_protects_the_successor() {
    let shop = shop();
    shop.ready_pod("web-1", "10.0.0.1");
    let other = Preconditions { uid: Some("another".into()), resource_version: None };
    let params = DeleteParams { preconditions: Some(other), ..grace(0) };
    assert_eq!(refusal(shop.delete("web-1", &params).await), (409, "Conflict".into()));
    let own: Pod = shop.pods.get("web-1").await.unwrap();
    let params = DeleteParams {
        preconditions: Some(Preconditions { uid: own.metadata.uid, resource_version: None }),
        ..grace(0)
    };
    shop.delete("web-1", &params).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn an_eviction_marks_first_and_deletes_then() {
    let shop = shop();
    shop.ready_pod("web-1", "10.0.0.1");
    let mut watch = shop.watch().await;
    shop.pods.evict("web-1", &EvictParams::default()).await.unwrap();
    assert_eq!(watch.seen().await, ["MODIFIED web-1", "MODIFIED web-1, grace 30 until 20:58:31"]);
    shop.pods.evict("web-1", &EvictParams::default()).await.unwrap();
    assert!(watch.seen().await.is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_disruption_budget_refuses_and_is_charged() {
    let shop = shop();
    for name in ["web-1", "web-2"] {
        shop.ready_pod(name, "10.0.0.1");
    }
    let budget = json!({"apiVersion": "policy/v1", "kind": "PodDisruptionBudget", "metadata": {"name": "web"},
        "spec": {"selector": {"matchLabels": {"app": "web"}}}});
    shop.cluster.create(&budget).unwrap();
    let one = json!({"status": {"disruptionsAllowed": 1}});
    shop.cluster.patch("poddisruptionbudgets", "default", "web", &one).unwrap();
    shop.pods.evict("web-1", &EvictParams::default()).await.unwrap();
    let refused = shop.pods.evict("web-2", &EvictParams::default()).await;
    assert_eq!(refusal(refused), (429, "TooManyRequests".into()));
}
