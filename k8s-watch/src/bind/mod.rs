//! Which pools serve a route: the question, and whoever answers it.

#[cfg(feature = "clb")]
mod listener;

use std::collections::BTreeSet;
use std::sync::Arc;

use futures::future::BoxFuture;
use grace_core::{LaneFacts, LaneId, LoadBalancerId, ObjectName, PortName, Resolution};

use crate::finding::Finding;
use crate::translate::ListenerProtocol;

#[cfg(feature = "clb")]
pub(crate) use listener::Listeners;

/// Says which pools serve the ports of Services.
///
/// [`Clb`](crate::Clb) looks for the listener of each port on the CLB that the annotations name. An operator that made the
/// listeners itself can say so here instead.
pub trait ResolveBindings: Send + Sync + 'static {
    /// Answers every question, in their order; a shorter answer leaves the rest open.
    ///
    /// Called for every Service that changed, again and again for those whose answer is
    /// [pending](Resolution::Pending) or has findings, and at every resync for all. May take its time: drains of routes
    /// whose pools are known do not wait for it.
    fn resolve<'a>(
        &'a self,
        asked: &'a [BindingQuestion],
        rules: &'a BindingRules,
    ) -> BoxFuture<'a, Vec<Binding>>;
}

impl<R: ResolveBindings + ?Sized> ResolveBindings for Arc<R> {
    fn resolve<'a>(
        &'a self,
        asked: &'a [BindingQuestion],
        rules: &'a BindingRules,
    ) -> BoxFuture<'a, Vec<Binding>> {
        (**self).resolve(asked, rules)
    }
}

/// One port of a Service whose pools are wanted.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(clippy::exhaustive_structs, reason = "all that is known of the port")]
pub struct BindingQuestion {
    /// The Service.
    pub service: ObjectName,
    /// Name of the port, empty for a single unnamed one.
    pub name: PortName,
    /// Number of the port, 1 to 65535.
    pub port: u16,
    /// Protocols of the listeners that shall serve it.
    pub protocols: Vec<ListenerProtocol>,
    /// The CLB that the annotations name.
    pub load_balancer: Option<LoadBalancerId>,
}

/// The pools of one port.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "the whole answer to one question")]
pub struct Binding {
    /// The pools. [`Resolution::Pending`] when they cannot be determined at the moment: never an empty list then.
    pub pools: Resolution,
    /// The lanes of these pools.
    pub lanes: Vec<LaneFacts>,
    /// A lane that may not be written, not any more either: everything there stays as it is.
    pub refused: Option<LaneId>,
    /// What the owner of the Service should mend.
    pub findings: Vec<Finding>,
}

/// Which load balancers may be written.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct BindingRules {
    /// Id of this cluster. A CLB whose tag `tke-clusterId` says another one is refused, and one that carries any where
    /// this is not set.
    pub cluster: Option<Box<str>>,
    /// Where it is not empty: the only CLBs that may be written, whatever their tags say.
    pub load_balancers: BTreeSet<LoadBalancerId>,
}
