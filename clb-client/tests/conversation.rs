//! Which calls are made, in which order, over a transport that answers by script and in virtual time.
#![expect(clippy::unwrap_used, reason = "test data that is known to be well-formed")]

mod script;

use std::env;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use clb_client::api::{
    DescribeAsyncJobs, DescribeCrossTargets, DescribeLoadBalancers, DescribeTargetGroupList,
    DescribeTargetGroups, DescribeTargets, ListenerId, LoadBalancerId, TargetGroupId,
};
use clb_client::credential::{
    Credential, CredentialError, CredentialFuture, ProvideCredential, SecretId, SecretKey, Token,
};
use clb_client::sign::verify;
use clb_client::task::Outcome;
use clb_client::transport::TransportError;
use clb_client::{Client, ErrorKind, Executed, RateLimit, RetryPolicy};

use script::{Script, Step, drain, error, now, ok, register, secret};

#[tokio::test(start_paused = true)]
async fn a_call_is_one_signed_post_and_its_answer_carries_the_request_id() {
    let script = Script::new([ok(r#""Listeners":[{"ListenerId":"lbl-1"}],"#)]);
    let answer = script.client().call(&describe_targets()).await.unwrap();
    assert_eq!((answer.request_id.as_str(), answer.listeners[0].listener_id.as_str()), ("r-1", "lbl-1"));

    let [request] = &*script.sent() else { panic!("one call") };
    assert_eq!(
        (request.method().as_str(), request.uri().to_string()),
        ("POST", "https://clb.tencentcloudapi.com/".into())
    );
    assert_eq!(request.body(), r#"{"LoadBalancerId":"lb-1"}"#);
    for (name, value) in [
        ("host", "clb.tencentcloudapi.com"),
        ("content-type", "application/json"),
        ("x-tc-action", "DescribeTargets"),
        ("x-tc-version", "2018-03-17"),
        ("x-tc-region", "ap-guangzhou"),
        ("x-tc-language", "en-US"),
    ] {
        assert_eq!(request.headers()[name], value, "{name}");
    }
    assert!(verify(request, &secret()).is_ok());
}

#[tokio::test(start_paused = true)]
async fn c1_a_busy_load_balancer_is_asked_again_until_it_is_free() {
    let busy = || error("FailedOperation.ResourceInOperating", "");
    let script = Script::new([busy(), busy(), busy(), ok("")]);
    script.client().call(&register()).await.unwrap();
    assert_eq!(script.sent().len(), 4);
    let pauses = script.pauses();
    for (pause, longest) in pauses.iter().zip([500, 1000, 2000]) {
        assert!((longest / 2..=longest).contains(&(pause.as_millis() as u64)), "{pauses:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn n7_every_attempt_is_signed_anew() {
    let busy = || error("FailedOperation.ResourceInOperating", "");
    let script = Script::new([busy(), busy(), busy(), busy(), ok("")]);
    script.client().call(&register()).await.unwrap();
    let stamps: Vec<u64> =
        script.sent().iter().map(|request| verify(request, &secret()).unwrap().get()).collect();
    assert_eq!(stamps.len(), 5);
    assert!(stamps.is_sorted() && stamps[4] >= stamps[0] + 3, "{stamps:?}");
}

#[tokio::test(start_paused = true)]
async fn n6_date_and_timestamp_are_of_one_instant_also_over_midnight() {
    let script = Script::new((0..6).map(|_| ok("")));
    let reads = AtomicI64::new(0);
    let client =
        script.client().with_wall_clock(move || now().shifted(reads.fetch_add(1, Ordering::Relaxed) - 3));
    for _ in 0..6 {
        client.call(&describe_targets()).await.unwrap();
    }
    // The verifier compares the date of the scope with the timestamp.
    let stamps: Vec<i64> = script
        .sent()
        .iter()
        .map(|request| verify(request, &secret()).unwrap().get() as i64 - now().get() as i64)
        .collect();
    assert_eq!(stamps, [-3, -2, -1, 0, 1, 2], "the clock is read once per attempt, and midnight is at 0");
    // Said here, because signer and verifier might be wrong about the day together.
    for (request, stamp) in script.sent().iter().zip(stamps) {
        let date = if stamp < 0 { "2026-02-28" } else { "2026-03-01" };
        let signature = request.headers()["authorization"].to_str().unwrap();
        assert!(signature.contains(&format!("/{date}/clb/tc3_request,")), "{stamp}: {signature}");
    }
}

/// Runs the test above again in processes that live elsewhere.
#[test]
fn n6_the_day_is_that_of_utc_under_any_local_time_zone() {
    // In this form the sign is that of what is added to local time to get UTC.
    for zone in ["EAST-14", "CST-8", "WEST+12"] {
        let output = Command::new(env::current_exe().unwrap())
            .args(["--exact", "n6_date_and_timestamp_are_of_one_instant_also_over_midnight"])
            .env("TZ", zone)
            .output()
            .unwrap();
        let told = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(output.status.success() && told.contains("1 passed"), "{zone}: {told}");
    }
}

#[tokio::test(start_paused = true)]
async fn n5_a_wall_clock_that_jumps_back_changes_no_pause() {
    let busy = || error("FailedOperation.ResourceInOperating", "");
    let script = Script::new([busy(), busy(), ok("")]);
    let reads = AtomicI64::new(0);
    let client =
        script.client().with_wall_clock(move || now().shifted(-7200 * reads.fetch_add(1, Ordering::Relaxed)));
    client.call(&drain()).await.unwrap();
    let pauses = script.pauses();
    assert!(pauses[0] <= Duration::from_millis(500) && pauses[1] <= Duration::from_secs(1), "{pauses:?}");
}

#[tokio::test(start_paused = true)]
async fn never_sends_once_whatever_the_failure() {
    for step in [
        error("FailedOperation.ResourceInOperating", ""),
        error("RequestLimitExceeded", ""),
        error("InternalError", ""),
        Step::html(502),
        Step::refused(),
        Step::reset(),
    ] {
        let script = Script::new([step]);
        let client = script.client().with_retry(RetryPolicy::never()).with_rate_limit(RateLimit::none());
        assert_eq!(client.call(&drain()).await.unwrap_err().attempts(), 1);
    }
}

#[tokio::test(start_paused = true)]
async fn n1_a_request_that_was_not_sent_is_sent_again_even_when_it_is_not_repeatable() {
    let script = Script::new([Step::refused(), Step::refused(), ok("")]);
    script.client().call(&register()).await.unwrap();
    assert_eq!(script.sent().len(), 3);
}

#[tokio::test(start_paused = true)]
async fn n2_a_lost_answer_is_unknown_and_only_what_is_repeatable_is_repeated() {
    let script = Script::new([Step::reset()]);
    let error = script.client().call(&register()).await.unwrap_err();
    assert_eq!(
        (error.kind(), error.executed(), error.attempts()),
        (ErrorKind::Transport, Executed::Maybe, 1)
    );
    assert!(std::error::Error::source(&error).is_some());

    let script = Script::new([Step::reset(), Step::html(502), ok("")]);
    script.client().call(&drain()).await.unwrap();
    assert_eq!(script.sent().len(), 3);
}

#[tokio::test(start_paused = true)]
async fn n2_a_refusal_after_a_lost_answer_does_not_make_the_call_certainly_unexecuted() {
    let script = Script::new([Step::reset(), error("InvalidParameterValue", "")]);
    let error = script.client().call(&drain()).await.unwrap_err();
    assert_eq!((error.kind(), error.executed()), (ErrorKind::Invalid, Executed::Maybe));
}

#[tokio::test(start_paused = true)]
async fn n3_an_answer_that_does_not_end_is_given_up_after_ten_seconds() {
    let script = Script::new([Step::Hang]);
    let error = script.client().call(&register()).await.unwrap_err();
    assert_eq!((error.kind(), error.executed()), (ErrorKind::Transport, Executed::Maybe));
    assert!(error.message().contains("10s"), "{error}");
    assert_eq!(script.elapsed(), Duration::from_secs(10));
}

#[tokio::test(start_paused = true)]
async fn the_budget_ends_the_retries() {
    let script = Script::new((0..50).map(|_| error("FailedOperation.ResourceInOperating", "")));
    let client = script.client().with_retry(RetryPolicy::within(Duration::from_secs(20)));
    let error = client.call(&drain()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Busy);
    assert!((4..=10).contains(&error.attempts()), "{} attempts", error.attempts());
    assert!(script.elapsed() <= Duration::from_secs(20));
}

#[tokio::test(start_paused = true)]
async fn c21_a_refusal_that_time_does_not_change_is_not_retried() {
    for (code, kind) in [
        ("UnauthorizedOperation", ErrorKind::Permission),
        ("LimitExceeded", ErrorKind::Quota),
        ("InvalidParameter.LBIdNotFound", ErrorKind::LoadBalancerGone),
        ("InvalidParameter.ListenerIdNotFound", ErrorKind::PoolGone),
        ("InvalidParameterValue.Duplicate", ErrorKind::Invalid),
    ] {
        let script = Script::new([error(code, "m")]);
        let error = script.client().call(&drain()).await.unwrap_err();
        assert_eq!((error.kind(), error.code(), error.executed()), (kind, Some(code), Executed::No));
        assert_eq!(
            (error.request_id(), error.action(), error.object()),
            (Some("r-1"), "BatchModifyTargetWeight", "lb-1")
        );
    }
}

#[tokio::test(start_paused = true)]
async fn the_rate_holds_in_any_second_and_is_shared_by_clones() {
    let script = Script::new((0..60).map(|_| ok("")));
    let client = script.client();
    let calls: Vec<_> = (0..60)
        .map(|_| {
            let client = client.clone();
            tokio::spawn(async move { client.call(&describe_targets()).await })
        })
        .collect();
    for call in calls {
        call.await.unwrap().unwrap();
    }
    assert_eq!(script.elapsed(), Duration::from_secs(2), "20 at once, 20 after one second, 20 after two");
}

#[tokio::test(start_paused = true)]
async fn c2_a_throttled_call_waits_and_slows_the_bucket_for_all() {
    let script = Script::new([error("RequestLimitExceeded", "")].into_iter().chain((0..31).map(|_| ok(""))));
    let client = script.client();
    client.call(&describe_targets()).await.unwrap();
    let pause = script.pauses()[0];
    assert!((500..=1000).contains(&pause.as_millis()), "{pause:?}");
    let from = script.elapsed();
    for _ in 0..30 {
        client.call(&describe_targets()).await.unwrap();
    }
    let took = script.elapsed() - from;
    assert!(took >= Duration::from_millis(2_500), "30 calls at 10 per second took {took:?}");
}

#[tokio::test(start_paused = true)]
async fn without_a_limit_calls_do_not_wait_and_questions_for_tasks_still_do() {
    let script = Script::new((0..90).map(|_| ok(r#""Status":0,"#)));
    let client = script.client().with_rate_limit(RateLimit::none());
    for _ in 0..60 {
        client.call(&describe_targets()).await.unwrap();
    }
    assert_eq!(script.elapsed(), Duration::ZERO);
    for _ in 0..30 {
        client.call(&clb_client::api::DescribeTaskStatus::new("t")).await.unwrap();
    }
    assert_eq!(script.elapsed(), Duration::from_secs(1));
}

#[tokio::test(start_paused = true)]
async fn n4_a_wrong_clock_is_corrected_once_from_the_servers_date() {
    for wrong_by in [-31_536_000, -301, 301, 31_536_000] {
        let expired = || error("AuthFailure.SignatureExpire", "").dated();
        let script = Script::new([expired(), ok(""), ok("")]);
        let client =
            script.client().with_retry(RetryPolicy::never()).with_wall_clock(move || now().shifted(wrong_by));
        client.call(&describe_targets()).await.unwrap();
        client.clone().call(&describe_targets()).await.unwrap();
        let off: Vec<i64> = script
            .sent()
            .iter()
            .map(|request| verify(request, &secret()).unwrap().get() as i64 - now().get() as i64)
            .collect();
        assert_eq!(off, [wrong_by, 0, 0]);
    }
}

#[tokio::test(start_paused = true)]
async fn n4_a_server_that_refuses_the_right_time_is_not_asked_again_and_again() {
    let expired = || error("AuthFailure.SignatureExpire", "").dated();
    let script = Script::new([expired()]);
    let error_at_once = script.client().call(&describe_targets()).await.unwrap_err();
    assert_eq!((error_at_once.kind(), error_at_once.attempts()), (ErrorKind::Credential, 1));

    let script = Script::new([expired(), expired()]);
    let client = script.client().with_wall_clock(|| now().shifted(3_600));
    assert_eq!(client.call(&describe_targets()).await.unwrap_err().attempts(), 2);

    let script = Script::new([error("AuthFailure.SignatureExpire", "")]);
    let client = script.client().with_wall_clock(|| now().shifted(3_600));
    assert_eq!(
        client.call(&describe_targets()).await.unwrap_err().attempts(),
        1,
        "no date, nothing to learn"
    );
}

#[tokio::test(start_paused = true)]
async fn n8_a_refused_credential_is_replaced_once_and_the_call_sent_once_more() {
    let refused = || error("AuthFailure.TokenFailure", "");
    let script = Script::new([refused(), ok("")]);
    let client = script.client_of(Rotating).with_retry(RetryPolicy::never());
    client.call(&register()).await.unwrap();
    let tokens: Vec<_> =
        script.sent().iter().map(|request| request.headers()["x-tc-token"].clone()).collect();
    assert_eq!(tokens, ["old", "fresh"]);

    let script = Script::new([refused(), refused()]);
    let error = script.client_of(Rotating).call(&register()).await.unwrap_err();
    assert_eq!((error.kind(), error.executed(), error.attempts()), (ErrorKind::Credential, Executed::No, 2));
}

#[tokio::test(start_paused = true)]
async fn a_source_without_a_credential_sends_nothing() {
    let script = Script::new([]);
    let error = script.client_of(Empty).call(&register()).await.unwrap_err();
    assert_eq!((error.kind(), error.executed(), error.attempts()), (ErrorKind::Credential, Executed::No, 0));
    assert!(std::error::Error::source(&error).unwrap().to_string().contains("SOME_VARIABLE"));
}

#[tokio::test(start_paused = true)]
async fn c11_a_request_above_the_documented_limits_sends_nothing() {
    let script = Script::new([]);
    let ids = vec![LoadBalancerId::new("lb-1").unwrap(); 21];
    let error = script.client().call(&DescribeLoadBalancers::new().with_ids(ids)).await.unwrap_err();
    assert_eq!((error.kind(), error.executed(), error.attempts()), (ErrorKind::Invalid, Executed::No, 0));
}

#[tokio::test(start_paused = true)]
async fn c17_fifty_listeners_are_read_in_three_calls_and_merged() {
    let script = Script::new((0..3).map(|n| ok(&format!(r#""Listeners":[{{"ListenerId":"lbl-{n}"}}],"#))));
    let listeners: Vec<_> = (0..50).map(|n| ListenerId::new(&format!("lbl-{n}")).unwrap()).collect();
    let all = script.client().all_targets(&LoadBalancerId::new("lb-1").unwrap(), &listeners).await.unwrap();
    assert_eq!(
        all.iter().map(|listener| listener.listener_id.as_str()).collect::<Vec<_>>(),
        ["lbl-0", "lbl-1", "lbl-2"]
    );
    let asked: Vec<_> =
        script.sent().iter().map(|r| String::from_utf8_lossy(r.body()).matches("lbl-").count()).collect();
    assert_eq!(asked, [20, 20, 10]);
}

#[tokio::test(start_paused = true)]
async fn pages_are_followed_to_the_end_and_an_empty_one_is_an_end() {
    let page = |n: usize, total| {
        let one = r#"{"LoadBalancerId":"lb-1"}"#;
        ok(&format!(r#""TotalCount":{total},"LoadBalancerSet":[{}],"#, vec![one; n].join(",")))
    };
    let script = Script::new([page(100, 130), page(30, 130)]);
    assert_eq!(script.client().all_load_balancers(DescribeLoadBalancers::new()).await.unwrap().len(), 130);
    let bodies: Vec<_> =
        script.sent().iter().map(|r| String::from_utf8(r.body().to_vec()).unwrap()).collect();
    assert_eq!(bodies, [r#"{"Offset":0,"Limit":100}"#, r#"{"Offset":100,"Limit":100}"#]);

    let script = Script::new([page(100, 130), page(0, 130)]);
    assert_eq!(script.client().all_load_balancers(DescribeLoadBalancers::new()).await.unwrap().len(), 100);
}

#[tokio::test(start_paused = true)]
async fn c16_an_answer_without_a_count_does_not_end_a_list_at_its_first_page() {
    let page = |n: usize| {
        let one = r#"{"LoadBalancerId":"lb-1"}"#;
        ok(&format!(r#""TotalCount":null,"LoadBalancerSet":[{}],"#, vec![one; n].join(",")))
    };
    let script = Script::new([page(100), page(100), page(7)]);
    assert_eq!(script.client().all_load_balancers(DescribeLoadBalancers::new()).await.unwrap().len(), 207);
    let script = Script::new([page(100), page(0)]);
    assert_eq!(script.client().all_load_balancers(DescribeLoadBalancers::new()).await.unwrap().len(), 100);
}

#[tokio::test(start_paused = true)]
async fn target_groups_are_read_by_pages() {
    let page = |n: usize| {
        let members = vec![r#"{"Port":80}"#; n].join(",");
        ok(&format!(r#""TotalCount":0,"RealCount":150,"TargetGroupInstanceSet":[{members}],"#))
    };
    let script = Script::new([page(100), page(50)]);
    let group = TargetGroupId::new("lbtg-1").unwrap();
    assert_eq!(script.client().all_group_members(&group).await.unwrap().len(), 150);

    let page = |n: usize| {
        let groups = vec![r#"{"TargetGroupId":"lbtg-1"}"#; n].join(",");
        ok(&format!(r#""TotalCount":101,"TargetGroupSet":[{groups}],"#))
    };
    let script = Script::new([page(100), page(1), page(100), page(1)]);
    assert_eq!(script.client().all_target_groups(DescribeTargetGroups::new()).await.unwrap().len(), 101);
    assert_eq!(script.client().target_group_list(DescribeTargetGroupList::new()).await.unwrap().len(), 101);
    let actions: Vec<_> =
        script.sent().iter().map(|request| request.headers()["x-tc-action"].clone()).collect();
    assert_eq!(actions[1..3], ["DescribeTargetGroups", "DescribeTargetGroupList"]);
    assert_eq!(script.sent()[3].body(), r#"{"Offset":100,"Limit":100}"#);
}

#[tokio::test(start_paused = true)]
async fn targets_of_other_networks_are_read_by_pages() {
    let page = |n: usize| {
        let targets = vec![r#"{"IP":"10.1.0.7"}"#; n].join(",");
        ok(&format!(r#""TotalCount":102,"CrossTargetSet":[{targets}],"#))
    };
    let script = Script::new([page(100), page(2)]);
    assert_eq!(script.client().all_cross_targets(DescribeCrossTargets::new()).await.unwrap().len(), 102);
    assert_eq!(script.sent()[1].headers()["x-tc-action"], "DescribeCrossTargets");
    assert_eq!(script.sent()[1].body(), r#"{"Offset":100,"Limit":100}"#);
}

#[tokio::test(start_paused = true)]
async fn asynchronous_calls_are_read_page_by_page_and_merged() {
    let script = Script::new([jobs(&["r-a", "r-b"], "t-1"), jobs(&[], "t-2"), jobs(&["r-c"], "")]);
    let all = script.client().all_async_jobs(ids(&["r-a", "r-b", "r-c"])).await.unwrap();
    assert_eq!(all.iter().map(|job| job.request_id.as_str()).collect::<Vec<_>>(), ["r-a", "r-b", "r-c"]);
    let bodies: Vec<_> =
        script.sent().iter().map(|r| String::from_utf8(r.body().to_vec()).unwrap()).collect();
    let named = r#""RequestIds":["r-a","r-b","r-c"]"#;
    assert_eq!(
        bodies,
        [
            format!(r#"{{{named},"MaxResults":100}}"#),
            format!(r#"{{{named},"NextToken":"t-1","MaxResults":100}}"#),
            format!(r#"{{{named},"NextToken":"t-2","MaxResults":100}}"#),
        ]
    );
    let nobody = Script::new([]).client();
    assert_eq!(nobody.all_async_jobs(Vec::new()).await.unwrap(), []);
    let too_long = DescribeAsyncJobs::new(ids(&["r-a"])).with_page("", 101);
    let error = nobody.call(&too_long).await.unwrap_err();
    let why = std::error::Error::source(&error).expect("it says which limit").to_string();
    assert!(why.contains("calls on a page"), "{why}");
}

#[tokio::test(start_paused = true)]
async fn c16_a_list_of_asynchronous_calls_without_end_is_an_error() {
    let cases = [
        // The same token, two that take turns, and always another one.
        (
            vec![jobs(&["r-a"], "t-1"), jobs(&["r-a"], "t-1")],
            "after 2 pages for 3 request ids the next token is \"t-1\"",
        ),
        (vec![jobs(&["r-a"], "t-1"), jobs(&["r-b"], "t-2"), jobs(&["r-a"], "t-1")], "after 3 pages"),
        ((1..=4).map(|n| jobs(&[], &format!("t-{n}"))).collect(), "after 4 pages"),
    ];
    for (pages, message) in cases {
        let error =
            Script::new(pages).client().all_async_jobs(ids(&["r-a", "r-b", "r-c"])).await.unwrap_err();
        assert_eq!((error.kind(), error.action()), (ErrorKind::Failed, "DescribeAsyncJobs"));
        assert!(error.to_string().contains(message), "{error}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_task_is_asked_about_until_it_ends() {
    let script = Script::new([status(2), status(7), status(0)]);
    assert!(matches!(script.client().task("t-1").wait(minutes(1)).await, Outcome::Succeeded));
    let sent = script.sent();
    assert_eq!(sent.len(), 3);
    assert_eq!(sent[0].body(), r#"{"TaskId":"t-1"}"#);
    assert!((200..=300).contains(&script.times()[0].as_millis()), "{:?}", script.times());
}

#[tokio::test(start_paused = true)]
async fn c3_a_failed_task_says_why() {
    let script = Script::new([ok(r#""Status":1,"Message":"no\nroom","#)]);
    let outcome = script.client().task("t-1").wait(minutes(1)).await;
    assert!(matches!(&outcome, Outcome::Failed { message } if message == "no room"), "{outcome:?}");
}

#[tokio::test(start_paused = true)]
async fn c4_a_task_that_runs_on_is_unknown_when_time_is_up() {
    let script = Script::new((0..200).map(|_| status(2)));
    let outcome = script.client().task("t-1").wait(minutes(1)).await;
    assert!(matches!(outcome, Outcome::Unknown { last: None }), "{outcome:?}");
    let asked = script.sent().len();
    assert!((25..50).contains(&asked), "{asked} questions in a minute");
    assert!(script.elapsed() <= minutes(1));
}

#[tokio::test(start_paused = true)]
async fn c5_a_task_that_the_server_does_not_know_is_unknown_at_once() {
    let script = Script::new([error("InvalidParameter", "no such task")]);
    let outcome = script.client().task("t-1").wait(minutes(1)).await;
    assert!(
        matches!(&outcome, Outcome::Unknown { last: Some(error) } if error.kind() == ErrorKind::Invalid),
        "{outcome:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn failures_to_ask_do_not_end_the_waiting() {
    let steps =
        [Step::refused(), Step::reset(), error("RequestLimitExceeded", ""), Step::html(502), status(0)];
    let script = Script::new(steps);
    assert!(matches!(script.client().task("t-1").wait(minutes(1)).await, Outcome::Succeeded));
    assert_eq!(script.sent().len(), 5);
}

#[tokio::test(start_paused = true)]
async fn the_pace_of_one_task_is_learned_by_the_clones() {
    let script = Script::new([status(2), status(2), status(2), status(0), status(0)]);
    let client = script.client();
    client.clone().task("t-1").wait(minutes(1)).await;
    let (first, length) = (script.times()[3], script.times()[3] - script.times()[0]);
    client.clone().task("t-2").wait(minutes(1)).await;
    let asked_after = script.times()[4] - first;
    assert!(asked_after > length / 2, "asked after {asked_after:?} although the last task took {length:?}");
}

#[tokio::test(start_paused = true)]
async fn waiting_for_a_task_ends_in_time_even_when_answers_hang() {
    let script = Script::new([Step::Hang]);
    let outcome = script.client().task("t-1").wait(Duration::from_secs(3)).await;
    assert!(matches!(outcome, Outcome::Unknown { .. }), "{outcome:?}");
    assert_eq!(script.elapsed(), Duration::from_secs(3));
}

/// Gives a token that the server does not accept, and another one when told so.
struct Rotating;

impl ProvideCredential for Rotating {
    fn credential(&self) -> CredentialFuture<'_> {
        Box::pin(async { Ok(credential("old")) })
    }

    fn replacement(&self, refused: &Credential) -> CredentialFuture<'_> {
        assert!(refused.token().is_some());
        Box::pin(async { Ok(credential("fresh")) })
    }
}

/// Has none.
struct Empty;

impl ProvideCredential for Empty {
    fn credential(&self) -> CredentialFuture<'_> {
        Box::pin(async {
            Err(CredentialError::Absent { source_name: "the test", what: "SOME_VARIABLE".into() })
        })
    }
}

fn credential(token: &str) -> Credential {
    let id = SecretId::new("id").unwrap();
    Credential::new(id, SecretKey::new("key").unwrap()).with_token(Token::new(token).unwrap())
}

fn describe_targets() -> DescribeTargets {
    DescribeTargets::new(LoadBalancerId::new("lb-1").unwrap())
}

/// A page of asynchronous calls that have ended, and where the next one begins.
fn jobs(ids: &[&str], next: &str) -> Step {
    let jobs: Vec<_> =
        ids.iter().map(|id| format!(r#"{{"RequestId":"{id}","Status":"Succeeded"}}"#)).collect();
    ok(&format!(r#""Jobs":[{}],"NextToken":"{next}","#, jobs.join(",")))
}

fn ids(ids: &[&str]) -> Vec<String> {
    ids.iter().map(|id| (*id).to_owned()).collect()
}

fn status(status: u8) -> Step {
    ok(&format!(r#""Status":{status},"#))
}

fn minutes(minutes: u64) -> Duration {
    Duration::from_secs(60 * minutes)
}

#[test]
fn the_parts_of_a_client_can_be_shared_by_threads() {
    fn shared<T: Send + Sync + 'static>() {}
    shared::<Client>();
    shared::<clb_client::Error>();
    shared::<TransportError>();
    shared::<Arc<dyn clb_client::Transport>>();
}
