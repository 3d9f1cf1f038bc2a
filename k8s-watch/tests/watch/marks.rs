//! Marks on Pods: a rollout waits for the load balancer, a drained Pod shows that it is.

use std::time::Duration;

use clb_client::sim::Health;
use grace_core::{Failure, Mark, ObjectName, Success, Uid, Why};
use k8s_watch::PodMarks;
use k8s_watch::execute::Attempt;
use k8s_watch::sim::{Answer, Requests};
use serde_json::{Value, json};
use tokio::time::Instant;

use crate::rig::{GRACE, Rig, TKEX, rig};

const GATE: &str = "cloud.tencent.com/load-balancer-backendgroup-ready";

impl Rig {
    /// A Pod that is ready once its gate passes.
    fn gated_pod(&self, name: &str) {
        let metadata = json!({"name": name, "labels": {"app": "web"}});
        let mut spec = crate::rig::pod_spec("web:1");
        spec["readinessGates"] = json!([{"conditionType": GATE}]);
        let pod = json!({"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec});
        self.cluster.create(&pod).unwrap();
    }

    fn condition(&self, pod: &str, kind: &str) -> Option<Value> {
        let pod = self.cluster.object("pods", "default", pod)?;
        pod["status"]["conditions"].as_array()?.iter().find(|at| at["type"] == kind).cloned()
    }

    /// How often the status of a Pod was written.
    fn marks(&self) -> usize {
        let requests = self.cluster.requests();
        requests.iter().filter(|request| request.resource_path() == "pods/status").count()
    }

    fn is(&self, pod: &str, kind: &str) -> bool {
        self.condition(pod, kind).is_some_and(|at| at["status"] == "True")
    }
}

#[tokio::test(start_paused = true)]
async fn o27_a_gate_passes_when_the_weight_is_in_force_and_no_other_condition_is_lost() {
    for annotations in [GRACE, TKEX] {
        let mut rig = rig();
        rig.service("web", 80, &annotations);
        rig.gated_pod("web-a");
        rig.start_with(rig.builder().mark_ready(true));
        rig.until("it is registered", |rig| rig.targets(80).len() == 1).await;
        rig.until("its gate passes", |rig| rig.is("web-a", GATE)).await;
        rig.until("it is ready", |rig| rig.is("web-a", "Ready")).await;
        assert!(rig.is("web-a", "ContainersReady") && rig.is("web-a", "Initialized"));
        let gate = rig.condition("web-a", GATE).unwrap();
        assert!(gate["lastTransitionTime"].as_str().unwrap().ends_with('Z'), "{gate}");
        rig.waits(300).await;
        assert_eq!(rig.writes().len(), 1, "registered once, no weight is touched: {:?}", rig.writes());
        rig.delete_pod("web-a");
        rig.until("deregistered", |rig| rig.targets(80).is_empty()).await;
        assert_eq!(rig.marks(), 1, "the other mark was not asked for");
    }
}

#[tokio::test(start_paused = true)]
async fn a_gate_waits_for_health() {
    let mut rig = rig();
    rig.service("web", 80, &GRACE);
    rig.gated_pod("web-a");
    rig.until("it has an address", |rig| rig.pods()["web-a"].is_some()).await;
    let address = rig.address("web-a");
    rig.clb.with(|account| account.set_health(address, Health::Dead));
    rig.start_with(rig.builder().mark_ready(true));
    rig.until("it is registered", |rig| rig.weight(80, address) == Some(10)).await;
    rig.waits(60).await;
    assert!(!rig.is("web-a", GATE));
    rig.clb.with(|account| account.set_health(address, Health::Alive));
    rig.until("its gate passes", |rig| rig.is("web-a", GATE)).await;
}

#[tokio::test(start_paused = true)]
async fn x8_without_the_setting_no_pod_is_written() {
    let mut rig = rig();
    rig.service("web", 80, &GRACE);
    rig.gated_pod("web-a");
    rig.pod("web-b", "web", json!({}));
    rig.start();
    rig.until("both are registered", |rig| rig.targets(80).len() == 2).await;
    rig.delete_pod("web-b");
    rig.until("gone", |rig| !rig.exists("web-b")).await;
    rig.waits(120).await;
    assert!(!rig.is("web-a", GATE));
    assert_eq!(rig.marks(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_dry_run_marks_nothing() {
    let mut rig = rig();
    rig.service("web", 80, &GRACE);
    rig.gated_pod("web-a");
    rig.start();
    rig.until("it is registered", |rig| rig.targets(80).len() == 1).await;
    rig.stop().await.unwrap();
    rig.start_with(rig.builder().mark_ready(true).mark_drained(true).dry_run(true));
    rig.waits(120).await;
    assert_eq!(rig.marks(), 0, "though its weight is in force");
}

#[tokio::test(start_paused = true)]
async fn what_a_pod_shows_is_not_shown_again_after_a_restart() {
    let mut rig = rig();
    rig.service("web", 80, &GRACE);
    rig.pod("web-a", "web", json!({}));
    rig.pod("web-b", "web", json!({}));
    rig.start_with(rig.builder().mark_drained(true));
    rig.until("both Pods serve", |rig| rig.serves(80, "web", 2, 10)).await;
    rig.delete_pod("web-a");
    let shown = |rig: &Rig| rig.is("web-a", k8s_watch::marks::DRAINED);
    rig.until_within(Duration::from_secs(3), "it shows it", shown).await;
    rig.kill().await;
    rig.start_with(rig.builder().mark_drained(true));
    rig.until("deregistered", |rig| rig.targets(80).len() == 1).await;
    assert_eq!(rig.marks(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_terminating_pod_shows_that_it_is_drained() {
    let mut rig = rig();
    rig.service("web", 80, &GRACE);
    rig.pod("web-a", "web", json!({}));
    rig.pod("web-b", "web", json!({}));
    rig.gated_pod("web-c");
    rig.start_with(rig.builder().mark_drained(true));
    rig.until("all Pods serve", |rig| rig.serves(80, "web", 3, 10)).await;
    let address = rig.address("web-a");
    rig.delete_pod("web-a");
    let shown = |rig: &Rig| rig.is("web-a", k8s_watch::marks::DRAINED);
    rig.until_within(Duration::from_secs(3), "it shows it", shown).await;
    assert_eq!(rig.weight(80, address), Some(0));
    assert!(rig.condition("web-a", "Ready").is_some(), "the kubelet's conditions are still there");
    rig.until("deregistered", |rig| rig.weight(80, address).is_none()).await;
    assert!(!rig.is("web-c", GATE), "the other mark was not asked for");
}

#[tokio::test(start_paused = true)]
async fn w10_a_missing_permission_is_told_and_holds_up_no_drain() {
    let mut rig = rig();
    let fault =
        rig.cluster.inject(Requests::of("pods/status").verb("patch").named("web-a"), Answer::Forbidden);
    rig.service("web", 80, &GRACE);
    rig.gated_pod("web-a");
    rig.pod("web-b", "web", json!({}));
    rig.start_with(rig.builder().mark_ready(true).mark_drained(true));
    let told = rig.until_event("MarkRefused Pod/web-a").await;
    assert!(told.contains("pods/status"), "{told}");
    let address = rig.address("web-b");
    rig.delete_pod("web-b");
    rig.until_within(Duration::from_secs(2), "weight 0", |rig| rig.weight(80, address) == Some(0)).await;
    rig.cluster.lift(fault);
    rig.until_within(Duration::from_secs(310), "its gate passes", |rig| rig.is("web-a", GATE)).await;
}

#[tokio::test(start_paused = true)]
async fn w4_a_pod_that_was_created_again_under_the_name_is_not_marked() {
    let rig = rig();
    rig.gated_pod("web-a");
    rig.until("it runs", |rig| rig.is("web-a", "ContainersReady")).await;
    let marks = k8s_watch::marks::PodConditions::new(rig.cluster.client());
    let name = ObjectName::new("default", "web-a");
    let attempt = Attempt { deadline: Instant::now() + Duration::from_secs(15), number: 0 };
    let another = Uid::of("0a1b2c3d-0000-4000-8000-000000000001");
    assert_eq!(marks.mark(another, &name, Mark::BackendReady, attempt).await, Ok(Success::Marked));
    let gone = ObjectName::new("default", "web-z");
    assert_eq!(marks.mark(another, &gone, Mark::BackendReady, attempt).await, Ok(Success::Marked));
    assert!(rig.condition("web-a", GATE).is_none(), "it is another Pod");
    let uid = rig.cluster.object("pods", "default", "web-a").unwrap()["metadata"]["uid"].clone();
    let uid = Uid::of(uid.as_str().unwrap());
    assert_eq!(marks.mark(uid, &name, Mark::BackendReady, attempt).await, Ok(Success::Marked));
    assert!(rig.is("web-a", GATE));

    let _fault = rig.cluster.inject(Requests::of("pods/status"), Answer::TooManyRequests { retry_after: 1 });
    let answer = marks.mark(uid, &name, Mark::Drained, attempt).await;
    assert!(matches!(answer, Err(Failure::NotExecuted { why: Why::Throttled, .. })), "{answer:?}");
}
