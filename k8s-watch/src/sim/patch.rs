//! JSON merge patch and strategic merge patch, exactly: a merge patch replaces lists, a strategic one merges those with a key.

use serde_json::{Map, Value};

use super::refusal::Refusal;

/// How the body of a PATCH is to be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Strategy {
    /// RFC 7386.
    Merge,
    /// Lists with a merge key are merged element by element.
    Strategic,
}

impl Strategy {
    /// Reads the content type.
    pub(crate) fn of(content_type: &str) -> Result<Self, Refusal> {
        match content_type.split(';').next().unwrap_or_default().trim() {
            "application/merge-patch+json" => Ok(Self::Merge),
            "application/strategic-merge-patch+json" => Ok(Self::Strategic),
            other => Err(Refusal::unsupported(format!(
                "the body of the request was in an unknown format - accepted media types include: \
                 application/merge-patch+json, application/strategic-merge-patch+json (got {other:?})"
            ))),
        }
    }

    /// Applies a patch.
    pub(crate) fn apply(self, object: &mut Value, patch: &Value) -> Result<(), Refusal> {
        if !patch.is_object() {
            return Err(Refusal::bad_request("the patch is not a JSON object"));
        }
        match self {
            Self::Merge => {
                merge(object, patch);
                Ok(())
            }
            Self::Strategic => strategic(object, patch, ""),
        }
    }
}

/// RFC 7386, section 2.
fn merge(target: &mut Value, patch: &Value) {
    let Value::Object(patch) = patch else {
        *target = patch.clone();
        return;
    };
    if !target.is_object() {
        *target = Value::Object(Map::new());
    }
    let Value::Object(fields) = target else { unreachable!("made an object above") };
    for (key, value) in patch {
        if value.is_null() {
            fields.remove(key);
        } else {
            merge(fields.entry(key).or_insert(Value::Null), value);
        }
    }
}

/// `within` is the name of the field that holds `target`: merge keys depend on it.
fn strategic(target: &mut Value, patch: &Value, within: &str) -> Result<(), Refusal> {
    let Value::Object(patch) = patch else {
        *target = patch.clone();
        return Ok(());
    };
    if patch.get("$patch").and_then(Value::as_str) == Some("replace") || !target.is_object() {
        *target = Value::Object(Map::new());
    }
    let Value::Object(fields) = target else { unreachable!("made an object above") };
    for (key, value) in patch {
        if key == "$patch" {
            continue;
        }
        if let Some(list) = key.strip_prefix("$deleteFromPrimitiveList/") {
            let doomed = value.as_array().map(Vec::as_slice).unwrap_or_default();
            if let Some(Value::Array(items)) = fields.get_mut(list) {
                items.retain(|i| !doomed.contains(i));
            }
            continue;
        }
        if key.starts_with('$') {
            return Err(Refusal::bad_request(format!(
                "directive {key} of a strategic merge patch is not supported"
            )));
        }
        match value {
            Value::Null => {
                fields.remove(key);
            }
            Value::Array(items) => {
                strategic_list(
                    fields.entry(key).or_insert_with(|| Value::Array(Vec::new())),
                    items,
                    key,
                    within,
                )?;
            }
            Value::Object(_) if value.get("$patch").and_then(Value::as_str) == Some("delete") => {
                fields.remove(key);
            }
            Value::Object(_) => strategic(fields.entry(key).or_insert(Value::Null), value, key)?,
            Value::Bool(_) | Value::Number(_) | Value::String(_) => {
                fields.insert(key.clone(), value.clone());
            }
        }
    }
    Ok(())
}

fn strategic_list(target: &mut Value, patch: &[Value], field: &str, within: &str) -> Result<(), Refusal> {
    if !target.is_array() {
        *target = Value::Array(Vec::new());
    }
    let Value::Array(items) = target else { unreachable!("made a list above") };
    if field == "finalizers" {
        let added: Vec<_> = patch.iter().filter(|p| !items.contains(p)).cloned().collect();
        items.extend(added);
        return Ok(());
    }
    let Some(merge_key) = merge_key(field, within) else {
        *items = patch.to_vec();
        return Ok(());
    };
    if items.is_empty() || patch.iter().any(|p| directive(p) == Some("replace")) {
        *items = patch.iter().filter(|p| directive(p).is_none()).cloned().collect();
        return Ok(());
    }
    let mut merged = Vec::new();
    let mut others = items.clone();
    for element in patch {
        let Some(key) = element.get(merge_key) else {
            let message = format!("map: {element} does not contain declared merge key: {merge_key}");
            return Err(Refusal::new(500, "", message));
        };
        let there = others.iter().position(|i| i.get(merge_key) == Some(key)).map(|at| others.remove(at));
        if directive(element) == Some("delete") {
            continue;
        }
        merged.push(match there {
            Some(mut there) => {
                strategic(&mut there, element, field)?;
                there
            }
            None => element.clone(),
        });
    }
    *items = in_order(merged, others, items, merge_key);
    Ok(())
}

/// Elements of the patch keep the patch's order, the others that of the list; between the two decides where they stood
/// in the list, and an element that is new comes first.
fn in_order(merged: Vec<Value>, others: Vec<Value>, before: &[Value], merge_key: &str) -> Vec<Value> {
    let place = |element: &Value| before.iter().position(|b| b.get(merge_key) == element.get(merge_key));
    let mut ordered = Vec::with_capacity(merged.len() + others.len());
    let mut others = others.into_iter().peekable();
    for element in merged {
        if let Some(at) = place(&element) {
            while let Some(other) = others.next_if(|other| place(other) < Some(at)) {
                ordered.push(other);
            }
        }
        ordered.push(element);
    }
    ordered.extend(others);
    ordered
}

fn directive(element: &Value) -> Option<&str> {
    element.get("$patch").and_then(Value::as_str)
}

/// `x-kubernetes-patch-merge-key` of the OpenAPI description; lists without one are replaced.
fn merge_key(field: &str, within: &str) -> Option<&'static str> {
    match (field, within) {
        ("conditions" | "addresses", _) => Some("type"),
        (
            "containers" | "initContainers" | "ephemeralContainers" | "volumes" | "env" | "imagePullSecrets",
            _,
        ) => Some("name"),
        ("ports", "containers" | "initContainers") => Some("containerPort"),
        ("ports", "spec") => Some("port"),
        ("podIPs" | "hostIPs" | "hostAliases", _) => Some("ip"),
        ("ownerReferences", _) => Some("uid"),
        ("taints", _) => Some("key"),
        ("volumeMounts", _) => Some("mountPath"),
        ("topologySpreadConstraints", _) => Some("topologyKey"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn patched(strategy: Strategy, mut object: Value, patch: &Value) -> Value {
        strategy.apply(&mut object, patch).unwrap();
        object
    }

    #[test]
    fn a_merge_patch_replaces_lists_and_null_deletes() {
        let object =
            json!({"status": {"conditions": [{"type": "Ready", "status": "True"}]}, "a": {"b": 1, "c": 2}});
        let patch = json!({"status": {"conditions": [{"type": "Gate", "status": "True"}]}, "a": {"b": null}});
        let expected = json!({"status": {"conditions": [{"type": "Gate", "status": "True"}]}, "a": {"c": 2}});
        assert_eq!(patched(Strategy::Merge, object, &patch), expected);
    }

    #[test]
    fn a_strategic_patch_keeps_the_other_conditions() {
        let object = json!({"status": {"conditions": [
            {"type": "Ready", "status": "True"}, {"type": "Gate", "status": "False", "reason": "Waiting"}]}});
        let patch = json!({"status": {"conditions": [{"type": "Gate", "status": "True", "reason": null}]}});
        let expected = json!({"status": {"conditions": [{"type": "Ready", "status": "True"}, {"type": "Gate", "status": "True"}]}});
        assert_eq!(patched(Strategy::Strategic, object, &patch), expected);
    }

    #[test]
    fn a_strategic_patch_puts_what_is_new_first_and_keeps_its_own_order() {
        let kinds = |kinds: &[&str]| {
            let conditions: Vec<_> = kinds.iter().map(|kind| json!({"type": kind})).collect();
            json!({"status": {"conditions": conditions}})
        };
        for (before, patch, after) in [
            (&["Ready", "Other"][..], &["Gate"][..], &["Gate", "Ready", "Other"][..]),
            (&["Ready", "Other"], &["Other", "Gate"], &["Ready", "Other", "Gate"]),
            (&["Ready", "Other", "Last"], &["Other", "Ready"], &["Other", "Ready", "Last"]),
        ] {
            assert_eq!(patched(Strategy::Strategic, kinds(before), &kinds(patch)), kinds(after));
        }
    }

    #[test]
    fn a_strategic_patch_deletes_and_replaces_by_directive() {
        let object =
            json!({"spec": {"containers": [{"name": "a"}, {"name": "b", "image": "x"}], "args": [1, 2]}});
        let patch = json!({"spec": {"containers": [{"name": "a", "$patch": "delete"}, {"name": "b", "image": "y"}], "args": [3]}});
        let expected = json!({"spec": {"containers": [{"name": "b", "image": "y"}], "args": [3]}});
        assert_eq!(patched(Strategy::Strategic, object, &patch), expected);
    }

    #[test]
    fn an_element_without_its_merge_key_is_refused() {
        let mut object = json!({"status": {"conditions": [{"type": "Ready"}]}});
        let patch = json!({"status": {"conditions": [{"status": "True"}]}});
        assert_eq!(Strategy::Strategic.apply(&mut object, &patch).unwrap_err().code(), 500);
    }
}
