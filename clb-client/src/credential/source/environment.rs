//! Credentials from environment variables.

use std::env;
use std::fmt;

use zeroize::Zeroize;

use crate::credential::{
    Credential, CredentialError, CredentialFuture, ProvideCredential, RefusedSecret, SecretId, SecretKey,
    Token,
};

/// `TENCENTCLOUD_SECRET_ID` and `TENCENTCLOUD_SECRET_KEY`, with `TENCENTCLOUD_TOKEN` (or `TENCENTCLOUD_SECURITY_TOKEN`) for
/// temporary ones. Read once: a process does not see its environment change.
///
/// The first two names are those of the official SDKs, the token's are those of the official command line and of the
/// Terraform provider.
#[derive(Clone)]
pub struct Environment(Credential);

impl Environment {
    /// Reads the variables of this process.
    ///
    /// # Errors
    /// [`CredentialError::Absent`] when id or key is not set; [`CredentialError::Refused`] when one of the three is set and
    /// empty, or has white space or a strange character.
    pub fn read() -> Result<Self, CredentialError> {
        Self::read_with(|name| env::var_os(name).map(|value| value.to_string_lossy().into_owned()))
    }

    /// The same with another way to look a variable up.
    ///
    /// # Errors
    /// As [`read`](Self::read).
    pub fn read_with(lookup: impl Fn(&str) -> Option<String>) -> Result<Self, CredentialError> {
        let need = |name: &str| {
            lookup(name).ok_or_else(|| CredentialError::Absent { source_name: SOURCE, what: name.to_owned() })
        };
        let refused = |name: &'static str| {
            move |why: RefusedSecret| CredentialError::Refused {
                source_name: SOURCE,
                what: name.to_owned(),
                why,
            }
        };
        let (id, mut key) = (need(SECRET_ID)?, need(SECRET_KEY)?);
        let id = SecretId::new(id).map_err(|why| {
            key.zeroize();
            refused(SECRET_ID)(why)
        })?;
        let mut credential = Credential::new(id, SecretKey::new(key).map_err(refused(SECRET_KEY))?);
        if let Some((name, token)) = TOKENS.iter().find_map(|name| Some((*name, lookup(name)?))) {
            credential = credential.with_token(Token::new(token).map_err(refused(name))?);
        }
        Ok(Self(credential))
    }

    /// What was read.
    #[must_use]
    pub fn into_credential(self) -> Credential {
        self.0
    }
}

impl fmt::Debug for Environment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Environment").field(&self.0).finish()
    }
}

impl ProvideCredential for Environment {
    fn credential(&self) -> CredentialFuture<'_> {
        self.0.credential()
    }
}

/// How errors call this source.
const SOURCE: &str = "the environment";
/// Variable with the id.
const SECRET_ID: &str = "TENCENTCLOUD_SECRET_ID";
/// Variable with the key.
const SECRET_KEY: &str = "TENCENTCLOUD_SECRET_KEY";
/// Variables with the token; the first that is set counts.
const TOKENS: [&str; 2] = ["TENCENTCLOUD_TOKEN", "TENCENTCLOUD_SECURITY_TOKEN"];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn id_key_and_token_are_read_together() {
        let read = read(&[(SECRET_ID, "id"), (SECRET_KEY, "key"), ("TENCENTCLOUD_SECURITY_TOKEN", "token")])
            .unwrap();
        let credential = read.into_credential();
        assert_eq!(credential.secret_id().as_str(), "id");
        assert_eq!(credential.token().unwrap().expose(), "token");
        assert_eq!(credential.expires(), None);
    }

    #[test]
    fn a_missing_variable_is_named() {
        let error = read(&[(SECRET_ID, "id")]).unwrap_err();
        assert!(matches!(error, CredentialError::Absent { ref what, .. } if what == SECRET_KEY), "{error}");
    }

    #[test]
    fn n10_a_line_break_is_refused_with_the_name_and_without_the_value() {
        for (name, value) in
            [(SECRET_ID, "canary\n"), (SECRET_KEY, "canary "), (TOKENS[0], "can\u{e4}ry"), (TOKENS[0], "")]
        {
            let mut variables = vec![(name, value)];
            variables.extend(
                [(SECRET_ID, "id"), (SECRET_KEY, "canary")].iter().filter(|(other, _)| *other != name),
            );
            let error = read(&variables).unwrap_err();
            let text = format!("{error} {error:?} {:?}", std::error::Error::source(&error));
            assert!(text.contains(name) && !text.contains("canary") && !text.contains('\u{e4}'), "{text}");
        }
    }

    fn read(variables: &[(&str, &str)]) -> Result<Environment, CredentialError> {
        Environment::read_with(|name| {
            variables.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned())
        })
    }
}
