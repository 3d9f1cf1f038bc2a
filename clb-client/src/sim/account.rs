//! The simulated account: load balancers, running tasks, limits, faults and the log, in virtual time.

use std::{
    collections::BTreeMap,
    net::{IpAddr, SocketAddr},
    time::Duration,
};

use super::{
    action::Action,
    config::Config,
    fault::Faults,
    health::Health,
    limit::Window,
    listener::{Groups, Listener, Protocol},
    load_balancer::LoadBalancer,
    log::{Call, Change, Log},
    pool::{PoolId, TargetKey, Targets},
    target_group::TargetGroup,
    task::{Pending, Tasks},
    write::{Edit, To},
};

/// A CLB account as a pure state machine: no IO, no clock.
///
/// Times are durations since the start and never run backwards: an earlier `now` counts as the latest one seen.
/// Whatever became due is done first, so a caller need not wake the account for effects to be right; it needs to only
/// to learn of them, and [`Self::next_event`] says when.
#[derive(Clone, Debug)]
pub struct Account {
    pub(crate) config: Config,
    pub(crate) load_balancers: BTreeMap<String, LoadBalancer>,
    pub(crate) groups: Groups,
    pub(crate) instances: BTreeMap<String, IpAddr>,
    /// What health checks say, where a test has set it.
    pub(crate) health: BTreeMap<SocketAddr, Health>,
    pub(crate) faults: Faults,
    pub(crate) tasks: Tasks,
    /// By due time, then in order of acceptance.
    pub(crate) pending: BTreeMap<(Duration, u64), Pending>,
    pub(crate) accepted: u64,
    pub(crate) windows: BTreeMap<Action, Window>,
    pub(crate) calls: Log<Call>,
    pub(crate) changes: Log<Change>,
    pub(crate) revision: u64,
    pub(crate) now: Duration,
    /// Draws latencies and random faults.
    pub(crate) dice: fastrand::Rng,
    /// Draws request ids, apart, so that one call more does not shift everything else.
    pub(crate) ids: fastrand::Rng,
}

impl Account {
    /// An account without load balancers.
    #[must_use]
    pub fn new(config: Config) -> Self {
        Self {
            dice: fastrand::Rng::with_seed(config.seed),
            ids: fastrand::Rng::with_seed(config.seed ^ 0x1d5e_ed00_0000_0001),
            calls: Log::new(config.log),
            changes: Log::new(config.log),
            tasks: Tasks::new(config.log),
            config,
            load_balancers: BTreeMap::new(),
            groups: BTreeMap::new(),
            instances: BTreeMap::new(),
            health: BTreeMap::new(),
            faults: Faults::default(),
            pending: BTreeMap::new(),
            accepted: 0,
            windows: BTreeMap::new(),
            revision: 0,
            now: Duration::ZERO,
        }
    }

    /// Adds a load balancer, or replaces the one with its id.
    #[must_use]
    pub fn with_load_balancer(mut self, balancer: LoadBalancer) -> Self {
        self.put_load_balancer(balancer);
        self
    }

    /// Adds a load balancer, or replaces the one with its id.
    pub fn put_load_balancer(&mut self, balancer: LoadBalancer) {
        self.load_balancers.insert(balancer.id.clone(), balancer);
        self.revision += 1;
    }

    /// Adds a target group, or replaces the one with its id.
    #[must_use]
    pub fn with_target_group(mut self, group: TargetGroup) -> Self {
        self.put_target_group(group);
        self
    }

    /// Adds a target group, or replaces the one with its id.
    pub fn put_target_group(&mut self, group: TargetGroup) {
        self.groups.insert(group.id.clone(), group);
        self.revision += 1;
    }

    /// Deletes a target group with its targets; `false` if it did not exist.
    pub fn remove_target_group(&mut self, id: &str) -> bool {
        self.revision += 1;
        self.groups.remove(id).is_some()
    }

    /// Deletes a load balancer with all its listeners and targets; `false` if it did not exist.
    pub fn remove_load_balancer(&mut self, id: &str) -> bool {
        self.revision += 1;
        self.load_balancers.remove(id).is_some()
    }

    /// Adds a listener, or changes its attributes: targets and rules that the replaced one had are kept. `false` if
    /// the load balancer does not exist.
    pub fn put_listener(&mut self, load_balancer: &str, mut listener: Listener) -> bool {
        let Some(balancer) = self.load_balancers.get_mut(load_balancer) else { return false };
        if let Some(before) = balancer.listeners.remove(&listener.id) {
            listener.targets.extend(before.targets);
            for (id, rule) in before.rules {
                listener.rules.entry(id).or_insert(rule);
            }
        }
        balancer.listeners.insert(listener.id.clone(), listener);
        self.revision += 1;
        true
    }

    /// Deletes a listener with its rules and targets; `false` if it did not exist.
    pub fn remove_listener(&mut self, load_balancer: &str, listener: &str) -> bool {
        self.revision += 1;
        self.load_balancers
            .get_mut(load_balancer)
            .is_some_and(|balancer| balancer.listeners.remove(listener).is_some())
    }

    /// Deletes a rule with its targets; `false` if it did not exist.
    pub fn remove_rule(&mut self, load_balancer: &str, listener: &str, rule: &str) -> bool {
        self.revision += 1;
        self.load_balancers
            .get_mut(load_balancer)
            .and_then(|balancer| balancer.listeners.get_mut(listener))
            .is_some_and(|listener| listener.rules.remove(rule).is_some())
    }

    /// A virtual machine, so that targets can be registered by `InstanceId`.
    pub fn put_instance(&mut self, id: &str, private_ip: IpAddr) {
        self.instances.insert(id.to_owned(), private_ip);
    }

    /// Binds a target, or changes its weight, past the API: somebody else's target, or an edit by hand. The weight is
    /// cut to 100. `false` if the pool does not exist.
    pub fn plant(&mut self, pool: &PoolId, address: SocketAddr, weight: u8) -> bool {
        let to = To::Bound(weight.min(100), String::new());
        self.edit(&Edit { pool: pool.clone(), key: TargetKey::by_address(address), to }, self.now).is_ok()
    }

    /// Unbinds a target past the API; `false` if it was not bound.
    pub fn unplant(&mut self, pool: &PoolId, address: SocketAddr) -> bool {
        let edit = Edit { pool: pool.clone(), key: TargetKey::by_address(address), to: To::Unbound };
        self.edit(&edit, self.now).is_ok()
    }

    /// Faults on demand.
    pub const fn faults(&mut self) -> &mut Faults {
        &mut self.faults
    }

    /// Addresses and weights of a pool in the order of addresses; `None` if the pool does not exist.
    #[must_use]
    pub fn targets(&self, pool: &PoolId) -> Option<Vec<(SocketAddr, u8)>> {
        let targets = self.targets_of(pool)?;
        Some(targets.iter().map(|(key, target)| (key.address, target.weight)).collect())
    }

    /// The weight of a target; `None` if it is not bound.
    #[must_use]
    pub fn weight(&self, pool: &PoolId, address: SocketAddr) -> Option<u8> {
        Some(self.targets_of(pool)?.get(&TargetKey::by_address(address))?.weight)
    }

    /// Every pool that exists, in the order of their ids.
    #[must_use]
    pub fn pools(&self) -> Vec<PoolId> {
        let mut pools = Vec::new();
        for balancer in self.load_balancers.values() {
            for listener in balancer.listeners.values() {
                if listener.protocol.is_layer_7() {
                    let rules = listener.rules.keys();
                    pools.extend(rules.map(|rule| PoolId::rule(&balancer.id, &listener.id, rule)));
                } else {
                    pools.push(PoolId::listener(&balancer.id, &listener.id));
                }
            }
        }
        pools.extend(self.groups.keys().map(|group| PoolId::group(group)));
        pools
    }

    /// Every listener that the data plane has a socket for (TCP and HTTP), as (load balancer, listener).
    #[must_use]
    pub fn served_listeners(&self) -> Vec<(String, String)> {
        let mut found = Vec::new();
        for balancer in self.load_balancers.values() {
            let served = |protocol| matches!(protocol, Protocol::Tcp | Protocol::Http);
            let listeners = balancer.listeners.values().filter(|listener| served(listener.protocol));
            found.extend(listeners.map(|listener| (balancer.id.clone(), listener.id.clone())));
        }
        found
    }

    /// What a listener speaks; `None` if it does not exist.
    pub(crate) fn protocol_of(&self, pool: &PoolId) -> Option<Protocol> {
        Some(self.load_balancers.get(pool.owner())?.listeners.get(pool.listener_id()?)?.protocol)
    }

    /// Every call so far, oldest first; of more than [`Config::with_log`] says, the latest. Calls of actions that do not
    /// exist are not logged.
    #[must_use]
    pub fn calls(&self) -> &[Call] {
        self.calls.latest()
    }

    /// How many older calls are no longer in [`Self::calls`].
    #[must_use]
    pub fn calls_dropped(&self) -> u64 {
        self.calls.dropped()
    }

    /// Every change of a target so far, oldest first; of more than [`Config::with_log`] says, the latest.
    #[must_use]
    pub fn changes(&self) -> &[Change] {
        self.changes.latest()
    }

    /// How many older changes are no longer in [`Self::changes`].
    #[must_use]
    pub fn changes_dropped(&self) -> u64 {
        self.changes.dropped()
    }

    /// Grows with each change of targets, listeners or load balancers.
    #[must_use]
    pub const fn revision(&self) -> u64 {
        self.revision
    }

    /// The latest time seen.
    #[must_use]
    pub const fn now(&self) -> Duration {
        self.now
    }

    pub(crate) fn epoch(&self) -> u64 {
        u64::try_from(self.config.epoch).unwrap_or(0)
    }

    /// When something happens by itself next: an effect comes, a load balancer is free again, a read shows what it
    /// did not show before.
    #[must_use]
    pub fn next_event(&self) -> Option<Duration> {
        let effect = self.pending.keys().next().map(|(at, _)| *at);
        let (balancers, groups) = (self.load_balancers.values(), self.groups.values());
        let free = balancers.clone().map(|balancer| balancer.busy_until);
        let free = free.chain(groups.clone().map(|group| group.busy_until));
        let visible = balancers.flat_map(|balancer| balancer.stale.iter().map(|(until, _)| *until));
        let visible = visible.chain(groups.flat_map(|group| group.stale.iter().map(|(until, _)| *until)));
        free.chain(visible).filter(|at| *at > self.now).chain(effect).min()
    }

    /// The targets that a listener or rule forwards to: its own, or those of its target group.
    pub(crate) fn targets_behind(&self, pool: &PoolId) -> Option<&Targets> {
        let group = self.load_balancers.get(pool.owner()).and_then(|balancer| balancer.group_of(pool));
        match group {
            Some(group) => self.groups.get(group).map(|group| &group.targets),
            None => self.targets_of(pool),
        }
    }

    pub(crate) fn targets_of(&self, pool: &PoolId) -> Option<&Targets> {
        match pool {
            PoolId::Group { group } => self.groups.get(group).map(|group| &group.targets),
            PoolId::Listener { load_balancer, listener } => {
                self.load_balancers.get(load_balancer)?.targets(listener, None)
            }
            PoolId::Rule { load_balancer, listener, rule } => {
                self.load_balancers.get(load_balancer)?.targets(listener, Some(rule))
            }
        }
    }

    pub(crate) fn targets_mut(&mut self, pool: &PoolId) -> Option<&mut Targets> {
        match pool {
            PoolId::Group { group } => self.groups.get_mut(group).map(|group| &mut group.targets),
            PoolId::Listener { load_balancer, listener } => {
                self.load_balancers.get_mut(load_balancer)?.targets_mut(listener, None)
            }
            PoolId::Rule { load_balancer, listener, rule } => {
                self.load_balancers.get_mut(load_balancer)?.targets_mut(listener, Some(rule))
            }
        }
    }

    /// A time since the start as answers show it.
    pub(crate) fn text_of(&self, since_start: Duration) -> String {
        let seconds = i64::try_from(since_start.as_secs()).unwrap_or(i64::MAX);
        chrono::DateTime::from_timestamp(self.config.epoch.saturating_add(seconds), 0)
            .map_or_else(String::new, |time| time.format("%Y-%m-%d %H:%M:%S").to_string())
    }

    pub(crate) fn request_id(&mut self) -> String {
        let bits = self.ids.u128(..);
        let hex = format!("{bits:032x}");
        format!("{}-{}-4{}-a{}-{}", &hex[..8], &hex[8..12], &hex[13..16], &hex[17..20], &hex[20..])
    }
}
