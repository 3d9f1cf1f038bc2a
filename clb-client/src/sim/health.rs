//! Health of targets: what tests say it is, no probes are sent.

use std::net::SocketAddr;

use serde_json::{Value, json};

use super::{
    account::Account,
    listener::Listener,
    load_balancer::LoadBalancer,
    parameter::Parameters,
    pool::{PoolId, Target, TargetKey},
    refusal::Refusal,
    write::check_length,
};

/// What a health check says of an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "the documented values")]
pub enum Health {
    /// Healthy.
    Alive,
    /// Not healthy.
    Dead,
    /// Not probed yet.
    Unknown,
    /// Checks are off, or the listener is stopped.
    Close,
}

impl Health {
    /// Whether it gets traffic while others are healthy.
    pub(crate) const fn is_healthy(self) -> bool {
        matches!(self, Self::Alive | Self::Close)
    }

    const fn as_str(self) -> &'static str {
        match self {
            Self::Alive => "Alive",
            Self::Dead => "Dead",
            Self::Unknown => "Unknown",
            Self::Close => "Close",
        }
    }
}

impl Account {
    /// From now on health checks say this of the address, wherever it is bound.
    pub fn set_health(&mut self, address: SocketAddr, health: Health) {
        self.health.insert(address, health);
        self.revision += 1;
    }

    /// As set, or unknown for so long after the registration as the configuration says, then alive.
    pub(crate) fn health_of(&self, key: &TargetKey, target: &Target) -> Health {
        match self.health.get(&key.address) {
            Some(health) => *health,
            None if target.registered + self.config.first_probes > self.now => Health::Unknown,
            None => Health::Alive,
        }
    }

    pub(crate) fn describe_target_health(&self, body: &Value) -> Result<Value, Refusal> {
        let call = Parameters::of_body(body, &["LoadBalancerIds", "ListenerIds", "LocationIds"])?;
        let ids = call.texts("LoadBalancerIds")?;
        if ids.is_empty() {
            return Err(Refusal::new("MissingParameter", "The request is missing `LoadBalancerIds`"));
        }
        check_length("LoadBalancerIds", ids.len(), LOAD_BALANCERS_PER_HEALTH_READ)?;
        let (listeners, rules) = (call.texts("ListenerIds")?, call.texts("LocationIds")?);
        let chosen = |ids: &[&str], id: &str| ids.is_empty() || ids.contains(&id);
        let mut shown = Vec::new();
        for id in ids {
            let Some(balancer) = self.load_balancers.get(id) else {
                return Err(super::write::no_load_balancer(id, super::write::Wording::SubCodes));
            };
            let found: Vec<Value> = balancer
                .listeners
                .values()
                .filter(|listener| chosen(&listeners, &listener.id))
                .map(|listener| self.shown_health(balancer, listener, |rule| chosen(&rules, rule)))
                .collect();
            shown.push(json!({
                "LoadBalancerId": balancer.id,
                "LoadBalancerName": balancer.name,
                "Listeners": found,
            }));
        }
        Ok(json!({"LoadBalancers": shown}))
    }

    /// Layer 4 listeners come under `Rules` too, with an id of their own and neither domain nor URL.
    fn shown_health(
        &self,
        balancer: &LoadBalancer,
        listener: &Listener,
        chosen: impl Fn(&str) -> bool,
    ) -> Value {
        let rules: Vec<Value> = if listener.protocol.is_layer_7() {
            let rules = listener.rules.values().filter(|rule| chosen(&rule.id));
            rules
                .map(|rule| {
                    let pool = PoolId::rule(&balancer.id, &listener.id, &rule.id);
                    let targets = self.shown_target_health(&pool, rule.group.as_deref());
                    json!({"LocationId": rule.id, "Domain": rule.domain, "Url": rule.url, "RuleId": rule.id, "Targets": targets})
                })
                .collect()
        } else {
            let id = listener.id.replacen("lbl-", "loc-", 1);
            let pool = PoolId::listener(&balancer.id, &listener.id);
            let targets = self.shown_target_health(&pool, listener.group.as_deref());
            vec![json!({"LocationId": id, "Domain": null, "Url": null, "RuleId": id, "Targets": targets})]
        };
        json!({
            "ListenerId": listener.id,
            "ListenerName": listener.id,
            "Protocol": listener.protocol.as_str(),
            "Port": listener.port,
            "Rules": rules,
        })
    }

    fn shown_target_health(&self, pool: &PoolId, group: Option<&str>) -> Vec<Value> {
        let targets = self.targets_behind(pool).into_iter().flatten();
        targets
            .map(|(key, target)| {
                let health = self.health_of(key, target);
                json!({
                    "IP": key.address.ip().to_string(),
                    "Port": key.address.port(),
                    "HealthStatus": health.is_healthy(),
                    "HealthStatusDetail": health.as_str(),
                    // The API misspells it and keeps both.
                    "HealthStatusDetial": health.as_str(),
                    "TargetId": key.instance.as_deref().unwrap_or_default(),
                    "TargetGroupId": group.unwrap_or_default(),
                    "Weight": target.weight,
                })
            })
            .collect()
    }
}

/// Most load balancer ids in one `DescribeTargetHealth`.
const LOAD_BALANCERS_PER_HEALTH_READ: usize = 30;
