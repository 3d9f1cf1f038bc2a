//! Lists: pages of one state, selections, namespaces.

use k8s_openapi::api::core::v1::Pod;
use kube::{Api, ResourceExt, api::ListParams};
use serde_json::json;

use crate::harness::{grace, refusal, shop};

#[tokio::test(start_paused = true)]
async fn pages_show_one_state() {
    let shop = shop();
    for name in ["a", "b", "c", "d", "e"] {
        shop.pod(name, &json!({}));
    }
    let first = shop.pods.list(&ListParams::default().limit(2)).await.unwrap();
    assert_eq!(first.metadata.remaining_item_count, Some(3));
    shop.delete("d", &grace(0)).await.unwrap();
    shop.pod("f", &json!({}));
    let token = first.metadata.continue_.unwrap();
    let rest = shop.pods.list(&ListParams::default().limit(10).continue_token(&token)).await.unwrap();
    let names: Vec<_> = rest.items.iter().map(ResourceExt::name_any).collect();
    assert_eq!(names, ["c", "d", "e"]);
    assert_eq!(rest.metadata.resource_version, first.metadata.resource_version);
}

#[tokio::test(start_paused = true)]
async fn w3_an_old_continue_token_answers_410() {
    let shop = shop();
    for name in ["a", "b", "c"] {
        shop.pod(name, &json!({}));
    }
    let first = shop.pods.list(&ListParams::default().limit(2)).await.unwrap();
    let token = first.metadata.continue_.unwrap();
    shop.cluster.expire();
    let refused = shop.pods.list(&ListParams::default().continue_token(&token)).await;
    assert_eq!(refusal(refused), (410, "Expired".into()));
    let refused = shop.pods.list(&ListParams::default().continue_token("nonsense")).await;
    assert_eq!(refusal(refused), (400, "BadRequest".into()));
}

#[tokio::test(start_paused = true)]
async fn a_list_is_of_one_namespace_or_of_all() {
    let shop = shop();
    shop.cluster.add_namespace("other");
    shop.pod("web-1", &json!({}));
    shop.pod("web-2", &json!({"metadata": {"namespace": "other"}}));
    assert_eq!(shop.pods.list(&ListParams::default()).await.unwrap().items.len(), 1);
    let all: Api<Pod> = Api::all(shop.cluster.client());
    assert_eq!(all.list(&ListParams::default()).await.unwrap().items.len(), 2);
    let by_field = ListParams::default().fields("metadata.name=web-2");
    assert_eq!(all.list(&by_field).await.unwrap().items[0].namespace().as_deref(), Some("other"));
}

#[tokio::test(start_paused = true)]
async fn w6_a_stale_server_lists_the_past() {
    let shop = shop();
    shop.pod("web-1", &json!({}));
    let past = shop.cluster.resource_version();
    shop.delete("web-1", &grace(0)).await.unwrap();
    shop.cluster.serve_lists_at(Some(past));
    let list = shop.pods.list(&ListParams::default()).await.unwrap();
    assert_eq!(list.metadata.resource_version, Some(past.to_string()));
    assert_eq!(list.items.len(), 1);
    // It is behind, but does not know it.
    shop.cluster.expire();
    assert_eq!(shop.pods.list(&ListParams::default()).await.unwrap().items.len(), 1);
    shop.cluster.serve_lists_at(None);
    assert!(shop.pods.list(&ListParams::default()).await.unwrap().items.is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_list_of_the_future_times_out() {
    let shop = shop();
    let ahead = ListParams::default().at("999").matching(kube::api::VersionMatch::NotOlderThan);
    let before = tokio::time::Instant::now();
    assert_eq!(refusal(shop.pods.list(&ahead).await), (504, "Timeout".into()));
    assert_eq!(before.elapsed().as_secs(), 3);
}
