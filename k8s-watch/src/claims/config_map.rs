//! Claims in a ConfigMap per lane.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use futures::future::BoxFuture;
use grace_core::{Address, Failure, LaneId, Pool, Revision, Success, Why};
use k8s_openapi::api::core::v1::ConfigMap;
use kube::api::{Patch, PatchParams, PostParams};
use kube::{Api, Client, Error};
use serde_json::json;
use tokio::time::timeout;

use super::ClaimStore;
use super::record::{Record, object_name};
use crate::causes::of_request;
use crate::execute::Attempt;

/// One ConfigMap `grace-claims-<lane>` per lane in a namespace of our own. The service account needs get, create and
/// patch of ConfigMaps there.
///
/// Written by merge patch of the keys that change, with the `resourceVersion` that was read: who comes second gets a
/// conflict and takes over what is there.
pub struct ConfigMapClaims {
    api: Api<ConfigMap>,
    namespace: Box<str>,
    /// The records as they were last seen; a patch replaces whole values, so it must know the rest of them.
    seen: Mutex<BTreeMap<LaneId, (Revision, Record)>>,
}

impl ConfigMapClaims {
    /// Claims in `namespace`, which must exist.
    #[must_use]
    pub fn new(client: Client, namespace: &str) -> Self {
        Self {
            api: Api::namespaced(client, namespace),
            namespace: namespace.into(),
            seen: Mutex::new(BTreeMap::new()),
        }
    }

    /// The record as it is, or that there is none.
    async fn current(&self, lane: &LaneId, attempt: Attempt) -> Result<Option<(Revision, Record)>, Failure> {
        let name = object_name(lane);
        let found = match timeout(CALL, self.api.get_opt(&name)).await {
            Ok(Ok(found)) => found,
            Ok(Err(error)) => return Err(self.failure("get", &name, &error, attempt)),
            Err(_) => return Err(slow("get", &name, attempt)),
        };
        Ok(found.map(|found| self.remember(lane, &found)))
    }

    async fn change(
        &self,
        lane: &LaneId,
        base: Option<&Revision>,
        add: &[(Pool, Address)],
        drop: &[(Pool, Address)],
        attempt: Attempt,
    ) -> Result<Success, Failure> {
        let before = match base {
            None => Record::default(),
            Some(base) => {
                let seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner).get(lane).cloned();
                match seen.filter(|(revision, _)| revision == base) {
                    Some((_, record)) => record,
                    // Written by another process, or by this one before it lost the answer.
                    None => match self.current(lane, attempt).await? {
                        Some((revision, record)) if revision == *base => record,
                        current => return Err(conflict(current)),
                    },
                }
            }
        };
        let mut record = before;
        let touched = record.change(add, drop);
        let name = object_name(lane);
        let (verb, sent) = match base {
            None => ("create", timeout(CALL, self.create(&name, touched)).await),
            Some(base) => ("patch", timeout(CALL, self.patch(&name, base, touched)).await),
        };
        match sent {
            Ok(Ok(written)) => Ok(claims(Some(self.remember(lane, &written)))),
            Ok(Err(Error::Api(status))) if matches!(status.code, 404 | 409) && !is_namespace(&status) => {
                Err(conflict(self.current(lane, attempt).await?))
            }
            Ok(Err(error)) => Err(self.failure(verb, &name, &error, attempt)),
            Err(_) => Err(slow(verb, &name, attempt)),
        }
    }

    async fn create(&self, name: &str, touched: BTreeMap<String, Option<String>>) -> kube::Result<ConfigMap> {
        let mut object = ConfigMap::default();
        object.metadata.name = Some(name.to_owned());
        object.metadata.labels =
            Some(LABELS.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect());
        object.data = Some(touched.into_iter().filter_map(|(key, text)| Some((key, text?))).collect());
        self.api.create(&PostParams::default(), &object).await
    }

    async fn patch(
        &self,
        name: &str,
        base: &Revision,
        touched: BTreeMap<String, Option<String>>,
    ) -> kube::Result<ConfigMap> {
        let patch = json!({
            "metadata": {"resourceVersion": base.as_str(), "labels": BTreeMap::from(LABELS)},
            "data": touched,
        });
        self.api.patch(name, &PatchParams::default(), &Patch::Merge(patch)).await
    }

    fn remember(&self, lane: &LaneId, object: &ConfigMap) -> (Revision, Record) {
        let revision = Revision::new(object.metadata.resource_version.clone().unwrap_or_default());
        let record = object.data.as_ref().map(Record::read).unwrap_or_default();
        let seen = (revision, record);
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).insert(lane.clone(), seen.clone());
        seen
    }

    fn failure(&self, verb: &str, name: &str, error: &Error, attempt: Attempt) -> Failure {
        let detail: Box<str> = format!(
            "{verb} of ConfigMap {}/{name} (resource configmaps): {}",
            self.namespace,
            of_request(error)
        )
        .into();
        let later = attempt.pause(Duration::from_secs(5), Duration::from_secs(30));
        let soon = attempt.pause(Duration::from_millis(500), Duration::from_secs(5));
        let Error::Api(status) = error else { return in_doubt(verb, soon, detail) };
        let (why, retry_in) = match status.code {
            413 | 422 => (Why::Full, later),
            401 | 403 => (Why::Permission, later),
            429 => (Why::Throttled, soon),
            // 404: the namespace for claims does not exist.
            400..=499 => (Why::Invalid, later),
            _ => return in_doubt(verb, soon, detail),
        };
        Failure::NotExecuted { why, retry_in, detail }
    }
}

impl ClaimStore for ConfigMapClaims {
    fn load<'a>(&'a self, lane: &'a LaneId, attempt: Attempt) -> BoxFuture<'a, Result<Success, Failure>> {
        Box::pin(async move { Ok(claims(self.current(lane, attempt).await?)) })
    }

    fn change<'a>(
        &'a self,
        lane: &'a LaneId,
        base: Option<&'a Revision>,
        add: &'a [(Pool, Address)],
        drop: &'a [(Pool, Address)],
        attempt: Attempt,
    ) -> BoxFuture<'a, Result<Success, Failure>> {
        Box::pin(self.change(lane, base, add, drop, attempt))
    }
}

fn claims(current: Option<(Revision, Record)>) -> Success {
    match current {
        Some((revision, record)) => Success::Claims { revision: Some(revision), all: record.all() },
        None => Success::Claims { revision: None, all: Vec::new() },
    }
}

fn conflict(current: Option<(Revision, Record)>) -> Failure {
    match current {
        Some((revision, record)) => Failure::Conflict { revision: Some(revision), all: record.all() },
        None => Failure::Conflict { revision: None, all: Vec::new() },
    }
}

/// What is missing is the namespace, not the record: reading the record again would not help.
fn is_namespace(status: &kube::core::Status) -> bool {
    status.code == 404 && status.details.as_ref().is_some_and(|details| details.kind == "namespaces")
}

fn slow(verb: &str, name: &str, attempt: Attempt) -> Failure {
    let retry_in = attempt.pause(Duration::from_millis(500), Duration::from_secs(5));
    in_doubt(verb, retry_in, format!("{verb} of ConfigMap {name}: no answer within {CALL:?}").into())
}

/// Reading has no effect, so none is in doubt.
fn in_doubt(verb: &str, retry_in: Duration, detail: Box<str>) -> Failure {
    if verb == "get" {
        Failure::NotExecuted { why: Why::Unreachable, retry_in, detail }
    } else {
        Failure::Unknown { retry_in, detail }
    }
}

const LABELS: [(&str, &str); 2] =
    [("app.kubernetes.io/managed-by", "k8s-watch"), ("app.kubernetes.io/component", "claims")];
/// kube has no read timeout of its own, so a call could hang.
const CALL: Duration = Duration::from_secs(10);
