//! What the simulation found, each as small as it gets.

use std::time::Duration;

use grace_core::DrainOn::Termination;
use grace_core::{Event, LaneId, RouteEnd};

use crate::call::Verb;
use crate::fault::Fault;
use crate::harness::Harness;
use crate::words::*;
use crate::world::lane;

#[test]
fn x5_an_address_that_only_a_slice_says_is_not_registered() {
    let mut t = Harness::new(Termination);
    t.unseen(serving("web-1"));
    let (pods, slices): (Vec<_>, Vec<_>) =
        t.world.news().into_iter().partition(|event| matches!(event, Event::Pod { .. }));
    for event in &pods {
        let Event::Pod { from, pod } = event else { continue };
        let mut without = pod.clone();
        without.ips = [None, None];
        t.send(&Event::Pod { from: from.clone(), pod: without });
    }
    for event in &slices {
        t.send(event);
    }
    t.wait(minutes(2));
    t.expect([]);
    for event in &pods {
        t.send(event);
    }
    t.wait(seconds(5));
    t.expect([register("web-1", 10)]);
}

#[test]
fn o20_a_service_that_is_deleted_while_nobody_watches_is_finished_by_its_claims() {
    let mut t = Harness::new(Termination);
    t.given([serving("web-1")]);
    t.kill();
    t.unseen(ended("web", RouteEnd::Deleted));
    t.start();
    t.wait(seconds(5));
    t.expect([weight("web-1", 0)]);
    t.wait(minutes(2));
    t.expect([deregister("web-1")]);
}

#[test]
fn s9_what_was_due_does_not_leave_after_the_grant_is_taken() {
    let mut t = Harness::new(Termination);
    t.given([serving("web-1")]);
    t.when(terminating("web-1"));
    // The driver is late: the linger is over when it tells that the grant is gone.
    t.now = t.now + Duration::from_millis(500);
    let id: LaneId = lane("lb-1");
    t.send(&Event::Revoked(id));
    t.expect([]);
}

#[test]
fn p12_a_claim_to_be_given_up_is_kept_when_somebody_else_was_granted_meanwhile() {
    let mut t = Harness::new(Termination);
    t.given([serving("web-1"), serving("web-2")]);
    for _ in 0..20 {
        t.next(Verb::Claim, Fault::Unreachable);
    }
    t.when([terminating("web-1"), gone("web-1")]);
    t.wait(seconds(10));
    t.expect([deregister("web-1")]);
    let id: LaneId = lane("lb-1");
    t.send(&Event::Revoked(id.clone()));
    t.by_hand("web-1", Some(10));
    t.wait(seconds(30));
    t.send(&Event::Granted(id));
    t.wait(minutes(2));
    t.expect([deregister("web-1")]);
    t.expect_registered([("web-2", 10)]);
}

#[test]
fn o21_the_old_port_goes_although_the_route_was_released_in_between() {
    let mut t = Harness::new(Termination);
    t.given([serving("web-1")]);
    t.when(port_changed("web", 9090));
    t.wait(seconds(5));
    t.expect_registered([("web-1", 0), ("web-1:9090", 10)]);
    t.when(ended("web", RouteEnd::Released));
    t.wait(seconds(5));
    t.when([bound("web", ["lb-1/lbl-1"]), drains("web", Termination)]);
    t.wait(minutes(5));
    t.expect_registered([("web-1:9090", 10)]);
    t.expect_claims(["web-1:9090"]);
}

#[test]
fn o20_a_pod_that_terminates_keeps_its_target_though_its_service_went_while_nobody_watched() {
    let mut t = Harness::new(Termination);
    t.given([serving("web-1"), serving("web-2")]);
    t.given(terminating("web-1"));
    t.kill();
    t.unseen(ended("web", RouteEnd::Deleted));
    t.start();
    t.wait(minutes(2));
    t.expect([weight("web-2", 0), deregister("web-2")]);
    t.when(gone("web-1"));
    t.wait(minutes(2));
    t.expect([deregister("web-1")]);
}
