//! The headers that must accompany a signature.

use http::{HeaderMap, HeaderName, HeaderValue, header};

use super::canonical::CONTENT_TYPE_JSON;
use super::{Signed, UnixSeconds};
use crate::credential::Token;

/// What goes into the headers of a request besides its signature.
#[derive(Clone, Copy, Debug)]
pub struct Headers<'a> {
    /// Value of `Host`, as it was signed.
    host: &'a str,
    /// Value of `Content-Type`, as it was signed.
    content_type: &'a str,
    /// Name of the action.
    action: &'a str,
    /// Version of the product's API, a date.
    version: &'a str,
    /// Region of the resources.
    region: Option<&'a str>,
    /// Language of error messages.
    language: Option<&'a str>,
}

impl<'a> Headers<'a> {
    /// Headers for `action` of the API `version` (such as `2018-03-17`), sent to `host` with a JSON body.
    #[must_use]
    pub fn new(host: &'a str, action: &'a str, version: &'a str) -> Self {
        Self { host, content_type: CONTENT_TYPE_JSON, action, version, region: None, language: None }
    }

    /// Another content type; it must be the one that was signed.
    #[must_use]
    pub fn with_content_type(mut self, content_type: &'a str) -> Self {
        self.content_type = content_type;
        self
    }

    /// The region of the resources. Most actions demand it.
    #[must_use]
    pub fn with_region(mut self, region: &'a str) -> Self {
        self.region = Some(region);
        self
    }

    /// The language of error messages: `en-US` or `zh-CN`.
    #[must_use]
    pub fn with_language(mut self, language: &'a str) -> Self {
        self.language = Some(language);
        self
    }

    /// All headers of the signed request, with the token of a temporary credential.
    /// Those that carry secrets are marked sensitive, so that they print as `Sensitive`.
    ///
    /// # Errors
    /// [`BadHeader`] when a value holds a character that no HTTP header can carry.
    pub fn build(&self, signed: &Signed, token: Option<&Token>) -> Result<HeaderMap, BadHeader> {
        let mut headers = self.with_authorization(signed.authorization(), signed.timestamp())?;
        if let Some(token) = token {
            headers.insert(TOKEN, value(&TOKEN, token.expose(), true)?);
        }
        Ok(headers)
    }

    /// The headers with any text as `Authorization`.
    pub(crate) fn with_authorization(&self, text: &str, at: UnixSeconds) -> Result<HeaderMap, BadHeader> {
        let mut headers = HeaderMap::with_capacity(10);
        let mut put = |name: HeaderName, text: &str, sensitive: bool| {
            let value = value(&name, text, sensitive)?;
            headers.insert(name, value);
            Ok(())
        };
        put(header::HOST, self.host, false)?;
        put(header::CONTENT_TYPE, self.content_type, false)?;
        put(header::AUTHORIZATION, text, true)?;
        put(ACTION, self.action, false)?;
        put(VERSION, self.version, false)?;
        for (name, text) in [(REGION, self.region), (LANGUAGE, self.language)] {
            if let Some(text) = text {
                put(name, text, false)?;
            }
        }
        headers.insert(TIMESTAMP, HeaderValue::from(at.get()));
        Ok(headers)
    }
}

/// A header whose value no HTTP header can carry. Names the header, never the value.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the header {name} cannot be sent: its value holds a control or non-ASCII character; remove it")]
pub struct BadHeader {
    /// Which header.
    name: HeaderName,
}

/// A header value, marked where it must not be printed.
fn value(name: &HeaderName, text: &str, sensitive: bool) -> Result<HeaderValue, BadHeader> {
    let mut value = HeaderValue::from_str(text).map_err(|_| BadHeader { name: name.clone() })?;
    value.set_sensitive(sensitive);
    Ok(value)
}

/// Name of the action.
const ACTION: HeaderName = HeaderName::from_static("x-tc-action");
/// Version of the product's API.
const VERSION: HeaderName = HeaderName::from_static("x-tc-version");
/// Region of the resources.
const REGION: HeaderName = HeaderName::from_static("x-tc-region");
/// Language of error messages.
const LANGUAGE: HeaderName = HeaderName::from_static("x-tc-language");
/// Unix seconds that were signed.
const TIMESTAMP: HeaderName = HeaderName::from_static("x-tc-timestamp");
/// Session token.
const TOKEN: HeaderName = HeaderName::from_static("x-tc-token");
