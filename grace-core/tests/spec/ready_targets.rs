//! Which targets serve when nothing is wrong.

use grace_core::{Address, LaneId, Pool, Resolution, RouteFacts, TargetId, Weight};

use crate::oracle::{Want, holder, routes_on, serving_at, want};
use crate::view::View;

/// The targets of all Pods that are ready, with their weights.
pub(crate) fn ready_targets(view: &View) -> Vec<(TargetId, Weight)> {
    let mut targets = Vec::new();
    for slice in view.slices.values() {
        for (lane, pool, route) in view.routes.values().flat_map(pools) {
            let driven = routes_on(view, lane, pool).contains(&route);
            let ports = slice.ports.iter().filter(|(name, _)| *name == route.port);
            for (_, port) in ports.filter(|_| driven && slice.service == route.service) {
                for endpoint in &slice.endpoints {
                    let address = Address { ip: endpoint.ip, port: *port };
                    let Some(pod) = holder(view, route, address) else { continue };
                    let serving = serving_at(view, route, pod, address) == Some(true);
                    if let Want::Present(weight) = want(route, pod, serving, false) {
                        let target = TargetId { lane: lane.clone(), pool: pool.clone(), address };
                        targets.push((target, weight));
                    }
                }
            }
        }
    }
    targets
}

fn pools(route: &RouteFacts) -> Vec<(&LaneId, &Pool, &RouteFacts)> {
    match &route.pools {
        Resolution::Pending => Vec::new(),
        Resolution::Known(pools) => pools.iter().map(|(lane, pool)| (lane, pool, route)).collect(),
    }
}
