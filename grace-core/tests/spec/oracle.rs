//! What design.md 3.4 asks for, written from its text. Shares no code with the core.

use grace_core::{
    Address, DrainOn, Gate, LaneId, Layer, Life, PodFacts, Pool, Resolution, RouteFacts, Weight,
};

use crate::view::View;

/// Whether the route hangs on that pool.
pub(crate) fn names(route: &RouteFacts, lane: &LaneId, pool: &Pool) -> bool {
    match &route.pools {
        Resolution::Pending => false,
        Resolution::Known(pools) => pools.iter().any(|(l, p)| l == lane && p == pool),
    }
}

/// The routes of a pool that are driven there: all of the oldest one's Service.
pub(crate) fn routes_on<'v>(view: &'v View, lane: &LaneId, pool: &Pool) -> Vec<&'v RouteFacts> {
    let mut routes: Vec<_> = view.routes.values().filter(|route| names(route, lane, pool)).collect();
    routes.sort_by_key(|route| (route.since, route.uid));
    let Some(oldest) = routes.first().map(|route| route.service.clone()) else { return routes };
    routes.retain(|route| route.service == oldest);
    routes
}

/// The endpoint of a Pod at that address of the route: whether it serves.
pub(crate) fn serving_at(view: &View, route: &RouteFacts, pod: &PodFacts, address: Address) -> Option<bool> {
    let mut serving = None;
    for slice in view.slices.values().filter(|slice| slice.service == route.service) {
        if !slice.ports.iter().any(|(name, port)| *name == route.port && *port == address.port) {
            continue;
        }
        for endpoint in slice.endpoints.iter().filter(|e| e.pod == pod.uid && e.ip == address.ip) {
            serving = Some(serving.unwrap_or(false) || endpoint.serving);
        }
    }
    serving
}

/// The Pod that owns the address on this route: live before terminating, then older, then by UID.
pub(crate) fn holder<'v>(view: &'v View, route: &RouteFacts, address: Address) -> Option<&'v PodFacts> {
    view.pods
        .values()
        .filter(|pod| pod.life != Life::Over)
        .filter(|pod| pod.ips.contains(&Some(address.ip)))
        .filter(|pod| serving_at(view, route, pod, address).is_some())
        .min_by_key(|pod| (pod.life != Life::Live, pod.created, pod.uid))
}

/// The weight that annotations ask for: the Pod's, else by its ordinal, else the route's.
pub(crate) fn configured_weight(route: &RouteFacts, pod: &PodFacts) -> Weight {
    let own = match route.key.layer {
        Layer::Service => pod.weight_service,
        Layer::Ingress => pod.weight_ingress,
    };
    let by_ordinal = || {
        let (set, number) = pod.ordinal.as_ref()?;
        let rule = route
            .policy
            .by_ordinal
            .iter()
            .find(|rule| rule.stateful_set == *set && rule.ordinals.contains(number))?;
        Some(rule.weight)
    };
    own.or_else(by_ordinal).unwrap_or(route.policy.default_weight)
}

/// What a target shall be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Want {
    /// Registered with this weight.
    Present(Weight),
    /// This weight if it is registered; never registers.
    Keep(Weight),
    /// Not registered.
    Absent,
}

/// What one Pod means for its target: a line and a column of the truth table.
///
/// `admitted` says whether this Pod was ready once on this target.
pub(crate) fn want(route: &RouteFacts, pod: &PodFacts, serving: bool, admitted: bool) -> Want {
    let configured = configured_weight(route, pod);
    let only_our_gate = matches!(pod.gate, Gate::Waiting { only: true });
    let unready = !serving && !only_our_gate && !route.policy.ignore_readiness;
    match (pod.life, route.policy.drain) {
        (Life::Over, _) | (Life::Terminating { .. }, DrainOn::Nothing) => Want::Absent,
        (Life::Terminating { .. }, DrainOn::Termination | DrainOn::TerminationAndUnready) => {
            Want::Keep(Weight::DRAINED)
        }
        (Life::Live, _) if !unready => Want::Present(configured),
        (Life::Live, DrainOn::TerminationAndUnready) => Want::Keep(Weight::DRAINED),
        (Life::Live, DrainOn::Nothing | DrainOn::Termination) if admitted => Want::Keep(configured),
        (Life::Live, DrainOn::Nothing | DrainOn::Termination) => Want::Keep(Weight::DRAINED),
    }
}
