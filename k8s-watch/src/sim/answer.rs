//! HTTP answers: objects, `Status`, plain text.

use axum::{body::Body, response::Response};
use http::{StatusCode, header};
use serde_json::{Value, json};

use super::refusal::Refusal;

/// A refusal as the real server words it.
pub(crate) fn refused(refusal: &Refusal) -> Response {
    let mut response = if refusal.plain {
        answer(refusal.code(), "text/plain; charset=utf-8", refusal.message().to_owned())
    } else {
        json_answer(refusal.code(), &refusal.status())
    };
    if let Some(seconds) = refusal.retry_after {
        response.headers_mut().insert(header::RETRY_AFTER, seconds.into());
    }
    response
}

/// A JSON body.
pub(crate) fn json_answer(code: u16, value: &Value) -> Response {
    answer(code, JSON, value.to_string())
}

/// Any body.
pub(crate) fn answer(code: u16, content_type: &'static str, body: impl Into<Body>) -> Response {
    let mut response = Response::new(body.into());
    *response.status_mut() = StatusCode::from_u16(code).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    response.headers_mut().insert(header::CONTENT_TYPE, header::HeaderValue::from_static(content_type));
    response
}

/// The `Status` of an operation that returns no object.
pub(crate) fn success(code: u16) -> Value {
    json!({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "code": code})
}

pub(crate) const JSON: &str = "application/json";
