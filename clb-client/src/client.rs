//! The facade: credential, build, sign, send, read, retry.

use std::fmt;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use http::{Method, Request, Response, header};
use tokio::time::{Instant, sleep, timeout};
use tracing::{Instrument, debug, debug_span, field};

use crate::answer;
use crate::api::{ApiCall, DescribeTaskStatus};
use crate::classify::{wants_fresh_credential, wants_right_clock};
use crate::clock::{self, Clock};
use crate::credential::{Credential, ProvideCredential};
use crate::endpoint::Endpoint;
use crate::error::{Error, ErrorKind, Executed, Problem};
use crate::rate::RateLimit;
use crate::region::Region;
use crate::retry::RetryPolicy;
use crate::sign::{Headers, UnixSeconds, Unsigned, sign};
use crate::task::Task;
use crate::task::pace::Pace;
use crate::throttle::Throttle;
use crate::transport::Transport;

/// Calls the API. Cheap to clone; clones share connections, rate limits, what was learned about the clock and about tasks.
///
/// Needs a Tokio runtime with its timer. Dropping a call's future ends the call and frees everything it held; whether the
/// server has executed it is then open.
#[derive(Clone)]
pub struct Client {
    /// Region of the load balancers.
    region: Region,
    /// Which server is called.
    endpoint: Endpoint,
    /// Version of the API.
    version: Arc<str>,
    /// Who calls.
    credentials: Arc<dyn ProvideCredential>,
    /// How requests travel.
    transport: Arc<dyn Transport>,
    /// Whether and when a failed call is sent again.
    retry: RetryPolicy,
    /// Time for one attempt, from the first byte sent to the last byte read.
    attempt_timeout: Duration,
    /// Holds calls back.
    calls: Arc<Throttle>,
    /// Holds calls of `DescribeTaskStatus` back: whoever limits the others himself still waits for tasks here.
    polls: Arc<Throttle>,
    /// The time, with what was learned about it.
    clock: Clock,
    /// What was learned about the length of tasks.
    pace: Arc<Mutex<Pace>>,
}

impl Client {
    /// A client over HTTPS for load balancers of `region`.
    ///
    /// The certificates of the system are read at the first call;
    /// [`HttpTransport::load_certificates`](crate::transport::HttpTransport::load_certificates) reads them before.
    ///
    /// # Errors
    /// [`TlsError`](crate::transport::TlsError) when the cryptography of TLS cannot be set up.
    #[cfg(all(feature = "reqwest", any(feature = "ring", feature = "aws-lc-rs")))]
    pub fn new(
        region: Region,
        credentials: impl ProvideCredential + 'static,
    ) -> Result<Self, crate::transport::TlsError> {
        Ok(Self::with_transport(region, credentials, crate::transport::HttpTransport::new()?))
    }

    /// A client for load balancers of `region` whose requests travel by `transport`.
    #[must_use]
    pub fn with_transport(
        region: Region,
        credentials: impl ProvideCredential + 'static,
        transport: impl Transport + 'static,
    ) -> Self {
        Self {
            region,
            endpoint: Endpoint::default(),
            version: Arc::from(VERSION),
            credentials: Arc::new(credentials),
            transport: Arc::new(transport),
            retry: RetryPolicy::default(),
            attempt_timeout: ATTEMPT,
            calls: Arc::new(Throttle::new(RateLimit::default())),
            polls: Arc::new(Throttle::new(RateLimit::default())),
            clock: Clock::new(clock::system()),
            pace: Arc::default(),
        }
    }

    /// Calls another server; [`Endpoint::nearest`] unless said.
    #[must_use]
    pub fn with_endpoint(mut self, endpoint: Endpoint) -> Self {
        self.endpoint = endpoint;
        self
    }

    /// Retries otherwise; for a minute unless said.
    #[must_use]
    pub fn with_retry(mut self, retry: RetryPolicy) -> Self {
        self.retry = retry;
        self
    }

    /// Limits the rate otherwise, apart from other clones; 20 calls per second and action unless said.
    ///
    /// [`DescribeTaskStatus`] keeps a limit of its own: with [`RateLimit::none`] it stays at 20 per second.
    #[must_use]
    pub fn with_rate_limit(mut self, limit: RateLimit) -> Self {
        self.calls = Arc::new(Throttle::new(limit));
        if limit != RateLimit::none() {
            self.polls = Arc::new(Throttle::new(limit));
        }
        self
    }

    /// Speaks another version of the API, a date; `2018-03-17` unless said.
    #[must_use]
    pub fn with_api_version(mut self, version: &str) -> Self {
        self.version = version.into();
        self
    }

    /// Gives an attempt another time to end, from connecting to the last byte; 10 s unless said.
    #[must_use]
    pub fn with_attempt_timeout(mut self, limit: Duration) -> Self {
        self.attempt_timeout = limit;
        self
    }

    /// Takes the time of signatures from `now` instead of the system's clock: for simulations in virtual time.
    #[must_use]
    pub fn with_wall_clock(mut self, now: impl Fn() -> UnixSeconds + Send + Sync + 'static) -> Self {
        self.clock = Clock::new(Arc::new(now));
        self
    }

    /// The region of the load balancers.
    #[must_use]
    pub fn region(&self) -> &Region {
        &self.region
    }

    /// Sends `request` and returns the answer.
    ///
    /// Whatever the retry policy says, a refused credential is replaced once and a wrong clock is corrected once, and the
    /// call is then sent once more: in both cases it was certainly not executed.
    ///
    /// # Errors
    /// [`Error`], whose [`kind`](Error::kind) says what happened and whose [`executed`](Error::executed) says whether
    /// the call may have had an effect.
    pub async fn call<R: ApiCall>(&self, request: &R) -> Result<R::Response, Error> {
        let span =
            debug_span!("clb_call", action = R::ACTION, object = request.object(), request_id = field::Empty);
        self.attempts(request).instrument(span).await
    }

    /// The task of an asynchronous write, named by the request id of its answer.
    #[must_use]
    pub fn task(&self, request_id: impl Into<String>) -> Task {
        Task::new(self.clone(), request_id.into(), Arc::clone(&self.pace))
    }

    /// Sends until an answer, or until the policy gives up.
    async fn attempts<R: ApiCall>(&self, request: &R) -> Result<R::Response, Error> {
        let action = R::ACTION;
        let fail = |attempts, problem| Error::new(action, request.object(), attempts, problem);
        let refuse = |problem| fail(0, problem);
        request.check().map_err(|limit| refuse(invalid("the request is too large").because(limit)))?;
        let mut body = Vec::with_capacity(ORDINARY_BODY);
        serde_json::to_writer(&mut body, request)
            .map_err(|error| refuse(invalid("the request has no JSON form").because(error)))?;
        let body = Bytes::from(body);
        let throttle = if action == DescribeTaskStatus::ACTION { &self.polls } else { &self.calls };

        let started = Instant::now();
        let mut repair = Repair::default();
        // Once an attempt may have been executed, a later refusal does not make the call certainly unexecuted.
        let mut executed = Executed::No;
        let (mut attempt, mut pauses) = (0, 0);
        loop {
            throttle.admit(action).await;
            attempt += 1;
            let credential = match repair.refused.take() {
                Some(refused) => self.credentials.replacement(&refused).await,
                None => self.credentials.credential().await,
            };
            let credential = credential.map_err(|error| {
                fail(attempt - 1, Problem::local(ErrorKind::Credential, executed, "").because(error))
            })?;
            let local = self.clock.local();
            let outcome = self.exchange(action, body.clone(), &credential, local).await;
            let (date, mut problem) = match outcome {
                Ok(answer) => match answer::read::<R::Response>(&answer) {
                    Ok(answer) => {
                        tracing::Span::current().record("request_id", answer.request_id.as_str());
                        debug!(attempt, "answered");
                        throttle.accepted(action);
                        return Ok(answer.response);
                    }
                    Err(problem) => (date(&answer), problem),
                },
                Err(problem) => (None, problem),
            };
            if problem.executed == Executed::Maybe {
                executed = Executed::Maybe;
            }
            problem.executed = executed;
            if let Some(request_id) = &problem.request_id {
                tracing::Span::current().record("request_id", request_id.as_str());
            }
            debug!(attempt, kind = ?problem.kind, code = problem.code, request_id = problem.request_id, "failed");
            if problem.kind == ErrorKind::Throttled {
                throttle.refused(action);
            }
            if problem.has_code(wants_right_clock)
                && !repair.clock
                && self.clock.learn(local, date.as_deref())
            {
                repair.clock = true;
                continue;
            }
            if problem.has_code(wants_fresh_credential) && !repair.credential {
                repair.credential = true;
                repair.refused = Some(credential);
                continue;
            }
            pauses += 1;
            let (kind, elapsed) = (problem.kind, started.elapsed());
            match self.retry.pause_after(pauses, kind, executed, R::REPEATABLE, elapsed, fastrand::f64()) {
                Some(pause) => sleep(pause).await,
                None => return Err(fail(attempt, problem)),
            }
        }
    }

    /// Signs and sends once.
    async fn exchange(
        &self,
        action: &'static str,
        body: Bytes,
        credential: &Credential,
        local: UnixSeconds,
    ) -> Result<Response<Bytes>, Problem> {
        let host = self.endpoint.host();
        let signed = sign(&Unsigned::new(host, &body), credential, self.clock.corrected(local));
        let headers = Headers::new(host, action, &self.version)
            .with_region(self.region.as_str())
            .with_language(LANGUAGE)
            .build(&signed, credential.token())
            .map_err(|error| invalid("the request cannot be built").because(error))?;
        let mut request = Request::new(body);
        *request.method_mut() = Method::POST;
        *request.uri_mut() = self.endpoint.uri().clone();
        *request.headers_mut() = headers;
        match timeout(self.attempt_timeout, self.transport.send(request)).await {
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(error)) => {
                let (executed, message) = (error.executed(), error.to_string());
                Err(Problem::local(ErrorKind::Transport, executed, message).because(error.into_source()))
            }
            Err(_) => {
                let message = format!("no complete answer within {:?}", self.attempt_timeout);
                Err(Problem::local(ErrorKind::Transport, Executed::Maybe, message))
            }
        }
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client")
            .field("region", &self.region)
            .field("endpoint", &self.endpoint)
            .field("version", &self.version)
            .field("retry", &self.retry)
            .finish_non_exhaustive()
    }
}

/// What a call has already mended; each once, so that nothing turns in a circle.
#[derive(Default)]
struct Repair {
    /// The clock.
    clock: bool,
    /// The credential.
    credential: bool,
    /// The credential that is to be replaced before the next attempt.
    refused: Option<Credential>,
}

/// A request that is not sent.
fn invalid(message: &str) -> Problem {
    Problem::local(ErrorKind::Invalid, Executed::No, message)
}

/// The `Date` of an answer.
fn date(answer: &Response<Bytes>) -> Option<String> {
    answer.headers().get(header::DATE)?.to_str().ok().map(str::to_owned)
}

/// The version that the SDKs of the mainland site speak.
const VERSION: &str = "2018-03-17";

/// Error messages are read for what their codes do not say, so their language is pinned.
const LANGUAGE: &str = "en-US";

/// Bytes: a batch of a dozen targets.
const ORDINARY_BODY: usize = 1024;

/// A healthy call takes well below a second; a drain cannot wait for the 60 s of the SDKs.
const ATTEMPT: Duration = Duration::from_secs(10);
