//! A transport that answers by script and keeps what was sent. Time is Tokio's, virtual in these tests.

use std::collections::VecDeque;
use std::io;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use clb_client::api::{
    Address, BatchModifyTargetWeight, BatchRegisterTargets, BatchTarget, ListenerId, LoadBalancerId, Pool,
    PoolWeights, TargetWeight, Weight,
};
use clb_client::credential::{Credential, ProvideCredential, SecretId, SecretKey};
use clb_client::sign::UnixSeconds;
use clb_client::transport::{Transport, TransportError, TransportFuture};
use clb_client::{Client, Region};
use http::{Request, Response};
use tokio::time::Instant;

/// The answers to come and the requests that came.
#[derive(Clone)]
pub(crate) struct Script(Arc<Played>);

struct Played {
    begun: Instant,
    steps: Mutex<VecDeque<Step>>,
    sent: Mutex<Vec<(Duration, Request<Bytes>)>>,
}

/// What happens to one request.
pub(crate) enum Step {
    /// It is answered.
    Answer(Response<Bytes>),
    /// There is no answer; whether it was sent is said.
    Fail(TransportError),
    /// It is never answered.
    Hang,
}

impl Script {
    pub(crate) fn new(steps: impl IntoIterator<Item = Step>) -> Self {
        let steps = Mutex::new(steps.into_iter().collect());
        Self(Arc::new(Played { begun: Instant::now(), steps, sent: Mutex::default() }))
    }

    /// A client with an ordinary credential, whose wall clock follows virtual time.
    pub(crate) fn client(&self) -> Client {
        self.client_of(Credential::new(SecretId::new("AKIDEXAMPLE").unwrap(), secret()))
    }

    pub(crate) fn client_of(&self, credentials: impl ProvideCredential + 'static) -> Client {
        let begun = self.0.begun;
        Client::with_transport(Region::new("ap-guangzhou").unwrap(), credentials, self.clone())
            .with_wall_clock(move || now().shifted(begun.elapsed().as_secs() as i64))
    }

    pub(crate) fn sent(&self) -> Vec<Request<Bytes>> {
        self.0.sent.lock().unwrap().iter().map(|(_, request)| request.clone()).collect()
    }

    /// When each request came, since the script began.
    pub(crate) fn times(&self) -> Vec<Duration> {
        self.0.sent.lock().unwrap().iter().map(|(at, _)| *at).collect()
    }

    /// The pauses between the requests.
    pub(crate) fn pauses(&self) -> Vec<Duration> {
        self.times().windows(2).map(|pair| pair[1] - pair[0]).collect()
    }

    pub(crate) fn elapsed(&self) -> Duration {
        self.0.begun.elapsed()
    }
}

impl Transport for Script {
    fn send(&self, request: Request<Bytes>) -> TransportFuture<'_> {
        Box::pin(async move {
            self.0.sent.lock().unwrap().push((self.elapsed(), request));
            let step =
                self.0.steps.lock().unwrap().pop_front().expect("a call that the script does not expect");
            match step {
                Step::Answer(response) => Ok(response),
                Step::Fail(error) => Err(error),
                Step::Hang => std::future::pending().await,
            }
        })
    }
}

impl Step {
    /// The answer of a gateway.
    pub(crate) fn html(status: u16) -> Self {
        let body = Bytes::from_static(b"<html><h1>Bad Gateway</h1></html>");
        Self::Answer(Response::builder().status(status).body(body).unwrap())
    }

    /// No connection.
    pub(crate) fn refused() -> Self {
        Self::Fail(TransportError::not_sent(io::Error::from(io::ErrorKind::ConnectionRefused)))
    }

    /// The connection ended before the answer.
    pub(crate) fn reset() -> Self {
        Self::Fail(TransportError::perhaps_sent(io::Error::from(io::ErrorKind::ConnectionReset)))
    }

    /// The same answer with the `Date` of [`now`].
    pub(crate) fn dated(mut self) -> Self {
        if let Self::Answer(response) = &mut self {
            response.headers_mut().insert("date", "Sun, 01 Mar 2026 00:00:00 GMT".parse().unwrap());
        }
        self
    }
}

/// A success with `fields`, each followed by a comma.
pub(crate) fn ok(fields: &str) -> Step {
    answer(format!(r#"{{"Response":{{{fields}"RequestId":"r-1"}}}}"#))
}

/// An error inside HTTP 200.
pub(crate) fn error(code: &str, message: &str) -> Step {
    answer(format!(
        r#"{{"Response":{{"Error":{{"Code":"{code}","Message":"{message}"}},"RequestId":"r-1"}}}}"#
    ))
}

fn answer(body: String) -> Step {
    Step::Answer(Response::new(body.into()))
}

/// 2026-03-01 00:00:00 UTC, when every script begins.
pub(crate) fn now() -> UnixSeconds {
    UnixSeconds::new(1_772_323_200).unwrap()
}

pub(crate) fn secret() -> SecretKey {
    SecretKey::new("canary-secret-key").unwrap()
}

/// A repeatable write.
pub(crate) fn drain() -> BatchModifyTargetWeight {
    let target = TargetWeight::new(address(), Weight::DRAINED);
    BatchModifyTargetWeight::new(load_balancer(), vec![PoolWeights::new(pool(), vec![target])])
}

/// A write that is not repeatable.
pub(crate) fn register() -> BatchRegisterTargets {
    BatchRegisterTargets::new(load_balancer(), vec![BatchTarget::new(pool(), address())])
}

fn load_balancer() -> LoadBalancerId {
    LoadBalancerId::new("lb-1").unwrap()
}

fn pool() -> Pool {
    Pool::listener(ListenerId::new("lbl-1").unwrap())
}

fn address() -> Address {
    Address::ip("10.0.0.7".parse().unwrap(), 8080.try_into().unwrap())
}
