//! Measures drains from outside: from the deletion of a Pod in the API to the notice that its weight 0 is confirmed.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use futures::StreamExt;
use grace_core::{Notice, Uid};
use k8s_openapi::api::core::v1::Pod;
use kube::runtime::{WatchStreamExt, watcher};
use tokio::sync::broadcast::{Receiver, error::RecvError};
use tokio::task::JoinHandle;
use tokio::time::Instant;

/// Follows the deletions of Pods and the drains that follow. Dropping it ends that.
pub(crate) struct Drains {
    seen: Arc<Mutex<Seen>>,
    task: JoinHandle<()>,
}

#[derive(Default)]
struct Seen {
    /// When a Pod got its deletion timestamp.
    deleted: HashMap<Uid, Instant>,
    /// Milliseconds from then to weight 0 confirmed, in the order of the confirmations.
    confirmed: Vec<u64>,
}

impl Drains {
    /// Follows from now on.
    pub(crate) fn follow(client: kube::Client, mut notices: Receiver<Notice>) -> Self {
        let seen = Arc::new(Mutex::new(Seen::default()));
        let into = Arc::clone(&seen);
        let task = tokio::spawn(async move {
            let pods = kube::Api::<Pod>::default_namespaced(client);
            let mut pods =
                watcher(pods, watcher::Config::default()).default_backoff().applied_objects().boxed();
            loop {
                tokio::select! {
                    // A deletion is seen before what follows from it.
                    biased;
                    Some(pod) = pods.next() => if let Ok(pod) = pod {
                        into.lock().unwrap_or_else(PoisonError::into_inner).pod(&pod);
                    },
                    notice = notices.recv() => match notice {
                        Ok(notice) => into.lock().unwrap_or_else(PoisonError::into_inner).notice(&notice),
                        Err(RecvError::Lagged(_)) => {}
                        Err(RecvError::Closed) => return,
                    },
                }
            }
        });
        Self { seen, task }
    }

    /// How many Pods were deleted.
    pub(crate) fn deleted(&self) -> usize {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).deleted.len()
    }

    /// Times from deletion to weight 0 confirmed so far, in milliseconds, ascending.
    pub(crate) fn weight_zero_ms(&self) -> Vec<u64> {
        let mut times = self.seen.lock().unwrap_or_else(PoisonError::into_inner).confirmed.clone();
        times.sort_unstable();
        times
    }
}

impl Drop for Drains {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Seen {
    fn pod(&mut self, pod: &Pod) {
        if let (Some(uid), Some(_)) = (&pod.metadata.uid, &pod.metadata.deletion_timestamp) {
            self.deleted.entry(Uid::of(uid)).or_insert_with(Instant::now);
        }
    }

    fn notice(&mut self, notice: &Notice) {
        if let Notice::DrainConfirmed { pod, .. } = notice
            && let Some(deleted) = self.deleted.get(pod)
        {
            self.confirmed.push(u64::try_from(deleted.elapsed().as_millis()).unwrap_or(u64::MAX));
        }
    }
}
