//! Waits for the end of asynchronous writes.
//!
//! The answer to a write says that it is queued; what it asked for is in force when its task has succeeded.

pub(crate) mod pace;

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::time::{Instant, sleep, timeout};
use tracing::debug;

use crate::api::{DescribeTaskStatus, TaskStatus};
use crate::client::Client;
use crate::error::{Error, ErrorKind};
use crate::retry::RetryPolicy;
use pace::Pace;

/// An asynchronous write under way. Made by [`Client::task`], right after the answer to the write.
#[derive(Clone, Debug)]
pub struct Task {
    /// Asks.
    client: Client,
    /// The request id of the write.
    id: String,
    /// When the write was answered.
    since: Instant,
    /// What all clones of the client know about the length of tasks.
    pace: Arc<Mutex<Pace>>,
}

/// How a task ended.
#[derive(Debug)]
#[non_exhaustive]
pub enum Outcome {
    /// The change is in force.
    Succeeded,
    /// The task was given up. Parts of it may be in force: read before acting again.
    Failed {
        /// Why, in the server's words, in one line.
        message: String,
    },
    /// It cannot be told, because time is up or because the server does not answer for this task. The change may be in
    /// force, may come into force later or never: read before acting again.
    Unknown {
        /// The last failure to ask, if asking failed.
        last: Option<Error>,
    },
}

impl Task {
    /// A task that begins now.
    pub(crate) fn new(client: Client, id: String, pace: Arc<Mutex<Pace>>) -> Self {
        Self { client: client.with_retry(RetryPolicy::never()), id, since: Instant::now(), pace }
    }

    /// The request id of the write, which names the task.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Asks until the task ends, for `limit` at most.
    ///
    /// The pace is learned from the last tasks of all clones of the client. Failures to ask do not end the waiting, unless
    /// the server refuses the question itself.
    pub async fn wait(&self, limit: Duration) -> Outcome {
        let until = Instant::now() + limit.min(LONGEST_WAIT);
        let _open = Open::count(&self.pace);
        let request = DescribeTaskStatus::new(self.id.as_str());
        let (mut asked, mut failures, mut running, mut last) = (0, 0, None, None);
        loop {
            let mut pause = with(&self.pace, |pace| pace.pause(asked, self.since.elapsed(), fastrand::f64()));
            if failures > 0 {
                pause = pause.max(AFTER_FAILURE.saturating_mul(1 << (failures - 1_u32).min(5)));
            }
            // The last question comes early enough for its answer.
            let left = until.saturating_duration_since(Instant::now());
            if left <= FOR_AN_ANSWER && asked > 0 {
                return Outcome::Unknown { last };
            }
            sleep(pause.min(left.saturating_sub(FOR_AN_ANSWER))).await;

            asked += 1;
            let left = until.saturating_duration_since(Instant::now());
            let answer = match timeout(left, self.client.call(&request)).await {
                Ok(Ok(answer)) => answer,
                Ok(Err(error)) if is_final(error.kind()) => return Outcome::Unknown { last: Some(error) },
                Ok(Err(error)) => {
                    (failures, last) = (failures + 1, Some(error));
                    continue;
                }
                Err(_) => return Outcome::Unknown { last },
            };
            failures = 0;
            let elapsed = self.since.elapsed();
            match answer.status {
                TaskStatus::Succeeded => {
                    with(&self.pace, |pace| pace.learn(running, elapsed));
                    debug!(task = self.id, asked, seconds = elapsed.as_secs_f64(), "task succeeded");
                    return Outcome::Succeeded;
                }
                TaskStatus::Failed => {
                    let message = crate::error::one_line(&answer.message, 500);
                    debug!(task = self.id, asked, message, "task failed");
                    return Outcome::Failed { message };
                }
                TaskStatus::Running => running = Some(elapsed),
                TaskStatus::Other(status) => {
                    running = Some(elapsed);
                    debug!(task = self.id, ?status, "task status that is not documented");
                }
            }
        }
    }
}

/// Whether asking again is of no use.
const fn is_final(kind: ErrorKind) -> bool {
    match kind {
        ErrorKind::Throttled
        | ErrorKind::Busy
        | ErrorKind::Server
        | ErrorKind::Transport
        | ErrorKind::Failed => false,
        ErrorKind::LoadBalancerGone
        | ErrorKind::PoolGone
        | ErrorKind::Credential
        | ErrorKind::Permission
        | ErrorKind::Quota
        | ErrorKind::Invalid => true,
    }
}

/// Counts a task that is waited for, until it is dropped.
struct Open<'a>(&'a Mutex<Pace>);

impl<'a> Open<'a> {
    fn count(pace: &'a Mutex<Pace>) -> Self {
        with(pace, Pace::opened);
        Self(pace)
    }
}

impl Drop for Open<'_> {
    fn drop(&mut self) {
        with(self.0, Pace::closed);
    }
}

/// Uses what is known about tasks.
fn with<R>(pace: &Mutex<Pace>, use_it: impl FnOnce(&mut Pace) -> R) -> R {
    use_it(&mut pace.lock().unwrap_or_else(PoisonError::into_inner))
}

/// As good as for ever, and no overflow.
const LONGEST_WAIT: Duration = Duration::from_secs(365 * 86_400);

/// Pause after a failure to ask; doubled by each further one.
const AFTER_FAILURE: Duration = Duration::from_millis(500);

/// What is left of the time when the last question is asked.
const FOR_AN_ANSWER: Duration = Duration::from_millis(500);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::credential::{Credential, SecretId, SecretKey};
    use crate::region::Region;
    use crate::transport::{Transport, TransportFuture};

    #[tokio::test(start_paused = true)]
    async fn a_wait_that_is_dropped_is_not_counted_any_more() {
        let credential = Credential::new(SecretId::new("id").unwrap(), SecretKey::new("key").unwrap());
        let client = Client::with_transport(Region::new("ap-guangzhou").unwrap(), credential, Silent);
        let task = client.task("t-1");
        let waits: Vec<_> = (0..3).map(|_| tokio::spawn(wait(task.clone()))).collect();
        tokio::task::yield_now().await;
        assert_eq!(open(&task), 3);
        for wait in waits {
            wait.abort();
            assert!(wait.await.is_err());
        }
        assert_eq!(open(&task), 0);
    }

    async fn wait(task: Task) {
        task.wait(Duration::from_secs(60)).await;
    }

    fn open(task: &Task) -> usize {
        with(&task.pace, |pace| pace.open())
    }

    /// Never answers.
    struct Silent;

    impl Transport for Silent {
        fn send(&self, _: http::Request<bytes::Bytes>) -> TransportFuture<'_> {
            Box::pin(std::future::pending())
        }
    }
}
