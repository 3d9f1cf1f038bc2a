//! Writes on target groups, and which listeners and rules forward to them.

use serde_json::Value;

use super::{
    Edit, Plan, To, check_length,
    locate::{DEFAULT_WEIGHT, Wording, forwarder, port, weight},
};
use crate::sim::{
    account::Account,
    action::Change,
    parameter::Parameters,
    pool::{PoolId, TargetKey},
    refusal::Refusal,
};

impl Account {
    /// `RegisterTargetGroupInstances`, `Deregister..`, `Modify..Weight`, `Modify..Port`.
    pub(super) fn group(&self, change: Change, body: &Value) -> Result<Plan, Refusal> {
        let call = Parameters::of_body(body, &["TargetGroupId", "TargetGroupInstances"])?;
        let owner = call.required_text("TargetGroupId")?;
        let members =
            call.required_objects("TargetGroupInstances", &["BindIP", "Port", "Weight", "NewPort"])?;
        check_length("TargetGroupInstances", members.len(), self.config.limits.targets_per_group_call)?;
        let group = self.groups.get(owner).ok_or_else(|| no_group(owner))?;
        let default = group.weight.unwrap_or(DEFAULT_WEIGHT);
        let mut edits = Vec::with_capacity(members.len());
        for member in &members {
            let ip = member.required_text("BindIP")?;
            let ip = ip.parse().map_err(|_| {
                Refusal::new("InvalidParameter.FormatError", format!("`BindIP` {ip:?} is not an address"))
            })?;
            let key = TargetKey::by_address(std::net::SocketAddr::new(ip, port(member, "Port")?));
            let to = match change {
                Change::Register => To::Bound(weight(member)?.unwrap_or(default), String::new()),
                Change::Deregister => To::Unbound,
                Change::Weight => To::Weight(weight(member)?.unwrap_or(DEFAULT_WEIGHT)),
                Change::Port => To::Port(port(member, "NewPort")?),
            };
            edits.push(Edit { pool: PoolId::group(owner), key, to });
        }
        Ok(Plan { owner: owner.to_owned(), edits, ..Plan::default() })
    }

    /// `AssociateTargetGroups`. Locks the first group that is named.
    pub(super) fn associate(&self, body: &Value) -> Result<Plan, Refusal> {
        let call = Parameters::of_body(body, &["Associations"])?;
        let names = ["LoadBalancerId", "ListenerId", "LocationId", "TargetGroupId", "Weight"];
        let asked = call.required_objects("Associations", &names)?;
        check_length("Associations", asked.len(), ASSOCIATIONS_PER_CALL)?;
        let mut plan = Plan::default();
        for association in &asked {
            let group = association.required_text("TargetGroupId")?;
            if !self.groups.contains_key(group) {
                return Err(no_group(group));
            }
            let balancer = self.writable(association.required_text("LoadBalancerId")?, Wording::Plain)?;
            let listener = association.required_text("ListenerId")?;
            let pool = forwarder(balancer, listener, association.text("LocationId")?, Wording::Plain)?;
            if plan.owner.is_empty() {
                group.clone_into(&mut plan.owner);
            }
            plan.associations.push((pool, group.to_owned()));
        }
        Ok(plan)
    }
}

fn no_group(id: &str) -> Refusal {
    Refusal::new("InvalidParameter", format!("TargetGroup not exist: {id}"))
}

/// Most associations in one call.
const ASSOCIATIONS_PER_CALL: usize = 20;
