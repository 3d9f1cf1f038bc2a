//! What is shown on Pods: that the load balancer serves them, that they are drained.

use std::sync::Arc;
use std::time::Duration;

use futures::future::BoxFuture;
use grace_core::{Failure, Mark, ObjectName, Success, Uid, Why};
use k8s_openapi::api::core::v1::Pod;
use kube::api::{Patch, PatchParams};
use kube::core::{PartialObjectMeta, Status};
use kube::{Api, Client, Error};
use serde_json::json;
use tokio::time::timeout;

use crate::causes::of_request;
use crate::clock::{Clock, timestamp};
use crate::execute::Attempt;

/// Readiness gate that is set once the weight of a Pod is in force on every target, and each is healthy or not checked.
pub const READINESS_GATE: &str = "cloud.tencent.com/load-balancer-backendgroup-ready";
/// Condition that is set once no target of a terminating Pod gets new connections any more.
pub const DRAINED: &str = "grace-shutdown/drained";

/// Shows marks on Pods. [`PodConditions`] unless said. Only used where [marks](crate::Builder::mark_ready) were asked for.
pub trait PodMarks: Send + Sync + 'static {
    /// Shows one mark. [`Success::Marked`] as well when this Pod, which `pod` alone identifies, is gone.
    fn mark<'a>(
        &'a self,
        pod: Uid,
        name: &'a ObjectName,
        mark: Mark,
        attempt: Attempt,
    ) -> BoxFuture<'a, Result<Success, Failure>>;
}

impl<M: PodMarks + ?Sized> PodMarks for Arc<M> {
    fn mark<'a>(
        &'a self,
        pod: Uid,
        name: &'a ObjectName,
        mark: Mark,
        attempt: Attempt,
    ) -> BoxFuture<'a, Result<Success, Failure>> {
        (**self).mark(pod, name, mark, attempt)
    }
}

/// Marks as conditions in the status of the Pod. The service account needs patch of `pods/status`.
///
/// Written by strategic merge patch, which leaves the other conditions alone, with the UID of the Pod: one that was created
/// again under the same name is refused by the API server.
pub struct PodConditions {
    client: Client,
    clock: Clock,
}

impl PodConditions {
    /// Marks on the Pods of the cluster that `client` reaches. Reads the wall clock once.
    #[must_use]
    pub fn new(client: Client) -> Self {
        Self { client, clock: Clock::start() }
    }

    async fn show(
        &self,
        pod: Uid,
        name: &ObjectName,
        mark: Mark,
        attempt: Attempt,
    ) -> Result<Success, Failure> {
        let (condition, reason, message) = match mark {
            Mark::BackendReady => (
                READINESS_GATE,
                "WeightInForce",
                "every target has its weight and is healthy, or not checked",
            ),
            Mark::Drained => (DRAINED, "WeightZero", "no target gets new connections any more"),
        };
        let patch = json!({
            "metadata": {"uid": pod.to_string()},
            "status": {"conditions": [{
                "type": condition, "status": "True", "reason": reason, "message": message,
                "lastTransitionTime": timestamp(self.clock.now(), 0),
            }]},
        });
        // Of the answer nothing is wanted, so nothing in it can be wrong.
        let api: Api<PartialObjectMeta<Pod>> = Api::namespaced(self.client.clone(), &name.namespace);
        let params = PatchParams::default();
        let patch = Patch::Strategic(patch);
        match timeout(CALL, api.patch_status(&name.name, &params, &patch)).await {
            Ok(Ok(_)) => Ok(Success::Marked),
            Ok(Err(Error::Api(status))) if is_gone(&status) => Ok(Success::Marked),
            Ok(Err(error)) => {
                let code = if let Error::Api(status) = &error { Some(status.code) } else { None };
                Err(failure(name, &of_request(&error), code, attempt))
            }
            Err(_) => Err(failure(name, &format!("no answer within {CALL:?}"), None, attempt)),
        }
    }
}

impl PodMarks for PodConditions {
    fn mark<'a>(
        &'a self,
        pod: Uid,
        name: &'a ObjectName,
        mark: Mark,
        attempt: Attempt,
    ) -> BoxFuture<'a, Result<Success, Failure>> {
        Box::pin(self.show(pod, name, mark, attempt))
    }
}

/// No Pod bears the name, or another one does: the API server says so of the UID in the patch, which cannot be changed.
fn is_gone(status: &Status) -> bool {
    let of_uid = || status.message.contains("metadata.uid") || status.message.contains("UID");
    status.code == 404 || (matches!(status.code, 409 | 422) && of_uid())
}

/// `code` is what the API server answered, if it did.
fn failure(name: &ObjectName, why: &str, code: Option<u16>, attempt: Attempt) -> Failure {
    let detail: Box<str> = format!("patch of the status of Pod {name} (resource pods/status): {why}").into();
    let later = attempt.pause(Duration::from_secs(5), Duration::from_secs(30));
    let soon = attempt.pause(Duration::from_millis(500), Duration::from_secs(5));
    let (why, retry_in) = match code {
        Some(401 | 403) => (Why::Permission, later),
        Some(409) => (Why::Busy, soon),
        Some(429) => (Why::Throttled, soon),
        Some(400..=499) => (Why::Invalid, later),
        _ => return Failure::Unknown { retry_in: soon, detail },
    };
    Failure::NotExecuted { why, retry_in, detail }
}

/// kube has no read timeout of its own, so a call could hang.
const CALL: Duration = Duration::from_secs(10);
