//! HTTPS, with servers that deserve trust and with servers that do not. Real sockets.
//!
//! A test that needs a root of its own runs again in a process whose `SSL_CERT_FILE` names it: that is how an operator gives
//! the client another root than those of the system.
#![expect(clippy::unwrap_used, reason = "test data that is known to be well-formed")]

mod authority;
mod server;

use std::error::Error as _;

use clb_client::api::{DescribeTargets, LoadBalancerId};
use clb_client::credential::{Credential, SecretId, SecretKey};
use clb_client::{Client, Endpoint, Error, ErrorKind, Executed, Region, RetryPolicy};

use crate::authority::{Authority, Leaf, in_a_process_of_its_own};
use crate::server::{Seen, plain_server, tls_1_1_server, tls_server};

#[test]
fn a_call_succeeds_where_the_roots_vouch_for_the_server() {
    in_a_process_of_its_own("a_call_succeeds_where_the_roots_vouch_for_the_server", || {
        let authority = Authority::trusted();
        for versions in [&[&rustls::version::TLS13][..], &[&rustls::version::TLS12]] {
            for (leaf, host) in [(Leaf::of("127.0.0.1"), "127.0.0.1"), (Leaf::of("localhost"), "localhost")] {
                let (port, seen) = tls_server(&authority.certify(leaf), versions);
                let client = client(&format!("https://{host}:{port}"));
                for _ in 0..2 {
                    let answer = runtime().block_on(client.call(&targets())).unwrap();
                    assert_eq!(answer.request_id, "r-1");
                }
                let Seen { requests, signed_host } = seen.lock().unwrap().clone();
                assert_eq!((requests, signed_host), (2, format!("{host}:{port}")));
            }
        }
    });
}

#[test]
fn n11_a_certificate_of_a_trusted_authority_that_does_not_fit_is_refused_before_anything_is_sent() {
    let name =
        "n11_a_certificate_of_a_trusted_authority_that_does_not_fit_is_refused_before_anything_is_sent";
    in_a_process_of_its_own(name, || {
        let authority = Authority::trusted();
        #[rustfmt::skip]
        let cases = [
            (Leaf::of("elsewhere.example"), "not valid for name"),
            (Leaf::of("127.0.0.2"), "not valid for name"),
            (Leaf::of("127.0.0.1").until(2001), "expired"),
            (Leaf::of("127.0.0.1").from(2999), "not valid yet"),
        ];
        for (leaf, why) in cases {
            refused(&authority, leaf, why);
        }
        // The same server with a certificate that fits is called: it is not for another reason that the others are not.
        let (port, _) = tls_server(&authority.certify(Leaf::of("127.0.0.1")), rustls::ALL_VERSIONS);
        runtime().block_on(client(&format!("https://127.0.0.1:{port}")).call(&targets())).unwrap();
    });
}

#[test]
fn n11_a_certificate_of_an_unknown_authority_is_refused_before_anything_is_sent() {
    let name = "n11_a_certificate_of_an_unknown_authority_is_refused_before_anything_is_sent";
    in_a_process_of_its_own(name, || {
        Authority::trusted();
        refused(&Authority::unknown(), Leaf::of("127.0.0.1"), "UnknownIssuer");
        // Nor does the name of a trusted authority make a certificate one of its own.
        refused(&Authority::impostor(), Leaf::of("127.0.0.1"), "BadSignature");
    });
}

#[test]
fn n11_a_server_that_speaks_tls_1_1_only_is_refused_before_anything_is_sent() {
    in_a_process_of_its_own(
        "n11_a_server_that_speaks_tls_1_1_only_is_refused_before_anything_is_sent",
        || {
            Authority::trusted();
            let (port, server) = tls_1_1_server();
            let error = fails(&format!("https://127.0.0.1:{port}"));
            assert!(causes(&error).contains("peer is incompatible"), "{}", causes(&error));
            let told = server.join().unwrap();
            assert_eq!(told.offered, [0x0304, 0x0303], "TLS 1.3 and 1.2, nothing older");
            // An alert (21), and it is fatal (2): a protocol version (70) that is not spoken.
            assert_eq!((told.answer[0], &told.answer[5..7]), (21, &[2, 70][..]), "{:?}", told.answer);
        },
    );
}

#[test]
fn n11_a_server_without_tls_is_refused_before_anything_is_sent() {
    in_a_process_of_its_own("n11_a_server_without_tls_is_refused_before_anything_is_sent", || {
        Authority::trusted();
        let (port, server) = plain_server();
        fails(&format!("https://127.0.0.1:{port}"));
        assert_eq!(server.join().unwrap(), 22, "a TLS handshake, not a request");
    });
}

#[test]
fn without_certificates_plain_http_goes_on_and_https_says_what_is_missing() {
    in_a_process_of_its_own("without_certificates_plain_http_goes_on_and_https_says_what_is_missing", || {
        Authority::none();
        let (port, server) = plain_server();
        let answer =
            runtime().block_on(client(&format!("http://127.0.0.1:{port}")).call(&targets())).unwrap();
        assert_eq!(answer.request_id, "r-1");
        assert_eq!(server.join().unwrap(), b'P', "a request");

        let client = client("https://127.0.0.1:9");
        let error = runtime().block_on(client.call(&targets())).unwrap_err();
        assert_eq!((error.kind(), error.executed()), (ErrorKind::Transport, Executed::No), "{error}");
        assert!(causes(&error).contains("install the certificates of the system"), "{}", causes(&error));

        // They are looked for again: who mounts them meanwhile need not start anew.
        let authority = Authority::trusted();
        let (port, _) = tls_server(&authority.certify(Leaf::of("127.0.0.1")), rustls::ALL_VERSIONS);
        let client = client.with_endpoint(Endpoint::new(&format!("https://127.0.0.1:{port}")).unwrap());
        runtime().block_on(client.call(&targets())).unwrap();
    });
}

/// A server with this certificate is refused for this reason, and sees no request.
fn refused(authority: &Authority, leaf: Leaf, why: &str) {
    let (port, seen) = tls_server(&authority.certify(leaf.clone()), rustls::ALL_VERSIONS);
    let error = fails(&format!("https://127.0.0.1:{port}"));
    assert!(causes(&error).contains(why), "{leaf:?}: {}", causes(&error));
    assert_eq!(seen.lock().unwrap().requests, 0, "{leaf:?}");
}

/// A call that certainly had no effect.
fn fails(endpoint: &str) -> Error {
    let error = runtime().block_on(client(endpoint).call(&targets())).unwrap_err();
    assert_eq!((error.kind(), error.executed()), (ErrorKind::Transport, Executed::No), "{error}");
    error
}

/// An error with all its causes.
fn causes(error: &Error) -> String {
    let mut told = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        told.push_str(&format!(": {error}"));
        cause = error.source();
    }
    told
}

fn client(endpoint: &str) -> Client {
    let credential = Credential::new(SecretId::new("id").unwrap(), SecretKey::new(server::KEY).unwrap());
    Client::new(Region::new("ap-guangzhou").unwrap(), credential)
        .unwrap()
        .with_endpoint(Endpoint::new(endpoint).unwrap())
        .with_retry(RetryPolicy::never())
}

fn targets() -> DescribeTargets {
    DescribeTargets::new(LoadBalancerId::new("lb-1").unwrap())
}

/// One for the whole process: connections are bound to the runtime that opened them.
fn runtime() -> &'static tokio::runtime::Runtime {
    static RUNTIME: std::sync::LazyLock<tokio::runtime::Runtime> =
        std::sync::LazyLock::new(|| tokio::runtime::Runtime::new().unwrap());
    &RUNTIME
}
