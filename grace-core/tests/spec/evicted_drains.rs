//! A pool that is full of draining targets gives the longest drain up for a registration, where that was asked for.

use grace_core::DrainOn::Termination;
use grace_core::{Config, Notice};

use crate::harness::Harness;
use crate::words::*;

fn full(evicts: bool) -> Harness {
    let config = Config { evict_oldest_draining: evicts, ..Config::default() };
    let limit = Fact::new(|world, _| world.lane("lb-1").limits.targets_per_pool = Some(3));
    let mut t =
        Harness::configured(config, [drains("web", Termination), bound("web", ["lb-1/lbl-1"]), limit]);
    t.model.quota = Some(3);
    t.given([serving("web-1"), serving("web-2"), serving("web-3")]);
    t
}

#[test]
fn k_the_longest_drain_makes_room_for_each_registration() {
    let mut t = full(true);
    t.given(terminating("web-2"));
    t.given(terminating("web-1"));
    t.when(serving("web-4"));
    t.wait(minutes(1));
    t.expect([deregister("web-2"), register("web-4", 10)]);
    assert_eq!(t.told(|n| matches!(n, Notice::Evicted { target: of, .. } if *of == target("web-2"))), 1);
    t.wait(minutes(10));
    t.expect([]);
    t.expect_registered([("web-1", 0), ("web-3", 10), ("web-4", 10)]);
    t.when([gone("web-1"), gone("web-2")]);
    t.settle();
    t.expect([deregister("web-1")]);
}

#[test]
fn k_several_registrations_evict_as_many_drains_and_no_more() {
    let mut t = full(true);
    t.given([terminating("web-1"), terminating("web-2"), terminating("web-3")]);
    t.when([serving("web-4"), serving("web-5")]);
    t.wait(minutes(5));
    let stay = t.model.balancers[&crate::world::lane("lb-1")].targets.len();
    assert_eq!((stay, t.told(|n| matches!(n, Notice::Evicted { .. }))), (3, 2));
}

#[test]
fn k_without_the_setting_drains_go_on_and_the_registration_waits() {
    let mut t = full(false);
    t.given(terminating("web-1"));
    t.when(serving("web-4"));
    t.wait(minutes(10));
    t.expect([]);
}

#[test]
fn k_nothing_that_serves_and_no_drain_that_is_not_in_force_is_given_up() {
    let mut t = full(true);
    t.when(serving("web-4"));
    t.wait(minutes(5));
    t.expect([]);
    t.model.timing.task = seconds(20);
    t.when(terminating("web-1"));
    t.wait(seconds(15));
    t.expect([weight("web-1", 0)]);
    t.wait(minutes(1));
    t.expect([deregister("web-1"), register("web-4", 10)]);
}

#[test]
fn k_room_that_comes_by_itself_spares_the_next_drain() {
    let mut t = full(true);
    t.given([terminating("web-1"), terminating("web-2")]);
    t.when([gone("web-1"), serving("web-4")]);
    t.wait(minutes(5));
    t.expect([deregister("web-1"), register("web-4", 10)]);
    t.expect_registered([("web-2", 0), ("web-3", 10), ("web-4", 10)]);
}

#[test]
fn p6_a_process_that_dies_between_eviction_and_registration_ends_the_same() {
    let mut t = full(true);
    t.given(terminating("web-1"));
    t.when(serving("web-4"));
    t.wait(millis(300));
    t.restart();
    t.wait(minutes(5));
    t.expect_registered([("web-2", 10), ("web-3", 10), ("web-4", 10)]);
}
