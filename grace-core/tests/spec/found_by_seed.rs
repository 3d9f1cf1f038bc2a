//! What the simulation found, each as small as it gets.

use std::time::Duration;

use grace_core::DrainOn::{Termination, TerminationAndUnready};
use grace_core::{Event, LaneId, RouteEnd};

use crate::call::Verb;
use crate::fault::Fault;
use crate::harness::Harness;
use crate::words::*;
use crate::world::{START, lane};

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
    // Giving it up fails until the grant goes, every two seconds, and would succeed at once after the next grant.
    for failures in 1..=5 {
        let mut t = Harness::new(Termination);
        t.given([serving("web-1"), serving("web-2")]);
        for _ in 0..failures {
            t.next(Verb::Claim, Fault::Unreachable);
        }
        t.when([terminating("web-1"), gone("web-1")]);
        let tried =
            |t: &Harness| t.left.iter().filter(|left| Verb::of(&left.action.command) == Verb::Claim).count();
        while tried(&t) < failures {
            t.wait(millis(100));
        }
        t.wait(seconds(1));
        t.expect([deregister("web-1")]);
        let id: LaneId = lane("lb-1");
        t.send(&Event::Revoked(id.clone()));
        assert!(t.model.is_claimed(&target("web-1")));
        t.by_hand("web-1", Some(10));
        t.wait(seconds(30));
        // The record of claims is at hand before the first read shows anything.
        t.next(Verb::Read, Fault::Unreachable);
        t.send(&Event::Granted(id));
        t.wait(minutes(2));
        t.expect([deregister("web-1")]);
        t.expect_registered([("web-2", 10)]);
    }
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
    // Back again, so that of the two targets the old one was made later.
    t.when(port_changed("web", 8080));
    t.wait(seconds(5));
    t.when(port_changed("web", 9090));
    t.wait(seconds(5));
    t.when(port_changed("web", 8080));
    t.wait(seconds(5));
    t.when(ended("web", RouteEnd::Released));
    t.wait(seconds(5));
    t.when([bound("web", ["lb-1/lbl-1"]), drains("web", Termination)]);
    t.wait(minutes(5));
    t.expect_registered([("web-1", 10)]);
    t.expect_claims(["web-1"]);
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

/// What the world has to tell, with Pods that do not say where they are.
fn news_without_addresses(t: &mut Harness) {
    for mut event in t.world.news() {
        if let Event::Pod { pod, .. } = &mut event {
            pod.ips = [None, None];
        }
        t.send(&event);
    }
}

#[test]
fn s1_a_weight_that_is_found_is_not_kept_for_a_pod_that_only_a_slice_puts_there() {
    let mut t = Harness::new(Termination);
    t.given([serving("web-1")]);
    t.by_hand("web-2", Some(10));
    t.wait(minutes(2));
    t.unseen(unready("web-2"));
    news_without_addresses(&mut t);
    t.wait(minutes(2));
    t.expect_registered([("web-1", 10), ("web-2", 0)]);
}

#[test]
fn s1_a_released_route_gives_no_weight_back_on_a_slices_word() {
    let mut t = Harness::new(TerminationAndUnready);
    t.given([serving("web-1"), serving("web-2")]);
    t.when(unready("web-2"));
    t.settle();
    t.expect([weight("web-2", 0)]);
    // Its address is told no more; the slices still name it there.
    t.unseen(unready("web-2").with("web-2", |pod| pod.facts.created = START));
    news_without_addresses(&mut t);
    t.when(ended("web", RouteEnd::Released));
    t.wait(minutes(2));
    t.expect_registered([("web-1", 10), ("web-2", 0)]);
}

#[test]
fn c8_an_empty_answer_while_a_weight_is_in_doubt_costs_no_claim() {
    let mut t = Harness::new(Termination);
    t.given([serving("web-1")]);
    t.next(Verb::Weights, Fault::UnclearAfter);
    t.model.empty_reads = 1;
    t.when(terminating("web-1"));
    t.wait(minutes(2));
    assert_eq!(t.count(Verb::Claim), 0, "not even for a moment");
    t.when(gone("web-1"));
    t.wait(minutes(2));
    t.expect_registered([]);
}
