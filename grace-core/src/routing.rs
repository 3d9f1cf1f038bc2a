//! Routes, as they come in, and which of them drives a pool.

use alloc::vec::Vec;

use crate::index::hash;
use crate::notice::Notice;
use crate::pool::{LaneId, Pool};
use crate::record::{Binding, Claim, Phase, Route};
use crate::route::{Resolution, RouteEnd, RouteFacts, RouteKey};
use crate::slab::Index;
use crate::state::State;

impl State {
    pub(crate) fn route_seen(&mut self, facts: &RouteFacts) {
        let service = self.service_of(&facts.service);
        let index = match self.find_route(&facts.key) {
            Some(index) => {
                let route = &mut self.routes[index];
                let moved = route.service != service || route.facts.port != facts.port;
                let revived = route.ended;
                route.facts.clone_from(facts);
                route.ended = false;
                let old = route.service;
                if route.service != service {
                    route.service = service;
                    self.services[old].routes.retain(|other| *other != index);
                    self.services[service].routes.push(index);
                }
                if moved || revived {
                    for binding in self.routes[index].bindings.clone() {
                        self.seat_all(binding);
                    }
                }
                if old != service {
                    self.forget_service(old);
                }
                index
            }
            None => {
                let index = self.routes.insert(Route {
                    facts: facts.clone(),
                    service,
                    bindings: Vec::new(),
                    ended: false,
                });
                let routes = &self.routes;
                self.routes_by_key.insert(&facts.key, index, |index| hash(&routes[index].facts.key));
                self.services[service].routes.push(index);
                index
            }
        };
        if let Resolution::Known(pools) = &facts.pools {
            self.bind(index, pools);
        }
        self.refresh_unresolved(index);
        for position in 0..self.routes[index].bindings.len() {
            let binding = self.routes[index].bindings[position];
            let pool = self.bindings[binding].pool;
            self.refresh_floor(pool);
            self.touch_pool(pool);
        }
    }

    pub(crate) fn route_gone(&mut self, key: &RouteKey, end: RouteEnd) {
        let Some(index) = self.find_route(key) else { return };
        self.routes[index].ended = true;
        self.refresh_unresolved(index);
        for binding in self.routes[index].bindings.clone() {
            self.end_binding(binding, end);
        }
        self.forget_route(index);
    }

    /// Brings the bindings of a route in line with the pools that it names.
    fn bind(&mut self, route: Index, pools: &[(LaneId, Pool)]) {
        let mut named: Vec<Index> = Vec::new();
        for (lane, pool) in pools {
            let lane = self.lane_of(lane);
            named.push(self.pool_of(lane, pool));
        }
        for pool in &named {
            let existing = self.routes[route]
                .bindings
                .iter()
                .copied()
                .find(|binding| self.bindings[*binding].pool == *pool);
            let binding = existing.unwrap_or_else(|| {
                let binding = self.bindings.insert(Binding { route, pool: *pool, phase: Phase::Contested });
                self.routes[route].bindings.push(binding);
                self.pools[*pool].bindings.push(binding);
                binding
            });
            if matches!(self.bindings[binding].phase, Phase::Ended(_)) {
                self.bindings[binding].phase = Phase::Contested;
            }
            self.settle_contest(*pool);
        }
        for binding in self.routes[route].bindings.clone() {
            if !named.contains(&self.bindings[binding].pool) {
                self.end_binding(binding, RouteEnd::Deleted);
            }
        }
    }

    fn end_binding(&mut self, binding: Index, end: RouteEnd) {
        let Binding { pool, phase, .. } = self.bindings[binding];
        if matches!(phase, Phase::Ended(_)) {
            return;
        }
        self.bindings[binding].phase = Phase::Ended(end);
        self.seat_all(binding);
        self.settle_contest(pool);
        self.refresh_floor(pool);
        self.touch_pool(pool);
        self.forget_binding(binding);
    }

    /// Of the routes on one pool the oldest drives it, and with it those of the same Service.
    fn settle_contest(&mut self, pool: Index) {
        let running =
            |state: &Self, binding: &Index| !matches!(state.bindings[*binding].phase, Phase::Ended(_));
        let bindings = self.pools[pool].bindings.clone();
        let oldest = bindings
            .iter()
            .filter(|binding| running(self, binding))
            .min_by_key(|binding| {
                let facts = &self.routes[self.bindings[**binding].route].facts;
                (facts.since, facts.uid, &facts.key)
            })
            .copied();
        let Some(holder) = oldest else { return };
        let service = self.routes[self.bindings[holder].route].service;
        for binding in bindings.into_iter().filter(|binding| running(self, binding)).collect::<Vec<_>>() {
            let drives = self.routes[self.bindings[binding].route].service == service;
            let phase = if drives { Phase::Active } else { Phase::Contested };
            let before = core::mem::replace(&mut self.bindings[binding].phase, phase);
            let record = &self.pools[pool];
            let (lane, pool_name) = (record.lane, record.pool.clone());
            if drives && before != Phase::Active {
                if !self.pools[pool].read {
                    self.read_by(pool, self.now);
                }
                self.seat_all(binding);
                self.touch_pool(pool);
            } else if !drives {
                let key = |state: &Self, binding: Index| {
                    state.routes[state.bindings[binding].route].facts.key.clone()
                };
                if before == Phase::Active || !self.lanes[lane as usize].contests.contains(&(binding, holder))
                {
                    self.lanes[lane as usize].contests.push((binding, holder));
                    let notice = Notice::Contested {
                        route: key(self, binding),
                        holder: key(self, holder),
                        lane: self.lanes[lane as usize].id.clone(),
                        pool: pool_name,
                    };
                    self.tell(notice);
                }
                if before == Phase::Active {
                    self.seat_all(binding);
                    self.touch_pool(pool);
                }
            }
        }
        self.refresh_floor(pool);
        let lane = self.pools[pool].lane;
        self.warn_of_switches(lane);
        self.stir(lane);
    }

    /// Drops a binding that is over and that no target remembers.
    pub(crate) fn forget_binding(&mut self, index: Index) {
        let Some(binding) = self.bindings.get(index) else { return };
        let Binding { route, pool, phase } = *binding;
        if !matches!(phase, Phase::Ended(_)) {
            return;
        }
        // A claim that no Pod accounts for is brought to its end under the route that it was made for.
        let remembered = self.pools[pool].targets.iter().any(|target| {
            self.targets[*target].claim != Claim::None
                || self.seats_of(*target).any(|seat| self.seats[seat].binding == index)
        });
        if remembered || (phase == Phase::Ended(RouteEnd::Deleted) && self.has_leftovers(pool)) {
            return;
        }
        self.pools[pool].bindings.retain(|other| *other != index);
        self.routes[route].bindings.retain(|other| *other != index);
        self.bindings.remove(index);
        let lane = self.pools[pool].lane;
        self.lanes[lane as usize].contests.retain(|(a, b)| *a != index && *b != index);
        self.forget_route(route);
    }

    fn forget_route(&mut self, index: Index) {
        let Some(route) = self.routes.get(index) else { return };
        if !route.ended || !route.bindings.is_empty() {
            return;
        }
        let service = route.service;
        self.routes_by_key.remove(&self.routes[index].facts.key.clone(), index);
        self.routes.remove(index);
        self.services[service].routes.retain(|other| *other != index);
        self.forget_service(service);
    }
}
