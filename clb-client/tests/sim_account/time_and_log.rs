//! Virtual time, deletion meanwhile, the log.

use std::time::Duration;

use clb_client::sim::{Action, Config, Latency, Outcome};
use serde_json::json;

use crate::harness::{Harness, batch, pod, web, weights};

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
    assert_eq!(state["running_tasks"][0]["locks"], "lb-1");
}

#[test]
fn the_state_tells_every_call_and_when_each_weight_came_into_force() {
    let mut t = Harness::new(Config::default());
    t.account.plant(&web(), pod(1), 10);
    t.ok("BatchModifyTargetWeight", &weights(&[(1, Some(0))]));
    t.refused("BatchRegisterTargets", &batch(&[(2, None)]), "FailedOperation.ResourceInOperating");
    t.at_ms(500);
    let state = t.account.describe();
    let [call, refused] = &state["call_log"].as_array().unwrap()[..] else { panic!("{state}") };
    assert_eq!((&call["action"], &call["on"]), (&json!("BatchModifyTargetWeight"), &json!("lb-1")));
    assert_eq!((&call["targets"], &call["outcome"]), (&json!(1), &json!("accepted")));
    assert_eq!(refused["outcome"], "FailedOperation.ResourceInOperating");
    let zero = state["change_log"].as_array().unwrap().last().unwrap();
    assert_eq!((&zero["pool"], &zero["target"]), (&json!("lb-1/lbl-1"), &json!("10.0.0.1:8080")));
    assert_eq!((&zero["before"], &zero["after"]), (&json!(10), &json!(0)));
    assert_eq!(zero["at_ms"], 500);
}

#[test]
fn the_log_keeps_the_latest_and_says_how_many_are_missing() {
    let mut t = Harness::new(Config::default().with_log(3));
    let mut tasks = Vec::new();
    for n in 0..8_u8 {
        t.account.plant(&web(), pod(1), n);
        tasks.push(t.ok("BatchModifyTargetWeight", &weights(&[(1, Some(50 + n))]))["RequestId"].clone());
        t.at_ms(u64::from(n + 1) * 1000);
    }
    let after: Vec<_> = t.account.changes().iter().map(|change| change.after).collect();
    assert_eq!(after, [Some(56), Some(7), Some(57)]);
    assert_eq!((t.account.calls().len(), t.account.calls_dropped()), (3, 5));
    assert_eq!(t.account.changes_dropped(), 13);
    let state = t.account.describe();
    assert_eq!((&state["calls"], &state["calls_dropped"]), (&json!(8), &json!(5)));
    assert_eq!((&state["changes"], &state["changes_dropped"]), (&json!(16), &json!(13)));
    assert_eq!(t.status(&tasks[5]), 0);
    t.refused("DescribeTaskStatus", &json!({"TaskId": tasks[4]}), "InvalidParameter");
}
