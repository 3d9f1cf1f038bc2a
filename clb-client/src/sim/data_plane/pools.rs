//! The data plane's view of the pools: who gets the next connection, and whose connections end.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    net::{IpAddr, SocketAddr},
    sync::Arc,
    time::Duration,
};

use tokio::sync::watch;

use super::{
    Deregistered, Options, Sticky,
    counters::{Counters, Tally},
    spread::Spread,
};
use crate::sim::{
    account::Account,
    listener::{Listener, Switch},
    pool::{PoolId, Target, TargetKey, Targets},
};

/// What connections of a target do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    /// Go on.
    Forward,
    /// End when nothing was sent in either direction for so long.
    EndWhenIdle(Duration),
    /// End now, with a reset on both sides.
    Cut,
}

/// Where a sticky client wants to go.
#[derive(Clone, Copy, Debug)]
pub(super) enum Wish {
    /// Layer 4: to the target that this client address was given last.
    Client(IpAddr),
    /// Layer 7: to the target that its cookie names.
    Target(Option<SocketAddr>),
}

/// The target for a connection.
#[derive(Debug)]
pub(super) struct Picked {
    pub(super) address: SocketAddr,
    pub(super) tally: Arc<Tally>,
    pub(super) fate: watch::Receiver<Fate>,
}

/// All pools that have had a connection.
#[derive(Debug, Default)]
pub(super) struct Pools {
    pools: BTreeMap<PoolId, Pool>,
    /// Outlive the registration of their target.
    tallies: BTreeMap<(PoolId, SocketAddr), Arc<Tally>>,
    /// Connections that met no target with a weight above 0.
    rejected: u64,
}

#[derive(Debug, Default)]
struct Pool {
    spread: Spread,
    /// Targets with connections, by one registration each.
    live: BTreeMap<TargetKey, Registration>,
    /// Which target a client was given, and until when it is given again.
    sticky: HashMap<IpAddr, (TargetKey, Duration)>,
    /// The targets at the last look.
    members: BTreeSet<TargetKey>,
}

/// One registration of a target; when it is registered anew its old connections end all the same.
#[derive(Debug)]
struct Registration {
    since: Duration,
    fate: watch::Sender<Fate>,
    tally: Arc<Tally>,
}

impl Pools {
    /// The target for a connection or a request; `None` when there is none.
    pub(super) fn pick(
        &mut self,
        account: &Account,
        id: &PoolId,
        wish: Wish,
        options: &Options,
    ) -> Option<Picked> {
        let picked = self.try_pick(account, id, wish, options);
        self.rejected += u64::from(picked.is_none());
        picked
    }

    fn try_pick(&mut self, account: &Account, id: &PoolId, wish: Wish, options: &Options) -> Option<Picked> {
        let listener = listener(account, id).filter(|listener| !listener.has(Switch::Stop))?;
        let targets = account.targets_behind(id)?;
        if !self.pools.contains_key(id) {
            let members = targets.keys().cloned().collect();
            self.pools.insert(id.clone(), Pool { members, ..Pool::default() });
        }
        let pool = self.pools.get_mut(id)?;
        let session_seconds = match id {
            PoolId::Rule { rule, .. } => listener.rules.get(rule)?.session_expire,
            PoolId::Listener { .. } | PoolId::Group { .. } => listener.session_expire,
        };
        let (key, target) = pool.choose(account, targets, session_seconds, wish, options)?;
        let tally = self.tallies.entry((id.clone(), key.address)).or_default();
        tally.open(target.zero_acknowledged);
        let registration = pool.live.entry(key.clone()).or_insert_with(|| Registration {
            since: target.registered,
            fate: watch::Sender::new(Fate::Forward),
            tally: Arc::clone(tally),
        });
        Some(Picked {
            address: key.address,
            tally: Arc::clone(&registration.tally),
            fate: registration.fate.subscribe(),
        })
    }

    /// Ends the connections that the account as it is now does not allow.
    pub(super) fn refresh(&mut self, account: &Account, options: &Options) {
        let none = Targets::new();
        for (id, pool) in &mut self.pools {
            let targets = account.targets_behind(id).unwrap_or(&none);
            let listener = listener(account, id);
            let has = |switch| listener.is_some_and(|listener| listener.has(switch));
            let changed =
                pool.members.len() != targets.len() || targets.keys().any(|key| !pool.members.contains(key));
            if changed {
                pool.members = targets.keys().cloned().collect();
                pool.spread.retain(|key| targets.contains_key(key));
            }
            let reshuffled = changed && has(Switch::RescheduleExpandTarget);
            pool.live.retain(|key, registration| {
                let fate = match targets.get(key) {
                    Some(target) if target.registered == registration.since => {
                        let drained = target.weight == 0 && has(Switch::RescheduleTargetZeroWeight);
                        if drained || reshuffled { Fate::Cut } else { Fate::Forward }
                    }
                    Some(_) | None => match options.deregistered {
                        Deregistered::Reset => Fate::Cut,
                        Deregistered::KeepUntilIdle(idle) => Fate::EndWhenIdle(idle),
                    },
                };
                if fate != Fate::Forward {
                    registration.fate.send_replace(fate);
                }
                fate == Fate::Forward
            });
        }
    }

    pub(super) fn counters(&self, id: &PoolId, address: SocketAddr) -> Counters {
        self.tallies.get(&(id.clone(), address)).map_or_else(Counters::default, |tally| tally.read())
    }

    pub(super) fn all_counters(&self) -> Vec<(PoolId, SocketAddr, Counters)> {
        self.tallies.iter().map(|((id, address), tally)| (id.clone(), *address, tally.read())).collect()
    }

    pub(super) const fn rejected(&self) -> u64 {
        self.rejected
    }
}

impl Pool {
    fn choose<'a>(
        &mut self,
        account: &Account,
        targets: &'a Targets,
        session_seconds: u32,
        wish: Wish,
        options: &Options,
    ) -> Option<(&'a TargetKey, &'a Target)> {
        let now = account.now();
        let persists = Duration::from_secs(u64::from(session_seconds));
        let wanted = match wish {
            Wish::Client(client) => {
                self.sticky.get(&client).filter(|(_, until)| *until > now).map(|(key, _)| key.clone())
            }
            Wish::Target(address) => address.map(TargetKey::by_address),
        };
        let kept = wanted
            .filter(|_| !persists.is_zero())
            .and_then(|key| targets.get_key_value(&key))
            .filter(|(_, target)| target.weight > 0 || options.sticky == Sticky::EvenAtWeightZero);
        let chosen = match kept {
            Some(chosen) => chosen,
            None => {
                let weights = targets.iter().map(|(key, target)| (key, target.weight));
                let healthy = targets
                    .iter()
                    .filter(|(key, target)| account.health_of(key, target).is_healthy())
                    .map(|(key, target)| (key, target.weight));
                // When all are abnormal, all of them get traffic.
                let next = self.spread.next(healthy).or_else(|| self.spread.next(weights));
                targets.get_key_value(next?)?
            }
        };
        if let (Wish::Client(client), false) = (wish, persists.is_zero()) {
            self.sticky.insert(client, (chosen.0.clone(), now + persists));
        }
        Some(chosen)
    }
}

fn listener<'a>(account: &'a Account, id: &PoolId) -> Option<&'a Listener> {
    account.load_balancers.get(id.owner())?.listeners.get(id.listener_id()?)
}
