//! Rules of single kinds: names, Leases, ConfigMaps, Events, Namespaces.

use std::collections::BTreeMap;

use k8s_openapi::api::{
    coordination::v1::Lease,
    core::v1::{ConfigMap, ObjectReference, Service},
    events::v1::Event,
};
use kube::{
    Api, ResourceExt,
    api::{DeleteParams, ListParams, Patch, PatchParams, PostParams},
    runtime::events::{EventType, Recorder, Reporter},
};
use serde_json::{Value, json};

use crate::harness::{grace, refusal, shop};

#[tokio::test(start_paused = true)]
async fn a_generated_name_gets_a_suffix() {
    let shop = shop();
    let pod =
        shop.create(json!({"metadata": {"generateName": "web-"}, "spec": {"containers": [{"name": "web", "image": "web"}]}})).await.unwrap();
    assert_eq!(pod.name_any().len(), "web-".len() + 5);
    assert_eq!(pod.metadata.generation, Some(1));
    assert_eq!(pod.spec.unwrap().termination_grace_period_seconds, Some(30));
    assert_eq!(pod.status.unwrap().phase.as_deref(), Some("Pending"));
}

#[tokio::test(start_paused = true)]
async fn a_taken_name_is_refused() {
    let shop = shop();
    let web = json!({"metadata": {"name": "web-1"}, "spec": {"nodeName": "n1", "containers": [{"name": "web", "image": "web"}]}});
    shop.create(web.clone()).await.unwrap();
    assert_eq!(refusal(shop.create(web.clone()).await), (409, "AlreadyExists".into()));
    shop.delete("web-1", &grace(30)).await.unwrap();
    let Err(kube::Error::Api(status)) = shop.create(web).await else { panic!("not refused") };
    assert!(status.message.starts_with("object is being deleted"), "{}", status.message);
}

#[tokio::test(start_paused = true)]
async fn a_bad_name_or_a_missing_namespace_is_refused() {
    let shop = shop();
    let bad =
        json!({"metadata": {"name": "Web_1"}, "spec": {"containers": [{"name": "web", "image": "web"}]}});
    assert_eq!(refusal(shop.create(bad).await), (422, "Invalid".into()));
    let elsewhere: Api<ConfigMap> = Api::namespaced(shop.cluster.client(), "nowhere");
    let map = ConfigMap { metadata: named("m"), ..ConfigMap::default() };
    assert_eq!(refusal(elsewhere.create(&PostParams::default(), &map).await), (404, "NotFound".into()));
}

#[tokio::test(start_paused = true)]
async fn a_config_map_holds_a_mebibyte() {
    let shop = shop();
    let maps: Api<ConfigMap> = Api::default_namespaced(shop.cluster.client());
    let with = |bytes: usize| ConfigMap {
        metadata: named("grace-claims-lb-1"),
        data: Some(BTreeMap::from([("lbl-1".to_owned(), "x".repeat(bytes))])),
        ..ConfigMap::default()
    };
    let refused = maps.create(&PostParams::default(), &with(1_048_577)).await;
    assert_eq!(refusal(refused), (422, "Invalid".into()));
    maps.create(&PostParams::default(), &with(1_048_576)).await.unwrap();
    let key = json!({"data": {"10.0.0.1:80": "x"}});
    let refused = maps.patch("grace-claims-lb-1", &PatchParams::default(), &Patch::Merge(key)).await;
    assert_eq!(refusal(refused), (422, "Invalid".into()));
    let missing = ConfigMap { metadata: named("missing"), ..with(1) };
    let refused = maps.replace("missing", &PostParams::default(), &missing).await;
    assert_eq!(refusal(refused), (404, "NotFound".into()));
}

#[tokio::test(start_paused = true)]
async fn a_merge_patch_drops_a_key_of_a_config_map() {
    let shop = shop();
    let map = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "m"}, "data": {"a": "1", "b": "2"}});
    shop.cluster.create(&map).unwrap();
    let maps: Api<ConfigMap> = Api::default_namespaced(shop.cluster.client());
    let patch = Patch::Merge(json!({"data": {"a": null, "c": "3"}}));
    let map = maps.patch("m", &PatchParams::default(), &patch).await.unwrap();
    assert_eq!(map.data.unwrap().into_keys().collect::<Vec<_>>(), ["b", "c"]);
}

#[tokio::test(start_paused = true)]
async fn leases_compare_and_swap() {
    let shop = shop();
    let leases: Api<Lease> = Api::default_namespaced(shop.cluster.client());
    let lease = |spec: Value| -> Lease {
        serde_json::from_value(json!({"metadata": {"name": "grace"}, "spec": spec})).unwrap()
    };
    // A PUT creates a missing Lease.
    let created = leases.replace("grace", &PostParams::default(), &lease(json!({}))).await.unwrap();
    let without_version = leases.replace("grace", &PostParams::default(), &lease(json!({}))).await;
    assert_eq!(refusal(without_version), (422, "Invalid".into()));
    let mut next = lease(json!({"holderIdentity": "a", "renewTime": "2026-11-24T20:00:00.000000Z"}));
    next.metadata.resource_version = created.metadata.resource_version;
    leases.replace("grace", &PostParams::default(), &next).await.unwrap();
    let again = leases.replace("grace", &PostParams::default(), &next).await;
    assert_eq!(refusal(again), (409, "Conflict".into()));
    let imprecise = json!({"spec": {"renewTime": "2026-11-24T20:00:00Z"}});
    let refused = leases.patch("grace", &PatchParams::default(), &Patch::Merge(imprecise)).await;
    assert_eq!(refusal(refused), (422, "Invalid".into()));
    let zero = json!({"spec": {"leaseDurationSeconds": 0}});
    let refused = leases.patch("grace", &PatchParams::default(), &Patch::Merge(zero)).await;
    assert_eq!(refusal(refused), (422, "Invalid".into()));
}

#[tokio::test(start_paused = true)]
async fn a_recorder_counts_repeated_events_in_a_series() {
    let shop = shop();
    let recorder = Recorder::new(
        shop.cluster.client(),
        Reporter { controller: "grace".into(), instance: Some("grace-1".into()) },
    );
    let about = ObjectReference {
        api_version: Some("v1".into()),
        kind: Some("Pod".into()),
        namespace: Some("default".into()),
        name: Some("web-1".into()),
        ..ObjectReference::default()
    };
    let event = kube::runtime::events::Event {
        type_: EventType::Normal,
        reason: "DrainStarted".into(),
        note: Some("2 targets".into()),
        action: "Drain".into(),
        secondary: None,
    };
    for _ in 0..3 {
        recorder.publish(&event, &about).await.unwrap();
    }
    let events: Api<Event> = Api::default_namespaced(shop.cluster.client());
    let seen = events.list(&ListParams::default()).await.unwrap().items;
    assert_eq!(seen.len(), 1);
    assert_eq!(seen[0].series.as_ref().unwrap().count, 3);
    let core: Api<k8s_openapi::api::core::v1::Event> = Api::default_namespaced(shop.cluster.client());
    let seen = core.list(&ListParams::default()).await.unwrap().items;
    assert_eq!(seen[0].message.as_deref(), Some("2 targets"));
    assert_eq!(seen[0].involved_object.name.as_deref(), Some("web-1"));
}

#[tokio::test(start_paused = true)]
async fn a_service_gets_an_address_and_ports() {
    let shop = shop();
    let services: Api<Service> = Api::default_namespaced(shop.cluster.client());
    let web = json!({"metadata": {"name": "web"}, "spec": {"type": "LoadBalancer", "ports": [{"port": 80}]}});
    let web = services.create(&PostParams::default(), &serde_json::from_value(web).unwrap()).await.unwrap();
    let spec = web.spec.unwrap();
    assert!(spec.cluster_ip.unwrap().starts_with("10.96."));
    let port = &spec.ports.unwrap()[0];
    assert_eq!(port.protocol.as_deref(), Some("TCP"));
    assert!(port.node_port.is_some());
}

fn named(name: &str) -> k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta {
    k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta {
        name: Some(name.into()),
        ..Default::default()
    }
}

#[tokio::test(start_paused = true)]
async fn only_the_series_of_an_event_goes_on() {
    let shop = shop();
    let event = json!({"apiVersion": "events.k8s.io/v1", "kind": "Event", "metadata": {"name": "e"},
        "eventTime": "2026-11-24T20:00:00.000000Z", "reason": "R", "action": "A", "type": "Normal",
        "reportingController": "c", "reportingInstance": "i", "regarding": {"kind": "Pod", "namespace": "default", "name": "web-1"}});
    for (field, code) in [("eventTime", 422), ("action", 422), ("regarding", 201)] {
        let mut lacking = event.clone();
        lacking["metadata"]["name"] = field.to_lowercase().into();
        lacking.as_object_mut().unwrap().remove(field);
        assert_eq!(shop.cluster.create(&lacking).map_or_else(|r| r.code(), |_| 201), code, "without {field}");
    }
    shop.cluster.create(&event).unwrap();
    let patch =
        |patch| shop.cluster.patch("events", "default", "e", &patch).map_or_else(|r| r.code(), |_| 200);
    assert_eq!(patch(json!({"reason": "S"})), 422);
    assert_eq!(
        patch(json!({"series": {"count": 2, "lastObservedTime": "2026-11-24T20:00:01.000000Z"}})),
        200
    );
    let elsewhere = json!({"apiVersion": "v1", "kind": "Event", "metadata": {"name": "f"}, "involvedObject": {"namespace": "other"}});
    assert_eq!(shop.cluster.create(&elsewhere).unwrap_err().code(), 422);
}

#[tokio::test(start_paused = true)]
async fn a_namespace_that_ends_takes_nothing_more() {
    let shop = shop();
    shop.cluster.add_namespace("gone");
    shop.cluster.delete("namespaces", "", "gone", None).unwrap();
    let namespace = shop.cluster.object("namespaces", "", "gone").unwrap();
    assert_eq!(namespace["status"]["phase"], "Terminating");
    let map =
        json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "m", "namespace": "gone"}});
    assert_eq!(shop.cluster.create(&map).unwrap_err().code(), 403);
}

#[tokio::test(start_paused = true)]
async fn a_collection_is_deleted_pod_by_pod() {
    let shop = shop();
    shop.ready_pod("web-1", "10.0.0.1");
    shop.pod("web-2", &json!({"spec": {"nodeName": ""}}));
    let deleted =
        shop.pods.delete_collection(&DeleteParams::default(), &ListParams::default()).await.unwrap();
    assert_eq!(deleted.left().unwrap().items.len(), 2);
    let left = shop.pods.list(&ListParams::default()).await.unwrap().items;
    assert_eq!(left.iter().map(ResourceExt::name_any).collect::<Vec<_>>(), ["web-1"]);
}
