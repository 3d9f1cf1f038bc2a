//! The known answers of the crate's tests.

use clb_client::credential::{Credential, SecretId, SecretKey};
use clb_client::sign::{UnixSeconds, Unsigned, sign};
use serde_json::Value;

/// Signs every vector and compares the header. How many there are.
pub(crate) fn check() -> usize {
    let file: Value =
        serde_json::from_str(include_str!("../../../clb-client/tests/tc3/vectors.json")).expect("vectors");
    let vectors = file["vectors"].as_array().expect("a list");
    for vector in vectors {
        let text = |part: &str, name: &str| vector[part][name].as_str().unwrap_or_default().to_owned();
        let input = |name: &str| text("input", name);
        let [id, key, payload] = ["secret_id", "secret_key", "payload"].map(input);
        let credential =
            Credential::new(SecretId::new(id).expect("an id"), SecretKey::new(key).expect("a key"));
        let [host, method, path, query] = ["host", "method", "path", "query"].map(input);
        let [service, content_type, action] = ["service", "content_type", "action"].map(input);
        let mut request = Unsigned::new(&host, payload.as_bytes())
            .with_method(&method)
            .with_target(&path, &query)
            .with_service(&service)
            .with_content_type(&content_type);
        if text("expected", "signed_headers").contains("x-tc-action") {
            request = request.with_header("X-TC-Action", &action);
        }
        if vector["input"]["unsigned_payload"] == true {
            request = request.with_unsigned_payload();
        }
        let at = UnixSeconds::new(vector["input"]["timestamp"].as_u64().expect("seconds")).expect("a time");
        let signed = sign(&request, &credential, at);
        assert_eq!(signed.authorization(), text("expected", "authorization"), "{}", vector["name"]);
    }
    vectors.len()
}
