//! Who may call: verifies each signature from the received bytes, and the headers that every call needs.

use std::collections::BTreeMap;

use bytes::Bytes;
use http::{HeaderMap, Method, Request};

use super::refusal::Refusal;
use crate::{
    credential::{Credential, SecretId, SecretKey, Token},
    region::Region,
    sign::{Authorization, UnixSeconds, VerifyError, verify},
};

/// The keys that are accepted.
#[derive(Debug, Default)]
pub(crate) struct Gate {
    keys: BTreeMap<String, Key>,
}

/// What belongs to one secret id.
#[derive(Debug)]
struct Key {
    secret: SecretKey,
    /// Must come with each call, if there is one.
    token: Option<Token>,
}

impl Gate {
    /// Accepts this key from now on, and returns it as callers need it.
    pub(crate) fn accept(&mut self, id: SecretId, secret: SecretKey, token: Option<Token>) -> Credential {
        let mut credential = Credential::new(id.clone(), secret.clone());
        if let Some(token) = &token {
            credential = credential.with_token(token.clone());
        }
        self.keys.insert(id.as_str().to_owned(), Key { secret, token });
        credential
    }

    /// Accepts this key no longer.
    pub(crate) fn revoke(&mut self, id: &str) {
        self.keys.remove(id);
    }

    /// The action of a call that may be answered at `now`.
    pub(crate) fn check(&self, request: &Request<Bytes>, now: UnixSeconds) -> Result<String, Refusal> {
        if request.method() != Method::POST {
            return Err(Refusal::new("InvalidRequest", "calls are POST with a JSON body"));
        }
        let headers = request.headers();
        let authorization = Authorization::of(headers).map_err(|why| invalid_authorization(&why))?;
        let key = self.keys.get(authorization.secret_id()).ok_or_else(|| {
            Refusal::new(
                "AuthFailure.SecretIdNotFound",
                "The SecretId is not found, please ensure it is right",
            )
        })?;
        let signed_at = verify(request, &key.secret).map_err(|why| match why {
            VerifyError::Mismatch => Refusal::new(
                "AuthFailure.SignatureFailure",
                "The provided credentials could not be validated. Please check your signature is correct",
            ),
            VerifyError::Malformed { .. } => invalid_authorization(&why),
        })?;
        if authorization.service() != "clb" {
            return Err(Refusal::new(
                "AuthFailure.SignatureFailure",
                format!("the signature is for the service {:?}", authorization.service()),
            ));
        }
        if signed_at.get().abs_diff(now.get()) > CLOCK_WINDOW {
            return Err(Refusal::new(
                "AuthFailure.SignatureExpire",
                format!("the request was signed at {signed_at}, more than {CLOCK_WINDOW} seconds from {now}"),
            ));
        }
        let token = headers.get("x-tc-token").map(http::HeaderValue::as_bytes);
        if token != key.token.as_ref().map(|token| token.expose().as_bytes()) {
            return Err(Refusal::new("AuthFailure.TokenFailure", "The token is missing, wrong or expired"));
        }
        if required(headers, "X-TC-Version")? != VERSION {
            return Err(Refusal::new("NoSuchVersion", format!("the simulator speaks {VERSION}")));
        }
        let region = required(headers, "X-TC-Region")?;
        if Region::new(region).is_err() {
            return Err(Refusal::new("UnsupportedRegion", format!("the region {region:?} does not exist")));
        }
        required(headers, "X-TC-Action").map(str::to_owned)
    }
}

fn invalid_authorization(why: &VerifyError) -> Refusal {
    Refusal::new("AuthFailure.InvalidAuthorization", why.to_string())
}

fn required<'a>(headers: &'a HeaderMap, name: &str) -> Result<&'a str, Refusal> {
    headers
        .get(name)
        .and_then(|value| value.to_str().ok())
        .filter(|value| !value.is_empty())
        .ok_or_else(|| Refusal::new("MissingParameter", format!("the header {name} is missing")))
}

/// Seconds that a timestamp may be away from the server's clock.
const CLOCK_WINDOW: u64 = 300;

/// The version of the API.
const VERSION: &str = "2018-03-17";
