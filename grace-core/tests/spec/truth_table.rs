//! The table of design.md 3.4 as data: what one Pod means for its target, for each state of the target.

use grace_core::DrainOn::{Nothing, Termination, TerminationAndUnready};
use grace_core::{DrainOn, Life};

use crate::harness::Harness;
use crate::oracle::{self, Want};
use crate::words::*;
use crate::world::{address, w};

/// Where the Pod is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Ready,
    Unready,
    Terminating,
    TerminatingUnready,
    Over,
    Gone,
    Deselected,
}

/// What is sent for the target.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Sent {
    /// Nothing.
    None_,
    /// It is registered with the configured weight.
    Regist,
    /// It gets the configured weight.
    Weight,
    /// It gets weight 0.
    Zero__,
    /// It is deregistered.
    Dereg_,
    /// Nothing, or weight 0 once more: after a grant a claim that shows the target is enough for it, before any read.
    MayZer,
    /// It gets weight 0, and is deregistered after `config_drain`.
    ZeroDe,
}

use Sent::{Dereg_, MayZer, None_, Regist, Weight, Zero__, ZeroDe};
use State::{Deselected, Gone, Over, Ready, Terminating, TerminatingUnready, Unready};

/// Weights that the target has before: absent, 0, the configured one, some other one.
const BEFORE: [Option<u8>; 4] = [None, Some(0), Some(10), Some(33)];

/// What is expected of a process that has just started, for each entry of [`BEFORE`]. "Admitted" means then that the
/// target stands there with a weight above 0. An unclaimed target whose Pod a route selects is adopted first.
#[rustfmt::skip]
const TABLE: [(State, DrainOn, bool, [Sent; 4]); 42] = [
    // state             drain                  claimed  absent  0       w*      other
    (Ready,              Nothing,               true,  [Regist, Weight, None_,  Weight]),
    (Ready,              Nothing,               false, [Regist, Weight, None_,  Weight]),
    (Ready,              Termination,           true,  [Regist, Weight, None_,  Weight]),
    (Ready,              Termination,           false, [Regist, Weight, None_,  Weight]),
    (Ready,              TerminationAndUnready, true,  [Regist, Weight, None_,  Weight]),
    (Ready,              TerminationAndUnready, false, [Regist, Weight, None_,  Weight]),
    (Unready,            Nothing,               true,  [None_,  None_,  None_,  Weight]),
    (Unready,            Nothing,               false, [None_,  None_,  None_,  Weight]),
    (Unready,            Termination,           true,  [None_,  None_,  None_,  Weight]),
    (Unready,            Termination,           false, [None_,  None_,  None_,  Weight]),
    (Unready,            TerminationAndUnready, true,  [None_,  None_,  Zero__, Zero__]),
    (Unready,            TerminationAndUnready, false, [None_,  None_,  Zero__, Zero__]),
    // Without a switch a terminating Pod that was at 0 already may be a drain that was under way when the switch was
    // removed: it finishes (failure-model.md 3.3-f).
    (Terminating,        Nothing,               true,  [None_,  None_,  Dereg_, Dereg_]),
    (Terminating,        Nothing,               false, [None_,  None_,  Dereg_, Dereg_]),
    (Terminating,        Termination,           true,  [None_,  None_,  Zero__, Zero__]),
    (Terminating,        Termination,           false, [None_,  None_,  Zero__, Zero__]),
    (Terminating,        TerminationAndUnready, true,  [None_,  None_,  Zero__, Zero__]),
    (Terminating,        TerminationAndUnready, false, [None_,  None_,  Zero__, Zero__]),
    (TerminatingUnready, Nothing,               true,  [None_,  None_,  Dereg_, Dereg_]),
    (TerminatingUnready, Nothing,               false, [None_,  None_,  Dereg_, Dereg_]),
    (TerminatingUnready, Termination,           true,  [None_,  None_,  Zero__, Zero__]),
    (TerminatingUnready, Termination,           false, [None_,  None_,  Zero__, Zero__]),
    (TerminatingUnready, TerminationAndUnready, true,  [None_,  None_,  Zero__, Zero__]),
    (TerminatingUnready, TerminationAndUnready, false, [None_,  None_,  Zero__, Zero__]),
    (Over,               Nothing,               true,  [None_,  Dereg_, Dereg_, Dereg_]),
    (Over,               Nothing,               false, [None_,  None_,  None_,  None_ ]),
    (Over,               Termination,           true,  [None_,  Dereg_, Dereg_, Dereg_]),
    (Over,               Termination,           false, [None_,  None_,  None_,  None_ ]),
    (Over,               TerminationAndUnready, true,  [None_,  Dereg_, Dereg_, Dereg_]),
    (Over,               TerminationAndUnready, false, [None_,  None_,  None_,  None_ ]),
    (Gone,               Nothing,               true,  [None_,  Dereg_, Dereg_, Dereg_]),
    (Gone,               Nothing,               false, [None_,  None_,  None_,  None_ ]),
    (Gone,               Termination,           true,  [None_,  Dereg_, Dereg_, Dereg_]),
    (Gone,               Termination,           false, [None_,  None_,  None_,  None_ ]),
    (Gone,               TerminationAndUnready, true,  [None_,  Dereg_, Dereg_, Dereg_]),
    (Gone,               TerminationAndUnready, false, [None_,  None_,  None_,  None_ ]),
    (Deselected,         Nothing,               true,  [None_,  Dereg_, Dereg_, Dereg_]),
    (Deselected,         Nothing,               false, [None_,  None_,  None_,  None_ ]),
    (Deselected,         Termination,           true,  [None_,  Dereg_, ZeroDe, ZeroDe]),
    (Deselected,         Termination,           false, [None_,  None_,  None_,  None_ ]),
    (Deselected,         TerminationAndUnready, true,  [None_,  Dereg_, ZeroDe, ZeroDe]),
    (Deselected,         TerminationAndUnready, false, [None_,  None_,  None_,  None_ ]),
];

fn facts(state: State) -> Vec<Fact> {
    match state {
        Ready => vec![serving("web-1")],
        Unready => vec![unready("web-1")],
        Terminating => vec![serving("web-1"), terminating("web-1")],
        TerminatingUnready => vec![unready("web-1"), terminating("web-1")],
        Over => vec![over("web-1")],
        Gone => vec![],
        Deselected => vec![serving("web-1"), deselected("web-1")],
    }
}

/// A cluster in which another Pod serves, so that no pool is ever empty, and `web-1` is in that state.
fn cluster(state: State, drain: DrainOn) -> Vec<Fact> {
    let mut all = vec![drains("web", drain), bound("web", ["lb-1/lbl-1"]), serving("web-2")];
    all.extend(facts(state));
    all
}

fn writes_of(sent: Sent) -> Vec<Write> {
    match sent {
        None_ | MayZer => vec![],
        Regist => vec![register("web-1", 10)],
        Weight => vec![weight("web-1", 10)],
        Zero__ => vec![weight("web-1", 0)],
        Dereg_ => vec![deregister("web-1")],
        ZeroDe => vec![weight("web-1", 0), deregister("web-1")],
    }
}

/// The writes of the next three minutes, or what broke a rule.
fn found(given: impl FnOnce() -> Harness) -> Result<Vec<Write>, String> {
    let run = std::panic::AssertUnwindSafe(|| {
        let mut t = given();
        t.wait(minutes(3));
        t.writes()
    });
    std::panic::catch_unwind(run).map_err(|why| {
        let text = why.downcast_ref::<String>().cloned();
        text.unwrap_or_else(|| "it panicked".to_owned())
    })
}

#[test]
fn a_fresh_process_does_what_the_table_says() {
    let mut wrong = Vec::new();
    for (state, drain, claimed, row) in TABLE {
        for (before, sent) in BEFORE.into_iter().zip(row) {
            let found = found(|| {
                let mut t = Harness::cold(cluster(state, drain));
                t.by_hand("web-2", Some(10));
                t.model.claim_by_hand(&target("web-2"));
                t.by_hand("web-1", before);
                if claimed {
                    t.model.claim_by_hand(&target("web-1"));
                }
                t.start();
                t
            });
            if found != Ok(writes_of(sent)) {
                wrong.push(format!(
                    "{state:?} {drain:?} claimed {claimed} before {before:?}: {sent:?}, found {found:?}"
                ));
            }
        }
    }
    assert!(wrong.is_empty(), "{} cells of {} differ:\n{}", wrong.len(), TABLE.len() * 4, wrong.join("\n"));
}

#[test]
fn the_table_says_what_its_text_says() {
    for (state, drain, claimed, row) in TABLE {
        for (before, sent) in BEFORE.into_iter().zip(row) {
            let line = format!("{state:?} {drain:?} claimed {claimed} before {before:?}");
            let Some(expected) = expected(state, drain, claimed, before) else { continue };
            assert_eq!(sent, expected, "{line}");
        }
    }
}

/// The cell by the oracle; `None` for what is decided by history and not by one Pod's state.
fn expected(state: State, drain: DrainOn, claimed: bool, before: Option<u8>) -> Option<Sent> {
    let mut world = crate::world::World::default();
    for fact in cluster(state, drain) {
        fact.happen(&mut world, crate::world::START);
    }
    world.relist();
    let route = world.told.routes.values().next()?;
    let holder = oracle::holder(&world.told, route, address("web-1"));
    let want = match holder {
        None if state == Deselected && drain != Nothing => {
            return Some(match before {
                _ if !claimed => None_,
                None => None_,
                Some(0) => Dereg_,
                Some(_) => ZeroDe,
            });
        }
        None => Want::Absent,
        Some(pod) => {
            let serving = oracle::serving_at(&world.told, route, pod, address("web-1"))?;
            let drains_on = matches!(pod.life, Life::Terminating { .. }) && before == Some(0);
            if drains_on && drain == Nothing {
                return Some(None_);
            }
            oracle::want(route, pod, serving, before > Some(0))
        }
    };
    let adopted = holder.is_some();
    let before = before.map(w);
    Some(match (want, before) {
        (_, Some(_)) if !claimed && !adopted => None_,
        (Want::Present(_), None) => Regist,
        (Want::Absent | Want::Keep(_), None) => None_,
        (Want::Absent, Some(_)) => Dereg_,
        (Want::Present(wanted) | Want::Keep(wanted), Some(found)) if wanted == found => None_,
        (Want::Present(wanted) | Want::Keep(wanted), Some(_)) if wanted == w(0) => Zero__,
        (Want::Present(_) | Want::Keep(_), Some(_)) => Weight,
    })
}

/// What a long-lived process expects of a Pod that was ready on its target, whatever stands there meanwhile.
#[rustfmt::skip]
const ADMITTED: [(State, DrainOn, [Sent; 4]); 18] = [
    // state             drain                  absent  0       w*      other
    (Ready,              Nothing,               [Regist, Weight, None_,  Weight]),
    (Ready,              Termination,           [Regist, Weight, None_,  Weight]),
    (Ready,              TerminationAndUnready, [Regist, Weight, None_,  Weight]),
    (Unready,            Nothing,               [None_,  Weight, None_,  Weight]),
    (Unready,            Termination,           [None_,  Weight, None_,  Weight]),
    (Unready,            TerminationAndUnready, [None_,  None_,  Zero__, Zero__]),
    (Terminating,        Termination,           [MayZer, MayZer, Zero__, Zero__]),
    (Terminating,        TerminationAndUnready, [MayZer, MayZer, Zero__, Zero__]),
    (TerminatingUnready, Termination,           [MayZer, MayZer, Zero__, Zero__]),
    (TerminatingUnready, TerminationAndUnready, [MayZer, MayZer, Zero__, Zero__]),
    (Over,               Nothing,               [None_,  Dereg_, Dereg_, Dereg_]),
    (Over,               Termination,           [None_,  Dereg_, Dereg_, Dereg_]),
    (Over,               TerminationAndUnready, [None_,  Dereg_, Dereg_, Dereg_]),
    (Gone,               Nothing,               [None_,  Dereg_, Dereg_, Dereg_]),
    (Gone,               Termination,           [None_,  Dereg_, Dereg_, Dereg_]),
    (Gone,               TerminationAndUnready, [None_,  Dereg_, Dereg_, Dereg_]),
    (Deselected,         Termination,           [None_,  Dereg_, ZeroDe, ZeroDe]),
    (Deselected,         TerminationAndUnready, [None_,  Dereg_, ZeroDe, ZeroDe]),
];

#[test]
fn a_process_that_saw_the_pod_ready_does_what_the_table_says() {
    let mut wrong = Vec::new();
    for (state, drain, row) in ADMITTED {
        for (before, sent) in BEFORE.into_iter().zip(row) {
            let found = found(|| {
                let mut t = Harness::new(drain);
                t.given([serving("web-1"), serving("web-2")]);
                // It changes while the lane is in other hands, so that nothing is restored meanwhile.
                let lane = crate::world::lane("lb-1");
                t.send(&grace_core::Event::Revoked(lane.clone()));
                t.by_hand("web-1", before);
                if state == Gone {
                    t.when(gone("web-1"));
                } else {
                    t.when(facts(state));
                }
                t.wait(seconds(10));
                t.send(&grace_core::Event::Granted(lane));
                t
            });
            let redundant = sent == MayZer && found == Ok(writes_of(Zero__));
            if found != Ok(writes_of(sent)) && !redundant {
                wrong.push(format!("{state:?} {drain:?} before {before:?}: {sent:?}, found {found:?}"));
            }
        }
    }
    assert!(
        wrong.is_empty(),
        "{} cells of {} differ:\n{}",
        wrong.len(),
        ADMITTED.len() * 4,
        wrong.join("\n")
    );
}
