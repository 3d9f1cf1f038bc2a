//! A transport for the tests of sources: answers in order, keeps the questions.

use std::sync::{Arc, Mutex};

use bytes::Bytes;
use http::{Request, Response};

use crate::transport::{Transport, TransportFuture};

#[derive(Clone)]
pub(super) struct Answers(Arc<Mutex<Exchange>>);

struct Exchange {
    answers: Vec<(u16, &'static str)>,
    asked: Vec<Request<Bytes>>,
}

impl Answers {
    pub(super) fn new(answers: impl IntoIterator<Item = (u16, &'static str)>) -> Self {
        let mut answers: Vec<_> = answers.into_iter().collect();
        answers.reverse();
        Self(Arc::new(Mutex::new(Exchange { answers, asked: Vec::new() })))
    }

    pub(super) fn asked(&self) -> Vec<Request<Bytes>> {
        self.0.lock().unwrap().asked.clone()
    }
}

impl Transport for Answers {
    fn send(&self, request: Request<Bytes>) -> TransportFuture<'_> {
        let mut exchange = self.0.lock().unwrap();
        exchange.asked.push(request);
        let (status, body) = exchange.answers.pop().expect("a question that the test does not expect");
        let response = Response::builder().status(status).body(Bytes::from_static(body.as_bytes())).unwrap();
        Box::pin(std::future::ready(Ok(response)))
    }
}
