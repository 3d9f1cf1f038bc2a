//! The form in which the server shows an object, whatever form it came in.

use serde_json::{Map, Value, json};

use super::{
    kind::{CONFIG_MAPS, ENDPOINT_SLICES, EVENTS, Kind, PODS},
    object,
};

/// Brings an object into the form in which the server shows it.
pub(crate) fn normalise(kind: &'static Kind, value: &mut Value) {
    drop_empty(object::metadata(value), &["labels", "annotations", "finalizers", "ownerReferences"]);
    if kind.is(&CONFIG_MAPS)
        && let Value::Object(fields) = value
    {
        drop_empty(fields, &["data", "binaryData"]);
    }
    if kind.is(&ENDPOINT_SLICES) {
        // Its lists have no `omitempty`, and empty ones come back from storage as null.
        for field in ["endpoints", "ports"] {
            if value.get(field).and_then(Value::as_array).is_none_or(Vec::is_empty) {
                value[field] = Value::Null;
            }
        }
    }
    if kind.is(&EVENTS) {
        // Shown as null or empty when an Event of the newer API leaves them out.
        let fields = value.as_object_mut().into_iter();
        fields.for_each(|event| {
            object::default(event, "deprecatedSource", json!({}));
            object::default(event, "deprecatedFirstTimestamp", Value::Null);
            object::default(event, "deprecatedLastTimestamp", Value::Null);
        });
    }
    if kind.is(&PODS) {
        let (ip, first) = (object::text(value, "/status/podIP"), object::text(value, "/status/podIPs/0/ip"));
        // `podIP` alone is mirrored into `podIPs`, and wins where they differ.
        if ip.is_empty() && !first.is_empty() {
            let first = first.to_owned();
            value["status"]["podIP"] = first.into();
        } else if ip != first {
            value["status"]["podIPs"] = json!([{ "ip": ip }]);
        }
    }
}

/// Removes those of these fields that are an empty list or object.
fn drop_empty(fields: &mut Map<String, Value>, names: &[&str]) {
    fields.retain(|name, value| {
        let empty =
            value.as_object().is_some_and(Map::is_empty) || value.as_array().is_some_and(Vec::is_empty);
        !(empty && names.contains(&name.as_str()))
    });
}
