//! A list of requests, and a transcript of what they did that is the same wherever the API behaves the same.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use futures::StreamExt;
use http::Method;
use serde_json::{Value, json};

use crate::rig::{JSON, MERGE, Requests, STRATEGIC};

/// One request. `$uid(NAME)`, `$rv(NAME)` and `$old(NAME)` in its body stand for what earlier answers said about the
/// object of that name: its uid, its latest and its first resourceVersion.
pub(crate) struct Step {
    method: Method,
    /// Below the namespace, for example `pods/web/status`.
    object: String,
    kind: &'static str,
    body: Option<Value>,
}

pub(crate) fn get(object: &str) -> Step {
    Step { method: Method::GET, object: object.to_owned(), kind: JSON, body: None }
}

pub(crate) fn create(object: &str, body: Value) -> Step {
    Step { method: Method::POST, object: object.to_owned(), kind: JSON, body: Some(body) }
}

pub(crate) fn replace(object: &str, body: Value) -> Step {
    Step { method: Method::PUT, object: object.to_owned(), kind: JSON, body: Some(body) }
}

pub(crate) fn merge(object: &str, body: Value) -> Step {
    Step { method: Method::PATCH, object: object.to_owned(), kind: MERGE, body: Some(body) }
}

pub(crate) fn strategic(object: &str, body: Value) -> Step {
    Step { method: Method::PATCH, object: object.to_owned(), kind: STRATEGIC, body: Some(body) }
}

pub(crate) fn delete(object: &str, mut options: Value) -> Step {
    options["apiVersion"] = "v1".into();
    options["kind"] = "DeleteOptions".into();
    Step { method: Method::DELETE, object: object.to_owned(), kind: JSON, body: Some(options) }
}

/// Carries the script out in `namespace`: a line per answer, then a line per event of each watched kind.
pub(crate) async fn run(requests: &Requests, namespace: &str, script: &[Step]) -> Vec<String> {
    let mut watches = Vec::new();
    for kind in WATCHED {
        let path = format!("{}/{kind}", folder(kind, namespace));
        let list = requests.get(&path).await.ok();
        let from = list["metadata"]["resourceVersion"].as_str().unwrap();
        watches.push((kind, requests.watch(&format!("{path}?watch=1&resourceVersion={from}")).await));
    }
    let mut names = BTreeMap::new();
    let mut lines = Vec::new();
    for step in script {
        let path = format!("{}/{}", folder(&step.object, namespace), step.object);
        let body = step.body.clone().map(|body| (step.kind, filled(&body, &names)));
        let answer =
            requests.try_call(&step.method, &path, body).await.unwrap_or_else(|why| panic!("{path}: {why}"));
        remember(&answer.body, &mut names);
        let object = step.object.chars().take(60).collect::<String>();
        lines.push(format!("{} {object}: {} {}", step.method, answer.code, said(&answer.body)));
    }
    for (kind, events) in &mut watches {
        let path = folder(kind, namespace);
        requests.create(&format!("{path}/{kind}"), last(kind)).await.ok();
        loop {
            let next = tokio::time::timeout(Duration::from_secs(20), events.next());
            let event = next
                .await
                .unwrap_or(None)
                .unwrap_or_else(|| panic!("the watch of {kind} in {namespace} ended early: {lines:#?}"));
            if event["object"]["metadata"]["name"] == LAST {
                break;
            }
            lines.push(format!("{kind} event {} {}", event["type"], said(&event["object"])));
        }
    }
    lines
}

/// What matters of an object, a list or a refusal, without what differs from run to run.
fn said(body: &Value) -> String {
    if body["kind"] == "Status" {
        // 1.36 says the same of one field twice.
        let mut fields = BTreeSet::new();
        let causes: Vec<_> = body["details"]["causes"]
            .as_array()
            .into_iter()
            .flatten()
            .filter(|cause| fields.insert((cause["field"].to_string(), cause["reason"].to_string())))
            .map(|cause| &cause["reason"])
            .collect();
        return json!({"status": body["status"], "reason": body["reason"], "code": body["code"], "causes": causes}).to_string();
    }
    if let Some(items) = body["items"].as_array() {
        return format!(
            "{} {:?}",
            body["kind"],
            items.iter().map(|item| &item["metadata"]["name"]).collect::<Vec<_>>()
        );
    }
    let metadata = &body["metadata"];
    let conditions: Vec<_> = body["status"]["conditions"].as_array().into_iter().flatten().collect();
    let conditions: Vec<_> = conditions
        .iter()
        .map(|condition| json!([condition["type"], condition["status"], condition["reason"]]))
        .collect();
    let said = json!({
        "kind": body["kind"], "name": metadata["name"], "generation": metadata["generation"], "labels": metadata["labels"],
        "annotations": metadata["annotations"], "finalizers": metadata["finalizers"],
        "terminating": metadata["deletionTimestamp"].is_string(), "grace": metadata["deletionGracePeriodSeconds"],
        "nodeName": body["spec"]["nodeName"], "phase": body["status"]["phase"], "podIP": body["status"]["podIP"],
        "podIPs": body["status"]["podIPs"], "conditions": conditions, "data": body["data"],
        "holder": body["spec"]["holderIdentity"], "renewed": body["spec"]["renewTime"], "transitions": body["spec"]["leaseTransitions"],
    });
    let said: serde_json::Map<_, _> = said
        .as_object()
        .unwrap()
        .iter()
        .filter(|(_, value)| !value.is_null())
        .map(|(k, v)| (k.clone(), v.clone()))
        .collect();
    Value::from(said).to_string()
}

/// Keeps uid and versions of the object that was answered.
fn remember(body: &Value, names: &mut BTreeMap<String, String>) {
    let metadata = &body["metadata"];
    let [Some(name), Some(uid), Some(version)] =
        ["name", "uid", "resourceVersion"].map(|field| metadata[field].as_str())
    else {
        return;
    };
    names.insert(format!("$uid({name})"), uid.to_owned());
    names.insert(format!("$rv({name})"), version.to_owned());
    names.entry(format!("$old({name})")).or_insert_with(|| version.to_owned());
}

fn filled(body: &Value, names: &BTreeMap<String, String>) -> Value {
    match body {
        Value::String(text) => names.get(text).unwrap_or(text).as_str().into(),
        Value::Array(items) => items.iter().map(|item| filled(item, names)).collect(),
        Value::Object(fields) => {
            fields.iter().map(|(name, value)| (name.clone(), filled(value, names))).collect()
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => body.clone(),
    }
}

/// The path of a namespace in the API group of `object`.
fn folder(object: &str, namespace: &str) -> String {
    let group = if object.starts_with("leases") { "apis/coordination.k8s.io/v1" } else { "api/v1" };
    format!("/{group}/namespaces/{namespace}")
}

/// The object whose creation ends the transcript of a kind.
fn last(kind: &str) -> Value {
    let spec =
        if kind == "pods" { json!({"containers": [{"name": "web", "image": "web"}]}) } else { json!({}) };
    match kind {
        "configmaps" => json!({"metadata": {"name": LAST}}),
        _ => json!({"metadata": {"name": LAST}, "spec": spec}),
    }
}

const WATCHED: [&str; 3] = ["pods", "configmaps", "leases"];
const LAST: &str = "last";
