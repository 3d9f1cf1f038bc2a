//! What a write asks for: read strictly, checked against limits and state, turned into edits of targets.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::{IpAddr, SocketAddr},
};

use serde_json::Value;

use super::{
    account::Account,
    action::Action,
    config::Mismatch,
    fault::Culprit,
    limit::{ELEMENTS_PER_BATCH, TARGETS_PER_BATCH, TARGETS_PER_ELEMENT},
    listener::TargetType,
    load_balancer::{Generation, LoadBalancer},
    parameter::Parameters,
    pool::{PoolId, TargetKey},
    refusal::Refusal,
};

/// One target and what becomes of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Edit {
    pub(crate) pool: PoolId,
    pub(crate) key: TargetKey,
    pub(crate) to: To,
}

/// What becomes of a target.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum To {
    /// A bound target gets this weight.
    Weight(u8),
    /// The target is bound with this weight and label.
    Bound(u8, String),
    /// The target is no longer bound.
    Unbound,
}

/// A write that may be executed.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    /// The load balancer that is locked meanwhile.
    pub(crate) owner: String,
    pub(crate) edits: Vec<Edit>,
    /// Listeners for which nothing is done, because something did not fit ([`Mismatch::Partial`]).
    pub(crate) failed: BTreeSet<String>,
}

impl Plan {
    /// Leaves this listener out, and reports it.
    pub(crate) fn fail(&mut self, listener: &str) {
        self.edits.retain(|edit| edit.pool.listener_id() != listener);
        self.failed.insert(listener.to_owned());
    }
}

impl Account {
    /// Reads and checks a write.
    pub(crate) fn plan(&self, action: Action, body: &Value) -> Result<Plan, Refusal> {
        let (owner, edits) = if action == Action::BatchModifyTargetWeight {
            self.modify_list(body)?
        } else {
            self.batch(action, body)?
        };
        let mut plan = Plan { owner, edits, failed: BTreeSet::new() };
        self.check_poison(&plan)?;
        self.check_fit(action, &mut plan)?;
        self.check_quota(&plan)?;
        Ok(plan)
    }

    /// `BatchRegisterTargets` and `BatchDeregisterTargets`: a flat list of targets, each with its listener.
    fn batch(&self, action: Action, body: &Value) -> Result<(String, Vec<Edit>), Refusal> {
        let call = Parameters::of_body(body, &["LoadBalancerId", "Targets"])?;
        let owner = call.required_text("LoadBalancerId")?;
        let targets = call.required_objects(
            "Targets",
            &["ListenerId", "LocationId", "Port", "EniIp", "InstanceId", "Weight", "Tag"],
        )?;
        check_length("Targets", targets.len(), TARGETS_PER_BATCH)?;
        let balancer = self.writable(owner, Wording::SubCodes)?;
        let mut edits = Vec::with_capacity(targets.len());
        let mut seen = BTreeSet::new();
        for target in &targets {
            let listener = target.required_text("ListenerId")?;
            let pool = pool(balancer, listener, target.text("LocationId")?, Wording::SubCodes)?;
            let key = self.key(target)?;
            let weight = weight(target)?.unwrap_or(DEFAULT_WEIGHT);
            if !seen.insert((pool.clone(), key.clone())) {
                return Err(Refusal::new(
                    "InvalidParameterValue.Duplicate",
                    format!("target {key} of listener {listener} is named twice"),
                ));
            }
            let to = if action == Action::BatchRegisterTargets {
                To::Bound(weight, target.text("Tag")?.unwrap_or_default().to_owned())
            } else {
                To::Unbound
            };
            edits.push(Edit { pool, key, to });
        }
        Ok((owner.to_owned(), edits))
    }

    /// `BatchModifyTargetWeight`: elements of one pool each, with targets and a weight for those without their own.
    fn modify_list(&self, body: &Value) -> Result<(String, Vec<Edit>), Refusal> {
        let call = Parameters::of_body(body, &["LoadBalancerId", "ModifyList"])?;
        let owner = call.required_text("LoadBalancerId")?;
        let elements = call.required_objects(
            "ModifyList",
            &["ListenerId", "LocationId", "Targets", "Weight", "Domain", "Url"],
        )?;
        check_length("ModifyList", elements.len(), ELEMENTS_PER_BATCH)?;
        let balancer = self.writable(owner, Wording::Plain)?;
        let mut edits = Vec::new();
        let mut seen = BTreeSet::new();
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
                let key = self.key(target)?;
                let weight = weight(target)?.or(shared).unwrap_or(DEFAULT_WEIGHT);
                if !seen.insert((pool.clone(), key.clone())) {
                    return Err(Refusal::new(
                        "InvalidParameterValue",
                        format!("target {key} of {pool} is named twice"),
                    ));
                }
                edits.push(Edit { pool: pool.clone(), key, to: To::Weight(weight) });
            }
            check_length("targets of all elements", edits.len(), TARGETS_PER_BATCH)?;
        }
        Ok((owner.to_owned(), edits))
    }

    fn writable(&self, id: &str, wording: Wording) -> Result<&LoadBalancer, Refusal> {
        let balancer = self.load_balancers.get(id).ok_or_else(|| no_load_balancer(id, wording))?;
        if balancer.generation == Generation::Classic {
            return Err(Refusal::new("UnsupportedOperation", format!("{id} is a classic load balancer")));
        }
        Ok(balancer)
    }

    /// The target that `parameters` names by exactly one of `EniIp` and `InstanceId`.
    fn key(&self, parameters: &Parameters<'_>) -> Result<TargetKey, Refusal> {
        let port = parameters.required_integer("Port")?;
        let port = u16::try_from(port).ok().filter(|port| *port > 0).ok_or_else(|| {
            Refusal::new("InvalidParameterValue", format!("`Port` {port} is not within 1 to 65535"))
        })?;
        match (parameters.text("EniIp")?, parameters.text("InstanceId")?) {
            (Some(ip), None) => {
                let ip: IpAddr = ip.parse().map_err(|_| {
                    Refusal::new("InvalidParameter.FormatError", format!("`EniIp` {ip:?} is not an address"))
                })?;
                Ok(TargetKey::by_address(SocketAddr::new(ip, port)))
            }
            (None, Some(id)) => {
                let ip = self.instances.get(id).ok_or_else(|| {
                    Refusal::new("InvalidParameter", format!("InstanceId {id} does not exist"))
                })?;
                Ok(TargetKey { address: SocketAddr::new(*ip, port), instance: Some(id.to_owned()) })
            }
            (Some(_), Some(_)) | (None, None) => Err(Refusal::new(
                "InvalidParameter",
                "exactly one of `EniIp` and `InstanceId` must be passed for a target",
            )),
        }
    }

    fn check_poison(&self, plan: &Plan) -> Result<(), Refusal> {
        let culprit =
            plan.edits.iter().find_map(|edit| Some((&edit.key, self.faults.poisoned(&edit.key.address)?)));
        match culprit {
            Some((key, Culprit::Named)) => {
                Err(Refusal::new("InvalidParameterValue", format!("target {key} is invalid")))
            }
            Some((_, Culprit::Unnamed)) => {
                Err(Refusal::new("InvalidParameterValue", "some targets are invalid"))
            }
            None => Ok(()),
        }
    }

    /// Bound targets that are registered again, unbound ones that are touched.
    fn check_fit(&self, action: Action, plan: &mut Plan) -> Result<(), Refusal> {
        let mut failed = BTreeSet::new();
        let mut skipped = Vec::new();
        for (index, edit) in plan.edits.iter().enumerate() {
            let bound = self.targets_of(&edit.pool).is_some_and(|targets| targets.contains_key(&edit.key));
            let (fits, mismatch) = match edit.to {
                To::Bound(..) => (!bound, self.config.on_bound),
                To::Weight(_) | To::Unbound => (bound, self.config.on_unbound),
            };
            if fits {
                continue;
            }
            match mismatch {
                Mismatch::Refuse if bound => {
                    return Err(Refusal::new(
                        "InvalidParameterValue.Duplicate",
                        format!("target {} is already bound to {}", edit.key, edit.pool),
                    ));
                }
                Mismatch::Refuse => {
                    return Err(Refusal::new(
                        "InvalidParameterValue",
                        format!("target {} is not bound to {}", edit.key, edit.pool),
                    ));
                }
                // A weight task finds the missing target at its end and fails.
                Mismatch::Partial if action == Action::BatchModifyTargetWeight => {}
                Mismatch::Partial => {
                    failed.insert(edit.pool.listener_id().to_owned());
                }
                Mismatch::Accept if bound => {}
                Mismatch::Accept => skipped.push(index),
            }
        }
        for index in skipped.into_iter().rev() {
            plan.edits.remove(index);
        }
        for listener in failed {
            plan.fail(&listener);
        }
        Ok(())
    }

    fn check_quota(&self, plan: &Plan) -> Result<(), Refusal> {
        let limit = self.config.limits.targets_per_pool;
        let mut added: BTreeMap<&PoolId, usize> = BTreeMap::new();
        for edit in plan.edits.iter().filter(|edit| matches!(edit.to, To::Bound(..))) {
            let Some(targets) = self.targets_of(&edit.pool) else { continue };
            if targets.contains_key(&edit.key) {
                continue;
            }
            let count = added.entry(&edit.pool).or_default();
            *count += 1;
            if targets.len() + *count > limit {
                return Err(Refusal::new(
                    "LimitExceeded",
                    format!("{} takes at most {limit} targets, draining ones included", edit.pool),
                ));
            }
        }
        Ok(())
    }
}

/// How an action words a missing object: with the documented sub-codes, or with a plain code and a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wording {
    SubCodes,
    Plain,
}

pub(crate) fn no_load_balancer(id: &str, wording: Wording) -> Refusal {
    let message = format!("LoadBalancer not exist: {id}");
    match wording {
        Wording::SubCodes => Refusal::new("InvalidParameter.LBIdNotFound", message),
        Wording::Plain => Refusal::new("InvalidParameter", message),
    }
}

pub(crate) fn no_listener(id: &str, wording: Wording) -> Refusal {
    let message = format!("some ListenerId not found: {id}");
    match wording {
        Wording::SubCodes => Refusal::new("InvalidParameter.ListenerIdNotFound", message),
        Wording::Plain => Refusal::new("InvalidParameter", message),
    }
}

fn no_rule(listener: &str, rule: &str, wording: Wording) -> Refusal {
    match wording {
        Wording::SubCodes => Refusal::new(
            "InvalidParameter.LocationNotFound",
            format!("some LocationId not found: {rule} of listener {listener}"),
        ),
        Wording::Plain => Refusal::new(
            "InvalidParameter",
            format!("some ListenerId or LocationId not found: {listener} {rule}"),
        ),
    }
}

/// The pool that a listener and, on layer 7, a rule stand for.
fn pool(
    balancer: &LoadBalancer,
    listener_id: &str,
    rule_id: Option<&str>,
    wording: Wording,
) -> Result<PoolId, Refusal> {
    let listener = balancer.listeners.get(listener_id).ok_or_else(|| no_listener(listener_id, wording))?;
    let (pool, target_type) = match (listener.protocol.is_layer_7(), rule_id) {
        (true, Some(rule_id)) => {
            let rule = listener.rules.get(rule_id).ok_or_else(|| no_rule(listener_id, rule_id, wording))?;
            (PoolId::rule(&balancer.id, listener_id, rule_id), rule.target_type)
        }
        (true, None) => {
            return Err(Refusal::new(
                "MissingParameter",
                format!("`LocationId` is required: {listener_id} is a layer 7 listener"),
            ));
        }
        (false, None) => (PoolId::listener(&balancer.id, listener_id), listener.target_type),
        (false, Some(rule)) => {
            let code = match wording {
                Wording::SubCodes => "InvalidParameter.ProtocolCheckFailed",
                Wording::Plain => "InvalidParameter",
            };
            return Err(Refusal::new(
                code,
                format!("LocationId {rule} with {listener_id}, which is a layer 4 listener"),
            ));
        }
    };
    match target_type {
        TargetType::Node => Ok(pool),
        TargetType::Group => {
            Err(Refusal::new("InvalidParameter", format!("{pool} forwards to a target group")))
        }
    }
}

/// The weight that `parameters` carries.
fn weight(parameters: &Parameters<'_>) -> Result<Option<u8>, Refusal> {
    let Some(weight) = parameters.integer("Weight")? else { return Ok(None) };
    let weight = u8::try_from(weight).ok().filter(|weight| *weight <= 100).ok_or_else(|| {
        Refusal::new("InvalidParameterValue", format!("`Weight` {weight} is not within 0 to 100"))
    })?;
    Ok(Some(weight))
}

pub(crate) fn check_length(what: &str, length: usize, limit: usize) -> Result<(), Refusal> {
    if length <= limit {
        return Ok(());
    }
    Err(Refusal::new("InvalidParameterValue.Length", format!("{what}: {length} is more than {limit}")))
}

/// The weight of a target for which none is sent.
const DEFAULT_WEIGHT: u8 = 10;
