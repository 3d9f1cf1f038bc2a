//! What the controllers under test asked the API server for, as its audit log tells.

use std::collections::BTreeSet;
use std::path::Path;

use serde_json::{Value, json};

/// One kind of request, as a rule of RBAC names it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Audited {
    pub(crate) namespace: String,
    pub(crate) group: String,
    /// `pods`, or `pods/status` with its subresource.
    pub(crate) resource: String,
    pub(crate) verb: String,
    pub(crate) allowed: bool,
}

/// Records the metadata of every request of a ServiceAccount, nothing else.
pub(crate) fn policy() -> Value {
    json!({
        "apiVersion": "audit.k8s.io/v1", "kind": "Policy", "omitStages": ["RequestReceived"],
        "rules": [{"level": "Metadata", "userGroups": ["system:serviceaccounts"]}, {"level": "None"}],
    })
}

/// What `user` asked for so far.
pub(crate) fn audited(log: &Path, user: &str) -> BTreeSet<Audited> {
    let text = std::fs::read_to_string(log).unwrap_or_default();
    // Most lines are of other tests; reading them as JSON would take longer than the test.
    let lines = text
        .lines()
        .filter(|line| line.contains(user))
        .filter_map(|line| serde_json::from_str::<Value>(line).ok());
    lines
        .filter(|line| line["user"]["username"] == user && line["objectRef"].is_object())
        .map(|line| request(&line))
        .collect()
}

fn request(line: &Value) -> Audited {
    let object = &line["objectRef"];
    let text = |value: &Value| value.as_str().unwrap_or("").to_owned();
    let resource = match object["subresource"].as_str() {
        Some(subresource) => format!("{}/{subresource}", text(&object["resource"])),
        None => text(&object["resource"]),
    };
    Audited {
        namespace: text(&object["namespace"]),
        group: text(&object["apiGroup"]),
        resource,
        verb: text(&line["verb"]),
        allowed: line["annotations"]["authorization.k8s.io/decision"] == "allow",
    }
}
