//! The default runtime: containers that are nothing but their timing.

use std::time::Duration;

use tokio::{
    sync::watch,
    time::{Instant, sleep, sleep_until},
};

use super::{
    follow::ControllerTask,
    runtime::{PodRuntime, PodStart, RunningPod},
};

/// Containers without a process: they start, become ready, and exit after fixed times.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TimedRuntime {
    start: Duration,
    ready: Duration,
    hook: Duration,
    stop: Option<Duration>,
    exit_code: i32,
}

impl Default for TimedRuntime {
    /// Runs after 500 ms, is ready 1 s later, has no hook, exits with 0 at 200 ms after SIGTERM.
    fn default() -> Self {
        Self {
            start: Duration::from_millis(500),
            ready: Duration::from_secs(1),
            hook: Duration::ZERO,
            stop: Some(Duration::from_millis(200)),
            exit_code: 0,
        }
    }
}

impl TimedRuntime {
    /// How long the containers take to run.
    #[must_use]
    pub const fn starts_after(mut self, time: Duration) -> Self {
        self.start = time;
        self
    }

    /// How long after that the readiness probe succeeds.
    #[must_use]
    pub const fn ready_after(mut self, time: Duration) -> Self {
        self.ready = time;
        self
    }

    /// How long the preStop hook of kind exec or httpGet takes.
    #[must_use]
    pub const fn hook_takes(mut self, time: Duration) -> Self {
        self.hook = time;
        self
    }

    /// How long the containers go on after SIGTERM; `None` is until SIGKILL.
    #[must_use]
    pub const fn stops_after(mut self, time: Option<Duration>) -> Self {
        self.stop = time;
        self
    }

    /// The exit code after SIGTERM; 0 makes the phase `Succeeded`, anything else `Failed`.
    #[must_use]
    pub const fn exits_with(mut self, code: i32) -> Self {
        self.exit_code = code;
        self
    }
}

impl PodRuntime for TimedRuntime {
    type Running = TimedPod;

    async fn start(&self, _pod: &PodStart) -> TimedPod {
        sleep(self.start).await;
        let (sender, readiness) = watch::channel(false);
        let ready = self.ready;
        let probe = ControllerTask::spawn(async move {
            sleep(ready).await;
            sender.send_replace(true);
            std::future::pending::<()>().await;
        });
        TimedPod { timing: *self, readiness, _probe: probe, end: watch::Sender::new(None) }
    }
}

/// The containers of one Pod in a [`TimedRuntime`].
#[derive(Debug)]
pub struct TimedPod {
    timing: TimedRuntime,
    readiness: watch::Receiver<bool>,
    _probe: ControllerTask,
    /// When and with which code the containers exit, once that is known.
    end: watch::Sender<Option<(Instant, i32)>>,
}

impl RunningPod for TimedPod {
    fn readiness(&self) -> watch::Receiver<bool> {
        self.readiness.clone()
    }

    async fn pre_stop(&self) {
        sleep(self.timing.hook).await;
    }

    fn terminate(&self) {
        if let Some(time) = self.timing.stop {
            self.end.send_replace(Some((Instant::now() + time, self.timing.exit_code)));
        }
    }

    fn kill(&self) {
        self.end.send_replace(Some((Instant::now(), KILLED)));
    }

    async fn exited(&self) -> i32 {
        let mut changes = self.end.subscribe();
        loop {
            let end = *changes.borrow_and_update();
            let Some((at, code)) = end else {
                // The sender lives in `self`, so an error is impossible.
                changes.changed().await.unwrap_or_default();
                continue;
            };
            tokio::select! {
                biased;
                _ = changes.changed() => {}
                () = sleep_until(at) => return code,
            }
        }
    }
}

/// 128 + SIGKILL.
const KILLED: i32 = 137;
