//! Waiting for a condition, with a deadline.

use std::time::Duration;

use tokio::time::Instant;

/// Asks `probe` until it answers `Ok`, at most two minutes; then panics with what it saw last.
pub(crate) async fn until<T>(what: &str, mut probe: impl AsyncFnMut() -> Result<T, String>) -> T {
    let deadline = Instant::now() + DEADLINE;
    loop {
        match probe().await {
            Ok(value) => return value,
            Err(seen) if Instant::now() > deadline => {
                panic!("{what}: not so after {DEADLINE:?}; seen: {seen}")
            }
            Err(_) => tokio::time::sleep(PACE).await,
        }
    }
}

/// Longer than any repair in these tests takes on a busy machine; only a failure waits for it. The slowest to repair are
/// the slices: their controller doubles its pause from 1 s each time its cache is behind its own writes.
const DEADLINE: Duration = Duration::from_secs(120);
/// Between two questions.
const PACE: Duration = Duration::from_millis(10);
