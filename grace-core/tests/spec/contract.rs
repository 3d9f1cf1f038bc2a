//! What holds in every step of every test: the contract of the machine, the limits of each call, and the hard rules of
//! safety, judged by what the machine was told.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

use grace_core::{
    Action, ActionId, Address, Batch, Command, Config, DrainOn, Event, Failure, LaneFacts, LaneId, Life,
    Limits, Ownership, PodFacts, Pool, RouteEnd, RouteFacts, RouteKey, ServiceKey, SliceFacts, Success,
    TargetId, Time, Uid, Weight,
};

use crate::call::{Verb, entries};
use crate::oracle::{configured_weight, holder, names, routes_on};
use crate::view::View;

/// Watches what the machine does.
#[derive(Clone, Debug, Default)]
pub(crate) struct Contract {
    /// Calls without an answer so far.
    open: BTreeMap<ActionId, (Option<LaneId>, bool, Time)>,
    /// Highest id that was handed out.
    last: Option<ActionId>,
    /// The last calls of each verb: the budget looks one second back.
    calls: BTreeMap<Verb, VecDeque<Time>>,
    /// Claims that an answer confirmed.
    claims: BTreeMap<LaneId, BTreeSet<(Pool, Address)>>,
    /// Lanes that may be written to.
    pub(crate) granted: BTreeSet<LaneId>,
    /// Whether everything was listed once.
    pub(crate) synced: bool,
    /// Lanes whose claims, and pools that were read since the grant.
    loaded: BTreeSet<LaneId>,
    read: BTreeSet<(LaneId, Pool)>,
    /// Addresses at which a Pod was an endpoint, since when and until when.
    was_at: BTreeMap<(Uid, Address, ServiceKey), (Time, Time)>,
    /// When routes ended.
    ended_at: BTreeMap<RouteKey, Time>,
    /// Targets that got 0 for a terminating Pod.
    drained: BTreeSet<(TargetId, Uid)>,
}

impl Contract {
    /// A new machine took over: open calls are nobody's any more, the budget of the account goes on.
    pub(crate) fn restarted(&mut self) {
        *self = Self { calls: std::mem::take(&mut self.calls), ..Self::default() };
    }

    /// Remembers who stands where, before what is told changes the view and after it.
    pub(crate) fn told(&mut self, now: Time, event: &Event, view: &View) {
        if let Event::RouteGone { key, .. } = event {
            self.ended_at.insert(key.clone(), now);
        }
        if let Event::Route(route) = event {
            self.ended_at.remove(&route.key);
        }
        let mut changed: Vec<&SliceFacts> = Vec::new();
        if let Event::Route(route) = event {
            changed.extend(view.slices.values().filter(|slice| slice.service == route.service));
        }
        if let Event::Slice { slice, .. } = event {
            changed.extend(view.slices.get(&slice.key));
            changed.push(slice);
        }
        if let Event::SliceGone { key, .. } = event {
            changed.extend(view.slices.get(key));
        }
        if let Event::ListDone(_) = event {
            changed.extend(view.slices.values());
        }
        // What stood there before a route asked is nothing to go by: a machine does not keep what nobody asks for.
        let asked = |slice: &&SliceFacts| {
            let stated = matches!(event, Event::Route(route) if route.service == slice.service);
            stated || view.routes.values().any(|route| route.service == slice.service)
        };
        for slice in changed.into_iter().filter(asked) {
            for endpoint in &slice.endpoints {
                for (_, port) in &slice.ports {
                    let address = Address { ip: endpoint.ip, port: *port };
                    let key = (endpoint.pod, address, slice.service.clone());
                    self.was_at.entry(key).or_insert((now, now)).1 = now;
                }
            }
        }
    }

    /// The lane changes hands: what was known of it is stale.
    pub(crate) fn granted(&mut self, lane: &LaneId) {
        self.granted.insert(lane.clone());
        self.loaded.remove(lane);
        self.read.retain(|(read, _)| read != lane);
    }

    /// An answer arrives.
    pub(crate) fn answered(&mut self, id: ActionId, action: &Action, result: &Result<Success, Failure>) {
        let in_time = self.open.remove(&id).is_some();
        let Some(lane) = action.command.lane() else { return };
        if let Ok(Success::Claims { all, .. }) | Err(Failure::Conflict { all, .. }) = result {
            self.claims.insert(lane.clone(), all.iter().cloned().collect());
            if in_time {
                self.loaded.insert(lane.clone());
            }
        }
        if let Command::Read { pools, .. } = &action.command {
            self.read.extend(pools.iter().map(|pool| (lane.clone(), pool.clone())));
        }
    }

    /// An action leaves the machine.
    pub(crate) fn issued(
        &mut self,
        now: Time,
        action: &Action,
        lanes: &BTreeMap<LaneId, LaneFacts>,
        view: &View,
        config: &Config,
    ) {
        let verb = Verb::of(&action.command);
        let claims = matches!(verb, Verb::Claim | Verb::LoadClaims);

        assert!(self.last < Some(action.id), "ids rise: {action:?} after {:?}", self.last);
        self.last = Some(action.id);
        let longest = if verb.is_write() { config.write_timeout } else { config.read_timeout };
        assert!(
            action.deadline > now && action.deadline <= now + longest,
            "the deadline lies in the future and within {longest:?}: {action:?} at {now}"
        );
        self.open.retain(|_, (_, _, gives_up)| *gives_up > now);
        let gives_up = action.deadline + Duration::from_secs(1);
        let Some(lane) = action.command.lane() else {
            let marks = self.open.values().filter(|(lane, ..)| lane.is_none()).count();
            assert!(marks < 4, "a few marks at a time: {action:?}");
            self.open.insert(action.id, (None, false, gives_up));
            return;
        };
        assert!(self.granted.contains(lane), "S9: without a grant nothing leaves: {action:?}");

        let open = self.open.values().filter(|(l, c, _)| l.as_ref() == Some(lane) && *c == claims).count();
        assert_eq!(open, 0, "S8: one open call per lane and slot, {action:?} is one too many");
        self.open.insert(action.id, (Some(lane.clone()), claims, gives_up));

        assert!(
            !claims || config.ownership == Ownership::Ledger,
            "without a ledger nothing is recorded: {action:?}"
        );
        if !claims {
            let calls = self.calls.entry(verb).or_default();
            calls.push_back(now);
            let limit = usize::try_from(config.calls_per_second).expect("a small number");
            if calls.len() > limit {
                let earliest = calls.pop_front().expect("not empty");
                assert!(
                    now.since(earliest) >= Duration::from_secs(1),
                    "the budget: {verb:?} number {} within a second, at {now}",
                    limit + 1
                );
            }
        }
        let facts = lanes.get(lane).unwrap_or_else(|| panic!("a lane that exists: {action:?}"));
        match &action.command {
            Command::Write { batch, .. } => {
                limits(batch, facts.limits);
                for (pool, address, weight) in entries(batch) {
                    let target = TargetId { lane: lane.clone(), pool, address };
                    self.write((now, config), verb, &target, weight, view);
                }
            }
            Command::Read { pools, health, .. } => {
                assert!(config.mark_ready || !health, "health is read for readiness gates alone");
                assert!(!pools.is_empty() && pools.len() <= usize::from(facts.limits.pools_per_read));
                assert_eq!(pools.iter().collect::<BTreeSet<_>>().len(), pools.len(), "each pool once");
            }
            Command::Claim { add, drop, .. } => {
                assert!(!(add.is_empty() && drop.is_empty()), "a claim changes something");
                assert!(!add.iter().any(|claim| drop.contains(claim)), "never added and dropped at once");
            }
            Command::LoadClaims { .. } | Command::Mark { .. } => {}
        }
    }

    /// S1 to S4, S9, S10 and S12 for one target of a write.
    fn write(
        &mut self,
        (now, config): (Time, &Config),
        verb: Verb,
        target: &TargetId,
        weight: Option<Weight>,
        view: &View,
    ) {
        let ownership = config.ownership;
        assert!(
            ownership != Ownership::WeightsOnly || verb == Verb::Weights,
            "S3: {verb:?} of {target}, which is somebody else's to do"
        );
        let routes = routes_on(view, &target.lane, &target.pool);
        let holder_of_pool = routes.first().map(|route| (route.since, route.uid));
        // A younger route of another Service never had the pool, so its end says nothing about it.
        let ended: Vec<_> = view
            .ended
            .values()
            .filter(|(route, _)| names(route, &target.lane, &target.pool))
            .filter(|(route, _)| {
                holder_of_pool.is_none_or(|first| (route.since, route.uid) <= first)
                    || routes.iter().any(|other| other.service == route.service)
            })
            .collect();
        let ledger = ownership == Ownership::Ledger;
        let in_ledger = self
            .claims
            .get(&target.lane)
            .is_some_and(|claims| claims.contains(&(target.pool.clone(), target.address)));
        let claimed = in_ledger || !ledger;
        // After a restart a claim is all that is left of a route that ended meanwhile.
        let finishes = in_ledger && weight.is_none_or(|weight| weight == Weight::DRAINED);
        assert!(
            !routes.is_empty() || !ended.is_empty() || finishes,
            "S3: a pool without a route is never written to: {target}"
        );
        let occupant =
            routes.iter().find_map(|route| holder(view, route, target.address).map(|p| (route, p)));

        let named: Vec<_> = routes.iter().copied().chain(ended.iter().map(|(route, _)| route)).collect();
        let at = (target.address, &named[..]);
        let terminates = occupant.is_some_and(|(_, pod)| matches!(pod.life, Life::Terminating { .. }))
            || self.left_terminating(at, view);
        // After a restart nobody knows any more which slice named a Pod that has left all of them; with a claim its
        // address is evidence enough for weight 0.
        let has_address = |pod: &PodFacts| {
            matches!(pod.life, Life::Terminating { .. }) && pod.ips.contains(&Some(target.address.ip))
        };
        let terminates = terminates || (claimed && view.pods.values().any(has_address));
        let zero_for_terminating = weight == Some(Weight::DRAINED) && verb == Verb::Weights && terminates;
        let ready = self.synced
            && (!ledger || self.loaded.contains(&target.lane))
            && self.read.contains(&(target.lane.clone(), target.pool.clone()));
        assert!(ready || zero_for_terminating, "S9: {verb:?} {weight:?} of {target} before all is known");
        assert!(claimed || zero_for_terminating, "S3: {verb:?} {weight:?} of {target} without a claim");

        match weight {
            Some(weight) if weight > Weight::DRAINED => {
                let released = ended
                    .iter()
                    .find_map(|(route, _)| holder(view, route, target.address).map(|p| (route, p)));
                let (route, pod) = occupant
                    .map(|(route, pod)| (*route, pod))
                    .or(released.filter(|(_, pod)| pod.life == Life::Live))
                    .or_else(|| self.left_behind(target.address, &ended, view))
                    .or(released)
                    .or(self.moving(now, at, view).and_then(|pod| Some((*routes.first()?, pod))))
                    .unwrap_or_else(|| panic!("S1: {verb:?} {weight} of {target}, which nobody occupies"));
                assert!(pod.life == Life::Live, "S1: {verb:?} {weight} of {target} for {pod:?}");
                let configured = configured_weight(route, pod);
                let step = route.policy.slow_start.is_some() && weight < configured;
                assert!(
                    weight == configured || step,
                    "S4: {weight} for {target}, configured is {configured}"
                );
                assert!(
                    !self.drained.contains(&(target.clone(), pod.uid)),
                    "S12: {target} was drained for this Pod"
                );
            }
            Some(_) => {
                let dies = |(_, pod): &(_, &PodFacts)| matches!(pod.life, Life::Terminating { .. });
                if let Some((_, pod)) = occupant.filter(dies) {
                    self.drained.insert((target.clone(), pod.uid));
                }
            }
            None => {
                let drains = |route: &RouteFacts| route.policy.drain != DrainOn::Nothing;
                let draining: Vec<_> = named.iter().copied().filter(|route| drains(route)).collect();
                let stays = occupant.is_some_and(|(route, pod)| {
                    drains(route) && matches!(pod.life, Life::Terminating { .. })
                }) || (occupant.is_none()
                    && self.left_terminating((target.address, &draining[..]), view));
                let allowed = config.evict_oldest_draining;
                assert!(allowed || !stays, "S2: {target} is deregistered while its Pod terminates");
            }
        }
    }

    /// The live Pod that stood there less than five seconds ago: it may be between two slices.
    fn moving<'v>(&self, now: Time, at: (Address, &[&RouteFacts]), view: &'v View) -> Option<&'v PodFacts> {
        self.stood(at, view)
            .find(|(pod, until)| {
                let until = until.unwrap_or(now);
                // Where the port changed, the old target stays until the other one is in force.
                let elsewhere = || {
                    view.slices.values().any(|slice| {
                        at.1.iter().any(|route| route.service == slice.service)
                            && slice.endpoints.iter().any(|e| e.pod == pod.uid && e.ip == at.0.ip)
                    })
                };
                pod.life == Life::Live && (now.since(until) <= Duration::from_secs(5) || elsewhere())
            })
            .map(|(pod, _)| pod)
    }

    /// The live Pod that stood there when its route was released: the target stays its own, in a slice or not.
    fn left_behind<'v>(
        &self,
        address: Address,
        ended: &[&'v (RouteFacts, RouteEnd)],
        view: &'v View,
    ) -> Option<(&'v RouteFacts, &'v PodFacts)> {
        ended.iter().filter(|(_, end)| *end == RouteEnd::Released).find_map(|(route, _)| {
            let route = [route];
            let (pod, _) = self.stood((address, &route), view).find(|(pod, _)| pod.life == Life::Live)?;
            Some((route[0], pod))
        })
    }

    /// Whether a terminating Pod that is in no slice any more stood there.
    fn left_terminating(&self, at: (Address, &[&RouteFacts]), view: &View) -> bool {
        self.stood(at, view).any(|(pod, _)| matches!(pod.life, Life::Terminating { .. }))
    }

    /// The Pods that have the address and stand or stood there for one of these routes; until when, if no longer. A Pod
    /// that came there after a route had ended never got a connection by that route: nothing is kept for it.
    fn stood<'v>(
        &self,
        (address, routes): (Address, &[&RouteFacts]),
        view: &'v View,
    ) -> impl Iterator<Item = (&'v PodFacts, Option<Time>)> {
        view.pods.values().filter(move |pod| pod.ips.contains(&Some(address.ip))).filter_map(move |pod| {
            let named = |service: &ServiceKey| {
                view.slices.values().any(|slice| {
                    slice.service == *service
                        && slice.ports.iter().any(|(_, port)| *port == address.port)
                        && slice.endpoints.iter().any(|e| e.pod == pod.uid && e.ip == address.ip)
                })
            };
            let stays = |route: &RouteFacts| {
                let (first, last) = self.was_at.get(&(pod.uid, address, route.service.clone()))?;
                self.ended_at.get(&route.key).is_none_or(|ended| first <= ended).then_some(*last)
            };
            let stood: Vec<_> = routes.iter().filter_map(|route| Some((route, stays(route)?))).collect();
            if stood.iter().any(|(route, _)| named(&route.service)) {
                return Some((pod, None));
            }
            let until = stood.iter().map(|(_, until)| until).max()?;
            Some((pod, Some(*until)))
        })
    }
}

/// S7: every documented limit of a call.
fn limits(batch: &Batch, limits: Limits) {
    let sizes: Vec<(&Pool, usize)> = match batch {
        Batch::Weights(pools) | Batch::Register(pools) => pools.iter().map(|(p, c)| (p, c.len())).collect(),
        Batch::Deregister(pools) => pools.iter().map(|(p, r)| (p, r.len())).collect(),
    };
    let per_element = usize::from(limits.per_element);
    assert!(!sizes.is_empty() && sizes.iter().all(|(_, size)| *size > 0), "nothing empty: {batch:?}");
    let distinct: BTreeSet<_> = sizes.iter().map(|(pool, _)| *pool).collect();
    assert_eq!(distinct.len(), sizes.len(), "each pool stands once: {batch:?}");
    let targets: BTreeSet<_> = entries(batch).into_iter().map(|(pool, address, _)| (pool, address)).collect();
    let total: usize = sizes.iter().map(|(_, size)| size).sum();
    assert_eq!(targets.len(), total, "no target twice: {batch:?}");
    assert!(total <= usize::from(limits.batch), "C12: {total} targets in one call");
    if matches!(batch, Batch::Weights(_)) {
        let elements: usize = sizes.iter().map(|(_, size)| size.div_ceil(per_element)).sum();
        assert!(elements <= usize::from(limits.elements), "C12: {elements} elements in one call");
        let most = per_element * usize::from(limits.elements_per_pool);
        assert!(
            sizes.iter().all(|(_, size)| *size <= most),
            "C12: a pool stands in more than {} elements: {sizes:?}",
            limits.elements_per_pool
        );
    }
}
