//! How the controllers listen: what changed since they last looked, straight from the store.

use std::{sync::Arc, time::Duration};

use tokio::{task::JoinHandle, time::sleep};

use super::{
    kind::Kind,
    state::{Changes, Shared},
    store::Change,
};

/// A controller at work. Dropping it stops the controller where it is.
#[derive(Debug)]
#[must_use = "dropping it stops the controller"]
pub struct ControllerTask(JoinHandle<()>);

impl ControllerTask {
    pub(crate) fn spawn(task: impl Future<Output = ()> + Send + 'static) -> Self {
        Self(tokio::spawn(task))
    }
}

impl Drop for ControllerTask {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Follows some kinds; the first look shows all that is there.
pub(crate) struct Follower {
    shared: Arc<Shared>,
    /// With the resourceVersion up to which each was seen.
    kinds: Vec<(&'static Kind, u64)>,
    changed: Changes,
    /// What happens within this time is seen together.
    lag: Duration,
}

impl Follower {
    pub(crate) fn new(shared: &Arc<Shared>, kinds: &[&'static Kind], lag: Duration) -> Self {
        let kinds = kinds.iter().map(|k| (*k, 0)).collect();
        Self { shared: shared.clone(), kinds, changed: shared.changes(), lag }
    }

    /// Waits for changes, and `lag` more, then returns all of them: by kind, within a kind in their order.
    pub(crate) async fn next(&mut self) -> Vec<(&'static Kind, Change)> {
        loop {
            self.changed.mark_seen();
            if self.anything() {
                sleep(self.lag).await;
                return self.take();
            }
            self.changed.changed().await;
        }
    }

    fn anything(&self) -> bool {
        let state = self.shared.lock();
        self.kinds.iter().any(|(kind, seen)| match state.store.changes_after(kind, *seen) {
            Ok(mut changes) => changes.next().is_some(),
            Err(_) => true,
        })
    }

    fn take(&mut self) -> Vec<(&'static Kind, Change)> {
        let state = self.shared.lock();
        let now = state.store.version();
        let mut taken = Vec::new();
        for (kind, seen) in &mut self.kinds {
            match state.store.changes_after(kind, *seen) {
                Ok(changes) => taken.extend(changes.map(|c| (*kind, c.clone()))),
                Err(_) => taken.extend(state.store.objects(kind, None).map(|object| {
                    (*kind, Change { version: now, before: None, object: object.clone(), gone: false })
                })),
            }
            *seen = now;
        }
        taken
    }
}
