//! The reads: load balancers, listeners, targets.

use std::{collections::BTreeMap, time::Duration};

use serde_json::{Value, json};

use super::{
    account::Account,
    limit::{LARGEST_PAGE, LISTENERS_PER_READ, LISTENERS_PER_TARGET_READ, LOAD_BALANCERS_PER_READ},
    listener::Listener,
    load_balancer::{Generation, LoadBalancer},
    parameter::Parameters,
    pool::{Targets, shown},
    refusal::Refusal,
    write::{Wording, check_length, no_listener, no_load_balancer},
};

impl Account {
    pub(crate) fn describe_load_balancers(&self, body: &Value) -> Result<Value, Refusal> {
        let call = Parameters::of_body(
            body,
            &[
                "LoadBalancerIds",
                "LoadBalancerType",
                "Forward",
                "LoadBalancerName",
                "Domain",
                "LoadBalancerVips",
                "BackendPublicIps",
                "BackendPrivateIps",
                "Offset",
                "Limit",
                "OrderBy",
                "OrderType",
                "SearchKey",
                "ProjectId",
                "WithRs",
                "VpcId",
                "SecurityGroup",
                "MasterZone",
                "Filters",
                "AdditionalFields",
            ],
        )?;
        let ids = call.texts("LoadBalancerIds")?;
        check_length("LoadBalancerIds", ids.len(), LOAD_BALANCERS_PER_READ)?;
        let vips = call.texts("LoadBalancerVips")?;
        let (kind, vpc) = (call.text("LoadBalancerType")?, call.text("VpcId")?);
        let (name, search) = (call.text("LoadBalancerName")?, call.text("SearchKey")?);
        let forward = call.integer("Forward")?;
        let filters = filters(&call, |name| {
            name == "tag-key" || name.strip_prefix("tag:").is_some_and(|key| !key.is_empty())
        })?;
        let page = Page::of(&call)?;
        let found: Vec<&LoadBalancer> = self
            .load_balancers
            .values()
            .filter(|balancer| ids.is_empty() || ids.contains(&balancer.id.as_str()))
            .filter(|balancer| {
                vips.is_empty() || balancer.vip.as_deref().is_some_and(|vip| vips.contains(&vip))
            })
            .filter(|balancer| {
                kind.is_none_or(|kind| kind == "OPEN") && vpc.is_none_or(|vpc| vpc == balancer.vpc)
            })
            .filter(|balancer| name.is_none_or(|name| balancer.name.contains(name)))
            .filter(|balancer| {
                search.is_none_or(|key| balancer.name.contains(key) || balancer.id.contains(key))
            })
            .filter(|balancer| match forward {
                Some(0) => balancer.generation == Generation::Classic,
                Some(1) => balancer.generation == Generation::Current,
                Some(_) | None => true,
            })
            .filter(|balancer| filters.iter().all(|(name, values)| tagged(balancer, name, values)))
            .collect();
        let shown: Vec<Value> = page.cut(&found).iter().map(|balancer| balancer.shown()).collect();
        Ok(json!({"TotalCount": found.len(), "LoadBalancerSet": shown}))
    }

    pub(crate) fn describe_listeners(&self, body: &Value) -> Result<Value, Refusal> {
        let call = Parameters::of_body(body, &["LoadBalancerId", "ListenerIds", "Protocol", "Port"])?;
        let id = call.required_text("LoadBalancerId")?;
        let balancer = self.load_balancers.get(id).ok_or_else(|| no_load_balancer(id, Wording::SubCodes))?;
        let listeners = chosen(&balancer.listeners, &call, LISTENERS_PER_READ)?;
        let shown: Vec<Value> = listeners.iter().map(|listener| listener.shown(&self.groups)).collect();
        Ok(json!({"TotalCount": shown.len(), "Listeners": shown}))
    }

    pub(crate) fn describe_targets(&self, body: &Value, now: Duration) -> Result<Value, Refusal> {
        let call =
            Parameters::of_body(body, &["LoadBalancerId", "ListenerIds", "Protocol", "Port", "Filters"])?;
        let id = call.required_text("LoadBalancerId")?;
        let balancer = self.load_balancers.get(id).ok_or_else(|| no_load_balancer(id, Wording::Plain))?;
        let filters = filters(&call, |name| matches!(name, "location-id" | "private-ip-address" | "tag"))?;
        let listeners = chosen(balancer.visible(now), &call, LISTENERS_PER_TARGET_READ)?;
        let shown: Vec<Value> =
            listeners.iter().map(|listener| self.shown_targets(listener, &filters)).collect();
        Ok(json!({"Listeners": shown}))
    }

    fn shown_targets(&self, listener: &Listener, filters: &[Filter<'_>]) -> Value {
        let rules = listener.protocol.is_layer_7().then(|| {
            listener
                .rules
                .values()
                .filter(|rule| {
                    filters
                        .iter()
                        .all(|(name, values)| *name != "location-id" || values.contains(&rule.id.as_str()))
                })
                .map(|rule| {
                    json!({
                        "LocationId": rule.id,
                        "Domain": rule.domain,
                        "Url": rule.url,
                        "FunctionTargets": [],
                        "Targets": self.shown_list(&rule.targets, filters),
                    })
                })
                .collect::<Vec<_>>()
        });
        let targets = (!listener.protocol.is_layer_7()).then(|| self.shown_list(&listener.targets, filters));
        json!({
            "ListenerId": listener.id,
            "Protocol": listener.protocol.as_str(),
            "Port": listener.port,
            "EndPort": 0,
            "Rules": rules,
            "Targets": targets,
        })
    }

    fn shown_list(&self, targets: &Targets, filters: &[Filter<'_>]) -> Vec<Value> {
        targets
            .iter()
            .filter(|(key, target)| {
                filters.iter().all(|(name, values)| match *name {
                    "private-ip-address" => values.contains(&key.address.ip().to_string().as_str()),
                    "tag" => values.contains(&target.tag.as_str()),
                    _ => true,
                })
            })
            .map(|(key, target)| shown(key, target, &self.text_of(target.registered)))
            .collect()
    }
}

/// Name and values of a filter.
pub(crate) type Filter<'a> = (&'a str, Vec<&'a str>);

pub(crate) fn filters<'a>(
    call: &Parameters<'a>,
    known: impl Fn(&str) -> bool,
) -> Result<Vec<Filter<'a>>, Refusal> {
    let filters = call.objects("Filters", &["Name", "Values"])?;
    check_length("Filters", filters.len(), 10)?;
    filters
        .iter()
        .map(|filter| {
            let name = filter.required_text("Name")?;
            let values = filter.texts("Values")?;
            check_length("Filters.Values", values.len(), 100)?;
            if known(name) {
                Ok((name, values))
            } else {
                Err(Refusal::new(
                    "InvalidParameterValue.InvalidFilter",
                    format!("the filter {name:?} is not supported"),
                ))
            }
        })
        .collect()
}

fn tagged(balancer: &LoadBalancer, name: &str, values: &[&str]) -> bool {
    match name.strip_prefix("tag:") {
        Some(key) => balancer.tags.get(key).is_some_and(|value| values.contains(&value.as_str())),
        None => values.iter().any(|key| balancer.tags.contains_key(*key)),
    }
}

/// The listeners that `ListenerIds`, `Protocol` and `Port` choose; all when none is given.
fn chosen<'a>(
    listeners: &'a BTreeMap<String, Listener>,
    call: &Parameters<'_>,
    limit: usize,
) -> Result<Vec<&'a Listener>, Refusal> {
    let ids = call.texts("ListenerIds")?;
    check_length("ListenerIds", ids.len(), limit)?;
    let protocol = call.text("Protocol")?;
    let port = call.integer("Port")?;
    if let Some(missing) = ids.iter().find(|id| !listeners.contains_key(**id)) {
        return Err(no_listener(missing, Wording::Plain));
    }
    Ok(listeners
        .values()
        .filter(|listener| ids.is_empty() || ids.contains(&listener.id.as_str()))
        .filter(|listener| protocol.is_none_or(|protocol| protocol == listener.protocol.as_str()))
        .filter(|listener| port.is_none_or(|port| port == i64::from(listener.port)))
        .collect())
}

/// `Offset` and `Limit` of a paginated read.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Page {
    offset: usize,
    limit: usize,
}

impl Page {
    /// Defaults 0 and 20; a page has at most 100.
    pub(crate) fn of(call: &Parameters<'_>) -> Result<Self, Refusal> {
        let offset = call.integer("Offset")?.unwrap_or(0);
        let limit = call.integer("Limit")?.unwrap_or(20);
        match (usize::try_from(offset), usize::try_from(limit)) {
            (Ok(offset), Ok(size)) if limit <= LARGEST_PAGE => Ok(Self { offset, limit: size }),
            (Ok(_) | Err(_), Ok(_) | Err(_)) => Err(Refusal::new(
                "InvalidParameterValue.Range",
                format!("`Offset` {offset} or `Limit` {limit} is out of range"),
            )),
        }
    }

    pub(crate) fn cut<'a, T>(&self, all: &'a [T]) -> &'a [T] {
        let from = self.offset.min(all.len());
        &all[from..(from + self.limit).min(all.len())]
    }
}
