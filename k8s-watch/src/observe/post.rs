//! Events of `events.k8s.io/v1`, written as JSON: the first of its kind is created, repeats are counted in its series.

use std::time::Duration;

use http::Request;
use kube::Client;
use serde_json::{Value, json};
use tokio::time::{Instant, timeout};

use super::wording::Severity;
use crate::causes::of_request;
use crate::clock::{Clock, timestamp};
use crate::finding::ObjectRef;

/// Writes Events.
pub(crate) struct Post {
    client: Client,
    clock: Clock,
    /// Name of this process in the Events that it writes.
    instance: String,
    /// How often the count of a series is written.
    between_counts: Duration,
}

impl Post {
    /// Writes with `client`, in the name of `instance`; the count of a series once in `between_counts`.
    pub(crate) fn new(client: Client, clock: Clock, instance: &str, between_counts: Duration) -> Self {
        let instance = instance.chars().take(INSTANCE_CHARACTERS).collect();
        Self { client, clock, instance, between_counts }
    }

    /// Creates an Event; returns its name.
    pub(super) async fn create(
        &self,
        on: &ObjectRef,
        reason: &'static str,
        severity: Severity,
        note: &str,
    ) -> Result<String, String> {
        let now = self.clock.now();
        let namespace = &*on.name.namespace;
        // As client-go names them: the object, and a time that no two Events share.
        let object: String = on.name.name.chars().take(200).collect();
        let name = format!("{object}.{:x}{:04x}", now.as_micros(), fastrand::u16(..));
        let event = json!({
            "apiVersion": "events.k8s.io/v1",
            "kind": "Event",
            "metadata": {"name": name, "namespace": namespace},
            "eventTime": timestamp(now, MICRO_TIME),
            "reportingController": CONTROLLER,
            "reportingInstance": self.instance,
            "action": reason,
            "reason": reason,
            "type": severity.as_str(),
            "note": shortened(note),
            "regarding": {
                "apiVersion": on.kind.api_version(),
                "kind": on.kind.as_str(),
                "namespace": namespace,
                "name": &*on.name.name,
                "uid": on.uid.map(|uid| uid.to_string()),
            },
        });
        let request =
            Request::post(path(namespace, None)).header(http::header::CONTENT_TYPE, "application/json");
        self.send(request, &event).await.map(|()| name)
    }

    /// When the count of a series is to be written; `None` while the written one is right.
    pub(super) fn due(&self, series: &Series) -> Option<Instant> {
        series.is_uncounted().then(|| series.written.1 + self.between_counts)
    }

    /// Writes the count of a series.
    pub(super) async fn count(&self, on: &ObjectRef, series: &mut Series) -> Result<(), String> {
        let last = self.clock.now();
        let patch =
            json!({"series": {"count": series.count, "lastObservedTime": timestamp(last, MICRO_TIME)}});
        let request = Request::patch(path(&on.name.namespace, Some(&series.name)))
            .header(http::header::CONTENT_TYPE, "application/merge-patch+json");
        series.written = (series.count, Instant::now());
        self.send(request, &patch).await
    }

    async fn send(&self, request: http::request::Builder, body: &Value) -> Result<(), String> {
        let request = request.body(body.to_string().into_bytes()).map_err(|error| error.to_string())?;
        match timeout(CALL, self.client.request::<Value>(request)).await {
            Ok(Ok(_)) => Ok(()),
            Ok(Err(error)) => Err(of_request(&error)),
            Err(_) => Err(format!("no answer within {CALL:?}")),
        }
    }
}

/// An Event that is repeated.
pub(super) struct Series {
    name: String,
    note: String,
    count: u32,
    last: Instant,
    /// Which count was written last, and when.
    written: (u32, Instant),
}

impl Series {
    /// The series of the Event `name`, which stands at one.
    pub(super) fn new(name: String, note: &str) -> Self {
        let now = Instant::now();
        Self { name, note: note.to_owned(), count: 1, last: now, written: (1, now) }
    }

    /// Whether the same statement belongs to this series.
    pub(super) fn continues(&self, note: &str) -> bool {
        self.note == note && !self.is_over()
    }

    /// Once more.
    pub(super) fn again(&mut self) {
        self.count += 1;
        self.last = Instant::now();
    }

    /// Whether the written count is behind.
    fn is_uncounted(&self) -> bool {
        self.count != self.written.0
    }

    /// Nothing came for so long that the next one is an Event of its own.
    pub(super) fn is_over(&self) -> bool {
        self.last.elapsed() > SERIES_ENDS && !self.is_uncounted()
    }
}

fn path(namespace: &str, name: Option<&str>) -> String {
    let slash = if name.is_some() { "/" } else { "" };
    format!("/apis/events.k8s.io/v1/namespaces/{namespace}/events{slash}{}", name.unwrap_or_default())
}

fn shortened(note: &str) -> String {
    if note.chars().count() <= NOTE_CHARACTERS {
        return note.to_owned();
    }
    note.chars().take(NOTE_CHARACTERS - 3).chain("...".chars()).collect()
}

/// Digits of a second in `eventTime` and `lastObservedTime`; the API takes exactly so many.
const MICRO_TIME: usize = 6;
/// Who reports.
const CONTROLLER: &str = "cloud.tencent.com/grace-controller";
/// The API refuses longer notes: 1,024 bytes; a character has up to four, ours are almost all of one.
const NOTE_CHARACTERS: usize = 1_000;
/// The API refuses longer names of an instance.
const INSTANCE_CHARACTERS: usize = 128;
const CALL: Duration = Duration::from_secs(10);
/// As client-go: six minutes of silence end a series.
const SERIES_ENDS: Duration = Duration::from_secs(360);
