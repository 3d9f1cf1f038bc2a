//! Watches: resume, selections, bookmarks, timeouts, 410.

use std::time::Duration;

use futures::StreamExt;
use kube::{
    api::{DeleteParams, WatchParams},
    runtime::watcher,
};
use serde_json::json;

use crate::harness::{grace, refusal, shop};

#[tokio::test(start_paused = true)]
async fn a_watch_resumes_where_it_ended() {
    let shop = shop();
    shop.pod("web-1", &json!({}));
    let version = shop.cluster.resource_version().to_string();
    shop.pod("web-2", &json!({}));
    shop.delete("web-1", &grace(0)).await.unwrap();
    let mut watch = shop.watch_from(&version, &WatchParams::default()).await;
    let missed = watch.seen().await;
    assert_eq!(
        missed.iter().map(|l| l.split(',').next().unwrap()).collect::<Vec<_>>(),
        ["ADDED web-2", "MODIFIED web-1", "DELETED web-1"]
    );
}

#[tokio::test(start_paused = true)]
async fn leaving_the_selection_looks_like_a_deletion() {
    let shop = shop();
    shop.pod("web-1", &json!({}));
    let version = shop.cluster.resource_version().to_string();
    let mut watch = shop.watch_from(&version, &WatchParams::default().labels("app=web")).await;
    for app in ["other", "web"] {
        shop.cluster
            .patch("pods", "default", "web-1", &json!({"metadata": {"labels": {"app": app}}}))
            .unwrap();
    }
    // No deletion timestamp.
    assert_eq!(watch.seen().await, ["DELETED web-1", "ADDED web-1"]);
}

#[tokio::test(start_paused = true)]
async fn a_watch_ends_cleanly_at_its_timeout_after_a_bookmark() {
    let shop = shop();
    let version = shop.cluster.resource_version().to_string();
    let mut watch = shop.watch_from(&version, &WatchParams::default().timeout(8)).await;
    assert!(watch.seen_within(Duration::from_millis(5_900)).await.is_empty());
    assert_eq!(watch.seen_within(Duration::from_millis(200)).await, ["BOOKMARK"]);
    assert_eq!(watch.seen_within(Duration::from_secs(2)).await, ["end"]);
    let mut short = shop.watch_from(&version, &WatchParams::default().timeout(3)).await;
    assert_eq!(short.seen_within(Duration::from_secs(4)).await, ["end"]);
}

#[tokio::test(start_paused = true)]
async fn a_quiet_watch_gets_a_bookmark_each_minute() {
    let shop = shop();
    let mut watch = shop.watch().await;
    assert_eq!(watch.seen_within(Duration::from_secs(181)).await, ["BOOKMARK"; 3]);
}

#[tokio::test(start_paused = true)]
async fn without_a_version_the_state_comes_first() {
    let shop = shop();
    shop.pod("web-1", &json!({}));
    let mut watch = shop.watch_from("0", &WatchParams::default()).await;
    assert_eq!(watch.seen().await, ["ADDED web-1", "BOOKMARK, end of the initial events"]);
}

#[tokio::test(start_paused = true)]
async fn w2_an_old_version_answers_expired_in_the_stream() {
    let shop = shop();
    let version = shop.cluster.resource_version();
    let mut open = shop.watch().await;
    shop.cluster.expire();
    let mut watch = shop.watch_from(&version.to_string(), &WatchParams::default()).await;
    let expired = format!("ERROR 410 Expired: too old resource version: {version} ({})", version + 1);
    assert_eq!(watch.seen().await, [expired, "end".into()]);
    // A watch that was open survives.
    shop.pod("web-1", &json!({}));
    assert_eq!(open.seen().await, ["ADDED web-1"]);
}

#[tokio::test(start_paused = true)]
async fn an_older_server_refuses_initial_events() {
    let shop = shop();
    shop.cluster.allow_initial_events(false);
    let params = WatchParams { send_initial_events: true, ..WatchParams::default() };
    let refused = shop.pods.watch(&params, "0").await.map(drop);
    assert_eq!(refusal(refused), (422, "Invalid".into()));
    shop.cluster.allow_initial_events(true);
    shop.pods.watch(&params, "0").await.map(drop).unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_watcher_of_kube_sees_list_changes_and_relist() {
    for streaming in [false, true] {
        let shop = shop();
        shop.pod("web-1", &json!({}));
        shop.pod("web-2", &json!({}));
        let config =
            if streaming { watcher::Config::default().streaming_lists() } else { watcher::Config::default() };
        let mut events = watcher(shop.pods.clone(), config).boxed();
        let mut lines = async || {
            let mut lines = Vec::new();
            while let Ok(Some(event)) = tokio::time::timeout(Duration::from_secs(20), events.next()).await {
                lines.push(event.map_or_else(|_| "error".to_owned(), |e| said(&e)));
            }
            lines
        };
        assert_eq!(lines().await, ["Init", "InitApply web-1", "InitApply web-2", "InitDone"]);
        shop.delete("web-1", &DeleteParams::default()).await.unwrap();
        assert_eq!(lines().await, ["Apply web-1"]);
        shop.cluster.close_watches(k8s_watch::sim::Requests::any());
        shop.delete("web-1", &grace(0)).await.unwrap();
        assert_eq!(lines().await, ["Apply web-1", "Delete web-1"], "streaming {streaming}");
        shop.cluster.expire_watches();
        shop.delete("web-2", &grace(0)).await.unwrap();
        // The lost deletion shows only as absence.
        assert_eq!(lines().await, ["error", "Init", "InitDone"], "streaming {streaming}");
    }
}

fn said(event: &watcher::Event<k8s_openapi::api::core::v1::Pod>) -> String {
    use kube::ResourceExt;
    match event {
        watcher::Event::Init => "Init".to_owned(),
        watcher::Event::InitApply(pod) => format!("InitApply {}", pod.name_any()),
        watcher::Event::InitDone => "InitDone".to_owned(),
        watcher::Event::Apply(pod) => format!("Apply {}", pod.name_any()),
        watcher::Event::Delete(pod) => format!("Delete {}", pod.name_any()),
    }
}
