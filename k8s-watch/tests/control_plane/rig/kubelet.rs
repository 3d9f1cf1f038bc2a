//! The kubelet's part of a Pod's life, played by the test.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures::StreamExt;
use serde_json::{Value, json};
use tokio::task::JoinHandle;
use tokio::time::Instant;

use super::{Answer, MERGE, Requests, STRATEGIC};

/// What a kubelet says about the Pods of one namespace.
#[derive(Clone)]
pub(crate) struct Kubelet {
    requests: Requests,
    namespace: String,
}

impl Kubelet {
    pub(crate) fn new(requests: Requests, namespace: &str) -> Self {
        Self { requests, namespace: namespace.to_owned() }
    }

    /// The Pod runs at `ip` and is ready.
    pub(crate) async fn run(&self, pod: &str, ip: &str) {
        let conditions: Vec<_> = ["Ready", "ContainersReady", "Initialized", "PodScheduled"]
            .map(|kind| json!({"type": kind, "status": "True", "lastTransitionTime": START}))
            .into();
        let status =
            json!({"phase": "Running", "podIP": ip, "podIPs": [{"ip": ip}], "conditions": conditions});
        self.status(pod, MERGE, status).await.ok();
    }

    /// The readiness probe changed its mind.
    pub(crate) async fn ready(&self, pod: &str, ready: bool) {
        let status = if ready { "True" } else { "False" };
        let conditions = ["Ready", "ContainersReady"].map(|kind| json!({"type": kind, "status": status}));
        self.status(pod, STRATEGIC, json!({"conditions": conditions})).await.ok();
    }

    /// The containers have ended; `phase` is `Succeeded` or `Failed`.
    pub(crate) async fn end(&self, pod: &str, phase: &str) {
        let conditions = ["Ready", "ContainersReady"].map(|kind| json!({"type": kind, "status": "False"}));
        self.status(pod, STRATEGIC, json!({"phase": phase, "conditions": conditions})).await.ok();
    }

    /// The final delete: the containers of this very Pod are gone.
    pub(crate) async fn remove(&self, pod: &str, uid: &str) -> Answer {
        let options = json!({"gracePeriodSeconds": 0, "preconditions": {"uid": uid}});
        self.requests.delete(&self.path(pod), options).await
    }

    /// Plays the kubelet for every Pod that comes: it runs at once at an address from `10.NETWORK.0.0/16`, and a Pod
    /// that is asked to go stays for `terminating`.
    pub(crate) fn take_over(&self, network: u8, terminating: Duration) -> KubeletLoop {
        let (kubelet, lives) = (self.clone(), Lives::default());
        let record = lives.clone();
        let task = tokio::spawn(async move { kubelet.look_after(network, terminating, record).await });
        KubeletLoop { task, lives }
    }

    async fn look_after(self, network: u8, terminating: Duration, lives: Lives) {
        let addresses = Arc::new(AtomicU32::new(1));
        let mut known = BTreeSet::new();
        loop {
            let path = format!(
                "/api/v1/namespaces/{}/pods?watch=1&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true",
                self.namespace
            );
            let mut events = self.requests.watch(&path).await;
            while let Some(event) = events.next().await {
                let pod = &event["object"];
                let (Some(name), Some(uid)) =
                    (pod["metadata"]["name"].as_str(), pod["metadata"]["uid"].as_str())
                else {
                    continue;
                };
                if event["type"] == "DELETED" {
                    continue;
                }
                if pod["spec"]["nodeName"].is_null() {
                    if known.insert((uid.to_owned(), "bind")) {
                        self.bind(name).await;
                    }
                    continue;
                }
                if pod["status"]["podIP"].is_null() && pod["metadata"]["deletionTimestamp"].is_null() {
                    if known.insert((uid.to_owned(), "run")) {
                        let number = addresses.fetch_add(1, Ordering::Relaxed);
                        self.run(name, &format!("10.{network}.{}.{}", number / 250, number % 250 + 1)).await;
                    }
                } else if pod["metadata"]["deletionTimestamp"].is_string()
                    && known.insert((uid.to_owned(), "end"))
                {
                    let (kubelet, name, uid) = (self.clone(), name.to_owned(), uid.to_owned());
                    let ip = pod["status"]["podIP"].as_str().unwrap_or("").to_owned();
                    lives
                        .lock()
                        .unwrap()
                        .entry(ip.clone())
                        .or_insert(End { asked: Instant::now(), removed: None });
                    let lives = lives.clone();
                    tokio::spawn(async move {
                        tokio::time::sleep(terminating).await;
                        if let Some(end) = lives.lock().unwrap().get_mut(&ip) {
                            end.removed = Some(Instant::now());
                        }
                        kubelet.remove(&name, &uid).await;
                    });
                }
            }
        }
    }

    /// The scheduler's part, for Pods that do not name their node.
    async fn bind(&self, pod: &str) {
        let binding = json!({"metadata": {"name": pod}, "target": {"kind": "Node", "name": "n1"}});
        self.requests.create(&format!("{}/binding", self.path(pod)), binding).await.ok();
    }

    async fn status(&self, pod: &str, kind: &'static str, status: Value) -> Answer {
        self.requests.patch(&format!("{}/status", self.path(pod)), kind, json!({"status": status})).await
    }

    fn path(&self, pod: &str) -> String {
        format!("/api/v1/namespaces/{}/pods/{pod}", self.namespace)
    }
}

/// A kubelet at work until this is dropped.
pub(crate) struct KubeletLoop {
    task: JoinHandle<()>,
    lives: Lives,
}

/// The end of a Pod, as its kubelet sees it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct End {
    /// When the kubelet saw that the Pod is asked to go.
    pub(crate) asked: Instant,
    /// When it removed it, just before the API server was told.
    pub(crate) removed: Option<Instant>,
}

/// Ends by address.
type Lives = Arc<Mutex<BTreeMap<String, End>>>;

impl KubeletLoop {
    /// The Pods that were asked to go, by address.
    pub(crate) fn ends(&self) -> BTreeMap<String, End> {
        self.lives.lock().unwrap().clone()
    }
}

impl Drop for KubeletLoop {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// When every Pod of these tests became ready; only its order against later changes matters.
const START: &str = "2026-01-01T00:00:00Z";
