//! How the simulated account behaves: latencies, limits, and what is not documented.

use std::time::Duration;

use super::limit::Limits;

/// How long something takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Latency {
    /// Always the same.
    Fixed(Duration),
    /// Uniform between two bounds, both included, drawn from the account's seed.
    Between(Duration, Duration),
}

impl Latency {
    /// Nothing at all.
    pub const NONE: Self = Self::Fixed(Duration::ZERO);

    /// A fixed number of milliseconds.
    #[must_use]
    pub const fn millis(millis: u64) -> Self {
        Self::Fixed(Duration::from_millis(millis))
    }

    pub(crate) fn draw(self, dice: &mut fastrand::Rng) -> Duration {
        match self {
            Self::Fixed(duration) => duration,
            Self::Between(low, high) => {
                let (low, high) = (micros(low.min(high)), micros(low.max(high)));
                Duration::from_micros(dice.u64(low..=high))
            }
        }
    }
}

fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}

/// What a write does that does not fit the state: registering a bound target, touching an unbound one.
///
/// The documentation does not settle it, so a client has to get along with each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "all the ways in which the API can answer")]
pub enum Mismatch {
    /// The whole call is refused with an error.
    Refuse,
    /// Batch register and deregister name the listener in `FailListenerIdSet`; other calls end as a failed task.
    /// What fits is done.
    Partial,
    /// Done as if it fitted: a bound target gets the weight of the call, an unbound one is skipped.
    Accept,
}

/// Settings of an [`Account`](super::Account). Each has a default that fits the documentation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    pub(crate) seed: u64,
    pub(crate) epoch: i64,
    pub(crate) limits: Limits,
    pub(crate) task: Latency,
    pub(crate) batch: Latency,
    pub(crate) settle: Latency,
    pub(crate) answer: Latency,
    pub(crate) batch_is_async: bool,
    pub(crate) on_bound: Mismatch,
    pub(crate) on_unbound: Mismatch,
    pub(crate) read_lag: Duration,
    pub(crate) task_retention: Option<Duration>,
    pub(crate) first_probes: Duration,
    pub(crate) log: usize,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            seed: 0,
            epoch: 1_767_225_600,
            limits: Limits::default(),
            task: Latency::millis(500),
            batch: Latency::NONE,
            settle: Latency::NONE,
            answer: Latency::NONE,
            batch_is_async: false,
            on_bound: Mismatch::Refuse,
            on_unbound: Mismatch::Refuse,
            read_lag: Duration::ZERO,
            task_retention: None,
            first_probes: Duration::ZERO,
            log: LOG,
        }
    }
}

impl Config {
    /// Seed of everything that is drawn: latencies, random faults, request ids. Equal seeds and equal calls at equal
    /// times give equal answers. Default 0.
    #[must_use]
    pub const fn with_seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }

    /// Unix seconds at the start, for times in answers. Default 2026-01-01 00:00:00 UTC.
    #[must_use]
    pub const fn with_epoch(mut self, unix_seconds: i64) -> Self {
        self.epoch = unix_seconds;
        self
    }

    /// Limits that differ between accounts.
    #[must_use]
    pub const fn with_limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// How long a task runs; its effect comes at its end. Default 500 ms; plan with 0.5 to 5 s for the real CLB.
    #[must_use]
    pub const fn with_task(mut self, latency: Latency) -> Self {
        self.task = latency;
        self
    }

    /// How long a batch register or deregister takes until its effect and its answer. Default none.
    #[must_use]
    pub const fn with_batch(mut self, latency: Latency) -> Self {
        self.batch = latency;
        self
    }

    /// How long the load balancer stays busy after a batch register or deregister was answered. Default none.
    #[must_use]
    pub const fn with_settle(mut self, latency: Latency) -> Self {
        self.settle = latency;
        self
    }

    /// How long every other answer takes. Default none.
    #[must_use]
    pub const fn with_answer(mut self, latency: Latency) -> Self {
        self.answer = latency;
        self
    }

    /// Batch register and deregister run as tasks too. Default off.
    #[must_use]
    pub const fn with_asynchronous_batches(mut self) -> Self {
        self.batch_is_async = true;
        self
    }

    /// Registering a bound target. Default [`Mismatch::Refuse`].
    #[must_use]
    pub const fn with_bound(mut self, mismatch: Mismatch) -> Self {
        self.on_bound = mismatch;
        self
    }

    /// Deregistering an unbound target, or changing its weight. Default [`Mismatch::Refuse`].
    #[must_use]
    pub const fn with_unbound(mut self, mismatch: Mismatch) -> Self {
        self.on_unbound = mismatch;
        self
    }

    /// How long reads go on showing targets as they were before a write. Default 0.
    #[must_use]
    pub const fn with_read_lag(mut self, lag: Duration) -> Self {
        self.read_lag = lag;
        self
    }

    /// How long after its registration a target is unknown to health checks; the real default is about 15 s. Default 0.
    #[must_use]
    pub const fn with_first_probes(mut self, duration: Duration) -> Self {
        self.first_probes = duration;
        self
    }

    /// How long after its end a task can be asked for. Default for ever, as far back as [`Self::with_log`] reaches.
    #[must_use]
    pub const fn with_task_retention(mut self, retention: Duration) -> Self {
        self.task_retention = Some(retention);
        self
    }

    /// How many calls, changes of targets and ended tasks are kept: the latest. Default 100,000 of each, which take some
    /// 50 MB; `GET /state` says how many older calls and changes were dropped.
    #[must_use]
    pub const fn with_log(mut self, entries: usize) -> Self {
        self.log = entries;
        self
    }
}

/// More than any test or figure reads, and far less than a machine has.
const LOG: usize = 100_000;
