//! The server's side: does a received request carry the signature of this secret key?

use hmac::Mac;
use http::{HeaderMap, Request, header};

use super::canonical::UNSIGNED_PAYLOAD;
use super::kept::Common;
use super::{ALGORITHM, UnixSeconds, Unsigned, key};
use crate::credential::SecretKey;

/// The parts of a received `Authorization` header.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Authorization<'a> {
    /// Whose key to verify with.
    secret_id: &'a str,
    /// Date of the scope, `YYYY-MM-DD`.
    date: &'a str,
    /// Product of the scope.
    service: &'a str,
    /// Names joined by `;`.
    signed_headers: &'a str,
    /// Hexadecimal digits.
    signature: &'a str,
}

impl<'a> Authorization<'a> {
    /// Takes the header of a received request apart.
    ///
    /// # Errors
    /// [`VerifyError::Malformed`] when it is missing or not of the documented form.
    pub fn of(headers: &'a HeaderMap) -> Result<Self, VerifyError> {
        let malformed = |what| move || VerifyError::Malformed { what };
        let value = text(headers, header::AUTHORIZATION.as_str())?;
        let rest = value.strip_prefix(ALGORITHM).ok_or_else(malformed("signing method"))?;
        let mut parts = rest.split(',').map(str::trim);
        let mut part = |name: &'static str| {
            parts
                .next()
                .and_then(|part| part.strip_prefix(name)?.strip_prefix('='))
                .ok_or_else(malformed(name))
        };
        let (credential, signed_headers, signature) =
            (part("Credential")?, part("SignedHeaders")?, part("Signature")?);
        let mut scope = credential.split('/');
        let (Some(secret_id), Some(date), Some(service), Some("tc3_request"), None) =
            (scope.next(), scope.next(), scope.next(), scope.next(), scope.next())
        else {
            return Err(VerifyError::Malformed { what: "Credential" });
        };
        Ok(Self { secret_id, date, service, signed_headers, signature })
    }

    /// Whose key to verify with.
    #[must_use]
    pub const fn secret_id(&self) -> &'a str {
        self.secret_id
    }

    /// Date of the scope, `YYYY-MM-DD`.
    #[must_use]
    pub const fn date(&self) -> &'a str {
        self.date
    }

    /// Product of the scope, such as `clb`.
    #[must_use]
    pub const fn service(&self) -> &'a str {
        self.service
    }

    /// Names of the signed headers, joined by `;`.
    #[must_use]
    pub const fn signed_headers(&self) -> &'a str {
        self.signed_headers
    }
}

/// Signs a received request again with `secret`, over the bytes and headers as they came, and compares in constant time.
///
/// Returns the instant that was signed; whether it is near enough to the server's own clock is the caller's decision.
/// [`Authorization::of`] says whose secret to look up.
///
/// # Errors
/// [`VerifyError::Malformed`] when a needed header is missing or not of the documented form,
/// [`VerifyError::Mismatch`] when the signature is another one.
pub fn verify<B: AsRef<[u8]>>(received: &Request<B>, secret: &SecretKey) -> Result<UnixSeconds, VerifyError> {
    let headers = received.headers();
    let authorization = Authorization::of(headers)?;
    let at = text(headers, "x-tc-timestamp")?
        .parse()
        .ok()
        .and_then(|seconds| UnixSeconds::new(seconds).ok())
        .ok_or(VerifyError::Malformed { what: "X-TC-Timestamp" })?;
    if authorization.date != key::date(at) {
        return Err(VerifyError::Malformed { what: "date of the credential scope" });
    }
    let signed: Vec<&str> = authorization.signed_headers.split(';').collect();
    if !signed.contains(&"content-type") || !signed.contains(&"host") {
        return Err(VerifyError::Malformed { what: "SignedHeaders" });
    }
    let uri = received.uri();
    let mut request = Unsigned::new("", received.body().as_ref())
        .with_method(received.method().as_str())
        .with_target(uri.path(), uri.query().unwrap_or_default())
        .with_service(authorization.service);
    for name in signed {
        request = request.with_header(name, text(headers, name)?);
    }
    if headers.get("x-tc-content-sha256").is_some_and(|value| value == UNSIGNED_PAYLOAD) {
        request = request.with_unsigned_payload();
    }
    let mut signature = [0; 32];
    hex::decode_to_slice(authorization.signature, &mut signature)
        .map_err(|_| VerifyError::Malformed { what: "Signature" })?;
    let mac =
        Common::new(authorization.secret_id, secret, &request, at).signature(at, &request.hashed_payload());
    mac.verify_slice(&signature).map_err(|_| VerifyError::Mismatch)?;
    Ok(at)
}

/// Why a received request is not accepted.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum VerifyError {
    /// A part of the request that the signature needs is missing or not of the documented form.
    #[error("{what} is missing or malformed; the documentation of Signature v3 shows its form")]
    Malformed {
        /// Name of the header or of its part.
        what: &'static str,
    },
    /// The signature is another one: wrong key, or the bytes differ from those that were signed.
    #[error("the signature does not fit; sign exactly the bytes, content type and host that are sent")]
    Mismatch,
}

/// The value of a header as text.
fn text<'a>(headers: &'a HeaderMap, name: &str) -> Result<&'a str, VerifyError> {
    let what = match name {
        "authorization" => "Authorization",
        "x-tc-timestamp" => "X-TC-Timestamp",
        _ => "a signed header",
    };
    headers.get(name).and_then(|value| value.to_str().ok()).ok_or(VerifyError::Malformed { what })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::credential::{Credential, SecretId};
    use crate::sign::sign;

    #[test]
    fn a_signed_request_is_accepted_under_its_own_key_only() {
        let request = signed(b"{}");
        assert_eq!(Authorization::of(request.headers()).unwrap().secret_id(), "AKIDEXAMPLE");
        assert_eq!(verify(&request, &secret("key")), Ok(at()));
        assert_eq!(verify(&request, &secret("another")), Err(VerifyError::Mismatch));
    }

    #[test]
    fn a_changed_byte_of_body_host_or_time_is_refused() {
        let mut body = signed(b"{}");
        *body.body_mut() = b"{ }".to_vec();
        assert_eq!(verify(&body, &secret("key")), Err(VerifyError::Mismatch));
        for (name, value) in
            [("host", "other"), ("content-type", "text/plain"), ("x-tc-timestamp", "1772323201")]
        {
            let mut request = signed(b"{}");
            request.headers_mut().insert(name, value.parse().unwrap());
            assert_eq!(verify(&request, &secret("key")), Err(VerifyError::Mismatch), "{name}");
        }
    }

    #[test]
    fn x11_no_refusal_tells_how_much_of_a_signature_was_right() {
        let right = signed(b"{}");
        let value = right.headers()["authorization"].to_str().unwrap();
        let (before, digits) = value.split_at(value.len() - 64);
        let mut signature = hex::decode(digits).unwrap();
        for at in 0..signature.len() {
            signature[at] ^= 1;
            let forged = format!("{before}{}", hex::encode(&signature));
            signature[at] ^= 1;
            let mut request = signed(b"{}");
            request.headers_mut().insert("authorization", forged.parse().unwrap());
            assert_eq!(verify(&request, &secret("key")), Err(VerifyError::Mismatch), "byte {at}");
        }
    }

    #[test]
    fn malformed_headers_are_named() {
        #[rustfmt::skip]
        let cases = [
            ("authorization", "Basic abc", "signing method"),
            ("authorization", "TC3-HMAC-SHA256 Credential=a/b/c, SignedHeaders=host, Signature=00", "Credential"),
            ("authorization", "TC3-HMAC-SHA256 Credential=a/2026-03-01/clb/tc3_request, Signature=00", "SignedHeaders"),
            ("authorization", "TC3-HMAC-SHA256 Credential=a/2026-03-01/clb/tc3_request, SignedHeaders=host, Signature=00", "SignedHeaders"),
            ("authorization", "TC3-HMAC-SHA256 Credential=a/2026-03-01/clb/tc3_request, SignedHeaders=content-type;host, Signature=0g", "Signature"),
            ("authorization", "TC3-HMAC-SHA256 Credential=a/2026-03-02/clb/tc3_request, SignedHeaders=content-type;host, Signature=00", "date of the credential scope"),
            ("x-tc-timestamp", "-1", "X-TC-Timestamp"),
        ];
        for (name, value, what) in cases {
            let mut request = signed(b"{}");
            request.headers_mut().insert(name, value.parse().unwrap());
            assert_eq!(verify(&request, &secret("key")), Err(VerifyError::Malformed { what }), "{value}");
        }
    }

    proptest! {
        #[test]
        fn no_header_makes_the_verifier_panic_or_accept(value in "(TC3-HMAC-SHA256 )?(Credential=)?[ -~]{0,60}(, ?SignedHeaders=[a-z;-]{0,20}, Signature=[0-9a-f]{0,64})?") {
            let mut request = signed(b"{}");
            request.headers_mut().insert("authorization", value.parse().unwrap());
            prop_assert!(verify(&request, &secret("key")).is_err());
        }
    }

    fn at() -> UnixSeconds {
        UnixSeconds::new(1_772_323_200).unwrap()
    }

    fn secret(text: &str) -> SecretKey {
        SecretKey::new(text).unwrap()
    }

    fn signed(body: &[u8]) -> Request<Vec<u8>> {
        let credential = Credential::new(SecretId::new("AKIDEXAMPLE").unwrap(), secret("key"));
        let signed = sign(&Unsigned::new("127.0.0.1:8080", body), &credential, at());
        Request::post("/")
            .header("host", "127.0.0.1:8080")
            .header("content-type", "application/json")
            .header("x-tc-timestamp", signed.timestamp().to_string())
            .header("authorization", signed.authorization())
            .body(body.to_vec())
            .unwrap()
    }
}
