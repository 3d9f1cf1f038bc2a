//! A cluster whose clock starts at a constant, and a watch whose events read as lines.

use std::{
    fmt::Write,
    pin::Pin,
    time::{Duration, UNIX_EPOCH},
};

use futures::{Stream, StreamExt};
use k8s_openapi::{api::core::v1::Pod, apimachinery::pkg::apis::meta::v1::Time};
use k8s_watch::sim::Cluster;
use kube::{
    Api, ResourceExt,
    api::{DeleteParams, PostParams, WatchEvent, WatchParams},
};
use serde_json::{Value, json};

/// 2026-11-24T20:58:01.9Z.
pub(crate) const START_MILLIS: u64 = 1_795_553_881_900;

pub(crate) struct Shop {
    pub(crate) cluster: Cluster,
    pub(crate) pods: Api<Pod>,
}

/// An empty cluster.
pub(crate) fn shop() -> Shop {
    let cluster = Cluster::starting_at(UNIX_EPOCH + Duration::from_millis(START_MILLIS));
    let pods = Api::default_namespaced(cluster.client());
    Shop { cluster, pods }
}

impl Shop {
    /// Creates a Pod and says what kind of Pod.
    pub(crate) fn pod(&self, name: &str, changes: &Value) {
        let mut pod = json!({
            "apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "labels": {"app": "web"}},
            "spec": {"nodeName": "n1", "containers": [{"name": "web", "image": "web"}]},
        });
        merge(&mut pod, changes);
        self.cluster.create(&pod).unwrap();
    }

    /// A running, ready Pod.
    pub(crate) fn ready_pod(&self, name: &str, ip: &str) {
        self.pod(name, &json!({}));
        let status = json!({"status": {"phase": "Running", "podIP": ip, "conditions": [{"type": "Ready", "status": "True"}]}});
        self.cluster.patch("pods", "default", name, &status).unwrap();
    }

    /// Watches all Pods of the namespace from now on.
    pub(crate) async fn watch(&self) -> Watch {
        self.watch_from(&self.cluster.resource_version().to_string(), &WatchParams::default()).await
    }

    pub(crate) async fn watch_from(&self, version: &str, params: &WatchParams) -> Watch {
        Watch(self.pods.watch(params, version).await.unwrap().boxed())
    }

    pub(crate) async fn delete(&self, name: &str, params: &DeleteParams) -> Result<(), kube::Error> {
        self.pods.delete(name, params).await.map(drop)
    }

    pub(crate) async fn create(&self, pod: Value) -> Result<Pod, kube::Error> {
        self.pods.create(&PostParams::default(), &serde_json::from_value(pod).unwrap()).await
    }
}

pub(crate) fn grace(seconds: u32) -> DeleteParams {
    DeleteParams { grace_period_seconds: Some(seconds), ..DeleteParams::default() }
}

/// An open watch.
pub(crate) struct Watch(Pin<Box<dyn Stream<Item = Result<WatchEvent<Pod>, kube::Error>> + Send>>);

impl Watch {
    /// What came within half a second, one line per event; the stream's end is the line `end`.
    pub(crate) async fn seen(&mut self) -> Vec<String> {
        self.seen_within(Duration::from_millis(500)).await
    }

    pub(crate) async fn seen_within(&mut self, time: Duration) -> Vec<String> {
        let mut lines = Vec::new();
        let end = tokio::time::Instant::now() + time;
        while let Ok(item) = tokio::time::timeout_at(end, self.0.next()).await {
            let Some(item) = item else {
                lines.push("end".to_owned());
                break;
            };
            lines.push(item.map_or_else(|_| "broken".to_owned(), |event| line(&event)));
        }
        lines
    }
}

/// `MODIFIED web-1, grace 30 until 20:58:31`.
pub(crate) fn line(event: &WatchEvent<Pod>) -> String {
    match event {
        WatchEvent::Added(pod) => format!("ADDED {}", described(pod)),
        WatchEvent::Modified(pod) => format!("MODIFIED {}", described(pod)),
        WatchEvent::Deleted(pod) => format!("DELETED {}", described(pod)),
        WatchEvent::Bookmark(bookmark) if bookmark.metadata.annotations.is_empty() => "BOOKMARK".to_owned(),
        WatchEvent::Bookmark(_) => "BOOKMARK, end of the initial events".to_owned(),
        WatchEvent::Error(status) => format!("ERROR {} {}: {}", status.code, status.reason, status.message),
    }
}

fn described(pod: &Pod) -> String {
    let mut text = pod.name_any();
    if let Some(Time(at)) = &pod.metadata.deletion_timestamp {
        let grace = pod.metadata.deletion_grace_period_seconds.unwrap();
        write!(text, ", grace {grace} until {}", at.strftime("%H:%M:%S")).unwrap();
    }
    if let Some(phase) = pod.status.as_ref().and_then(|s| s.phase.as_deref()).filter(|p| *p == "Failed") {
        write!(text, ", {phase}").unwrap();
    }
    text
}

/// Merges maps, replaces everything else.
fn merge(into: &mut Value, changes: &Value) {
    match (into, changes) {
        (Value::Object(into), Value::Object(changes)) => {
            for (key, value) in changes {
                merge(into.entry(key).or_insert(Value::Null), value);
            }
        }
        (into, changes) => *into = changes.clone(),
    }
}

/// The reason and code of a refusal.
pub(crate) fn refusal<T>(result: Result<T, kube::Error>) -> (u16, String) {
    match result {
        Err(kube::Error::Api(status)) => (status.code, status.reason.clone()),
        Err(other) => panic!("not a refusal: {other}"),
        Ok(_) => panic!("not refused"),
    }
}
