//! StatefulSets: Pods with stable names, one after the other.

use std::sync::Arc;

use serde_json::{Value, json};

use super::{
    deployments::template_hash,
    kind::STATEFUL_SETS,
    object,
    replica_sets::{create_pod, delete_pod, owned_pods, write_status},
    state::State,
};

/// Takes at most one step (`OrderedReady`) or all that are possible (`Parallel`), and writes the status.
pub(crate) fn reconcile(state: &mut State, set: &Arc<Value>) {
    let hash = template_hash(&set["spec"]["template"]);
    let revision = format!("{}-{hash}", object::name(set));
    let wanted = object::number(set, "/spec/replicas").unwrap_or(1);
    let parallel = object::text(set, "/spec/podManagementPolicy") == "Parallel";
    if !object::terminating(set) {
        step(state, set, &revision, wanted, parallel);
    }
    let pods = owned_pods(state, set);
    let updated = pods.iter().filter(|p| object::text(p, REVISION) == revision).count();
    let ready = pods.iter().filter(|p| object::condition(p, "Ready") && !object::terminating(p)).count();
    let status = json!({
        "replicas": pods.len(), "readyReplicas": ready, "availableReplicas": ready, "updatedReplicas": updated,
        "updateRevision": revision, "observedGeneration": set["metadata"]["generation"],
    });
    write_status(state, &STATEFUL_SETS, set, status);
}

fn step(state: &mut State, set: &Value, revision: &str, wanted: i64, parallel: bool) {
    let mut pods = owned_pods(state, set);
    pods.sort_by_key(|p| ordinal(set, p));
    let healthy = |pod: &Value| object::condition(pod, "Ready") && !object::terminating(pod);
    for index in 0..wanted {
        let there = pods.iter().find(|p| ordinal(set, p) == Some(index));
        match there {
            // A Pod that is over is replaced under its name.
            Some(pod) if object::over(pod) && !object::terminating(pod) => delete_pod(state, pod),
            Some(pod) if healthy(pod) => continue,
            Some(_) => {}
            None => create_pod(state, &STATEFUL_SETS, set, identity(set, index, revision)),
        }
        if !parallel {
            return;
        }
    }
    // Too many: from the highest on, the next when the last is gone.
    for pod in pods.iter().rev().filter(|p| ordinal(set, p).is_none_or(|i| i >= wanted)) {
        if !object::terminating(pod) {
            delete_pod(state, pod);
        }
        if !parallel {
            return;
        }
    }
    let rolling = object::text(set, "/spec/updateStrategy/type") != "OnDelete";
    let partition = object::number(set, "/spec/updateStrategy/rollingUpdate/partition").unwrap_or(0);
    if !rolling || !pods.iter().all(|p| healthy(p)) {
        return;
    }
    let stale = pods
        .iter()
        .rev()
        .find(|p| ordinal(set, p).is_some_and(|i| i >= partition) && object::text(p, REVISION) != revision);
    if let Some(pod) = stale {
        delete_pod(state, pod);
    }
}

fn identity(set: &Value, index: i64, revision: &str) -> Value {
    let name = format!("{}-{index}", object::name(set));
    json!({
        "name": name,
        "labels": {
            "statefulset.kubernetes.io/pod-name": name, "apps.kubernetes.io/pod-index": index.to_string(),
            "controller-revision-hash": revision,
        },
    })
}

fn ordinal(set: &Value, pod: &Value) -> Option<i64> {
    object::name(pod).strip_prefix(object::name(set))?.strip_prefix('-')?.parse().ok()
}

const REVISION: &str = "/metadata/labels/controller-revision-hash";
