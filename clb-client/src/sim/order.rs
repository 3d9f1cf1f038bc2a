//! What a simulator can be told from outside, as JSON: by test programs in other languages, and from files.

use std::{collections::BTreeMap, net::SocketAddr, time::Duration};

use serde::Deserialize;
use serde_json::Value;

use super::{
    account::Account,
    action::Action,
    fault::{Applied, Culprit, Fault, On, Shape},
    health::Health,
    listener::{Listener, Protocol, Rule, Switch},
    load_balancer::LoadBalancer,
    pool::PoolId,
    target_group::TargetGroup,
};

/// One order; the page of [`crate::sim`] shows them all. What is not named has the default of the Rust API.
#[derive(Debug, Deserialize)]
#[serde(tag = "do", rename_all = "snake_case", deny_unknown_fields)]
enum Order {
    PutLoadBalancer {
        id: String,
        #[serde(default)]
        tags: BTreeMap<String, String>,
    },
    PutListener {
        load_balancer: String,
        id: String,
        protocol: String,
        port: u16,
        #[serde(default)]
        switches: Vec<String>,
        #[serde(default)]
        session_seconds: u32,
        #[serde(default)]
        group: Option<String>,
        #[serde(default)]
        rules: Vec<RuleOrder>,
    },
    PutTargetGroup {
        id: String,
    },
    Remove {
        object: String,
    },
    Plant {
        pool: String,
        address: SocketAddr,
        weight: u8,
    },
    Unplant {
        pool: String,
        address: SocketAddr,
    },
    Fault(FaultOrder),
    Poison {
        address: SocketAddr,
        #[serde(default)]
        culprit: CulpritOrder,
    },
    Cure {
        address: SocketAddr,
    },
    ClearFaults {},
    SetHealth {
        address: SocketAddr,
        health: String,
    },
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RuleOrder {
    id: String,
    domain: String,
    url: String,
    #[serde(default)]
    group: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
enum CulpritOrder {
    #[default]
    Named,
    Unnamed,
}

/// A fault with all that any of them may need.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct FaultOrder {
    fault: String,
    /// `any`, `writes`, `reads`, or the name of an action.
    #[serde(default)]
    on: Option<String>,
    #[serde(default)]
    times: Option<u32>,
    /// Instead of `times`.
    #[serde(default)]
    rate: Option<f64>,
    #[serde(default)]
    load_balancer: Option<String>,
    #[serde(default)]
    ms: u64,
    #[serde(default)]
    code: String,
    #[serde(default)]
    message: String,
    #[serde(default)]
    listeners: Vec<String>,
    /// `nothing`, `half`, `all`.
    #[serde(default)]
    applied: Option<String>,
    #[serde(default)]
    bytes: usize,
}

/// An order that cannot be carried out. Nothing was changed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the order is not carried out: {0}; the crate's `sim` page shows their form")]
pub struct BadOrder(String);

impl Account {
    /// Carries out an order given as a JSON object; [the module's page](crate::sim) shows them all.
    ///
    /// # Errors
    /// [`BadOrder`] when it is malformed, or names something that does not exist.
    pub fn order(&mut self, order: &Value) -> Result<(), BadOrder> {
        match Order::deserialize(order).map_err(|why| BadOrder(why.to_string()))? {
            Order::PutLoadBalancer { id, tags } => {
                let balancer = LoadBalancer::new(&id);
                self.put_load_balancer(
                    tags.iter().fold(balancer, |balancer, (key, value)| balancer.with_tag(key, value)),
                );
                Ok(())
            }
            Order::PutListener {
                load_balancer,
                id,
                protocol,
                port,
                switches,
                session_seconds,
                group,
                rules,
            } => {
                let mut listener = Listener::new(&id, named(PROTOCOLS, &protocol, "protocol")?, port)
                    .with_session_persistence(session_seconds);
                for switch in &switches {
                    listener = listener.with_switch(named(SWITCHES, switch, "switch")?);
                }
                if let Some(group) = &group {
                    listener = listener.with_target_group(group);
                }
                for RuleOrder { id, domain, url, group } in &rules {
                    let rule = Rule::new(id, domain, url);
                    listener = listener.with_rule(match group {
                        Some(group) => rule.with_target_group(group),
                        None => rule,
                    });
                }
                exists(self.put_listener(&load_balancer, listener), &load_balancer)
            }
            Order::PutTargetGroup { id } => {
                self.put_target_group(TargetGroup::new(&id));
                Ok(())
            }
            Order::SetHealth { address, health } => {
                self.set_health(address, named(HEALTH, &health, "health")?);
                Ok(())
            }
            Order::Remove { object } => exists(self.remove(&object), &object),
            Order::Plant { pool, address, weight } => {
                exists(parse_pool(&pool).is_some_and(|id| self.plant(&id, address, weight)), &pool)
            }
            Order::Unplant { pool, address } => {
                exists(parse_pool(&pool).is_some_and(|id| self.unplant(&id, address)), &pool)
            }
            Order::Fault(order) => self.order_fault(&order),
            Order::Poison { address, culprit } => {
                let culprit = match culprit {
                    CulpritOrder::Named => Culprit::Named,
                    CulpritOrder::Unnamed => Culprit::Unnamed,
                };
                self.faults().poison(address, culprit);
                Ok(())
            }
            Order::Cure { address } => {
                self.faults().cure(address);
                Ok(())
            }
            Order::ClearFaults {} => {
                self.faults().clear();
                Ok(())
            }
        }
    }

    /// Removes what `lb-1`, `lbtg-1`, `lb-1/lbl-1` or `lb-1/lbl-1/loc-1` stands for.
    fn remove(&mut self, object: &str) -> bool {
        let mut parts = object.split('/');
        match (parts.next(), parts.next(), parts.next(), parts.next()) {
            (Some(owner), None, ..) => self.remove_load_balancer(owner) || self.remove_target_group(owner),
            (Some(balancer), Some(listener), None, _) => self.remove_listener(balancer, listener),
            (Some(balancer), Some(listener), Some(rule), None) => self.remove_rule(balancer, listener, rule),
            (None | Some(_), ..) => false,
        }
    }

    fn order_fault(&mut self, order: &FaultOrder) -> Result<(), BadOrder> {
        let fault = fault(order)?;
        let on = match order.on.as_deref() {
            None | Some("any") => On::Any,
            Some("writes") => On::Writes,
            Some("reads") => On::Reads,
            Some(action) => action.parse::<Action>().map_err(|why| BadOrder(why.to_string()))?.into(),
        };
        match (order.rate, order.times, &order.load_balancer) {
            (Some(rate), None, None) => self.faults().rate(on, rate, fault),
            (None, times, None) => self.faults().script(on, times.unwrap_or(1), fault),
            (None, times, Some(balancer)) => {
                self.faults().script_for(balancer, on, times.unwrap_or(1), fault)
            }
            (Some(_), ..) => {
                return Err(BadOrder("`rate` goes with neither `times` nor `load_balancer`".to_owned()));
            }
        }
        Ok(())
    }
}

fn fault(order: &FaultOrder) -> Result<Fault, BadOrder> {
    let time = Duration::from_millis(order.ms);
    let applied = match order.applied.as_deref() {
        None | Some("nothing") => Applied::Nothing,
        Some("half") => Applied::Half,
        Some("all") => Applied::All,
        Some(other) => return Err(BadOrder(format!("{other:?} is neither nothing, half nor all"))),
    };
    Ok(match order.fault.as_str() {
        "busy" => Fault::Busy,
        "throttled" => Fault::Throttled,
        "internal_error" => Fault::InternalError,
        "internal_error_after_effect" => Fault::InternalErrorAfterEffect,
        "error" => Fault::error(&order.code, &order.message),
        "unreachable" => Fault::Unreachable,
        "lost_before_effect" => Fault::LostBeforeEffect,
        "lost_after_effect" => Fault::LostAfterEffect,
        "late_effect" => Fault::LateEffect(time),
        "failed_task" => Fault::FailedTask(applied),
        "slow_task" => Fault::SlowTask(time),
        "partial_failure" => Fault::PartialFailure(order.listeners.clone()),
        "read_lag" => Fault::ReadLag(time),
        "slow_answer" => Fault::SlowAnswer(time),
        "null_lists" => Fault::Odd(Shape::NullLists),
        "empty_lists" => Fault::Odd(Shape::EmptyLists),
        "numbers_as_strings" => Fault::Odd(Shape::NumbersAsStrings),
        "unknown_fields" => Fault::Odd(Shape::UnknownFields),
        "no_request_id" => Fault::Odd(Shape::NoRequestId),
        "strange_targets" => Fault::Odd(Shape::StrangeTargets),
        "truncated" => Fault::Odd(Shape::Truncated),
        "bad_gateway" => Fault::Odd(Shape::BadGateway),
        "oversized" => Fault::Odd(Shape::Oversized(order.bytes)),
        other => return Err(BadOrder(format!("there is no fault {other:?}"))),
    })
}

/// `lb-1/lbl-1`, `lb-1/lbl-1/loc-1`, or `lbtg-1`.
fn parse_pool(text: &str) -> Option<PoolId> {
    let mut parts = text.split('/');
    match (parts.next(), parts.next(), parts.next(), parts.next()) {
        (Some(group), None, ..) => Some(PoolId::group(group)),
        (Some(balancer), Some(listener), None, _) => Some(PoolId::listener(balancer, listener)),
        (Some(balancer), Some(listener), Some(rule), None) => Some(PoolId::rule(balancer, listener, rule)),
        (None | Some(_), ..) => None,
    }
}

fn exists(done: bool, object: &str) -> Result<(), BadOrder> {
    if done { Ok(()) } else { Err(BadOrder(format!("{object} does not exist"))) }
}

fn named<T: Copy>(all: &[(&str, T)], name: &str, what: &str) -> Result<T, BadOrder> {
    let found = all.iter().find(|(known, _)| *known == name);
    found.map(|(_, value)| *value).ok_or_else(|| BadOrder(format!("there is no {what} {name:?}")))
}

const PROTOCOLS: &[(&str, Protocol)] = &[
    ("TCP", Protocol::Tcp),
    ("UDP", Protocol::Udp),
    ("TCP_SSL", Protocol::TcpSsl),
    ("QUIC", Protocol::Quic),
    ("HTTP", Protocol::Http),
    ("HTTPS", Protocol::Https),
];

const HEALTH: &[(&str, Health)] = &[
    ("Alive", Health::Alive),
    ("Dead", Health::Dead),
    ("Unknown", Health::Unknown),
    ("Close", Health::Close),
];

const SWITCHES: &[(&str, Switch)] = &[
    ("DeregisterTargetRst", Switch::DeregisterTargetRst),
    ("RescheduleTargetZeroWeight", Switch::RescheduleTargetZeroWeight),
    ("RescheduleUnhealthy", Switch::RescheduleUnhealthy),
    ("RescheduleExpandTarget", Switch::RescheduleExpandTarget),
    ("Stop", Switch::Stop),
];
