//! The plain queries: why a target has its weight, what would be sent, where a Pod stands, how far its drain is.

use grace_core::DrainOn::{Termination, TerminationAndUnready};
use grace_core::{Claim, Event, Flight, ObjectName, Reason, Seeing, Step, Uid, Want};

use crate::harness::Harness;
use crate::words::*;
use crate::world::{lane, w};

fn with<const N: usize>(pods: [&'static str; N]) -> Harness {
    let mut t = Harness::of([drains("web", Termination), bound("web", ["lb-1/lbl-1", "lb-1/lbl-2"])]);
    t.given(pods.map(serving));
    t
}

/// What would be sent: places, steps and reasons, in the order of the plan.
fn plan(t: &Harness) -> Vec<(String, Step, Reason)> {
    let planned = t.machine().plan();
    planned.into_iter().map(|p| (p.target.to_string(), p.step, p.cause.reason)).collect()
}

#[test]
fn a_target_at_rest_is_what_it_should_be() {
    let t = with(["web-1"]);
    let why = t.machine().explain(&target("web-1")).expect("it is known");
    assert_eq!((why.want, why.seen), (Want::Present(w(10)), Seeing::Registered(w(10))));
    assert_eq!((why.flying, why.claim, why.assumed, why.doubt), (None, Claim::Held, false, false));
    assert_eq!(why.cause.reason, Reason::Ready);
    assert_eq!(why.occupant, Some((Uid::of("web-1"), ObjectName::new("shop", "web-1"))));
    assert_eq!(why.route.map(|key| key.owner), Some(ObjectName::new("shop", "web")));
}

#[test]
fn a_target_that_drains_says_so_from_the_signal_to_its_end() {
    let mut t = with(["web-1", "web-2"]);
    let explain = |t: &Harness| t.machine().explain(&target("web-1")).expect("it is known");
    t.when(terminating("web-1"));
    let why = explain(&t);
    assert_eq!((why.want, why.flying), (Want::Keep(w(0)), None), "it lingers");
    assert_eq!(why.cause.reason, Reason::Terminating);
    t.after_linger();
    let why = explain(&t);
    assert_eq!((why.seen, why.flying), (Seeing::Registered(w(10)), Some(Flight::Weight(w(0)))));
    t.settle();
    let why = explain(&t);
    assert_eq!((why.seen, why.flying), (Seeing::Registered(w(0)), None));
    t.when(gone("web-1"));
    t.wait(millis(100));
    let why = explain(&t);
    assert_eq!((why.want, why.flying), (Want::Absent, Some(Flight::Deregister)));
    assert_eq!(why.cause.reason, Reason::Gone);
    t.wait(millis(500));
    assert!(explain(&t).assumed, "an answer without a task is an assumption");
}

#[test]
fn nothing_is_known_of_a_target_that_nobody_mentioned() {
    let t = with(["web-1"]);
    assert_eq!(t.machine().explain(&target("web-9")), None);
    assert_eq!(t.machine().explain(&target_on("lb-9/lbl-1", "web-1")), None);
}

#[test]
fn a_plan_says_what_leaves_next_and_then_it_is_empty() {
    let mut t = with(["web-1", "web-2"]);
    assert_eq!(plan(&t), []);
    t.when(terminating("web-1"));
    let both =
        |name: &str| ["lbl-1", "lbl-2"].map(|pool| target_on(&format!("lb-1/{pool}"), name).to_string());
    let zero = |at: String| (at, Step::Weight(w(0)), Reason::Terminating);
    assert_eq!(plan(&t), both("web-1").map(zero));
    t.after_linger();
    assert_eq!(plan(&t), [], "it is on its way");
    t.expect_calls(&[vec![weight("web-1", 0), weight("web-1", 0).on("lb-1/lbl-2")]]);
}

#[test]
fn a_process_without_a_grant_plans_and_explains_what_it_would_do() {
    let mut t = with(["web-1", "web-2"]);
    t.send(&Event::Revoked(lane("lb-1")));
    t.when([terminating("web-1"), gone("web-2")]);
    t.forget();
    t.wait(minutes(1));
    assert!(t.left.is_empty(), "{:?}", t.left);
    let steps: Vec<_> = plan(&t).into_iter().map(|(_, step, reason)| (step, reason)).collect();
    let zero = (Step::Weight(w(0)), Reason::Terminating);
    let remove = (Step::Deregister, Reason::Gone);
    assert_eq!(steps, [zero, remove, zero, remove], "by pool and address");
    let why = t.machine().explain(&target("web-1")).expect("it is known");
    assert_eq!(why.want, Want::Keep(w(0)));
}

#[test]
fn a_standby_that_was_never_granted_plans_from_what_it_was_told() {
    let mut t =
        Harness::cold([drains("web", TerminationAndUnready), bound("web", ["lb-1/lbl-1"]), serving("web-1")]);
    t.announce_lanes();
    for event in t.world.relist() {
        t.send(&event);
    }
    t.send(&Event::Synced);
    t.wait(minutes(1));
    let why = t.machine().explain(&target("web-1")).expect("it is known");
    assert_eq!((why.want, why.seen), (Want::Present(w(10)), Seeing::Unknown));
}

#[test]
fn a_pod_is_found_by_its_name() {
    let mut t = with(["web-1", "web-2"]);
    let found = |t: &Harness, name: &str| t.machine().find(&ObjectName::new("shop", name));
    assert_eq!(found(&t, "web-1"), [target("web-1"), target_on("lb-1/lbl-2", "web-1")]);
    assert_eq!(found(&t, "web-9"), []);
    assert_eq!(t.machine().find(&ObjectName::new("elsewhere", "web-1")), []);
    t.when(terminating("web-1"));
    t.settle();
    assert_eq!(found(&t, "web-1").len(), 2, "it stands there still");
}

#[test]
fn a_drain_is_open_until_it_is_confirmed_and_known_until_the_pod_is_gone() {
    let mut t = with(["web-1", "web-2"]);
    let drain = |t: &Harness| t.machine().drain(Uid::of("web-1"));
    assert_eq!(drain(&t), None);
    t.when(terminating("web-1"));
    t.after_linger();
    let open = drain(&t).expect("it drains");
    assert_eq!((open.targets, open.confirmed), (2, false));
    t.wait(millis(999));
    assert!(!drain(&t).expect("it drains").confirmed, "its task is still running");
    t.wait(millis(1));
    assert!(drain(&t).expect("it drains").confirmed);
    t.wait(seconds(10));
    // `running` is as old as the last call of the contract.
    assert!(drain(&t).expect("it drains").running >= seconds(1));
    t.when(gone("web-1"));
    t.wait(minutes(5));
    assert_eq!(drain(&t), None);
}

#[test]
fn it_is_ready_once_everything_is_listed_and_every_pool_was_read_or_is_missing() {
    let mut t = Harness::cold([
        drains("web", Termination),
        bound("web", ["lb-1/lbl-1", "lb-2/lbl-1"]),
        serving("web-1"),
    ]);
    t.model.balancer("lb-2").gone = true;
    t.announce_lanes();
    for event in t.world.relist() {
        t.send(&event);
    }
    assert!(!t.machine().is_ready());
    t.send(&Event::Synced);
    assert!(t.machine().is_ready(), "a standby is ready without a grant");
    for lane in t.lanes() {
        t.send(&Event::Granted(lane));
    }
    assert!(!t.machine().is_ready());
    t.wait(seconds(3));
    assert!(t.machine().is_ready());
}
