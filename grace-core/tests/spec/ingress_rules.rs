//! A rule of a layer-7 listener is a pool like any other; its Pods take the weight that is meant for Ingresses.

use grace_core::DrainOn::{Termination, TerminationAndUnready};
use grace_core::{DrainOn, LaneId, Layer, ListenerId, ObjectName, Pool, Resolution, RuleId, TargetId};

use crate::harness::Harness;
use crate::words::*;
use crate::world::w;

fn rule(name: &str) -> (LaneId, Pool) {
    let listener = ListenerId::try_from("lbl-7").expect("a well-formed id");
    (crate::world::lane("lb-1"), Pool::Rule(listener, RuleId::try_from(name).expect("a well-formed id")))
}

/// The same write on a rule.
fn at(name: &str, write: Write) -> Write {
    let (lane, pool) = rule(name);
    Write { target: TargetId { lane, pool, ..write.target }, ..write }
}

/// Service `web` behind two rules of an Ingress and a listener of its own.
fn with(drain: DrainOn) -> Harness {
    Harness::of([
        drains("web", drain),
        bound("web", ["lb-1/lbl-1"]),
        drains("web:shop.example/", drain),
        route("web:shop.example/", |route| {
            route.key.layer = Layer::Ingress;
            route.key.owner = ObjectName::new("shop", "front");
            route.pools = Resolution::Known(vec![rule("loc-1"), rule("loc-2")]);
        }),
    ])
}

#[test]
fn each_layer_takes_its_own_weight() {
    let mut t = with(Termination);
    t.when(serving("web-1").with("web-1", |pod| {
        pod.facts.weight_service = Some(w(30));
        pod.facts.weight_ingress = Some(w(40));
    }));
    t.settle();
    let at_rules = register("web-1", 40);
    t.expect([register("web-1", 30), at("loc-1", at_rules.clone()), at("loc-2", at_rules)]);
}

#[test]
fn a_deleted_pod_is_drained_on_both_layers_in_one_call() {
    let mut t = with(Termination);
    t.given([serving("web-1"), serving("web-2")]);
    t.when(terminating("web-1"));
    t.after_linger();
    let zero = weight("web-1", 0);
    t.expect_calls(&[vec![zero.clone(), at("loc-1", zero.clone()), at("loc-2", zero)]]);
    t.settle();
    t.when(gone("web-1"));
    t.after_linger();
    let gone = deregister("web-1");
    t.expect_calls(&[vec![gone.clone(), at("loc-1", gone.clone()), at("loc-2", gone)]]);
}

#[test]
fn each_layer_follows_its_own_switches() {
    let mut t = with(TerminationAndUnready);
    t.given([serving("web-1"), serving("web-2"), drains("web", Termination)]);
    t.when(unready("web-1"));
    t.after_linger();
    t.expect([at("loc-1", weight("web-1", 0)), at("loc-2", weight("web-1", 0))]);
}

#[test]
fn a_deleted_rule_ends_where_it_was_and_nowhere_else() {
    let mut t = with(Termination);
    t.given([serving("web-1"), serving("web-2")]);
    t.when(ended("web:shop.example/", grace_core::RouteEnd::Deleted));
    t.wait(minutes(2));
    t.expect_registered([("web-1", 10), ("web-2", 10)]);
    let writes = t.writes();
    assert!(writes.iter().all(|write| write.target.pool != crate::world::pool("lbl-1")), "{writes:?}");
    assert_eq!(writes.len(), 8, "two zeros and two deregistrations on each rule");
}
