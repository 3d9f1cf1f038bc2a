//! The real core in every world of a few Pods: each order of what may happen, each call that may fail, be lost or land late,
//! a death at every point. Checked in each state: the hard rules on every command, and that rest as wanted follows.
//!
//! `GRACE_MODEL` chooses how much: `small` (the default), `gate` or `long`.

mod balancer;
mod controller;
mod planted;
mod print;
mod report;
mod rest;
mod rules;
mod search;
mod sizes;
mod step;
mod world;

#[test]
fn every_world_of_a_few_pods_is_safe_and_comes_to_rest() {
    let mut total = report::Total::default();
    for (name, size) in sizes::chosen() {
        let found = search::all(size, 2);
        total.add(name, &size, &found);
        assert_eq!(found.broken, None, "{name}: {size:?}");
    }
    total.print();
}

#[test]
fn ten_planted_bugs_are_found() {
    let found = planted::all();
    assert_eq!(found, grace_core::Planted::ALL.len(), "each of them");
}
