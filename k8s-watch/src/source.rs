//! One list and watch of a kind, in one namespace or in all: every object once, then what becomes of them.
//!
//! Written on `Api::list` and `Api::watch` instead of kube's `watcher`, because that one does not tell the version of a
//! list, and a list that is older than what was already seen must be dropped before any of its objects act. There is
//! never a selector: an object that leaves one would arrive as deleted although it lives.

#[cfg(test)]
#[cfg(feature = "sim")]
mod spec;

use std::future::Future;
use std::time::Duration;

use futures::{Stream, StreamExt};
use grace_core::Source;
use kube::api::{ListParams, WatchEvent, WatchParams};
use kube::core::Status;
use kube::{Api, Client};
use tokio::time::{Instant, sleep, timeout};
use tracing::{debug, error, warn};

use crate::causes::Causes;
use crate::slim::{Kind, Slim};

/// What a source tells, in order.
pub(crate) enum Seen<K> {
    /// A complete list begins.
    ListStarted,
    /// An object as it is now.
    Object(Slim<K>),
    /// An object is gone; as it was last.
    Gone(Slim<K>),
    /// The list is complete.
    ListDone,
}

/// Where a source tells it. It is waited for: an event that is dropped could be a deletion.
pub(crate) trait Sink<K> {
    /// Takes one thing in; `Err` when nobody wants more.
    fn take(&mut self, seen: Seen<K>) -> impl Future<Output = Result<(), Closed>> + Send;
}

/// Whoever listened has gone.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Closed;

/// Lists and watches until nobody wants more; one watch lasts `limit`, in whole seconds. Every failure is tried again.
pub(crate) async fn run<K: Kind>(
    client: Client,
    source: Source,
    limit: Duration,
    sink: &mut impl Sink<K>,
) -> Closed {
    let api = match &source.namespace {
        Some(namespace) => Api::namespaced(client, namespace),
        None => Api::all(client),
    };
    let seconds = u32::try_from(limit.as_secs()).unwrap_or(u32::MAX).max(1);
    let mut watch = Watch { api, source, seconds, newest: 0, pause: Pause::default() };
    loop {
        let version = match watch.list(sink).await {
            Ok(version) => version,
            Err(Trouble::Closed) => return Closed,
            Err(Trouble::Failed(failure)) => {
                watch.tell("list", &failure);
                sleep(watch.pause.next()).await;
                continue;
            }
        };
        if let Err(Closed) = watch.follow(version, sink).await {
            return Closed;
        }
    }
}

struct Watch<K> {
    api: Api<Slim<K>>,
    source: Source,
    /// How long one watch may last.
    seconds: u32,
    /// The newest version that any answer has shown.
    newest: u64,
    pause: Pause,
}

impl<K: Kind> Watch<K> {
    /// One complete list; returns its version.
    async fn list(&mut self, sink: &mut impl Sink<K>) -> Result<String, Trouble> {
        let mut page = ListParams::default().limit(PAGE);
        let mut started = false;
        loop {
            let list =
                timeout(PAGE_TAKES, self.api.list(&page)).await.map_err(|_| Failure::Slow(PAGE_TAKES))??;
            let version = list.metadata.resource_version.unwrap_or_default();
            if !started {
                self.refuse_older(&version)?;
                sink.take(Seen::ListStarted).await?;
                started = true;
            }
            for object in list.items {
                sink.take(Seen::Object(object)).await?;
            }
            match list.metadata.continue_.filter(|token| !token.is_empty()) {
                Some(token) => page.continue_token = Some(token),
                None => {
                    sink.take(Seen::ListDone).await?;
                    self.pause.calm();
                    return Ok(version);
                }
            }
        }
    }

    /// Watches from `version` on until only another list helps.
    async fn follow(&mut self, mut version: String, sink: &mut impl Sink<K>) -> Result<(), Closed> {
        let params = WatchParams::default().timeout(self.seconds);
        loop {
            let opened = match timeout(OPENING_TAKES, self.api.watch(&params, &version)).await {
                Ok(opened) => opened.map_err(Failure::from),
                Err(_) => Err(Failure::Slow(OPENING_TAKES)),
            };
            let failure = match opened {
                Ok(stream) => self.drain(Box::pin(stream), &mut version, sink).await?,
                Err(failure) => Some(failure),
            };
            let Some(failure) = failure else { continue };
            if failure.is_expired() {
                debug!(source = %self.source, "watch expired, listing again");
                return Ok(());
            }
            self.tell("watch", &failure);
            sleep(self.pause.next()).await;
            if failure.lost_an_event() || self.pause.is_long() {
                return Ok(());
            }
        }
    }

    /// Reads one watch to its end; `None` when it ended in peace and can be resumed at `version`.
    async fn drain(
        &mut self,
        mut stream: impl Stream<Item = kube::Result<WatchEvent<Slim<K>>>> + Unpin,
        version: &mut String,
        sink: &mut impl Sink<K>,
    ) -> Result<Option<Failure>, Closed> {
        // A connection whose other end vanished says nothing, not even that it ended.
        let silence = Duration::from_secs(u64::from(self.seconds)) + OVERTIME;
        while let Ok(Some(event)) = timeout(silence, stream.next()).await {
            let at = match event {
                Ok(WatchEvent::Added(object) | WatchEvent::Modified(object)) => {
                    let at = object.resource_version().map(str::to_owned);
                    sink.take(Seen::Object(object)).await?;
                    at
                }
                Ok(WatchEvent::Deleted(object)) => {
                    let at = object.resource_version().map(str::to_owned);
                    sink.take(Seen::Gone(object)).await?;
                    at
                }
                Ok(WatchEvent::Bookmark(bookmark)) => Some(bookmark.metadata.resource_version),
                Ok(WatchEvent::Error(status)) => return Ok(Some(Failure::Told(status))),
                Err(failure) => return Ok(Some(failure.into())),
            };
            self.pause.calm();
            // An object without a version is used, and the watch goes on from the one before.
            if let Some(at) = at {
                self.newest = self.newest.max(at.parse().unwrap_or(0));
                *version = at;
            }
        }
        Ok(None)
    }

    /// An API server that lags behind, or a cluster that was set back, shows a world that is over.
    fn refuse_older(&mut self, version: &str) -> Result<(), Failure> {
        // Versions are compared as numbers (KEP-5504); one that is no number is taken as it comes.
        let Ok(listed) = version.parse::<u64>() else { return Ok(()) };
        if listed < self.newest {
            return Err(Failure::Older { listed, newest: self.newest });
        }
        self.newest = listed;
        Ok(())
    }

    fn tell(&self, verb: &'static str, failure: &Failure) {
        let (source, resource) = (&self.source, K::PLURAL);
        match failure {
            Failure::Older { listed, newest } => warn!(
                %source, listed, newest,
                "the API server answered with a list that is older than what was already seen; it is not used, \
                 listing again. If the cluster was restored from a backup, restart this process"
            ),
            Failure::Slow(limit) => {
                warn!(%source, verb, resource, "no answer within {limit:?}; trying again")
            }
            Failure::Told(status) if status.is_forbidden() => error!(
                %source, verb, resource,
                "may not {verb} {resource} ({}); allow get, list and watch of {resource} to this ServiceAccount. \
                 Trying again", status.message
            ),
            Failure::Told(status) if status.code == 401 => error!(
                %source, verb, resource, code = status.code,
                "the API server does not accept the credential of this process ({}); renew the token in the \
                 kubeconfig, or look whether the ServiceAccount is still there. Trying again", status.message
            ),
            Failure::Told(status) => {
                warn!(%source, verb, resource, code = status.code, "{}; trying again", status.message);
            }
            Failure::Broken(error) => warn!(%source, verb, resource, "{}; trying again", Causes(error)),
        }
    }
}

/// Why a list or a watch ended.
#[derive(Debug)]
enum Failure {
    /// The server says so.
    Told(Box<Status>),
    /// Something between here and the server.
    Broken(kube::Error),
    /// No answer in this time.
    Slow(Duration),
    /// The list is older than what was already seen.
    Older { listed: u64, newest: u64 },
}

impl Failure {
    fn is_expired(&self) -> bool {
        matches!(self, Self::Told(status) if status.code == 410)
    }

    /// A line of a watch that is no event at all: what it said can only be learned from another list.
    fn lost_an_event(&self) -> bool {
        matches!(self, Self::Broken(kube::Error::SerdeError(_)))
    }
}

impl From<kube::Error> for Failure {
    fn from(error: kube::Error) -> Self {
        if let kube::Error::Api(status) = error { Self::Told(status) } else { Self::Broken(error) }
    }
}

enum Trouble {
    Closed,
    Failed(Failure),
}

impl From<Closed> for Trouble {
    fn from(_: Closed) -> Self {
        Self::Closed
    }
}

impl<E: Into<Failure>> From<E> for Trouble {
    fn from(failure: E) -> Self {
        Self::Failed(failure.into())
    }
}

/// Waits between attempts: 0.8 s, doubled up to 5 s, a fifth more or less. Kube's own go up to 30 s, which is as long as
/// a Pod lives after its deletion.
#[derive(Default)]
pub(crate) struct Pause {
    failures: u32,
    since: Option<Instant>,
}

impl Pause {
    /// How long to wait now.
    pub(crate) fn next(&mut self) -> Duration {
        let wait = (FIRST_PAUSE * 2_u32.saturating_pow(self.failures)).min(LONGEST_PAUSE);
        self.failures = (self.failures + 1).min(8);
        self.since = Some(Instant::now());
        wait.mul_f64(0.8 + 0.4 * fastrand::f64()).min(LONGEST_PAUSE)
    }

    /// Something worked; the next wait is the shortest again, unless the last failure was only just now.
    fn calm(&mut self) {
        if self.since.is_none_or(|since| since.elapsed() > LONGEST_PAUSE * 2) {
            self.failures = 0;
        }
    }

    fn is_long(&self) -> bool {
        self.failures > 4
    }
}

/// Objects per page of a list: what kube and kubectl ask for as well.
const PAGE: u32 = 500;
/// How much longer than asked for a watch may last until it counts as dead.
const OVERTIME: Duration = Duration::from_secs(5);
/// How long a page of a list may take.
const PAGE_TAKES: Duration = Duration::from_secs(30);
/// How long the opening of a watch may take. The server answers that at once; when the network fell silent, the pool of
/// connections holds others that are dead as well, and each that is taken from it costs this once.
const OPENING_TAKES: Duration = Duration::from_secs(5);
const FIRST_PAUSE: Duration = Duration::from_millis(800);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);
