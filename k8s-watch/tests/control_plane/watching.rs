//! Watches that are more than "every object from here on": the same events on the real server and the simulated one.

use std::time::Duration;

use futures::{Stream, StreamExt};
use serde_json::{Value, json};

use crate::pair::Pair;

#[tokio::test]
async fn a_watch_with_a_selector_tells_what_leaves_it_as_deleted() {
    let Some(pair) = Pair::new("selector").await else { return };
    pair.pod("a", 9100).await;
    let query = "watch=1&labelSelector=app%3Dweb";
    let labelled = |label: Value| json!({"metadata": {"labels": {"app": label}}});
    let seen = pair.events(query, 4, async || {
        pair.patch("pods/a", labelled(json!("other"))).await;
        pair.patch("pods/a", json!({"metadata": {"annotations": {"not": "seen"}}})).await;
        pair.patch("pods/a", labelled(json!("web"))).await;
        pair.kubelets(async |kubelet| kubelet.run("a", "10.1.0.1").await).await;
    });
    assert_eq!(seen.await, ["ADDED a app=web", "DELETED a app=web", "ADDED a app=web", "MODIFIED a app=web"]);
}

#[tokio::test]
async fn a_watch_that_begins_with_what_is_there_marks_the_end_of_it() {
    let Some(pair) = Pair::new("initial").await else { return };
    pair.pod("a", 9100).await;
    pair.pod("b", 9100).await;
    let query = "watch=1&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true";
    let seen = pair.events(query, 4, async || pair.pod("c", 9100).await);
    assert_eq!(
        seen.await,
        ["ADDED a app=web", "ADDED b app=web", "BOOKMARK end of the list", "ADDED c app=web"]
    );
}

#[tokio::test]
async fn a_watch_goes_on_from_the_version_of_an_event() {
    let Some(pair) = Pair::new("resumed").await else { return };
    pair.pod("a", 9100).await;
    pair.pod("b", 9100).await;
    pair.both(async |side| side.delete(&pair.path("pods/a"), json!({"gracePeriodSeconds": 0})).await.ok())
        .await;
    for side in &pair.sides {
        let b = side.get(&pair.path("pods/b")).await.ok();
        let from = b["metadata"]["resourceVersion"].as_str().unwrap();
        let events = side.watch(&pair.path(&format!("pods?watch=1&resourceVersion={from}"))).await;
        let seen = first(events, 2).await;
        assert_eq!(seen, ["MODIFIED a app=web", "DELETED a app=web"]);
    }
}

impl Pair {
    /// The first `count` events of a watch of Pods that is open while `act` happens, equal on both sides.
    async fn events(&self, query: &str, count: usize, act: impl AsyncFnOnce()) -> Vec<String> {
        let path = self.path(&format!("pods?{query}"));
        let [real, simulated] = [self.sides[0].watch(&path).await, self.sides[1].watch(&path).await];
        act().await;
        let real = first(real, count).await;
        assert_eq!(real, first(simulated, count).await);
        real
    }
}

/// The first `count` events; fails when they do not come.
async fn first(events: impl Stream<Item = Value>, count: usize) -> Vec<String> {
    let told = events.take(count).map(|event| told(&event)).collect();
    tokio::time::timeout(Duration::from_secs(60), told).await.expect("so many events come within a minute")
}

fn told(event: &Value) -> String {
    let metadata = &event["object"]["metadata"];
    let kind = event["type"].as_str().unwrap();
    match metadata["annotations"]["k8s.io/initial-events-end"].as_str() {
        Some("true") => format!("{kind} end of the list"),
        _ => format!(
            "{kind} {} app={}",
            metadata["name"].as_str().unwrap(),
            metadata["labels"]["app"].as_str().unwrap()
        ),
    }
}
