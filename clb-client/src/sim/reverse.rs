//! Reads about the account as a whole: who sends traffic to an address, and quotas.

use serde_json::{Value, json};

use super::{
    account::Account, listener::Listener, load_balancer::LoadBalancer, parameter::Parameters, pool::Targets,
    refusal::Refusal,
};

impl Account {
    /// `DescribeLBListeners`: by VPC and private address.
    pub(crate) fn describe_lb_listeners(&self, body: &Value) -> Result<Value, Refusal> {
        let call = Parameters::of_body(body, &["Backends"])?;
        let mut wanted = Vec::new();
        for backend in call.required_objects("Backends", &["VpcId", "PrivateIp"])? {
            wanted.push((backend.required_text("VpcId")?, backend.required_text("PrivateIp")?));
        }
        let found: Vec<Value> = self
            .load_balancers
            .values()
            .filter_map(|balancer| {
                let of_vpc = wanted.iter().filter(|(vpc, _)| *vpc == balancer.vpc);
                let ips: Vec<&str> = of_vpc.map(|(_, ip)| *ip).collect();
                let listeners: Vec<Value> =
                    balancer.listeners.values().filter_map(|listener| using(listener, &ips)).collect();
                (!listeners.is_empty()).then(|| shown(balancer, &listeners))
            })
            .collect();
        Ok(json!({"LoadBalancers": found}))
    }

    pub(crate) fn describe_quota(&self, body: &Value) -> Result<Value, Refusal> {
        Parameters::of_body(body, &[])?;
        let quota = |id: &str, current: Option<usize>, limit: usize| json!({"QuotaId": id, "QuotaCurrent": current, "QuotaLimit": limit});
        Ok(json!({"QuotaSet": [
            quota("TOTAL_OPEN_CLB_QUOTA", Some(self.load_balancers.len()), 100),
            quota("TOTAL_INTERNAL_CLB_QUOTA", Some(0), 100),
            quota("TOTAL_LISTENER_QUOTA", None, 50),
            quota("TOTAL_LISTENER_RULE_QUOTA", None, 50),
            quota("TOTAL_TARGET_BIND_QUOTA", None, self.config.limits.targets_per_pool),
        ]}))
    }
}

fn shown(balancer: &LoadBalancer, listeners: &[Value]) -> Value {
    json!({
        "LoadBalancerId": balancer.id,
        "Vip": balancer.vip.as_deref().unwrap_or_default(),
        "Region": "",
        "Listeners": listeners,
    })
}

/// The listener with those of its targets that have one of the addresses; `None` without such.
fn using(listener: &Listener, ips: &[&str]) -> Option<Value> {
    let mut rules = Vec::new();
    for rule in listener.rules.values() {
        let targets = matching(&rule.targets, ips);
        if !targets.is_empty() {
            let (domain, url) = (&rule.domain, &rule.url);
            rules.push(json!({"LocationId": rule.id, "Domain": domain, "Url": url, "Targets": targets}));
        }
    }
    let targets = matching(&listener.targets, ips);
    if rules.is_empty() && targets.is_empty() {
        return None;
    }
    let layer_7 = listener.protocol.is_layer_7();
    Some(json!({
        "ListenerId": listener.id,
        "Protocol": listener.protocol.as_str(),
        "Port": listener.port,
        "EndPort": 0,
        "Rules": layer_7.then_some(rules),
        "Targets": (!layer_7).then_some(targets),
    }))
}

fn matching(targets: &Targets, ips: &[&str]) -> Vec<Value> {
    targets
        .iter()
        .filter(|(key, _)| ips.contains(&key.address.ip().to_string().as_str()))
        .map(|(key, target)| {
            let kind = if key.instance.is_some() { "cvm" } else { "eni" };
            let (ip, port) = (key.address.ip().to_string(), key.address.port());
            json!({"Type": kind, "PrivateIp": ip, "Port": port, "VpcId": 1, "Weight": target.weight})
        })
        .collect()
}
