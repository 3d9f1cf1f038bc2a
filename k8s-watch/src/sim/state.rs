//! What all handles of one cluster share: objects, clock, faults, request log, behind one lock.

use std::sync::{
    Arc, Mutex, MutexGuard, PoisonError,
    atomic::{AtomicU64, Ordering},
};

use tokio::sync::Notify;

use super::{clock::Clock, defaults::ServicePool, fault::Faults, request_log::RequestLog, store::Store};

/// Everything behind the lock.
#[derive(Debug)]
pub(crate) struct State {
    pub(crate) store: Store,
    pub(crate) clock: Clock,
    pub(crate) ids: Ids,
    pub(crate) services: ServicePool,
    pub(crate) faults: Faults,
    pub(crate) log: RequestLog,
}

/// The state, and a signal whenever it changed.
#[derive(Debug)]
pub(crate) struct Shared {
    state: Mutex<State>,
    /// How often `write` was called.
    writes: AtomicU64,
    /// Wakes in the order in which they began to wait. A watch channel wakes its receivers in random order, and equal runs
    /// would differ.
    changed: Notify,
}

impl Shared {
    pub(crate) fn new(clock: Clock) -> Arc<Self> {
        let state = State {
            store: Store::default(),
            clock,
            ids: Ids(fastrand::Rng::with_seed(SEED)),
            services: ServicePool::default(),
            faults: Faults::default(),
            log: RequestLog::default(),
        };
        Arc::new(Self { state: Mutex::new(state), writes: AtomicU64::new(0), changed: Notify::new() })
    }

    /// Locks without telling anybody. The guard must not live across an await.
    pub(crate) fn lock(&self) -> MutexGuard<'_, State> {
        // A panic under the lock is a failed test; the others may still look.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes the state and wakes watches, controllers and held requests.
    pub(crate) fn write<R>(&self, change: impl FnOnce(&mut State) -> R) -> R {
        let result = change(&mut self.lock());
        self.writes.fetch_add(1, Ordering::Release);
        self.changed.notify_waiters();
        result
    }

    /// Tells of each `write` from now on.
    pub(crate) fn changes(self: &Arc<Self>) -> Changes {
        let mut changes = Changes { shared: self.clone(), seen: 0 };
        changes.mark_seen();
        changes
    }
}

/// Waits for changes of the state.
#[derive(Debug)]
pub(crate) struct Changes {
    shared: Arc<Shared>,
    /// Writes that were told of.
    seen: u64,
}

impl Changes {
    /// Everything up to now is known. To be called before looking at the state, so that no change falls in between.
    pub(crate) fn mark_seen(&mut self) {
        self.seen = self.shared.writes.load(Ordering::Acquire);
    }

    /// Waits for a change that is not known. Nothing is lost when it is dropped before it is done.
    pub(crate) async fn changed(&mut self) {
        loop {
            // Hears of writes from its creation on, so it comes before the count is read.
            let next = self.shared.changed.notified();
            let writes = self.shared.writes.load(Ordering::Acquire);
            if writes != self.seen {
                self.seen = writes;
                return;
            }
            next.await;
        }
    }
}

/// Names and uids. Seeded, so that equal runs have equal ids.
#[derive(Debug)]
pub(crate) struct Ids(fastrand::Rng);

impl Ids {
    /// A version 4 UUID.
    pub(crate) fn uid(&mut self) -> String {
        let bits = self.0.u128(..) & !(0xf << 76) & !(0x3 << 62) | (0x4 << 76) | (0x2 << 62);
        let hex = format!("{bits:032x}");
        format!("{}-{}-{}-{}-{}", &hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..])
    }

    /// A number below `bound`.
    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        self.0.u64(..bound)
    }

    /// What the server appends to `generateName`.
    pub(crate) fn suffix(&mut self) -> String {
        (0..5).map(|_| char::from(LETTERS[self.0.usize(..LETTERS.len())])).collect()
    }
}

/// Letters and digits that form no words.
pub(crate) const LETTERS: &[u8] = b"bcdfghjklmnpqrstvwxz2456789";
const SEED: u64 = 0x6b75_6265;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_uid_is_a_version_4_uuid() {
        let uid = Ids(fastrand::Rng::with_seed(1)).uid();
        let parts: Vec<_> = uid.split('-').map(str::len).collect();
        assert_eq!(parts, [8, 4, 4, 4, 12], "{uid}");
        assert_eq!(&uid[14..15], "4", "{uid}");
        assert!("89ab".contains(&uid[19..20]), "{uid}");
    }
}
