//! Deployments: rolling updates over ReplicaSets, with `maxSurge`, `maxUnavailable` and `minReadySeconds` as the real
//! controller counts them.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use serde_json::{Value, json};
use tokio::time::{Instant, timeout_at};

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
            // Namespaces in which a Pod becomes available by the passing of time, and when the first of them does.
            let (mut waiting, mut due) = (BTreeSet::new(), None::<Instant>);
            loop {
                let changes = match due {
                    Some(due) => timeout_at(due, follower.next()).await.unwrap_or_default(),
                    None => follower.next().await,
                };
                let soonest = shared.write(|state| {
                    // Pods own nothing.
                    for (_, change) in changes.iter().filter(|(kind, c)| c.gone && !kind.is(&PODS)) {
                        garbage::collect(state, &change.object);
                    }
                    waiting.extend(changes.iter().map(|(_, c)| object::namespace(&c.object).to_owned()));
                    let mut soonest = None::<Duration>;
                    waiting.retain(|namespace| {
                        reconcile_namespace(state, namespace);
                        let next = replica_sets::next_available(state, namespace);
                        soonest = soonest.into_iter().chain(next).min();
                        next.is_some()
                    });
                    soonest
                });
                due = soonest.map(|wait| Instant::now() + wait);
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
    let paused = deployment["spec"]["paused"] == true;
    let (new, old): (Vec<_>, Vec<_>) =
        owned_sets(state, deployment).into_iter().partition(|s| object::name(&s.object) == new_name);
    let Some(new) = new.into_iter().next() else {
        if !paused {
            create_set(state, deployment, &new_name, &hash);
        }
        return;
    };
    if !paused {
        let plan = if object::text(deployment, "/spec/strategy/type") == "Recreate" {
            recreate(state, deployment, &new, &old)
        } else {
            roll(deployment, &new, &old)
        };
        for (set, size) in plan {
            scale(state, set, size);
        }
        forget_old_revisions(state, deployment, &old);
    }
    write_status(state, &DEPLOYMENTS, deployment, status(state, deployment, &new, &old));
}

/// A ReplicaSet and its Pods.
struct Revision {
    object: Arc<Value>,
    /// Pods that it is to have.
    size: i64,
    /// Pods that are neither terminating nor over.
    active: i64,
    /// Those of them that are Ready.
    ready: i64,
    /// Those of them that have been for `minReadySeconds`.
    available: i64,
}

/// One step of a rolling update: which ReplicaSets get which size now.
fn roll<'a>(deployment: &Value, new: &'a Revision, old: &'a [Revision]) -> Vec<(&'a Revision, i64)> {
    let wanted = replicas(deployment);
    let surge = share(deployment, "maxSurge", wanted, true);
    let mut unavailable = share(deployment, "maxUnavailable", wanted, false);
    if surge == 0 && unavailable == 0 {
        unavailable = 1;
    }
    let total = old.iter().map(|s| s.size).sum::<i64>() + new.size;
    if new.size > wanted {
        return vec![(new, wanted)];
    }
    if new.size < wanted && total < wanted + surge {
        return vec![(new, wanted.min(new.size + wanted + surge - total))];
    }
    let least = wanted - unavailable;
    let mut may_go = total - least - (new.size - new.available);
    let mut ready_may_go = old.iter().chain([new]).map(|s| s.available).sum::<i64>() - least;
    let mut plan = Vec::new();
    for set in old {
        // Pods that do not serve cost nothing, and go first.
        let broken = (set.size - set.available).min(may_go).max(0);
        let serving = (set.size - broken).min(ready_may_go.min(may_go - broken)).max(0);
        may_go -= broken + serving;
        ready_may_go -= serving;
        if broken + serving > 0 {
            plan.push((set, set.size - broken - serving));
        }
    }
    plan
}

/// `Recreate`: the old Pods are gone before the first new one comes.
fn recreate<'a>(
    state: &State,
    deployment: &Value,
    new: &'a Revision,
    old: &'a [Revision],
) -> Vec<(&'a Revision, i64)> {
    let mut plan: Vec<_> = old.iter().filter(|s| s.size > 0).map(|s| (s, 0)).collect();
    let remain = old.iter().flat_map(|s| owned_pods(state, &s.object)).any(|p| !object::over(&p));
    if plan.is_empty() && !remain && new.size != replicas(deployment) {
        plan.push((new, replicas(deployment)));
    }
    plan
}

fn status(state: &State, deployment: &Value, new: &Revision, old: &[Revision]) -> Value {
    let sum = |of: fn(&Revision) -> i64| old.iter().chain([new]).map(of).sum::<i64>();
    let (total, ready, available) = (sum(|s| s.active), sum(|s| s.ready), sum(|s| s.available));
    let wanted = replicas(deployment);
    let least = wanted - share(deployment, "maxUnavailable", wanted, false);
    let complete = new.active == wanted && total == wanted && available == wanted;
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
    let enough = available >= least;
    json!({
        "observedGeneration": deployment["metadata"]["generation"],
        "replicas": total, "updatedReplicas": new.active, "readyReplicas": ready, "availableReplicas": available,
        "unavailableReplicas": (wanted - available).max(0),
        "conditions": [
            condition("Available", enough, if enough { "MinimumReplicasAvailable" } else { "MinimumReplicasUnavailable" }),
            condition("Progressing", true, if complete { "NewReplicaSetAvailable" } else { "ReplicaSetUpdated" }),
        ],
    })
}

/// The ReplicaSets of a Deployment, oldest first.
fn owned_sets(state: &State, deployment: &Value) -> Vec<Revision> {
    let uid = object::uid(deployment);
    let sets = state.store.objects(&REPLICA_SETS, Some(object::namespace(deployment)));
    let owned = sets.filter(|s| object::owner(s).is_some_and(|(_, owner)| owner == uid));
    let mut revisions: Vec<_> = owned
        .map(|set| {
            let pods = active_pods(state, set);
            let ready = pods.iter().filter(|p| object::condition(p, "Ready")).count();
            let available = pods.iter().filter(|p| replica_sets::is_available(state, set, p)).count();
            let count = |n| i64::try_from(n).unwrap_or(i64::MAX);
            Revision {
                object: set.clone(),
                size: replicas(set),
                active: count(pods.len()),
                ready: count(ready),
                available: count(available),
            }
        })
        .collect();
    revisions.sort_by_key(|s| object::text(&s.object, "/metadata/creationTimestamp").to_owned());
    revisions
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
        "spec": {
            "replicas": 0, "selector": selector, "template": template,
            "minReadySeconds": object::number(deployment, "/spec/minReadySeconds").unwrap_or(0),
        },
    });
    // Refused only for a template that the API refuses; then there is no rollout, as in a real cluster.
    let _created = state.create(&REPLICA_SETS, object::namespace(deployment), set);
}

fn scale(state: &mut State, set: &Revision, size: i64) {
    let mut scaled = (*set.object).clone();
    scaled["spec"]["replicas"] = size.into();
    // Refused only if it was written in the meantime, which the lock rules out.
    let _updated = state.update(&REPLICA_SETS, &set.object, scaled, Part::Whole);
}

fn forget_old_revisions(state: &mut State, deployment: &Value, old: &[Revision]) {
    let kept = object::number(deployment, "/spec/revisionHistoryLimit").unwrap_or(10);
    let done: Vec<_> = old.iter().filter(|s| s.size == 0 && s.active == 0).collect();
    let surplus = done.len().saturating_sub(usize::try_from(kept).unwrap_or(0));
    for set in &done[..surplus] {
        let (namespace, name) = (object::namespace(&set.object), object::name(&set.object));
        // Gone already is as good.
        let _deleted = state.delete(&REPLICA_SETS, namespace, name, &DeleteOptions::default());
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
