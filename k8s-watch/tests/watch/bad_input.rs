//! Each bad input has its Event or error with the object and the remedy, and leaves everything else alone.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use clb_client::sim::{Account, Config, Fault, Latency, Listener, LoadBalancer, On, Shape};
use grace_core::Event;
use grace_core::log::Entry;
use k8s_watch::sim::{Answer, Requests};
use serde_json::json;

use crate::rig::{GRACE, LB_1, Rig, TKEX, rig, rig_with};

const DIRECT: &str = "service.cloud.tencent.com/direct-access";
const SWITCH: &str = "service.cloud.tencent.com/enable-grace-shutdown";

/// A rig with a sound Service `good` at port 81 that runs; what is bad comes beside it.
async fn beside_a_good_one() -> Rig {
    let mut rig = rig();
    rig.service("good", 81, &GRACE);
    rig.deploy("good", 2);
    rig.pod("bad-a", "bad", json!({}));
    rig.start();
    rig.until("the good one serves", |rig| rig.serves(81, "good", 2, 10)).await;
    rig
}

/// The good Service rolls out as if nothing had happened.
async fn the_good_one_goes_on(rig: &Rig) {
    rig.roll("good", "web:2");
    rig.until_within(Duration::from_secs(300), "the good one goes on", |rig| {
        rig.rolled("good", 2) && rig.serves(81, "good", 2, 10)
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn o17_an_annotation_that_is_not_exactly_true_or_false_counts_as_off() {
    let rig = beside_a_good_one().await;
    rig.service("bad", 80, &[(DIRECT, "True"), (SWITCH, "true")]);
    let note = rig.until_event("InvalidAnnotation Service/bad").await;
    assert!(note.contains(DIRECT) && note.contains("\"True\"") && note.contains("write exactly"), "{note}");
    the_good_one_goes_on(&rig).await;
    assert!(rig.targets(80).is_empty(), "nothing is written for it");
    rig.annotate("services", "bad", json!({DIRECT: "true"}));
    rig.until("mended", |rig| rig.serves(80, "bad", 1, 10)).await;
}

#[tokio::test(start_paused = true)]
async fn o18_a_switch_without_direct_access_writes_nothing() {
    let rig = beside_a_good_one().await;
    rig.service("bad", 80, &[(SWITCH, "true")]);
    let note = rig.until_event("DirectAccessMissing Service/bad").await;
    assert!(note.contains(SWITCH) && note.contains(&format!("set {DIRECT} to \"true\"")), "{note}");
    the_good_one_goes_on(&rig).await;
    assert!(rig.targets(80).is_empty());
}

#[tokio::test(start_paused = true)]
async fn o17_a_near_miss_of_a_key_is_told() {
    let rig = beside_a_good_one().await;
    let key = "service.cloud.tencent.com/enable-graceful-shutdown";
    rig.service("bad", 80, &[(DIRECT, "true"), (key, "true")]);
    let note = rig.until_event("UnknownAnnotation Service/bad").await;
    assert!(note.contains(key) && note.contains(&format!("{SWITCH} was probably meant")), "{note}");
    the_good_one_goes_on(&rig).await;
}

#[tokio::test(start_paused = true)]
async fn two_different_clbs_the_one_in_use_wins() {
    let rig = beside_a_good_one().await;
    rig.service("bad", 80, &[(DIRECT, "true"), ("service.kubernetes.io/tke-existed-lbid", "lb-2")]);
    let note = rig.until_event("InvalidAnnotation Service/bad").await;
    assert!(note.contains("tke-existed-lbid") && note.contains("lb-2") && note.contains("lb-1"), "{note}");
    rig.until("lb-1 is used", |rig| rig.serves(80, "bad", 1, 10)).await;
}

#[tokio::test(start_paused = true)]
async fn a_clb_that_does_not_exist_is_told_and_found_once_it_does() {
    let rig = beside_a_good_one().await;
    rig.service_of("bad", "bad", 80, json!({DIRECT: "true", LB_1.0: "lb-9"}));
    let note = rig.until_event("LoadBalancerMissing Service/bad").await;
    assert!(
        note.contains("lb-9") && note.contains("port 80 (TCP)") && note.contains("correct the annotation"),
        "{note}"
    );
    the_good_one_goes_on(&rig).await;
    let balancer = LoadBalancer::new("lb-9").with_listener(Listener::tcp("lbl-9", 80));
    rig.clb.with(|account| account.put_load_balancer(balancer));
    let pool = clb_client::sim::PoolId::listener("lb-9", "lbl-9");
    rig.until("found", |rig| {
        rig.clb.with(|account| account.targets(&pool)).is_some_and(|all| all.len() == 1)
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_listener_that_does_not_exist_is_told_and_found_once_it_does() {
    let rig = beside_a_good_one().await;
    rig.service("bad", 8443, &GRACE);
    let note = rig.until_event("ListenerMissing Service/bad").await;
    assert!(
        note.contains("lb-1") && note.contains("TCP:8443") && note.contains("make the listener"),
        "{note}"
    );
    the_good_one_goes_on(&rig).await;
    rig.clb.with(|account| account.put_listener("lb-1", Listener::tcp("lbl-8443", 8443)));
    rig.until("found", |rig| rig.serves(8443, "bad", 1, 10)).await;
}

#[tokio::test(start_paused = true)]
async fn x2_the_clb_of_another_cluster_is_not_written() {
    let mut rig = rig_with(
        Account::new(Config::default().with_task(Latency::millis(800))).with_load_balancer(
            LoadBalancer::new("lb-1")
                .with_tag("tke-clusterId", "cls-x")
                .with_listener(Listener::tcp("lbl-80", 80)),
        ),
    );
    rig.service("bad", 80, &GRACE);
    rig.pod("bad-a", "bad", json!({}));
    rig.start();
    let note = rig.until_event("LoadBalancerRefused Service/bad").await;
    assert!(note.contains("lb-1") && note.contains("cls-x") && note.contains("--load-balancer"), "{note}");
    rig.waits(120).await;
    assert_eq!(rig.writes(), []);
    rig.stop().await.unwrap();
    let builder = rig.builder().cluster_id("cls-x");
    rig.start_with(builder);
    rig.until("with the right id it is", |rig| rig.serves(80, "bad", 1, 10)).await;
}

#[tokio::test(start_paused = true)]
async fn x2_a_clb_that_gets_another_clusters_tag_is_left_as_it_is() {
    let rig = beside_a_good_one().await;
    let tagged = LoadBalancer::new("lb-1").with_tag("tke-clusterId", "cls-x");
    let (pool, before) = (rig.pool(81), rig.targets(81));
    rig.clb.with(|account| {
        account.put_load_balancer(tagged.with_listener(Listener::tcp("lbl-81", 81)));
        before.iter().for_each(|(address, weight)| assert!(account.plant(&pool, *address, *weight)));
    });
    rig.until_event("LoadBalancerRefused Service/good").await;
    let writes = rig.writes().len();
    let name = rig.pods().into_keys().find(|name| name.starts_with("good")).unwrap();
    rig.delete_pod(&name);
    rig.waits(120).await;
    assert_eq!((rig.targets(81), rig.writes().len()), (before, writes));
}

#[tokio::test(start_paused = true)]
async fn x2_a_clb_that_is_admitted_again_is_revoked_first_and_then_granted_anew() {
    let heard = Arc::new(Mutex::new(Vec::new()));
    let hears = Arc::clone(&heard);
    let mut rig = rig();
    rig.service("web", 80, &GRACE);
    rig.deploy("web", 1);
    let builder = rig.builder().record(move |line| match serde_json::from_str(line).unwrap() {
        Entry::Event { event: Event::Granted(_), .. } => hears.lock().unwrap().push("granted"),
        Entry::Event { event: Event::Revoked(_), .. } => hears.lock().unwrap().push("revoked"),
        Entry::Start { .. } | Entry::Snapshot { .. } | Entry::Event { .. } | Entry::Timeout { .. } => {}
    });
    rig.start_with(builder);
    rig.until("the Pod serves", |rig| rig.serves(80, "web", 1, 10)).await;
    let untagged = LoadBalancer::new("lb-1").with_listener(Listener::tcp("lbl-80", 80));
    let (pool, before) = (rig.pool(80), rig.targets(80));
    for balancer in [untagged.clone().with_tag("tke-clusterId", "cls-x"), untagged] {
        let changes = heard.lock().unwrap().len();
        rig.clb.with(|account| {
            account.put_load_balancer(balancer);
            before.iter().for_each(|(address, weight)| assert!(account.plant(&pool, *address, *weight)));
        });
        rig.until("the controller knows", |_| heard.lock().unwrap().len() > changes).await;
    }
    rig.roll("web", "web:2");
    rig.until("replaced", |rig| rig.serves(80, "web", 1, 10) && rig.targets(80) != before).await;
    assert_eq!(*heard.lock().unwrap(), ["granted", "revoked", "granted"]);
}

#[tokio::test(start_paused = true)]
async fn o30_of_two_services_on_one_listener_the_older_keeps_it() {
    let rig = beside_a_good_one().await;
    rig.waits(2).await;
    rig.service("bad", 81, &GRACE);
    let note = rig.until_event("PoolContested Service/bad").await;
    assert!(note.contains("lbl-81") && note.contains("lb-1") && note.contains("default/good"), "{note}");
    the_good_one_goes_on(&rig).await;
}

#[tokio::test(start_paused = true)]
async fn c23_odd_answers_of_the_api_change_nothing() {
    let rig = beside_a_good_one().await;
    rig.service("bad", 80, &GRACE);
    rig.until("both serve", |rig| rig.serves(80, "bad", 1, 10)).await;
    rig.waits(5).await;
    let writes = rig.writes().len();
    for shape in [
        Shape::NullLists,
        Shape::EmptyLists,
        Shape::StrangeTargets,
        Shape::UnknownFields,
        Shape::NumbersAsStrings,
        Shape::Truncated,
        Shape::BadGateway,
    ] {
        rig.clb.with(|account| account.faults().script(On::Reads, 1, Fault::Odd(shape)));
        rig.waits(75).await;
        assert!(rig.serves(80, "bad", 1, 10), "{shape:?}: {:?}", rig.targets(80));
        assert_eq!(rig.writes().len(), writes, "{shape:?}");
    }
    the_good_one_goes_on(&rig).await;
}

#[tokio::test(start_paused = true)]
async fn w12_an_undecodable_pod_keeps_its_target_and_the_rest_goes_on() {
    let mut rig = beside_a_good_one().await;
    rig.service("bad", 80, &GRACE);
    rig.until("it serves", |rig| rig.serves(80, "bad", 1, 10)).await;
    // In a watch.
    let mut object = rig.cluster.object("pods", "default", "bad-a").unwrap();
    let sound = object.clone();
    object["spec"]["containers"] = json!("none");
    rig.cluster.store_verbatim(&object).unwrap();
    let note = rig.until_event("Undecodable Pod/bad-a").await;
    assert!(note.contains("spec.containers") && note.contains("correct the field"), "{note}");
    // In a list, where what is not restated would count as gone.
    rig.cluster.expire_watches();
    rig.waits(120).await;
    assert_eq!(rig.targets(80).into_values().collect::<Vec<_>>(), [10]);
    the_good_one_goes_on(&rig).await;
    // In the first list of a new process: nothing is known of it, nothing is written for it.
    rig.stop().await.unwrap();
    rig.start();
    rig.waits(120).await;
    assert_eq!(rig.targets(80).into_values().collect::<Vec<_>>(), [10]);
    the_good_one_rolls_again(&rig).await;
    rig.cluster.store_verbatim(&sound).unwrap();
    rig.until("mended", |rig| rig.serves(80, "bad", 1, 10)).await;
}

async fn the_good_one_rolls_again(rig: &Rig) {
    rig.roll("good", "web:3");
    rig.until_within(Duration::from_secs(300), "the good one goes on", |rig| {
        rig.rolled("good", 2) && rig.serves(81, "good", 2, 10)
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn w12_an_undecodable_slice_and_service_keep_what_was_known() {
    let rig = beside_a_good_one().await;
    rig.service("bad", 80, &TKEX);
    rig.until("it serves", |rig| rig.serves(80, "bad", 1, 10)).await;
    let mut service = rig.cluster.object("services", "default", "bad").unwrap();
    service["metadata"]["annotations"][DIRECT] = json!(true);
    rig.cluster.store_verbatim(&service).unwrap();
    let note = rig.until_event("Undecodable Service/bad").await;
    assert!(note.contains(&format!("metadata.annotations[{DIRECT}]")), "{note}");
    let slices = rig.cluster.objects("endpointslices", "default");
    let name = |slice: &serde_json::Value| slice["metadata"]["name"].as_str().unwrap().to_owned();
    let mut slice = slices.into_iter().find(|slice| name(slice).starts_with("bad")).unwrap();
    slice["endpoints"] = json!({});
    rig.cluster.store_verbatim(&slice).unwrap();
    let note = rig.until_event(&format!("Undecodable EndpointSlice/{}", name(&slice))).await;
    assert!(note.contains("endpoints"), "{note}");
    rig.cluster.expire_watches();
    rig.waits(30).await;
    assert_eq!(rig.weight(80, rig.address("bad-a")), Some(10));
    the_good_one_goes_on(&rig).await;
}

#[tokio::test(start_paused = true)]
async fn w10_a_refused_config_map_stops_registrations_not_drains() {
    let rig = beside_a_good_one().await;
    let refused = rig.cluster.inject(Requests::of("configmaps").writes(), Answer::Forbidden);
    rig.service("bad", 80, &GRACE);
    let note = rig.until_event("ClaimsRefused Service/bad").await;
    assert!(
        note.contains("kube-system/grace-claims-lb-1") && note.contains("allow get, create and patch"),
        "{note}"
    );
    let name = rig.pods().into_keys().find(|name| name.starts_with("good")).unwrap();
    let address = rig.address(&name);
    rig.delete_pod(&name);
    rig.until_within(Duration::from_secs(3), "drained", |rig| rig.weight(81, address) == Some(0)).await;
    assert!(rig.targets(80).is_empty(), "nothing is registered without a claim");
    rig.cluster.lift(refused);
    rig.until("granted", |rig| rig.serves(80, "bad", 1, 10) && rig.serves(81, "good", 2, 10)).await;
}

#[tokio::test(start_paused = true)]
async fn a_full_config_map_stops_registrations_not_drains() {
    let rig = beside_a_good_one().await;
    let filler = json!({"data": {"lbl-filler": "x".repeat(1_048_480)}});
    rig.cluster.patch("configmaps", "kube-system", "grace-claims-lb-1", &filler).unwrap();
    rig.service("bad", 80, &GRACE);
    for n in 0..8 {
        rig.pod(&format!("bad-more-{n}"), "bad", json!({}));
    }
    let note = rig.until_event("ClaimsFull Service/bad").await;
    assert!(note.contains("kube-system/grace-claims-lb-1") && note.contains("spread the targets"), "{note}");
    let name = rig.pods().into_keys().find(|name| name.starts_with("good")).unwrap();
    let address = rig.address(&name);
    rig.delete_pod(&name);
    rig.until_within(Duration::from_secs(3), "drained", |rig| rig.weight(81, address) == Some(0)).await;
    rig.cluster
        .patch("configmaps", "kube-system", "grace-claims-lb-1", &json!({"data": {"lbl-filler": null}}))
        .unwrap();
    rig.until("room again", |rig| rig.serves(80, "bad", 9, 10) && rig.serves(81, "good", 2, 10)).await;
}

#[tokio::test(start_paused = true)]
async fn a_config_map_that_others_change_or_delete_is_taken_over() {
    let rig = beside_a_good_one().await;
    let name = "grace-claims-lb-1";
    rig.cluster
        .patch("configmaps", "kube-system", name, &json!({"metadata": {"labels": {"touched": "yes"}}}))
        .unwrap();
    the_good_one_goes_on(&rig).await;
    rig.cluster.delete("configmaps", "kube-system", name, None).unwrap();
    the_good_one_rolls_again(&rig).await;
    rig.until("claimed again", |rig| rig.cluster.object("configmaps", "kube-system", name).is_some()).await;
}

#[tokio::test(start_paused = true)]
async fn o23_a_weight_that_is_none_counts_as_absent() {
    let rig = beside_a_good_one().await;
    rig.service("bad", 80, &GRACE);
    rig.annotate("pods", "bad-a", json!({"service.cloud.tencent.com/custom-weight": "101"}));
    let note = rig.until_event("InvalidAnnotation Pod/bad-a").await;
    assert!(
        note.contains("custom-weight") && note.contains("\"101\"") && note.contains("from 0 to 100"),
        "{note}"
    );
    rig.until("the weight of the Service", |rig| rig.serves(80, "bad", 1, 10)).await;
    rig.annotate("pods", "bad-a", json!({"service.cloud.tencent.com/custom-weight": "100"}));
    rig.until("its own weight", |rig| rig.serves(80, "bad", 1, 100)).await;
}

#[tokio::test(start_paused = true)]
async fn c7_a_poisoned_target_is_told_and_the_others_go_on() {
    let rig = beside_a_good_one().await;
    rig.service("bad", 80, &GRACE);
    rig.until("it serves", |rig| rig.serves(80, "bad", 1, 10)).await;
    let address = rig.address("bad-a");
    rig.clb.with(|account| account.faults().poison(address, clb_client::sim::Culprit::Named));
    rig.delete_pod("bad-a");
    let name = rig.pods().into_keys().find(|name| name.starts_with("good")).unwrap();
    let good = rig.address(&name);
    rig.delete_pod(&name);
    rig.until_within(Duration::from_secs(5), "the good one drains", |rig| rig.weight(81, good) == Some(0))
        .await;
    let note = rig.until_event("TargetRefused Pod/bad-a").await;
    assert!(note.contains(&address.to_string()) && note.contains("request id"), "{note}");
    assert!(rig.events().contains_key("TargetRefused Service/bad"));
}

#[tokio::test(start_paused = true)]
async fn w13_nothing_is_written_while_a_source_was_never_listed() {
    let mut rig = rig();
    let fault = rig.cluster.inject(Requests::of("endpointslices").verb("list"), Answer::Forbidden);
    rig.service("web", 80, &GRACE);
    rig.pod("web-a", "web", json!({}));
    let handle = rig.start();
    rig.waits(60).await;
    assert_eq!(rig.writes(), []);
    assert!(!handle.status().borrow().is_ready());
    rig.cluster.lift(fault);
    rig.until("then it goes on", |rig| rig.serves(80, "web", 1, 10)).await;
    rig.until("ready", |rig| rig.handle().status().borrow().is_ready()).await;
}

#[tokio::test(start_paused = true)]
async fn events_are_counted_in_a_series() {
    let rig = beside_a_good_one().await;
    rig.waits(60).await;
    let posts = |rig: &Rig| {
        rig.cluster.requests().iter().filter(|r| r.resource == "events" && r.verb == "create").count()
    };
    let before = posts(&rig);
    rig.service("bad", 80, &[(DIRECT, "yes")]);
    // Mended and broken again, the same finding comes anew.
    for _ in 0..5 {
        rig.until_event("InvalidAnnotation Service/bad").await;
        rig.annotate("services", "bad", json!({DIRECT: "true"}));
        rig.waits(1).await;
        rig.annotate("services", "bad", json!({DIRECT: "yes"}));
        rig.waits(1).await;
    }
    rig.waits(60).await;
    let events = rig.cluster.objects("events", "default");
    let counted: Vec<_> = events.iter().filter(|e| e["reason"] == "InvalidAnnotation").collect();
    assert_eq!(counted.len(), 1);
    assert_eq!(counted[0]["series"]["count"], 6, "{:#}", counted[0]);
    assert_eq!(posts(&rig) - before, 1);
}
