//! Who calls: secret id, secret key, and a token where they are temporary.
//!
//! A value with white space, a line break or another character outside printable ASCII is refused when it is made, with a
//! message that does not repeat it: a line feed at the end of a Kubernetes Secret is the classic mistake, and a header that
//! carries it would be refused with the key in the error. Nothing is trimmed in silence.
//!
//! Where they come from, with the feature `client`:
//!
//! | source | set up by | renewed |
//! |---|---|---|
//! | [`Credential`] | the program | never |
//! | [`Environment`] | `TENCENTCLOUD_SECRET_ID`, `TENCENTCLOUD_SECRET_KEY` | never |
//! | [`WebIdentity`] | TKE, for Pods with a service account that may take a role | ahead of its end |
//! | [`Profile`] | a file, `~/.tencentcloud/credentials` | when it is refused |
//! | [`InstanceRole`] | a role of the virtual machine | ahead of its end |
//! | [`Chain`] | the first of several that is set up | as that one |
//! | your own | [`ProvideCredential`], or [`FetchCredential`] in a [`Refreshing`] | as you like |
//!
//! Key and token are wiped from memory when the last copy is dropped, and print as `<redacted>`.

#[cfg(feature = "client")]
mod source;

use std::error::Error;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use secrecy::{ExposeSecret, SecretString};
use zeroize::Zeroize;

use crate::sign::{Kept, UnixSeconds};

#[cfg(feature = "client")]
pub use source::{
    Chain, CredentialError, CredentialFuture, Environment, FetchCredential, InstanceRole, Profile,
    ProvideCredential, Refreshing, WebIdentity,
};

/// The three values that belong together, and when they end. Cheap to clone.
///
/// They are always replaced together: an old id with a fresh token is refused by the server.
#[derive(Clone)]
pub struct Credential(Arc<Parts>);

/// What a credential consists of.
struct Parts {
    /// Names the key; sent in clear.
    id: SecretId,
    /// Signs; never sent.
    key: SecretKey,
    /// Sent with temporary credentials.
    token: Option<Token>,
    /// When a temporary credential ends.
    expires: Option<UnixSeconds>,
    /// What the last signature has left for the next one.
    kept: Mutex<Kept>,
}

impl Credential {
    /// A credential without a token that does not end.
    #[must_use]
    pub fn new(id: SecretId, key: SecretKey) -> Self {
        Self(Arc::new(Parts { id, key, token: None, expires: None, kept: Mutex::default() }))
    }

    /// The same with the session token of a temporary credential.
    #[must_use]
    pub fn with_token(self, token: Token) -> Self {
        self.changed(|parts| parts.token = Some(token))
    }

    /// The same with the instant at which the server stops to accept it.
    #[must_use]
    pub fn with_expiry(self, expires: UnixSeconds) -> Self {
        self.changed(|parts| parts.expires = Some(expires))
    }

    /// Names the key; sent in clear.
    #[must_use]
    pub fn secret_id(&self) -> &SecretId {
        &self.0.id
    }

    /// The session token of a temporary credential.
    #[must_use]
    pub fn token(&self) -> Option<&Token> {
        self.0.token.as_ref()
    }

    /// When a temporary credential ends.
    #[must_use]
    pub fn expires(&self) -> Option<UnixSeconds> {
        self.0.expires
    }

    /// Lends id and key, and what the last signature has left for the next one.
    pub(crate) fn with_kept<T>(&self, sign: impl FnOnce(&SecretId, &SecretKey, &mut Kept) -> T) -> T {
        let Parts { id, key, kept, .. } = &*self.0;
        sign(id, key, &mut kept.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Whether both are the same credential, or copies of it.
    #[cfg(feature = "client")]
    pub(crate) fn is(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }

    /// A credential of its own with one part changed.
    fn changed(&self, change: impl FnOnce(&mut Parts)) -> Self {
        let Parts { id, key, token, expires, kept: _ } = &*self.0;
        let mut parts = Parts {
            id: id.clone(),
            key: key.clone(),
            token: token.clone(),
            expires: *expires,
            kept: Mutex::default(),
        };
        change(&mut parts);
        Self(Arc::new(parts))
    }
}

impl fmt::Debug for Credential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Parts { id, key, token, expires, kept: _ } = &*self.0;
        f.debug_struct("Credential")
            .field("id", id)
            .field("key", key)
            .field("token", token)
            .field("expires", expires)
            .finish_non_exhaustive()
    }
}

/// Names a key. Sent in clear with every request, yet shortened in logs.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct SecretId(Box<str>);

impl SecretId {
    /// # Errors
    /// [`RefusedSecret`] when it is empty, has a character outside printable ASCII, or one that the header uses to
    /// separate its parts (`/` and `,`).
    pub fn new(text: impl Into<String>) -> Result<Self, RefusedSecret> {
        let text = printable("secret id", text.into())?;
        if text.contains(['/', ',']) {
            return Err(RefusedSecret { what: "secret id", why: "it contains a slash or a comma" });
        }
        Ok(Self(text.into()))
    }

    /// The whole id.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for SecretId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SecretId({}..)", &self.0[..self.0.len().min(SHOWN_OF_ID)])
    }
}

/// The key that signs. Wiped on drop, prints as `SecretKey(<redacted>)`.
#[derive(Clone)]
pub struct SecretKey(SecretString);

impl SecretKey {
    /// # Errors
    /// [`RefusedSecret`] when it is empty or has a character outside printable ASCII.
    pub fn new(text: impl Into<String>) -> Result<Self, RefusedSecret> {
        printable("secret key", text.into()).map(|text| Self(text.into()))
    }

    /// The key itself.
    pub(crate) fn expose(&self) -> &str {
        self.0.expose_secret()
    }
}

impl fmt::Debug for SecretKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretKey(<redacted>)")
    }
}

/// The session token of a temporary credential. Wiped on drop, prints as `Token(<redacted>)`.
#[derive(Clone)]
pub struct Token(SecretString);

impl Token {
    /// # Errors
    /// [`RefusedSecret`] when it is empty or has a character outside printable ASCII.
    pub fn new(text: impl Into<String>) -> Result<Self, RefusedSecret> {
        printable("token", text.into()).map(|text| Self(text.into()))
    }

    /// The token itself, for the header `X-TC-Token`. Keep it out of logs and errors.
    #[must_use]
    pub fn expose(&self) -> &str {
        self.0.expose_secret()
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(<redacted>)")
    }
}

/// A value that cannot be part of a credential. Says what is wrong with it, never what it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RefusedSecret {
    /// Which of the three.
    what: &'static str,
    /// What is wrong with it.
    why: &'static str,
}

impl fmt::Display for RefusedSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { what, why } = self;
        write!(
            f,
            "the {what} is refused: {why}; set it again without blanks and line breaks (`echo -n` when it is piped)"
        )
    }
}

impl Error for RefusedSecret {}

/// Accepts 1 to [`LONGEST`] printable ASCII characters without blanks; wipes and refuses anything else.
fn printable(what: &'static str, mut text: String) -> Result<String, RefusedSecret> {
    let why = if text.is_empty() {
        "it is empty"
    } else if text.len() > LONGEST {
        "it is longer than any secret"
    } else if text.bytes().any(|byte| byte.is_ascii_whitespace()) {
        "it contains white space or a line break"
    } else if !text.bytes().all(|byte| byte.is_ascii_graphic()) {
        "it contains a character outside printable ASCII"
    } else {
        return Ok(text);
    };
    text.zeroize();
    Err(RefusedSecret { what, why })
}

/// Bytes. Session tokens have about a thousand; servers refuse headers of more than this.
const LONGEST: usize = 8192;

/// Enough of an id to tell two keys apart.
const SHOWN_OF_ID: usize = 8;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn n10_a_secret_with_a_blank_a_line_break_or_a_strange_character_is_refused_unprinted() {
        #[rustfmt::skip]
        let cases = [
            ("", "it is empty"),
            ("canary-secret\n", "it contains white space or a line break"),
            (" canary-secret", "it contains white space or a line break"),
            ("canary\tsecret", "it contains white space or a line break"),
            ("canary-\u{0}secret", "it contains a character outside printable ASCII"),
            ("canary-sécret", "it contains a character outside printable ASCII"),
        ];
        for (text, why) in cases {
            let refusals = [
                SecretId::new(text).map(|_| ()).unwrap_err(),
                SecretKey::new(text).map(|_| ()).unwrap_err(),
                Token::new(text).map(|_| ()).unwrap_err(),
            ];
            for refused in refusals {
                assert_eq!(refused.why, why);
                assert!(!format!("{refused} {refused:?}").contains("canary"), "{refused}");
            }
        }
        assert!(SecretKey::new("x".repeat(LONGEST + 1)).is_err());
        assert!(SecretId::new("AKID/x").is_err());
    }

    #[test]
    fn n10_the_characters_of_base64_are_accepted() {
        assert!(SecretKey::new("a/b+c=").is_ok());
        assert!(Token::new("a/b+c=~-_").is_ok());
    }

    #[test]
    fn x7_a_credential_prints_neither_key_nor_token() {
        let credential = Credential::new(
            SecretId::new("AKIDCANARYCANARY").unwrap(),
            SecretKey::new("canary-key").unwrap(),
        )
        .with_token(Token::new("canary-token").unwrap())
        .with_expiry(UnixSeconds::new(1).unwrap());
        assert_eq!(
            format!("{credential:?}"),
            "Credential { id: SecretId(AKIDCANA..), key: SecretKey(<redacted>), token: Some(Token(<redacted>)), \
             expires: Some(UnixSeconds(1)), .. }"
        );
    }
}
