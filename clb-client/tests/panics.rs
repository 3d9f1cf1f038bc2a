//! What a program prints when it panics with a secret at hand. A program of its own: the hook is the whole process's.
#![expect(clippy::unwrap_used, reason = "it is what panics here")]

use std::fmt::Debug;
use std::panic::{self, AssertUnwindSafe};
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use clb_client::credential::{Credential, Environment, SecretId, SecretKey, Token};
use clb_client::sign::{UnixSeconds, Unsigned, sign};
use clb_client::transport::{Transport, TransportFuture};
use clb_client::{Client, Region};
use http::Request;

#[test]
fn x7_no_secret_is_in_the_output_of_a_panic() {
    let key = SecretKey::new("canary-key").unwrap();
    let token = Token::new("canary-token").unwrap();
    let credential = Credential::new(SecretId::new("AKIDEXAMPLE").unwrap(), key.clone()).with_token(token);
    let at = UnixSeconds::new(1_772_323_200).unwrap();
    let signed = sign(&Unsigned::new("clb.tencentcloudapi.com", b"{}"), &credential, at);
    let signature = signed.signature().to_owned();
    let client = Client::with_transport(Region::new("ap-guangzhou").unwrap(), credential.clone(), Panics);

    let mut printed = vec![
        panicked(|| fail(Err(&key))),
        panicked(|| fail(Err(&credential))),
        panicked(|| fail(Err(&signed))),
        panicked(|| fail(Err(&client))),
        panicked(|| fail(Err(SecretKey::new("canary canary")))),
        panicked(|| fail(Err(Environment::read_with(|_| Some("canary\ncanary".to_owned()))))),
    ];
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    printed.push(panicked(|| {
        drop(runtime.block_on(client.call(&clb_client::api::DescribeQuota::new())));
    }));
    for text in printed {
        assert!(text.contains("panicked at"), "{text}");
        assert!(!text.contains("canary") && !text.contains(&signature), "{text}");
    }
}

/// As `unwrap` and `expect` do it.
fn fail(outcome: Result<(), impl Debug>) {
    outcome.expect("a secret is at hand");
}

/// Panics in the middle of a call, with the request at hand.
struct Panics;

impl Transport for Panics {
    fn send(&self, request: Request<Bytes>) -> TransportFuture<'_> {
        panic!("no transport for {request:?}")
    }
}

/// All that a panic prints.
fn panicked(run: impl FnOnce()) -> String {
    let printed = Arc::new(Mutex::new(String::new()));
    let sink = Arc::clone(&printed);
    let before = panic::take_hook();
    panic::set_hook(Box::new(move |info| sink.lock().unwrap().push_str(&info.to_string())));
    let outcome = panic::catch_unwind(AssertUnwindSafe(run));
    panic::set_hook(before);
    assert!(outcome.is_err());
    printed.lock().unwrap().clone()
}
