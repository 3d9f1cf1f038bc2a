//! TC3-HMAC-SHA256: a pure function from request, credential and time to the `Authorization` header.
//!
//! ```text
//! canonical request = METHOD \n path \n query \n headers \n signed header names \n hex(SHA-256(body))
//! string to sign    = "TC3-HMAC-SHA256" \n seconds \n DATE/service/tc3_request \n hex(SHA-256(canonical request))
//! signature         = hex(HMAC(day key, string to sign))          day key: see `key.rs`
//! ```
//!
//! The date is that of the same instant, in UTC: no second clock reading, no local time zone.
//! By default exactly `content-type` and `host` are signed, as the official Python and Go SDKs do; more headers on request.
//! The bytes that are signed must be the bytes that are sent: nothing may serialise the body again on the way.
//!
//! Source: Tencent Cloud API documentation, "Signature v3"; official Python SDK, `abstract_client.py`.
//!
//! ```
//! use clb_client::credential::{Credential, SecretId, SecretKey};
//! use clb_client::sign::{UnixSeconds, Unsigned, sign};
//!
//! let credential = Credential::new(SecretId::new("AKIDEXAMPLE")?, SecretKey::new("example-key")?);
//! let request = Unsigned::new("clb.tencentcloudapi.com", br#"{"LoadBalancerId":"lb-1"}"#);
//! let signed = sign(&request, &credential, UnixSeconds::new(1_772_323_200)?);
//! assert!(signed.authorization().starts_with("TC3-HMAC-SHA256 Credential=AKIDEXAMPLE/2026-03-01/clb/tc3_request, "));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod canonical;
#[cfg(feature = "http")]
mod headers;
mod key;
mod time;
#[cfg(test)]
#[cfg(feature = "http")]
mod vectors;
#[cfg(feature = "http")]
mod verify;

use std::fmt;

use hmac::Mac;

use crate::credential::Credential;

pub use canonical::Unsigned;
pub(crate) use key::DayKey;
pub use time::{TimeOutOfRange, UnixSeconds};
#[cfg(feature = "http")]
pub use {
    headers::{BadHeader, Headers},
    verify::{Authorization, VerifyError, verify},
};

/// Signs `request` as `credential` at the instant `at`.
///
/// Pure: the same arguments give the same signature. The key derived for (credential, UTC day, service) is kept inside
/// the credential, so that further signatures of the same day cost one HMAC instead of four.
#[must_use]
pub fn sign(request: &Unsigned<'_>, credential: &Credential, at: UnixSeconds) -> Signed {
    let mut authorization = String::with_capacity(ORDINARY_LENGTH);
    sign_into(&mut authorization, request, credential, at);
    Signed { authorization, at }
}

/// As [`sign`], into a buffer of the caller: appends the value of the `Authorization` header. Allocates nothing where the
/// buffer has room and the key of the day is at hand.
pub fn sign_into(
    authorization: &mut String,
    request: &Unsigned<'_>,
    credential: &Credential,
    at: UnixSeconds,
) {
    let key = credential.day_key(request.service(), at);
    let signature = {
        let mut mac = key.keyed();
        write_string_to_sign(request, &key, at, &mut |bytes| mac.update(bytes));
        hex32(&mac.finalize().into_bytes().into())
    };
    for part in
        [ALGORITHM, " Credential=", credential.secret_id().as_str(), "/", key.date(), "/", key.service()]
    {
        authorization.push_str(part);
    }
    authorization.push_str("/tc3_request, SignedHeaders=");
    request.write_signed_headers(&mut |name| authorization.push_str(name));
    authorization.push_str(", Signature=");
    authorization.push_str(ascii(&signature));
}

/// What signing adds to a request.
#[derive(Clone, PartialEq, Eq)]
pub struct Signed {
    /// The whole header value.
    authorization: String,
    /// The instant that was signed.
    at: UnixSeconds,
}

impl Signed {
    /// The value of the `Authorization` header.
    #[must_use]
    pub fn authorization(&self) -> &str {
        &self.authorization
    }

    /// The value of the `X-TC-Timestamp` header; the server refuses the request when it says anything else.
    #[must_use]
    pub fn timestamp(&self) -> UnixSeconds {
        self.at
    }

    /// The signature alone: 64 lower-case hexadecimal digits, the end of the header value.
    #[must_use]
    pub fn signature(&self) -> &str {
        &self.authorization[self.authorization.len() - 64..]
    }
}

/// Keeps the signature out of logs.
impl fmt::Debug for Signed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Signed").field("at", &self.at).finish_non_exhaustive()
    }
}

/// Writes the string to sign piece by piece, so that it need not be put together in memory.
fn write_string_to_sign(request: &Unsigned<'_>, key: &DayKey, at: UnixSeconds, sink: &mut dyn FnMut(&[u8])) {
    let (digits, from) = at.decimal();
    let hash = request.hashed_canonical_request();
    for part in [ALGORITHM, "\n"] {
        sink(part.as_bytes());
    }
    sink(&digits[from..]);
    for part in ["\n", key.date(), "/", key.service(), "/tc3_request\n"] {
        sink(part.as_bytes());
    }
    sink(&hash);
}

/// Lower-case hexadecimal digits of a SHA-256 digest.
fn hex32(digest: &[u8; 32]) -> [u8; 64] {
    let mut digits = [0; 64];
    hex::encode_to_slice(digest, &mut digits).expect("64 digits for 32 bytes");
    digits
}

/// Digits as text.
fn ascii(digits: &[u8; 64]) -> &str {
    str::from_utf8(digits).expect("hexadecimal digits are ASCII")
}

/// Bytes of a header value with an id of 36 characters and two signed headers, which are 200, and some more.
const ORDINARY_LENGTH: usize = 256;

/// Name of the signing method, first word of the header and first line of the string to sign.
const ALGORITHM: &str = "TC3-HMAC-SHA256";
