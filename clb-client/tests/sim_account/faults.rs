//! Each fault on demand.

use std::time::Duration;

use clb_client::sim::{
    Action, Applied, Config, Content, Culprit, Fault, Limits, Listener, On, Outcome, PoolId, Shape,
};
use http::StatusCode;
use serde_json::{Value, json};

use crate::harness::{Harness, batch, pod, web, weights};

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
