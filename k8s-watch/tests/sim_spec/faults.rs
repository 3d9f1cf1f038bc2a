//! Faults on demand, and the request log.

use std::time::Duration;

use k8s_openapi::api::{core::v1::ConfigMap, discovery::v1::EndpointSlice};
use k8s_watch::sim::{Answer, Requests};
use kube::{
    Api,
    api::{ListParams, Patch, PatchParams, WatchParams},
};
use serde_json::json;

use crate::harness::{grace, refusal, shop};

#[tokio::test(start_paused = true)]
async fn w10_a_permission_is_taken_and_given() {
    let shop = shop();
    let slices: Api<EndpointSlice> = Api::all(shop.cluster.client());
    let fault = shop.cluster.inject(Requests::of("endpointslices").verb("list"), Answer::Forbidden);
    let Err(kube::Error::Api(status)) = slices.list(&ListParams::default()).await else {
        panic!("not refused")
    };
    assert_eq!(status.code, 403);
    assert!(status.message.contains(
        "cannot list resource \"endpointslices\" in API group \"discovery.k8s.io\" at the cluster scope"
    ));
    shop.pods.list(&ListParams::default()).await.unwrap();
    shop.cluster.lift(fault);
    slices.list(&ListParams::default()).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn w9_the_next_requests_are_refused() {
    let shop = shop();
    shop.cluster.inject_next(2, Requests::any(), Answer::TooManyRequests { retry_after: 1 });
    for _ in 0..2 {
        let Err(kube::Error::Api(status)) = shop.pods.list(&ListParams::default()).await else {
            panic!("not refused")
        };
        // Overload protection answers in plain text.
        assert_eq!((status.code, status.reason.as_str()), (429, "Failed to parse error data"));
    }
    shop.pods.list(&ListParams::default()).await.unwrap();
    for (answer, code) in [(Answer::InternalError, 500), (Answer::Unavailable, 503), (Answer::Timeout, 504)] {
        shop.cluster.inject_next(1, Requests::any(), answer);
        assert_eq!(refusal(shop.pods.list(&ListParams::default()).await).0, code);
    }
}

#[tokio::test(start_paused = true)]
async fn writes_to_one_config_map_conflict() {
    let shop = shop();
    for name in ["claims", "other"] {
        shop.cluster
            .create(&json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}}))
            .unwrap();
    }
    shop.cluster.inject_next(1, Requests::of("configmaps").writes().named("claims"), Answer::Conflict);
    let maps: Api<ConfigMap> = Api::default_namespaced(shop.cluster.client());
    let patch = Patch::Merge(json!({"data": {"a": "b"}}));
    maps.patch("other", &PatchParams::default(), &patch).await.unwrap();
    maps.get("claims").await.unwrap();
    let refused = maps.patch("claims", &PatchParams::default(), &patch).await;
    assert_eq!(refusal(refused), (409, "Conflict".into()));
    maps.patch("claims", &PatchParams::default(), &patch).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_lost_answer_has_been_carried_out() {
    let shop = shop();
    shop.ready_pod("web-1", "10.0.0.1");
    shop.cluster.inject_next(1, Requests::of("pods").verb("delete"), Answer::Lost);
    let lost = shop.delete("web-1", &grace(0)).await;
    assert!(!matches!(lost, Ok(()) | Err(kube::Error::Api(_))), "{lost:?}");
    assert_eq!(refusal(shop.pods.get("web-1").await), (404, "NotFound".into()));
}

#[tokio::test(start_paused = true)]
async fn w11_a_silent_watch_neither_speaks_nor_ends() {
    let shop = shop();
    let version = shop.cluster.resource_version().to_string();
    let mut watch = shop.watch_from(&version, &WatchParams::default().timeout(10)).await;
    let fault = shop.cluster.inject(Requests::of("pods").verb("watch"), Answer::Silence);
    shop.pod("web-1", &json!({}));
    assert!(watch.seen_within(Duration::from_secs(3_600)).await.is_empty());
    shop.cluster.lift(fault);
    assert_eq!(watch.seen().await, ["ADDED web-1", "end"]);
}

#[tokio::test(start_paused = true)]
async fn a_held_request_goes_on_when_lifted() {
    let shop = shop();
    let fault = shop.cluster.inject(Requests::of("pods").verb("list"), Answer::Silence);
    let pods = shop.pods.clone();
    let list = tokio::spawn(async move { pods.list(&ListParams::default()).await });
    tokio::time::sleep(Duration::from_secs(60)).await;
    assert!(!list.is_finished());
    shop.cluster.lift(fault);
    list.await.unwrap().unwrap();
}

#[tokio::test(start_paused = true)]
async fn w1_watches_are_closed_or_cut() {
    let shop = shop();
    let (mut closed, mut other) = (shop.watch().await, shop.watch().await);
    shop.cluster.close_watches(Requests::of("services"));
    assert!(closed.seen().await.is_empty());
    shop.cluster.close_watches(Requests::of("pods"));
    assert_eq!(closed.seen().await, ["end"]);
    assert_eq!(other.seen().await, ["end"]);
    let mut cut = shop.watch().await;
    shop.cluster.cut_watches(Requests::any());
    assert_eq!(cut.seen().await, ["broken", "end"]);
}

#[tokio::test(start_paused = true)]
async fn w12_an_undecodable_object_is_shown_as_it_is() {
    let shop = shop();
    let mut watch = shop.watch().await;
    let odd = json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "odd", "namespace": "default"}, "spec": 7});
    shop.cluster.store_verbatim(&odd).unwrap();
    assert_eq!(watch.seen().await, ["broken"]);
    assert!(shop.pods.list(&ListParams::default()).await.is_err());
}

#[tokio::test(start_paused = true)]
async fn the_log_tells_who_asked_for_what() {
    let shop = shop();
    shop.ready_pod("web-1", "10.0.0.1");
    let _watch = shop.watch().await;
    let patch = Patch::Strategic(json!({"status": {"conditions": []}}));
    shop.pods.patch_status("web-1", &PatchParams::default(), &patch).await.unwrap();
    shop.pods.get("missing").await.unwrap_err();
    let log: Vec<_> = shop
        .cluster
        .take_requests()
        .iter()
        .map(|r| format!("{} {} {} {:?}", r.verb, r.resource_path(), r.name, r.code))
        .collect();
    assert_eq!(
        log,
        ["watch pods  Some(200)", "patch pods/status web-1 Some(200)", "get pods missing Some(404)"]
    );
    assert!(shop.cluster.requests().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_slow_server_answers_late() {
    let shop = shop();
    shop.cluster.inject_next(1, Requests::of("pods"), Answer::Late(Duration::from_secs(7)));
    let before = tokio::time::Instant::now();
    shop.pods.list(&ListParams::default()).await.unwrap();
    assert_eq!(before.elapsed().as_secs(), 7);
}
