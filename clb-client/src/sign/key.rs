//! The key of one credential for one UTC day and one service.

use std::fmt;

use chrono::DateTime;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use zeroize::Zeroizing;

use super::UnixSeconds;
use crate::credential::SecretKey;

/// A derived signing key, held as a keyed HMAC state. Key material: wiped when dropped, never printed.
pub(crate) struct DayKey {
    /// Days since the Unix epoch, in UTC.
    day: u64,
    /// The same day as `YYYY-MM-DD`.
    date: String,
    /// The product in the scope.
    service: String,
    /// HMAC keyed with `secret_signing`; a copy of it saves hashing the key block again.
    keyed: Hmac<Sha256>,
}

impl DayKey {
    /// Derives the key of the UTC day that `at` falls on.
    //
    // secret_date    = HMAC("TC3" + secret key, date)
    // secret_service = HMAC(secret_date,        service)
    // secret_signing = HMAC(secret_service,     "tc3_request")
    pub(crate) fn derive(secret: &SecretKey, service: &str, at: UnixSeconds) -> Self {
        let date = date(at);
        let [.., secret_signing] = chain(secret, &date, service);
        Self { day: at.day(), date, service: service.to_owned(), keyed: keyed(&*secret_signing) }
    }

    /// Whether this key signs for `service` on the UTC day of `at`.
    pub(crate) fn fits(&self, service: &str, at: UnixSeconds) -> bool {
        self.day == at.day() && self.service == service
    }

    /// The UTC day as `YYYY-MM-DD`.
    pub(crate) fn date(&self) -> &str {
        &self.date
    }

    /// The product in the scope.
    pub(crate) fn service(&self) -> &str {
        &self.service
    }

    /// A fresh HMAC under this key.
    pub(super) fn keyed(&self) -> Hmac<Sha256> {
        self.keyed.clone()
    }
}

impl fmt::Debug for DayKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DayKey")
            .field("date", &self.date)
            .field("service", &self.service)
            .finish_non_exhaustive()
    }
}

/// `secret_date`, `secret_service` and `secret_signing`.
pub(super) fn chain(secret: &SecretKey, date: &str, service: &str) -> [Zeroizing<[u8; 32]>; 3] {
    let mut prefixed = Zeroizing::new(Vec::with_capacity(3 + secret.expose().len()));
    prefixed.extend_from_slice(b"TC3");
    prefixed.extend_from_slice(secret.expose().as_bytes());
    let secret_date = digest(&prefixed, date);
    let secret_service = digest(&*secret_date, service);
    let secret_signing = digest(&*secret_service, "tc3_request");
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
