//! What the library relies on and only a real server can confirm. When one of these fails on a newer Kubernetes, the
//! library has to be looked at.

use std::time::Duration;

use futures::StreamExt;
use serde_json::json;

use crate::rig::{Namespace, Requests, Server, Setup, audited, until};

#[tokio::test]
async fn after_a_restart_an_old_version_is_gone_and_the_watch_says_so_in_its_stream() {
    let Some(mut server) = Server::start(Setup::default()).await else { return };
    let namespace = Namespace::create(&server, "restart").await;
    let seen = version(&namespace).await;
    namespace
        .admin
        .create(&namespace.path("configmaps"), json!({"metadata": {"name": "a-write"}}))
        .await
        .ok();
    server.stop_api(false);
    server.start_api_again().await;
    let again = server.admin().await;
    let mut events = again.watch(&namespace.path(&format!("pods?watch=1&resourceVersion={seen}"))).await;
    let first = events.next().await.unwrap();
    assert_eq!(
        (first["type"].as_str(), first["object"]["code"].as_u64()),
        (Some("ERROR"), Some(410)),
        "{first}"
    );
    assert_eq!(first["object"]["reason"], "Expired");
    assert_eq!(events.next().await, None);
}

#[tokio::test]
async fn after_a_compaction_an_old_version_is_gone_where_nothing_is_cached() {
    let Some(server) = Server::start(Setup::uncached()).await else { return };
    let namespace = Namespace::create(&server, "compaction").await;
    namespace.pending_pod("a", "web").await;
    namespace.pending_pod("b", "web").await;
    let page = namespace.admin.get(&namespace.path("pods?limit=1")).await.ok();
    let (seen, rest) = (&page["metadata"]["resourceVersion"], page["metadata"]["continue"].as_str().unwrap());
    // A watch from `seen` needs everything after it, so the compaction has to take more than one write.
    namespace.pending_pod("c", "web").await;
    namespace.pending_pod("d", "web").await;
    server.compact(&version(&namespace).await).await;

    let next = namespace.admin.get(&namespace.path(&format!("pods?limit=1&continue={rest}"))).await;
    assert_eq!((next.code, next.reason()), (410, "Expired"), "{}", next.body);
    let path = namespace.path(&format!("pods?watch=1&resourceVersion={}", seen.as_str().unwrap()));
    let first = namespace.admin.watch(&path).await.next().await.unwrap();
    assert_eq!(
        (first["type"].as_str(), first["object"]["code"].as_u64()),
        (Some("ERROR"), Some(410)),
        "{first}"
    );
}

#[tokio::test]
async fn a_role_that_is_taken_away_refuses_lists_at_once_and_leaves_an_open_watch() {
    let Some(server) = Server::shared().await else { return };
    let namespace = Namespace::create(server, "revoked").await;
    let controller = Requests::new(server.client(&namespace.token().await).await);
    let mut events = controller.watch(&namespace.path("pods?watch=1")).await;
    namespace.revoke_watching().await;
    until("lists are refused", async || {
        let answer = controller.get(&namespace.path("pods")).await;
        if answer.code == 403 { Ok(()) } else { Err(format!("{answer:?}")) }
    })
    .await;
    namespace.pending_pod("web", "web").await;
    assert_eq!(events.next().await.unwrap()["type"], "ADDED");
    namespace.grant_watching().await;
    until("lists are answered", async || {
        let answer = controller.get(&namespace.path("pods")).await;
        if answer.code == 200 { Ok(()) } else { Err(format!("{answer:?}")) }
    })
    .await;
    let log = audited(&server.audit_log(), &namespace.user());
    let lists = log.iter().filter(|request| request.resource == "pods" && request.verb == "list");
    assert_eq!(lists.map(|request| request.allowed).collect::<Vec<_>>(), [false, true]);
}

#[tokio::test]
async fn a_frozen_server_says_nothing_and_goes_on_where_it_was() {
    let Some(server) = Server::start(Setup::default()).await else { return };
    let admin = server.admin().await;
    server.freeze_api();
    let silent = tokio::time::timeout(Duration::from_secs(1), admin.get("/api/v1/namespaces")).await;
    assert!(silent.is_err(), "a frozen server answered: {silent:?}");
    server.thaw_api();
    server.admin().await.get("/api/v1/namespaces").await.ok();
}

#[tokio::test]
async fn endpoints_show_what_becomes_of_their_pod() {
    let Some(server) = Server::shared().await else { return };
    let namespace = Namespace::create(server, "endpoints").await;
    let kubelet = &namespace.kubelet;
    namespace.service("web", json!({})).await;
    namespace.pod("a", "web", "10.1.0.1").await;
    namespace.endpoint("web", "10.1.0.1", Some((true, true, false))).await;
    kubelet.ready("a", false).await;
    namespace.endpoint("web", "10.1.0.1", Some((false, false, false))).await;
    kubelet.ready("a", true).await;
    namespace.delete_pod("a").await;
    namespace.endpoint("web", "10.1.0.1", Some((false, true, true))).await;
    kubelet.ready("a", false).await;
    namespace.endpoint("web", "10.1.0.1", Some((false, false, true))).await;
    namespace.merge("services/web", json!({"spec": {"publishNotReadyAddresses": true}})).await;
    namespace.endpoint("web", "10.1.0.1", Some((true, false, true))).await;
    kubelet.end("a", "Failed").await;
    namespace.endpoint("web", "10.1.0.1", None).await;
}

#[tokio::test]
async fn a_rollout_by_the_real_controllers_replaces_every_pod() {
    let Some(server) = Server::shared().await else { return };
    let namespace = Namespace::create(server, "rollout-facts").await;
    let _kubelet = namespace.kubelet.take_over(1, Duration::from_millis(300));
    namespace.service("web", json!({})).await;
    namespace.deployment("web", 3).await;
    let before = namespace.ready_pods("web", 3).await;
    namespace.roll("web").await;
    let after = namespace.ready_pods("web", 3).await;
    assert!(before.is_disjoint(&after), "{before:?} {after:?}");
}

/// The version of a list of Pods.
async fn version(namespace: &Namespace) -> String {
    let list = namespace.admin.get(&namespace.path("pods")).await.ok();
    list["metadata"]["resourceVersion"].as_str().unwrap().to_owned()
}
