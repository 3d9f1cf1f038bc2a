//! An account that several callers share, with a clock and keys.

use std::{
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, SystemTime},
};

use bytes::Bytes;
use http::{HeaderValue, Request, Response, StatusCode, header};
use serde_json::Value;
use tokio::{sync::watch, time::Instant};

use super::{
    account::Account,
    gate::Gate,
    refusal::Refusal,
    reply::{Content, Reply},
};
use crate::{
    credential::{Credential, SecretId, SecretKey, Token},
    sign::UnixSeconds,
};

/// An [`Account`] behind a lock, with tokio's clock (which tests may pause) and the keys that are accepted.
///
/// Cheap to clone; clones share the account. The in-process transport, the HTTP server and the data plane are all built
/// on one of these, in any combination.
#[derive(Clone)]
pub struct Simulator(Arc<Shared>);

struct Shared {
    account: Mutex<Account>,
    gate: Mutex<Gate>,
    /// Accepted from the beginning.
    credential: Credential,
    wall: Wall,
    /// Seconds by which the server's wall clock is ahead of what `wall` says.
    skew: Mutex<i64>,
    start: Instant,
    /// Revision of the account and time of its next event, whenever one of them has changed.
    changed: watch::Sender<(u64, Option<Duration>)>,
}

/// Where the time of day comes from.
#[derive(Clone, Copy, Debug)]
enum Wall {
    /// From this machine.
    Machine,
    /// From the account's epoch and tokio's clock.
    Virtual,
}

/// Why a request gets no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "the request arrived or it did not")]
pub enum NoAnswer {
    /// The request did not reach the account.
    Unreachable,
    /// The request may have had its effect.
    Lost,
}

impl Simulator {
    /// Id of the key that is accepted from the beginning.
    pub const SECRET_ID: &str = "AKIDSIMULATED00000000000000000000000";

    /// The key that is accepted from the beginning. It opens nothing but simulators.
    pub const SECRET_KEY: &str = "simulated-key-0000000000000000000";

    /// Starts the clock of an account. The time of day, for signatures, is this machine's.
    #[must_use]
    pub fn new(account: Account) -> Self {
        Self::start(account, Wall::Machine)
    }

    /// As [`Self::new`], but the time of day is that of [`Config::with_epoch`](super::Config::with_epoch) and moves with
    /// tokio's clock, so that a paused clock moves everything.
    #[must_use]
    pub fn in_virtual_time(account: Account) -> Self {
        Self::start(account, Wall::Virtual)
    }

    fn start(account: Account, wall: Wall) -> Self {
        let mut gate = Gate::default();
        let (id, key) = first_key();
        let credential = gate.accept(id, key, None);
        let changed = watch::Sender::new((account.revision(), account.next_event()));
        Self(Arc::new(Shared {
            account: Mutex::new(account),
            gate: Mutex::new(gate),
            credential,
            wall,
            skew: Mutex::new(0),
            start: Instant::now(),
            changed,
        }))
    }

    /// The key that is accepted from the beginning, as clients of this crate want it.
    #[must_use]
    pub fn credential(&self) -> Credential {
        self.0.credential.clone()
    }

    /// Accepts a further key, or an accepted id with another key or token. With a token, each call must carry it.
    #[must_use]
    pub fn accept(&self, id: SecretId, key: SecretKey, token: Option<Token>) -> Credential {
        lock(&self.0.gate).accept(id, key, token)
    }

    /// Accepts a key no longer.
    pub fn revoke(&self, id: &SecretId) {
        lock(&self.0.gate).revoke(id.as_str());
    }

    /// Puts the simulator's time of day ahead by so many seconds, or behind: callers sign with another clock then.
    pub fn skew_clock(&self, seconds: i64) {
        *lock(&self.0.skew) = seconds;
    }

    /// Time since the start.
    #[must_use]
    pub fn now(&self) -> Duration {
        self.0.start.elapsed()
    }

    /// Looks at the account, or changes it, as it is now. Not to be called from within itself.
    pub fn with<R>(&self, look: impl FnOnce(&mut Account) -> R) -> R {
        let mut account = lock(&self.0.account);
        account.advance(self.now());
        let result = look(&mut account);
        let state = (account.revision(), account.next_event());
        self.0.changed.send_if_modified(|told| std::mem::replace(told, state) != state);
        result
    }

    /// Waits until the account's revision is another one than `seen`, and returns it.
    pub async fn changed(&self, seen: u64) -> u64 {
        let mut told = self.0.changed.subscribe();
        loop {
            let (revision, next) = self.with(|account| (account.revision(), account.next_event()));
            if revision != seen {
                return revision;
            }
            let told = told.changed();
            match next {
                Some(at) => {
                    tokio::select! {
                        _ = told => {}
                        () = tokio::time::sleep_until(self.0.start + at) => {}
                    }
                }
                // The sender lives as long as `self`.
                None => drop(told.await),
            }
        }
    }

    /// Answers a signed HTTP request, when its answer is due.
    ///
    /// # Errors
    /// When a fault says that there is no answer.
    pub async fn answer(&self, request: Request<Bytes>) -> Result<Response<Bytes>, NoAnswer> {
        let clock = self.unix_now();
        let checked = lock(&self.0.gate).check(&request, clock);
        let reply = match checked {
            Ok(action) => {
                // Python's SDK sends no body at all for a call without parameters.
                let body = if request.body().is_empty() { &b"{}"[..] } else { request.body() };
                match serde_json::from_slice::<Value>(body) {
                    Ok(body) => self.with(|account| {
                        let now = account.now();
                        account.handle(now, &action, &body)
                    }),
                    Err(why) => self.refused(&Refusal::new(
                        "InvalidParameter.FormatError",
                        format!("the body is not JSON: {why}"),
                    )),
                }
            }
            Err(refusal) => self.refused(&refusal),
        };
        if !reply.after.is_zero() {
            tokio::time::sleep(reply.after).await;
        }
        let (status, content_type, body) = match reply.content {
            Content::Json(answer) => (StatusCode::OK, "application/json", answer.to_string().into_bytes()),
            Content::Raw { status, content_type, body } => (status, content_type, body),
            Content::Lost => return Err(NoAnswer::Lost),
            Content::Unreachable => return Err(NoAnswer::Unreachable),
        };
        let mut response = Response::new(Bytes::from(body));
        *response.status_mut() = status;
        response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
        if let Ok(date) = HeaderValue::from_str(&http_date(self.unix_now())) {
            response.headers_mut().insert(header::DATE, date);
        }
        Ok(response)
    }

    fn refused(&self, refusal: &Refusal) -> Reply {
        let request_id = self.with(Account::request_id);
        Reply { after: Duration::ZERO, content: Content::refused(refusal, &request_id) }
    }

    /// The simulator's time of day.
    #[must_use]
    pub fn unix_now(&self) -> UnixSeconds {
        let seconds = match self.0.wall {
            Wall::Machine => {
                SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map_or(0, |since| since.as_secs())
            }
            Wall::Virtual => lock(&self.0.account).epoch().saturating_add(self.now().as_secs()),
        };
        UnixSeconds::new(seconds).unwrap_or(UnixSeconds::MAX).shifted(*lock(&self.0.skew))
    }
}

impl From<Account> for Simulator {
    fn from(account: Account) -> Self {
        Self::new(account)
    }
}

impl fmt::Debug for Simulator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Simulator").field("now", &self.now()).finish_non_exhaustive()
    }
}

fn first_key() -> (SecretId, SecretKey) {
    let id = SecretId::new(Simulator::SECRET_ID).expect("printable");
    (id, SecretKey::new(Simulator::SECRET_KEY).expect("printable"))
}

/// A caller that panicked inside [`Simulator::with`] has failed its test; the others may still look.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The form of HTTP's `Date`.
fn http_date(at: UnixSeconds) -> String {
    let seconds = i64::try_from(at.get()).unwrap_or(i64::MAX);
    chrono::DateTime::from_timestamp(seconds, 0)
        .map_or_else(String::new, |time| time.format("%a, %d %b %Y %H:%M:%S GMT").to_string())
}
