//! Several Services on one load balancer, and several load balancers: one write at a time on each, none in the way of
//! another.

use grace_core::DrainOn::{Nothing, Termination};
use grace_core::{
    LaneFacts, LaneId, Life, Limits, Notice, Pool, Resolution, Switch, TargetGroupId, TargetId,
};

use crate::call::Verb;
use crate::fault::Fault;
use crate::harness::Harness;
use crate::words::*;

/// Two Services on two listeners of one load balancer.
fn two_services() -> Harness {
    let mut t = Harness::of([
        drains("web", Termination),
        bound("web", ["lb-1/lbl-1"]),
        drains("api", Termination),
        bound("api", ["lb-1/lbl-2"]),
    ]);
    t.given([serving("web-1"), serving("web-2"), serving("api-1"), serving("api-2")]);
    t
}

/// As many load balancers with a Service and a ready Pod each: `s1-1` behind `lb-1/lbl-1` and so on.
fn lanes(n: usize) -> Harness {
    let places: Vec<&'static str> =
        (0..n).map(|i| &*Box::leak(format!("lb-{i}/lbl-1").into_boxed_str())).collect();
    let mut facts = Vec::new();
    for (i, place) in places.iter().enumerate() {
        facts.push(drains(format!("s{i}"), Termination));
        facts.push(bound(format!("s{i}"), [*place]));
    }
    let mut t = Harness::of(facts);
    t.given((0..n).map(|i| serving(format!("s{i}-1"))).collect::<Vec<_>>());
    t
}

#[test]
fn f5_two_services_that_roll_at_once_share_one_call() {
    let mut t = two_services();
    t.when([terminating("web-1"), terminating("api-1")]);
    t.after_linger();
    t.expect_calls(&[vec![weight("web-1", 0), weight("api-1", 0).on("lb-1/lbl-2")]]);
}

#[test]
fn what_comes_while_a_write_is_under_way_leaves_the_moment_it_ends() {
    let mut t = two_services();
    t.when(terminating("web-1"));
    t.wait(millis(100));
    t.expect([weight("web-1", 0)]);
    t.when(terminating("web-2"));
    t.wait(millis(200));
    t.when(terminating("api-1"));
    t.wait(millis(729));
    t.expect([]);
    t.wait(millis(1));
    t.expect_calls(&[vec![weight("web-2", 0), weight("api-1", 0).on("lb-1/lbl-2")]]);
}

#[test]
fn a_stream_of_events_is_gathered_for_300_ms_at_most() {
    let mut t = Harness::new(Termination);
    t.model.timing.answer = seconds(1);
    t.given((1..=30).map(|n| serving(format!("web-{n}"))).collect::<Vec<_>>());
    let start = t.now;
    for n in 1..=30 {
        t.when(terminating(format!("web-{n}")));
        t.wait(millis(20));
    }
    assert_eq!(t.times(Verb::Weights)[0], start + millis(300));
}

#[test]
fn a_quick_load_balancer_is_kept_waiting_a_third_of_its_time() {
    let mut t = Harness::new(Termination);
    t.model.timing.task = millis(150);
    t.model.timing.answer = millis(150);
    t.given((1..=80).map(|n| serving(format!("web-{n}"))).collect::<Vec<_>>());
    for n in 1..=50 {
        t.when(terminating(format!("web-{n}")));
        t.settle();
    }
    t.forget();
    let start = t.now;
    for n in 51..=60 {
        t.when(terminating(format!("web-{n}")));
        t.wait(millis(20));
    }
    assert_eq!(t.times(Verb::Weights)[0], start + millis(50));
}

#[test]
fn f6_a_failing_load_balancer_does_not_hold_up_another() {
    let mut t = lanes(2);
    t.model.stuck.insert(crate::world::lane("lb-0"));
    t.when(terminating("s0-1"));
    t.wait(minutes(1));
    t.forget();
    t.when(terminating("s1-1"));
    t.after_linger();
    assert!(t.writes().contains(&weight("s1-1", 0).on("lb-1/lbl-1")));
}

#[test]
fn c1_a_busy_load_balancer_is_asked_again_with_what_came_meanwhile() {
    let mut t = two_services();
    t.next(Verb::Weights, Fault::Busy);
    t.when(terminating("web-1"));
    t.wait(millis(100));
    t.expect([weight("web-1", 0)]);
    t.when(terminating("api-1"));
    t.wait(millis(400));
    t.expect([]);
    t.settle();
    t.expect_calls(&[vec![weight("web-1", 0), weight("api-1", 0).on("lb-1/lbl-2")]]);
}

#[test]
fn c1_what_is_no_longer_wanted_is_not_repeated_after_busy() {
    let mut t = Harness::new(grace_core::DrainOn::TerminationAndUnready);
    t.given([serving("web-1"), serving("web-2")]);
    t.next(Verb::Weights, Fault::Busy);
    t.when(unready("web-1"));
    t.wait(millis(100));
    t.expect([weight("web-1", 0)]);
    t.when(serving("web-1"));
    t.wait(minutes(2));
    t.expect([]);
}

#[test]
fn c1_other_load_balancers_are_not_affected() {
    let mut t = lanes(2);
    t.next(Verb::Weights, Fault::Busy);
    t.when(terminating("s0-1"));
    t.after_linger();
    t.forget();
    t.when(terminating("s1-1"));
    t.after_linger();
    t.expect([weight("s1-1", 0).on("lb-1/lbl-1")]);
}

#[test]
fn c2_twenty_calls_leave_in_a_second_and_those_that_are_killed_first_go_first() {
    let mut t = lanes(50);
    let start = t.now;
    t.when(
        (0..50_u64)
            .map(|i| {
                pod(format!("s{i}-1"), move |pod, now| {
                    // Killed in the order 49, 48, .. 0.
                    pod.facts.life = Life::Terminating { asked: now, kill: now + seconds(100 - i) };
                })
            })
            .collect::<Vec<_>>(),
    );
    t.wait(seconds(10));
    let times = t.times(Verb::Weights);
    let due = |n: u64| start + millis(30) + seconds(n);
    let at = |when| times.iter().filter(|time| **time == when).count();
    assert_eq!([at(due(0)), at(due(1)), at(due(2))], [20, 20, 10], "{times:?}");
    let order: Vec<_> = t.writes().into_iter().map(|write| write.target.lane).collect();
    let wanted: Vec<_> = (0..50).rev().map(|i| crate::world::lane(&format!("lb-{i}"))).collect();
    let (first, then) = order.split_at(20);
    let mut first = first.to_vec();
    let mut expected = wanted[..20].to_vec();
    first.sort();
    expected.sort();
    assert_eq!(first, expected, "the twenty that are killed first");
    assert_eq!(then, &wanted[20..], "and what waited, in the order of its deadlines");
}

#[test]
fn c2_throttling_halves_the_budget_and_success_restores_it() {
    let mut t = lanes(60);
    t.next(Verb::Weights, Fault::Throttled);
    t.when(terminating("s0-1"));
    t.settle();
    t.forget();
    let start = t.now;
    t.when((1..60).map(|i| terminating(format!("s{i}-1"))).collect::<Vec<_>>());
    t.wait(millis(900));
    let first = t.count(Verb::Weights);
    // One success after the halving may have given a little back.
    assert!((10..15).contains(&first), "{first} calls in the first second after being throttled");
    t.wait(minutes(1));
    assert_eq!(t.writes().len(), 59);
    assert!(t.times(Verb::Weights).iter().all(|at| *at < start + seconds(15)));
}

#[test]
fn l7_throttled_reads_do_not_slow_down_drains() {
    let mut t = lanes(30);
    for _ in 0..5 {
        t.next(Verb::Read, Fault::Throttled);
    }
    t.wait(minutes(2));
    t.forget();
    t.when((0..20).map(|i| terminating(format!("s{i}-1"))).collect::<Vec<_>>());
    t.wait(seconds(1));
    assert_eq!(t.count(Verb::Weights), 20);
}

#[test]
fn o29_each_target_follows_the_policy_of_its_own_route() {
    let mut t = Harness::of([
        drains("web", Termination),
        bound("web", ["lb-1/lbl-1"]),
        drains("web:2", Nothing),
        bound("web:2", ["lb-2/lbl-1"]),
    ]);
    t.given([serving("web-1"), serving("web-2")]);
    t.when(terminating("web-1"));
    t.settle();
    t.expect([weight("web-1", 0), deregister("web-1").on("lb-2/lbl-1")]);
    t.when(gone("web-1"));
    t.settle();
    t.expect([deregister("web-1")]);
}

#[test]
fn o30_the_older_of_two_services_keeps_the_listener() {
    let mut t = Harness::new(Termination);
    t.given(serving("web-1"));
    t.when([drains("api", Termination), bound("api", ["lb-1/lbl-1"]), serving("api-1")]);
    t.settle();
    t.expect([]);
    let contested = |n: &Notice| matches!(n, Notice::Contested { route, holder, .. } if &*route.owner.name == "api" && &*holder.owner.name == "web");
    assert_eq!(t.told(contested), 1, "{:?}", t.notices);
    t.wait(minutes(3));
    assert_eq!(t.told(contested), 1, "told once");
    t.when(terminating("web-1"));
    t.after_linger();
    t.expect([weight("web-1", 0)]);
}

#[test]
fn o30_the_younger_is_driven_once_the_older_lets_go() {
    let mut t = Harness::new(Termination);
    t.given([serving("web-1"), drains("api", Termination), bound("api", ["lb-1/lbl-1"]), serving("api-1")]);
    t.when(ended("web", grace_core::RouteEnd::Deleted));
    t.wait(minutes(3));
    t.expect_registered([("api-1", 10)]);
    t.expect_claims(["api-1"]);
}

#[test]
fn o22_listeners_of_one_service_are_independent() {
    let mut t = Harness::of([
        drains("web", Termination),
        bound("web", ["lb-1/lbl-1"]),
        drains("web:UDP/80", Termination),
        bound("web:UDP/80", ["lb-1/lbl-2"]),
    ]);
    t.given([serving("web-1"), serving("web-2")]);
    t.when(ended("web:UDP/80", grace_core::RouteEnd::Deleted));
    t.wait(minutes(2));
    t.expect_registered([("web-1", 10), ("web-2", 10)]);
    let writes = t.writes();
    assert!(writes.iter().all(|write| write.target.pool == crate::world::pool("lbl-2")), "{writes:?}");
    assert_eq!(writes.len(), 4, "two zeros, two deregistrations");
}

#[test]
fn restores_ride_along_with_zeros_in_one_call() {
    let mut t = Harness::new(grace_core::DrainOn::TerminationAndUnready);
    t.given([serving("web-1"), serving("web-2"), unready("web-3")]);
    t.given(serving("web-3"));
    t.given(unready("web-3"));
    // Long enough ago to be no flapping.
    t.wait(minutes(1));
    t.forget();
    t.when([terminating("web-1"), serving("web-3")]);
    t.after_linger();
    t.expect_calls(&[vec![weight("web-1", 0), weight("web-3", 10)]]);
}

#[test]
fn zeros_leave_before_registrations_and_those_before_deregistrations() {
    let mut t = Harness::new(Termination);
    t.given([serving("web-1"), serving("web-2"), serving("web-3"), unready("web-4")]);
    t.given(terminating("web-3"));
    t.when([gone("web-3"), serving("web-4"), terminating("web-1")]);
    t.settle();
    t.expect_calls(&[vec![weight("web-1", 0)], vec![register("web-4", 10)], vec![deregister("web-3")]]);
}

#[test]
fn those_that_are_killed_first_are_in_the_first_call_whole_pods_at_a_time() {
    let mut t = Harness::of([drains("web", Termination), bound("web", ["lb-1/lbl-1", "lb-1/lbl-2"])]);
    t.given((1..=61).map(|n| serving(format!("web-{n}"))).collect::<Vec<_>>());
    // While this write is under way all the others come.
    t.when(terminating("web-61"));
    t.wait(millis(100));
    t.when(
        (1..=60_u64)
            .map(|n| {
                pod(format!("web-{n}"), move |pod, now| {
                    pod.facts.life = Life::Terminating { asked: now, kill: now + seconds(200 - n) };
                })
            })
            .collect::<Vec<_>>(),
    );
    t.settle();
    let call = |pods: std::ops::RangeInclusive<u32>| {
        pods.flat_map(|n| {
            let name = format!("web-{n}");
            [weight(&name, 0), weight(&name, 0).on("lb-1/lbl-2")]
        })
        .collect::<Vec<_>>()
    };
    t.expect_calls(&[call(61..=61), call(11..=60), call(1..=10)]);
}

#[test]
fn c18_a_target_group_is_a_lane_of_its_own() {
    let group = LaneId::TargetGroup(TargetGroupId::try_from("lbtg-1").expect("a well-formed id"));
    let id = group.clone();
    let mut t = Harness::of([
        drains("web", Termination),
        Fact::new(move |world, _| {
            world.lanes.insert(
                id.clone(),
                LaneFacts { id: id.clone(), limits: Limits::default(), harmful: vec![], family: None },
            );
            world.route("web").pools = Resolution::Known(vec![(id, Pool::WholeGroup)]);
        }),
    ]);
    let in_group = |write: Write| Write {
        target: TargetId { lane: group.clone(), pool: Pool::WholeGroup, ..write.target },
        ..write
    };
    t.when([serving("web-1"), serving("web-2")]);
    t.settle();
    t.expect([in_group(register("web-1", 10)), in_group(register("web-2", 10))]);
    t.when(terminating("web-1"));
    t.after_linger();
    t.expect([in_group(weight("web-1", 0))]);
    t.settle();
    t.when(gone("web-1"));
    t.settle();
    t.expect([in_group(deregister("web-1"))]);
}

#[test]
fn c19_a_switch_that_defeats_drains_is_told_once_and_the_drain_goes_on() {
    let mut t = Harness::cold([
        drains("web", Termination),
        bound("web", ["lb-1/lbl-1"]),
        serving("web-1"),
        Fact::new(|world, _| {
            world.lane("lb-1").harmful =
                vec![(crate::world::pool("lbl-1"), Switch::RescheduleTargetZeroWeight)];
        }),
    ]);
    t.start();
    t.settle();
    t.announce_lanes();
    t.wait(minutes(3));
    let told = |n: &Notice| matches!(n, Notice::HarmfulSwitch { switch: Switch::RescheduleTargetZeroWeight, routes, .. } if routes.len() == 1);
    assert_eq!(t.told(told), 1, "{:?}", t.notices);
    t.forget();
    t.when(terminating("web-1"));
    t.after_linger();
    t.expect([weight("web-1", 0)]);
}

#[test]
fn a1_a_pool_whose_share_is_used_up_does_not_end_the_gathering_for_another() {
    let mut t = Harness::of([
        drains("web", Termination),
        bound("web", ["lb-1/lbl-1"]),
        drains("api", Termination),
        bound("api", ["lb-1/lbl-2"]),
    ]);
    let web = || (1..=51).map(|n| format!("web-{n}"));
    t.given(web().map(serving).collect::<Vec<_>>());
    t.given(serving("api-1"));
    t.when(web().map(terminating).collect::<Vec<_>>());
    t.wait(millis(20));
    assert_eq!(t.writes().len(), 0, "fifty of them fill the share of their listener, the other has room");
    t.when(terminating("api-1"));
    t.after_linger();
    assert_eq!(t.writes().len(), 51, "{:?}", t.writes());
    assert!(t.writes().contains(&weight("api-1", 0).on("lb-1/lbl-2")));
}
