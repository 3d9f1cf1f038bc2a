//! Finds what a write names: load balancer, listener, rule, target, weight; and words what is missing.

use std::net::{IpAddr, SocketAddr};

use crate::sim::{
    account::Account,
    load_balancer::{Generation, LoadBalancer},
    parameter::Parameters,
    pool::{PoolId, TargetKey},
    refusal::Refusal,
};

impl Account {
    pub(super) fn writable(&self, id: &str, wording: Wording) -> Result<&LoadBalancer, Refusal> {
        let balancer = self.load_balancers.get(id).ok_or_else(|| no_load_balancer(id, wording))?;
        if balancer.generation == Generation::Classic {
            return Err(Refusal::new("UnsupportedOperation", format!("{id} is a classic load balancer")));
        }
        Ok(balancer)
    }

    /// The target that `parameters` names by exactly one of `EniIp` and `InstanceId`.
    pub(super) fn key(&self, parameters: &Parameters<'_>) -> Result<TargetKey, Refusal> {
        let port = port(parameters, "Port")?;
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

pub(super) fn no_rule(listener: &str, rule: &str, wording: Wording) -> Refusal {
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

/// The pool that a listener and, on layer 7, a rule stand for; it must take single targets.
pub(super) fn pool(
    balancer: &LoadBalancer,
    listener_id: &str,
    rule_id: Option<&str>,
    wording: Wording,
) -> Result<PoolId, Refusal> {
    let pool = forwarder(balancer, listener_id, rule_id, wording)?;
    match balancer.group_of(&pool) {
        None => Ok(pool),
        Some(group) => Err(Refusal::new(
            "InvalidParameter",
            format!("{pool} forwards to the target group {group}, it takes no single targets"),
        )),
    }
}

/// The listener (layer 4) or rule (layer 7) that forwards.
pub(super) fn forwarder(
    balancer: &LoadBalancer,
    listener_id: &str,
    rule_id: Option<&str>,
    wording: Wording,
) -> Result<PoolId, Refusal> {
    let listener = balancer.listeners.get(listener_id).ok_or_else(|| no_listener(listener_id, wording))?;
    match (listener.protocol.is_layer_7(), rule_id) {
        (true, Some(rule_id)) if listener.rules.contains_key(rule_id) => {
            Ok(PoolId::rule(&balancer.id, listener_id, rule_id))
        }
        (true, Some(rule_id)) => Err(no_rule(listener_id, rule_id, wording)),
        (true, None) => Err(Refusal::new(
            "MissingParameter",
            format!("`LocationId` is required: {listener_id} is a layer 7 listener"),
        )),
        (false, None) => Ok(PoolId::listener(&balancer.id, listener_id)),
        (false, Some(rule)) => {
            let code = match wording {
                Wording::SubCodes => "InvalidParameter.ProtocolCheckFailed",
                Wording::Plain => "InvalidParameter",
            };
            let message = format!("LocationId {rule} with {listener_id}, which is a layer 4 listener");
            Err(Refusal::new(code, message))
        }
    }
}

/// A required port.
pub(super) fn port(parameters: &Parameters<'_>, name: &str) -> Result<u16, Refusal> {
    let port = parameters.required_integer(name)?;
    u16::try_from(port).ok().filter(|port| *port > 0).ok_or_else(|| {
        Refusal::new("InvalidParameterValue", format!("`{name}` {port} is not within 1 to 65535"))
    })
}

/// The weight that `parameters` carries.
pub(super) fn weight(parameters: &Parameters<'_>) -> Result<Option<u8>, Refusal> {
    let Some(weight) = parameters.integer("Weight")? else { return Ok(None) };
    let weight = u8::try_from(weight).ok().filter(|weight| *weight <= 100).ok_or_else(|| {
        Refusal::new("InvalidParameterValue", format!("`Weight` {weight} is not within 0 to 100"))
    })?;
    Ok(Some(weight))
}

/// The weight of a target for which none is sent.
pub(super) const DEFAULT_WEIGHT: u8 = 10;
