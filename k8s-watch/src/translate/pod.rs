//! A Pod into what the core wants to know of it.

use std::net::IpAddr;
use std::time::Duration;

use grace_core::{Gate, Life, ObjectName, PodFacts, PreStop, StopBudget, Time, Uid};

use super::annotation;
use crate::finding::Finding;
use crate::marks::{DRAINED, READINESS_GATE};
use crate::slim::{Meta, Pod, PreStopHook};

/// The facts of a Pod, and what its owner should mend.
pub(crate) fn pod_facts(uid: Uid, name: ObjectName, pod: &Pod) -> (PodFacts, Vec<Finding>) {
    let meta = pod.meta.as_ref();
    let (weight_service, weight_ingress, findings) =
        meta.and_then(|meta| meta.annotations.as_ref()).map_or((None, None, Vec::new()), annotation::of_pod);
    let facts = PodFacts {
        uid,
        ips: addresses(pod),
        created: meta.and_then(|meta| meta.created).unwrap_or(Time::EPOCH),
        life: life(pod),
        gate: gate(pod),
        ready_since: condition(pod, "Ready").filter(|(status, _)| *status == "True").and_then(|(_, at)| at),
        unready_since: condition(pod, "Ready").filter(|(status, _)| *status != "True").and_then(|(_, at)| at),
        weight_service,
        weight_ingress,
        ordinal: meta.and_then(|meta| ordinal(meta, &name.name)),
        stop: stop_budget(pod),
        drained_shown: condition(pod, DRAINED).is_some_and(|(status, _)| status == "True"),
        name,
    };
    (facts, findings)
}

fn life(pod: &Pod) -> Life {
    let phase = pod.status.as_ref().and_then(|status| status.phase.as_deref());
    let meta = pod.meta.as_ref();
    let deletion = meta.and_then(|meta| meta.deletion);
    let grace = meta.and_then(|meta| meta.deletion_grace);
    match (phase, deletion, grace) {
        // Grace 0 means that the kubelet is done or the deletion was forced, even while a finalizer keeps the object.
        (Some("Succeeded" | "Failed"), ..) | (_, Some(_), Some(0)) => Life::Over,
        (_, Some(kill), grace) => Life::Terminating { asked: kill - seconds(grace.unwrap_or(0)), kill },
        (_, None, _) => Life::Live,
    }
}

/// At most one address per family, in the Pod's order. Addresses that no CLB may ever be pointed at are left out: a
/// kubelet that was taken over could name them.
fn addresses(pod: &Pod) -> [Option<IpAddr>; 2] {
    let Some(status) = &pod.status else { return [None; 2] };
    let listed = status.ips.iter().flatten().filter_map(|entry| entry.ip);
    let mut found = [None; 2];
    for ip in status.ip.into_iter().chain(listed).filter_map(|ip| ip.0).filter(|ip| is_pod_address(*ip)) {
        match found {
            [None, _] => found[0] = Some(ip),
            [Some(first), None] if first.is_ipv4() != ip.is_ipv4() => found[1] = Some(ip),
            _ => {}
        }
    }
    found
}

/// Whether the address can belong to one Pod: not unspecified, loopback, link-local, multicast or broadcast.
pub(super) fn is_pod_address(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => {
            !(ip.is_unspecified()
                || ip.is_loopback()
                || ip.is_link_local()
                || ip.is_multicast()
                || ip.is_broadcast()
                || ip.octets()[0] == 0)
        }
        IpAddr::V6(ip) => {
            !(ip.is_unspecified()
                || ip.is_loopback()
                || ip.is_unicast_link_local()
                || ip.is_multicast()
                || ip.to_ipv4_mapped().is_some())
        }
    }
}

/// `ContainersReady` alone proves nothing: a lost node leaves it true. It counts only together with our own gate,
/// declared and not yet true, and with every other gate true.
fn gate(pod: &Pod) -> Gate {
    let declared: Vec<&str> = pod
        .spec
        .iter()
        .flat_map(|spec| spec.gates.iter().flatten())
        .filter_map(|gate| gate.condition.as_deref())
        .collect();
    let is_true = |kind: &str| condition(pod, kind).is_some_and(|(status, _)| status == "True");
    if !declared.contains(&READINESS_GATE) {
        Gate::NotDeclared
    } else if is_true(READINESS_GATE) {
        Gate::Passed
    } else {
        let others = declared.iter().filter(|gate| **gate != READINESS_GATE);
        Gate::Waiting { only: is_true("ContainersReady") && others.into_iter().all(|gate| is_true(gate)) }
    }
}

fn condition<'a>(pod: &'a Pod, kind: &str) -> Option<(&'a str, Option<Time>)> {
    let conditions = pod.status.as_ref()?.conditions.as_ref()?;
    let found = conditions.iter().find(|condition| condition.kind.as_deref() == Some(kind))?;
    Some((found.status.as_deref()?, found.since))
}

/// `web-3` of StatefulSet `web` has the ordinal 3.
fn ordinal(meta: &Meta, name: &str) -> Option<(Box<str>, u32)> {
    let set = meta.owners.iter().flatten().find(|owner| owner.kind.as_deref() == Some("StatefulSet"))?;
    let set = set.name.as_deref()?;
    let digits = name.strip_prefix(set)?.strip_prefix('-')?;
    let ordinal = digits.bytes().all(|b| b.is_ascii_digit()).then(|| digits.parse().ok())??;
    Some((set.into(), ordinal))
}

fn stop_budget(pod: &Pod) -> StopBudget {
    let spec = pod.spec.as_ref();
    let hooks = spec.and_then(|spec| spec.containers.as_ref()).into_iter().flatten().map(|container| {
        container
            .lifecycle
            .as_ref()
            .and_then(|lifecycle| lifecycle.pre_stop.as_ref())
            .map_or(PreStop::None, pre_stop)
    });
    StopBudget {
        grace: seconds(spec.and_then(|spec| spec.grace).unwrap_or(DEFAULT_GRACE)),
        // The first container that gets SIGTERM ends the Pod's usefulness, so the shortest hook counts.
        pre_stop: hooks.reduce(shorter).unwrap_or(PreStop::None),
    }
}

fn pre_stop(hook: &PreStopHook) -> PreStop {
    match &hook.sleep {
        Some(sleep) => PreStop::Sleep(seconds(sleep.seconds.unwrap_or(0))),
        None if hook.exec.is_some() || hook.http_get.is_some() => PreStop::Unknown,
        None => PreStop::None,
    }
}

fn shorter(a: PreStop, b: PreStop) -> PreStop {
    match (a, b) {
        (PreStop::None, _) | (_, PreStop::None) => PreStop::None,
        (PreStop::Unknown, _) | (_, PreStop::Unknown) => PreStop::Unknown,
        (PreStop::Sleep(a), PreStop::Sleep(b)) => PreStop::Sleep(a.min(b)),
    }
}

fn seconds(number: i64) -> Duration {
    Duration::from_secs(u64::try_from(number).unwrap_or(0))
}

/// What the API server fills in for a missing `terminationGracePeriodSeconds`.
const DEFAULT_GRACE: i64 = 30;
