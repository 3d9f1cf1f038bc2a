//! Temporary credentials of the role that a virtual machine has, from the metadata service of the machine.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{Request, StatusCode, header};
use serde::Deserialize;
use tokio::time::timeout;

use crate::credential::{
    Credential, CredentialError, CredentialFuture, FetchCredential, RefusedSecret, SecretId, SecretKey, Token,
};
use crate::sign::UnixSeconds;
use crate::transport::Transport;

/// The role of this virtual machine. Plain HTTP to the link-local metadata service, which is what it speaks.
///
/// On a node of TKE it answers Pods too, with the role of the node: prefer [`WebIdentity`](super::WebIdentity) there.
#[derive(Clone)]
pub struct InstanceRole {
    /// How questions travel.
    transport: Arc<dyn Transport>,
    /// Scheme and host of the metadata service.
    base: String,
}

impl InstanceRole {
    /// Asks over `transport`, which must use no proxy.
    #[must_use]
    pub fn new(transport: impl Transport + 'static) -> Self {
        Self { transport: Arc::new(transport), base: "http://metadata.tencentyun.com".to_owned() }
    }

    /// Finds out the role, then its credential.
    async fn ask(&self) -> Result<Credential, CredentialError> {
        let (status, name) = self.get("").await?;
        if status == StatusCode::NOT_FOUND {
            return Err(CredentialError::Absent {
                source_name: SOURCE,
                what: "a role of the machine".to_owned(),
            });
        }
        let name = str::from_utf8(&name).unwrap_or_default().trim();
        if status != StatusCode::OK || !is_role_name(name) {
            return Err(unavailable(format!(
                "the question for the role was answered with HTTP status {status} and no name"
            )));
        }
        let (status, body) = self.get(name).await?;
        // The text of a parser's error may repeat what it has read, so only the place is told.
        let answer: Answer = serde_json::from_slice(&body).map_err(|error| {
            let (line, column) = (error.line(), error.column());
            unavailable(format!(
                "HTTP status {status}, and no JSON of the documented form at line {line}, column {column}"
            ))
        })?;
        match answer {
            Answer { code: Some(code), .. } if code != "Success" => {
                Err(unavailable(format!("the service answers {}", crate::error::one_line(&code, 80))))
            }
            Answer { id: Some(id), key: Some(key), token: Some(token), expires: Some(expires), .. } => {
                let refused = |what: &str| {
                    let what = what.to_owned();
                    move |why: RefusedSecret| CredentialError::Refused { source_name: SOURCE, what, why }
                };
                let id = SecretId::new(id).map_err(refused("TmpSecretId"))?;
                let key = SecretKey::new(key).map_err(refused("TmpSecretKey"))?;
                let token = Token::new(token).map_err(refused("Token"))?;
                let expires = UnixSeconds::new(expires).map_err(|error| unavailable(error.to_string()))?;
                Ok(Credential::new(id, key).with_token(token).with_expiry(expires))
            }
            _ => Err(unavailable(
                "the answer lacks one of TmpSecretId, TmpSecretKey, Token and ExpiredTime".to_owned(),
            )),
        }
    }

    async fn get(&self, role: &str) -> Result<(StatusCode, Bytes), CredentialError> {
        let uri = format!("{}/latest/meta-data/cam/security-credentials/{role}", self.base);
        let mut request = Request::get(uri);
        if let Some(host) = self.base.split("://").nth(1) {
            request = request.header(header::HOST, host);
        }
        let request = request.body(Bytes::new()).map_err(|error| unavailable(error.to_string()))?;
        match timeout(LIMIT, self.transport.send(request)).await {
            Ok(Ok(answer)) => Ok((answer.status(), answer.into_body())),
            Ok(Err(error)) => Err(unavailable(error.with_cause())),
            Err(_) => Err(unavailable(format!("no answer within {LIMIT:?}"))),
        }
    }
}

impl FetchCredential for InstanceRole {
    fn name(&self) -> &'static str {
        SOURCE
    }

    fn fetch(&self) -> CredentialFuture<'_> {
        Box::pin(self.ask())
    }
}

impl fmt::Debug for InstanceRole {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("InstanceRole").field("base", &self.base).finish_non_exhaustive()
    }
}

/// What the service says about a role.
#[derive(Deserialize)]
struct Answer {
    #[serde(rename = "Code")]
    code: Option<String>,
    #[serde(rename = "TmpSecretId")]
    id: Option<String>,
    #[serde(rename = "TmpSecretKey")]
    key: Option<String>,
    #[serde(rename = "Token")]
    token: Option<String>,
    #[serde(rename = "ExpiredTime")]
    expires: Option<u64>,
}

/// What may stand in a path: the name comes over plain HTTP.
fn is_role_name(name: &str) -> bool {
    let allowed = |c: char| c.is_ascii_alphanumeric() || "_+=,.@-".contains(c);
    matches!(name.len(), 1..=128) && name.chars().all(allowed) && !name.starts_with('.')
}

fn unavailable(why: String) -> CredentialError {
    CredentialError::Unavailable { source_name: SOURCE, why }
}

/// How errors call this source.
const SOURCE: &str = "the metadata service";
/// The service is on the same host; outside Tencent Cloud its name leads nowhere.
const LIMIT: Duration = Duration::from_secs(2);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::credential::source::answers::Answers;

    const GOOD: &str = r#"{"TmpSecretId":"id","TmpSecretKey":"canary-key","ExpiredTime":1772323200,"Expiration":"x","Token":"canary-token","Code":"Success"}"#;

    #[tokio::test]
    async fn the_role_is_asked_for_first() {
        let answers = Answers::new([(200, "my-role\n"), (200, GOOD)]);
        let credential = InstanceRole::new(answers.clone()).fetch().await.unwrap();
        assert_eq!(credential.expires(), UnixSeconds::new(1_772_323_200).ok());
        assert!(credential.secret_id().as_str() == "id" && credential.token().is_some());
        let asked: Vec<_> = answers.asked().iter().map(|request| request.uri().to_string()).collect();
        let base = "http://metadata.tencentyun.com/latest/meta-data/cam/security-credentials/";
        assert_eq!(asked, [base.to_owned(), format!("{base}my-role")]);
    }

    #[tokio::test]
    async fn a_machine_without_a_role_has_no_credential() {
        let error = InstanceRole::new(Answers::new([(404, "not found")])).fetch().await.unwrap_err();
        assert!(matches!(error, CredentialError::Absent { .. }), "{error}");
    }

    #[tokio::test]
    async fn x7_no_answer_is_repeated_in_an_error() {
        for second in [
            (
                200,
                r#"{"TmpSecretId":"id","TmpSecretKey":"canary","Token":"canary","ExpiredTime":"canary","Code":"Success"}"#,
            ),
            (
                200,
                r#"{"TmpSecretId":"id","TmpSecretKey":"canary canary","Token":"canary","ExpiredTime":1,"Code":"Success"}"#,
            ),
            (200, r#"{"TmpSecretKey":"canary","Code":"Success"}"#),
            (200, r#"{"TmpSecretKey":"canary","Code":"Failed"}"#),
            (500, "<html>canary</html>"),
        ] {
            let error = InstanceRole::new(Answers::new([(200, "role"), second])).fetch().await.unwrap_err();
            assert!(!format!("{error} {error:?}").contains("canary"), "{error:?}");
        }
    }

    #[tokio::test]
    async fn a_name_that_is_no_name_is_not_put_into_a_path() {
        for name in ["../../user-data", "a/b", "", "a b", "role?x"] {
            let answers = Answers::new([(200, name)]);
            assert!(InstanceRole::new(answers.clone()).fetch().await.is_err());
            assert_eq!(answers.asked().len(), 1, "{name}");
        }
    }
}
