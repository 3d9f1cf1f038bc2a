//! Kubeconfig files: one user, one context.

use serde_json::{Value, json};

/// A kubeconfig (JSON is YAML too) for `server` that trusts `ca` (a file) and shows `token`.
pub(crate) fn kubeconfig(server: &str, ca: &std::path::Path, token: &str) -> Value {
    json!({
        "apiVersion": "v1", "kind": "Config", "current-context": "test",
        "clusters": [{"name": "test", "cluster": {"server": server, "certificate-authority": ca}}],
        "users": [{"name": "test", "user": {"token": token}}],
        "contexts": [{"name": "test", "context": {"cluster": "test", "user": "test"}}],
    })
}
