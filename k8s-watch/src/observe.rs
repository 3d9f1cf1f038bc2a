//! Tells people what happens: a line in the log, and an Event on the object. Never holds the controller up.

mod post;
mod wording;

use std::collections::HashMap;

use grace_core::{Notice, ObjectName, Uid};
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until};
use tracing::{debug, info, warn};

use crate::finding::{ObjectKind, ObjectRef, Told};
use post::{Post, Series};
use wording::{Severity, Statement};

/// What there is to tell.
#[derive(Clone, Debug)]
pub(crate) enum News {
    /// From the core.
    Notice(Notice),
    /// From translation and binding.
    Finding(Told),
    /// An object that statements may be about.
    Known(ObjectRef),
}

/// What is said about a notice: the reason of its Event, and the note. The log says the same.
///
/// ```
/// use grace_core::{LaneId, LoadBalancerId, Notice};
///
/// let lane = LaneId::LoadBalancer(LoadBalancerId::try_from("lb-1")?);
/// let (reason, note) = k8s_watch::wording(&Notice::Missing { lane, pools: Vec::new(), routes: Vec::new() });
/// assert!(!reason.is_empty() && note.contains("lb-1"));
/// # Ok::<(), grace_core::InvalidId>(())
/// ```
#[must_use]
pub fn wording(notice: &Notice) -> (&'static str, String) {
    let statement = wording::of_notice(notice);
    (statement.reason, statement.note)
}

/// Tells everything that comes.
pub(crate) struct Observer {
    post: Option<Post>,
    uids: HashMap<(ObjectKind, ObjectName), Uid>,
    series: HashMap<(ObjectRef, &'static str), Series>,
}

impl Observer {
    /// Tells in the log and, where there is a `post`, by Events.
    pub(crate) fn new(post: Option<Post>) -> Self {
        Self { post, uids: HashMap::new(), series: HashMap::new() }
    }

    /// Tells until nobody has anything to tell any more.
    pub(crate) async fn run(mut self, mut news: mpsc::Receiver<News>) {
        loop {
            let due =
                self.post.as_ref().and_then(|post| self.series.values().filter_map(|s| post.due(s)).min());
            tokio::select! {
                biased;
                next = news.recv() => match next {
                    Some(News::Known(object)) => {
                        self.uids.extend(object.uid.map(|uid| ((object.kind, object.name), uid)));
                    }
                    Some(News::Notice(notice)) => self.tell(wording::of_notice(&notice)).await,
                    Some(News::Finding(told)) => self.tell(wording::of_finding(told)).await,
                    None => return,
                },
                () = sleep_until(due.unwrap_or_else(Instant::now)), if due.is_some() => self.refresh().await,
            }
        }
    }

    async fn tell(&mut self, statement: Statement) {
        let Statement { reason, severity, on, note } = statement;
        if on.is_empty() {
            warn!(reason, "{note}");
        }
        for mut object in on {
            let (kind, name) = (object.kind.as_str(), object.name.to_string());
            match severity {
                Severity::Normal => info!(reason, kind, object = name, "{note}"),
                Severity::Warning => warn!(reason, kind, object = name, "{note}"),
            }
            if object.uid.is_none() {
                object.uid = self.uids.get(&(object.kind, object.name.clone())).copied();
            }
            self.event(object, reason, severity, &note).await;
        }
    }

    /// The first statement of its kind about an object is an Event, further ones are counted in its series.
    async fn event(&mut self, on: ObjectRef, reason: &'static str, severity: Severity, note: &str) {
        let Some(post) = &self.post else { return };
        let key = (on, reason);
        if let Some(series) = self.series.get_mut(&key).filter(|series| series.continues(note)) {
            series.again();
            return;
        }
        match post.create(&key.0, reason, severity, note).await {
            Ok(name) => {
                if self.series.len() >= SERIES {
                    self.series.retain(|_, series| !series.is_over());
                }
                if self.series.len() < SERIES {
                    self.series.insert(key, Series::new(name, note));
                }
            }
            Err(why) => debug!(reason, object = %key.0.name, "Event could not be written: {why}"),
        }
    }

    async fn refresh(&mut self) {
        let now = Instant::now();
        self.series.retain(|_, series| !series.is_over());
        let Some(post) = &self.post else { return };
        for ((on, reason), series) in &mut self.series {
            if post.due(series).is_some_and(|due| due <= now)
                && let Err(why) = post.count(on, series).await
            {
                debug!(reason, object = %on.name, "Event could not be counted: {why}");
            }
        }
    }
}

/// Most series that are counted at once; what comes beyond is told anew each time.
const SERIES: usize = 10_000;

pub(crate) use post::Post as EventPost;
