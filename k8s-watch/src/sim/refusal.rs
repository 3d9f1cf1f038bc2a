//! Error answers: the `Status` object of a real server, reason and details included.

use std::fmt;

use serde_json::{Map, Value, json};

use super::kind::Kind;

/// Why the API refused a request.
#[derive(Clone, Debug)]
pub struct Refusal {
    code: u16,
    reason: &'static str,
    message: String,
    details: Value,
    /// `metadata.continue`: a token to go on with, inconsistently.
    resume: Option<String>,
    /// Seconds for the header `Retry-After`.
    pub(crate) retry_after: Option<u32>,
    /// Answer with the message as plain text instead of a `Status`, as overload protection does.
    pub(crate) plain: bool,
}

impl Refusal {
    /// The HTTP status.
    #[must_use]
    pub const fn code(&self) -> u16 {
        self.code
    }

    /// The machine-readable reason, `NotFound` for one; empty when the server gives none.
    #[must_use]
    pub const fn reason(&self) -> &str {
        self.reason
    }

    /// What went wrong, in words.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.message
    }

    /// The `Status` object.
    pub(crate) fn status(&self) -> Value {
        let mut status = json!({
            "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
            "message": self.message, "code": self.code,
        });
        if !self.reason.is_empty() {
            status["reason"] = self.reason.into();
        }
        if let Some(token) = &self.resume {
            status["metadata"]["continue"] = token.as_str().into();
        }
        if !self.details.is_null() {
            status["details"] = self.details.clone();
        }
        status
    }

    pub(crate) const fn new(code: u16, reason: &'static str, message: String) -> Self {
        Self { code, reason, message, details: Value::Null, resume: None, retry_after: None, plain: false }
    }

    pub(crate) fn not_found(kind: &Kind, name: &str) -> Self {
        Self::new(404, "NotFound", format!("{} \"{name}\" not found", kind.qualified())).about(kind, name)
    }

    /// A path that the server does not serve.
    pub(crate) fn no_such_path() -> Self {
        Self::new(404, "NotFound", "the server could not find the requested resource".into())
            .with_details(json!({}))
    }

    /// A method that the path does not know.
    pub(crate) fn method_not_allowed() -> Self {
        let message = "the server does not allow this method on the requested resource".to_owned();
        Self::new(405, "MethodNotAllowed", message).with_details(json!({}))
    }

    /// A parameter of a list or a watch that is forbidden here.
    pub(crate) fn list_option(field: &str, why: &str) -> Self {
        let message = format!("ListOptions.meta.k8s.io \"\" is invalid: {field}: Forbidden: {why}");
        let cause =
            json!({"reason": "FieldValueForbidden", "message": format!("Forbidden: {why}"), "field": field});
        Self::new(422, "Invalid", message)
            .with_details(json!({"group": "meta.k8s.io", "kind": "ListOptions", "causes": [cause]}))
    }

    pub(crate) fn already_exists(kind: &Kind, name: &str, terminating: bool) -> Self {
        let exists = format!("{} \"{name}\" already exists", kind.qualified());
        let message = if terminating { format!("object is being deleted: {exists}") } else { exists };
        Self::new(409, "AlreadyExists", message).about(kind, name)
    }

    pub(crate) fn conflict(kind: &Kind, name: &str, why: &str) -> Self {
        Self::conflict_on(&kind.qualified(), name, why).about(kind, name)
    }

    /// A precondition of a deletion does not hold; such answers name the kind, not the resource.
    pub(crate) fn precondition(kind: &Kind, name: &str, why: &str) -> Self {
        let mut refusal = Self::conflict_on(&kind.qualified_name(), name, why).about(kind, name);
        refusal.details["kind"] = kind.name.into();
        refusal
    }

    /// A conflict on what is called `what` in messages.
    pub(crate) fn conflict_on(what: &str, name: &str, why: &str) -> Self {
        let message = format!("Operation cannot be fulfilled on {what} \"{name}\": {why}");
        Self::new(409, "Conflict", message).with_details(json!({"name": name, "kind": what}))
    }

    /// A stale resourceVersion.
    pub(crate) fn modified(kind: &Kind, name: &str) -> Self {
        let why =
            "the object has been modified; please apply your changes to the latest version and try again";
        Self::conflict(kind, name, why)
    }

    /// One field is wrong. `cause` is `FieldValueInvalid`, `FieldValueRequired` and so on.
    pub(crate) fn invalid(kind: &Kind, name: &str, cause: &str, field: &str, why: &str) -> Self {
        let message = format!("{} \"{name}\" is invalid: {field}: {why}", kind.qualified_name());
        let mut refusal = Self::new(422, "Invalid", message);
        let mut details = Map::new();
        details.insert("name".into(), name.into());
        if !kind.group.is_empty() {
            details.insert("group".into(), kind.group.into());
        }
        details.insert("kind".into(), kind.name.into());
        details.insert("causes".into(), json!([{ "reason": cause, "message": why, "field": field }]));
        refusal.details = Value::Object(details);
        refusal
    }

    pub(crate) fn bad_request(message: impl Into<String>) -> Self {
        Self::new(400, "BadRequest", message.into())
    }

    /// A body that cannot be read as its kind is called invalid when a patch has made it so.
    pub(crate) fn of_patch(self, kind: &Kind, name: &str) -> Self {
        match self.code {
            400 => Self::invalid(
                kind,
                name,
                "FieldValueInvalid",
                "patch",
                &format!("Invalid value: {}", self.message),
            ),
            _ => self,
        }
    }

    pub(crate) fn unsupported(message: impl Into<String>) -> Self {
        Self::new(415, "UnsupportedMediaType", message.into()).with_details(json!({}))
    }

    /// `resource` includes the subresource: `pods/status`.
    pub(crate) fn forbidden(kind: &Kind, verb: &str, resource: &str, namespace: &str, name: &str) -> Self {
        let of = if kind.group.is_empty() { String::new() } else { format!(".{}", kind.group) };
        let place = if namespace.is_empty() {
            "at the cluster scope".to_owned()
        } else {
            format!("in the namespace \"{namespace}\"")
        };
        let subject = if name.is_empty() { String::new() } else { format!(" \"{name}\"") };
        let message = format!(
            "{}{of}{subject} is forbidden: User \"{USER}\" cannot {verb} resource \"{resource}\" in API group \"{}\" {place}",
            kind.resource, kind.group,
        );
        Self::new(403, "Forbidden", message).about(kind, name)
    }

    /// A resourceVersion or continue token that the history no longer reaches.
    pub(crate) fn expired(message: impl Into<String>) -> Self {
        Self::new(410, "Expired", message.into())
    }

    /// Overload protection: plain text, not a `Status`.
    pub(crate) fn overloaded(retry_after: u32) -> Self {
        let message = "Too many requests, please try again later.".to_owned();
        Self { retry_after: Some(retry_after), plain: true, ..Self::new(429, "TooManyRequests", message) }
    }

    pub(crate) fn with_details(mut self, details: Value) -> Self {
        self.details = details;
        self
    }

    pub(crate) fn with_continue(mut self, token: String) -> Self {
        self.resume = Some(token);
        self
    }

    fn about(mut self, kind: &Kind, name: &str) -> Self {
        let mut details = Map::new();
        if !name.is_empty() {
            details.insert("name".into(), name.into());
        }
        if !kind.group.is_empty() {
            details.insert("group".into(), kind.group.into());
        }
        details.insert("kind".into(), kind.resource.into());
        self.details = Value::Object(details);
        self
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}: {}", self.code, self.reason, self.message)
    }
}

impl std::error::Error for Refusal {}

/// Who asks, in 403 messages. The cluster has no users.
const USER: &str = "system:serviceaccount:default:default";
