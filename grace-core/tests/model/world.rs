//! The modelled world: a few Pods on a few addresses, one listener with its claims, the controllers, and the calls between.

use std::sync::Arc;

use grace_core::{ActionId, DrainOn, Planted, Time};

use crate::controller::Controller;

/// When every run begins.
pub(crate) const START: Time = Time::from_unix_seconds(1_750_000_000);

/// How much may happen.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Size {
    /// Pods that are created, one after another.
    pub(crate) pods: u8,
    /// Pods that exist at a time.
    pub(crate) alive: u8,
    /// Addresses, which are used again.
    pub(crate) ips: u8,
    /// Controllers; one is granted, another follows.
    pub(crate) controllers: u8,
    /// Calls that fail, in whatever way.
    pub(crate) faults: u8,
    /// Processes that die, or lose the lane to another.
    pub(crate) crashes: u8,
    /// Falls from ready to not ready. At 0 a Pod is ready when it is created.
    pub(crate) flips: u8,
    /// Pods that fail and stay as objects.
    pub(crate) overs: u8,
    /// Changes by somebody else's hand.
    pub(crate) hands: u8,
    /// What the route asks for.
    pub(crate) drain: DrainOn,
    /// The bug in the core, if any.
    pub(crate) planted: Option<Planted>,
}

/// A state of the world.
#[derive(Clone, Debug)]
pub(crate) struct World {
    pub(crate) now: Time,
    /// In the order of their creation.
    pub(crate) pods: Vec<Pod>,
    /// Weights on the listener, by address.
    pub(crate) stands: Vec<Option<u8>>,
    pub(crate) claims: Claims,
    pub(crate) controllers: Vec<Arc<Controller>>,
    pub(crate) calls: Vec<Call>,
    /// What is left of the size's faults, crashes, falls, failures of Pods and hands.
    pub(crate) left: [u8; 5],
    /// Writes and claims that left, for silence; no part of the state.
    pub(crate) writes: u32,
    /// The rule that was broken on the way here.
    pub(crate) broken: Option<Arc<str>>,
    /// The state by content.
    pub(crate) print: u64,
}

/// Index into [`World::left`].
pub(crate) const FAULTS: usize = 0;
/// Index into [`World::left`].
pub(crate) const CRASHES: usize = 1;
/// Index into [`World::left`].
pub(crate) const FLIPS: usize = 2;
/// Index into [`World::left`].
pub(crate) const OVERS: usize = 3;
/// Index into [`World::left`].
pub(crate) const HANDS: usize = 4;

/// A Pod as the API server knows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Pod {
    pub(crate) ip: u8,
    pub(crate) ready: bool,
    pub(crate) life: Life,
    /// While it lived, its target was registered once.
    pub(crate) served: bool,
    /// Since it terminates, its target was at 0 or absent once.
    pub(crate) zeroed: bool,
    /// Somebody else's call or hand, or a successor, touched its target: what is proven is not judged.
    pub(crate) blurred: bool,
}

/// Where a Pod is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Life {
    Live,
    Terminating,
    /// Failed; the object stays.
    Over,
    /// No object any more.
    Gone,
}

impl Pod {
    /// Whether its processes hold the address.
    pub(crate) fn holds_ip(&self) -> bool {
        matches!(self.life, Life::Live | Life::Terminating)
    }
}

/// The weight that the annotation of a Pod asks for: different from one Pod to the next, so that a mix-up shows.
pub(crate) fn weight_of(pod: u8) -> u8 {
    if pod.is_multiple_of(2) { 10 } else { 20 }
}

/// The record of claims: which addresses, in which revision.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Claims {
    pub(crate) revision: u32,
    pub(crate) all: u8,
}

/// A call on its way.
#[derive(Clone, Debug)]
pub(crate) struct Call {
    /// Who waits for the answer. Nobody: it was given up or its process is dead, and it may still land.
    pub(crate) owner: Option<u8>,
    pub(crate) id: ActionId,
    pub(crate) what: What,
    /// It has had its effect; so the answer is settled.
    pub(crate) applied: Option<Outcome>,
    /// An answer comes before this moment; a late registration lands before it.
    pub(crate) until: Time,
}

/// What a call asks for.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum What {
    Weights(Vec<(u8, u8)>),
    Register(Vec<(u8, u8)>),
    Deregister(Vec<u8>),
    Read,
    LoadClaims,
    Claim { base: Option<u32>, add: u8, drop: u8 },
}

impl What {
    pub(crate) const fn is_write(&self) -> bool {
        matches!(self, Self::Weights(_) | Self::Register(_) | Self::Deregister(_))
    }

    /// Whether it goes to the claim store.
    pub(crate) const fn is_claim(&self) -> bool {
        matches!(self, Self::Claim { .. } | Self::LoadClaims)
    }

    /// The addresses that it touches on the listener, and what would become of them.
    pub(crate) fn targets(&self) -> Vec<(u8, Option<u8>)> {
        match self {
            Self::Weights(list) | Self::Register(list) => {
                list.iter().map(|(ip, weight)| (*ip, Some(*weight))).collect()
            }
            Self::Deregister(ips) => ips.iter().map(|ip| (*ip, None)).collect(),
            Self::Read | Self::LoadClaims | Self::Claim { .. } => Vec::new(),
        }
    }
}

/// How a write ended at the load balancer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Outcome {
    Written,
    /// This address is not registered; nothing was done.
    Refused(u8),
}

impl World {
    /// The Pods that the slice names, and whether they are ready.
    pub(crate) fn slice(&self) -> Vec<(u8, bool)> {
        let endpoints = self.pods.iter().zip(0..).filter(|(pod, _)| pod.holds_ip());
        endpoints.map(|(pod, number)| (number, pod.ready)).collect()
    }

    /// Breaks a rule; the first one is kept.
    pub(crate) fn breaks(&mut self, rule: impl Into<String>) {
        if self.broken.is_none() {
            self.broken = Some(rule.into().into());
        }
    }

    /// The controller that may write.
    pub(crate) fn granted(&self) -> Option<u8> {
        self.controllers.iter().zip(0..).find(|(controller, _)| controller.granted).map(|(_, number)| number)
    }
}
