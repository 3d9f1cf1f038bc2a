//! A process that saw the Pod ready on its target does what the table says, whatever stands there meanwhile.

use grace_core::DrainOn::{Nothing, Termination, TerminationAndUnready};
use grace_core::{DrainOn, Event};

use super::{Admitted, Deselected, Gone, Over, Ready, State, Terminating, TerminatingUnready};
use super::{BEFORE, Dereg_, MayZer, None_, Regist, Sent, Weight, Zero__, ZeroDe, facts, found, writes_of};
use crate::harness::Harness;
use crate::words::*;

/// What is expected for each entry of [`BEFORE`].
#[rustfmt::skip]
const ADMITTED: [(State, DrainOn, [Sent; 4]); 18] = [
    // state             drain                  absent  0       w*      other
    (Ready,              Nothing,               [Regist, Weight, None_,  Weight]),
    (Ready,              Termination,           [Regist, Weight, None_,  Weight]),
    (Ready,              TerminationAndUnready, [Regist, Weight, None_,  Weight]),
    (Admitted,           Nothing,               [None_,  Weight, None_,  Weight]),
    (Admitted,           Termination,           [None_,  Weight, None_,  Weight]),
    (Admitted,           TerminationAndUnready, [None_,  None_,  Zero__, Zero__]),
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
                t.send(&Event::Revoked(lane.clone()));
                t.by_hand("web-1", before);
                if state == Gone {
                    t.when(gone("web-1"));
                } else {
                    t.when(facts(state));
                }
                t.wait(seconds(10));
                t.send(&Event::Granted(lane));
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
