//! Ids, addresses and weights of the core in the words of the CLB API, and back. By hand, because the two crates share
//! no types.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::num::NonZeroU16;

use clb_client::api;
use grace_core::{
    Address, Batch, Change, Health, ListenerId, LoadBalancerId, Pool, PoolSeen, Removal, Seen, Weight,
};

/// The id of a CLB.
pub(super) fn balancer(id: &LoadBalancerId) -> api::LoadBalancerId {
    api::LoadBalancerId::new(id.as_str()).expect(SAME_GRAMMAR)
}

/// The id of a listener.
pub(super) fn listener(id: &ListenerId) -> api::ListenerId {
    api::ListenerId::new(id.as_str()).expect(SAME_GRAMMAR)
}

/// The listener that a pool belongs to.
pub(super) const fn listener_of(pool: &Pool) -> Option<&ListenerId> {
    match pool {
        Pool::Listener(listener) | Pool::Rule(listener, _) => Some(listener),
        Pool::WholeGroup => None,
    }
}

/// The pools of a batch, in its order.
pub(super) fn pools_of(batch: &Batch) -> impl Iterator<Item = &Pool> {
    let (changes, removals) = match batch {
        Batch::Weights(pools) | Batch::Register(pools) => (pools.as_slice(), [].as_slice()),
        Batch::Deregister(pools) => ([].as_slice(), pools.as_slice()),
    };
    changes.iter().map(|(pool, _)| pool).chain(removals.iter().map(|(pool, _)| pool))
}

/// Elements of BatchModifyTargetWeight; a pool with more targets than one element takes has several.
pub(super) fn weights(pools: &[(Pool, Vec<Change>)]) -> Vec<api::PoolWeights> {
    let mut elements = Vec::new();
    for (at, changes) in pools {
        let Some(at) = pool(at) else { continue };
        for changes in changes.chunks(TARGETS_PER_ELEMENT) {
            let targets = changes
                .iter()
                .map(|change| api::TargetWeight::new(address(change.address), weight(change.weight)))
                .collect();
            elements.push(api::PoolWeights::new(at.clone(), targets));
        }
    }
    elements
}

/// Targets of BatchRegisterTargets, each with its weight.
pub(super) fn registrations(pools: &[(Pool, Vec<Change>)]) -> Vec<api::BatchTarget> {
    let each = |at: &Pool, change: &Change| {
        Some(api::BatchTarget::new(pool(at)?, address(change.address)).with_weight(weight(change.weight)))
    };
    pools.iter().flat_map(|(at, changes)| changes.iter().filter_map(move |change| each(at, change))).collect()
}

/// Targets of BatchDeregisterTargets.
pub(super) fn removals(pools: &[(Pool, Vec<Removal>)]) -> Vec<api::BatchTarget> {
    let each =
        |at: &Pool, removal: &Removal| Some(api::BatchTarget::new(pool(at)?, address(removal.address)));
    pools
        .iter()
        .flat_map(|(at, removals)| removals.iter().filter_map(move |removal| each(at, removal)))
        .collect()
}

/// What a read shows of one pool; `None` when the pool is not in it. A target without an address, a port or a weight is
/// a stranger, and so is the second one at one address: which of the two a write would change, nobody can say.
pub(super) fn seen(pool: &Pool, listeners: &[api::ListenerTargets]) -> Option<PoolSeen> {
    let at = listeners.iter().find(|at| listener_of(pool).is_some_and(|id| id.as_str() == at.listener_id))?;
    let backends = match pool {
        Pool::Listener(_) => &at.targets,
        Pool::Rule(_, rule) => &at.rules.iter().find(|at| at.rule_id == rule.as_str())?.targets,
        Pool::WholeGroup => return None,
    };
    let (mut targets, mut strangers, mut taken) = (Vec::new(), 0, BTreeSet::new());
    for backend in backends {
        match target(backend) {
            Some(seen) if taken.insert(seen.address) => targets.push(seen),
            _ => strangers += 1,
        }
    }
    Some(PoolSeen { pool: pool.clone(), targets, strangers })
}

fn target(backend: &api::Backend) -> Option<Seen> {
    let weight = u8::try_from(backend.weight?).ok().and_then(|weight| Weight::new(weight).ok())?;
    Some(Seen { address: found(backend.ip()?, backend.port)?, weight, health: Health::Unknown })
}

fn found(ip: IpAddr, port: u32) -> Option<Address> {
    Some(Address { ip, port: u16::try_from(port).ok().and_then(NonZeroU16::new)? })
}

/// Adds what the probes say of a pool's targets. A layer-4 listener has one rule there, with an id of its own.
pub(super) fn add_health(pool: &mut PoolSeen, listeners: &[api::ListenerHealth]) {
    let listener =
        listeners.iter().find(|at| listener_of(&pool.pool).is_some_and(|id| id.as_str() == at.listener_id));
    let Some(listener) = listener else { return };
    let rules = listener.rules.iter().filter(|at| match &pool.pool {
        Pool::Rule(_, rule) => at.rule_id == rule.as_str(),
        Pool::Listener(_) | Pool::WholeGroup => true,
    });
    let mut told = BTreeMap::new();
    for at in rules.flat_map(|rule| &rule.targets) {
        let Some(address) = at.address().and_then(|ip| found(ip, at.port)) else { continue };
        // Two of one address: whose health it is nobody can say.
        told.entry(address).and_modify(|first| *first = Health::Unknown).or_insert(match at.verdict() {
            api::HealthVerdict::Healthy => Health::Healthy,
            api::HealthVerdict::NotProbed => Health::Unchecked,
            api::HealthVerdict::Unhealthy => Health::Unhealthy,
            api::HealthVerdict::Unknown | _ => Health::Unknown,
        });
    }
    for seen in &mut pool.targets {
        seen.health = told.get(&seen.address).copied().unwrap_or(Health::Unknown);
    }
}

/// Whether the pool is among these listeners and their rules.
pub(super) fn exists(pool: &Pool, listeners: &[api::Listener]) -> bool {
    let at = |id: &ListenerId| listeners.iter().find(|listener| listener.listener_id == id.as_str());
    match pool {
        Pool::Listener(id) => at(id).is_some(),
        Pool::Rule(id, rule) => {
            at(id).is_some_and(|listener| listener.rules.iter().any(|at| at.rule_id == rule.as_str()))
        }
        Pool::WholeGroup => false,
    }
}

/// The target that a message blames: the only one of the batch whose address, or else whose IP, it contains.
pub(super) fn culprit(batch: &Batch, message: &str) -> Option<(Pool, Address)> {
    let mut all: Vec<(&Pool, Address)> = Vec::new();
    match batch {
        Batch::Weights(pools) | Batch::Register(pools) => {
            for (pool, changes) in pools {
                all.extend(changes.iter().map(|change| (pool, change.address)));
            }
        }
        Batch::Deregister(pools) => {
            for (pool, removals) in pools {
                all.extend(removals.iter().map(|removal| (pool, removal.address)));
            }
        }
    }
    let words: BTreeSet<&str> = message
        .split(|c: char| !(c.is_ascii_alphanumeric() || ".:[]-".contains(c)))
        .map(|w| w.trim_end_matches(['.', ':']))
        .collect();
    let named = |name: &dyn Fn(Address) -> String| {
        let mut blamed = all.iter().filter(|(_, address)| words.contains(name(*address).as_str()));
        let first = blamed.next()?;
        blamed.next().is_none().then(|| (first.0.clone(), first.1))
    };
    named(&|address| address.to_string()).or_else(|| named(&|address| address.ip.to_string()))
}

fn pool(pool: &Pool) -> Option<api::Pool> {
    match pool {
        Pool::Listener(id) => Some(api::Pool::listener(listener(id))),
        Pool::Rule(id, rule) => {
            Some(api::Pool::rule(listener(id), api::RuleId::new(rule.as_str()).expect(SAME_GRAMMAR)))
        }
        Pool::WholeGroup => None,
    }
}

const fn address(address: Address) -> api::Address {
    api::Address::ip(address.ip, address.port)
}

fn weight(weight: Weight) -> api::Weight {
    api::Weight::new(weight.get()).expect("both crates have weights from 0 to 100")
}

const SAME_GRAMMAR: &str = "both crates take the same texts for ids";
/// BatchModifyTargetWeight takes 50 targets per element.
const TARGETS_PER_ELEMENT: usize = 50;

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn web() -> Pool {
        Pool::Listener(ListenerId::try_from("lbl-1").unwrap())
    }

    fn read(listeners: serde_json::Value) -> Option<PoolSeen> {
        let listeners: Vec<api::ListenerTargets> = serde_json::from_value(listeners).unwrap();
        seen(&web(), &listeners)
    }

    #[test]
    fn c16_odd_targets_are_strangers() {
        let target = json!({"PrivateIpAddresses": ["10.0.0.1"], "Port": 80, "Weight": 7, "Type": "eni"});
        #[rustfmt::skip]
        let table = [
            (json!([target]),                                                          (1, 0)),
            (json!([target, target]),                                                  (1, 1)),
            (json!([{"PrivateIpAddresses": ["10.0.0.1"], "Port": 80, "Weight": 0}]),   (1, 0)),
            (json!([{"PrivateIpAddresses": ["10.0.0.1"], "Port": 80}]),                (0, 1)),
            (json!([{"PrivateIpAddresses": ["10.0.0.1"], "Port": 80, "Weight": null}]), (0, 1)),
            (json!([{"PrivateIpAddresses": ["10.0.0.1"], "Port": 80, "Weight": 200}]), (0, 1)),
            (json!([{"PrivateIpAddresses": ["10.0.0.1"], "Port": 0, "Weight": 1}]),    (0, 1)),
            (json!([{"PrivateIpAddresses": ["10.0.0.1"], "Port": 70000, "Weight": 1}]), (0, 1)),
            (json!([{"PrivateIpAddresses": null, "InstanceId": "ins-1", "Port": 80, "Weight": 1}]), (0, 1)),
            (json!([{"PrivateIpAddresses": ["none"], "Port": 80, "Weight": 1}]),       (0, 1)),
            (json!(null),                                                              (0, 0)),
        ];
        for (targets, (taken, strangers)) in table {
            let seen = read(json!([{"ListenerId": "lbl-1", "Targets": targets, "Rules": null}])).unwrap();
            assert_eq!((seen.targets.len(), seen.strangers), (taken, strangers), "{targets}");
        }
    }

    #[test]
    fn health_is_told_by_address_and_port_and_where_nothing_is_told_nothing_is_known() {
        let target = |port| json!({"PrivateIpAddresses": ["10.0.0.1"], "Port": port, "Weight": 7});
        let ports: Vec<_> = (80..86).map(target).collect();
        let mut pool = read(json!([{"ListenerId": "lbl-1", "Targets": ports}])).unwrap();
        let listeners: Vec<api::ListenerHealth> = serde_json::from_value(json!([
            {"ListenerId": "lbl-2", "Rules": [{"Targets": [{"IP": "10.0.0.1", "Port": 85, "HealthStatus": true}]}]},
            {"ListenerId": "lbl-1", "Rules": [{"LocationId": "loc-9", "Targets": [
                {"IP": "10.0.0.1", "Port": 80, "HealthStatus": true, "HealthStatusDetail": "Alive"},
                {"IP": "10.0.0.1", "Port": 81, "HealthStatus": false, "HealthStatusDetail": "Dead"},
                {"IP": "10.0.0.1", "Port": 82, "HealthStatus": false, "HealthStatusDetail": "Close"},
                {"IP": "10.0.0.1", "Port": 83, "HealthStatus": false, "HealthStatusDetail": "Unknown"},
                {"IP": "10.0.0.1", "Port": 84, "HealthStatus": true},
                {"IP": "10.0.0.1", "Port": 84, "HealthStatus": false},
                {"IP": null, "Port": 85, "HealthStatus": true},
            ]}]},
        ]))
        .unwrap();
        add_health(&mut pool, &listeners);
        let told: Vec<Health> = pool.targets.iter().map(|seen| seen.health).collect();
        use Health::{Healthy, Unchecked, Unhealthy, Unknown};
        assert_eq!(told, [Healthy, Unhealthy, Unchecked, Unknown, Unknown, Unknown]);
    }

    #[test]
    fn a_listener_that_is_not_answered_is_not_empty() {
        assert_eq!(read(json!([{"ListenerId": "lbl-2", "Targets": []}])), None);
    }

    #[test]
    fn c7_the_culprit_is_the_only_target_that_the_message_names() {
        let at = |ip: &str, port: u16| Address { ip: ip.parse().unwrap(), port: port.try_into().unwrap() };
        let cause = grace_core::Cause { pod: None, reason: grace_core::Reason::Gone };
        let addresses = [at("10.0.0.1", 80), at("10.0.0.1", 81), at("10.0.0.2", 80), at("10.0.0.23", 80)];
        let removals = addresses.iter().map(|address| Removal { address: *address, cause }).collect();
        let batch = Batch::Deregister(vec![(web(), removals)]);
        #[rustfmt::skip]
        let table = [
            ("target 10.0.0.2 is not bound",                Some(at("10.0.0.2", 80))),
            ("target `10.0.0.1:81` is not bound.",          Some(at("10.0.0.1", 81))),
            ("target 10.0.0.1 is not bound",                None),
            ("10.0.0.2 and 10.0.0.23",                      None),
            ("something is wrong",                          None),
        ];
        for (message, culprit_at) in table {
            assert_eq!(culprit(&batch, message).map(|(_, address)| address), culprit_at, "{message}");
        }
    }
}
