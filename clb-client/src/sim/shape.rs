//! Bends a good answer into an odd shape.

use http::StatusCode;
use serde_json::{Map, Value, json};

use super::{fault::Shape, reply::Content};

/// `answer` is the whole envelope, `{"Response": {...}}`.
pub(crate) fn bend(mut answer: Value, shape: Shape) -> Content {
    match shape {
        Shape::NullLists => walk(&mut answer, &mut |value| {
            if value.is_array() {
                *value = Value::Null;
            }
        }),
        Shape::EmptyLists => walk(&mut answer, &mut |value| {
            if let Value::Array(list) = value {
                list.clear();
            }
        }),
        Shape::NumbersAsStrings => walk(&mut answer, &mut |value| {
            if let Value::Number(number) = value {
                *value = Value::String(number.to_string());
            }
        }),
        Shape::UnknownFields => walk(&mut answer, &mut |value| {
            if let Value::Object(object) = value {
                object.insert("AddedLastWeek".to_owned(), json!({"Deep": [1, null, {"er": true}]}));
            }
        }),
        Shape::NoRequestId => {
            if let Some(response) = answer.get_mut("Response").and_then(Value::as_object_mut) {
                response.remove("RequestId");
            }
        }
        Shape::StrangeTargets => walk(&mut answer, &mut |value| {
            if let Value::Object(object) = value {
                estrange(object);
            }
        }),
        Shape::Truncated => {
            let mut body = answer.to_string().into_bytes();
            body.truncate(body.len() / 2);
            return Content::Raw { status: StatusCode::OK, content_type: "application/json", body };
        }
        Shape::BadGateway => {
            let body =
                b"<html><head><title>502 Bad Gateway</title></head><body>502 Bad Gateway</body></html>"
                    .to_vec();
            return Content::Raw { status: StatusCode::BAD_GATEWAY, content_type: "text/html", body };
        }
        Shape::Oversized(bytes) => {
            return Content::Raw {
                status: StatusCode::OK,
                content_type: "application/json",
                body: vec![b' '; bytes],
            };
        }
    }
    Content::Json(answer)
}

/// Children first, so that what `change` puts in is not visited.
fn walk(value: &mut Value, change: &mut impl FnMut(&mut Value)) {
    match value {
        Value::Array(list) => list.iter_mut().for_each(|child| walk(child, change)),
        Value::Object(object) => object.values_mut().for_each(|child| walk(child, change)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
    change(value);
}

/// Puts three targets that nobody can make sense of in front of each list of targets.
fn estrange(object: &mut Map<String, Value>) {
    if let Some(Value::Array(targets)) = object.get_mut("Targets") {
        targets.insert(0, json!({"Type": "SRV", "Port": 0, "Weight": 10, "PrivateIpAddresses": null}));
        targets.insert(1, json!({"Type": "CVM", "InstanceId": "ins-strange1", "Port": 80, "Weight": 10}));
        targets.insert(
            2,
            json!({"Type": null, "Port": 8080, "Weight": null, "PrivateIpAddresses": ["not-an-address"]}),
        );
    }
}
