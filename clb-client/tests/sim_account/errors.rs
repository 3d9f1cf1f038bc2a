//! What is refused, with which code.

use clb_client::sim::{Config, Limits, Listener, LoadBalancer, Mismatch, PoolId, Protocol};
use serde_json::{Value, json};

use crate::harness::{Harness, batch, pod, web, weights};

#[test]
#[rustfmt::skip]
fn malformed_calls_are_refused_with_the_documented_codes() {
    let mut t = Harness::new(Config::default().with_limits(Limits::default().with_calls_per_second(None)));
    let target = |fields: Value| json!({"LoadBalancerId": "lb-1", "Targets": [fields]});
    let cases = [
        ("DescribeEverything", json!({}), "InvalidAction"),
        ("DescribeListeners", json!({}), "MissingParameter"),
        ("DescribeListeners", json!([]), "InvalidParameter.FormatError"),
        ("DescribeListeners", json!({"LoadBalancerId": 7}), "InvalidParameter.FormatError"),
        ("DescribeListeners", json!({"loadBalancerId": "lb-1"}), "UnknownParameter"),
        ("DescribeTaskStatus", json!({}), "InvalidParameter"),
        ("DescribeTaskStatus", json!({"TaskId": "who"}), "InvalidParameter"),
        ("DescribeAsyncJobs", json!({"RequestIds": [], "MaxResults": 0}), "InvalidParameterValue.Range"),
        ("DescribeAsyncJobs", json!({"RequestIds": [], "MaxResults": 101}), "InvalidParameterValue.Range"),
        ("DescribeAsyncJobs", json!({"RequestIds": [], "NextToken": "mine"}), "InvalidParameterValue"),
        ("DescribeTargets", json!({"LoadBalancerId": "lb-1", "Filters": [{"Name": "colour", "Values": []}]}), "InvalidParameterValue.InvalidFilter"),
        ("BatchRegisterTargets", json!({"LoadBalancerId": "lb-1"}), "MissingParameter"),
        ("BatchRegisterTargets", target(json!({"ListenerId": "lbl-1", "EniIp": "10.0.0.1"})), "MissingParameter"),
        ("BatchRegisterTargets", target(json!({"ListenerId": "lbl-1", "EniIp": "10.0.0.1", "Port": 0})), "InvalidParameterValue"),
        ("BatchRegisterTargets", target(json!({"ListenerId": "lbl-1", "EniIp": "ten", "Port": 1})), "InvalidParameter.FormatError"),
        ("BatchRegisterTargets", target(json!({"ListenerId": "lbl-1", "Port": 1})), "InvalidParameter"),
        ("BatchRegisterTargets", target(json!({"ListenerId": "lbl-1", "EniIp": "10.0.0.1", "InstanceId": "ins-1", "Port": 1})), "InvalidParameter"),
        ("BatchRegisterTargets", target(json!({"ListenerId": "lbl-1", "EniIp": "10.0.0.1", "Port": 1, "Weight": 101})), "InvalidParameterValue"),
        ("BatchRegisterTargets", target(json!({"ListenerId": "lbl-1", "EniIp": "10.0.0.1", "Port": 1, "Weight": "0"})), "InvalidParameter.FormatError"),
        ("BatchRegisterTargets", target(json!({"ListenerId": "lbl-1", "LocationId": "loc-1", "EniIp": "10.0.0.1", "Port": 1})), "InvalidParameter.ProtocolCheckFailed"),
    ];
    for (action, body, code) in cases {
        let reply = t.call(action, &body);
        assert_eq!(reply.content.error_code(), Some(code), "{action} {body}: {reply:?}");
    }
    assert_eq!(t.account.changes(), []);
}

#[test]
fn gone_load_balancers_listeners_and_rules_are_named() {
    let mut t = Harness::new(Config::default().with_limits(Limits::default().with_calls_per_second(None)));
    let target = json!({"ListenerId": "lbl-9", "EniIp": "10.0.0.1", "Port": 1});
    let rule = json!({"ListenerId": "lbl-7", "LocationId": "loc-9", "EniIp": "10.0.0.1", "Port": 1});
    let gone = json!({"LoadBalancerId": "lb-9", "Targets": [target]});
    t.refused("DescribeListeners", &json!({"LoadBalancerId": "lb-9"}), "InvalidParameter.LBIdNotFound");
    t.refused("BatchDeregisterTargets", &gone, "InvalidParameter.LBIdNotFound");
    let listener = json!({"LoadBalancerId": "lb-1", "Targets": [target]});
    t.refused("BatchRegisterTargets", &listener, "InvalidParameter.ListenerIdNotFound");
    let location = json!({"LoadBalancerId": "lb-1", "Targets": [rule]});
    t.refused("BatchRegisterTargets", &location, "InvalidParameter.LocationNotFound");
    // These two have no sub-codes: the message says it.
    let message = t.refused("DescribeTargets", &json!({"LoadBalancerId": "lb-9"}), "InvalidParameter");
    assert!(message.contains("LoadBalancer not exist"), "{message}");
    let element = json!({"ListenerId": "lbl-9", "Targets": [{"EniIp": "10.0.0.1", "Port": 1, "Weight": 0}]});
    let call = json!({"LoadBalancerId": "lb-1", "ModifyList": [element]});
    let message = t.refused("BatchModifyTargetWeight", &call, "InvalidParameter");
    assert!(message.contains("some ListenerId") && message.contains("not found"), "{message}");
}

#[test]
fn a_target_twice_in_one_call_is_refused() {
    let mut t = Harness::new(Config::default());
    t.refused("BatchRegisterTargets", &batch(&[(1, None), (1, None)]), "InvalidParameterValue.Duplicate");
}

#[test]
fn bound_and_unbound_targets_are_refused_by_default() {
    let mut t = Harness::new(Config::default());
    t.account.plant(&web(), pod(1), 10);
    t.refused("BatchRegisterTargets", &batch(&[(1, Some(5)), (2, None)]), "InvalidParameterValue.Duplicate");
    t.refused("BatchDeregisterTargets", &batch(&[(1, None), (3, None)]), "InvalidParameterValue");
    t.refused("BatchModifyTargetWeight", &weights(&[(3, Some(0))]), "InvalidParameterValue");
    assert_eq!(t.account.targets(&web()).unwrap(), [(pod(1), 10)]);
}

#[test]
fn bound_and_unbound_targets_can_fail_their_listener() {
    let mut t = Harness::new(Config::default().with_bound(Mismatch::Partial).with_unbound(Mismatch::Partial));
    t.account.put_listener("lb-1", Listener::tcp("lbl-2", 81));
    t.account.plant(&web(), pod(1), 10);
    let both = json!({"LoadBalancerId": "lb-1", "Targets": [
        {"ListenerId": "lbl-1", "EniIp": "10.0.0.1", "Port": 8080},
        {"ListenerId": "lbl-2", "EniIp": "10.0.0.1", "Port": 8080}]});
    let answer = t.ok("BatchRegisterTargets", &both);
    assert_eq!(answer["FailListenerIdSet"], json!(["lbl-1"]));
    assert_eq!(t.account.targets(&PoolId::listener("lb-1", "lbl-2")).unwrap().len(), 1);
    let task = t.ok("BatchModifyTargetWeight", &weights(&[(1, Some(0)), (5, Some(0))]))["RequestId"].clone();
    t.at_ms(1000);
    assert_eq!((t.status(&task), t.weight(1)), (1, Some(0)));
}

#[test]
fn bound_and_unbound_targets_can_be_accepted() {
    let mut t = Harness::new(Config::default().with_bound(Mismatch::Accept).with_unbound(Mismatch::Accept));
    t.account.plant(&web(), pod(1), 10);
    t.ok("BatchRegisterTargets", &batch(&[(1, Some(5))]));
    assert_eq!(t.weight(1), Some(5));
    t.ok("BatchDeregisterTargets", &batch(&[(1, None), (2, None)]));
    assert_eq!(t.weight(1), None);
    let task = t.ok("BatchModifyTargetWeight", &weights(&[(1, Some(0))]))["RequestId"].clone();
    t.at_ms(1000);
    assert_eq!(t.status(&task), 0);
}

#[test]
fn classic_load_balancers_and_target_groups_take_no_single_targets() {
    let mut t = Harness::new(Config::default());
    t.account
        .put_load_balancer(LoadBalancer::new("lb-1").classic().with_listener(Listener::tcp("lbl-1", 80)));
    t.refused("BatchRegisterTargets", &batch(&[(1, None)]), "UnsupportedOperation");
    let listener = Listener::new("lbl-1", Protocol::Udp, 53).with_target_group("lbtg-1");
    t.account.put_load_balancer(LoadBalancer::new("lb-1").with_listener(listener));
    t.refused("BatchRegisterTargets", &batch(&[(1, None)]), "InvalidParameter");
    let answer = t.ok("DescribeListeners", &json!({"LoadBalancerId": "lb-1"}));
    assert_eq!(answer["Listeners"][0]["TargetType"], "TARGETGROUP");
}
