//! A process that has just started takes a weight above 0 for the admission of a Pod that is not ready.

use grace_core::DrainOn;
use grace_core::DrainOn::{Nothing, Termination, TerminationAndUnready};

use super::expected::expected;
use super::{Admitted, BEFORE, None_, Sent, Unready, Weight, Zero__, cluster, facts, found, writes_of};
use crate::harness::Harness;
use crate::words::*;

/// What is expected for each entry of [`BEFORE`], claimed or not.
#[rustfmt::skip]
const UNREADY: [(DrainOn, [Sent; 4]); 3] = [
    // drain                absent  0      w*      other
    (Nothing,               [None_, None_, None_,  Weight]),
    (Termination,           [None_, None_, None_,  Weight]),
    (TerminationAndUnready, [None_, None_, Zero__, Zero__]),
];

#[test]
fn a_fresh_process_takes_a_weight_above_zero_for_admission() {
    for (drain, row) in UNREADY {
        for (before, sent) in BEFORE.into_iter().zip(row) {
            for claimed in [true, false] {
                let cell = format!("{drain:?} claimed {claimed} before {before:?}");
                let state = if before > Some(0) { Admitted } else { Unready };
                assert_eq!(sent, expected(state, Some(drain), claimed, before), "{cell}");
                let found = found(|| {
                    let mut t = Harness::cold(cluster(Some(drain)));
                    t.unseen(facts(Unready));
                    t.by_hand("web-2", Some(10));
                    t.model.claim_by_hand(&target("web-2"));
                    t.by_hand("web-1", before);
                    if claimed {
                        t.model.claim_by_hand(&target("web-1"));
                    }
                    t.start();
                    t
                });
                assert_eq!(found, Ok(writes_of(sent)), "{cell}");
            }
        }
    }
}
