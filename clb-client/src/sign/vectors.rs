//! Golden vectors, most of them produced by the official Python SDK: a failure names the vector and the signing stage.

use hmac::{Hmac, KeyInit, Mac};
use http::Request;
use serde::Deserialize;
use sha2::Sha256;

use super::kept::Common;
use super::key::{self, DayKey};
use super::{Headers, Signed, UnixSeconds, Unsigned, sign, verify};
use crate::credential::{Credential, SecretId, SecretKey, Token};

#[test]
fn every_stage_of_every_vector_is_met() {
    let file: File = serde_json::from_str(include_str!("../../tests/tc3/vectors.json")).unwrap();
    assert_eq!(file.vectors.len(), 18);
    for vector in &file.vectors {
        vector.check();
    }
}

impl Vector {
    fn check(&self) {
        let (input, expected) = (&self.input, &self.expected);
        let stage = |stage: &str, found: String, expected: &str| {
            assert_eq!(found, expected, "vector {}, stage {stage}", self.name);
        };
        assert_eq!(
            input.payload.len(),
            input.payload_len_bytes,
            "vector {}, stage payload length",
            self.name
        );
        let request = self.request();
        let at = UnixSeconds::new(input.timestamp).unwrap();
        let secret = SecretKey::new(input.secret_key.as_str()).unwrap();
        let credential = self.credential();

        stage("signed headers", request.frame().signed_headers(), &expected.signed_headers);
        let payload = request.hashed_payload();
        stage("hashed payload", ascii(&payload), &expected.hashed_payload);
        let canonical = request.frame().opening() + &ascii(&payload);
        stage("canonical request", canonical, &expected.canonical_request);
        let common = Common::new(&input.secret_id, &secret, &request, at);
        let hash = common.hashed_canonical_request(&payload);
        stage("hashed canonical request", ascii(&hash), &expected.hashed_canonical_request);

        let day_key = DayKey::derive(&secret, &input.service, at);
        stage("date", key::date(at), &expected.date);
        stage("credential scope", day_key.scope().to_owned(), &expected.credential_scope);
        let [secret_date, secret_service, secret_signing] =
            key::chain(&secret, &expected.date, &input.service);
        stage("secret_date", hex::encode(*secret_date), &expected.secret_date_hex);
        stage("secret_service", hex::encode(*secret_service), &expected.secret_service_hex);
        stage("secret_signing", hex::encode(*secret_signing), &expected.secret_signing_hex);
        let mut mac = Hmac::<Sha256>::new_from_slice(&*secret_signing).unwrap();
        mac.update(expected.string_to_sign.as_bytes());
        stage("signature", hex::encode(mac.finalize().into_bytes()), &expected.signature);
        let mac = day_key.signature(at, &hash);
        stage(
            "signature of the string to sign",
            hex::encode(mac.finalize().into_bytes()),
            &expected.signature,
        );

        let signed = sign(&request, &credential, at);
        stage("signature of sign()", signed.signature().to_owned(), &expected.signature);
        stage("authorization", signed.authorization().to_owned(), &expected.authorization);
        let again = sign(&request, &credential, at);
        stage("authorization with what is kept", again.authorization().to_owned(), &expected.authorization);
        self.check_headers(&signed);
    }

    /// The headers of the request, and that a server which receives them accepts the signature.
    fn check_headers(&self, signed: &Signed) {
        let (input, expected) = (&self.input, &self.expected);
        let mut built = Headers::new(&input.host, &input.action, &input.version)
            .with_content_type(&input.content_type)
            .with_region(&input.region);
        if let Some(language) = &input.language {
            built = built.with_language(language);
        }
        let mut built = built.build(signed, self.credential().token()).unwrap();
        if input.unsigned_payload {
            built.insert("x-tc-content-sha256", "UNSIGNED-PAYLOAD".parse().unwrap());
        }
        let mut found: Vec<_> =
            built.iter().map(|(n, v)| (n.as_str().to_owned(), v.to_str().unwrap().to_owned())).collect();
        let mut wanted: Vec<_> =
            expected.headers.iter().map(|(n, v)| (n.to_lowercase(), v.clone())).collect();
        found.sort();
        wanted.sort();
        assert_eq!(found, wanted, "vector {}, stage headers", self.name);

        let mut received = Request::builder()
            .method(input.method.as_str())
            .uri(input.path.as_str())
            .body(&input.payload)
            .unwrap();
        *received.headers_mut() = built;
        let secret = SecretKey::new(input.secret_key.as_str()).unwrap();
        assert_eq!(
            verify(&received, &secret),
            Ok(signed.timestamp()),
            "vector {}, stage verification",
            self.name
        );
    }

    fn request(&self) -> Unsigned<'_> {
        let input = &self.input;
        let mut request = Unsigned::new(&input.host, input.payload.as_bytes())
            .with_method(&input.method)
            .with_target(&input.path, &input.query)
            .with_service(&input.service)
            .with_content_type(&input.content_type);
        if input.unsigned_payload {
            request = request.with_unsigned_payload();
        }
        if self.expected.signed_headers.contains("x-tc-action") {
            request = request.with_header("X-TC-Action", &input.action);
        }
        request
    }

    fn credential(&self) -> Credential {
        let id = SecretId::new(self.input.secret_id.as_str()).unwrap();
        let credential = Credential::new(id, SecretKey::new(self.input.secret_key.as_str()).unwrap());
        match &self.input.token {
            Some(token) => credential.with_token(Token::new(token.as_str()).unwrap()),
            None => credential,
        }
    }
}

fn ascii(digits: &[u8; 64]) -> String {
    String::from_utf8(digits.to_vec()).unwrap()
}

#[derive(Deserialize)]
struct File {
    vectors: Vec<Vector>,
}

#[derive(Deserialize)]
struct Vector {
    name: String,
    input: Input,
    expected: Expected,
}

#[derive(Deserialize)]
struct Input {
    method: String,
    path: String,
    query: String,
    host: String,
    service: String,
    version: String,
    action: String,
    region: String,
    content_type: String,
    secret_id: String,
    secret_key: String,
    token: Option<String>,
    timestamp: u64,
    language: Option<String>,
    unsigned_payload: bool,
    payload: String,
    payload_len_bytes: usize,
}

#[derive(Deserialize)]
struct Expected {
    date: String,
    credential_scope: String,
    signed_headers: String,
    hashed_payload: String,
    canonical_request: String,
    hashed_canonical_request: String,
    string_to_sign: String,
    secret_date_hex: String,
    secret_service_hex: String,
    secret_signing_hex: String,
    signature: String,
    authorization: String,
    headers: std::collections::BTreeMap<String, String>,
}
