//! What one Pod means for one target: the truth table.
//!
//! ```text
//! Pod on this route                                Nothing      Termination      TerminationAndUnready
//! live, ready                                      Present(w*)  Present(w*)      Present(w*)
//! live, unready, admitted on this target           Keep(w*)     Keep(w*)         Keep(0)
//! live, unready, not admitted                      Keep(0)      Keep(0)          Keep(0)
//! held                                             Keep(0)      Keep(0)          Keep(0)
//! terminating                                      Absent       Keep(0)          Keep(0)
//! over, or object gone                             Absent       Absent           Absent
//! live, in no slice of the Service for 5 s         Absent       Keep(0), Absent after `config_drain`
//! ```
//!
//! `w*` is computed from annotations and never read back from the load balancer.

use crate::policy::DrainOn;
use crate::target::Weight;

/// How a Pod stands on one target of one route.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Standing {
    /// Live, and its endpoint is ready, or lacks nothing but our own gate.
    Ready,
    /// Live, and its endpoint is not ready.
    Unready {
        /// This very Pod was ready on this target before.
        admitted: bool,
    },
    /// Live, and held at weight 0 by whoever embeds this.
    Held,
    /// Live, but the Service does not name it any more, or on another port.
    Deselected,
    /// It has a deletion timestamp, its containers may run.
    Terminating,
    /// Nothing runs any more, or the object is gone.
    Over,
}

/// What a target should be.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[expect(clippy::exhaustive_enums, reason = "every plan names every case; a further one must break them")]
pub enum Want {
    /// Nobody of ours says anything about it: it is left alone.
    #[default]
    Nothing,
    /// Deregistered.
    Absent,
    /// This weight if it is registered; it is never registered for it.
    Keep(Weight),
    /// Registered, with this weight.
    Present(Weight),
}

impl Want {
    /// The weight that is wanted, where one is.
    #[must_use]
    pub const fn weight(self) -> Option<Weight> {
        match self {
            Self::Nothing | Self::Absent => None,
            Self::Keep(weight) | Self::Present(weight) => Some(weight),
        }
    }
}

/// What one Pod means for one target of one route. `config_drain` is a timer of the caller, who keeps a deselected
/// target at 0 until it ends.
pub(crate) const fn decide(drain: DrainOn, standing: Standing, configured: Weight) -> Want {
    use DrainOn::{Nothing, Termination, TerminationAndUnready};
    match (standing, drain) {
        (Standing::Ready, _) => Want::Present(configured),
        (Standing::Unready { admitted: true }, Nothing | Termination) => Want::Keep(configured),
        (Standing::Unready { .. } | Standing::Held, _) => Want::Keep(Weight::DRAINED),
        (Standing::Terminating | Standing::Deselected, Termination | TerminationAndUnready) => {
            Want::Keep(Weight::DRAINED)
        }
        (Standing::Terminating | Standing::Deselected, Nothing) | (Standing::Over, _) => Want::Absent,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use DrainOn::{Nothing, Termination, TerminationAndUnready};
    use Standing::{Deselected, Held, Over, Ready, Terminating, Unready};
    use Want::{Absent, Keep, Present};

    #[test]
    fn the_truth_table_row_by_row() {
        let w = Weight::new(37).unwrap();
        let zero = Weight::DRAINED;
        #[rustfmt::skip]
        let rows = [
            (Ready,                     [Present(w), Present(w), Present(w)]),
            (Unready { admitted: true },  [Keep(w), Keep(w), Keep(zero)]),
            (Unready { admitted: false }, [Keep(zero), Keep(zero), Keep(zero)]),
            (Held,                      [Keep(zero), Keep(zero), Keep(zero)]),
            (Terminating,               [Absent, Keep(zero), Keep(zero)]),
            (Deselected,                [Absent, Keep(zero), Keep(zero)]),
            (Over,                      [Absent, Absent, Absent]),
        ];
        for (standing, wants) in rows {
            for (drain, want) in [Nothing, Termination, TerminationAndUnready].into_iter().zip(wants) {
                assert_eq!(decide(drain, standing, w), want, "{standing:?} with {drain:?}");
            }
        }
    }
}
