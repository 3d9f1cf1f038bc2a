//! What writes do, and when.

use std::time::Duration;

use clb_client::sim::{Config, Latency, PoolId};
use serde_json::{Value, json};

use crate::harness::{Harness, batch, pod, web, weights};

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
