//! What one call may carry, and how many calls there may be.

use std::net::SocketAddr;

use clb_client::sim::{Config, Latency, Limits, Listener, LoadBalancer, PoolId};
use serde_json::{Value, json};

use crate::harness::{Harness, batch, pod, web, weights};

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
