//! ReplicaSets: as many Pods as wanted.

use std::{cmp::Reverse, sync::Arc, time::Duration};

use serde_json::{Value, json};

use super::{
    clock,
    delete::DeleteOptions,
    kind::{Kind, PODS, REPLICA_SETS},
    object,
    state::State,
    write::Part,
};

/// Creates and deletes Pods of one ReplicaSet, and writes its status.
pub(crate) fn reconcile(state: &mut State, set: &Arc<Value>) {
    let pods = active_pods(state, set);
    let wanted = usize::try_from(object::number(set, "/spec/replicas").unwrap_or(1)).unwrap_or(0);
    if !object::terminating(set) {
        for _ in pods.len()..wanted {
            let name = json!({"generateName": format!("{}-", object::name(set))});
            create_pod(state, &REPLICA_SETS, set, name);
        }
        let mut pods = pods.clone();
        pods.sort_by_key(|pod| removal_rank(pod));
        for pod in pods.iter().take(pods.len().saturating_sub(wanted)) {
            delete_pod(state, pod);
        }
    }
    let ready = pods.iter().filter(|p| object::condition(p, "Ready")).count();
    let available = pods.iter().filter(|p| is_available(state, set, p)).count();
    let status = json!({
        "replicas": pods.len(), "fullyLabeledReplicas": pods.len(), "readyReplicas": ready,
        "availableReplicas": available, "observedGeneration": set["metadata"]["generation"],
    });
    write_status(state, &REPLICA_SETS, set, status);
}

/// Pods that this object owns and that are neither terminating nor over.
pub(crate) fn active_pods(state: &State, owner: &Value) -> Vec<Arc<Value>> {
    owned_pods(state, owner).into_iter().filter(|p| !object::terminating(p) && !object::over(p)).collect()
}

/// Whether a Pod of this ReplicaSet has been ready for `minReadySeconds`.
pub(crate) fn is_available(state: &State, set: &Value, pod: &Value) -> bool {
    available_from(set, pod).is_some_and(|from| from <= state.clock.now())
}

/// How long until the next ready Pod of a namespace becomes available, if one waits for that.
pub(crate) fn next_available(state: &State, namespace: &str) -> Option<Duration> {
    let now = state.clock.now();
    let sets = state.store.objects(&REPLICA_SETS, Some(namespace));
    let pods = sets.flat_map(|set| active_pods(state, set).into_iter().map(move |pod| (set, pod)));
    let waiting = pods.filter_map(|(set, pod)| available_from(set, &pod)).filter(|from| *from > now).min()?;
    Some(Duration::from_micros(u64::try_from(waiting - now).unwrap_or(0)))
}

/// From when on a ready Pod counts as available. Its time of becoming ready is cut off to whole seconds, as in the real
/// API, so this is up to a second early.
fn available_from(set: &Value, pod: &Value) -> Option<i64> {
    let ready = object::list(pod, "/status/conditions").iter().find(|c| c["type"] == "Ready")?;
    if ready["status"] != "True" {
        return None;
    }
    let since = clock::parse(object::text(ready, "/lastTransitionTime")).unwrap_or(0);
    let wait = object::number(set, "/spec/minReadySeconds").unwrap_or(0);
    Some(since + wait * 1_000_000)
}

/// All Pods that this object owns, by name.
pub(crate) fn owned_pods(state: &State, owner: &Value) -> Vec<Arc<Value>> {
    let uid = object::uid(owner);
    let pods = state.store.objects(&PODS, Some(object::namespace(owner)));
    pods.filter(|p| object::owner(p).is_some_and(|(_, owner)| owner == uid)).cloned().collect()
}

/// Creates a Pod from `spec.template`; `metadata` has its name and what else is its own.
pub(crate) fn create_pod(state: &mut State, kind: &'static Kind, owner: &Value, metadata: Value) {
    let mut pod = owner.pointer("/spec/template").cloned().unwrap_or_else(|| json!({}));
    let given = object::metadata(&mut pod);
    if let Value::Object(own) = metadata {
        for (field, value) in own {
            match (given.get_mut(&field), value) {
                (Some(Value::Object(there)), Value::Object(more)) => there.extend(more),
                (_, value) => {
                    given.insert(field, value);
                }
            }
        }
    }
    given.insert("ownerReferences".into(), json!([owner_reference(kind, owner)]));
    // Refused only for a template that the API refuses; then there is no Pod, as in a real cluster.
    let _created = state.create(&PODS, object::namespace(owner), pod);
}

/// Deletes a Pod with its own grace.
pub(crate) fn delete_pod(state: &mut State, pod: &Value) {
    // Gone already is as good.
    let _deleted = state.delete(&PODS, object::namespace(pod), object::name(pod), &DeleteOptions::default());
}

/// The reference of a dependent to the controller that owns it.
pub(crate) fn owner_reference(kind: &'static Kind, owner: &Value) -> Value {
    json!({
        "apiVersion": kind.api_version(), "kind": kind.name, "name": object::name(owner), "uid": object::uid(owner),
        "controller": true, "blockOwnerDeletion": true,
    })
}

/// Replaces the status of an object as it is now.
pub(crate) fn write_status(state: &mut State, kind: &'static Kind, seen: &Value, status: Value) {
    let (namespace, name) = (object::namespace(seen), object::name(seen));
    let Some(current) = state.store.object(kind, namespace, name) else { return };
    let mut changed = (*current).clone();
    changed["status"] = status;
    // Refused only if it was written between the two lines, which the lock rules out.
    let _updated = state.update(kind, &current, changed, Part::Status);
}

/// What goes first: without a Node, without being ready, the younger.
fn removal_rank(pod: &Value) -> (bool, bool, Reverse<String>, Reverse<String>) {
    (
        !object::text(pod, "/spec/nodeName").is_empty(),
        object::condition(pod, "Ready"),
        Reverse(object::text(pod, "/metadata/creationTimestamp").to_owned()),
        Reverse(object::name(pod).to_owned()),
    )
}
