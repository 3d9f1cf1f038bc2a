//! What comes back from a call.

use std::time::Duration;

use http::StatusCode;
use serde_json::{Value, json};

use super::refusal::Refusal;

/// The answer to one call, and when it leaves.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Reply {
    /// How long after the call the answer leaves.
    pub after: Duration,
    /// The answer.
    pub content: Content,
}

/// The body of an answer.
#[derive(Clone, Debug, PartialEq)]
#[expect(clippy::exhaustive_enums, reason = "a server that forgets one would answer wrongly")]
pub enum Content {
    /// HTTP 200 with this JSON: `{"Response": {...}}`, an error included.
    Json(Value),
    /// No answer: the connection ends.
    Lost,
    /// The call did not arrive. Over HTTP this cannot be told from a lost answer.
    Unreachable,
    /// Something that is no answer of the API.
    Raw {
        /// HTTP status.
        status: StatusCode,
        /// Of the body.
        content_type: &'static str,
        /// The bytes.
        body: Vec<u8>,
    },
}

impl Content {
    /// The error code of an error answer.
    #[must_use]
    pub fn error_code(&self) -> Option<&str> {
        match self {
            Self::Json(answer) => answer["Response"]["Error"]["Code"].as_str(),
            Self::Lost | Self::Unreachable | Self::Raw { .. } => None,
        }
    }

    /// The error answer for a refusal.
    pub(crate) fn refused(refusal: &Refusal, request_id: &str) -> Self {
        Self::Json(json!({"Response": {
            "Error": {"Code": refusal.code, "Message": refusal.message},
            "RequestId": request_id,
        }}))
    }

    /// The answer with these fields (an object) and a request id.
    pub(crate) fn answered(mut fields: Value, request_id: &str) -> Value {
        fields["RequestId"] = Value::from(request_id);
        json!({"Response": fields})
    }
}
