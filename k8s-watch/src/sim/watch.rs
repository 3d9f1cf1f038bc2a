//! Watches: a resumed stream of changes, bookmarks, timeouts, `sendInitialEvents`, in-stream errors.

use std::{collections::VecDeque, io, sync::Arc, time::Duration};

use bytes::Bytes;
use futures::{Stream, stream};
use serde_json::{Value, json};
use tokio::time::{Instant, sleep_until};

use super::{
    event,
    fault::Ending,
    kind::{ENDPOINT_SLICES, Kind, PODS},
    object,
    refusal::Refusal,
    request_log::Request,
    selector::Selector,
    state::{Changes, Shared, State},
    store::Change,
};

/// What a watch asks for.
#[derive(Clone, Debug)]
pub(crate) struct Query {
    pub(crate) selector: Selector,
    /// Begin after this; `None` or 0 shows what is there first.
    pub(crate) version: Option<u64>,
    pub(crate) bookmarks: bool,
    /// The state first, then its end marked, whatever `version` says.
    pub(crate) initial_events: bool,
    pub(crate) timeout: Option<Duration>,
}

/// The body of a watch.
pub(crate) fn stream(
    shared: Arc<Shared>,
    kind: &'static Kind,
    request: Request,
    query: Query,
) -> impl Stream<Item = io::Result<Bytes>> + Send + 'static {
    let changed = shared.changes();
    let open = {
        let mut state = shared.lock();
        // Without a timeout the real server picks one to two times `--min-request-timeout`.
        let spread = Duration::from_secs(state.ids.below(1_800));
        let deadline = Instant::now() + query.timeout.unwrap_or(Duration::from_secs(1_800) + spread);
        let mut open = Watch {
            orders: state.faults.orders(),
            cursor: query.version.unwrap_or(0),
            next_bookmark: next_bookmark(deadline, query.timeout),
            shared: shared.clone(),
            changed,
            kind,
            request,
            query,
            frames: VecDeque::new(),
            deadline,
            ended: false,
        };
        open.begin(&state);
        open
    };
    stream::unfold(open, |mut open| async move { open.next().await.map(|frame| (frame, open)) })
}

struct Watch {
    shared: Arc<Shared>,
    changed: Changes,
    kind: &'static Kind,
    /// As what faults see it.
    request: Request,
    query: Query,
    /// Changes up to here were framed.
    cursor: u64,
    /// Ready to be sent.
    frames: VecDeque<Bytes>,
    deadline: Instant,
    next_bookmark: Instant,
    /// Orders to end watches that were given before this one began.
    orders: usize,
    /// Nothing follows the frames.
    ended: bool,
}

impl Watch {
    fn begin(&mut self, state: &State) {
        if self.cursor != 0 && !self.query.initial_events {
            if let Err(old) = state.store.reaches(self.kind, self.cursor) {
                self.expire(old.oldest);
            }
            return;
        }
        let namespace = Some(self.request.namespace.as_str()).filter(|n| !n.is_empty());
        for object in state.store.objects(self.kind, namespace).filter(|o| self.query.selector.matches(o)) {
            self.frames.push_back(frame("ADDED", &event::shown(self.kind, object)));
        }
        self.cursor = state.store.version();
        if self.query.bookmarks {
            self.frames.push_back(self.bookmark(true));
        }
    }

    async fn next(&mut self) -> Option<io::Result<Bytes>> {
        loop {
            self.changed.mark_seen();
            let shared = self.shared.clone();
            let silent = {
                let state = shared.lock();
                match state.faults.ending(self.orders, &self.request) {
                    Some(Ending::Clean) => return None,
                    Some(Ending::Cut) => {
                        self.orders = state.faults.orders();
                        self.ended = true;
                        self.frames.clear();
                        let cause = io::Error::new(io::ErrorKind::ConnectionReset, "the connection was cut");
                        return Some(Err(cause));
                    }
                    Some(Ending::Expired) => {
                        self.orders = state.faults.orders();
                        self.frames.clear();
                        self.expire(state.store.version());
                    }
                    None => {}
                }
                let silent = state.faults.silent(&self.request);
                if !silent && !self.ended {
                    self.collect(&state);
                }
                silent
            };
            if !silent {
                if let Some(frame) = self.frames.pop_front() {
                    return Some(Ok(frame));
                }
                if self.ended || Instant::now() >= self.deadline {
                    return None;
                }
                if self.query.bookmarks && Instant::now() >= self.next_bookmark {
                    self.next_bookmark = next_bookmark(self.deadline, Some(self.deadline - Instant::now()));
                    return Some(Ok(self.bookmark(false)));
                }
            }
            self.wait(silent).await;
        }
    }

    async fn wait(&mut self, silent: bool) {
        let wake = if self.query.bookmarks { self.next_bookmark.min(self.deadline) } else { self.deadline };
        tokio::select! {
            biased;
            () = self.changed.changed() => {}
            // A silent connection does not even time out.
            () = sleep_until(wake), if !silent => {}
        }
    }

    /// Frames what happened since the last look.
    fn collect(&mut self, state: &State) {
        match state.store.changes_after(self.kind, self.cursor) {
            Ok(changes) => {
                for change in changes {
                    self.frames.extend(self.framed(change));
                }
                // Not backwards: a watch may wait for a resourceVersion of the future.
                self.cursor = self.cursor.max(state.store.version());
            }
            // As the real server does with a watcher that does not read.
            Err(_) => self.ended = true,
        }
    }

    fn expire(&mut self, newest: u64) {
        let message = format!("too old resource version: {} ({newest})", self.cursor);
        self.frames.push_back(frame("ERROR", &Refusal::expired(message).status()));
        self.ended = true;
    }

    /// A change as this watch sees it: leaving the selection looks like a deletion.
    fn framed(&self, change: &Change) -> Option<Bytes> {
        let namespace = &self.request.namespace;
        if !namespace.is_empty() && namespace != object::namespace(&change.object) {
            return None;
        }
        let selected = |object: &Value| self.query.selector.matches(object);
        let before = change.before.as_deref().filter(|b| selected(b));
        let now = Some(&*change.object).filter(|o| !change.gone && selected(o));
        match (before, now) {
            (None, None) => None,
            (None, Some(object)) => Some(frame("ADDED", &event::shown(self.kind, object))),
            (Some(_), Some(object)) => Some(frame("MODIFIED", &event::shown(self.kind, object))),
            (Some(_), None) if change.gone => {
                Some(frame("DELETED", &event::shown(self.kind, &change.object)))
            }
            (Some(before), None) => {
                let mut last = before.clone();
                object::metadata(&mut last)
                    .insert("resourceVersion".into(), change.version.to_string().into());
                Some(frame("DELETED", &event::shown(self.kind, &last)))
            }
        }
    }

    fn bookmark(&self, initial_events_end: bool) -> Bytes {
        let mut object = json!({
            "kind": self.kind.name, "apiVersion": self.kind.api_version(),
            "metadata": {"resourceVersion": self.cursor.to_string()},
        });
        if initial_events_end {
            object["metadata"]["annotations"] = json!({"k8s.io/initial-events-end": "true"});
        }
        // Empty objects of these kinds show what has no `omitempty`; decoders must take the nulls.
        if self.kind.is(&PODS) {
            object["spec"] = json!({"containers": null});
            object["status"] = json!({});
        } else if self.kind.is(&ENDPOINT_SLICES) {
            object["addressType"] = "".into();
            object["endpoints"] = Value::Null;
            object["ports"] = Value::Null;
        }
        frame("BOOKMARK", &object)
    }
}

/// About every minute, and two seconds before the end where the timeout is long enough.
fn next_bookmark(deadline: Instant, left: Option<Duration>) -> Instant {
    let heartbeat = Instant::now() + MINUTE;
    match left {
        Some(left) if left > SHORT => heartbeat.min(deadline - Duration::from_secs(2)),
        Some(_) | None => heartbeat,
    }
}

fn frame(kind: &str, object: &Value) -> Bytes {
    format!("{{\"type\":\"{kind}\",\"object\":{object}}}\n").into()
}

const MINUTE: Duration = Duration::from_secs(60);
/// A timeout of 3 s was seen to end without a bookmark, one of 8 s with one.
const SHORT: Duration = Duration::from_secs(3);
