//! The batch forms: many listeners and rules of one load balancer in one call.

use std::collections::BTreeMap;

use serde_json::Value;

use super::{
    Edit, Plan, To, check_length,
    locate::{DEFAULT_WEIGHT, Wording, pool, weight},
};
use crate::sim::{
    account::Account,
    action::Change,
    limit::{ELEMENTS_PER_BATCH, TARGETS_PER_BATCH, TARGETS_PER_ELEMENT},
    parameter::Parameters,
    pool::PoolId,
    refusal::Refusal,
};

impl Account {
    /// `BatchRegisterTargets` and `BatchDeregisterTargets`: a flat list of targets, each with its listener.
    pub(super) fn batch(&self, change: Change, body: &Value) -> Result<Plan, Refusal> {
        let call = Parameters::of_body(body, &["LoadBalancerId", "Targets"])?;
        let owner = call.required_text("LoadBalancerId")?;
        let targets = call.required_objects(
            "Targets",
            &["ListenerId", "LocationId", "Port", "EniIp", "InstanceId", "Weight", "Tag"],
        )?;
        check_length("Targets", targets.len(), TARGETS_PER_BATCH)?;
        let balancer = self.writable(owner, Wording::SubCodes)?;
        let mut edits = Vec::with_capacity(targets.len());
        for target in &targets {
            let listener = target.required_text("ListenerId")?;
            let pool = pool(balancer, listener, target.text("LocationId")?, Wording::SubCodes)?;
            let weight = weight(target)?.unwrap_or(DEFAULT_WEIGHT);
            let to = if change == Change::Register {
                To::Bound(weight, target.text("Tag")?.unwrap_or_default().to_owned())
            } else {
                To::Unbound
            };
            edits.push(Edit { pool, key: self.key(target)?, to });
        }
        Ok(Plan { owner: owner.to_owned(), edits, ..Plan::default() })
    }

    /// `BatchModifyTargetWeight`: elements of one pool each, with targets and a weight for those without their own.
    pub(super) fn modify_list(&self, body: &Value) -> Result<Plan, Refusal> {
        let call = Parameters::of_body(body, &["LoadBalancerId", "ModifyList"])?;
        let owner = call.required_text("LoadBalancerId")?;
        let elements = call.required_objects(
            "ModifyList",
            &["ListenerId", "LocationId", "Targets", "Weight", "Domain", "Url"],
        )?;
        check_length("ModifyList", elements.len(), ELEMENTS_PER_BATCH)?;
        let balancer = self.writable(owner, Wording::Plain)?;
        let mut edits = Vec::new();
        let mut per_pool: BTreeMap<PoolId, usize> = BTreeMap::new();
        for element in &elements {
            let listener = element.required_text("ListenerId")?;
            let pool = pool(balancer, listener, element.text("LocationId")?, Wording::Plain)?;
            let named = per_pool.entry(pool.clone()).or_default();
            *named += 1;
            if *named > self.config.limits.elements_per_pool {
                return Err(Refusal::new(
                    "InvalidParameterValue",
                    format!(
                        "{pool} is named by more than {} element(s)",
                        self.config.limits.elements_per_pool
                    ),
                ));
            }
            let targets = element
                .required_objects("Targets", &["Port", "EniIp", "InstanceId", "Weight", "Type", "Tag"])?;
            check_length("Targets", targets.len(), TARGETS_PER_ELEMENT)?;
            let shared = weight(element)?;
            for target in &targets {
                let weight = weight(target)?.or(shared).unwrap_or(DEFAULT_WEIGHT);
                edits.push(Edit { pool: pool.clone(), key: self.key(target)?, to: To::Weight(weight) });
            }
            check_length("targets of all elements", edits.len(), TARGETS_PER_BATCH)?;
        }
        Ok(Plan { owner: owner.to_owned(), edits, ..Plan::default() })
    }
}
