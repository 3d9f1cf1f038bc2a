//! The key of one credential for one UTC day and one service.

use chrono::DateTime;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use zeroize::Zeroizing;

use super::UnixSeconds;
use crate::credential::SecretKey;

/// A derived signing key, held as a keyed HMAC state. Key material: wiped when dropped, and nothing prints it.
pub(super) struct DayKey {
    /// Days since the Unix epoch, in UTC.
    day: u64,
    /// The credential scope between line feeds: `DATE/service/tc3_request`, with that day as `YYYY-MM-DD`.
    scope_line: String,
    /// HMAC keyed with `secret_signing` that has taken in the first line of the string to sign; a copy of it saves hashing
    /// the key block again.
    begun: Hmac<Sha256>,
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
        let mut begun = keyed(&*secret_signing);
        begun.update(FIRST_LINE.as_bytes());
        Self { day: at.day(), scope_line: format!("\n{date}/{service}/{TERMINATOR}\n"), begun }
    }

    /// Whether this key signs on the UTC day of `at`.
    pub(super) fn fits(&self, at: UnixSeconds) -> bool {
        self.day == at.day()
    }

    /// The credential scope: `DATE/service/tc3_request`.
    pub(super) fn scope(&self) -> &str {
        self.scope_line.trim_ascii()
    }

    /// The HMAC under this key of the string to sign, for the canonical request with this hash.
    //
    // string to sign = "TC3-HMAC-SHA256" \n seconds \n scope \n hash
    pub(super) fn signature(&self, at: UnixSeconds, canonical_request: &[u8; 64]) -> Hmac<Sha256> {
        let (digits, from) = at.decimal();
        let mut mac = self.begun.clone();
        for part in [&digits[from..], self.scope_line.as_bytes(), canonical_request] {
            mac.update(part);
        }
        mac
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

/// First line of the string to sign.
const FIRST_LINE: &str = "TC3-HMAC-SHA256\n";

#[cfg(test)]
mod tests {
    use zeroize::ZeroizeOnDrop;

    use super::*;

    #[test]
    fn x7_hash_states_are_wiped_on_drop() {
        // An HMAC is two of these and a buffer of the message. Compiles only while sha2 has its feature `zeroize`.
        const fn wiped<T: ZeroizeOnDrop>() {}
        wiped::<Sha256>();
        wiped::<Zeroizing<[u8; 32]>>();
    }

    #[test]
    fn the_key_holds_for_one_utc_day() {
        let key = DayKey::derive(&SecretKey::new("key").unwrap(), "clb", UnixSeconds::new(86_399).unwrap());
        assert_eq!(key.scope(), "1970-01-01/clb/tc3_request");
        let fits = |seconds| key.fits(UnixSeconds::new(seconds).unwrap());
        assert!(fits(0) && fits(86_399) && !fits(86_400));
    }
}
