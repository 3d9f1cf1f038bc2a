//! Addresses are used again. Who lives at an address owns its target; what becomes of an earlier Pod no longer touches it.

use std::time::Duration;

use grace_core::DrainOn::{Termination, TerminationAndUnready};
use grace_core::{Life, Notice, ObjectName};

use crate::call::Verb;
use crate::fault::Fault;
use crate::harness::Harness;
use crate::words::*;
use crate::world::{START, ip};

/// The Pod stands at the address of another nickname.
fn at(name: &'static str, fact: Fact, other: &'static str) -> Fact {
    fact.with(name, move |pod| pod.facts.ips = [Some(ip(other)), None])
}

fn draining() -> Harness {
    let mut t = Harness::new(Termination);
    t.given([serving("web-1"), serving("web-2")]);
    t.given(terminating("web-1"));
    t
}

#[test]
fn o6_a_live_successor_takes_the_target_over_while_the_old_object_still_exists() {
    let mut t = draining();
    t.when(at("web-9", serving("web-9"), "web-1"));
    t.after_linger();
    t.expect([weight("web-1", 10)]);
    t.settle();
    t.when(gone("web-1"));
    t.wait(minutes(3));
    t.expect([]);
    t.expect_registered([("web-1", 10), ("web-2", 10)]);
    t.expect_claims(["web-1", "web-2"]);
}

#[test]
fn o6_the_old_pod_cannot_zero_its_successor() {
    let mut t = Harness::new(TerminationAndUnready);
    t.given([serving("web-1"), serving("web-2")]);
    // The successor is seen before the end of the Pod that had the address.
    t.given(terminating("web-1"));
    t.given(at("web-9", serving("web-9"), "web-1"));
    for fact in [pod("web-1", |pod, _| pod.serving = false), over("web-1"), gone("web-1")] {
        t.when(fact);
        t.wait(minutes(2));
        t.expect([]);
    }
}

#[test]
fn o6_a_successor_that_is_not_ready_yet_keeps_the_target_at_zero() {
    for drain in [Termination, TerminationAndUnready] {
        let mut t = Harness::new(drain);
        t.given([serving("web-1"), serving("web-2")]);
        t.given(terminating("web-1"));
        t.when(at("web-9", unready("web-9"), "web-1"));
        t.wait(seconds(10));
        t.when(gone("web-1"));
        t.wait(minutes(3));
        t.expect([]);
        t.expect_registered([("web-1", 0), ("web-2", 10)]);
        t.when(serving("web-9"));
        t.after_linger();
        t.expect([weight("web-1", 10)]);
    }
}

#[test]
fn o6_a_successor_whose_predecessor_never_drained_is_not_admitted_by_its_weight() {
    // Weight 10 stands there from the dead Pod; the successor was never ready on this target.
    let mut t = Harness::new(Termination);
    t.given([serving("web-1"), serving("web-2")]);
    t.when([gone("web-1"), at("web-9", unready("web-9"), "web-1")]);
    t.settle();
    t.expect([weight("web-1", 0)]);
    t.when(serving("web-9"));
    t.settle();
    t.expect([weight("web-1", 10)]);
}

#[test]
fn o7_an_address_used_again_while_its_deregistration_is_under_way_is_registered_again() {
    let mut t = draining();
    t.model.timing.answer = seconds(10);
    t.when(gone("web-1"));
    t.wait(seconds(2));
    t.expect([deregister("web-1")]);
    t.when(at("web-9", serving("web-9"), "web-1"));
    t.wait(minutes(3));
    t.expect([register("web-1", 10)]);
    t.expect_registered([("web-1", 10), ("web-2", 10)]);
    t.expect_claims(["web-1", "web-2"]);
}

#[test]
fn o7_a_deregistration_that_lands_late_is_repaired() {
    let mut t = draining();
    t.next(Verb::Deregister, Fault::LostThenLate(minutes(4)));
    t.when(gone("web-1"));
    t.wait(seconds(5));
    t.when(at("web-9", serving("web-9"), "web-1"));
    t.wait(minutes(10));
    t.expect_registered([("web-1", 10), ("web-2", 10)]);
    t.expect_claims(["web-1", "web-2"]);
}

#[test]
fn a_deregistration_that_was_not_sent_is_dropped_when_the_address_is_used_again() {
    let mut t = draining();
    t.when(gone("web-1"));
    t.wait(millis(10));
    t.when(at("web-9", serving("web-9"), "web-1"));
    t.settle();
    t.expect([weight("web-1", 10)]);
}

#[test]
fn o31_a_stateful_set_pod_with_the_same_name_and_address_is_another_pod() {
    let named = |pod: &mut crate::world::Pod| pod.facts.name = ObjectName::new("shop", "web-1");
    let mut t = draining();
    t.when([gone("web-1"), at("web-9", unready("web-9"), "web-1").with("web-9", named)]);
    t.wait(seconds(10));
    t.expect([]);
    t.when(serving("web-9"));
    t.after_linger();
    t.expect([weight("web-1", 10)]);
}

#[test]
fn o8_pods_of_one_node_are_told_apart_by_their_ports() {
    let mut t = Harness::new(Termination);
    t.unseen(Fact::new(|world, _| {
        let ports = vec![(grace_core::PortName::from(""), 9090)];
        world.services.entry("web".to_owned()).or_default().slices.insert("b".to_owned(), ports);
    }));
    let elsewhere =
        |pod: &mut crate::world::Pod| pod.slices = std::collections::BTreeSet::from(["b".to_owned()]);
    t.when([serving("web-1"), at("web-2", serving("web-2"), "web-1").with("web-2", elsewhere)]);
    t.settle();
    t.expect([register("web-1", 10), register("web-1:9090", 10)]);
    t.when(terminating("web-2"));
    t.after_linger();
    t.expect([weight("web-1:9090", 0)]);
    t.settle();
    t.when(gone("web-2"));
    t.settle();
    t.expect([deregister("web-1:9090")]);
    t.expect_registered([("web-1", 10)]);
}

#[test]
fn o8_on_a_collision_the_older_pod_owns_the_target() {
    for (first_created, winner) in [(1, 70), (3, 80)] {
        let mut t = Harness::new(Termination);
        let created = |at: u64, weight: u8| {
            move |pod: &mut crate::world::Pod| {
                pod.facts.created = START + Duration::from_secs(at);
                pod.facts.weight_service = Some(crate::world::w(weight));
            }
        };
        t.when([
            serving("web-1").with("web-1", created(first_created, 70)),
            at("web-2", serving("web-2"), "web-1").with("web-2", created(2, 80)),
        ]);
        t.wait(minutes(2));
        t.expect_registered([("web-1", winner)]);
    }
}

#[test]
fn o8_a_terminating_pod_gives_way_to_a_younger_live_one() {
    let mut t = Harness::new(Termination);
    t.given([serving("web-1"), serving("web-2"), at("web-9", serving("web-9"), "web-1")]);
    t.when(terminating("web-1"));
    t.wait(minutes(2));
    t.expect([]);
    t.when(gone("web-1"));
    t.wait(minutes(2));
    t.expect([]);
    t.when(terminating("web-9"));
    t.after_linger();
    t.expect([weight("web-1", 0)]);
}

#[test]
fn s10_a_pod_that_never_left_its_slice_cannot_hold_an_address_of_another_service() {
    // The address moves to another Service: the old target goes with its Pod, the fresh one stands elsewhere.
    let mut t = Harness::of([
        drains("web", Termination),
        bound("web", ["lb-1/lbl-1"]),
        drains("api", Termination),
        bound("api", ["lb-1/lbl-2"]),
    ]);
    t.given([serving("web-1"), serving("web-2")]);
    t.given(terminating("web-1"));
    t.when(at("api-1", serving("api-1"), "web-1"));
    t.settle();
    t.expect([register("web-1", 10).on("lb-1/lbl-2")]);
    t.when(gone("web-1"));
    t.settle();
    t.expect([deregister("web-1")]);
    t.expect_registered([("web-2", 10)]);
}

#[test]
fn x5_an_endpoint_with_an_address_that_is_not_its_pods_is_ignored() {
    let mut t = Harness::new(Termination);
    t.given(serving("web-1"));
    t.unseen(serving("web-2"));
    let mut news = t.world.news();
    for event in &mut news {
        if let grace_core::Event::Slice { slice, .. } = event {
            for endpoint in &mut slice.endpoints {
                if endpoint.ip == ip("web-2") {
                    endpoint.ip = ip("10.9.9.9");
                }
            }
        }
    }
    for event in &news {
        t.send(event);
    }
    t.wait(minutes(2));
    t.expect([]);
}

#[test]
fn x5_an_endpoint_in_a_slice_of_another_namespace_is_ignored() {
    let mut t = Harness::new(Termination);
    t.given(serving("web-1"));
    t.when(serving("web-2").with("web-2", |pod| pod.facts.name = ObjectName::new("elsewhere", "web-2")));
    t.wait(minutes(2));
    t.expect([]);
}

#[test]
fn a_pod_over_frees_its_address_at_once() {
    let mut t = Harness::new(Termination);
    t.given([serving("web-1"), serving("web-2")]);
    t.given(terminating("web-1"));
    t.when([pod("web-1", |pod, _| pod.facts.life = Life::Over), at("web-9", serving("web-9"), "web-1")]);
    t.settle();
    t.expect([weight("web-1", 10)]);
}

#[test]
fn s2_a_deselected_pods_end_waits_for_a_terminating_one_at_its_address() {
    let mut t = Harness::new(Termination);
    t.given([serving("web-1"), serving("web-2"), at("web-9", unready("web-9"), "web-1")]);
    t.when([deselected("web-1"), terminating("web-9")]);
    t.wait(minutes(5));
    t.expect([weight("web-1", 0)]);
    t.when(gone("web-9"));
    t.settle();
    t.expect([deregister("web-1")]);
}

#[test]
fn o7_a_drain_is_not_confirmed_while_the_registration_of_its_pod_is_on_its_way() {
    let mut t = Harness::new(Termination);
    t.given([serving("web-1"), serving("web-2")]);
    t.when(gone("web-1"));
    t.wait(millis(100));
    t.expect([deregister("web-1")]);
    t.when(at("web-9", serving("web-9"), "web-1"));
    t.wait(millis(200));
    t.expect([register("web-1", 10)]);
    let confirmed = |n: &Notice| matches!(n, Notice::DrainConfirmed { .. });
    t.when(terminating("web-9"));
    assert_eq!(t.told(confirmed), 0, "it is registered with its weight before it is set to 0");
    t.settle();
    assert_eq!(t.told(confirmed), 1);
    t.expect_registered([("web-1", 0), ("web-2", 10)]);
}

#[test]
fn o8_of_pods_on_one_address_the_living_one_stands_for_a_target_that_no_slice_names() {
    // Other names, other places in the index by address: none of them may decide.
    for other in ["web-2", "web-3", "web-4", "web-5", "web-6", "web-7", "web-8", "web-9"] {
        let mut t = Harness::new(Termination);
        t.given([serving("web-1")]);
        t.kill();
        t.unseen(at(other, serving(other), "web-1"));
        t.unseen(terminating(other));
        t.unseen(deselected(other));
        t.unseen(deselected("web-1"));
        t.start();
        t.wait(seconds(1));
        let (_, name) = t.machine().explain(&target("web-1")).unwrap().occupant.unwrap();
        assert_eq!(&*name.name, "web-1", "beside {other}");
    }
}
