//! What the signatures of one credential have in common.

use sha2::{Digest, Sha256};

use super::canonical::Opening;
use super::key::DayKey;
use super::{UnixSeconds, Unsigned, hex32};
use crate::credential::SecretKey;

/// What one signature leaves for the next. It is compared with what is asked for before it is used, so that nothing but time
/// depends on it.
#[derive(Default)]
pub(crate) struct Kept {
    /// The signing key derived last; it holds for one UTC day.
    key: Option<DayKey>,
    /// How the last canonical request began.
    opening: Option<HashedOpening>,
}

/// The opening of a canonical request, hashed.
struct HashedOpening {
    /// The opening.
    of: Opening<'static>,
    /// The names of its signed headers.
    signed_headers: String,
    /// The hash function after it has taken in its text.
    hash: Sha256,
}

/// What a signature is made from, once the body is hashed.
pub(super) struct Prepared<'a> {
    /// The signing key.
    pub(super) key: &'a DayKey,
    /// The names of the signed headers, joined by `;`.
    pub(super) signed_headers: &'a str,
    /// Lower-case hexadecimal SHA-256 of the canonical request.
    pub(super) canonical_request: [u8; 64],
}

impl Kept {
    /// Prepares the signature of `request`, whose body has the hash `payload`, by the key of `secret` for that UTC day.
    pub(super) fn prepare(
        &mut self,
        secret: &SecretKey,
        request: &Unsigned<'_>,
        payload: &[u8; 64],
        at: UnixSeconds,
    ) -> Prepared<'_> {
        let Self { key, opening } = self;
        let service = request.service();
        drop(key.take_if(|key| !key.fits(service, at)));
        drop(opening.take_if(|opening| opening.of != *request.opening()));
        let opening = opening.get_or_insert_with(|| HashedOpening::new(request.opening()));
        Prepared {
            key: key.get_or_insert_with(|| DayKey::derive(secret, service, at)),
            signed_headers: &opening.signed_headers,
            canonical_request: hex32(&opening.hash.clone().chain_update(payload).finalize().into()),
        }
    }
}

impl HashedOpening {
    fn new(opening: &Opening<'_>) -> Self {
        Self {
            of: opening.to_static(),
            signed_headers: opening.signed_headers(),
            hash: Sha256::new_with_prefix(opening.text()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_key_is_derived_once_per_day_and_service() {
        let secret = SecretKey::new("key").unwrap();
        let mut kept = Kept::default();
        let mut scope = |service, seconds| {
            let request = Unsigned::new("h", b"").with_service(service);
            let at = UnixSeconds::new(seconds).unwrap();
            kept.prepare(&secret, &request, &[b'0'; 64], at).key.scope().to_owned()
        };
        assert_eq!(scope("clb", 0), "1970-01-01/clb/tc3_request");
        assert_eq!(scope("clb", 86_399), "1970-01-01/clb/tc3_request");
        assert_eq!(scope("clb", 86_400), "1970-01-02/clb/tc3_request");
        assert_eq!(scope("sts", 86_400), "1970-01-02/sts/tc3_request");
        assert_eq!(scope("clb", 0), "1970-01-01/clb/tc3_request");
    }

    #[test]
    fn no_part_of_a_request_is_taken_from_the_one_before() {
        let base = || Unsigned::new("h", b"");
        let requests = [
            base(),
            base().with_method("GET"),
            Unsigned::new("", b"").with_method("").with_target("", "").with_content_type(""),
            base().with_target("/x", ""),
            base().with_target("/", "x"),
            base().with_content_type("text/plain"),
            base().with_header("host", "other"),
            base().with_header("x-tc-action", "A"),
            base().with_header("x-tc-action", "B"),
        ];
        let (secret, at) = (SecretKey::new("key").unwrap(), UnixSeconds::new(0).unwrap());
        let hash =
            |kept: &mut Kept, request| kept.prepare(&secret, request, &[b'0'; 64], at).canonical_request;
        let mut kept = Kept::default();
        for before in &requests {
            for request in &requests {
                hash(&mut kept, before);
                assert_eq!(
                    hash(&mut kept, request),
                    hash(&mut Kept::default(), request),
                    "{before:?}, {request:?}"
                );
            }
        }
    }
}
