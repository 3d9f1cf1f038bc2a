//! The key of one credential for one UTC day and one service.

use std::fmt;

use chrono::DateTime;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use zeroize::Zeroizing;

use super::{ALGORITHM, UnixSeconds};
use crate::credential::SecretKey;

/// A derived signing key, held as a keyed HMAC state. Key material: wiped when dropped, never printed.
pub(super) struct DayKey {
    /// Days since the Unix epoch, in UTC.
    day: u64,
    /// The credential scope: `DATE/service/tc3_request`, with that day as `YYYY-MM-DD`.
    scope: String,
    /// HMAC keyed with `secret_signing`; a copy of it saves hashing the key block again.
    keyed: Hmac<Sha256>,
}

impl DayKey {
    /// Derives the key of the UTC day that `at` falls on.
    //
    // secret_date    = HMAC("TC3" + secret key, date)
    // secret_service = HMAC(secret_date,        service)
    // secret_signing = HMAC(secret_service,     "tc3_request")
    pub(super) fn derive(secret: &SecretKey, service: &str, at: UnixSeconds) -> Self {
        let date = date(at);
        let [.., secret_signing] = chain(secret, &date, service);
        Self {
            day: at.day(),
            scope: format!("{date}/{service}/{TERMINATOR}"),
            keyed: keyed(&*secret_signing),
        }
    }

    /// Whether this key signs for `service` on the UTC day of `at`.
    pub(super) fn fits(&self, service: &str, at: UnixSeconds) -> bool {
        self.day == at.day() && self.service() == service
    }

    /// The credential scope: `DATE/service/tc3_request`.
    pub(super) fn scope(&self) -> &str {
        &self.scope
    }

    /// The HMAC under this key of the string to sign, for the canonical request with this hash.
    pub(super) fn signature(&self, at: UnixSeconds, canonical_request: &[u8; 64]) -> Hmac<Sha256> {
        let mut mac = self.keyed.clone();
        self.write_string_to_sign(at, canonical_request, |part| mac.update(part));
        mac
    }

    /// Writes the string to sign piece by piece, so that it need not be put together in memory.
    pub(super) fn write_string_to_sign(
        &self,
        at: UnixSeconds,
        canonical_request: &[u8; 64],
        mut sink: impl FnMut(&[u8]),
    ) {
        let (digits, from) = at.decimal();
        for part in [ALGORITHM.as_bytes(), b"\n", &digits[from..], b"\n", self.scope.as_bytes(), b"\n"] {
            sink(part);
        }
        sink(canonical_request);
    }

    /// The product in the scope.
    fn service(&self) -> &str {
        let date = "YYYY-MM-DD/".len();
        &self.scope[date..self.scope.len() - TERMINATOR.len() - 1]
    }
}

impl fmt::Debug for DayKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DayKey").field("scope", &self.scope).finish_non_exhaustive()
    }
}

/// `secret_date`, `secret_service` and `secret_signing`.
pub(super) fn chain(secret: &SecretKey, date: &str, service: &str) -> [Zeroizing<[u8; 32]>; 3] {
    let mut prefixed = Zeroizing::new(Vec::with_capacity(3 + secret.expose().len()));
    prefixed.extend_from_slice(b"TC3");
    prefixed.extend_from_slice(secret.expose().as_bytes());
    let secret_date = digest(&prefixed, date);
    let secret_service = digest(&*secret_date, service);
    let secret_signing = digest(&*secret_service, TERMINATOR);
    [secret_date, secret_service, secret_signing]
}

/// The UTC date of `at`.
pub(super) fn date(at: UnixSeconds) -> String {
    let seconds = i64::try_from(at.get()).expect("UnixSeconds ends with the year 9999");
    let instant = DateTime::from_timestamp(seconds, 0).expect("UnixSeconds ends with the year 9999");
    instant.date_naive().to_string()
}

/// One step of the chain.
fn digest(key: &[u8], message: &str) -> Zeroizing<[u8; 32]> {
    let mut mac = keyed(key);
    mac.update(message.as_bytes());
    Zeroizing::new(mac.finalize().into_bytes().into())
}

/// HMAC-SHA256 under `key`.
fn keyed(key: &[u8]) -> Hmac<Sha256> {
    Hmac::new_from_slice(key).expect("HMAC takes a key of any length")
}

/// Last part of the credential scope, and the last text that the chain takes in.
const TERMINATOR: &str = "tc3_request";
