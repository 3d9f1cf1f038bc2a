//! The tables of translation: what each object says, and what is told about it.

use std::net::IpAddr;
use std::time::Duration;

use grace_core::{
    DrainOn, Gate, Life, LoadBalancerId, ObjectName, OrdinalWeight, PodFacts, PreStop, Time, Uid, Weight,
};
use serde_json::{Value, json};

use super::{ListenerProtocol, PolicyDefaults, ServiceFacts, pod_facts, service_facts, slice_facts};
use crate::finding::Finding;
use crate::slim::{EndpointSlice, Kind, Pod, Service, Slim};

fn slim<K: Kind>(object: &Value) -> Slim<K> {
    serde_json::from_str(&object.to_string()).expect("decoding cannot fail")
}

fn pod(spec: &Value, status: &Value, meta: &Value) -> (PodFacts, Vec<Finding>) {
    let mut metadata = json!({"name": "web-3", "namespace": "shop", "uid": "u"});
    metadata.as_object_mut().unwrap().extend(meta.as_object().unwrap().clone());
    let slim = slim::<Pod>(&json!({"metadata": metadata, "spec": spec, "status": status}));
    let (uid, name, body) = slim.sound().expect("a sound Pod");
    pod_facts(uid, name, body)
}

fn service(annotations: &Value, spec: &Value, defaults: &PolicyDefaults) -> (ServiceFacts, Vec<Finding>) {
    let slim = slim::<Service>(&json!({
        "metadata": {"name": "web", "namespace": "shop", "uid": "u", "annotations": annotations}, "spec": spec,
    }));
    let (uid, name, body) = slim.sound().expect("a sound Service");
    service_facts(uid, name, body, defaults)
}

fn one_port(annotations: &Value) -> (ServiceFacts, Vec<Finding>) {
    service(annotations, &json!({"ports": [{"port": 80}]}), &PolicyDefaults::default())
}

fn switches(direct: Option<&str>, grace: Option<&str>, tkex: Option<&str>) -> Value {
    let mut all = json!({});
    for (key, value) in
        [("direct-access", direct), ("enable-grace-shutdown", grace), ("enable-grace-shutdown-tkex", tkex)]
    {
        if let Some(value) = value {
            all[format!("service.cloud.tencent.com/{key}")] = value.into();
        }
    }
    all
}

const T: Time = Time::from_unix_seconds(1_795_000_000); // 2026-11-18T11:06:40Z

#[test]
fn life_is_read_from_phase_deletion_and_grace() {
    let at = "2026-11-18T11:06:40Z";
    let terminating = |grace: u64| Life::Terminating { asked: T - Duration::from_secs(grace), kill: T };
    #[rustfmt::skip]
    let table = [
        (json!({}),                                                             "Running",   Life::Live),
        (json!({}),                                                             "Pending",   Life::Live),
        (json!({}),                                                             "Unknown",   Life::Live),
        (json!({}),                                                             "Succeeded", Life::Over),
        (json!({}),                                                             "Failed",    Life::Over),
        (json!({"deletionTimestamp": at, "deletionGracePeriodSeconds": 30}),    "Running",   terminating(30)),
        (json!({"deletionTimestamp": at, "deletionGracePeriodSeconds": 3600}),  "Pending",   terminating(3600)),
        (json!({"deletionTimestamp": at}),                                      "Running",   terminating(0)),
        (json!({"deletionTimestamp": at, "deletionGracePeriodSeconds": 30}),    "Failed",    Life::Over),
        // The kubelet is done, or the deletion was forced; a finalizer may keep the object.
        (json!({"deletionTimestamp": at, "deletionGracePeriodSeconds": 0}),     "Running",   Life::Over),
    ];
    for (meta, phase, life) in table {
        assert_eq!(pod(&json!({}), &json!({"phase": phase}), &meta).0.life, life, "{meta} {phase}");
    }
}

#[test]
fn x4_addresses_that_are_no_pods_are_left_out() {
    #[rustfmt::skip]
    let table: [(Value, &[&str]); 8] = [
        (json!({"podIP": "10.0.0.1"}),                                                           &["10.0.0.1"]),
        (json!({"podIP": "10.0.0.1", "podIPs": [{"ip": "10.0.0.1"}, {"ip": "fd00::1"}]}),        &["10.0.0.1", "fd00::1"]),
        (json!({"podIPs": [{"ip": "fd00::1"}, {"ip": "10.0.0.1"}, {"ip": "10.0.0.2"}]}),         &["fd00::1", "10.0.0.1"]),
        (json!({"podIP": ""}),                                                                   &[]),
        (json!({"podIP": "169.254.169.254"}),                                                    &[]),
        (json!({"podIP": "127.0.0.1", "podIPs": [{"ip": "::1"}]}),                               &[]),
        (json!({"podIP": "224.0.0.1", "podIPs": [{"ip": "0.0.0.0"}, {"ip": "255.255.255.255"}]}), &[]),
        (json!({"podIPs": [{"ip": "fe80::1"}, {"ip": "ff02::1"}, {"ip": "::ffff:10.0.0.1"}]}),   &[]),
    ];
    for (status, expected) in table {
        let found: Vec<IpAddr> = pod(&json!({}), &status, &json!({})).0.ips.into_iter().flatten().collect();
        let expected: Vec<IpAddr> = expected.iter().map(|ip| ip.parse().unwrap()).collect();
        assert_eq!(found, expected, "{status}");
    }
}

#[test]
fn the_gate_waits_for_nothing_else_only_by_its_own_condition() {
    let ours = "cloud.tencent.com/load-balancer-backendgroup-ready";
    let condition = |kind: &str, status: &str| json!({"type": kind, "status": status});
    let declared = json!({"readinessGates": [{"conditionType": ours}, {"conditionType": "other"}]});
    #[rustfmt::skip]
    let table = [
        (json!({}),        json!([condition("ContainersReady", "True")]),                                               Gate::NotDeclared),
        (declared.clone(), json!([condition(ours, "True"), condition("ContainersReady", "False")]),                     Gate::Passed),
        (declared.clone(), json!([condition("ContainersReady", "True"), condition("other", "True")]),                   Gate::Waiting { only: true }),
        (declared.clone(), json!([condition(ours, "False"), condition("ContainersReady", "True"), condition("other", "True")]), Gate::Waiting { only: true }),
        (declared.clone(), json!([condition("ContainersReady", "True"), condition("other", "False")]),                  Gate::Waiting { only: false }),
        (declared.clone(), json!([condition("ContainersReady", "Unknown"), condition("other", "True")]),                Gate::Waiting { only: false }),
        (declared,         json!(null),                                                                                 Gate::Waiting { only: false }),
    ];
    for (spec, conditions, gate) in table {
        assert_eq!(
            pod(&spec, &json!({"conditions": conditions}), &json!({})).0.gate,
            gate,
            "{spec} {conditions}"
        );
    }
}

#[test]
fn the_shortest_hook_is_the_stop_budget() {
    let hook = |hook: Value| json!({"lifecycle": {"preStop": hook}});
    let sleep = |seconds: u64| hook(json!({"sleep": {"seconds": seconds}}));
    let script = hook(json!({"exec": {"command": ["sleep", "5"]}}));
    #[rustfmt::skip]
    let table = [
        (json!([]),                          PreStop::None),
        (json!([{}]),                        PreStop::None),
        (json!([sleep(15)]),                 PreStop::Sleep(Duration::from_secs(15))),
        (json!([sleep(15), sleep(5)]),       PreStop::Sleep(Duration::from_secs(5))),
        (json!([sleep(15), {}]),             PreStop::None),
        (json!([sleep(15), script.clone()]), PreStop::Unknown),
        (json!([script, {}]),                PreStop::None),
        (json!([hook(json!({"httpGet": {"path": "/drain"}}))]), PreStop::Unknown),
    ];
    for (containers, expected) in table {
        let facts = pod(&json!({"containers": containers}), &json!({}), &json!({})).0;
        assert_eq!(facts.stop.pre_stop, expected, "{containers}");
        assert_eq!(facts.stop.grace, Duration::from_secs(30));
    }
}

#[test]
fn a_stateful_pod_has_its_ordinal() {
    let owned = |kind: &str, name: &str| json!({"ownerReferences": [{"kind": kind, "name": name}]});
    #[rustfmt::skip]
    let table = [
        (owned("StatefulSet", "web"),   Some(("web".into(), 3))),
        (owned("StatefulSet", "we"),    None),
        (owned("ReplicaSet", "web"),    None),
        (json!({}),                     None),
    ];
    for (meta, ordinal) in table {
        assert_eq!(pod(&json!({}), &json!({}), &meta).0.ordinal, ordinal, "{meta}");
    }
}

#[test]
fn o23_a_weight_is_a_whole_number_from_0_to_100_or_absent_and_told() {
    let long = "9".repeat(10_000);
    #[rustfmt::skip]
    let table = [
        ("0", Some(0)), ("100", Some(100)), ("7", Some(7)),
        ("101", None), ("-1", None), ("1.5", None), ("abc", None), ("", None), (" 5", None), ("+5", None), (long.as_str(), None),
    ];
    for (text, weight) in table {
        let meta = json!({"annotations": {"service.cloud.tencent.com/custom-weight": text}});
        let (facts, findings) = pod(&json!({}), &json!({}), &meta);
        assert_eq!(facts.weight_service.map(Weight::get), weight, "{text:?}");
        assert_eq!(facts.weight_ingress, None);
        assert_eq!(findings.len(), usize::from(weight.is_none()), "{findings:?}");
        assert!(findings.iter().all(|finding| finding.to_string().len() < 400), "told shortly");
    }
}

#[test]
fn o17_a_switch_is_exactly_true_or_false_else_off_and_told() {
    use DrainOn::{Nothing, Termination, TerminationAndUnready};
    let on = Some("true");
    #[rustfmt::skip]
    let table = [
        // grace               tkex             drained                 told
        (None,                 None,            Nothing,                0),
        (on,                   None,            Termination,            0),
        (None,                 on,              TerminationAndUnready,  0),
        (on,                   on,              TerminationAndUnready,  0),
        (Some("false"),        on,              TerminationAndUnready,  0),
        (Some("True"),         None,            Nothing,                1),
        (Some(" true"),        None,            Nothing,                1),
        (Some("1"),            Some("yes"),     Nothing,                2),
        (Some(""),             on,              TerminationAndUnready,  1),
    ];
    for (grace, tkex, drain, told) in table {
        let (facts, findings) = one_port(&switches(on, grace, tkex));
        assert_eq!(facts.ports[0].policy.drain, drain, "{grace:?} {tkex:?}");
        assert_eq!(findings.len(), told, "{findings:?}");
        assert!(findings.iter().all(|finding| finding.reason() == "InvalidAnnotation"));
    }
    // An unusable direct-access is off, even where the embedder's default is on.
    let defaults = PolicyDefaults { direct_access: true, ..PolicyDefaults::default() };
    let (facts, findings) =
        service(&switches(Some("True"), None, None), &json!({"ports": [{"port": 80}]}), &defaults);
    assert!(!facts.direct_access && facts.ports.is_empty());
    assert_eq!(findings.len(), 1);
}

#[test]
fn o17_a_near_miss_is_told_with_the_key_that_was_meant() {
    let ours = "service.cloud.tencent.com/";
    #[rustfmt::skip]
    let table = [
        ("service.cloud.tencent.com/enable-graceful-shutdown",  Some(format!("{ours}enable-grace-shutdown"))),
        ("service.cloud.tencent.com/enable-grace-shutdown-tke", Some(format!("{ours}enable-grace-shutdown-tkex"))),
        ("service.cloud.tencent.com/direct_access",             Some(format!("{ours}direct-access"))),
        ("service.kubernetes.io/direct-access",                 Some(format!("{ours}direct-access"))),
        ("service.cloud.tencent.com/loadbalance-id",            Some("service.kubernetes.io/loadbalance-id".to_owned())),
        ("service.kubernetes.io/tke-existed-lb-id",             Some("service.kubernetes.io/tke-existed-lbid".to_owned())),
        // Known to TKE, or far from everything.
        ("service.kubernetes.io/loadbalance-type",              None),
        ("service.cloud.tencent.com/enable-grace-deletion",     None),
        ("service.cloud.tencent.com/something-else",            None),
        ("example.com/enable-graceful-shutdown",                None),
    ];
    for (key, meant) in table {
        let (_, findings) = one_port(&json!({key: "true"}));
        let found = findings.iter().find_map(|finding| {
            let Finding::UnknownAnnotation { meant, .. } = finding else { return None };
            Some(meant.to_string())
        });
        assert_eq!(found, meant, "{key}");
    }
}

#[test]
fn o18_a_switch_without_direct_access_has_no_route_and_is_told() {
    for direct in [None, Some("false")] {
        let (facts, findings) = one_port(&switches(direct, Some("true"), Some("true")));
        assert!(facts.ports.is_empty() && !facts.direct_access);
        let reasons: Vec<_> = findings.iter().map(Finding::reason).collect();
        assert_eq!(reasons, ["DirectAccessMissing", "DirectAccessMissing"]);
        assert!(findings[0].to_string().contains("set service.cloud.tencent.com/direct-access to \"true\""));
    }
    // The defaults of the embedder are nobody's mistake.
    let defaults = PolicyDefaults { grace_shutdown: true, ..PolicyDefaults::default() };
    assert_eq!(service(&json!({}), &json!({"ports": [{"port": 80}]}), &defaults).1, []);
}

#[test]
fn the_clb_in_use_wins_over_the_one_that_was_asked_for() {
    let (used, wished) = ("service.kubernetes.io/loadbalance-id", "service.kubernetes.io/tke-existed-lbid");
    #[rustfmt::skip]
    let table = [
        (json!({used: "lb-a"}),                    Some("lb-a"), 0),
        (json!({wished: "lb-b"}),                  Some("lb-b"), 0),
        (json!({used: "lb-a", wished: "lb-a"}),    Some("lb-a"), 0),
        (json!({used: "lb-a", wished: "lb-b"}),    Some("lb-a"), 1),
        (json!({used: "lb a", wished: "lb-b"}),    Some("lb-b"), 1),
        (json!({used: "x".repeat(100_000)}),       None,         1),
        (json!({}),                                None,         0),
    ];
    for (annotations, clb, told) in table {
        let (facts, findings) = one_port(&annotations);
        assert_eq!(facts.load_balancer.as_ref().map(LoadBalancerId::as_str), clb, "{annotations:.80}");
        assert_eq!(findings.len(), told, "{findings:?}");
    }
}

#[test]
fn weights_by_ordinal_belong_to_their_port() {
    let weights = r#"{"defaultWeight":7,"groups":[{"key":{"proto":"TCP","port":80},
        "statefulSets":[{"name":"web","weights":[{"weight":0,"podIndexes":[0,1]}]}]}]}"#;
    let mut annotations = switches(Some("true"), None, None);
    annotations["service.cloud.tencent.com/lb-rs-weight"] = weights.into();
    let spec = json!({"ports": [{"name": "a", "port": 80}, {"name": "b", "port": 81}]});
    let (facts, findings) = service(&annotations, &spec, &PolicyDefaults::default());
    assert_eq!(findings, []);
    let set = OrdinalWeight { stateful_set: "web".into(), ordinals: vec![0, 1], weight: Weight::DRAINED };
    assert_eq!(facts.ports[0].policy.by_ordinal, [set]);
    assert_eq!(facts.ports[1].policy.by_ordinal, []);
    assert!(facts.ports.iter().all(|port| port.policy.default_weight.get() == 7));
}

#[test]
fn x1_json_that_is_too_large_too_deep_or_out_of_range_is_refused_whole() {
    let deep = format!("{{\"groups\":{}{}}}", "[".repeat(10_000), "]".repeat(10_000));
    let large = format!("{{\"defaultWeight\":7,\"x\":\"{}\"}}", "x".repeat(70_000));
    let bad_ordinal = r#"{"groups":[{"key":{"proto":"TCP","port":80},"statefulSets":[{"name":"w","weights":[{"weight":101}]}]}]}"#;
    for text in ["", "[]", "{\"defaultWeight\":101}", "{\"defaultWeight\":\"7\"}", bad_ordinal, &deep, &large]
    {
        let mut annotations = switches(Some("true"), None, None);
        annotations["service.cloud.tencent.com/lb-rs-weight"] = text.into();
        let (facts, findings) = one_port(&annotations);
        assert_eq!(facts.ports[0].policy.default_weight, Weight::DEFAULT, "{text:.60}");
        assert_eq!(findings.iter().map(Finding::reason).collect::<Vec<_>>(), ["InvalidAnnotation"]);
    }
}

#[test]
fn x6_a_value_is_told_on_one_line() {
    let value = "tr\u{202e}ue\n2026 ERROR forged\u{0}".to_owned() + &"x".repeat(200_000);
    let (_, findings) = one_port(&switches(Some("true"), Some(&value), None));
    let text = findings[0].to_string();
    assert!(text.len() < 400 && !text.chars().any(|c| c.is_control() || c == '\u{202e}'), "{text}");
}

#[test]
fn listeners_follow_the_annotation_then_the_service() {
    use ListenerProtocol::{Quic, Tcp, TcpSsl, Udp};
    let one = json!({"ports": [{"port": 80}]});
    let mixed = json!({"ports": [{"name": "t", "port": 80}, {"name": "u", "port": 80, "protocol": "UDP"}]});
    #[rustfmt::skip]
    let table: [(&Value, &str, Vec<Vec<ListenerProtocol>>); 7] = [
        (&one,   "",                                            vec![vec![Tcp]]),
        (&one,   r#"{"80":{"protocol":["TCP_SSL"],"tls":"s"}}"#, vec![vec![TcpSsl]]),
        (&one,   r#"{"80":{"protocol":["UDP","TCP"]}}"#,        vec![vec![Tcp, Udp]]),
        (&one,   r#"{"81":{"protocol":["UDP"]}}"#,              vec![vec![Tcp]]),
        (&one,   r#"{"80":{"protocol":["SMTP"]}}"#,             vec![vec![Tcp]]),
        (&mixed, "",                                            vec![vec![Tcp], vec![Udp]]),
        (&mixed, r#"{"80":{"protocol":["TCP_SSL","QUIC"]}}"#,   vec![vec![TcpSsl], vec![Quic]]),
    ];
    for (spec, text, expected) in table {
        let mut annotations = switches(Some("true"), None, None);
        if !text.is_empty() {
            annotations["service.cloud.tencent.com/specify-protocol"] = text.into();
        }
        let (facts, findings) = service(&annotations, spec, &PolicyDefaults::default());
        let listeners: Vec<_> = facts.ports.iter().map(|port| port.listeners.clone()).collect();
        assert_eq!(listeners, expected, "{text}");
        assert_eq!(findings.len(), usize::from(text.contains("SMTP")));
    }
}

#[test]
fn an_external_name_has_no_route() {
    let spec = json!({"type": "ExternalName", "ports": [{"port": 80}]});
    let (facts, _) = service(&switches(Some("true"), None, None), &spec, &PolicyDefaults::default());
    assert!(!facts.direct_access && facts.ports.is_empty());
}

fn slice(object: Value) -> Option<grace_core::SliceFacts> {
    let mut whole = json!({
        "metadata": {"name": "web-x", "namespace": "shop", "uid": "s", "labels": {"kubernetes.io/service-name": "web"}},
        "addressType": "IPv4", "ports": [{"name": "http", "port": 8080}],
    });
    whole.as_object_mut().unwrap().extend(object.as_object().unwrap().clone());
    let slim = slim::<EndpointSlice>(&whole);
    slice_facts(ObjectName::new("shop", "web-x"), slim.sound().expect("a sound slice").2)
}

#[test]
fn o14_conditions_that_are_null_follow_the_rules_of_kep_1672() {
    #[rustfmt::skip]
    let table = [
        // conditions                                                        serving  terminating
        (json!(null),                                                        true,    false),
        (json!({}),                                                          true,    false),
        (json!({"ready": false}),                                            false,   false),
        (json!({"ready": true, "serving": null, "terminating": null}),       true,    false),
        (json!({"ready": false, "serving": true, "terminating": true}),      true,    true),
        (json!({"ready": true, "serving": false, "terminating": false}),     false,   false),
        (json!({"ready": null, "serving": false, "terminating": true}),      false,   true),
    ];
    for (conditions, serving, terminating) in table {
        let endpoint = json!({"addresses": ["10.0.0.1"], "conditions": conditions, "targetRef": {"kind": "Pod", "uid": "u"}});
        let facts = slice(json!({"endpoints": [endpoint]})).unwrap();
        let found = &facts.endpoints[0];
        assert_eq!((found.serving, found.terminating), (serving, terminating), "{conditions}");
        assert_eq!(found.pod, Uid::of("u"));
    }
}

#[test]
fn o16_what_is_no_pod_of_this_namespace_is_left_out() {
    let target = json!({"kind": "Pod", "namespace": "shop", "uid": "u"});
    #[rustfmt::skip]
    let endpoints = [
        (json!({"addresses": ["10.0.0.1"], "targetRef": target}),                                              true),
        (json!({"addresses": ["10.0.0.1"]}),                                                                   false),
        (json!({"addresses": ["10.0.0.1"], "targetRef": {"kind": "Node", "uid": "u"}}),                        false),
        (json!({"addresses": ["10.0.0.1"], "targetRef": {"kind": "Pod"}}),                                     false),
        (json!({"addresses": ["10.0.0.1"], "targetRef": {"kind": "Pod", "namespace": "bank", "uid": "u"}}),    false),
        (json!({"addresses": [], "targetRef": target}),                                                        false),
        (json!({"addresses": ["169.254.169.254"], "targetRef": target}),                                       false),
        (json!({"addresses": ["web.example.com"], "targetRef": target}),                                       false),
    ];
    for (endpoint, taken) in endpoints {
        let facts = slice(json!({"endpoints": [endpoint]})).unwrap();
        assert_eq!(facts.endpoints.len(), usize::from(taken), "{endpoint}");
    }
    assert_eq!(slice(json!({"addressType": "FQDN"})), None);
    let labels = |labels: Value| json!({"metadata": {"name": "web-x", "namespace": "shop", "uid": "s", "labels": labels}});
    assert_eq!(slice(labels(json!({}))), None);
    let foreign = "kubernetes.io/service-name";
    let by = "endpointslice.kubernetes.io/managed-by";
    assert_eq!(slice(labels(json!({foreign: "web", by: "somebody"}))), None);
    assert!(slice(labels(json!({foreign: "web", by: "endpointslice-controller.k8s.io"}))).is_some());
}

#[test]
fn a_slice_without_endpoints_is_a_whole_statement() {
    let facts = slice(json!({"endpoints": null, "ports": null})).unwrap();
    assert!(facts.endpoints.is_empty() && facts.ports.is_empty());
}
