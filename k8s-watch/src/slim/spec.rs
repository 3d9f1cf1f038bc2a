//! What decoding promises: real objects keep the wanted fields, broken ones keep their name.

use grace_core::{ObjectName, Source, SourceKind};
use serde_json::{Value, json};

use super::{EndpointSlice, Kind, Pod, Service, Slim, Undecodable};

fn decode<K: Kind>(object: &Value) -> Slim<K> {
    serde_json::from_str(&object.to_string()).expect("decoding cannot fail")
}

fn fault<K: Kind>(object: &Value) -> String {
    let slim = decode::<K>(object);
    assert!(slim.sound().is_none(), "a broken object is not used: {object}");
    let Undecodable { field, .. } = slim.undecodable(Source { kind: SourceKind::Pods, namespace: None });
    field
}

#[test]
fn wanted_fields_are_kept_and_all_others_skipped() {
    let pod = decode::<Pod>(&json!({
        "kind": "Pod", "apiVersion": "v1",
        "metadata": {
            "name": "web-1", "namespace": "shop", "uid": "u1", "resourceVersion": "7",
            "managedFields": [{"fieldsV1": {"f:status": {"k:{\"type\":\"Ready\"}": {".": {}}}}}],
            "annotations": {"service.cloud.tencent.com/custom-weight": "20", "example.com/note": "x"},
        },
        "spec": {"containers": [{"name": "a", "env": [{"name": "N", "value": "1"}]}], "volumes": [{"name": "v"}]},
        "status": {"phase": "Running", "podIP": "10.0.0.1", "podIPs": [{"ip": "10.0.0.1"}], "hostIP": 5},
    }));
    let (_, name, body) = pod.sound().unwrap();
    assert_eq!(name, ObjectName::new("shop", "web-1"));
    assert_eq!(pod.resource_version(), Some("7"));
    let annotations = &body.meta.as_ref().unwrap().annotations.as_ref().unwrap().0;
    assert_eq!(
        annotations.keys().map(AsRef::as_ref).collect::<Vec<_>>(),
        ["service.cloud.tencent.com/custom-weight"]
    );
    assert_eq!(body.status.as_ref().unwrap().phase.as_deref(), Some("Running"));
}

#[test]
fn null_stands_for_nothing() {
    let named = json!({"name": "a", "namespace": "n", "uid": "u", "annotations": null, "labels": null});
    for object in [
        json!({"metadata": named, "spec": {"containers": null}, "status": {}}),
        json!({"metadata": named, "spec": null, "status": {"conditions": null, "podIPs": null, "podIP": ""}}),
    ] {
        assert!(decode::<Pod>(&object).sound().is_some(), "{object}");
    }
    let slice = json!({"metadata": named, "addressType": "IPv4", "endpoints": null, "ports": null});
    assert!(decode::<EndpointSlice>(&slice).sound().is_some());
    let slice = json!({"metadata": named, "endpoints": [{"addresses": ["10.0.0.1"], "conditions": null, "targetRef": null}]});
    assert!(decode::<EndpointSlice>(&slice).sound().is_some());
}

#[test]
fn w12_a_wrong_field_is_named_by_its_path() {
    let meta = json!({"name": "a", "namespace": "n", "uid": "u"});
    #[rustfmt::skip]
    let pods = [
        (json!({"metadata": meta, "spec": {"containers": "none"}}), "spec.containers"),
        (json!({"metadata": meta, "spec": {"containers": [{}, {"lifecycle": 3}]}}), "spec.containers[1].lifecycle"),
        (json!({"metadata": meta, "spec": {"terminationGracePeriodSeconds": "30"}}), "spec.terminationGracePeriodSeconds"),
        (json!({"metadata": meta, "spec": {"terminationGracePeriodSeconds": 1.5}}), "spec.terminationGracePeriodSeconds"),
        (json!({"metadata": meta, "status": {"podIP": "10.0.0.256"}}), "status.podIP"),
        (json!({"metadata": meta, "status": {"podIPs": [{"ip": {}}]}}), "status.podIPs[0].ip"),
        (json!({"metadata": meta, "status": {"conditions": [{"type": true}]}}), "status.conditions[0].type"),
        (json!({"metadata": {"name": "a", "namespace": "n", "uid": "u", "deletionTimestamp": "soon"}}), "metadata.deletionTimestamp"),
        (json!({"metadata": {"name": "a", "namespace": "n", "uid": "u", "annotations": {"service.cloud.tencent.com/custom-weight": 5}}}),
            "metadata.annotations[service.cloud.tencent.com/custom-weight]"),
        (json!({"metadata": {"name": "a", "namespace": "n"}}), "metadata.uid"),
        (json!({"metadata": {"uid": "u"}}), "metadata.name"),
        (json!({"metadata": []}), "metadata"),
        (json!("not an object"), "(the object itself)"),
    ];
    for (object, field) in pods {
        assert_eq!(fault::<Pod>(&object), field, "{object}");
    }
    let slice = json!({"metadata": meta, "endpoints": [{"conditions": {"ready": "yes"}}]});
    assert_eq!(fault::<EndpointSlice>(&slice), "endpoints[0].conditions.ready");
    let service = json!({"metadata": meta, "spec": {"ports": [{"port": "http"}]}});
    assert_eq!(fault::<Service>(&service), "spec.ports[0].port");
}

#[test]
fn w12_a_broken_object_keeps_its_name() {
    let object = json!({"spec": {"containers": 1}, "metadata": {"name": "a", "namespace": "n", "uid": "u"}});
    let source = Source { kind: SourceKind::Pods, namespace: None };
    let told = decode::<Pod>(&object).undecodable(source);
    assert_eq!((&*told.namespace, &*told.name), ("n", "a"));
    assert!(told.uid.is_some());
}

#[test]
fn w12_one_broken_object_leaves_its_list_alone() {
    let list = json!({"metadata": {"resourceVersion": "9"}, "items": [
        {"metadata": {"name": "a", "namespace": "n", "uid": "u1"}, "spec": {"containers": 5}},
        {"metadata": {"name": "b", "namespace": "n", "uid": "u2"}},
        null,
    ]});
    let list: kube::api::ObjectList<Slim<Pod>> = serde_json::from_value(list).expect("decoding cannot fail");
    let sound: Vec<bool> = list.items.iter().map(|pod| pod.sound().is_some()).collect();
    assert_eq!(sound, [false, true, false]);
}
