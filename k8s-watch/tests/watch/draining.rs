//! The behaviour that the two annotations ask for.

use std::time::Duration;

use grace_core::{ObjectName, Ownership, Step, Uid};
use k8s_watch::Drained;
use serde_json::json;

use crate::rig::{GRACE, TKEX, rig};

#[tokio::test(start_paused = true)]
async fn a_deleted_pod_is_drained_and_deregistered_when_it_is_gone() {
    let mut rig = rig();
    rig.service("web", 80, &GRACE);
    rig.pod("web-a", "web", json!({}));
    rig.pod("web-b", "web", json!({}));
    let handle = rig.start();
    rig.until("both Pods serve", |rig| rig.serves(80, "web", 2, 10)).await;
    let address = rig.address("web-a");

    let waits = tokio::spawn(async move { handle.drained(&ObjectName::new("default", "web-a")).await });
    rig.delete_pod("web-a");
    rig.until_within(Duration::from_secs(2), "weight 0", |rig| rig.weight(80, address) == Some(0)).await;
    assert!(rig.exists("web-a"), "its containers still run");
    assert_eq!(waits.await.unwrap(), Some(Drained::Confirmed));
    rig.until("deregistered", |rig| rig.weight(80, address).is_none()).await;
    assert!(!rig.exists("web-a"), "not before the Pod was gone");
    assert!(rig.serves(80, "web", 1, 10));

    let started = rig.until_event("DrainStarted Pod/web-a").await;
    assert!(started.contains("1 targets"), "{started}");
    rig.until_event("DrainConfirmed Pod/web-a").await;
    rig.until_event("DrainFinished Pod/web-a").await;
}

#[tokio::test(start_paused = true)]
async fn a_pod_that_is_not_ready_gets_0_and_its_exact_weight_back() {
    let mut rig = rig();
    rig.service("web", 80, &TKEX);
    rig.pod("web-a", "web", json!({"service.cloud.tencent.com/custom-weight": "37"}));
    rig.pod("web-b", "web", json!({}));
    rig.start();
    rig.until("both Pods serve", |rig| rig.targets(80).len() == 2).await;
    let address = rig.address("web-a");
    rig.until("its own weight", |rig| rig.weight(80, address) == Some(37)).await;
    assert!(rig.kubelet.set_ready("default", "web-a", Some(false)));
    rig.until("weight 0", |rig| rig.weight(80, address) == Some(0)).await;
    rig.waits(300).await;
    assert_eq!(rig.weight(80, address), Some(0), "registered as long as it lives");
    assert!(rig.kubelet.set_ready("default", "web-a", Some(true)));
    rig.until("its own weight", |rig| rig.weight(80, address) == Some(37)).await;
    assert_eq!(rig.weight(80, rig.address("web-b")), Some(10));
}

#[tokio::test(start_paused = true)]
async fn a_rollout_of_ten_pods_never_gives_a_dying_pod_traffic() {
    let mut rig = rig();
    rig.service("web", 80, &GRACE);
    rig.deploy("web", 10);
    rig.start();
    rig.until("all Pods serve", |rig| rig.serves(80, "web", 10, 10)).await;
    let before = rig.writes().len();
    rig.roll("web", "web:2");
    rig.until_within(Duration::from_secs(600), "rolled out", |rig| {
        for (pod, address) in rig.pods() {
            let object = rig.cluster.object("pods", "default", &pod).unwrap();
            let over = object["metadata"]["deletionGracePeriodSeconds"] == 0;
            // Registered for as long as it exists, and at 0 at the latest when preStop is over.
            if let (Some(address), Some(_), false) =
                (address, object["metadata"]["deletionTimestamp"].as_str(), over)
            {
                let weight = rig.weight(80, address);
                assert!(weight.is_some(), "{pod} was deregistered while it existed");
            }
        }
        rig.rolled("web", 10) && rig.serves(80, "web", 10, 10)
    })
    .await;
    // Each old target went to 0 before it went away, and none ever got its weight back.
    let mut drained = 0;
    for change in rig.changes() {
        match (change.before, change.after) {
            (Some(0), None) => drained += 1,
            (Some(weight), None) => panic!("{} was deregistered at weight {weight}", change.address),
            (Some(0), Some(weight)) => panic!("{} got weight {weight} back", change.address),
            _ => {}
        }
    }
    assert_eq!(drained, 10);
    let calls = rig.writes().len() - before;
    println!("a rollout of 10 Pods took {calls} writes");
    assert!(calls <= 30, "{calls} writes for 10 Pods: three for each are enough");
}

#[tokio::test(start_paused = true)]
async fn two_services_on_one_clb_roll_at_once_and_do_not_impair_each_other() {
    let mut rig = rig();
    for (name, port) in [("shop", 80), ("bank", 81)] {
        rig.service(name, port, &GRACE);
        rig.deploy(name, 5);
    }
    rig.start();
    rig.until("both serve", |rig| rig.serves(80, "shop", 5, 10) && rig.serves(81, "bank", 5, 10)).await;
    rig.roll("shop", "web:2");
    rig.roll("bank", "web:2");
    rig.until_within(Duration::from_secs(600), "both rolled out", |rig| {
        let done = rig.rolled("shop", 5) && rig.rolled("bank", 5);
        done && rig.serves(80, "shop", 5, 10) && rig.serves(81, "bank", 5, 10)
    })
    .await;
    let away = rig.changes().into_iter().filter(|change| change.after.is_none());
    assert!(
        away.into_iter().all(|change| change.before == Some(0)),
        "none was deregistered before its drain"
    );
    let refused =
        rig.writes().into_iter().filter(|call| call.outcome != clb_client::sim::Outcome::Accepted).count();
    assert_eq!(refused, 0, "one write at a time: none is refused as busy");
}

#[tokio::test(start_paused = true)]
async fn at_rest_nothing_is_written() {
    let mut rig = rig();
    rig.service("web", 80, &GRACE);
    rig.deploy("web", 3);
    rig.start();
    rig.until("all Pods serve", |rig| rig.serves(80, "web", 3, 10)).await;
    rig.waits(10).await;
    let (writes, requests) = (rig.writes().len(), rig.cluster.requests().len());
    rig.waits(3600).await;
    assert_eq!(rig.writes().len(), writes);
    let written: Vec<_> = rig.cluster.requests()[requests.min(rig.cluster.requests().len())..]
        .iter()
        .filter(|request| !matches!(request.verb.as_str(), "get" | "list" | "watch"))
        .map(|request| format!("{} {}", request.verb, request.resource))
        .collect();
    assert_eq!(written, Vec::<String>::new(), "nor to Kubernetes");
}

#[tokio::test(start_paused = true)]
async fn a_dry_run_plans_and_writes_nothing() {
    let mut rig = rig();
    rig.service("web", 80, &GRACE);
    rig.pod("web-a", "web", json!({}));
    let builder = rig.builder().dry_run(true);
    let handle = rig.start_with(builder);
    let plans = handle.plans();
    rig.until("a plan", |_| !plans.borrow().is_empty()).await;
    let plan = plans.borrow().clone();
    assert_eq!(plan.len(), 1, "{plan:?}");
    assert_eq!(plan[0].target.address.to_string(), rig.address("web-a").to_string());
    assert!(matches!(plan[0].step, Step::Register(weight) if weight.get() == 10), "{plan:?}");
    rig.waits(120).await;
    assert_eq!(rig.writes(), []);
    assert!(rig.cluster.objects("configmaps", "kube-system").is_empty());
    assert!(handle.status().borrow().is_ready());
}

#[tokio::test(start_paused = true)]
async fn without_a_ledger_no_config_map_is_touched() {
    for ownership in [Ownership::Exclusive, Ownership::WeightsOnly] {
        let mut rig = rig();
        rig.service("web", 80, &GRACE);
        rig.pod("web-a", "web", json!({}));
        rig.until("it has an address", |rig| rig.pods()["web-a"].is_some()).await;
        let address = rig.address("web-a");
        if ownership == Ownership::WeightsOnly {
            rig.clb.with(|account| assert!(account.plant(&rig.pool(80), address, 10)));
        }
        rig.start_with(rig.builder().ownership(ownership));
        rig.until("the Pod serves", |rig| rig.serves(80, "web", 1, 10)).await;
        rig.waits(5).await;
        rig.delete_pod("web-a");
        rig.until_within(Duration::from_secs(2), "weight 0", |rig| rig.weight(80, address) == Some(0)).await;
        rig.until("gone", |rig| !rig.exists("web-a")).await;
        rig.waits(120).await;
        let left = (ownership == Ownership::WeightsOnly).then_some(0);
        assert_eq!(rig.weight(80, address), left, "{ownership:?}");
        let requests = rig.cluster.requests();
        assert!(!requests.iter().any(|request| request.resource == "configmaps"), "{ownership:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_held_pod_is_drained_without_deletion_and_gets_its_weight_back() {
    let mut rig = rig();
    rig.service("web", 80, &GRACE);
    rig.pod("web-a", "web", json!({}));
    let handle = rig.start();
    rig.until("the Pod serves", |rig| rig.serves(80, "web", 1, 10)).await;
    let object = rig.cluster.object("pods", "default", "web-a").unwrap();
    let uid = Uid::of(object["metadata"]["uid"].as_str().unwrap());
    handle.hold(uid, Duration::from_secs(60)).await.unwrap();
    rig.until_within(Duration::from_secs(2), "weight 0", |rig| rig.serves(80, "web", 1, 0)).await;
    handle.unhold(uid).await.unwrap();
    rig.until_within(Duration::from_secs(2), "its weight", |rig| rig.serves(80, "web", 1, 10)).await;
    handle.hold(uid, Duration::from_secs(60)).await.unwrap();
    rig.waits(50).await;
    assert!(rig.serves(80, "web", 1, 0));
    rig.until_within(Duration::from_secs(15), "the hold ends by itself", |rig| rig.serves(80, "web", 1, 10))
        .await;
}

#[tokio::test(start_paused = true)]
async fn weight_0_leaves_exactly_the_linger_after_the_deletion() {
    let mut rig = rig();
    rig.service("web", 80, &GRACE);
    rig.pod("web-a", "web", json!({}));
    rig.start();
    rig.until("the Pod serves", |rig| rig.serves(80, "web", 1, 10)).await;
    rig.waits(5).await;
    let (deleted, before) = (rig.clb.now(), rig.writes().len());
    rig.delete_pod("web-a");
    rig.until("weight 0", |rig| rig.serves(80, "web", 1, 0)).await;
    let sent = rig.writes()[before].at - deleted;
    println!("weight 0 was sent {sent:?} after the deletion, our own share of it is not in virtual time");
    // 30 ms, and what tokio's timer rounds up.
    assert!((Duration::from_millis(30)..=Duration::from_millis(32)).contains(&sent), "{sent:?}");
}
