//! One request: in the words of RBAC, past the faults, to the operation of its verb.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use axum::{body::Body, response::Response};
use http::{HeaderMap, Method, header};
use serde_json::{Value, json};

use super::{
    answer::{JSON, answer, json_answer, success},
    delete::{DeleteOptions, Deleted},
    event,
    fault::Verdict,
    list, object,
    patch::Strategy,
    path::Path,
    refusal::Refusal,
    request_log::Request,
    selector::Selector,
    state::Shared,
    watch,
    write::Part,
};

/// Parameters of the query.
pub(crate) type Params = BTreeMap<String, String>;

/// One request while it is served.
pub(crate) struct Call<'a> {
    pub(crate) path: Path,
    /// The query.
    pub(crate) params: Params,
    pub(crate) headers: &'a HeaderMap,
    /// As faults and log see it.
    pub(crate) request: Request,
    /// Null when there is none.
    pub(crate) body: Value,
}

impl Call<'_> {
    /// The request in the words of RBAC.
    pub(crate) fn describe(&self, method: &Method) -> Result<Request, Refusal> {
        let path = &self.path;
        let collection = path.name.is_empty();
        let verb = match (method, collection) {
            (&Method::GET, true) if self.flag("watch") => "watch",
            (&Method::GET, true) => "list",
            (&Method::GET, false) => "get",
            (&Method::POST, true) => "create",
            (&Method::POST, false) if !path.subresource.is_empty() => "create",
            (&Method::PUT, false) => "update",
            (&Method::PATCH, false) => "patch",
            (&Method::DELETE, true) => "deletecollection",
            (&Method::DELETE, false) => "delete",
            _ => {
                return Err(Refusal::method_not_allowed());
            }
        };
        let name = if verb == "create" && collection {
            self.body.pointer("/metadata/name").and_then(Value::as_str).unwrap_or_default()
        } else {
            &path.name
        };
        Ok(Request {
            at: 0,
            verb: verb.to_owned(),
            group: path.kind.group.to_owned(),
            resource: path.kind.resource.to_owned(),
            subresource: path.subresource.clone(),
            namespace: path.namespace.clone(),
            name: name.to_owned(),
            code: None,
        })
    }

    /// Asks the faults. `true`: carry out, but lose the answer.
    pub(crate) async fn pass_the_gate(&self, shared: &Arc<Shared>) -> Result<bool, Refusal> {
        let mut changes = shared.changes();
        loop {
            let verdict = shared.lock().faults.judge(&self.request);
            match verdict {
                Verdict::Pass => return Ok(false),
                Verdict::Lose => return Ok(true),
                Verdict::Delay(time) => {
                    tokio::time::sleep(time).await;
                    return Ok(false);
                }
                Verdict::Refuse(refusal) => return Err(refusal),
                Verdict::Swallow => {
                    shared.lock().log.record(self.request.clone());
                    return std::future::pending().await;
                }
                Verdict::Hold => changes.changed().await,
            }
        }
    }

    /// Enters the request into the log.
    pub(crate) fn log(&self, shared: &Shared, code: u16) {
        let mut state = shared.lock();
        let at = state.clock.now();
        state.log.record(Request { at, code: Some(code), ..self.request.clone() });
    }

    /// Does what was asked.
    pub(crate) async fn carry_out(&self, shared: &Arc<Shared>) -> Result<Response, Refusal> {
        acceptable(self.headers)?;
        let (kind, namespace, name) = (self.path.kind, self.path.namespace.as_str(), self.path.name.as_str());
        if self.params.contains_key("dryRun") {
            return Err(Refusal::bad_request("dryRun is not supported by this server"));
        }
        let verb = self.request.verb.as_str();
        let part = match self.path.subresource.as_str() {
            "" => Part::Whole,
            "status" if kind.status => Part::Status,
            "eviction" | "binding" if kind.resource == "pods" && verb == "create" => {
                return self.pod_subresource(shared);
            }
            _ => return Err(Refusal::no_such_path()),
        };
        let found = |object: &Value, code| json_answer(code, &event::shown(kind, object));
        match verb {
            "get" => {
                let object = shared.lock().store.object(kind, namespace, name);
                object.map(|o| found(&o, 200)).ok_or_else(|| Refusal::not_found(kind, name))
            }
            "list" => self.list(shared).await,
            "watch" => self.watch(shared),
            "create" => {
                if kind.namespaced && namespace.is_empty() {
                    return Err(Refusal::method_not_allowed());
                }
                let body = self.body.clone();
                shared.write(|s| s.create(kind, namespace, body)).map(|o| found(&o, 201))
            }
            "update" => {
                let body = self.body.clone();
                let replaced = shared.write(|s| s.replace(kind, namespace, name, part, body));
                replaced.map(|(o, created)| found(&o, if created { 201 } else { 200 }))
            }
            "patch" => {
                let content_type = header_text(self.headers, &header::CONTENT_TYPE);
                let strategy = Strategy::of(content_type)?;
                shared
                    .write(|s| s.patch(kind, namespace, name, part, (strategy, &self.body)))
                    .map(|o| found(&o, 200))
            }
            "delete" => {
                let options = DeleteOptions::read(&self.body, self.param("gracePeriodSeconds"))?;
                let deleted = shared.write(|s| s.delete(kind.shelf(), namespace, name, &options))?;
                Ok(match deleted {
                    Deleted::Object(object) => found(&object, 200),
                    Deleted::Status(status) => json_answer(200, &status),
                })
            }
            _ => self.delete_collection(shared),
        }
    }

    async fn list(&self, shared: &Shared) -> Result<Response, Refusal> {
        if self.params.contains_key("sendInitialEvents") {
            let why = "sendInitialEvents is forbidden for list";
            return Err(Refusal::list_option("sendInitialEvents", why));
        }
        if self.param("resourceVersionMatch").is_some() && self.param("resourceVersion").is_none() {
            let why = "resourceVersionMatch is forbidden unless resourceVersion is provided";
            return Err(Refusal::list_option("resourceVersionMatch", why));
        }
        let limit = self.param("limit").map_or(Ok(0), str::parse);
        let query = list::Query {
            selector: self.selector()?,
            limit: limit.map_err(|_| Refusal::bad_request("limit is not a number"))?,
            token: self.param("continue").unwrap_or_default().to_owned(),
            version: self.version()?,
            exact: self.param("resourceVersionMatch") == Some("Exact"),
        };
        let ahead = || query.version.filter(|v| *v > shared.lock().listed_version());
        if ahead().is_some() {
            tokio::time::sleep(PATIENCE).await;
        }
        if let Some(wanted) = ahead() {
            return Err(ahead_of_time(wanted, shared.lock().listed_version()));
        }
        let namespace = Some(self.path.namespace.as_str()).filter(|n| !n.is_empty());
        let body = shared.lock().list(self.path.kind, namespace, &query)?;
        Ok(answer(200, JSON, body))
    }

    fn watch(&self, shared: &Arc<Shared>) -> Result<Response, Refusal> {
        let initial_events = match self.param("sendInitialEvents") {
            Some(_) if shared.lock().faults.no_initial_events => {
                let why =
                    "sendInitialEvents is forbidden for watch unless the WatchList feature gate is enabled";
                return Err(Refusal::list_option("sendInitialEvents", why));
            }
            Some("true" | "1") if self.param("resourceVersionMatch") == Some("NotOlderThan") => true,
            Some("true" | "1") => {
                let message = "sendInitialEvents requires setting resourceVersionMatch to NotOlderThan";
                return Err(Refusal::list_option("resourceVersionMatch", message));
            }
            Some(_) | None => false,
        };
        let timeout = self.param("timeoutSeconds").map(str::parse).transpose();
        let timeout = timeout.map_err(|_| Refusal::bad_request("timeoutSeconds is not a number"))?;
        let query = watch::Query {
            selector: self.selector()?,
            version: self.version()?,
            bookmarks: self.flag("allowWatchBookmarks"),
            initial_events,
            timeout: timeout.filter(|t| *t > 0).map(Duration::from_secs),
        };
        let stream = watch::stream(shared.clone(), self.path.kind, self.request.clone(), query);
        Ok(answer(200, JSON, Body::from_stream(stream)))
    }

    fn delete_collection(&self, shared: &Shared) -> Result<Response, Refusal> {
        let options = DeleteOptions::read(&self.body, self.param("gracePeriodSeconds"))?;
        let (kind, selector) = (self.path.kind.shelf(), self.selector()?);
        let namespace = Some(self.path.namespace.as_str()).filter(|n| !n.is_empty());
        let body = shared.write(|state| {
            let doomed: Vec<_> =
                state.store.objects(kind, namespace).filter(|o| selector.matches(o)).cloned().collect();
            let mut deleted = Vec::new();
            for found in doomed {
                let (namespace, name) = (object::namespace(&found), object::name(&found));
                deleted.push(match state.delete(kind, namespace, name, &options)? {
                    Deleted::Object(object) => object,
                    Deleted::Status(_) => found,
                });
            }
            let metadata = json!({"resourceVersion": state.store.version().to_string()});
            list::render(self.path.kind, metadata, deleted.iter().map(|o| &**o))
        })?;
        Ok(answer(200, JSON, body))
    }

    fn pod_subresource(&self, shared: &Shared) -> Result<Response, Refusal> {
        let (namespace, name) = (self.path.namespace.as_str(), self.path.name.as_str());
        shared.write(|state| match self.path.subresource.as_str() {
            "eviction" => state.evict(namespace, name, &self.body),
            _ if object::name(&self.body) != name => {
                Err(Refusal::bad_request("name in URL does not match name in Binding object"))
            }
            _ => state.bind(namespace, name, object::text(&self.body, "/target/name")),
        })?;
        Ok(json_answer(201, &success(201)))
    }

    fn param(&self, name: &str) -> Option<&str> {
        self.params.get(name).map(String::as_str).filter(|v| !v.is_empty())
    }

    fn flag(&self, name: &str) -> bool {
        matches!(self.param(name), Some("true" | "1"))
    }

    fn selector(&self) -> Result<Selector, Refusal> {
        let [labels, fields] = ["labelSelector", "fieldSelector"].map(|p| self.param(p).unwrap_or_default());
        Selector::parse(labels, fields)
    }

    fn version(&self) -> Result<Option<u64>, Refusal> {
        let text = self.param("resourceVersion");
        text.map(str::parse).transpose().map_err(|e| {
            let why = format!("resourceVersion: Invalid value: {:?}: {e}", text.unwrap_or_default());
            // A watch is refused later than a list, where the real server has no better word for it.
            if self.request.verb == "watch" {
                Refusal::new(500, "", why)
            } else {
                Refusal::bad_request(format!("invalid resource version: {why}"))
            }
        })
    }
}

/// Only JSON is spoken.
fn acceptable(headers: &HeaderMap) -> Result<(), Refusal> {
    let accept = header_text(headers, &header::ACCEPT);
    let json = |range: &str| {
        matches!(
            range.split(';').next().unwrap_or_default().trim(),
            "application/json" | "application/*" | "*/*"
        )
    };
    if accept.is_empty() || accept.split(',').any(json) {
        return Ok(());
    }
    let message =
        format!("only the following media types are accepted: application/json (asked for: {accept})");
    Err(Refusal::new(406, "NotAcceptable", message))
}

fn header_text<'a>(headers: &'a HeaderMap, name: &header::HeaderName) -> &'a str {
    headers.get(name).and_then(|v| v.to_str().ok()).unwrap_or_default()
}

fn ahead_of_time(wanted: u64, current: u64) -> Refusal {
    let message = format!("Too large resource version: {wanted}, current: {current}");
    let cause = json!({"reason": "ResourceVersionTooLarge", "message": "Too large resource version"});
    let mut refusal = Refusal::new(504, "Timeout", message)
        .with_details(json!({"causes": [cause], "retryAfterSeconds": 1}));
    refusal.retry_after = Some(1);
    refusal
}

/// How long a list waits for a resourceVersion that has not come yet.
const PATIENCE: Duration = Duration::from_secs(3);
