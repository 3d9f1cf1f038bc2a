//! Pods are replaced without a request being lost: the successor is registered, the predecessor drained, then gone.

use grace_core::DrainOn::{Nothing, Termination, TerminationAndUnready};
use grace_core::ObjectName;

use crate::call::Verb;
use crate::harness::Harness;
use crate::words::*;

#[test]
fn each_pod_costs_three_changes() {
    for drain in [Termination, TerminationAndUnready] {
        let mut t = Harness::new(drain);
        t.given([serving("web-1"), serving("web-2")]);
        for (old, fresh) in [("web-1", "web-11"), ("web-2", "web-12")] {
            t.when(unready(fresh));
            t.wait(seconds(5));
            t.expect([]);
            t.when(serving(fresh));
            t.wait(seconds(5));
            t.expect([register(fresh, 10)]);
            t.when(terminating(old));
            t.wait(seconds(20));
            t.expect([weight(old, 0)]);
            t.when(gone(old));
            t.wait(seconds(5));
            t.expect([deregister(old)]);
        }
        t.wait(minutes(3));
        t.expect([]);
        t.expect_registered([("web-11", 10), ("web-12", 10)]);
        t.expect_claims(["web-11", "web-12"]);
    }
}

#[test]
fn without_a_switch_each_pod_costs_two_changes() {
    let mut t = Harness::new(Nothing);
    t.given([serving("web-1"), serving("web-2")]);
    t.when(serving("web-11"));
    t.settle();
    t.when(terminating("web-1"));
    t.settle();
    t.when(gone("web-1"));
    t.settle();
    t.expect([register("web-11", 10), deregister("web-1")]);
}

#[test]
fn w4_deleted_and_created_again_between_two_lists_are_two_pods() {
    let mut t = Harness::new(Termination);
    t.given([serving("web-1"), serving("web-2")]);
    t.unseen([
        gone("web-1"),
        serving("web-9").with("web-9", |pod| pod.facts.name = ObjectName::new("shop", "web-1")),
    ]);
    for event in t.world.relist() {
        t.send(&event);
    }
    t.settle();
    t.expect([register("web-9", 10), deregister("web-1")]);
}

#[test]
fn o10_a_pod_with_another_address_moves_its_target() {
    let mut t = Harness::new(Termination);
    t.given([serving("web-1"), serving("web-2")]);
    t.when(pod("web-1", |pod, _| pod.facts.ips = [Some(crate::world::ip("web-7")), None]));
    t.wait(minutes(3));
    t.expect_registered([("web-7", 10), ("web-2", 10)]);
    t.expect_claims(["web-7", "web-2"]);
    t.when(terminating("web-1"));
    t.settle();
    t.expect_registered([("web-7", 0), ("web-2", 10)]);
}

#[test]
fn o9_a_pod_without_an_address_waits_for_one() {
    let mut t = Harness::new(Termination);
    t.given(serving("web-1"));
    t.when(unready("web-2").with("web-2", |pod| pod.facts.ips = [None, None]));
    t.settle();
    t.expect([]);
    t.when(serving("web-2").with("web-2", |pod| pod.facts.ips = [Some(crate::world::ip("web-2")), None]));
    t.settle();
    t.expect([register("web-2", 10)]);
}

#[test]
fn o9_a_pod_of_both_families_has_a_target_of_each_that_its_slices_name() {
    let mut t = Harness::new(Termination);
    t.given(serving("web-1"));
    let second = "fd00::2".parse().expect("an address");
    t.when(serving("web-2").with("web-2", move |pod| pod.facts.ips[1] = Some(second)));
    t.settle();
    let sixth = Write {
        target: grace_core::TargetId {
            address: grace_core::Address { ip: second, port: crate::world::port(8080) },
            ..target("web-2")
        },
        does: Does::Register(10),
    };
    t.expect([register("web-2", 10), sixth.clone()]);
    t.when(terminating("web-2"));
    t.after_linger();
    t.expect_calls(&[vec![weight("web-2", 0), Write { does: Does::Weight(0), ..sixth }]]);
}

#[test]
fn many_pods_replaced_at_once_share_their_calls() {
    let mut t = Harness::new(Termination);
    t.given((1..=40).map(|n| serving(format!("web-{n}"))).collect::<Vec<_>>());
    t.when((1..=40).map(|n| serving(format!("web-{}", n + 100))).collect::<Vec<_>>());
    t.settle();
    t.when((1..=40).map(|n| terminating(format!("web-{n}"))).collect::<Vec<_>>());
    t.settle();
    t.when((1..=40).map(|n| gone(format!("web-{n}"))).collect::<Vec<_>>());
    t.settle();
    let calls = [Verb::Register, Verb::Weights, Verb::Deregister].map(|verb| t.count(verb));
    assert_eq!(calls, [1, 1, 1], "registrations, weights, deregistrations");
}

#[test]
fn the_last_pod_may_go_too() {
    let mut t = Harness::new(Termination);
    t.given(serving("web-1"));
    t.when(terminating("web-1"));
    t.settle();
    t.when(gone("web-1"));
    t.settle();
    t.expect([weight("web-1", 0), deregister("web-1")]);
    t.expect_registered([]);
    t.expect_claims([]);
}
