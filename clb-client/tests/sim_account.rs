//! The simulated account as a specification: limits, errors, tasks, faults. Pure, in virtual time.
#![cfg(feature = "sim")]

use std::{net::SocketAddr, time::Duration};

use clb_client::sim::{
    Account, Action, Applied, Call, Config, Content, Culprit, Fault, Latency, Limits, Listener, LoadBalancer,
    Mismatch, On, Outcome, PoolId, Protocol, Reply, Rule, Shape, Switch,
};
use http::StatusCode;
use serde_json::{Value, json};

// ---- the shapes of answers ----

#[test]
fn a_layer_4_target_is_shown_under_the_listener_and_rules_are_null() {
    let mut t = Harness::new(Config::default());
    t.account.plant(&web(), pod(1), 7);
    let listener = &t.ok("DescribeTargets", &json!({"LoadBalancerId": "lb-1", "ListenerIds": ["lbl-1"]}))["Listeners"]
        [0];
    assert_eq!(listener["Rules"], Value::Null);
    let target = &listener["Targets"][0];
    assert_eq!(target["PrivateIpAddresses"], json!(["10.0.0.1"]));
    assert_eq!((&target["Port"], &target["Weight"]), (&json!(8080), &json!(7)));
    assert_eq!(target["PublicIpAddresses"], Value::Null);
    assert!(target.get("EniIp").is_none(), "the real answer has no EniIp");
}

#[test]
fn a_layer_7_target_is_shown_under_its_rule_and_targets_are_null() {
    let mut t = Harness::new(Config::default());
    t.account.plant(&PoolId::rule("lb-1", "lbl-7", "loc-1"), pod(1), 7);
    let answer = t.ok("DescribeTargets", &json!({"LoadBalancerId": "lb-1", "ListenerIds": ["lbl-7"]}));
    let listener = &answer["Listeners"][0];
    assert_eq!(listener["Targets"], Value::Null);
    assert_eq!(listener["Rules"][0]["LocationId"], "loc-1");
    assert_eq!(listener["Rules"][0]["Targets"][0]["Weight"], 7);
}

#[test]
fn listeners_show_their_switches() {
    let mut t = Harness::new(Config::default());
    let listener = Listener::tcp("lbl-1", 80)
        .with_switch(Switch::DeregisterTargetRst)
        .with_switch(Switch::RescheduleTargetZeroWeight);
    t.account.plant(&web(), pod(1), 7);
    assert!(t.account.put_listener("lb-1", listener));
    let answer = t.ok("DescribeListeners", &json!({"LoadBalancerId": "lb-1", "Port": 80, "Protocol": "TCP"}));
    assert_eq!(answer["TotalCount"], 1);
    assert_eq!(answer["Listeners"][0]["DeregisterTargetRst"], true);
    assert_eq!(answer["Listeners"][0]["AttrFlags"], json!(["RescheduleTargetZeroWeight"]));
    assert_eq!(t.account.weight(&web(), pod(1)), Some(7), "changing attributes keeps the targets");
}

#[test]
fn load_balancers_are_found_by_id_and_by_tag_and_come_in_pages() {
    let mut t = Harness::new(Config::default());
    t.account.put_load_balancer(LoadBalancer::new("lb-2").with_tag("tke-clusterId", "cls-1"));
    t.account.put_load_balancer(LoadBalancer::new("lb-3").with_domain_only());
    let found = |answer: &Value| -> Vec<String> {
        let set = answer["LoadBalancerSet"].as_array().unwrap();
        set.iter().map(|lb| lb["LoadBalancerId"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(
        found(&t.ok("DescribeLoadBalancers", &json!({"LoadBalancerIds": ["lb-2", "lb-9"]}))),
        ["lb-2"]
    );
    let tagged = json!({"Filters": [{"Name": "tag:tke-clusterId", "Values": ["cls-1"]}]});
    assert_eq!(found(&t.ok("DescribeLoadBalancers", &tagged)), ["lb-2"]);
    let page = t.ok("DescribeLoadBalancers", &json!({"Offset": 1, "Limit": 1}));
    assert_eq!((found(&page), &page["TotalCount"]), (vec!["lb-2".to_owned()], &json!(3)));
    let answer = t.ok("DescribeLoadBalancers", &json!({"LoadBalancerIds": ["lb-3"]}));
    assert_eq!(answer["LoadBalancerSet"][0]["LoadBalancerVips"], json!([]));
}

#[test]
fn request_ids_are_unique_and_follow_the_seed() {
    let ids = |seed| -> Vec<String> {
        let mut t = Harness::new(Config::default().with_seed(seed));
        (0..10)
            .map(|_| t.ok("DescribeLoadBalancers", &json!({}))["RequestId"].as_str().unwrap().to_owned())
            .collect()
    };
    assert_eq!(ids(1), ids(1));
    assert_ne!(ids(1), ids(2));
    let mut unique = ids(1);
    unique.sort();
    unique.dedup();
    assert_eq!(unique.len(), 10);
}

// ---- writes ----

#[test]
fn a_weight_changes_when_its_task_ends_and_not_before() {
    let mut t = Harness::new(Config::default().with_task(Latency::millis(800)));
    t.account.plant(&web(), pod(1), 10);
    let task = t.ok("BatchModifyTargetWeight", &weights(&[(1, Some(0))]))["RequestId"].clone();
    t.at_ms(799);
    assert_eq!(t.weight(1), Some(10));
    assert_eq!(t.status(&task), 2);
    t.at_ms(800);
    assert_eq!(t.status(&task), 0);
    assert_eq!(t.weight(1), Some(0));
    let change = &t.account.changes()[1];
    assert_eq!((change.at, change.before, change.after), (Duration::from_millis(800), Some(10), Some(0)));
}

#[test]
fn a_batch_register_is_done_with_its_answer() {
    let mut t = Harness::new(Config::default());
    let answer = t.ok("BatchRegisterTargets", &batch(&[(1, Some(20)), (2, None)]));
    assert_eq!((&answer["FailListenerIdSet"], &answer["Message"]), (&json!([]), &json!("")));
    assert_eq!((t.weight(1), t.weight(2)), (Some(20), Some(10)));
    t.ok("BatchDeregisterTargets", &batch(&[(1, None)]));
    assert_eq!((t.weight(1), t.weight(2)), (None, Some(10)));
}

#[test]
fn a_batch_that_takes_time_answers_at_its_end_and_settles() {
    let config = Config::default().with_batch(Latency::millis(300)).with_settle(Latency::millis(200));
    let mut t = Harness::new(config);
    let reply = t.call("BatchRegisterTargets", &batch(&[(1, None)]));
    assert_eq!(reply.after, Duration::from_millis(300));
    assert_eq!(t.weight(1), None);
    t.at_ms(300);
    assert_eq!(t.weight(1), Some(10));
    t.at_ms(499);
    t.refused("BatchRegisterTargets", &batch(&[(2, None)]), "FailedOperation.ResourceInOperating");
    t.at_ms(500);
    t.ok("BatchRegisterTargets", &batch(&[(2, None)]));
}

#[test]
fn batches_run_as_tasks_when_so_configured() {
    let mut t = Harness::new(Config::default().with_asynchronous_batches().with_task(Latency::millis(100)));
    let task = t.ok("BatchRegisterTargets", &batch(&[(1, None)]))["RequestId"].clone();
    assert_eq!((t.weight(1), t.status(&task)), (None, 2));
    t.at_ms(100);
    assert_eq!((t.weight(1), t.status(&task)), (Some(10), 0));
}

#[test]
fn a_weight_that_is_not_sent_is_10() {
    let mut t = Harness::new(Config::default());
    t.account.plant(&web(), pod(1), 50);
    t.account.plant(&web(), pod(2), 50);
    let shared = json!({"LoadBalancerId": "lb-1", "ModifyList": [
        {"ListenerId": "lbl-1", "Weight": 3, "Targets": [
            {"EniIp": "10.0.0.1", "Port": 8080}, {"EniIp": "10.0.0.2", "Port": 8080, "Weight": 0}]}]});
    t.ok("BatchModifyTargetWeight", &shared);
    t.at_ms(1000);
    assert_eq!((t.weight(1), t.weight(2)), (Some(3), Some(0)));
    t.ok("BatchModifyTargetWeight", &weights(&[(1, None)]));
    t.at_ms(2000);
    assert_eq!(t.weight(1), Some(10));
}

#[test]
fn layer_7_targets_are_written_by_location() {
    let mut t = Harness::new(Config::default());
    let target =
        json!({"ListenerId": "lbl-7", "LocationId": "loc-1", "EniIp": "10.0.0.1", "Port": 80, "Weight": 1});
    t.ok("BatchRegisterTargets", &json!({"LoadBalancerId": "lb-1", "Targets": [target]}));
    let pool = PoolId::rule("lb-1", "lbl-7", "loc-1");
    assert_eq!(t.account.targets(&pool).unwrap().len(), 1);
    let without = json!({"LoadBalancerId": "lb-1", "Targets": [{"ListenerId": "lbl-7", "EniIp": "10.0.0.1", "Port": 80}]});
    t.refused("BatchDeregisterTargets", &without, "MissingParameter");
}

#[test]
fn a_target_by_instance_and_one_by_address_are_two() {
    let mut t = Harness::new(Config::default());
    t.account.put_instance("ins-1", "10.0.0.1".parse().unwrap());
    let by_instance = json!({"ListenerId": "lbl-1", "InstanceId": "ins-1", "Port": 8080});
    t.ok("BatchRegisterTargets", &json!({"LoadBalancerId": "lb-1", "Targets": [by_instance]}));
    t.ok("BatchRegisterTargets", &batch(&[(1, None)]));
    assert_eq!(t.account.targets(&web()).unwrap(), [(pod(1), 10), (pod(1), 10)]);
    let answer = t.ok("DescribeTargets", &json!({"LoadBalancerId": "lb-1"}));
    let kinds: Vec<&Value> =
        answer["Listeners"][0]["Targets"].as_array().unwrap().iter().map(|target| &target["Type"]).collect();
    assert_eq!(kinds, ["ENI", "CVM"]);
}

// ---- limits ----

#[test]
fn one_write_at_a_time_per_load_balancer() {
    let mut t = Harness::new(Config::default().with_task(Latency::millis(500)));
    t.account.put_load_balancer(LoadBalancer::new("lb-2").with_listener(Listener::tcp("lbl-2", 80)));
    t.account.plant(&web(), pod(1), 10);
    t.ok("BatchModifyTargetWeight", &weights(&[(1, Some(0))]));
    t.refused("BatchModifyTargetWeight", &weights(&[(1, Some(0))]), "FailedOperation.ResourceInOperating");
    t.refused("BatchRegisterTargets", &batch(&[(2, None)]), "FailedOperation.ResourceInOperating");
    t.ok("DescribeTargets", &json!({"LoadBalancerId": "lb-1"}));
    let other = json!({"LoadBalancerId": "lb-2", "Targets": [{"ListenerId": "lbl-2", "EniIp": "10.0.0.1", "Port": 80}]});
    t.ok("BatchRegisterTargets", &other);
    t.at_ms(500);
    t.ok("BatchRegisterTargets", &batch(&[(2, None)]));
}

#[test]
fn twenty_calls_in_any_sliding_second_and_per_action() {
    let mut t = Harness::new(Config::default());
    for call in 0..20 {
        t.at_ms(call * 10);
        t.ok("DescribeLoadBalancers", &json!({}));
    }
    t.at_ms(999);
    t.refused("DescribeLoadBalancers", &json!({}), "RequestLimitExceeded");
    t.ok("DescribeListeners", &json!({"LoadBalancerId": "lb-1"}));
    t.at_ms(1000);
    t.ok("DescribeLoadBalancers", &json!({})); // the first has left the window
    t.refused("DescribeLoadBalancers", &json!({}), "RequestLimitExceeded");
}

#[test]
fn the_rate_limit_can_be_switched_off() {
    let mut t = Harness::new(Config::default().with_limits(Limits::default().with_calls_per_second(None)));
    for _ in 0..1000 {
        t.ok("DescribeLoadBalancers", &json!({}));
    }
}

#[test]
fn limits_of_one_weight_call() {
    let config = Config::default().with_limits(Limits::default().with_targets_per_pool(1000));
    let mut t = Harness::new(config);
    for listener in 0..101 {
        t.account.put_listener("lb-1", Listener::tcp(&format!("lbl-x{listener}"), 1000 + listener));
    }
    let element = |listener: usize, targets: usize| {
        json!({"ListenerId": format!("lbl-x{listener}"), "Targets": (0..targets).map(|i| {
            json!({"EniIp": "10.1.0.1", "Port": i + 1, "Weight": 0})}).collect::<Vec<_>>()})
    };
    let call = |elements: Vec<Value>| json!({"LoadBalancerId": "lb-1", "ModifyList": elements});
    let length = "InvalidParameterValue.Length";
    t.refused("BatchModifyTargetWeight", &call((0..101).map(|i| element(i, 1)).collect()), length);
    t.refused("BatchModifyTargetWeight", &call(vec![element(0, 51)]), length);
    t.refused("BatchModifyTargetWeight", &call((0..11).map(|i| element(i, 50)).collect()), length);
    t.refused("BatchModifyTargetWeight", &call(vec![element(0, 1), element(0, 1)]), "InvalidParameterValue");
    for listener in 0..10 {
        for port in 1..=50 {
            let pool = PoolId::listener("lb-1", &format!("lbl-x{listener}"));
            t.account.plant(&pool, SocketAddr::new("10.1.0.1".parse().unwrap(), port), 10);
        }
    }
    t.ok("BatchModifyTargetWeight", &call((0..10).map(|i| element(i, 50)).collect()));
    t.at_ms(1000);
    assert!(
        t.account
            .targets(&PoolId::listener("lb-1", "lbl-x9"))
            .unwrap()
            .iter()
            .all(|(_, weight)| *weight == 0)
    );
}

#[test]
fn one_pool_takes_several_elements_when_so_configured() {
    let mut t = Harness::new(Config::default().with_limits(Limits::default().with_elements_per_pool(2)));
    t.account.plant(&web(), pod(1), 10);
    t.account.plant(&web(), pod(2), 10);
    let element = |i: u8| json!({"ListenerId": "lbl-1", "Targets": [{"EniIp": format!("10.0.0.{i}"), "Port": 8080, "Weight": 0}]});
    t.ok(
        "BatchModifyTargetWeight",
        &json!({"LoadBalancerId": "lb-1", "ModifyList": [element(1), element(2)]}),
    );
}

#[test]
fn a_batch_takes_500_targets_and_a_pool_its_quota() {
    let mut t = Harness::new(Config::default());
    let many = |from: u32, count: u32| {
        json!({"LoadBalancerId": "lb-1", "Targets": (from..from + count).map(|port| {
            json!({"ListenerId": "lbl-1", "EniIp": "10.0.0.1", "Port": port})}).collect::<Vec<_>>()})
    };
    t.refused("BatchRegisterTargets", &many(1, 501), "InvalidParameterValue.Length");
    t.ok("BatchRegisterTargets", &many(1, 100));
    t.refused("BatchRegisterTargets", &many(101, 1), "LimitExceeded");
    assert_eq!(t.account.targets(&web()).unwrap().len(), 100);
}

#[test]
fn reads_take_20_listener_and_20_load_balancer_ids() {
    let mut t = Harness::new(Config::default());
    let ids: Vec<String> = (0..21).map(|i| format!("lbl-{i}")).collect();
    t.refused(
        "DescribeTargets",
        &json!({"LoadBalancerId": "lb-1", "ListenerIds": ids}),
        "InvalidParameterValue.Length",
    );
    t.refused("DescribeLoadBalancers", &json!({"LoadBalancerIds": ids}), "InvalidParameterValue.Length");
    t.refused("DescribeLoadBalancers", &json!({"Limit": 101}), "InvalidParameterValue.Range");
}

// ---- errors ----

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
    let listener = Listener::new("lbl-1", Protocol::Udp, 53).with_target_group();
    t.account.put_load_balancer(LoadBalancer::new("lb-1").with_listener(listener));
    t.refused("BatchRegisterTargets", &batch(&[(1, None)]), "InvalidParameter");
    let answer = t.ok("DescribeListeners", &json!({"LoadBalancerId": "lb-1"}));
    assert_eq!(answer["Listeners"][0]["TargetType"], "TARGETGROUP");
}

// ---- faults ----

#[test]
fn scripted_faults_meet_the_next_calls_in_order() {
    let mut t = Harness::new(Config::default());
    t.account.faults().script(Action::BatchRegisterTargets, 1, Fault::Busy);
    t.account.faults().script(On::Writes, 1, Fault::Throttled);
    t.account.faults().script_for("lb-2", On::Any, 1, Fault::InternalError);
    t.ok("DescribeTargets", &json!({"LoadBalancerId": "lb-1"}));
    t.refused("BatchRegisterTargets", &batch(&[(1, None)]), "FailedOperation.ResourceInOperating");
    t.refused("BatchRegisterTargets", &batch(&[(1, None)]), "RequestLimitExceeded");
    t.ok("BatchRegisterTargets", &batch(&[(1, None)]));
    assert_eq!(t.account.faults().outstanding(), 1);
    t.refused("DescribeTargets", &json!({"LoadBalancerId": "lb-2"}), "InternalError");
    assert_eq!(t.account.faults().outstanding(), 0);
}

#[test]
fn one_action_can_be_denied_for_good() {
    let mut t = Harness::new(Config::default());
    let denied = Fault::error("UnauthorizedOperation", "no permission for clb:DescribeTaskStatus");
    t.account.faults().script(Action::DescribeTaskStatus, u32::MAX, denied);
    for _ in 0..3 {
        t.refused("DescribeTaskStatus", &json!({"TaskId": "x"}), "UnauthorizedOperation");
    }
    t.ok("DescribeLoadBalancers", &json!({}));
    t.account.faults().clear();
    t.refused("DescribeTaskStatus", &json!({"TaskId": "x"}), "InvalidParameter");
}

#[test]
fn a_failed_task_may_be_done_in_part() {
    for (applied, zeros) in [(Applied::Nothing, 0), (Applied::Half, 2), (Applied::All, 4)] {
        let mut t = Harness::new(Config::default());
        for i in 1..=4 {
            t.account.plant(&web(), pod(i), 10);
        }
        t.account.faults().script(On::Writes, 1, Fault::FailedTask(applied));
        let all: Vec<_> = (1..=4).map(|i| (i, Some(0))).collect();
        let task = t.ok("BatchModifyTargetWeight", &weights(&all))["RequestId"].clone();
        t.at_ms(1000);
        let answer = t.ok("DescribeTaskStatus", &json!({"TaskId": task}));
        assert_eq!(answer["Status"], 1);
        assert!(answer["Message"].as_str().is_some_and(|message| !message.is_empty()));
        let now_zero = t.account.targets(&web()).unwrap().iter().filter(|(_, weight)| *weight == 0).count();
        assert_eq!(now_zero, zeros, "{applied:?}");
    }
}

#[test]
fn a_slow_task_holds_the_load_balancer() {
    let mut t = Harness::new(Config::default());
    t.account.plant(&web(), pod(1), 10);
    t.account.faults().script(On::Writes, 1, Fault::SlowTask(Duration::from_secs(600)));
    let task = t.ok("BatchModifyTargetWeight", &weights(&[(1, Some(0))]))["RequestId"].clone();
    t.at_ms(599_999);
    assert_eq!(t.status(&task), 2);
    t.refused("BatchRegisterTargets", &batch(&[(2, None)]), "FailedOperation.ResourceInOperating");
    t.at_ms(600_000);
    assert_eq!(t.status(&task), 0);
}

#[test]
fn a_task_is_forgotten_after_its_retention() {
    let mut t = Harness::new(Config::default().with_task_retention(Duration::from_secs(60)));
    t.account.plant(&web(), pod(1), 10);
    let task = t.ok("BatchModifyTargetWeight", &weights(&[(1, Some(0))]))["RequestId"].clone();
    t.at_ms(60_000);
    assert_eq!(t.status(&task), 0);
    t.at_ms(60_500);
    t.refused("DescribeTaskStatus", &json!({"TaskId": task}), "InvalidParameter");
}

#[test]
fn a_partial_failure_names_listeners_and_does_the_rest() {
    let mut t = Harness::new(Config::default());
    t.account.put_listener("lb-1", Listener::tcp("lbl-2", 81));
    t.account.faults().script(On::Writes, 1, Fault::PartialFailure(vec!["lbl-2".to_owned()]));
    let both = json!({"LoadBalancerId": "lb-1", "Targets": [
        {"ListenerId": "lbl-1", "EniIp": "10.0.0.1", "Port": 8080},
        {"ListenerId": "lbl-2", "EniIp": "10.0.0.1", "Port": 8080}]});
    assert_eq!(t.ok("BatchRegisterTargets", &both)["FailListenerIdSet"], json!(["lbl-2"]));
    assert_eq!(t.weight(1), Some(10));
    assert_eq!(t.account.targets(&PoolId::listener("lb-1", "lbl-2")).unwrap(), []);
    assert_eq!(t.last().outcome, Outcome::Partial);
}

#[test]
fn a_poisoned_target_spoils_each_batch_with_it() {
    let mut t = Harness::new(Config::default());
    t.account.faults().poison(pod(2), Culprit::Named);
    t.account.faults().poison(pod(3), Culprit::Unnamed);
    let named = t.refused("BatchRegisterTargets", &batch(&[(1, None), (2, None)]), "InvalidParameterValue");
    assert!(named.contains("10.0.0.2:8080"), "{named}");
    let unnamed = t.refused("BatchRegisterTargets", &batch(&[(1, None), (3, None)]), "InvalidParameterValue");
    assert!(!unnamed.contains("10.0.0.3"), "{unnamed}");
    t.account.faults().cure(pod(2));
    t.ok("BatchRegisterTargets", &batch(&[(1, None), (2, None)]));
}

#[test]
fn an_answer_lost_before_the_effect() {
    let mut t = Harness::new(Config::default());
    t.account.faults().script(On::Writes, 1, Fault::LostBeforeEffect);
    assert_eq!(t.call("BatchRegisterTargets", &batch(&[(1, None)])).content, Content::Lost);
    assert_eq!((t.weight(1), &t.last().outcome), (None, &Outcome::Unanswered));
}

#[test]
fn an_answer_lost_after_the_effect() {
    let mut t = Harness::new(Config::default());
    t.account.faults().script(On::Writes, 1, Fault::LostAfterEffect);
    assert_eq!(t.call("BatchRegisterTargets", &batch(&[(1, None)])).content, Content::Lost);
    assert_eq!(t.weight(1), Some(10));
}

#[test]
fn an_effect_that_comes_minutes_later() {
    let mut t = Harness::new(Config::default());
    t.account.plant(&web(), pod(1), 10);
    t.account.faults().script(On::Writes, 1, Fault::LateEffect(Duration::from_secs(120)));
    assert_eq!(t.call("BatchModifyTargetWeight", &weights(&[(1, Some(0))])).content, Content::Lost);
    t.ok("BatchModifyTargetWeight", &weights(&[(1, Some(30))])); // it does not hold the load balancer
    t.at_ms(119_999);
    assert_eq!(t.weight(1), Some(30));
    t.at_ms(120_000);
    assert_eq!(t.weight(1), Some(0));
}

#[test]
fn reads_lag_behind_a_write() {
    let mut t = Harness::new(Config::default());
    t.account.plant(&web(), pod(1), 10);
    t.account.faults().script(On::Writes, 1, Fault::ReadLag(Duration::from_secs(2)));
    t.ok("BatchModifyTargetWeight", &weights(&[(1, Some(0))]));
    let mut shown = |ms| {
        t.at_ms(ms);
        let answer = t.ok("DescribeTargets", &json!({"LoadBalancerId": "lb-1"}));
        (answer["Listeners"][0]["Targets"][0]["Weight"].as_u64(), t.weight(1), t.account.next_event())
    };
    assert_eq!(shown(500), (Some(10), Some(0), Some(Duration::from_millis(2500))));
    assert_eq!(shown(2499).0, Some(10));
    assert_eq!(shown(2500), (Some(0), Some(0), None));
}

#[test]
fn odd_shapes_of_a_good_answer() {
    let mut t = Harness::new(Config::default());
    t.account.plant(&web(), pod(1), 10);
    let mut bent = |shape| {
        t.account.faults().script(Action::DescribeTargets, 1, Fault::Odd(shape));
        t.call("DescribeTargets", &json!({"LoadBalancerId": "lb-1"})).content
    };
    let json = |content| match content {
        Content::Json(answer) => answer["Response"].clone(),
        Content::Lost | Content::Unreachable | Content::Raw { .. } => panic!("{content:?}"),
    };
    assert_eq!(json(bent(Shape::NullLists))["Listeners"], Value::Null);
    assert_eq!(json(bent(Shape::EmptyLists))["Listeners"], json!([]));
    let strange = json(bent(Shape::StrangeTargets));
    assert_eq!(strange["Listeners"][0]["Targets"][0]["Port"], 0);
    assert_eq!(strange["Listeners"][0]["Targets"][3]["Port"], 8080, "the real one comes last");
    assert_eq!(json(bent(Shape::NumbersAsStrings))["Listeners"][0]["Targets"][0]["Weight"], "10");
    assert!(json(bent(Shape::NoRequestId)).get("RequestId").is_none());
    assert!(json(bent(Shape::UnknownFields)).get("AddedLastWeek").is_some());
    let Content::Raw { status: StatusCode::OK, body, .. } = bent(Shape::Truncated) else {
        panic!("truncated")
    };
    assert!(serde_json::from_slice::<Value>(&body).is_err());
    assert!(matches!(
        bent(Shape::BadGateway),
        Content::Raw { status: StatusCode::BAD_GATEWAY, content_type: "text/html", .. }
    ));
    assert!(matches!(bent(Shape::Oversized(1000)), Content::Raw { body, .. } if body.len() == 1000));
}

#[test]
fn an_internal_error_with_and_without_effect() {
    let mut t = Harness::new(Config::default());
    t.account.faults().script(On::Writes, 1, Fault::InternalError);
    t.account.faults().script(On::Writes, 1, Fault::InternalErrorAfterEffect);
    t.refused("BatchRegisterTargets", &batch(&[(1, None)]), "InternalError");
    assert_eq!(t.weight(1), None);
    t.refused("BatchRegisterTargets", &batch(&[(1, None)]), "InternalError");
    assert_eq!(t.weight(1), Some(10));
}

#[test]
fn a_slow_answer_does_not_delay_the_effect() {
    let mut t = Harness::new(Config::default());
    t.account.faults().script(On::Writes, 1, Fault::SlowAnswer(Duration::from_secs(30)));
    let reply = t.call("BatchRegisterTargets", &batch(&[(1, None)]));
    assert_eq!((reply.after, t.weight(1)), (Duration::from_secs(30), Some(10)));
}

#[test]
fn random_faults_follow_the_seed_and_their_rates() {
    let run = |seed| {
        let limits = Limits::default().with_calls_per_second(None);
        let mut t = Harness::new(Config::default().with_seed(seed).with_limits(limits));
        t.account.faults().rate(On::Writes, 0.2, Fault::Busy);
        t.account.faults().rate(On::Any, 0.1, Fault::Throttled);
        let body = json!({"LoadBalancerId": "lb-1", "Targets": [{"ListenerId": "lbl-1", "EniIp": "10.0.0.1", "Port": 1}]});
        for _ in 0..5000 {
            t.call("BatchRegisterTargets", &body);
            t.call("BatchDeregisterTargets", &body);
        }
        let codes: Vec<Outcome> = t.account.calls().iter().map(|call| call.outcome.clone()).collect();
        codes
    };
    let outcomes = run(7);
    assert_eq!(outcomes, run(7));
    assert_ne!(outcomes, run(8));
    let count =
        |code: &str| outcomes.iter().filter(|outcome| **outcome == Outcome::Refused(code.to_owned())).count();
    let (busy, throttled) = (count("FailedOperation.ResourceInOperating"), count("RequestLimitExceeded"));
    assert!((1800..2200).contains(&busy), "seed 7: {busy} of 10000 busy, wanted about 2000");
    assert!((850..1150).contains(&throttled), "seed 7: {throttled} of 10000 throttled, wanted about 1000");
}

// ---- time, deletion, log ----

#[test]
fn what_is_deleted_meanwhile_fails_the_task() {
    let mut t = Harness::new(Config::default());
    t.account.plant(&web(), pod(1), 10);
    let task = t.ok("BatchModifyTargetWeight", &weights(&[(1, Some(0))]))["RequestId"].clone();
    assert!(t.account.remove_listener("lb-1", "lbl-1"));
    t.at_ms(1000);
    assert_eq!(t.status(&task), 1);
    assert!(t.account.remove_load_balancer("lb-1"));
    assert!(!t.account.remove_load_balancer("lb-1"));
}

#[test]
fn next_event_is_the_end_of_a_task_and_of_a_lock() {
    let mut t = Harness::new(Config::default().with_settle(Latency::millis(700)));
    assert_eq!(t.account.next_event(), None);
    t.ok("BatchRegisterTargets", &batch(&[(1, None)]));
    assert_eq!(t.account.next_event(), Some(Duration::from_millis(700)));
    t.at_ms(700);
    assert_eq!(t.account.next_event(), None);
    t.ok("BatchModifyTargetWeight", &weights(&[(1, Some(0))]));
    assert_eq!(t.account.next_event(), Some(Duration::from_millis(1200)));
}

#[test]
fn time_does_not_run_backwards() {
    let mut t = Harness::new(Config::default());
    t.at_ms(1000);
    t.at_ms(10);
    t.ok("DescribeLoadBalancers", &json!({}));
    assert_eq!(t.last().at, Duration::from_millis(1000));
}

#[test]
fn latencies_are_drawn_between_their_bounds() {
    let (low, high) = (Duration::from_millis(100), Duration::from_millis(200));
    let mut t = Harness::new(Config::default().with_task(Latency::Between(low, high)));
    t.account.plant(&web(), pod(1), 10);
    let mut ends = Vec::new();
    for _ in 0..50 {
        let start = t.account.now();
        t.ok("BatchModifyTargetWeight", &weights(&[(1, Some(0))]));
        let end = t.account.next_event().unwrap();
        assert!((low..=high).contains(&(end - start)), "{end:?} - {start:?}");
        ends.push(end - start);
        t.now = end + Duration::from_millis(100);
        t.account.advance(t.now);
    }
    ends.sort();
    ends.dedup();
    assert!(ends.len() > 40, "they differ");
}

#[test]
fn the_log_counts_elements_and_targets() {
    let mut t = Harness::new(Config::default());
    t.account.plant(&web(), pod(1), 10);
    t.ok("BatchModifyTargetWeight", &weights(&[(1, Some(0))]));
    let call = t.last();
    assert_eq!((call.action, call.elements, call.targets), (Action::BatchModifyTargetWeight, 1, 1));
    assert_eq!(call.load_balancer.as_deref(), Some("lb-1"));
    t.refused("BatchRegisterTargets", &batch(&[(2, None), (3, None)]), "FailedOperation.ResourceInOperating");
    let call = t.last();
    assert_eq!((call.elements, call.targets), (1, 2));
    assert_eq!(call.outcome, Outcome::Refused("FailedOperation.ResourceInOperating".to_owned()));
}

#[test]
fn the_state_can_be_shown_to_people() {
    let mut t = Harness::new(Config::default());
    t.account.plant(&web(), pod(1), 10);
    t.ok("BatchModifyTargetWeight", &weights(&[(1, Some(0))]));
    let state = t.account.describe();
    assert_eq!(state["load_balancers"][0]["weights"]["lb-1/lbl-1"]["10.0.0.1:8080"], 10);
    assert_eq!(state["load_balancers"][0]["busy_for_ms"], 500);
    assert_eq!(state["running_tasks"][0]["load_balancer"], "lb-1");
}

// ---- harness ----

/// An account with `lb-1`: TCP listener `lbl-1`, HTTP listener `lbl-7` with rule `loc-1`.
struct Harness {
    account: Account,
    now: Duration,
}

impl Harness {
    fn new(config: Config) -> Self {
        let balancer = LoadBalancer::new("lb-1")
            .with_listener(Listener::tcp("lbl-1", 80))
            .with_listener(Listener::http("lbl-7", 8000).with_rule(Rule::new("loc-1", "a.example.com", "/")));
        Self { account: Account::new(config).with_load_balancer(balancer), now: Duration::ZERO }
    }

    fn at_ms(&mut self, ms: u64) {
        self.now = Duration::from_millis(ms);
        self.account.advance(self.now);
    }

    fn call(&mut self, action: &str, body: &Value) -> Reply {
        self.account.handle(self.now, action, body)
    }

    /// Fields of a good answer.
    fn ok(&mut self, action: &str, body: &Value) -> Value {
        let reply = self.call(action, body);
        let Content::Json(answer) = reply.content else { panic!("{action}: {reply:?}") };
        assert!(answer["Response"].get("Error").is_none(), "{action} {body}: {answer}");
        answer["Response"].clone()
    }

    /// Message of an error answer with this code.
    fn refused(&mut self, action: &str, body: &Value, code: &str) -> String {
        let reply = self.call(action, body);
        assert_eq!(reply.content.error_code(), Some(code), "{action}: {reply:?}");
        let Content::Json(answer) = reply.content else { panic!("{action}") };
        answer["Response"]["Error"]["Message"].as_str().expect("errors have a message").to_owned()
    }

    fn status(&mut self, task: &Value) -> u64 {
        self.ok("DescribeTaskStatus", &json!({"TaskId": task}))["Status"]
            .as_u64()
            .expect("a task has a status")
    }

    fn weight(&self, i: u8) -> Option<u8> {
        self.account.weight(&web(), pod(i))
    }

    fn last(&self) -> &Call {
        self.account.calls().last().expect("a call was made")
    }
}

fn web() -> PoolId {
    PoolId::listener("lb-1", "lbl-1")
}

fn pod(i: u8) -> SocketAddr {
    SocketAddr::from(([10, 0, 0, i], 8080))
}

/// A batch register or deregister for `lbl-1`.
fn batch(targets: &[(u8, Option<u8>)]) -> Value {
    let targets: Vec<Value> = targets
        .iter()
        .map(|(i, weight)| json!({"ListenerId": "lbl-1", "EniIp": pod(*i).ip(), "Port": 8080, "Weight": weight}))
        .collect();
    json!({"LoadBalancerId": "lb-1", "Targets": targets})
}

/// A weight call for `lbl-1`.
fn weights(targets: &[(u8, Option<u8>)]) -> Value {
    let targets: Vec<Value> = targets
        .iter()
        .map(|(i, weight)| json!({"EniIp": pod(*i).ip(), "Port": 8080, "Weight": weight}))
        .collect();
    json!({"LoadBalancerId": "lb-1", "ModifyList": [{"ListenerId": "lbl-1", "Targets": targets}]})
}
