//! The two API groups of Events: the same objects under other field names.

use std::borrow::Cow;

use serde_json::Value;

use super::kind::{CORE_EVENTS, EVENTS, Kind};

/// An object as a kind shows it. Events are stored in the form of events.k8s.io.
pub(crate) fn shown<'a>(kind: &'static Kind, object: &'a Value) -> Cow<'a, Value> {
    if kind.is(&CORE_EVENTS) {
        Cow::Owned(renamed(object, &CORE_EVENTS, |(core, named)| (named, core)))
    } else {
        Cow::Borrowed(object)
    }
}

/// An object as it is stored.
pub(crate) fn stored(kind: &'static Kind, object: Value) -> Value {
    if kind.is(&CORE_EVENTS) { renamed(&object, &EVENTS, |pair| pair) } else { object }
}

type Names = (&'static str, &'static str);

fn renamed(object: &Value, kind: &Kind, from_to: impl Fn(Names) -> Names) -> Value {
    let Some(fields) = object.as_object() else { return object.clone() };
    let rename = |field: &str| {
        FIELDS.iter().map(|pair| from_to(*pair)).find(|(from, _)| *from == field).map(|(_, to)| to)
    };
    let fields = fields.iter().map(|(field, value)| match field.as_str() {
        "apiVersion" => (field.clone(), kind.api_version().into()),
        name => (rename(name).unwrap_or(name).to_owned(), value.clone()),
    });
    Value::Object(fields.collect())
}

/// (core, events.k8s.io), from the conversion functions of the API server.
const FIELDS: [Names; 7] = [
    ("involvedObject", "regarding"),
    ("message", "note"),
    ("source", "deprecatedSource"),
    ("firstTimestamp", "deprecatedFirstTimestamp"),
    ("lastTimestamp", "deprecatedLastTimestamp"),
    ("count", "deprecatedCount"),
    ("reportingComponent", "reportingController"),
];

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn an_event_reads_back_in_both_groups() {
        let core = json!({"apiVersion": "v1", "kind": "Event", "message": "m", "involvedObject": {"kind": "Pod"}, "count": 2});
        let kept = stored(&CORE_EVENTS, core.clone());
        let named = json!({"apiVersion": "events.k8s.io/v1", "kind": "Event", "note": "m", "regarding": {"kind": "Pod"}, "deprecatedCount": 2});
        assert_eq!(kept, named);
        assert_eq!(*shown(&CORE_EVENTS, &kept), core);
    }
}
