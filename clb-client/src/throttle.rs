//! Holds calls back until their action's window has room; shared by the clones of a client.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::time::{Instant, sleep};

use crate::rate::{RateLimit, Window};

/// One window per action.
pub(crate) struct Throttle {
    /// What each window begins with.
    limit: RateLimit,
    /// What times are counted from.
    start: Instant,
    /// By action; made when it is first called.
    actions: Mutex<HashMap<&'static str, Arc<Gate>>>,
}

/// Where the calls of one action pass.
struct Gate {
    /// Held by the call that waits in front, so that calls pass in the order in which they came; free again when the
    /// waiting future is dropped.
    turn: tokio::sync::Mutex<()>,
    /// The calls of the last second.
    window: Mutex<Window>,
}

impl Throttle {
    /// Begins with empty windows.
    pub(crate) fn new(limit: RateLimit) -> Self {
        Self { limit, start: Instant::now(), actions: Mutex::default() }
    }

    /// Waits until a call of `action` may be sent, and counts it.
    pub(crate) async fn admit(&self, action: &'static str) {
        let Some(gate) = self.gate(action) else { return };
        let _turn = gate.turn.lock().await;
        while let Err(wait) = gate.with(|window| window.admit(self.now())) {
            sleep(wait).await;
        }
    }

    /// Takes note that the server refused a call of `action` for its rate.
    pub(crate) fn refused(&self, action: &'static str) {
        if let Some(gate) = self.gate(action) {
            gate.with(|window| window.refused(self.now()));
        }
    }

    /// Takes note that the server accepted a call of `action`.
    pub(crate) fn accepted(&self, action: &'static str) {
        if let Some(gate) = self.gate(action) {
            gate.with(|window| window.accepted(self.now()));
        }
    }

    fn gate(&self, action: &'static str) -> Option<Arc<Gate>> {
        let window = self.limit.window()?;
        let mut actions = self.actions.lock().unwrap_or_else(PoisonError::into_inner);
        let gate = || Arc::new(Gate { turn: tokio::sync::Mutex::new(()), window: Mutex::new(window) });
        Some(Arc::clone(actions.entry(action).or_insert_with(gate)))
    }

    fn now(&self) -> Duration {
        self.start.elapsed()
    }
}

impl Gate {
    fn with<R>(&self, use_it: impl FnOnce(&mut Window) -> R) -> R {
        use_it(&mut self.window.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl fmt::Debug for Throttle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Throttle").field("limit", &self.limit).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn calls_pass_in_the_order_in_which_they_came_and_a_dropped_one_frees_its_place() {
        let throttle = Arc::new(Throttle::new(RateLimit::per_second(1.try_into().unwrap())));
        throttle.admit("A").await;
        let passed = Arc::new(Mutex::new(Vec::new()));
        let calls: Vec<_> = (0..4)
            .map(|n| {
                let (throttle, passed) = (Arc::clone(&throttle), Arc::clone(&passed));
                tokio::spawn(async move {
                    throttle.admit("A").await;
                    passed.lock().unwrap().push((n, throttle.now().as_secs()));
                })
            })
            .collect();
        tokio::task::yield_now().await;
        calls[0].abort();
        calls[2].abort();
        throttle.admit("B").await;
        assert_eq!(throttle.now(), Duration::ZERO, "another action has its own window");
        for call in calls {
            let _ = call.await;
        }
        assert_eq!(*passed.lock().unwrap(), [(1, 1), (3, 2)]);
    }
}
