//! Temporary credentials of a role that a Pod may take, by the token of its service account (TKE workload identity).

use std::env;
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::Request;
use serde::{Deserialize, Serialize};
use tokio::time::timeout;
use zeroize::Zeroizing;

use crate::answer;
use crate::clock::{self, WallClock};
use crate::credential::{
    Credential, CredentialError, CredentialFuture, FetchCredential, RefusedSecret, SecretId, SecretKey, Token,
};
use crate::endpoint::Endpoint;
use crate::region::Region;
use crate::sign::{Headers, UnixSeconds};
use crate::transport::Transport;

/// The role of this Pod: the token of its service account is exchanged at the security token service
/// (`AssumeRoleWithWebIdentity`). The file is read anew each time, because the kubelet rotates it.
#[derive(Clone)]
pub struct WebIdentity {
    /// How questions travel.
    transport: Arc<dyn Transport>,
    /// The security token service.
    endpoint: Endpoint,
    /// Region of the cluster.
    region: Region,
    /// Which issuer of tokens.
    provider: String,
    /// Which role.
    role: String,
    /// Where the token is.
    token_file: PathBuf,
    /// Gives the timestamp of the question.
    now: WallClock,
}

impl WebIdentity {
    /// What TKE has set in this Pod: `TKE_REGION`, `TKE_PROVIDER_ID`, `TKE_ROLE_ARN` and `TKE_WEB_IDENTITY_TOKEN_FILE`.
    ///
    /// # Errors
    /// [`CredentialError::Absent`] when one of them is not set, [`CredentialError::Unavailable`] when the region is none.
    pub fn from_environment(transport: impl Transport + 'static) -> Result<Self, CredentialError> {
        Self::from_variables(transport, |name| env::var(name).ok())
    }

    /// The same with another way to look a variable up.
    fn from_variables(
        transport: impl Transport + 'static,
        lookup: impl Fn(&str) -> Option<String>,
    ) -> Result<Self, CredentialError> {
        let need = |name: &str| {
            lookup(name)
                .filter(|value| !value.is_empty())
                .ok_or_else(|| CredentialError::Absent { source_name: SOURCE, what: name.to_owned() })
        };
        let (region, provider) = (need("TKE_REGION")?, need("TKE_PROVIDER_ID")?);
        let (role, token_file) = (need("TKE_ROLE_ARN")?, need("TKE_WEB_IDENTITY_TOKEN_FILE")?);
        let region = Region::new(&region).map_err(|error| unavailable(format!("TKE_REGION: {error}")))?;
        Ok(Self::new(transport, region, provider, role, token_file))
    }

    /// The role `role` (`qcs::cam::uin/...:roleName/...`) for the holder of the token in `token_file`, which the issuer
    /// `provider` has signed.
    #[must_use]
    pub fn new(
        transport: impl Transport + 'static,
        region: Region,
        provider: impl Into<String>,
        role: impl Into<String>,
        token_file: impl Into<PathBuf>,
    ) -> Self {
        Self {
            transport: Arc::new(transport),
            endpoint: Endpoint::security_tokens(),
            region,
            provider: provider.into(),
            role: role.into(),
            token_file: token_file.into(),
            now: clock::system(),
        }
    }

    /// Another address of the security token service, such as the internal one.
    #[must_use]
    pub fn with_endpoint(mut self, endpoint: Endpoint) -> Self {
        self.endpoint = endpoint;
        self
    }

    /// Exchanges the token.
    async fn exchange(&self) -> Result<Credential, CredentialError> {
        let token = std::fs::read_to_string(&self.token_file)
            .map(Zeroizing::new)
            .map_err(|error| unavailable(format!("{}: {error}", self.token_file.display())))?;
        let now = (self.now)();
        let body = serde_json::to_vec(&Question {
            provider_id: &self.provider,
            web_identity_token: token.trim(),
            role_arn: &self.role,
            role_session_name: format!("clb-client-{now}"),
            duration_seconds: LIFE,
        })
        .map_err(|error| unavailable(error.to_string()))?;
        let headers = Headers::new(self.endpoint.host(), "AssumeRoleWithWebIdentity", "2018-08-13")
            .with_region(self.region.as_str())
            .with_language("en-US")
            // The one action that is not signed: the token is the proof.
            .with_authorization("SKIP", now)
            .map_err(|error| unavailable(error.to_string()))?;
        let mut request = Request::post(self.endpoint.uri())
            .body(Bytes::from(body))
            .map_err(|error| unavailable(error.to_string()))?;
        *request.headers_mut() = headers;
        let answer = match timeout(LIMIT, self.transport.send(request)).await {
            Ok(Ok(answer)) => answer,
            Ok(Err(error)) => return Err(unavailable(error.with_cause())),
            Err(_) => return Err(unavailable(format!("no answer within {LIMIT:?}"))),
        };
        // The text of a parser's error may repeat what it has read, so the cause of a problem is not told.
        let answer = answer::read::<Answer>(&answer).map_err(|problem| {
            let id = problem.request_id.as_deref().unwrap_or("none");
            unavailable(format!("{} {} (request id {id})", problem.code.unwrap_or_default(), problem.message))
        })?;
        let refused = |what: &str| {
            let what = what.to_owned();
            move |why: RefusedSecret| CredentialError::Refused { source_name: SOURCE, what, why }
        };
        let Answer { credentials, expired_time } = answer.response;
        let id = SecretId::new(credentials.tmp_secret_id).map_err(refused("TmpSecretId"))?;
        let key = SecretKey::new(credentials.tmp_secret_key).map_err(refused("TmpSecretKey"))?;
        let token = Token::new(credentials.token).map_err(refused("Token"))?;
        let expires = UnixSeconds::new(expired_time).map_err(|error| unavailable(error.to_string()))?;
        Ok(Credential::new(id, key).with_token(token).with_expiry(expires))
    }
}

impl FetchCredential for WebIdentity {
    fn name(&self) -> &'static str {
        SOURCE
    }

    fn fetch(&self) -> CredentialFuture<'_> {
        Box::pin(self.exchange())
    }
}

impl fmt::Debug for WebIdentity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WebIdentity")
            .field("endpoint", &self.endpoint)
            .field("region", &self.region)
            .field("role", &self.role)
            .field("token_file", &self.token_file)
            .finish_non_exhaustive()
    }
}

/// The request of `AssumeRoleWithWebIdentity`.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Question<'a> {
    provider_id: &'a str,
    web_identity_token: &'a str,
    role_arn: &'a str,
    role_session_name: String,
    duration_seconds: u32,
}

/// Its answer.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Answer {
    credentials: Parts,
    expired_time: u64,
}

/// The three values in it.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Parts {
    token: String,
    tmp_secret_id: String,
    tmp_secret_key: String,
}

fn unavailable(why: String) -> CredentialError {
    CredentialError::Unavailable { source_name: SOURCE, why }
}

/// How errors call this source.
const SOURCE: &str = "the workload identity";
/// Seconds that a credential lives; the default of the service.
const LIFE: u32 = 7200;
/// Longest time for the exchange.
const LIMIT: Duration = Duration::from_secs(5);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::credential::source::answers::Answers;

    #[tokio::test]
    async fn the_token_is_exchanged_without_a_signature() {
        let answers = Answers::new([(
            200,
            r#"{"Response":{"Credentials":{"Token":"t","TmpSecretId":"id","TmpSecretKey":"k"},"ExpiredTime":1772323200,"Expiration":"x","RequestId":"r"}}"#,
        )]);
        let credential = exchange(&answers, "exchanged", "header.claims.signature\n").await.unwrap();
        assert_eq!(
            (credential.secret_id().as_str(), credential.expires().unwrap().get()),
            ("id", 1_772_323_200)
        );
        let [request] = &*answers.asked() else { panic!("one question") };
        assert_eq!(*request.uri(), "https://sts.tencentcloudapi.com/");
        for (name, value) in [
            ("authorization", "SKIP"),
            ("host", "sts.tencentcloudapi.com"),
            ("x-tc-action", "AssumeRoleWithWebIdentity"),
            ("x-tc-version", "2018-08-13"),
            ("x-tc-region", "ap-guangzhou"),
        ] {
            assert_eq!(request.headers()[name], value, "{name}");
        }
        let body: serde_json::Value = serde_json::from_slice(request.body()).unwrap();
        assert_eq!(body["WebIdentityToken"], "header.claims.signature");
        assert_eq!((&body["ProviderId"], &body["DurationSeconds"]), (&"issuer".into(), &7200.into()));
    }

    #[tokio::test]
    async fn x7_neither_token_nor_answer_is_repeated_in_an_error() {
        for answer in [
            (200, r#"{"Response":{"Error":{"Code":"AuthFailure","Message":"expired"},"RequestId":"r-9"}}"#),
            (
                200,
                r#"{"Response":{"Credentials":{"Token":1,"TmpSecretKey":"canary"},"ExpiredTime":"canary","RequestId":"r-9"}}"#,
            ),
            (502, "<html>canary</html>"),
        ] {
            let error = exchange(&Answers::new([answer]), "canaries", "canary").await.unwrap_err();
            assert!(!format!("{error} {error:?}").contains("canary"), "{error:?}");
        }
        let missing = WebIdentity::new(Answers::new([]), region(), "issuer", "role", "/nowhere/token");
        assert!(missing.fetch().await.unwrap_err().to_string().contains("/nowhere/token"));
    }

    #[test]
    fn all_four_variables_are_needed() {
        let all = ["TKE_REGION", "TKE_PROVIDER_ID", "TKE_ROLE_ARN", "TKE_WEB_IDENTITY_TOKEN_FILE"];
        let with = |missing: &str| {
            WebIdentity::from_variables(Answers::new([]), |name| (name != missing).then(|| "ap-x".to_owned()))
        };
        assert!(with("").is_ok());
        for name in all {
            assert!(matches!(with(name), Err(CredentialError::Absent { what, .. }) if what == name));
        }
    }

    /// Exchanges a token that stands in a file while it lasts.
    async fn exchange(answers: &Answers, name: &str, token: &str) -> Result<Credential, CredentialError> {
        let path = env::temp_dir().join(format!("clb-client-{name}-{}", std::process::id()));
        std::fs::write(&path, token).unwrap();
        let identity =
            WebIdentity::new(answers.clone(), region(), "issuer", "qcs::cam::uin/1:roleName/r", &path);
        let exchanged = identity.fetch().await;
        std::fs::remove_file(&path).unwrap();
        exchanged
    }

    fn region() -> Region {
        Region::new("ap-guangzhou").unwrap()
    }
}
