//! What the signatures of one credential have in common.

use hmac::Hmac;
use sha2::{Digest, Sha256};

use super::canonical::Frame;
use super::key::DayKey;
use super::{ALGORITHM, UnixSeconds, Unsigned, hex32};
use crate::credential::SecretKey;

/// What one signature leaves for the next. It is compared with what is asked for before it is used, so that nothing but time
/// depends on it.
#[derive(Default)]
pub(crate) struct Kept(Option<Common>);

/// What a signature needs besides the time and the hash of the body.
pub(super) struct Common {
    /// The signing key; it holds for one UTC day and the service of the request.
    key: DayKey,
    /// The request without its body.
    frame: Frame<'static>,
    /// The hash function after it has taken in the canonical request up to the hash of the body.
    opened: Sha256,
    /// The header value up to the signature.
    header: String,
}

impl Kept {
    /// What the signature of `request` at the instant `at` needs, from the last one where it fits.
    pub(super) fn common(
        &mut self,
        id: &str,
        secret: &SecretKey,
        request: &Unsigned<'_>,
        at: UnixSeconds,
    ) -> &Common {
        drop(self.0.take_if(|kept| !kept.fits(request, at)));
        self.0.get_or_insert_with(|| Common::new(id, secret, request, at))
    }
}

impl Common {
    /// For `request` signed by the key of `secret`, whose name is `id`, on the UTC day of `at`.
    pub(super) fn new(id: &str, secret: &SecretKey, request: &Unsigned<'_>, at: UnixSeconds) -> Self {
        let frame = request.frame().to_static();
        let key = DayKey::derive(secret, frame.service(), at);
        let (scope, names) = (key.scope(), frame.signed_headers());
        Self {
            header: format!("{ALGORITHM} Credential={id}/{scope}, SignedHeaders={names}, Signature="),
            opened: Sha256::new_with_prefix(frame.opening()),
            key,
            frame,
        }
    }

    /// Whether `request` at the instant `at` has all of it in common.
    fn fits(&self, request: &Unsigned<'_>, at: UnixSeconds) -> bool {
        self.key.fits(at) && self.frame == *request.frame()
    }

    /// The value of the `Authorization` header up to the signature.
    pub(super) fn header(&self) -> &str {
        &self.header
    }

    /// Lower-case hexadecimal SHA-256 of the canonical request whose body has the hash `payload`.
    pub(super) fn hashed_canonical_request(&self, payload: &[u8; 64]) -> [u8; 64] {
        hex32(&self.opened.clone().chain_update(payload).finalize().into())
    }

    /// The HMAC that is the signature of a request whose body has the hash `payload`.
    pub(super) fn signature(&self, at: UnixSeconds, payload: &[u8; 64]) -> Hmac<Sha256> {
        self.key.signature(at, &self.hashed_canonical_request(payload))
    }
}

#[cfg(test)]
mod tests {
    use hmac::Mac;

    use super::*;

    #[test]
    fn no_part_of_a_signature_is_taken_from_the_one_before() {
        let base = || Unsigned::new("h", b"");
        let requests = [
            base(),
            base().with_method("GET"),
            base().with_target("/x", ""),
            base().with_target("/", "x"),
            base().with_content_type("text/plain"),
            base().with_header("host", "other"),
            base().with_header("x-tc-action", "A"),
            base().with_header("x-tc-action", "B"),
            base().with_service("sts"),
            Unsigned::new("", b"").with_method("").with_target("", "").with_content_type(""),
        ];
        let secret = SecretKey::new("key").unwrap();
        let signed = |kept: &mut Kept, request, seconds| {
            let at = UnixSeconds::new(seconds).unwrap();
            let common = kept.common("id", &secret, request, at);
            (common.header().to_owned(), common.signature(at, &[b'0'; 64]).finalize())
        };
        let mut kept = Kept::default();
        let moments = [0, 86_399, 86_400];
        let cases = || requests.iter().flat_map(|request| moments.map(|seconds| (request, seconds)));
        for (before, earlier) in cases() {
            for (request, seconds) in cases() {
                signed(&mut kept, before, earlier);
                assert!(
                    signed(&mut kept, request, seconds) == signed(&mut Kept::default(), request, seconds),
                    "{before:?} at {earlier}, then {request:?} at {seconds}"
                );
            }
        }
    }
}
