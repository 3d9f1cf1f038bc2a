//! The process itself: its end, its panics, and more input than it can take at once.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures::future::BoxFuture;
use grace_core::log::Entry;
use grace_core::{Batch, Command, Event, Failure, LaneId, Machine, Pool, Success};
use k8s_watch::bind::{Binding, BindingQuestion, BindingRules};
use k8s_watch::execute::Attempt;
use k8s_watch::sim::{Answer, Requests};
use k8s_watch::{Clb, Controller, Error, LoadBalancer, ResolveBindings};
use serde_json::json;

use crate::rig::{GRACE, Rig, rig};

#[tokio::test(start_paused = true)]
async fn p11_sigterm_ends_it_at_once_and_without_another_write() {
    let mut rig = rig();
    rig.service("web", 80, &GRACE);
    rig.pod("web-a", "web", json!({}));
    rig.start();
    rig.until("the Pod serves", |rig| rig.serves(80, "web", 1, 10)).await;
    let writes = rig.writes().len();
    rig.stop().await.unwrap();
    rig.delete_pod("web-a");
    rig.waits(60).await;
    assert_eq!(rig.writes().len(), writes);
}

#[tokio::test(start_paused = true)]
async fn a_recorded_log_repeats_every_call_at_its_moment() {
    let log = Arc::new(Mutex::new(Vec::new()));
    let lines = Arc::clone(&log);
    let mut rig = rig();
    rig.service("web", 80, &GRACE);
    rig.pod("web-a", "web", json!({}));
    let builder = rig.builder().resync(Duration::from_secs(7));
    rig.start_with(builder.record(move |line| lines.lock().unwrap().push(line.to_owned())));
    rig.until("the Pod serves", |rig| rig.serves(80, "web", 1, 10)).await;
    rig.delete_pod("web-a");
    rig.until("its target is gone", |rig| rig.targets(80).is_empty()).await;
    rig.waits(10).await;
    rig.stop().await.unwrap();

    let entries: Vec<Entry> =
        log.lock().unwrap().iter().map(|line| serde_json::from_str(line).unwrap()).collect();
    let Entry::Start { config, .. } = &entries[0] else { panic!("{:?}", entries[0]) };
    let mut machine = Machine::new(config.clone());
    let (mut left, mut kinds) = (BTreeSet::new(), Vec::new());
    for entry in &entries {
        if let Entry::Event { event: Event::Answer { id, .. }, .. } = entry {
            assert!(left.contains(id), "{id} was carried out before it leaves here");
        }
        entry.apply(&mut machine);
        while let Some(action) = machine.poll_action() {
            left.insert(action.id);
            if let Command::Write { batch, .. } = action.command {
                kinds.push(match batch {
                    Batch::Weights(_) => "weights",
                    Batch::Register(_) => "register",
                    Batch::Deregister(_) => "deregister",
                });
            }
        }
    }
    assert_eq!(kinds, ["register", "weights", "deregister"]);
    assert_eq!(kinds.len(), rig.writes().len(), "{:#?}", rig.writes());
}

#[tokio::test(start_paused = true)]
async fn the_life_of_a_watch_and_the_pace_of_counts_are_as_said() {
    let mut rig = rig();
    rig.service("web", 80, &GRACE);
    rig.pod("web-a", "web", json!({}));
    let builder = rig.builder().resync(Duration::from_secs(1));
    rig.start_with(builder.watch_limit(Duration::from_secs(3)).event_counts(Duration::from_secs(4)));
    rig.until("the Pod serves", |rig| rig.serves(80, "web", 1, 10)).await;
    let address = rig.address("web-a");
    // Said twice, so an Event and its count.
    for _ in 0..2 {
        rig.waits(5).await;
        rig.clb.with(|account| assert!(account.plant(&rig.pool(80), address, 77)));
        rig.until("repaired", |rig| rig.weight(80, address) == Some(10)).await;
    }
    let count = |rig: &Rig| {
        rig.cluster.requests().iter().any(|request| request.resource == "events" && request.verb == "patch")
    };
    rig.until_within(Duration::from_secs(6), "the count is written", count).await;
    let opened = || {
        let requests = rig.cluster.requests();
        requests.iter().filter(|request| request.resource == "pods" && request.verb == "watch").count()
    };
    let before = opened();
    rig.waits(60).await;
    assert!((18..=22).contains(&(opened() - before)), "{} watches in a minute", opened() - before);
}

/// A CLB whose part panics.
struct Panics {
    clb: Clb,
    while_binding: bool,
}

impl LoadBalancer for Panics {
    fn write<'a>(
        &'a self,
        _: &'a LaneId,
        _: &'a Batch,
        _: Attempt,
    ) -> BoxFuture<'a, Result<Success, Failure>> {
        panic!("a fault of the executor")
    }

    fn read<'a>(
        &'a self,
        lane: &'a LaneId,
        pools: &'a [Pool],
        health: bool,
        attempt: Attempt,
    ) -> BoxFuture<'a, Result<Success, Failure>> {
        LoadBalancer::read(&self.clb, lane, pools, health, attempt)
    }
}

impl ResolveBindings for Panics {
    fn resolve<'a>(
        &'a self,
        asked: &'a [BindingQuestion],
        rules: &'a BindingRules,
    ) -> BoxFuture<'a, Vec<Binding>> {
        assert!(!self.while_binding, "a fault of the bindings");
        self.clb.resolve(asked, rules)
    }
}

#[tokio::test(start_paused = true)]
async fn p10_a_panic_ends_it_with_an_error() {
    for while_binding in [false, true] {
        let rig = rig();
        rig.service("web", 80, &GRACE);
        rig.pod("web-a", "web", json!({}));
        let clb = Clb::new(rig.clb.client("ap-guangzhou".parse().unwrap()));
        let controller = Controller::builder(rig.cluster.client(), Panics { clb, while_binding }).build();
        let ended =
            tokio::time::timeout(Duration::from_secs(60), controller.run(std::future::pending())).await;
        let error = ended.expect("it ends").unwrap_err();
        assert!(matches!(error, Error::Panicked { .. }), "{error:?}");
        assert!(error.to_string().contains("start the process again"), "{error}");
    }
}

fn pods(rig: &Rig, count: usize) {
    for n in 0..count {
        // No node runs them: they have no address and no target.
        let pod = json!({
            "apiVersion": "v1", "kind": "Pod", "metadata": {"name": format!("other-{n}"), "namespace": "crowd"},
            "spec": {"schedulerName": "nobody", "containers": [{"name": "c", "image": "c"}]},
        });
        rig.cluster.create(&pod).unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn g1_p13_a_crowd_of_pods_is_listed_once_and_nothing_of_it_is_dropped() {
    let mut rig = rig();
    rig.cluster.add_namespace("crowd");
    // More than all queues together hold.
    pods(&rig, 3_000);
    rig.service("web", 80, &GRACE);
    rig.deploy("web", 5);
    rig.start();
    rig.until("all Pods serve", |rig| rig.serves(80, "web", 5, 10)).await;
    let lists = rig.cluster.requests().iter().filter(|r| r.resource == "pods" && r.verb == "list").count();
    assert!(lists <= 7, "{lists} pages of 500 for 3,005 Pods");
    assert!(rig.writes().len() <= 5, "{} writes", rig.writes().len());
    // Everything changes at once, the served ones last.
    for n in 0..3_000 {
        rig.cluster.delete("pods", "crowd", &format!("other-{n}"), Some(0)).unwrap();
    }
    let victim = rig.pods().into_keys().find(|name| name.starts_with("web")).unwrap();
    let address = rig.address(&victim);
    rig.delete_pod(&victim);
    rig.until("weight 0", |rig| rig.weight(80, address) == Some(0)).await;
    rig.until("replaced", |rig| rig.serves(80, "web", 5, 10)).await;
}

#[tokio::test(start_paused = true)]
async fn people_who_cannot_be_told_hold_nothing_up() {
    let mut rig = rig();
    rig.cluster.inject(Requests::of("events").writes(), Answer::Silence);
    rig.service("web", 80, &GRACE);
    rig.deploy("web", 5);
    rig.start();
    rig.until("all Pods serve", |rig| rig.serves(80, "web", 5, 10)).await;
    for round in 0..3 {
        rig.waits(30).await;
        let victim = rig.pods().into_keys().find(|name| name.starts_with("web")).unwrap();
        let address = rig.address(&victim);
        rig.delete_pod(&victim);
        let at_zero = |rig: &Rig| rig.weight(80, address) == Some(0);
        rig.until_within(Duration::from_secs(2), &format!("round {round}: weight 0"), at_zero).await;
    }
    assert!(rig.events().is_empty());
}

#[tokio::test(start_paused = true)]
async fn only_the_named_namespaces_are_watched() {
    let mut rig = rig();
    rig.cluster.add_namespace("other");
    rig.service("web", 80, &GRACE);
    rig.pod("web-a", "web", json!({}));
    let annotations: std::collections::BTreeMap<_, _> = GRACE.into_iter().chain([crate::rig::LB_1]).collect();
    let elsewhere = json!({
        "apiVersion": "v1", "kind": "Service",
        "metadata": {"name": "web", "namespace": "other", "annotations": annotations},
        "spec": {"selector": {"app": "web"}, "ports": [{"port": 81, "targetPort": 8080}]},
    });
    rig.cluster.create(&elsewhere).unwrap();
    let pod = json!({
        "apiVersion": "v1", "kind": "Pod", "metadata": {"name": "web-x", "namespace": "other", "labels": {"app": "web"}},
        "spec": {"containers": [{"name": "web", "image": "web"}]},
    });
    rig.cluster.create(&pod).unwrap();
    let builder = rig.builder().namespace("default");
    rig.start_with(builder);
    rig.until("the named one serves", |rig| rig.serves(80, "web", 1, 10)).await;
    rig.waits(60).await;
    assert!(rig.targets(81).is_empty());
    let abroad = rig.cluster.requests().into_iter().filter(|request| {
        matches!(request.resource.as_str(), "pods" | "services" | "endpointslices")
            && request.namespace != "default"
    });
    assert_eq!(abroad.collect::<Vec<_>>(), [], "a Role in the namespace is enough");
}
