//! Deployments: rolling updates over ReplicaSets, with `maxSurge` and `maxUnavailable` as the real controller counts them.

use std::{sync::Arc, time::Duration};

use serde_json::{Value, json};

use super::{
    clock,
    cluster::Cluster,
    delete::DeleteOptions,
    follow::{ControllerTask, Follower},
    garbage,
    kind::{DEPLOYMENTS, PODS, REPLICA_SETS, STATEFUL_SETS},
    object,
    replica_sets::{self, active_pods, owned_pods, owner_reference, write_status},
    state::{LETTERS, State},
    stateful_sets,
    write::Part,
};

impl Cluster {
    /// Runs Deployments, ReplicaSets and StatefulSets, and collects what a deleted owner leaves behind, `lag` behind the
    /// objects.
    ///
    /// # Panics
    /// Outside a tokio runtime.
    pub fn run_workloads(&self, lag: Duration) -> ControllerTask {
        let shared = self.shared.clone();
        let mut follower = Follower::new(&shared, &[&DEPLOYMENTS, &REPLICA_SETS, &STATEFUL_SETS, &PODS], lag);
        ControllerTask::spawn(async move {
            loop {
                let changes = follower.next().await;
                shared.write(|state| {
                    for (_, change) in changes.iter().filter(|(_, c)| c.gone) {
                        garbage::collect(state, &change.object);
                    }
                    let mut namespaces: Vec<_> =
                        changes.iter().map(|(_, c)| object::namespace(&c.object)).collect();
                    namespaces.sort_unstable();
                    namespaces.dedup();
                    for namespace in namespaces {
                        reconcile_namespace(state, namespace);
                    }
                });
            }
        })
    }
}

fn reconcile_namespace(state: &mut State, namespace: &str) {
    let all = |state: &State, kind| state.store.objects(kind, Some(namespace)).cloned().collect::<Vec<_>>();
    for deployment in all(state, &DEPLOYMENTS) {
        reconcile(state, &deployment);
    }
    for set in all(state, &REPLICA_SETS) {
        replica_sets::reconcile(state, &set);
    }
    for set in all(state, &STATEFUL_SETS) {
        stateful_sets::reconcile(state, &set);
    }
}

fn reconcile(state: &mut State, deployment: &Arc<Value>) {
    if object::terminating(deployment) {
        return;
    }
    let hash = template_hash(&deployment["spec"]["template"]);
    let new_name = format!("{}-{hash}", object::name(deployment));
    let sets = owned_sets(state, deployment);
    let (new, old): (Vec<_>, Vec<_>) = sets.into_iter().partition(|s| object::name(s) == new_name);
    let Some(new) = new.into_iter().next() else {
        if deployment["spec"]["paused"] != true {
            create_set(state, deployment, &new_name, &hash);
        }
        return;
    };
    if deployment["spec"]["paused"] != true {
        let plan = if object::text(deployment, "/spec/strategy/type") == "Recreate" {
            recreate(state, deployment, &new, &old)
        } else {
            roll(state, deployment, &new, &old)
        };
        for (set, replicas) in plan {
            scale(state, &set, replicas);
        }
        forget_old_revisions(state, deployment, &old);
    }
    write_status(state, &DEPLOYMENTS, deployment, status(state, deployment, &new, &old));
}

/// One step of a rolling update: which ReplicaSets get which size now.
fn roll(state: &State, deployment: &Value, new: &Arc<Value>, old: &[Arc<Value>]) -> Vec<(Arc<Value>, i64)> {
    let wanted = replicas(deployment);
    let surge = share(deployment, "maxSurge", wanted, true);
    let mut unavailable = share(deployment, "maxUnavailable", wanted, false);
    if surge == 0 && unavailable == 0 {
        unavailable = 1;
    }
    let total: i64 = old.iter().map(|s| replicas(s)).sum::<i64>() + replicas(new);
    let mut plan = Vec::new();
    let mut new_size = replicas(new);
    if new_size > wanted {
        plan.push((new.clone(), wanted));
        return plan;
    }
    if new_size < wanted && total < wanted + surge {
        new_size += (wanted + surge - total).min(wanted - new_size);
        plan.push((new.clone(), new_size));
        return plan;
    }
    let least = wanted - unavailable;
    let new_unavailable = replicas(new) - available(state, new);
    let mut may_go = total - least - new_unavailable;
    let ready_total: i64 = old.iter().chain([new]).map(|s| available(state, s)).sum();
    let mut ready_may_go = ready_total - least;
    for set in old {
        let size = replicas(set);
        // Pods that do not serve cost nothing, and go first.
        let broken = (size - available(state, set)).min(may_go).max(0);
        let serving = (size - broken).min(ready_may_go.min(may_go - broken)).max(0);
        may_go -= broken + serving;
        ready_may_go -= serving;
        if broken + serving > 0 {
            plan.push((set.clone(), size - broken - serving));
        }
    }
    plan
}

/// `Recreate`: the old Pods are gone before the first new one comes.
fn recreate(
    state: &State,
    deployment: &Value,
    new: &Arc<Value>,
    old: &[Arc<Value>],
) -> Vec<(Arc<Value>, i64)> {
    let mut plan: Vec<_> = old.iter().filter(|s| replicas(s) > 0).map(|s| (s.clone(), 0)).collect();
    let remain = old.iter().flat_map(|s| owned_pods(state, s)).any(|p| !object::over(&p));
    if plan.is_empty() && !remain && replicas(new) != replicas(deployment) {
        plan.push((new.clone(), replicas(deployment)));
    }
    plan
}

fn status(state: &State, deployment: &Value, new: &Value, old: &[Arc<Value>]) -> Value {
    let (updated, ready_new) = (count(state, new), available(state, new));
    let total = updated + old.iter().map(|s| count(state, s)).sum::<i64>();
    let ready = ready_new + old.iter().map(|s| available(state, s)).sum::<i64>();
    let wanted = replicas(deployment);
    let least = wanted - share(deployment, "maxUnavailable", wanted, false);
    let complete = updated == wanted && total == wanted && ready == wanted;
    let now = clock::whole_seconds(state.clock.now());
    let condition = |kind: &str, value: bool, reason: &str| {
        let value = if value { "True" } else { "False" };
        let there = object::list(deployment, "/status/conditions").iter().find(|c| c["type"] == kind);
        match there {
            Some(there) if there["status"] == value && there["reason"] == reason => there.clone(),
            Some(_) | None => json!({
                "type": kind, "status": value, "reason": reason, "message": "", "lastUpdateTime": now,
                "lastTransitionTime": now,
            }),
        }
    };
    let enough = ready >= least;
    json!({
        "observedGeneration": deployment["metadata"]["generation"],
        "replicas": total, "updatedReplicas": updated, "readyReplicas": ready, "availableReplicas": ready,
        "unavailableReplicas": (total - ready).max(0),
        "conditions": [
            condition("Available", enough, if enough { "MinimumReplicasAvailable" } else { "MinimumReplicasUnavailable" }),
            condition("Progressing", true, if complete { "NewReplicaSetAvailable" } else { "ReplicaSetUpdated" }),
        ],
    })
}

fn owned_sets(state: &State, deployment: &Value) -> Vec<Arc<Value>> {
    let uid = object::uid(deployment);
    let sets = state.store.objects(&REPLICA_SETS, Some(object::namespace(deployment)));
    let mut sets: Vec<_> =
        sets.filter(|s| object::owner(s).is_some_and(|(_, owner)| owner == uid)).cloned().collect();
    sets.sort_by_key(|s| object::text(s, "/metadata/creationTimestamp").to_owned());
    sets
}

fn create_set(state: &mut State, deployment: &Value, name: &str, hash: &str) {
    let mut template = deployment["spec"]["template"].clone();
    let labels = object::metadata(&mut template).entry("labels").or_insert_with(|| json!({}));
    labels["pod-template-hash"] = hash.into();
    let labels = labels.clone();
    let mut selector = deployment["spec"]["selector"].clone();
    selector["matchLabels"]["pod-template-hash"] = hash.into();
    let set = json!({
        "metadata": {"name": name, "labels": labels, "ownerReferences": [owner_reference(&DEPLOYMENTS, deployment)]},
        "spec": {"replicas": 0, "selector": selector, "template": template},
    });
    // Refused only for a template that the API refuses; then there is no rollout, as in a real cluster.
    let _created = state.create(&REPLICA_SETS, object::namespace(deployment), set);
}

fn scale(state: &mut State, set: &Arc<Value>, replicas: i64) {
    let mut scaled = (**set).clone();
    scaled["spec"]["replicas"] = replicas.into();
    // Refused only if it was written in the meantime, which the lock rules out.
    let _updated = state.update(&REPLICA_SETS, set, scaled, Part::Whole);
}

fn forget_old_revisions(state: &mut State, deployment: &Value, old: &[Arc<Value>]) {
    let kept = object::number(deployment, "/spec/revisionHistoryLimit").unwrap_or(10);
    let done: Vec<_> = old.iter().filter(|s| replicas(s) == 0 && owned_pods(state, s).is_empty()).collect();
    let surplus = done.len().saturating_sub(usize::try_from(kept).unwrap_or(0));
    for set in &done[..surplus] {
        // Gone already is as good.
        let _deleted =
            state.delete(&REPLICA_SETS, object::namespace(set), object::name(set), &DeleteOptions::default());
    }
}

/// A number or a percentage of the strategy.
fn share(deployment: &Value, field: &str, of: i64, round_up: bool) -> i64 {
    match deployment.pointer(&format!("/spec/strategy/rollingUpdate/{field}")) {
        Some(Value::Number(n)) => n.as_i64().unwrap_or(0),
        Some(Value::String(percent)) => {
            let part = of * percent.trim_end_matches('%').parse::<i64>().unwrap_or(0);
            if round_up { (part + 99) / 100 } else { part / 100 }
        }
        _ => 0,
    }
}

fn replicas(object: &Value) -> i64 {
    object::number(object, "/spec/replicas").unwrap_or(1)
}

fn count(state: &State, set: &Value) -> i64 {
    i64::try_from(active_pods(state, set).len()).unwrap_or(i64::MAX)
}

fn available(state: &State, set: &Value) -> i64 {
    let ready = active_pods(state, set).iter().filter(|p| object::condition(p, "Ready")).count();
    i64::try_from(ready).unwrap_or(i64::MAX)
}

/// A name for a template: equal templates, equal names.
pub(crate) fn template_hash(template: &Value) -> String {
    // FNV-1a over the text, whose fields are sorted.
    let mut hash = template.to_string().bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    let mut letter = || {
        let index = usize::try_from(hash % LETTERS.len() as u64).unwrap_or(0);
        hash /= LETTERS.len() as u64;
        char::from(LETTERS[index])
    };
    (0..10).map(|_| letter()).collect()
}
