//! Credentials from a file.

use std::env;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

use crate::credential::{
    Credential, CredentialError, CredentialFuture, FetchCredential, RefusedSecret, SecretId, SecretKey, Token,
};

/// A section of an INI file with the keys `secret_id`, `secret_key` and, for temporary ones, `token`.
///
/// ```text
/// [default]
/// secret_id = AKID...
/// secret_key = ...
/// ```
///
/// In a [`Refreshing`](super::Refreshing) it is read when it is first needed, and again when the server refuses what it held.
#[derive(Clone, Debug)]
pub struct Profile {
    /// Where the file is.
    path: PathBuf,
    /// Which section counts.
    section: String,
}

impl Profile {
    /// The section `default` of the file at `path`.
    #[must_use]
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into(), section: "default".to_owned() }
    }

    /// Another section.
    #[must_use]
    pub fn with_section(mut self, section: impl Into<String>) -> Self {
        self.section = section.into();
        self
    }

    /// The file that the official SDKs read: `TENCENTCLOUD_CREDENTIALS_FILE`, else `~/.tencentcloud/credentials`, else
    /// `/etc/tencentcloud/credentials`; of the last two, the first that exists.
    ///
    /// # Errors
    /// [`CredentialError::Absent`] when there is none.
    pub fn find() -> Result<Self, CredentialError> {
        if let Some(path) = env::var_os(PATH_VARIABLE) {
            return Ok(Self::new(path));
        }
        let at_home = env::home_dir().map(|home| home.join(".tencentcloud/credentials"));
        let candidates = at_home.into_iter().chain([PathBuf::from("/etc/tencentcloud/credentials")]);
        candidates.into_iter().find(|path| path.is_file()).map(Self::new).ok_or_else(|| {
            CredentialError::Absent {
                source_name: SOURCE,
                what: format!("{PATH_VARIABLE} and ~/.tencentcloud/credentials"),
            }
        })
    }

    /// Reads the file.
    fn read(&self) -> Result<Credential, CredentialError> {
        let text = match text(&self.path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let what = self.path.display().to_string();
                return Err(CredentialError::Absent { source_name: SOURCE, what });
            }
            Err(error) => return Err(self.unavailable(&error.to_string())),
        };
        let found = parse(&text, &self.section);
        let (Some(id), Some(key)) = (found.id, found.key) else {
            let section = &self.section;
            return Err(
                self.unavailable(&format!("it has no section [{section}] with secret_id and secret_key"))
            );
        };
        let refused = |name: &str| {
            let what = format!("{name} in {}", self.path.display());
            move |why: RefusedSecret| CredentialError::Refused { source_name: SOURCE, what, why }
        };
        let id = SecretId::new(id).map_err(refused("secret_id"))?;
        let credential = Credential::new(id, SecretKey::new(key).map_err(refused("secret_key"))?);
        Ok(match found.token {
            Some(token) => credential.with_token(Token::new(token).map_err(refused("token"))?),
            None => credential,
        })
    }

    fn unavailable(&self, why: &str) -> CredentialError {
        CredentialError::Unavailable { source_name: SOURCE, why: format!("{}: {why}", self.path.display()) }
    }
}

impl FetchCredential for Profile {
    fn name(&self) -> &'static str {
        SOURCE
    }

    fn fetch(&self) -> CredentialFuture<'_> {
        // A small local file: not worth a thread.
        Box::pin(std::future::ready(self.read()))
    }
}

/// What a section holds.
#[derive(Debug, Default, PartialEq, Eq)]
struct Found<'a> {
    id: Option<&'a str>,
    key: Option<&'a str>,
    token: Option<&'a str>,
}

/// The keys of `section`. Blanks around names and values belong to the form of the file; of a key that stands twice the
/// last one counts.
fn parse<'a>(text: &'a str, section: &str) -> Found<'a> {
    let (mut found, mut inside) = (Found::default(), false);
    for line in text.lines().map(str::trim) {
        if let Some(name) = line.strip_prefix('[').and_then(|line| line.strip_suffix(']')) {
            inside = name.trim() == section;
        } else if let (true, false, Some((name, value))) =
            (inside, line.starts_with(['#', ';']), line.split_once('='))
        {
            match name.trim() {
                "secret_id" => found.id = Some(value.trim()),
                "secret_key" => found.key = Some(value.trim()),
                "token" => found.token = Some(value.trim()),
                _ => {}
            }
        }
    }
    found
}

/// The text of a file that is small, and UTF-8.
fn text(path: &Path) -> io::Result<Zeroizing<String>> {
    let mut text = Zeroizing::new(String::new());
    File::open(path)?.take(LARGEST).read_to_string(&mut text)?;
    Ok(text)
}

/// How errors call this source.
const SOURCE: &str = "the credentials file";
/// Variable with the path.
const PATH_VARIABLE: &str = "TENCENTCLOUD_CREDENTIALS_FILE";
/// Bytes.
const LARGEST: u64 = 1 << 20;

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_section_that_was_asked_for_is_read() {
        let text = "secret_id=outside\r\n[default]\r\nsecret_id = id\r\n; secret_key = no\r\nsecret_key = a/b+c==\r\nrole_arn=x\r\n\
                    [ other ]\nsecret_id=id2\nsecret_key=key2\ntoken=t\n";
        let found = |id, key, token| Found { id, key, token };
        assert_eq!(parse(text, "default"), found(Some("id"), Some("a/b+c=="), None));
        assert_eq!(parse(text, "other"), found(Some("id2"), Some("key2"), Some("t")));
        assert_eq!(parse(text, "third"), found(None, None, None));
    }

    #[test]
    fn a_file_without_what_is_needed_is_named_without_its_content() {
        let dir = env::temp_dir().join(format!("clb-client-profile-{}", std::process::id()));
        std::fs::create_dir_all(&dir).unwrap();
        let profile = |name: &str, content: Option<&str>| {
            let path = dir.join(name);
            if let Some(content) = content {
                std::fs::write(&path, content).unwrap();
            }
            Profile::new(path).read()
        };
        assert!(matches!(profile("missing", None), Err(CredentialError::Absent { .. })));
        let good = profile("good", Some("[default]\nsecret_id=id\nsecret_key=key\ntoken=token\n")).unwrap();
        assert!(good.secret_id().as_str() == "id" && good.token().is_some());
        for (name, content) in [
            ("empty", ""),
            ("half", "[default]\nsecret_id=canary\n"),
            ("blank", "[default]\nsecret_id=id\nsecret_key=canary canary\n"),
            ("strange", "[default]\nsecret_id=id\nsecret_key=\u{4e2d}canary\n"),
            ("nothing", "[default]\nsecret_id=id\nsecret_key=\n"),
        ] {
            let error = profile(name, Some(content)).unwrap_err();
            let text = format!("{error} {error:?}");
            assert!(text.contains(name) && !text.contains("canary"), "{text}");
        }
        std::fs::remove_dir_all(&dir).unwrap();
    }

    proptest! {
        #[test]
        fn no_text_makes_the_parser_panic(text in ".{0,200}", section in ".{0,8}") {
            let _ = parse(&text, &section);
        }
    }
}
