//! Pods with an address of each family: a listener gets those of the family that it takes.

use grace_core::DrainOn::Termination;
use grace_core::{Event, Family};

use crate::harness::Harness;
use crate::words::*;
use crate::world::{Pod, ip, lane};

const SIXTH: &str = "fd00::1";

fn takes(id: &'static str, family: Option<Family>) -> Fact {
    Fact::new(move |world, _| world.lane(id).family = family)
}

fn both(pod: &mut Pod) {
    pod.facts.ips = [Some(ip("web-1")), Some(ip(SIXTH))];
}

fn of(family: Option<Family>) -> Harness {
    Harness::of([drains("web", Termination), bound("web", ["lb-1/lbl-1"]), takes("lb-1", family)])
}

/// The target of the second family.
fn sixth(does: Does) -> Write {
    let mut write = register("web-1", 10);
    write.target.address.ip = ip(SIXTH);
    write.does = does;
    write
}

#[test]
fn o9_an_ipv4_listener_gets_the_ipv4_address_alone() {
    let mut t = of(Some(Family::V4));
    t.when(serving("web-1").with("web-1", both));
    t.settle();
    t.expect([register("web-1", 10)]);
    t.when(terminating("web-1"));
    t.settle();
    t.when(gone("web-1"));
    t.settle();
    t.expect([weight("web-1", 0), deregister("web-1")]);
}

#[test]
fn o9_an_ipv6_listener_gets_the_ipv6_address_alone() {
    let mut t = of(Some(Family::V6));
    t.when(serving("web-1").with("web-1", both));
    t.settle();
    t.expect([sixth(Does::Register(10))]);
}

#[test]
fn o9_where_the_family_is_not_known_both_are_registered_as_the_slices_say() {
    let mut t = of(None);
    t.when(serving("web-1").with("web-1", both));
    t.settle();
    t.expect([register("web-1", 10), sixth(Does::Register(10))]);
    t.when(terminating("web-1"));
    t.settle();
    t.expect([weight("web-1", 0), sixth(Does::Weight(0))]);
}

#[test]
fn o9_two_load_balancers_of_one_service_get_one_family_each() {
    let mut t = Harness::of([
        drains("web", Termination),
        bound("web", ["lb-1/lbl-1", "lb-6/lbl-1"]),
        takes("lb-1", Some(Family::V4)),
        takes("lb-6", Some(Family::V6)),
    ]);
    t.when(serving("web-1").with("web-1", both));
    t.settle();
    t.expect([register("web-1", 10), sixth(Does::Register(10)).on("lb-6/lbl-1")]);
}

#[test]
fn o9_a_family_that_is_learned_later_drains_what_does_not_belong_there() {
    let mut t = of(None);
    t.given([]);
    t.when(serving("web-1").with("web-1", both));
    t.settle();
    t.forget();
    t.unseen(takes("lb-1", Some(Family::V4)));
    let facts = t.world.lanes[&lane("lb-1")].clone();
    t.send(&Event::Lane(facts));
    t.wait(minutes(2));
    t.expect([sixth(Does::Weight(0)), sixth(Does::Deregister)]);
    t.expect_registered([("web-1", 10)]);
}
