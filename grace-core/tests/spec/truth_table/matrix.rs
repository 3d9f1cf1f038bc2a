//! The full matrix: nine states of a Pod, four of its target, the eight ways to set the three switches, claimed or not.

use grace_core::{DrainOn, Event, Uid};

use super::expected::expected;
use super::{Admitted, Deselected, Gone, Held, Over, Ready, Terminating, TerminatingUnready, Unready};
use super::{
    BEFORE, Dereg_, None_, Regist, Sent, State, Weight, Zero__, ZeroDe, cluster, facts, found, writes_of,
};
use crate::harness::Harness;
use crate::words::*;
use crate::world::lane;

/// `direct-access`, `enable-grace-shutdown` and `enable-grace-shutdown-tkex` of one Service.
#[derive(Clone, Copy, Debug)]
struct Switches {
    direct: bool,
    grace: bool,
    tkex: bool,
}

impl Switches {
    /// All eight.
    fn all() -> impl Iterator<Item = Self> {
        (0..8_u8).map(|bits| Self { direct: bits & 1 != 0, grace: bits & 2 != 0, tkex: bits & 4 != 0 })
    }

    /// What they mean, as tke-behaviour.md says it. `None`: without direct access there is no route.
    fn drain(self) -> Option<DrainOn> {
        let drain = match (self.grace, self.tkex) {
            (_, true) => DrainOn::TerminationAndUnready,
            (true, false) => DrainOn::Termination,
            (false, false) => DrainOn::Nothing,
        };
        self.direct.then_some(drain)
    }
}

const OFF: Option<DrainOn> = None;
const NONE: Option<DrainOn> = Some(DrainOn::Nothing);
const TERM: Option<DrainOn> = Some(DrainOn::Termination);
const BOTH: Option<DrainOn> = Some(DrainOn::TerminationAndUnready);

/// What is expected for each entry of [`BEFORE`]. An unclaimed target whose Pod a route selects is adopted first.
///
/// Without a switch a terminating Pod that was at 0 already may be a drain that was under way when the switch was removed:
/// it finishes (failure-model.md 3.3-f). Without direct access a claim says that the end of a route was not finished.
#[rustfmt::skip]
const MATRIX: [(State, Option<DrainOn>, bool, [Sent; 4]); 72] = [
    // state              drain claimed  absent  0       w*      other
    (Ready,               OFF,  true,  [None_ , Dereg_, ZeroDe, ZeroDe]),
    (Ready,               OFF,  false, [None_ , None_ , None_ , None_ ]),
    (Ready,               NONE, true,  [Regist, Weight, None_ , Weight]),
    (Ready,               NONE, false, [Regist, Weight, None_ , Weight]),
    (Ready,               TERM, true,  [Regist, Weight, None_ , Weight]),
    (Ready,               TERM, false, [Regist, Weight, None_ , Weight]),
    (Ready,               BOTH, true,  [Regist, Weight, None_ , Weight]),
    (Ready,               BOTH, false, [Regist, Weight, None_ , Weight]),
    (Admitted,            OFF,  true,  [None_ , Dereg_, ZeroDe, ZeroDe]),
    (Admitted,            OFF,  false, [None_ , None_ , None_ , None_ ]),
    (Admitted,            NONE, true,  [None_ , Weight, None_ , Weight]),
    (Admitted,            NONE, false, [None_ , Weight, None_ , Weight]),
    (Admitted,            TERM, true,  [None_ , Weight, None_ , Weight]),
    (Admitted,            TERM, false, [None_ , Weight, None_ , Weight]),
    (Admitted,            BOTH, true,  [None_ , None_ , Zero__, Zero__]),
    (Admitted,            BOTH, false, [None_ , None_ , Zero__, Zero__]),
    (Unready,             OFF,  true,  [None_ , Dereg_, ZeroDe, ZeroDe]),
    (Unready,             OFF,  false, [None_ , None_ , None_ , None_ ]),
    (Unready,             NONE, true,  [None_ , None_ , Zero__, Zero__]),
    (Unready,             NONE, false, [None_ , None_ , Zero__, Zero__]),
    (Unready,             TERM, true,  [None_ , None_ , Zero__, Zero__]),
    (Unready,             TERM, false, [None_ , None_ , Zero__, Zero__]),
    (Unready,             BOTH, true,  [None_ , None_ , Zero__, Zero__]),
    (Unready,             BOTH, false, [None_ , None_ , Zero__, Zero__]),
    (Held,                OFF,  true,  [None_ , Dereg_, ZeroDe, ZeroDe]),
    (Held,                OFF,  false, [None_ , None_ , None_ , None_ ]),
    (Held,                NONE, true,  [None_ , None_ , Zero__, Zero__]),
    (Held,                NONE, false, [None_ , None_ , Zero__, Zero__]),
    (Held,                TERM, true,  [None_ , None_ , Zero__, Zero__]),
    (Held,                TERM, false, [None_ , None_ , Zero__, Zero__]),
    (Held,                BOTH, true,  [None_ , None_ , Zero__, Zero__]),
    (Held,                BOTH, false, [None_ , None_ , Zero__, Zero__]),
    (Terminating,         OFF,  true,  [None_ , None_ , Zero__, Zero__]),
    (Terminating,         OFF,  false, [None_ , None_ , None_ , None_ ]),
    (Terminating,         NONE, true,  [None_ , None_ , Dereg_, Dereg_]),
    (Terminating,         NONE, false, [None_ , None_ , Dereg_, Dereg_]),
    (Terminating,         TERM, true,  [None_ , None_ , Zero__, Zero__]),
    (Terminating,         TERM, false, [None_ , None_ , Zero__, Zero__]),
    (Terminating,         BOTH, true,  [None_ , None_ , Zero__, Zero__]),
    (Terminating,         BOTH, false, [None_ , None_ , Zero__, Zero__]),
    (TerminatingUnready,  OFF,  true,  [None_ , None_ , Zero__, Zero__]),
    (TerminatingUnready,  OFF,  false, [None_ , None_ , None_ , None_ ]),
    (TerminatingUnready,  NONE, true,  [None_ , None_ , Dereg_, Dereg_]),
    (TerminatingUnready,  NONE, false, [None_ , None_ , Dereg_, Dereg_]),
    (TerminatingUnready,  TERM, true,  [None_ , None_ , Zero__, Zero__]),
    (TerminatingUnready,  TERM, false, [None_ , None_ , Zero__, Zero__]),
    (TerminatingUnready,  BOTH, true,  [None_ , None_ , Zero__, Zero__]),
    (TerminatingUnready,  BOTH, false, [None_ , None_ , Zero__, Zero__]),
    (Over,                OFF,  true,  [None_ , Dereg_, ZeroDe, ZeroDe]),
    (Over,                OFF,  false, [None_ , None_ , None_ , None_ ]),
    (Over,                NONE, true,  [None_ , Dereg_, Dereg_, Dereg_]),
    (Over,                NONE, false, [None_ , None_ , None_ , None_ ]),
    (Over,                TERM, true,  [None_ , Dereg_, Dereg_, Dereg_]),
    (Over,                TERM, false, [None_ , None_ , None_ , None_ ]),
    (Over,                BOTH, true,  [None_ , Dereg_, Dereg_, Dereg_]),
    (Over,                BOTH, false, [None_ , None_ , None_ , None_ ]),
    (Gone,                OFF,  true,  [None_ , Dereg_, ZeroDe, ZeroDe]),
    (Gone,                OFF,  false, [None_ , None_ , None_ , None_ ]),
    (Gone,                NONE, true,  [None_ , Dereg_, Dereg_, Dereg_]),
    (Gone,                NONE, false, [None_ , None_ , None_ , None_ ]),
    (Gone,                TERM, true,  [None_ , Dereg_, Dereg_, Dereg_]),
    (Gone,                TERM, false, [None_ , None_ , None_ , None_ ]),
    (Gone,                BOTH, true,  [None_ , Dereg_, Dereg_, Dereg_]),
    (Gone,                BOTH, false, [None_ , None_ , None_ , None_ ]),
    (Deselected,          OFF,  true,  [None_ , Dereg_, ZeroDe, ZeroDe]),
    (Deselected,          OFF,  false, [None_ , None_ , None_ , None_ ]),
    (Deselected,          NONE, true,  [None_ , Dereg_, Dereg_, Dereg_]),
    (Deselected,          NONE, false, [None_ , None_ , None_ , None_ ]),
    (Deselected,          TERM, true,  [None_ , Dereg_, ZeroDe, ZeroDe]),
    (Deselected,          TERM, false, [None_ , None_ , None_ , None_ ]),
    (Deselected,          BOTH, true,  [None_ , Dereg_, ZeroDe, ZeroDe]),
    (Deselected,          BOTH, false, [None_ , None_ , None_ , None_ ]),
];

/// A process for which the Pod is in that state, and what stands at its target.
fn given(state: State, drain: Option<DrainOn>, claimed: bool, before: Option<u8>) -> Harness {
    let mut t = Harness::cold(cluster(drain));
    if drain.is_some() {
        t.by_hand("web-2", Some(10));
        t.model.claim_by_hand(&target("web-2"));
    }
    if drain.is_some() && matches!(state, Admitted | Unready) {
        return with_a_past(t, state, claimed, before);
    }
    t.by_hand("web-1", before);
    if claimed {
        t.model.claim_by_hand(&target("web-1"));
    }
    t.unseen(facts(state));
    t.announce_lanes();
    for event in t.world.relist() {
        t.send(&event);
    }
    if state == Held {
        t.send(&Event::Hold { pod: Uid::of("web-1"), until: t.now + minutes(60) });
    }
    t.send(&Event::Synced);
    t.send(&Event::Granted(lane("lb-1")));
    t
}

/// A process that remembers whether the Pod was ever ready. What stands there changes by another hand.
fn with_a_past(mut t: Harness, state: State, claimed: bool, before: Option<u8>) -> Harness {
    if state == Admitted {
        t.unseen(serving("web-1"));
    } else {
        t.unseen(unready("web-1"));
    }
    t.start();
    t.settle();
    if state == Admitted {
        // While the lane is in other hands, so that nothing is restored meanwhile.
        t.send(&Event::Revoked(lane("lb-1")));
        t.when(facts(state));
    }
    t.by_hand("web-1", before);
    if !claimed {
        t.model.unclaim_by_hand(&target("web-1"));
    }
    t.forget();
    if state == Admitted {
        t.send(&Event::Granted(lane("lb-1")));
    }
    t
}

#[test]
fn each_cell_of_the_matrix_sends_what_it_says_and_says_what_the_text_says() {
    let (mut cells, mut wrong) = (0, Vec::new());
    for (state, drain, claimed, row) in MATRIX {
        for switches in Switches::all().filter(|switches| switches.drain() == drain) {
            for (before, sent) in BEFORE.into_iter().zip(row) {
                cells += 1;
                let found = found(|| given(state, drain, claimed, before));
                let expected = expected(state, drain, claimed, before);
                if sent != expected || found != Ok(writes_of(sent)) {
                    let cell = format!("{state:?} {switches:?} claimed {claimed} before {before:?}");
                    wrong.push(format!("{cell}: {sent:?}, by the text {expected:?}, found {found:?}"));
                }
            }
        }
    }
    println!("truth table: {cells} cells, {} differ", wrong.len());
    assert_eq!(cells, 576, "nine states, four of the target, eight ways to set the switches, claimed or not");
    assert!(wrong.is_empty(), "{} cells of {cells} differ:\n{}", wrong.len(), wrong.join("\n"));
}
