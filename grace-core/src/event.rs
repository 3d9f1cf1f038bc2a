//! Everything that can come in. Each event is a whole statement about one object, so a repeat changes nothing.

use alloc::boxed::Box;
use core::fmt;

use crate::action::{ActionId, Failure, Success};
use crate::id::Uid;
use crate::pod::PodFacts;
use crate::pool::{LaneFacts, LaneId};
use crate::route::{RouteEnd, RouteFacts, RouteKey};
use crate::slice::{SliceFacts, SliceKey};
use crate::time::Time;

/// A fact about the world, or the answer to an action.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub enum Event {
    /// A Pod as it is now.
    Pod {
        /// Where this was seen.
        from: Source,
        /// The Pod.
        pod: PodFacts,
    },
    /// The Pod object is gone.
    PodGone {
        /// Where this was seen.
        from: Source,
        /// Which Pod.
        uid: Uid,
    },
    /// An EndpointSlice as it is now.
    Slice {
        /// Where this was seen.
        from: Source,
        /// The slice.
        slice: SliceFacts,
    },
    /// The EndpointSlice is gone.
    SliceGone {
        /// Where this was seen.
        from: Source,
        /// Which slice.
        key: SliceKey,
    },
    /// A route as it is now.
    Route(RouteFacts),
    /// A route ended.
    RouteGone {
        /// Which route.
        key: RouteKey,
        /// Why.
        end: RouteEnd,
    },
    /// A complete list of this source begins. Its objects follow as ordinary events and act at once.
    ListStarted(Source),
    /// The list is complete: what was not restated since its start is gone.
    ListDone(Source),
    /// Every source was listed once, every binding was answered once.
    Synced,
    /// A lane as it is now.
    Lane(LaneFacts),
    /// From now on this process, and no other, may write to the lane.
    Granted(LaneId),
    /// No longer: nothing more leaves for the lane.
    Revoked(LaneId),
    /// Drain this Pod without a deletion, until this moment or until [`Unhold`](Self::Unhold); then its weight comes back.
    Hold {
        /// Which Pod.
        pod: Uid,
        /// When the hold ends by itself.
        until: Time,
    },
    /// The hold on this Pod ends.
    Unhold {
        /// Which Pod.
        pod: Uid,
    },
    /// How an action ended.
    Answer {
        /// Which action.
        id: ActionId,
        /// What came of it.
        result: Result<Success, Failure>,
    },
}

/// One list and watch: a kind, in one namespace or in all.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[expect(clippy::exhaustive_structs, reason = "an identity is complete or it is none")]
pub struct Source {
    /// The kind that is watched.
    pub kind: SourceKind,
    /// The namespace, or all.
    pub namespace: Option<Box<str>>,
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = match self.kind {
            SourceKind::Pods => "pods",
            SourceKind::Slices => "endpointslices",
            SourceKind::Services => "services",
            SourceKind::Ingresses => "ingresses",
        };
        match &self.namespace {
            Some(namespace) => write!(f, "{kind} in {namespace}"),
            None => write!(f, "{kind} in all namespaces"),
        }
    }
}

/// A watched kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[expect(clippy::exhaustive_enums, reason = "every kind that is watched is translated")]
pub enum SourceKind {
    /// Pods.
    Pods,
    /// EndpointSlices.
    Slices,
    /// Services.
    Services,
    /// Ingresses.
    Ingresses,
}
