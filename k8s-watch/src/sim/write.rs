//! Creating, replacing and patching objects, with the checks of the real server.

use std::sync::Arc;

use serde_json::{Value, json};

use super::{
    clock, defaults, event, form,
    kind::{Kind, LEASES, NAMESPACES},
    object,
    patch::Strategy,
    refusal::Refusal,
    state::State,
    validate,
};

/// Which half of an object a write may touch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    /// Everything but the status (of kinds that have one).
    Whole,
    /// The subresource `status`.
    Status,
}

impl State {
    /// Creates an object; `namespace` is the path's.
    pub(crate) fn create(
        &mut self,
        kind: &'static Kind,
        namespace: &str,
        value: Value,
    ) -> Result<Arc<Value>, Refusal> {
        let (asked_as, kind) = (kind, kind.shelf());
        let mut value = event::stored(asked_as, value);
        identify(kind, namespace, &mut value)?;
        if kind.namespaced {
            self.namespace_accepts(kind, namespace, object::name(&value))?;
        }
        if !object::text(&value, "/metadata/resourceVersion").is_empty() {
            let message = "resourceVersion should not be set on objects to be created".to_owned();
            return Err(Refusal::new(500, "", message));
        }
        if object::name(&value).is_empty() {
            let prefix = object::text(&value, "/metadata/generateName").to_owned();
            if prefix.is_empty() {
                let why = "Required value: name or generateName is required";
                return Err(Refusal::invalid(kind, "", "FieldValueRequired", "metadata.name", why));
            }
            let name = format!("{prefix}{}", self.ids.suffix());
            object::metadata(&mut value).insert("name".into(), name.into());
        }
        if let Some(there) = self.store.object(kind, namespace, object::name(&value)) {
            return Err(Refusal::already_exists(kind, object::name(&value), object::terminating(&there)));
        }
        object::drop_nulls(&mut value);
        defaults::complete(kind, &mut value, &mut self.services);
        let (uid, now) = (self.ids.uid(), clock::whole_seconds(self.clock.now()));
        let metadata = object::metadata(&mut value);
        for given_by_the_server in ["deletionTimestamp", "deletionGracePeriodSeconds", "selfLink"] {
            metadata.remove(given_by_the_server);
        }
        metadata.insert("uid".into(), uid.into());
        metadata.insert("creationTimestamp".into(), now.into());
        if kind.generation {
            metadata.insert("generation".into(), 1.into());
        }
        form::normalise(kind, &mut value);
        validate::check_new(asked_as, &value)?;
        validate::check(kind, &value)?;
        Ok(self.store.put(kind, value))
    }

    /// Replaces an object. The flag tells whether it was created: a PUT does that for Leases.
    pub(crate) fn replace(
        &mut self,
        kind: &'static Kind,
        namespace: &str,
        name: &str,
        part: Part,
        value: Value,
    ) -> Result<(Arc<Value>, bool), Refusal> {
        let mut value = event::stored(kind, value);
        let kind = kind.shelf();
        identify(kind, namespace, &mut value)?;
        if object::name(&value) != name {
            let given = object::name(&value);
            let message =
                format!("the name of the object ({given}) does not match the name on the URL ({name})");
            return Err(Refusal::bad_request(message));
        }
        let Some(existing) = self.store.object(kind, namespace, name) else {
            if !kind.is(&LEASES) {
                return Err(Refusal::not_found(kind, name));
            }
            object::metadata(&mut value).remove("resourceVersion");
            return self.create(kind, namespace, value).map(|object| (object, true));
        };
        let uid = object::uid(&value);
        if !uid.is_empty() && uid != object::uid(&existing) {
            let why = format!(
                "StorageError: invalid object, Code: 4, Key: /registry/{}/{namespace}/{name}, ResourceVersion: 0, \
                 AdditionalErrorMsg: Precondition failed: UID in precondition: {uid}, UID in object meta: {}",
                kind.resource,
                object::uid(&existing)
            );
            return Err(Refusal::conflict(kind, name, &why));
        }
        if object::text(&value, "/metadata/resourceVersion").is_empty() && kind.is(&LEASES) {
            let why = "Invalid value: 0: must be specified for an update";
            return Err(Refusal::invalid(kind, name, "FieldValueInvalid", "metadata.resourceVersion", why));
        }
        self.update(kind, &existing, value, part).map(|object| (object, false))
    }

    /// Patches an object.
    pub(crate) fn patch(
        &mut self,
        kind: &'static Kind,
        namespace: &str,
        name: &str,
        part: Part,
        (strategy, patch): (Strategy, &Value),
    ) -> Result<Arc<Value>, Refusal> {
        let patch = &event::stored(kind, patch.clone());
        let kind = kind.shelf();
        let existing =
            self.store.object(kind, namespace, name).ok_or_else(|| Refusal::not_found(kind, name))?;
        let mut value = (*existing).clone();
        strategy.apply(&mut value, patch)?;
        self.update(kind, &existing, value, part).map_err(|refusal| refusal.of_patch(kind, name))
    }

    /// Stores a changed object, unless nothing changed.
    pub(crate) fn update(
        &mut self,
        kind: &'static Kind,
        existing: &Arc<Value>,
        mut value: Value,
        part: Part,
    ) -> Result<Arc<Value>, Refusal> {
        let name = object::name(existing);
        let seen = object::text(&value, "/metadata/resourceVersion");
        let current = object::text(existing, "/metadata/resourceVersion");
        if !seen.is_empty() && seen != current {
            return Err(Refusal::modified(kind, name));
        }
        object::drop_nulls(&mut value);
        keep_identity(kind, existing, &mut value)?;
        match part {
            Part::Whole if kind.status => keep(existing, &mut value, |field| field == "status"),
            Part::Whole => {}
            Part::Status => keep(existing, &mut value, |field| field != "status" && field != "metadata"),
        }
        form::normalise(kind, &mut value);
        if **existing == value {
            return Ok(existing.clone());
        }
        if kind.generation && part == Part::Whole && content_differs(existing, &value) {
            let generation = object::number(existing, "/metadata/generation").unwrap_or(0) + 1;
            object::metadata(&mut value).insert("generation".into(), generation.into());
        }
        if part == Part::Whole {
            validate::check_change(kind, existing, &value)?;
        }
        validate::check(kind, &value)?;
        let finalizers = object::list(&value, "/metadata/finalizers");
        let done = object::number(&value, "/metadata/deletionGracePeriodSeconds").unwrap_or(0) == 0;
        if object::terminating(&value) && finalizers.is_empty() && done && !kind.is(&NAMESPACES) {
            // The server deletes instead of updating: watches see the object as it was, the caller what he asked for.
            self.store.remove(kind, (**existing).clone());
            return Ok(Arc::new(value));
        }
        Ok(self.store.put(kind, value))
    }

    fn namespace_accepts(&self, kind: &'static Kind, namespace: &str, name: &str) -> Result<(), Refusal> {
        let Some(there) = self.store.object(&NAMESPACES, "", namespace) else {
            return Err(Refusal::not_found(&NAMESPACES, namespace));
        };
        if !object::terminating(&there) {
            return Ok(());
        }
        let message = format!(
            "{} \"{name}\" is forbidden: unable to create new content in namespace {namespace} because it is being terminated",
            kind.qualified()
        );
        let cause = json!({"reason": "NamespaceTerminating", "message": format!("namespace {namespace} is being terminated"), "field": "metadata.namespace"});
        let details = json!({"name": name, "group": kind.group, "kind": kind.resource, "causes": [cause]});
        Err(Refusal::new(403, "Forbidden", message).with_details(details))
    }
}

/// Gives the body the kind and the namespace of the path, and refuses others.
fn identify(kind: &'static Kind, namespace: &str, value: &mut Value) -> Result<(), Refusal> {
    if !value.is_object() {
        return Err(Refusal::bad_request("the object provided is unrecognized: it is not a JSON object"));
    }
    for (field, expected) in [("apiVersion", kind.api_version()), ("kind", kind.name.to_owned())] {
        match value.get(field).and_then(Value::as_str) {
            None | Some("") => value[field] = expected.into(),
            Some(given) if given == expected => {}
            Some(given) => {
                let message = format!("{field} {given} in the body does not match the expected {expected}");
                return Err(Refusal::bad_request(message));
            }
        }
    }
    if !kind.namespaced {
        return Ok(());
    }
    let given = object::namespace(value);
    if !given.is_empty() && given != namespace {
        let message = format!(
            "the namespace of the provided object does not match the namespace sent on the request ({given}, {namespace})"
        );
        return Err(Refusal::bad_request(message));
    }
    object::metadata(value).insert("namespace".into(), namespace.into());
    Ok(())
}

/// Refuses other names and uids, and keeps what only the server sets.
fn keep_identity(kind: &'static Kind, existing: &Value, value: &mut Value) -> Result<(), Refusal> {
    let name = object::name(existing);
    let metadata = object::metadata(value);
    for field in
        ["name", "namespace", "uid", "creationTimestamp", "deletionTimestamp", "deletionGracePeriodSeconds"]
    {
        let old = existing.pointer(&format!("/metadata/{field}"));
        match (metadata.get(field), old) {
            (Some(new), Some(old)) if new == old => {}
            (None, None) => {}
            (None, Some(old)) => {
                metadata.insert(field.into(), old.clone());
            }
            (Some(new), _) => {
                let why = format!("Invalid value: {new}: field is immutable");
                let field = format!("metadata.{field}");
                return Err(Refusal::invalid(kind, name, "FieldValueInvalid", &field, &why));
            }
        }
    }
    for field in ["resourceVersion", "generation"] {
        match existing.pointer(&format!("/metadata/{field}")) {
            Some(old) => metadata.insert(field.into(), old.clone()),
            None => metadata.remove(field),
        };
    }
    Ok(())
}

/// Takes the top-level fields that `whose` names from the existing object.
fn keep(existing: &Value, value: &mut Value, whose: impl Fn(&str) -> bool) {
    let (Some(old), Some(new)) = (existing.as_object(), value.as_object_mut()) else { return };
    new.retain(|field, _| !whose(field));
    new.extend(old.iter().filter(|(field, _)| whose(field)).map(|(f, v)| (f.clone(), v.clone())));
}

/// Something other than metadata and status differs.
fn content_differs(old: &Value, new: &Value) -> bool {
    let content = |v: &Value| {
        v.as_object().map(|o| {
            o.iter()
                .filter(|(f, _)| !matches!(f.as_str(), "metadata" | "status"))
                .map(|(f, v)| (f.clone(), v.clone()))
                .collect::<Vec<_>>()
        })
    };
    content(old) != content(new)
}
