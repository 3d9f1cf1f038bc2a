//! What answers look like.

use clb_client::sim::{Config, Listener, LoadBalancer, PoolId, Switch};
use serde_json::{Value, json};

use crate::harness::{Harness, pod, web};

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
