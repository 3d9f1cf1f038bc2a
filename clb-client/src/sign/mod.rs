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
//! | to send with it | value |
//! |---|---|
//! | `Authorization`, `X-TC-Timestamp` | [`Signed::authorization`], [`Signed::timestamp`] |
//! | `Host`, `Content-Type` | byte for byte what was signed |
//! | `X-TC-Action`, `X-TC-Version` | of the call, such as `DescribeTargets` and `2018-03-17` |
//! | `X-TC-Region` | that of the resources, where the action asks for it |
//! | `X-TC-Token` | [`Token::expose`](crate::credential::Token::expose), with a temporary credential |
//!
//! [`Headers`] puts them together, with the feature `http`.
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
mod kept;
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
pub(crate) use kept::Kept;
pub use time::{TimeOutOfRange, UnixSeconds};
#[cfg(feature = "http")]
pub use {
    headers::{BadHeader, Headers},
    verify::{Authorization, VerifyError, verify},
};

/// Signs `request` as `credential` at the instant `at`.
///
/// Pure: the same arguments give the same signature. The key derived for (credential, UTC day, service) and the hash of the
/// unchanging part of the canonical request are kept inside the credential, so that one signature more costs hardly more than
/// hashing the body and five blocks of 64 bytes.
#[must_use]
pub fn sign(request: &Unsigned<'_>, credential: &Credential, at: UnixSeconds) -> Signed {
    let mut authorization = String::with_capacity(ORDINARY_LENGTH);
    sign_into(&mut authorization, request, credential, at);
    Signed { authorization, at }
}

/// As [`sign`], into a buffer of the caller: appends the value of the `Authorization` header. Allocates nothing where the
/// buffer has room and the last signature of the credential was for the same day, service and headers.
pub fn sign_into(
    authorization: &mut String,
    request: &Unsigned<'_>,
    credential: &Credential,
    at: UnixSeconds,
) {
    // The body may be long; other threads that sign wait for the rest only.
    let payload = request.hashed_payload();
    credential.with_kept(|id, secret, kept| {
        let common = kept.common(id.as_str(), secret, request, at);
        let signature = hex32(&common.signature(at, &payload).finalize().into_bytes().into());
        authorization.push_str(common.header());
        authorization.push_str(ascii(&signature));
    });
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

/// Lower-case hexadecimal digits of a SHA-256 digest.
fn hex32(digest: &[u8; 32]) -> [u8; 64] {
    // Arithmetic, which becomes vector code: digits from a table take four times as long.
    let digit = |nibble: u8| nibble + if nibble < 10 { b'0' } else { b'a' - 10 };
    let mut digits = [0; 64];
    for (pair, byte) in digits.as_chunks_mut().0.iter_mut().zip(digest) {
        *pair = [digit(byte >> 4), digit(byte & 15)];
    }
    digits
}

/// Digits as text.
fn ascii(digits: &[u8; 64]) -> &str {
    str::from_utf8(digits).expect("hexadecimal digits are ASCII")
}

/// Bytes of a header value with an id of 36 characters and two signed headers, which are 200, and some more.
const ORDINARY_LENGTH: usize = 256;

/// Name of the signing method, first word of the header.
const ALGORITHM: &str = "TC3-HMAC-SHA256";
