//! Target groups: targets that several listeners and rules share.

use std::time::Duration;

use clb_client::sim::{Config, Fault, Listener, LoadBalancer, On, PoolId, Rule, TargetGroup};
use serde_json::{Value, json};

use crate::harness::{Harness, pod};

#[test]
fn members_come_go_and_change_by_tasks() {
    let mut t = with_group();
    t.ok(
        "RegisterTargetGroupInstances",
        &members(
            json!([{"BindIP": "10.0.0.1", "Port": 8080, "Weight": 30}, {"BindIP": "10.0.0.2", "Port": 8080}]),
        ),
    );
    assert_eq!(t.account.targets(&group()).unwrap(), []);
    t.at_ms(500);
    assert_eq!(
        t.account.targets(&group()).unwrap(),
        [(pod(1), 30), (pod(2), 55)],
        "the group's weight is the default"
    );
    t.ok(
        "ModifyTargetGroupInstancesWeight",
        &members(json!([{"BindIP": "10.0.0.1", "Port": 8080, "Weight": 0}])),
    );
    t.at_ms(1000);
    assert_eq!(t.account.weight(&group(), pod(1)), Some(0));
    t.ok(
        "ModifyTargetGroupInstancesPort",
        &members(json!([{"BindIP": "10.0.0.1", "Port": 8080, "NewPort": 81}])),
    );
    t.at_ms(1500);
    t.ok("DeregisterTargetGroupInstances", &members(json!([{"BindIP": "10.0.0.1", "Port": 81}])));
    t.at_ms(2000);
    assert_eq!(t.account.targets(&group()).unwrap(), [(pod(2), 55)]);
}

#[test]
fn a_write_locks_the_group_and_not_its_load_balancers() {
    let mut t = with_group();
    let register = members(json!([{"BindIP": "10.0.0.1", "Port": 8080}]));
    t.ok("RegisterTargetGroupInstances", &register);
    t.refused("RegisterTargetGroupInstances", &register, "FailedOperation.ResourceInOperating");
    let other = json!({"LoadBalancerId": "lb-1", "Targets": [{"ListenerId": "lbl-1", "EniIp": "10.0.0.1", "Port": 80}]});
    t.ok("BatchRegisterTargets", &other);
    assert_eq!(t.account.next_event(), Some(Duration::from_millis(500)));
}

#[test]
fn members_are_read_in_pages() {
    let mut t = with_group();
    for i in 1..=25 {
        t.account.plant(&group(), pod(i), 10);
    }
    let read = |t: &mut Harness, offset| {
        let filter = json!([{"Name": "TargetGroupId", "Values": ["lbtg-1"]}]);
        t.ok("DescribeTargetGroupInstances", &json!({"Filters": filter, "Offset": offset}))
    };
    let first = read(&mut t, 0);
    assert_eq!((&first["TotalCount"], &first["RealCount"]), (&json!(25), &json!(25)));
    assert_eq!(first["TargetGroupInstanceSet"].as_array().unwrap().len(), 20);
    let second = read(&mut t, 20);
    assert_eq!(second["TargetGroupInstanceSet"].as_array().unwrap().len(), 5);
    assert_eq!(second["TargetGroupInstanceSet"][4]["PrivateIpAddresses"], json!(["10.0.0.25"]));
    let one = json!({"Filters": [{"Name": "BindIP", "Values": ["10.0.0.7"]}]});
    assert_eq!(t.ok("DescribeTargetGroupInstances", &one)["TotalCount"], 1);
    t.refused("DescribeTargetGroupInstances", &json!({}), "MissingParameter");
}

#[test]
fn groups_show_who_uses_them() {
    let mut t = with_group();
    let body = json!({"Associations": [
        {"LoadBalancerId": "lb-1", "ListenerId": "lbl-1", "TargetGroupId": "lbtg-1"},
        {"LoadBalancerId": "lb-1", "ListenerId": "lbl-7", "LocationId": "loc-1", "TargetGroupId": "lbtg-1"}]});
    let task = t.ok("AssociateTargetGroups", &body)["RequestId"].clone();
    t.at_ms(500);
    assert_eq!(t.status(&task), 0);
    let answer = t.ok("DescribeTargetGroups", &json!({"TargetGroupIds": ["lbtg-1"]}));
    let shown = &answer["TargetGroupSet"][0];
    assert_eq!((&shown["TargetGroupType"], &shown["AssociatedRuleCount"]), (&json!("v2"), &json!(2)));
    assert_eq!(shown["AssociatedRule"][1]["LocationId"], "loc-1");
    let answer = t.ok("DescribeTargetGroupList", &json!({"TargetGroupIds": ["lbtg-1"]}));
    assert_eq!(answer["TargetGroupSet"][0]["AssociatedRule"], Value::Null);
    let answer = t.ok("DescribeListeners", &json!({"LoadBalancerId": "lb-1"}));
    assert_eq!(answer["Listeners"][0]["TargetType"], "TARGETGROUP-V2");
    assert_eq!(answer["Listeners"][0]["TargetGroup"]["TargetGroupId"], "lbtg-1");
    assert_eq!(answer["Listeners"][1]["Rules"][0]["TargetType"], "TARGETGROUP-V2");
    let single = json!({"LoadBalancerId": "lb-1", "Targets": [{"ListenerId": "lbl-1", "EniIp": "10.0.0.1", "Port": 80}]});
    t.refused("BatchRegisterTargets", &single, "InvalidParameter");
}

#[test]
fn what_is_missing_is_refused() {
    let mut t = with_group();
    let missing =
        json!({"TargetGroupId": "lbtg-9", "TargetGroupInstances": [{"BindIP": "10.0.0.1", "Port": 80}]});
    let message = t.refused("RegisterTargetGroupInstances", &missing, "InvalidParameter");
    assert!(message.contains("lbtg-9"), "{message}");
    let absent = members(json!([{"BindIP": "10.0.0.1", "Port": 80}]));
    t.refused("DeregisterTargetGroupInstances", &absent, "InvalidParameterValue");
    let many: Vec<Value> = (1..=21).map(|i| json!({"BindIP": "10.0.0.1", "Port": i})).collect();
    t.refused("RegisterTargetGroupInstances", &members(json!(many)), "InvalidParameterValue.Length");
    assert!(t.account.remove_target_group("lbtg-1"));
    t.refused("RegisterTargetGroupInstances", &absent, "InvalidParameter");
}

#[test]
fn faults_and_lag_are_for_groups_too() {
    let mut t = with_group();
    t.account.plant(&group(), pod(1), 10);
    t.account.faults().script_for("lbtg-1", On::Writes, 1, Fault::ReadLag(Duration::from_secs(1)));
    t.ok(
        "ModifyTargetGroupInstancesWeight",
        &members(json!([{"BindIP": "10.0.0.1", "Port": 8080, "Weight": 0}])),
    );
    t.at_ms(1499);
    let filter = json!({"Filters": [{"Name": "TargetGroupId", "Values": ["lbtg-1"]}]});
    let shown = |t: &mut Harness| {
        t.ok("DescribeTargetGroupInstances", &filter)["TargetGroupInstanceSet"][0]["Weight"].clone()
    };
    assert_eq!((t.account.weight(&group(), pod(1)), shown(&mut t)), (Some(0), json!(10)));
    t.at_ms(1500);
    assert_eq!(shown(&mut t), 0);
}

/// As usual, and the group `lbtg-1`, whose targets have weight 55 by default.
fn with_group() -> Harness {
    let mut t = Harness::new(Config::default());
    t.account.put_load_balancer(
        LoadBalancer::new("lb-1")
            .with_listener(Listener::tcp("lbl-1", 80))
            .with_listener(Listener::http("lbl-7", 8000).with_rule(Rule::new("loc-1", "a.example.com", "/"))),
    );
    t.account.put_target_group(TargetGroup::new("lbtg-1").with_weight(55));
    t
}

fn group() -> PoolId {
    PoolId::group("lbtg-1")
}

fn members(members: Value) -> Value {
    json!({"TargetGroupId": "lbtg-1", "TargetGroupInstances": members})
}
