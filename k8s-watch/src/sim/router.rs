//! The HTTP face: reads a request, has it carried out, words the answer.

use std::{io, sync::Arc};

use axum::{
    Router,
    body::{Body, to_bytes},
    extract::{Query as QueryOf, Request as HttpRequest, State as Extract},
    response::Response,
};
use bytes::Bytes;
use futures::stream;
use http::{HeaderMap, Method, Uri};
use serde_json::{Value, json};

use super::{
    answer::{answer, json_answer, refused},
    call::{Call, Params},
    path::Path,
    refusal::Refusal,
    request_log::Request,
    state::Shared,
};

/// The API as a service: for `kube::Client::new`, or for `axum::serve`.
pub(crate) fn router(shared: Arc<Shared>) -> Router {
    Router::new().fallback(handle).with_state(shared)
}

async fn handle(Extract(shared): Extract<Arc<Shared>>, http: HttpRequest) -> Response {
    let (parts, body) = http.into_parts();
    match parts.uri.path() {
        "/healthz" | "/livez" | "/readyz" => return answer(200, "text/plain", "ok"),
        "/version" => return json_answer(200, &version()),
        _ => {}
    }
    let result = serve(&shared, &parts.method, &parts.uri, &parts.headers, body).await;
    result.unwrap_or_else(|refusal| refused(&refusal))
}

async fn serve(
    shared: &Arc<Shared>,
    method: &Method,
    uri: &Uri,
    headers: &HeaderMap,
    body: Body,
) -> Result<Response, Refusal> {
    let path = Path::parse(uri.path()).ok_or_else(Refusal::no_such_path)?;
    let params = params(uri)?;
    let body = to_bytes(body, MOST_BYTES)
        .await
        .map_err(|_| Refusal::new(413, "RequestEntityTooLarge", format!("limit is {MOST_BYTES} bytes")))?;
    let mut call = Call { path, params, headers, request: Request::default(), body: read_body(&body)? };
    call.request = call.describe(method)?;
    let lose = match call.pass_the_gate(shared).await {
        Ok(lose) => lose,
        Err(refusal) => {
            call.log(shared, refusal.code());
            return Err(refusal);
        }
    };
    let result = call.carry_out(shared).await;
    call.log(shared, result.as_ref().map_or_else(Refusal::code, |r| r.status().as_u16()));
    if lose {
        let cut = io::Error::new(io::ErrorKind::ConnectionReset, "the connection was cut");
        return Ok(Response::new(Body::from_stream(stream::iter([Err::<Bytes, _>(cut)]))));
    }
    result
}

fn params(uri: &Uri) -> Result<Params, Refusal> {
    let query = QueryOf::<Params>::try_from_uri(uri);
    query.map(|q| q.0).map_err(|e| Refusal::bad_request(format!("the query cannot be read: {e}")))
}

fn read_body(body: &[u8]) -> Result<Value, Refusal> {
    if body.is_empty() {
        return Ok(Value::Null);
    }
    serde_json::from_slice(body)
        .map_err(|e| Refusal::bad_request(format!("the body cannot be read as JSON: {e}")))
}

fn version() -> Value {
    json!({
        "major": "1", "minor": "37", "gitVersion": "v1.37.2", "gitCommit": "", "gitTreeState": "clean",
        "buildDate": "", "goVersion": "", "compiler": "", "platform": "",
    })
}

/// Largest body of a write.
const MOST_BYTES: usize = 3 * 1_048_576;
