//! The conversation with the API server, fault by fault.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use grace_core::{Source, SourceKind};
use serde_json::{Value, json};
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep};

use super::{Closed, Seen, Sink, run};
use crate::sim::{Answer, Cluster, Requests};
use crate::slim::Pod;

/// Writes down what a source says: `list`, `web-1`, `broken web-1`, `gone web-1`, `done`.
#[derive(Clone, Default)]
struct Tape(Arc<Mutex<Vec<String>>>);

impl Sink<Pod> for Tape {
    async fn take(&mut self, seen: Seen<Pod>) -> Result<(), Closed> {
        let line = match seen {
            Seen::ListStarted => "list".to_owned(),
            Seen::ListDone => "done".to_owned(),
            Seen::Gone(pod) => format!("gone {}", pod.name().name),
            Seen::Object(pod) if pod.sound().is_none() => format!("broken {}", pod.name().name),
            Seen::Object(pod) => pod.name().name.to_string(),
        };
        self.0.lock().unwrap().push(line);
        Ok(())
    }
}

/// As long as a watch lasts in these tests.
const WATCH_LIMIT: Duration = Duration::from_secs(30);

struct World {
    cluster: Cluster,
    tape: Tape,
    _running: JoinHandle<Closed>,
}

impl World {
    /// A cluster with these Pods, which is being watched.
    async fn with(pods: &[&str]) -> Self {
        let cluster = Cluster::new();
        pods.iter().for_each(|name| create(&cluster, name));
        Self::watching(cluster).await
    }

    async fn watching(cluster: Cluster) -> Self {
        let tape = Tape::default();
        let (client, mut sink) = (cluster.client(), tape.clone());
        let source = Source { kind: SourceKind::Pods, namespace: None };
        let running = tokio::spawn(async move { run::<Pod>(client, source, WATCH_LIMIT, &mut sink).await });
        Self { cluster, tape, _running: running }
    }

    /// Waits until exactly this was said since the last time.
    async fn hears(&self, expected: &[&str]) {
        let deadline = Instant::now() + Duration::from_secs(60);
        while self.tape.0.lock().unwrap().len() < expected.len() && Instant::now() < deadline {
            sleep(Duration::from_millis(10)).await;
        }
        assert_eq!(std::mem::take(&mut *self.tape.0.lock().unwrap()), expected);
    }

    /// Virtual time passes.
    async fn waits(&self, seconds: u64) {
        sleep(Duration::from_secs(seconds)).await;
    }

    fn count(&self, verb: &str) -> usize {
        self.cluster.requests().iter().filter(|request| request.verb == verb).count()
    }
}

fn pod(name: &str) -> Value {
    json!({
        "apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "namespace": "default"},
        "spec": {"containers": [{"name": "web", "image": "web"}]},
    })
}

fn create(cluster: &Cluster, name: &str) {
    cluster.create(&pod(name)).unwrap();
}

fn broken(name: &str) -> Value {
    json!({
        "apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "namespace": "default", "uid": "u"},
        "spec": {"containers": "none"},
    })
}

#[tokio::test(start_paused = true)]
async fn a_source_lists_once_and_watches_from_there() {
    let world = World::with(&["web-1", "web-2"]).await;
    world.hears(&["list", "web-1", "web-2", "done"]).await;
    create(&world.cluster, "web-3");
    world.hears(&["web-3"]).await;
    world.cluster.delete("pods", "default", "web-1", Some(0)).unwrap();
    world.hears(&["web-1", "gone web-1"]).await;
    let selectors =
        world.cluster.requests().iter().filter(|r| format!("{r:?}").contains("Selector=")).count();
    assert_eq!(selectors, 0, "never a selector");
}

#[tokio::test(start_paused = true)]
async fn w1_a_watch_that_ends_is_resumed() {
    let world = World::with(&["web-1"]).await;
    world.hears(&["list", "web-1", "done"]).await;
    world.cluster.close_watches(Requests::any());
    create(&world.cluster, "web-2");
    world.hears(&["web-2"]).await;
    world.cluster.cut_watches(Requests::any());
    create(&world.cluster, "web-3");
    world.hears(&["web-3"]).await;
    world.waits(120).await;
    assert_eq!(world.count("list"), 1, "the timeouts of four watches list nothing");
    world.hears(&[]).await;
}

#[tokio::test(start_paused = true)]
async fn w2_an_expired_watch_lists_again() {
    let world = World::with(&["web-1", "web-2"]).await;
    world.hears(&["list", "web-1", "web-2", "done"]).await;
    world.cluster.inject(Requests::of("pods").verb("watch"), Answer::Unavailable);
    world.cluster.cut_watches(Requests::any());
    world.cluster.delete("pods", "default", "web-1", Some(0)).unwrap();
    world.cluster.expire_watches();
    world.cluster.lift_all();
    // The deletion itself is lost; absence from the next list tells it.
    world.hears(&["list", "web-2", "done"]).await;
}

/// Lets the history expire while the first page of a list is being read.
struct ExpiresOnce {
    tape: Tape,
    cluster: Option<Cluster>,
}

impl Sink<Pod> for ExpiresOnce {
    async fn take(&mut self, seen: Seen<Pod>) -> Result<(), Closed> {
        if let Some(cluster) = matches!(seen, Seen::Object(_)).then(|| self.cluster.take()).flatten() {
            create(&cluster, "late");
            cluster.expire();
        }
        self.tape.take(seen).await
    }
}

#[tokio::test(start_paused = true)]
async fn w3_an_expired_continue_token_lists_again() {
    let cluster = Cluster::new();
    let names: Vec<String> = (0..501).map(|n| format!("web-{n:03}")).collect();
    names.iter().for_each(|name| create(&cluster, name));
    let tape = Tape::default();
    let mut sink = ExpiresOnce { tape: tape.clone(), cluster: Some(cluster.clone()) };
    let (client, source) = (cluster.client(), Source { kind: SourceKind::Pods, namespace: None });
    let running = tokio::spawn(async move { run::<Pod>(client, source, WATCH_LIMIT, &mut sink).await });
    let world = World { cluster, tape, _running: running };
    // What the first page stated acts; only the complete list is followed by an end.
    let mut expected = vec!["list"];
    expected.extend(names[..500].iter().map(String::as_str));
    expected.extend(["list", "late"]);
    expected.extend(names.iter().map(String::as_str));
    expected.push("done");
    world.hears(&expected).await;
}

#[tokio::test(start_paused = true)]
async fn w6_an_older_list_is_dropped_before_it_acts() {
    let world = World::with(&["web-1"]).await;
    world.hears(&["list", "web-1", "done"]).await;
    let old = world.cluster.resource_version();
    create(&world.cluster, "web-2");
    world.hears(&["web-2"]).await;
    world.cluster.serve_lists_at(Some(old));
    world.cluster.expire_watches();
    world.waits(20).await;
    world.hears(&[]).await;
    assert!(world.count("list") > 3, "listed again and again");
    world.cluster.serve_lists_at(None);
    world.hears(&["list", "web-1", "web-2", "done"]).await;
}

#[tokio::test(start_paused = true)]
async fn w9_errors_are_retried_at_most_five_seconds_apart() {
    let cluster = Cluster::new();
    create(&cluster, "web-1");
    let lists = || Requests::of("pods").verb("list");
    cluster.inject_next(2, lists(), Answer::TooManyRequests { retry_after: 1 });
    cluster.inject_next(2, lists(), Answer::InternalError);
    let fault = cluster.inject(lists(), Answer::Unavailable);
    let world = World::watching(cluster).await;
    world.waits(60).await;
    world.hears(&[]).await;
    let tries = world.count("list");
    assert!((10..=24).contains(&tries), "{tries} attempts in 60 s: neither a hot loop nor a long silence");
    world.cluster.lift(fault);
    world.waits(6).await;
    world.hears(&["list", "web-1", "done"]).await;
}

#[tokio::test(start_paused = true)]
async fn w10_a_missing_permission_is_retried_until_it_is_granted() {
    for verb in ["list", "watch"] {
        let cluster = Cluster::new();
        cluster.inject(Requests::of("pods").verb(verb), Answer::Forbidden);
        let world = World::watching(cluster).await;
        world.waits(30).await;
        world.cluster.lift_all();
        world.waits(6).await;
        create(&world.cluster, "web-1");
        world.waits(6).await;
        let heard = world.tape.0.lock().unwrap().clone();
        assert!(heard.ends_with(&["done".to_owned(), "web-1".to_owned()]), "{verb}: {heard:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn w11_a_silent_watch_is_given_up_after_its_time() {
    let world = World::with(&["web-1"]).await;
    world.hears(&["list", "web-1", "done"]).await;
    let fault = world.cluster.inject(Requests::of("pods").verb("watch"), Answer::Silence);
    create(&world.cluster, "web-2");
    let before = world.count("watch");
    world.waits(30).await;
    world.hears(&[]).await;
    world.waits(30).await;
    world.cluster.lift(fault);
    world.hears(&["web-2"]).await;
    assert!(world.count("watch") > before, "heard by another watch than the silent one");
    assert_eq!(world.count("list"), 1);
}

#[tokio::test(start_paused = true)]
async fn w12_a_broken_object_in_a_list_and_in_a_watch_leaves_the_rest_alone() {
    let cluster = Cluster::new();
    create(&cluster, "web-1");
    cluster.store_verbatim(&broken("web-2")).unwrap();
    create(&cluster, "web-3");
    let world = World::watching(cluster).await;
    world.hears(&["list", "web-1", "broken web-2", "web-3", "done"]).await;
    world.cluster.store_verbatim(&broken("web-4")).unwrap();
    create(&world.cluster, "web-5");
    world.hears(&["broken web-4", "web-5"]).await;
    assert_eq!(world.count("list"), 1);
}
