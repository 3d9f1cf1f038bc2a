//! Plain requests to the API server, and what it answered.

use std::time::Duration;

use futures::{AsyncBufReadExt, Stream, StreamExt};
use http::{Method, Request};
use kube::Client;
use kube::client::Body;
use serde_json::Value;

/// Requests of one user.
#[derive(Clone)]
pub(crate) struct Requests {
    client: Client,
}

/// Status and body. Bodies that are not JSON arrive as a JSON string.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    pub(crate) code: u16,
    pub(crate) body: Value,
}

impl Answer {
    /// The body of an answer that had to succeed.
    #[track_caller]
    pub(crate) fn ok(self) -> Value {
        assert!((200..300).contains(&self.code), "refused with {}: {}", self.code, self.body);
        self.body
    }

    /// `reason` of a refusal, "" where there is none.
    pub(crate) fn reason(&self) -> &str {
        self.body["reason"].as_str().unwrap_or("")
    }
}

impl Requests {
    pub(crate) const fn new(client: Client) -> Self {
        Self { client }
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.call(Method::GET, path, None).await
    }

    pub(crate) async fn create(&self, path: &str, body: Value) -> Answer {
        self.call(Method::POST, path, Some((JSON, body))).await
    }

    /// Creates an object that is written as YAML, which the server reads by itself.
    pub(crate) async fn create_yaml(&self, path: &str, text: &str) -> Answer {
        let request = Request::post(path).header("content-type", "application/yaml").header("accept", JSON);
        let request = request.body(Body::from(text.as_bytes().to_vec())).unwrap();
        self.exchange(request).await.unwrap_or_else(|why| panic!("{path}: {why}"))
    }

    /// Patch of the kind that `content_type` names ([`MERGE`], [`STRATEGIC`]).
    pub(crate) async fn patch(&self, path: &str, content_type: &'static str, body: Value) -> Answer {
        self.call(Method::PATCH, path, Some((content_type, body))).await
    }

    /// Delete with these `DeleteOptions` fields; `{}` for the defaults.
    pub(crate) async fn delete(&self, path: &str, mut options: Value) -> Answer {
        options["apiVersion"] = "v1".into();
        options["kind"] = "DeleteOptions".into();
        self.call(Method::DELETE, path, Some((JSON, options))).await
    }

    /// The events of a watch, as JSON; ends with the stream.
    pub(crate) async fn watch(&self, path: &str) -> impl Stream<Item = Value> + Unpin + use<> {
        let request = Request::get(path).body(Vec::new()).unwrap();
        let lines =
            self.client.request_stream(request).await.unwrap_or_else(|error| panic!("{path}: {error}"));
        Box::pin(lines.lines().filter_map(|line| async move { serde_json::from_str(&line.ok()?).ok() }))
    }

    async fn call(&self, method: Method, path: &str, body: Option<(&'static str, Value)>) -> Answer {
        self.try_call(&method, path, body).await.unwrap_or_else(|why| panic!("{method} {path}: {why}"))
    }

    /// As the methods above, for a server that may be away: the text says what happened.
    pub(crate) async fn try_call(
        &self,
        method: &Method,
        path: &str,
        body: Option<(&'static str, Value)>,
    ) -> Result<Answer, String> {
        let request = Request::builder().method(method).uri(path).header("accept", "application/json");
        let request = match body {
            None => request.body(Body::empty()),
            Some((kind, body)) => {
                request.header("content-type", kind).body(Body::from(body.to_string().into_bytes()))
            }
        };
        self.exchange(request.unwrap()).await
    }

    async fn exchange(&self, request: Request<Body>) -> Result<Answer, String> {
        let exchange = async {
            let response = self.client.send(request).await.map_err(|error| format!("{error:?}"))?;
            let code = response.status().as_u16();
            let bytes = response.into_body().collect_bytes().await.map_err(|error| format!("{error:?}"))?;
            let text = || Value::String(String::from_utf8_lossy(&bytes).into_owned());
            Ok(Answer { code, body: serde_json::from_slice(&bytes).unwrap_or_else(|_| text()) })
        };
        tokio::time::timeout(TIMEOUT, exchange)
            .await
            .unwrap_or_else(|_| Err(format!("no answer within {TIMEOUT:?}")))
    }
}

pub(crate) const JSON: &str = "application/json";
pub(crate) const MERGE: &str = "application/merge-patch+json";
pub(crate) const STRATEGIC: &str = "application/strategic-merge-patch+json";

/// Of one request, on a busy machine.
const TIMEOUT: Duration = Duration::from_secs(20);
