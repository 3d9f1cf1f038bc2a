//! The single forms: targets of one listener or rule.

use serde_json::Value;

use super::{
    Edit, Plan, To, check_length,
    locate::{DEFAULT_WEIGHT, Wording, no_rule, pool, port, weight},
};
use crate::sim::{
    account::Account, action::Change, limit::TARGETS_PER_CALL, load_balancer::LoadBalancer,
    parameter::Parameters, refusal::Refusal,
};

impl Account {
    /// `RegisterTargets`, `DeregisterTargets`, `ModifyTargetWeight`, `ModifyTargetPort`.
    pub(super) fn single(&self, change: Change, body: &Value) -> Result<Plan, Refusal> {
        let call = Parameters::of_body(
            body,
            match change {
                Change::Register | Change::Deregister => {
                    &["LoadBalancerId", "ListenerId", "Targets", "LocationId", "Domain", "Url"][..]
                }
                Change::Weight => {
                    &["LoadBalancerId", "ListenerId", "Targets", "LocationId", "Domain", "Url", "Weight"]
                }
                Change::Port => {
                    &["LoadBalancerId", "ListenerId", "Targets", "LocationId", "Domain", "Url", "NewPort"]
                }
            },
        )?;
        let owner = call.required_text("LoadBalancerId")?;
        let listener = call.required_text("ListenerId")?;
        let targets =
            call.required_objects("Targets", &["Port", "EniIp", "InstanceId", "Weight", "Type", "Tag"])?;
        check_length("Targets", targets.len(), TARGETS_PER_CALL)?;
        let shared = if change == Change::Weight { weight(&call)? } else { None };
        let new_port = if change == Change::Port { Some(port(&call, "NewPort")?) } else { None };
        let balancer = self.writable(owner, Wording::Plain)?;
        let rule = match (call.text("LocationId")?, call.text("Domain")?, call.text("Url")?) {
            (Some(rule), ..) => Some(rule.to_owned()),
            (None, Some(domain), Some(url)) => Some(rule_by_name(balancer, listener, domain, url)?),
            (None, ..) => None,
        };
        let pool = pool(balancer, listener, rule.as_deref(), Wording::Plain)?;
        let mut edits = Vec::with_capacity(targets.len());
        for target in &targets {
            let weight = weight(target)?.or(shared).unwrap_or(DEFAULT_WEIGHT);
            let to = match (change, new_port) {
                (Change::Register, _) => {
                    To::Bound(weight, target.text("Tag")?.unwrap_or_default().to_owned())
                }
                (Change::Port, Some(port)) => To::Port(port),
                (Change::Weight | Change::Port, _) => To::Weight(weight),
                (Change::Deregister, _) => To::Unbound,
            };
            edits.push(Edit { pool: pool.clone(), key: self.key(target)?, to });
        }
        Ok(Plan { owner: owner.to_owned(), edits, ..Plan::default() })
    }
}

/// The id of the rule with this domain and URL.
fn rule_by_name(balancer: &LoadBalancer, listener: &str, domain: &str, url: &str) -> Result<String, Refusal> {
    balancer
        .listeners
        .get(listener)
        .and_then(|listener| listener.rules.values().find(|rule| rule.domain == domain && rule.url == url))
        .map(|rule| rule.id.clone())
        .ok_or_else(|| no_rule(listener, &format!("{domain}{url}"), Wording::Plain))
}
