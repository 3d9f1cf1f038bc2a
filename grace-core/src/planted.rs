//! Bugs that can be planted, to show that the checks find each of them. Only with the feature `planted`, which a build
//! without debug assertions refuses.

#[cfg(all(feature = "planted", not(debug_assertions)))]
compile_error!(
    "the feature `planted` plants bugs for checks; build with debug assertions, as profile `checks` does"
);

/// A bug of a kind that controllers of load balancers have had.
#[cfg(feature = "planted")]
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[expect(clippy::exhaustive_enums, reason = "a check that forgets one must break its build")]
pub enum Planted {
    /// Only what this process registered is deregistered: a restart leaks targets.
    DeregistersItsOwnOnly,
    /// Once read, a target is planned from a private copy, whatever later reads show.
    PlansFromPrivateCopy,
    /// A target is deregistered when its Pod is seen to go, and not because nobody lives there.
    DeregistersOnEdges,
    /// A weight is restored to what the load balancer shows instead of what is configured.
    RestoresSeenWeight,
    /// That a Pod is gone is believed of every Pod at its address.
    IgnoresUid,
    /// Weight 0 for a terminating Pod waits, as if it could come back.
    DebouncesTermination,
    /// Whoever carries calls out leaves a weight of 0 out, so the load balancer sets its default.
    OmitsWeightZero,
    /// Absence is believed before everything was listed once.
    ActsBeforeSync,
    /// A write without an answer counts as done.
    AssumesSuccess,
    /// The last target with a weight keeps it although its Pod terminates.
    GuardsTermination,
}

#[cfg(feature = "planted")]
impl Planted {
    /// All of them.
    pub const ALL: [Self; 10] = [
        Self::DeregistersItsOwnOnly,
        Self::PlansFromPrivateCopy,
        Self::DeregistersOnEdges,
        Self::RestoresSeenWeight,
        Self::IgnoresUid,
        Self::DebouncesTermination,
        Self::OmitsWeightZero,
        Self::ActsBeforeSync,
        Self::AssumesSuccess,
        Self::GuardsTermination,
    ];
}

/// Whether a bug is planted in this machine; never without the feature.
#[cfg(feature = "planted")]
macro_rules! planted {
    ($state:expr, $bug:ident) => {
        $state.config.planted == Some(crate::planted::Planted::$bug)
    };
}

#[cfg(not(feature = "planted"))]
macro_rules! planted {
    ($state:expr, $bug:ident) => {
        false
    };
}
