//! The single forms: one listener or rule per call, always with a task.

use clb_client::sim::{Action, Config, Mismatch, PoolId};
use serde_json::{Value, json};

use crate::harness::{Harness, pod, web};

#[test]
fn every_single_write_is_a_task() {
    let mut t = Harness::new(Config::default());
    let run = |t: &mut Harness, action, body: &Value| {
        let task = t.ok(action, body)["RequestId"].clone();
        let before = t.account.targets(&web()).unwrap();
        t.at_ms(u64::try_from(t.now.as_millis()).unwrap() + 500);
        assert_eq!(t.status(&task), 0);
        (before, t.account.targets(&web()).unwrap())
    };
    let (before, after) = run(&mut t, "RegisterTargets", &call(json!({"Weight": 30})));
    assert_eq!((before, after), (vec![], vec![(pod(1), 30)]));
    let (before, after) = run(&mut t, "ModifyTargetWeight", &call(json!({"Weight": 0})));
    assert_eq!((before, after), (vec![(pod(1), 30)], vec![(pod(1), 0)]));
    let mut body = call(json!({}));
    body["NewPort"] = json!(9090);
    let (_, after) = run(&mut t, "ModifyTargetPort", &body);
    assert_eq!(after, [(([10, 0, 0, 1], 9090).into(), 0)]);
    let moved = json!({"LoadBalancerId": "lb-1", "ListenerId": "lbl-1", "Targets": [{"EniIp": "10.0.0.1", "Port": 9090}]});
    let (_, after) = run(&mut t, "DeregisterTargets", &moved);
    assert_eq!(after, []);
}

#[test]
fn the_weight_of_the_call_is_for_targets_without_their_own() {
    let mut t = Harness::new(Config::default());
    t.account.plant(&web(), pod(1), 50);
    t.account.plant(&web(), pod(2), 50);
    let body = json!({"LoadBalancerId": "lb-1", "ListenerId": "lbl-1", "Weight": 0, "Targets": [
        {"EniIp": "10.0.0.1", "Port": 8080}, {"EniIp": "10.0.0.2", "Port": 8080, "Weight": 7}]});
    t.ok("ModifyTargetWeight", &body);
    t.at_ms(500);
    assert_eq!((t.weight(1), t.weight(2)), (Some(0), Some(7)));
    t.ok("ModifyTargetWeight", &call(json!({})));
    t.at_ms(1000);
    assert_eq!(t.weight(1), Some(10), "not sent at all: 10, not unchanged");
}

#[test]
fn a_rule_is_named_by_location_or_by_domain_and_url() {
    let mut t = Harness::new(Config::default());
    let body = |fields: Value| {
        let mut body = json!({"LoadBalancerId": "lb-1", "ListenerId": "lbl-7", "Targets": [{"EniIp": "10.0.0.1", "Port": 8080}]});
        body.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
        body
    };
    t.ok("RegisterTargets", &body(json!({"Domain": "a.example.com", "Url": "/"})));
    t.at_ms(500);
    t.ok("DeregisterTargets", &body(json!({"LocationId": "loc-1", "Domain": "ignored", "Url": "ignored"})));
    t.at_ms(1000);
    assert_eq!(t.account.targets(&PoolId::rule("lb-1", "lbl-7", "loc-1")).unwrap(), []);
    t.refused("RegisterTargets", &body(json!({"Domain": "b.example.com", "Url": "/"})), "InvalidParameter");
    t.refused("RegisterTargets", &body(json!({})), "MissingParameter");
}

#[test]
fn one_call_takes_20_targets() {
    let mut t = Harness::new(Config::default());
    let targets: Vec<Value> = (1..=21).map(|i| json!({"EniIp": "10.0.0.1", "Port": i})).collect();
    let body = json!({"LoadBalancerId": "lb-1", "ListenerId": "lbl-1", "Targets": targets});
    t.refused("RegisterTargets", &body, "InvalidParameterValue.Length");
}

#[test]
fn what_does_not_fit_is_refused_or_fails_the_task() {
    let mut t = Harness::new(Config::default());
    t.account.plant(&web(), pod(1), 10);
    t.refused("RegisterTargets", &call(json!({})), "InvalidParameterValue.Duplicate");
    let mut t = Harness::new(Config::default().with_bound(Mismatch::Partial));
    t.account.plant(&web(), pod(1), 10);
    let task = t.ok("RegisterTargets", &call(json!({"Weight": 99})))["RequestId"].clone();
    t.at_ms(500);
    let answer = t.ok("DescribeTaskStatus", &json!({"TaskId": task}));
    assert!(
        answer["Status"] == 1 && answer["Message"].as_str().unwrap().contains("10.0.0.1:8080"),
        "{answer}"
    );
    assert_eq!(t.weight(1), Some(10), "what does not fit is left alone");
}

#[test]
fn a_port_is_moved_to_a_free_one_only() {
    let mut t = Harness::new(Config::default());
    t.account.plant(&web(), pod(1), 10);
    t.account.plant(&web(), ([10, 0, 0, 1], 9090).into(), 10);
    let mut body = call(json!({}));
    t.refused("ModifyTargetPort", &body, "MissingParameter");
    body["NewPort"] = json!(9090);
    t.refused("ModifyTargetPort", &body, "InvalidParameterValue.Duplicate");
}

#[test]
fn every_action_is_known_by_its_name() {
    for action in Action::ALL {
        assert_eq!(action.as_str().parse(), Ok(*action));
        assert_eq!(action.is_write(), !action.as_str().starts_with("Describe"), "{action}");
    }
}

/// About 10.0.0.1:8080 of `lbl-1`, with more fields for the target.
fn call(fields: Value) -> Value {
    let mut target = json!({"EniIp": "10.0.0.1", "Port": 8080});
    target.as_object_mut().expect("an object").extend(fields.as_object().expect("an object").clone());
    json!({"LoadBalancerId": "lb-1", "ListenerId": "lbl-1", "Targets": [target]})
}
