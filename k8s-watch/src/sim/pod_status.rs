//! What the kubelet writes into a Pod's status.

use std::net::IpAddr;

use serde_json::{Value, json};

use super::{
    clock,
    delete::set_condition,
    kind::PODS,
    object,
    state::{Shared, State},
    write::Part,
};

/// How far a Pod's containers are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Containers {
    /// They run; `ready` is the probes' word.
    Running { ready: bool, restarts: u32 },
    /// All have exited for good; a reason when the Node ended them.
    Exited { code: i32, restarts: u32, reason: Option<&'static str> },
}

/// Writes the status of one Pod, unless another object has its name by now.
pub(crate) fn report(shared: &Shared, pod: &Value, place: &Place, containers: &Containers) {
    shared.write(|state| {
        let (namespace, name) = (object::namespace(pod), object::name(pod));
        let Some(current) = state.store.object(&PODS, namespace, name) else { return };
        if object::uid(&current) != object::uid(pod) {
            return;
        }
        let changed = with_status(state, &current, place, containers);
        // Refused only if it was written in the meantime, which the lock rules out.
        let _updated = state.update(&PODS, &current, changed, Part::Status);
    });
}

/// Where a Pod runs.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Place {
    pub(crate) host: IpAddr,
    pub(crate) ip: IpAddr,
}

fn with_status(state: &State, current: &Value, place: &Place, containers: &Containers) -> Value {
    let now = clock::whole_seconds(state.clock.now());
    let mut pod = current.clone();
    let (phase, ready) = match containers {
        Containers::Running { ready, .. } => ("Running", *ready),
        Containers::Exited { code: 0, reason: None, .. } => ("Succeeded", false),
        Containers::Exited { .. } => ("Failed", false),
    };
    let status = object::section(&mut pod, "status");
    status.insert("phase".into(), phase.into());
    object::default(status, "startTime", now.clone());
    for (field, value) in [
        ("hostIP", json!(place.host)),
        ("hostIPs", json!([{ "ip": place.host }])),
        ("podIP", json!(place.ip)),
        ("podIPs", json!([{ "ip": place.ip }])),
    ] {
        status.insert(field.into(), value);
    }
    if let Containers::Exited { reason: Some(reason), .. } = containers {
        status.insert("reason".into(), (*reason).into());
    }
    let containers = container_statuses(current, containers, &now);
    status.insert("containerStatuses".into(), containers);
    let gates = object::list(current, "/spec/readinessGates");
    let passed = gates.iter().all(|g| object::condition(current, object::text(g, "/conditionType")));
    let conditions = [
        ("PodReadyToStartContainers", phase == "Running", ""),
        ("Initialized", true, ""),
        ("ContainersReady", ready, "ContainersNotReady"),
        ("Ready", ready && passed, if ready { "ReadinessGatesNotReady" } else { "ContainersNotReady" }),
        ("PodScheduled", true, ""),
    ];
    for (kind, holds, why_not) in conditions {
        let value = if holds { "True" } else { "False" };
        let there = object::list(&pod, "/status/conditions").iter().find(|c| c["type"] == kind);
        let since = match there {
            Some(there) if there["status"] == value => there["lastTransitionTime"].clone(),
            Some(_) | None => now.clone().into(),
        };
        let mut condition = json!({"type": kind, "status": value, "lastTransitionTime": since});
        if !holds && !why_not.is_empty() {
            condition["reason"] = why_not.into();
        }
        set_condition(&mut pod, condition);
    }
    pod
}

fn container_statuses(current: &Value, containers: &Containers, now: &str) -> Value {
    let there = object::list(current, "/status/containerStatuses");
    let started = |name: &str| {
        let there = there.iter().find(|s| object::text(s, "/name") == name);
        there.map_or("", |s| object::text(s, "/state/running/startedAt"))
    };
    let statuses = object::list(current, "/spec/containers").iter().map(|container| {
        let name = object::text(container, "/name");
        let since = match started(name) {
            "" => now,
            since => since,
        };
        let (state, ready, restarts) = match containers {
            Containers::Running { ready, restarts } => {
                (json!({"running": {"startedAt": since}}), *ready, *restarts)
            }
            Containers::Exited { code, restarts, .. } => {
                let reason = if *code == 0 { "Completed" } else { "Error" };
                let end = json!({"exitCode": code, "reason": reason, "startedAt": since, "finishedAt": now});
                (json!({"terminated": end}), false, *restarts)
            }
        };
        json!({
            "name": name, "image": container["image"], "imageID": "", "ready": ready, "restartCount": restarts,
            "started": ready, "state": state,
        })
    });
    Value::Array(statuses.collect())
}
