//! A load balancer: its attributes, its listeners, and the lock that one unfinished write holds.

use std::{
    collections::{BTreeMap, VecDeque},
    time::Duration,
};

use serde_json::{Value, json};

use super::{
    listener::Listener,
    pool::{PoolId, Targets},
};

/// A load balancer with its listeners.
#[derive(Clone, Debug)]
pub struct LoadBalancer {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) generation: Generation,
    pub(crate) vip: Option<String>,
    pub(crate) vpc: String,
    pub(crate) tags: BTreeMap<String, String>,
    pub(crate) listeners: BTreeMap<String, Listener>,
    /// Writes are refused before this moment: a task runs, or a batch settles.
    pub(crate) busy_until: Duration,
    /// What reads still show of the listeners, and until when: read-after-write lag.
    pub(crate) stale: VecDeque<(Duration, BTreeMap<String, Listener>)>,
}

/// `Forward`: classic load balancers take no weight and no batch actions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Generation {
    Current,
    Classic,
}

impl LoadBalancer {
    /// A running public load balancer (`lb-...`) of the current generation, without listeners.
    #[must_use]
    pub fn new(id: &str) -> Self {
        Self {
            id: id.to_owned(),
            name: id.to_owned(),
            generation: Generation::Current,
            vip: Some("203.0.113.10".to_owned()),
            vpc: "vpc-00000001".to_owned(),
            tags: BTreeMap::new(),
            listeners: BTreeMap::new(),
            busy_until: Duration::ZERO,
            stale: VecDeque::new(),
        }
    }

    /// The name for people; the id when not set.
    #[must_use]
    pub fn with_name(mut self, name: &str) -> Self {
        name.clone_into(&mut self.name);
        self
    }

    /// A tag, for example `tke-clusterId`.
    #[must_use]
    pub fn with_tag(mut self, key: &str, value: &str) -> Self {
        self.tags.insert(key.to_owned(), value.to_owned());
        self
    }

    /// The VPC, `vpc-...`.
    #[must_use]
    pub fn with_vpc(mut self, vpc: &str) -> Self {
        vpc.clone_into(&mut self.vpc);
        self
    }

    /// Has a domain name instead of an address: `LoadBalancerVips` is empty.
    #[must_use]
    pub fn with_domain_only(mut self) -> Self {
        self.vip = None;
        self
    }

    /// The classic generation (`Forward` 0), which refuses weight and batch actions.
    #[must_use]
    pub const fn classic(mut self) -> Self {
        self.generation = Generation::Classic;
        self
    }

    /// Adds a listener, or replaces the one with its id.
    #[must_use]
    pub fn with_listener(mut self, listener: Listener) -> Self {
        self.listeners.insert(listener.id.clone(), listener);
        self
    }

    /// The targets of a pool of this load balancer; `None` when the listener or the rule does not exist.
    pub(crate) fn targets(&self, listener: &str, rule: Option<&str>) -> Option<&Targets> {
        let listener = self.listeners.get(listener)?;
        match rule {
            Some(rule) => listener.rules.get(rule).map(|rule| &rule.targets),
            None => Some(&listener.targets),
        }
    }

    pub(crate) fn targets_mut(&mut self, listener: &str, rule: Option<&str>) -> Option<&mut Targets> {
        let listener = self.listeners.get_mut(listener)?;
        match rule {
            Some(rule) => listener.rules.get_mut(rule).map(|rule| &mut rule.targets),
            None => Some(&mut listener.targets),
        }
    }

    /// The target group that a listener or rule forwards to.
    pub(crate) fn group_of(&self, pool: &PoolId) -> Option<&str> {
        let listener = self.listeners.get(pool.listener_id()?)?;
        match pool {
            PoolId::Rule { rule, .. } => listener.rules.get(rule)?.group.as_deref(),
            PoolId::Listener { .. } | PoolId::Group { .. } => listener.group.as_deref(),
        }
    }

    /// Makes a listener or rule forward to a target group; says what is missing if it cannot.
    pub(crate) fn associate(&mut self, pool: &PoolId, group: String) -> Result<(), String> {
        let missing = || format!("{pool} does not exist any more");
        let listener = pool.listener_id().and_then(|id| self.listeners.get_mut(id)).ok_or_else(missing)?;
        match pool {
            PoolId::Rule { rule, .. } => {
                listener.rules.get_mut(rule).ok_or_else(missing)?.group = Some(group);
            }
            PoolId::Listener { .. } | PoolId::Group { .. } => listener.group = Some(group),
        }
        Ok(())
    }

    /// The listeners as a read shows them at `now`: the present ones, or those before a write that has not become
    /// visible yet.
    pub(crate) fn visible(&self, now: Duration) -> &BTreeMap<String, Listener> {
        self.stale.iter().find(|(until, _)| *until > now).map_or(&self.listeners, |(_, before)| before)
    }

    /// As `DescribeLoadBalancers` shows it.
    pub(crate) fn shown(&self) -> Value {
        let tags: Vec<Value> =
            self.tags.iter().map(|(key, value)| json!({"TagKey": key, "TagValue": value})).collect();
        let domain = format!("{}.clb.example.com", self.id);
        json!({
            "LoadBalancerId": self.id,
            "LoadBalancerName": self.name,
            "LoadBalancerType": "OPEN",
            "Forward": match self.generation { Generation::Current => 1, Generation::Classic => 0 },
            "Domain": "",
            "LoadBalancerDomain": self.vip.is_none().then_some(domain),
            "LoadBalancerVips": self.vip.iter().collect::<Vec<_>>(),
            "Status": 1,
            "StatusTime": "2026-01-01 00:00:00",
            "CreateTime": "2026-01-01 00:00:00",
            "VpcId": self.vpc,
            "NumericalVpcId": 1,
            "SubnetId": null,
            "ProjectId": 0,
            "Tags": tags,
            "SecureGroups": [],
            "TargetRegionInfo": {"Region": "", "VpcId": self.vpc},
            "AddressIPVersion": "ipv4",
            "AddressIPv6": null,
            "IPv6Mode": null,
            "Isolation": 0,
            "IsolatedTime": null,
            "ExpireTime": null,
            "LoadBalancerPassToTarget": true,
            "SnatPro": false,
            "SnatIps": [],
            "MixIpTarget": false,
            "SlaType": "",
            "IsBlock": false,
            "AttributeFlags": [],
            "TargetCount": self.target_count(),
            "ClusterIds": null,
            "Zones": null,
        })
    }

    fn target_count(&self) -> usize {
        self.listeners
            .values()
            .map(|listener| {
                listener.targets.len() + listener.rules.values().map(|rule| rule.targets.len()).sum::<usize>()
            })
            .sum()
    }
}
