//! What the simulation found, each as small as it gets.

use std::time::Duration;

use grace_core::DrainOn::Termination;
use grace_core::{Event, LaneId, RouteEnd};

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
