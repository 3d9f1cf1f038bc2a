//! Deletion, step by step as the real server does it (`registry/rest/delete.go` of k8s.io/apiserver), and eviction.

use std::sync::Arc;

use serde_json::{Value, json};

use super::{
    clock,
    kind::{DISRUPTION_BUDGETS, Kind, NAMESPACES, PODS},
    object,
    refusal::Refusal,
    selector::Selector,
    state::State,
    write::Part,
};

/// What a deletion answers with.
#[derive(Debug)]
pub(crate) enum Deleted {
    /// The object as it is now: still there, or its last state.
    Object(Arc<Value>),
    /// The object is gone, and its kind answers with a `Status`.
    Status(Value),
}

/// The parts of `DeleteOptions` that have an effect here.
#[derive(Clone, Debug, Default)]
pub(crate) struct DeleteOptions {
    /// Seconds; negative counts as 1.
    pub(crate) grace: Option<i64>,
    uid: Option<String>,
    version: Option<String>,
}

impl DeleteOptions {
    /// Delete at once, but only this object.
    pub(crate) fn at_once(uid: &str) -> Self {
        Self { grace: Some(0), uid: Some(uid.to_owned()), version: None }
    }

    /// With this grace in seconds, or the object's own.
    pub(crate) const fn with_grace(grace: Option<i64>) -> Self {
        Self { grace, uid: None, version: None }
    }

    /// Reads the body, or the query where the body says nothing.
    pub(crate) fn read(body: &Value, query: Option<&str>) -> Result<Self, Refusal> {
        if object::text(body, "/propagationPolicy") == "Orphan" {
            return Err(Refusal::bad_request("propagationPolicy Orphan is not supported by this server"));
        }
        let text = |pointer| body.pointer(pointer).and_then(Value::as_str).map(str::to_owned);
        let grace = match (object::number(body, "/gracePeriodSeconds"), query) {
            (Some(grace), _) => Some(grace),
            (None, Some(query)) => Some(query.parse().map_err(|_| {
                Refusal::bad_request(format!("gracePeriodSeconds: {query:?} is not a whole number"))
            })?),
            (None, None) => None,
        };
        Ok(Self {
            grace: grace.map(|g| if g < 0 { 1 } else { g }),
            uid: text("/preconditions/uid"),
            version: text("/preconditions/resourceVersion"),
        })
    }
}

/// What the rules of graceful deletion say.
enum Step {
    /// Nothing changes.
    Pending,
    /// The object is marked; it goes at once when `grace` is 0.
    Mark { at: i64, grace: i64, first: bool },
    /// The kind knows no grace, or the grace is used up.
    Now,
}

impl State {
    /// Deletes an object, or begins to.
    pub(crate) fn delete(
        &mut self,
        kind: &'static Kind,
        namespace: &str,
        name: &str,
        options: &DeleteOptions,
    ) -> Result<Deleted, Refusal> {
        let existing =
            self.store.object(kind, namespace, name).ok_or_else(|| Refusal::not_found(kind, name))?;
        options.permit(kind, &existing)?;
        match self.step(kind, &existing, options) {
            Step::Pending => Ok(Deleted::Object(existing)),
            Step::Mark { at, grace, first } => {
                let marked = self.mark(kind, &existing, at, grace, first);
                if grace > 0 || held(kind, &marked) {
                    return Ok(Deleted::Object(marked));
                }
                Ok(self.remove(kind, &marked))
            }
            Step::Now if held(kind, &existing) => {
                if object::terminating(&existing) {
                    return Ok(Deleted::Object(existing));
                }
                let now = self.clock.now();
                Ok(Deleted::Object(self.mark(kind, &existing, now, 0, true)))
            }
            Step::Now => Ok(self.remove(kind, &existing)),
        }
    }

    /// `POST pods/NAME/eviction`.
    pub(crate) fn evict(&mut self, namespace: &str, name: &str, eviction: &Value) -> Result<(), Refusal> {
        let pod = self.store.object(&PODS, namespace, name).ok_or_else(|| Refusal::not_found(&PODS, name))?;
        let options = DeleteOptions::read(eviction.get("deleteOptions").unwrap_or(&Value::Null), None)?;
        options.permit(&PODS, &pod)?;
        if object::terminating(&pod) {
            return Ok(());
        }
        if !object::over(&pod) {
            self.disruption_allowed(namespace, &pod)?;
        }
        let mut marked = (*pod).clone();
        set_condition(
            &mut marked,
            json!({
                "type": "DisruptionTarget", "status": "True", "reason": "EvictionByEvictionAPI",
                "message": "Eviction API: evicting", "lastProbeTime": null,
                "lastTransitionTime": clock::whole_seconds(self.clock.now()),
            }),
        );
        // Two writes, as on the real server: first the condition, then the deletion.
        self.update(&PODS, &pod, marked, Part::Status)?;
        self.delete(&PODS, namespace, name, &options).map(drop)
    }

    fn step(&self, kind: &'static Kind, existing: &Value, options: &DeleteOptions) -> Step {
        if !kind.is(&PODS) {
            return Step::Now;
        }
        let now = self.clock.now();
        if let Some(at) = clock::parse(object::text(existing, "/metadata/deletionTimestamp")) {
            let left = object::number(existing, "/metadata/deletionGracePeriodSeconds").unwrap_or(0);
            return match options.grace {
                _ if left == 0 => Step::Now,
                // Only a shorter grace counts, from the first request on, but it never ends in the past.
                Some(grace) if grace < left => {
                    Step::Mark { at: now.max(at - (left - grace) * SECOND), grace, first: false }
                }
                Some(_) | None => Step::Pending,
            };
        }
        let own = object::number(existing, "/spec/terminationGracePeriodSeconds").unwrap_or(30);
        let mut grace = options.grace.unwrap_or(own);
        if object::text(existing, "/spec/nodeName").is_empty() || object::over(existing) {
            grace = 0;
        }
        Step::Mark { at: now + grace * SECOND, grace, first: true }
    }

    fn mark(
        &mut self,
        kind: &'static Kind,
        existing: &Value,
        at: i64,
        grace: i64,
        first: bool,
    ) -> Arc<Value> {
        let mut marked = existing.clone();
        let generation = object::number(existing, "/metadata/generation").filter(|_| first);
        let metadata = object::metadata(&mut marked);
        metadata.insert("deletionTimestamp".into(), clock::whole_seconds(at).into());
        if !kind.is(&NAMESPACES) {
            metadata.insert("deletionGracePeriodSeconds".into(), grace.into());
        }
        if let Some(generation) = generation {
            metadata.insert("generation".into(), (generation + 1).into());
        }
        if kind.is(&NAMESPACES) {
            marked["status"]["phase"] = "Terminating".into();
        }
        self.store.put(kind, marked)
    }

    fn remove(&mut self, kind: &'static Kind, last: &Arc<Value>) -> Deleted {
        let last = self.store.remove(kind, (**last).clone());
        if matches!(kind.resource, "pods" | "services") {
            return Deleted::Object(last);
        }
        Deleted::Status(json!({
            "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success",
            "details": {
                "name": object::name(&last), "group": kind.group, "kind": kind.resource, "uid": object::uid(&last),
            },
        }))
    }

    /// A budget that selects the Pod and has nothing left refuses; one that has is charged.
    fn disruption_allowed(&mut self, namespace: &str, pod: &Value) -> Result<(), Refusal> {
        let budgets: Vec<_> = self.store.objects(&DISRUPTION_BUDGETS, Some(namespace)).cloned().collect();
        for budget in budgets {
            if !budget_selects(&budget, pod) {
                continue;
            }
            let allowed = object::number(&budget, "/status/disruptionsAllowed").unwrap_or(0);
            if allowed <= 0 {
                let name = object::name(&budget);
                let cause = json!({"reason": "DisruptionBudget", "message": format!("The disruption budget {name} needs {} healthy pods and has {} currently", budget["status"]["desiredHealthy"], budget["status"]["currentHealthy"])});
                let message = "Cannot evict pod as it would violate the pod's disruption budget.".to_owned();
                return Err(
                    Refusal::new(429, "TooManyRequests", message).with_details(json!({ "causes": [cause] }))
                );
            }
            let mut charged = (*budget).clone();
            charged["status"]["disruptionsAllowed"] = (allowed - 1).into();
            self.update(&DISRUPTION_BUDGETS, &budget, charged, Part::Status)?;
        }
        Ok(())
    }
}

impl DeleteOptions {
    fn permit(&self, kind: &'static Kind, existing: &Value) -> Result<(), Refusal> {
        let checks = [
            ("UID", &self.uid, object::uid(existing)),
            ("ResourceVersion", &self.version, object::text(existing, "/metadata/resourceVersion")),
        ];
        for (what, wanted, found) in checks {
            if let Some(wanted) = wanted.as_deref().filter(|w| *w != found) {
                let fate = if what == "UID" { "deleted and then recreated" } else { "modified" };
                let why = format!(
                    "the {what} in the precondition ({wanted}) does not match the {what} in record ({found}). \
                     The object might have been {fate}"
                );
                return Err(Refusal::precondition(kind, object::name(existing), &why));
            }
        }
        Ok(())
    }
}

/// Sets one condition of a status, in place or at the end.
pub(crate) fn set_condition(object: &mut Value, condition: Value) {
    let status = object::section(object, "status");
    let conditions = status.entry("conditions").or_insert_with(|| json!([]));
    let Some(conditions) = conditions.as_array_mut() else { return };
    match conditions.iter_mut().find(|c| c["type"] == condition["type"]) {
        Some(there) => *there = condition,
        None => conditions.push(condition),
    }
}

/// Something else has to happen before the object may go.
fn held(kind: &'static Kind, object: &Value) -> bool {
    // A Namespace goes when its content is gone, which is the job of a controller that is not part of this cluster.
    !object::list(object, "/metadata/finalizers").is_empty() || kind.is(&NAMESPACES)
}

fn budget_selects(budget: &Value, pod: &Value) -> bool {
    let labels: Vec<_> = object::map(budget, "/spec/selector/matchLabels")
        .into_iter()
        .flatten()
        .map(|(k, v)| format!("{k}={}", v.as_str().unwrap_or_default()))
        .collect();
    Selector::parse(&labels.join(","), "").is_ok_and(|s| s.matches(pod))
}

const SECOND: i64 = 1_000_000;
