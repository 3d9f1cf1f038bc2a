//! Rules of the API that a client can run into: names, sizes, times, addresses.

use std::net::IpAddr;

use serde_json::Value;

use super::{
    clock,
    kind::{CONFIG_MAPS, CORE_EVENTS, EVENTS, Kind, LEASES, PODS, SERVICES},
    object,
    refusal::Refusal,
};

/// Checks what only a creation must have; `kind` is as it was asked for, before storage.
pub(crate) fn check_new(kind: &'static Kind, value: &Value) -> Result<(), Refusal> {
    let name = object::name(value);
    if kind.is(&EVENTS) && value.get("eventTime").is_none() {
        return Err(Refusal::invalid(&EVENTS, name, "FieldValueRequired", "eventTime", "Required value"));
    }
    // An Event about an object of the cluster lives in `default`. Only the older API looks.
    let (about, own) = (object::text(value, "/regarding/namespace"), object::namespace(value));
    if kind.is(&CORE_EVENTS) && about != own && !(about.is_empty() && own == "default") {
        let why = format!("Invalid value: \"{about}\": does not match event.namespace");
        let field = "involvedObject.namespace";
        return Err(Refusal::invalid(kind, name, "FieldValueInvalid", field, &why));
    }
    Ok(())
}

/// Checks what may change once an object is there.
pub(crate) fn check_change(kind: &'static Kind, old: &Value, new: &Value) -> Result<(), Refusal> {
    let name = object::name(old);
    if kind.is(&EVENTS) && new.get("eventTime").is_some() {
        // Of an Event of the newer API only the series goes on.
        let fixed =
            ["regarding", "related", "reason", "note", "type", "action", "eventTime", "reportingController"];
        if let Some(field) = fixed.iter().find(|f| old.get(**f) != new.get(**f)) {
            let why = "Invalid value: field is immutable";
            return Err(Refusal::invalid(kind, name, "FieldValueInvalid", field, why));
        }
    }
    if kind.is(&PODS) && fixed_spec(old) != fixed_spec(new) {
        let why = "Forbidden: pod updates may not change fields other than `spec.containers[*].image`,\
                   `spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,`spec.tolerations`";
        return Err(Refusal::invalid(kind, name, "FieldValueForbidden", "spec", why));
    }
    Ok(())
}

/// What of a Pod's spec can never change.
fn fixed_spec(pod: &Value) -> Value {
    let mut spec = pod.get("spec").cloned().unwrap_or_default();
    for containers in ["containers", "initContainers"] {
        let containers = spec.get_mut(containers).and_then(Value::as_array_mut).into_iter().flatten();
        containers.filter_map(Value::as_object_mut).for_each(|c| drop(c.remove("image")));
    }
    if let Some(spec) = spec.as_object_mut() {
        spec.retain(|field, _| !matches!(field.as_str(), "activeDeadlineSeconds" | "tolerations"));
    }
    spec
}

/// Checks an object that is about to be stored.
pub(crate) fn check(kind: &'static Kind, value: &Value) -> Result<(), Refusal> {
    name(kind, value)?;
    annotations(kind, value)?;
    if kind.is(&CONFIG_MAPS) {
        config_map(value)
    } else if kind.is(&LEASES) {
        lease(value)
    } else if kind.is(&EVENTS) {
        event(value)
    } else if kind.is(&SERVICES) {
        service(value)
    } else if kind.is(&PODS) {
        pod(value)
    } else {
        Ok(())
    }
}

fn name(kind: &'static Kind, value: &Value) -> Result<(), Refusal> {
    let name = object::name(value);
    let inside = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-' || b == b'.';
    let at_the_ends = |b: Option<&u8>| b.is_some_and(|b| b.is_ascii_lowercase() || b.is_ascii_digit());
    let bytes = name.as_bytes();
    if bytes.len() <= 253
        && bytes.iter().copied().all(inside)
        && at_the_ends(bytes.first())
        && at_the_ends(bytes.last())
    {
        return Ok(());
    }
    let why = format!(
        "Invalid value: \"{name}\": a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, \
         '-' or '.', and must start and end with an alphanumeric character"
    );
    Err(Refusal::invalid(kind, name, "FieldValueInvalid", "metadata.name", &why))
}

fn annotations(kind: &'static Kind, value: &Value) -> Result<(), Refusal> {
    let bytes: usize = object::map(value, "/metadata/annotations")
        .into_iter()
        .flatten()
        .map(|(k, v)| k.len() + v.as_str().map_or(0, str::len))
        .sum();
    if bytes <= ANNOTATION_BYTES {
        return Ok(());
    }
    let why = format!("Too long: may not be more than {ANNOTATION_BYTES} bytes");
    Err(Refusal::invalid(kind, object::name(value), "FieldValueTooLong", "metadata.annotations", &why))
}

fn config_map(value: &Value) -> Result<(), Refusal> {
    let name = object::name(value);
    let mut bytes = 0;
    for section in ["data", "binaryData"] {
        for (key, content) in object::map(value, &format!("/{section}")).into_iter().flatten() {
            if key.is_empty() || !key.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b)) {
                let why = format!(
                    "Invalid value: \"{key}\": a valid config key must consist of alphanumeric characters, '-', '_' or '.'"
                );
                let field = format!("{section}[{key}]");
                return Err(Refusal::invalid(&CONFIG_MAPS, name, "FieldValueInvalid", &field, &why));
            }
            let Some(content) = content.as_str() else {
                return Err(cannot_be_handled(&CONFIG_MAPS, &format!("{section}[{key}] is not a text")));
            };
            bytes += content.len();
        }
    }
    if bytes <= CONFIG_MAP_BYTES {
        return Ok(());
    }
    let why = format!("Too long: may not be more than {CONFIG_MAP_BYTES} bytes");
    Err(Refusal::invalid(&CONFIG_MAPS, name, "FieldValueTooLong", "[]", &why))
}

fn lease(value: &Value) -> Result<(), Refusal> {
    for field in ["acquireTime", "renewTime"] {
        micro_time(&LEASES, value, &format!("/spec/{field}"))?;
    }
    let name = object::name(value);
    let refuse = |field: &str, why: &str| {
        let field = format!("spec.{field}");
        Err(Refusal::invalid(&LEASES, name, "FieldValueInvalid", &field, &format!("Invalid value: {why}")))
    };
    match object::number(value, "/spec/leaseDurationSeconds") {
        Some(n) if n <= 0 => return refuse("leaseDurationSeconds", &format!("{n}: must be greater than 0")),
        _ => {}
    }
    match object::number(value, "/spec/leaseTransitions") {
        Some(n) if n < 0 => refuse("leaseTransitions", &format!("{n}: must be greater than or equal to 0")),
        _ => Ok(()),
    }
}

fn event(value: &Value) -> Result<(), Refusal> {
    micro_time(&EVENTS, value, "/eventTime")?;
    micro_time(&EVENTS, value, "/series/lastObservedTime")?;
    let name = object::name(value);
    let too_long = |field: &str, most: usize| {
        let why = format!("Invalid value: \"\": can have at most {most} characters");
        Err(Refusal::invalid(&EVENTS, name, "FieldValueInvalid", field, &why))
    };
    if object::text(value, "/note").len() > 1_024 {
        return too_long("message", 1_024);
    }
    if object::text(value, "/reportingInstance").len() > 128 {
        return too_long("reportingInstance", 128);
    }
    // Events of the older API have no eventTime, and then these may be missing.
    if value.get("eventTime").is_none() {
        return Ok(());
    }
    for field in ["reason", "action", "reportingController", "reportingInstance"] {
        if object::text(value, &format!("/{field}")).is_empty() {
            return Err(Refusal::invalid(&EVENTS, name, "FieldValueRequired", field, "Required value"));
        }
    }
    if !matches!(object::text(value, "/type"), "Normal" | "Warning") {
        let why = "Invalid value: \"\": has invalid value";
        return Err(Refusal::invalid(&EVENTS, name, "FieldValueInvalid", "type", why));
    }
    Ok(())
}

fn service(value: &Value) -> Result<(), Refusal> {
    let name = object::name(value);
    let ports = object::list(value, "/spec/ports");
    let headless = object::text(value, "/spec/clusterIP") == "None";
    if ports.is_empty() && !headless && object::text(value, "/spec/type") != "ExternalName" {
        return Err(Refusal::invalid(&SERVICES, name, "FieldValueRequired", "spec.ports", "Required value"));
    }
    let out_of_range = |field: &str| {
        let range = 1..=65_535;
        ports.iter().any(|port| {
            port.get(field).and_then(Value::as_i64).is_some_and(|number| !range.contains(&number))
        })
    };
    for field in ["port", "targetPort"] {
        if out_of_range(field) {
            let why = "Invalid value: must be between 1 and 65535, inclusive";
            let field = format!("spec.ports[].{field}");
            return Err(Refusal::invalid(&SERVICES, name, "FieldValueInvalid", &field, why));
        }
    }
    let unnamed = ports.iter().position(|p| object::text(p, "/name").is_empty());
    if let Some(at) = unnamed.filter(|_| ports.len() > 1) {
        let field = format!("spec.ports[{at}].name");
        return Err(Refusal::invalid(&SERVICES, name, "FieldValueRequired", &field, "Required value"));
    }
    Ok(())
}

fn pod(value: &Value) -> Result<(), Refusal> {
    let name = object::name(value);
    if object::list(value, "/spec/containers").is_empty() {
        return Err(Refusal::invalid(&PODS, name, "FieldValueRequired", "spec.containers", "Required value"));
    }
    let untyped =
        object::list(value, "/status/conditions").iter().position(|c| object::text(c, "/type").is_empty());
    if let Some(at) = untyped {
        let (field, why) =
            (format!("status.conditions[{at}].Type"), "Invalid value: \"\": name part must be non-empty");
        return Err(Refusal::invalid(&PODS, name, "FieldValueInvalid", &field, why));
    }
    for (at, status) in object::list(value, "/status/podIPs").iter().enumerate() {
        let ip = object::text(status, "/ip");
        if ip.parse::<IpAddr>().is_err() {
            let why = format!(
                "Invalid value: \"{ip}\": must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)"
            );
            let field = format!("status.podIPs[{at}]");
            return Err(Refusal::invalid(&PODS, name, "FieldValueInvalid", &field, &why));
        }
    }
    Ok(())
}

fn micro_time(kind: &'static Kind, value: &Value, pointer: &str) -> Result<(), Refusal> {
    match value.pointer(pointer) {
        None | Some(Value::Null) => Ok(()),
        Some(Value::String(text)) if clock::is_micro_time(text) => Ok(()),
        Some(other) => {
            Err(cannot_be_handled(kind, &format!("parsing time {other} at {pointer}: six digits wanted")))
        }
    }
}

fn cannot_be_handled(kind: &'static Kind, why: &str) -> Refusal {
    Refusal::bad_request(format!(
        "{} in version \"{}\" cannot be handled as a {}: {why}",
        kind.name, kind.version, kind.name
    ))
}

const CONFIG_MAP_BYTES: usize = 1_048_576;
const ANNOTATION_BYTES: usize = 262_144;
