//! HTTPS against servers that nobody should talk to. Real sockets.
#![expect(clippy::unwrap_used, reason = "test data that is known to be well-formed")]

use std::io::{Read, Write};
use std::net::TcpListener;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use clb_client::api::{DescribeTargets, LoadBalancerId};
use clb_client::credential::{Credential, SecretId, SecretKey};
use clb_client::{Client, Endpoint, Error, ErrorKind, Executed, Region, RetryPolicy};
use rcgen::{CertificateParams, KeyPair, date_time_ymd};
use rustls::crypto::ring::default_provider;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ServerConfig, ServerConnection, Stream};

#[tokio::test]
async fn n11_a_certificate_that_nobody_vouches_for_is_refused_before_anything_is_sent() {
    for (names, last_year) in
        [(vec!["127.0.0.1"], 2999), (vec!["elsewhere.example"], 2999), (vec!["127.0.0.1"], 2001)]
    {
        let (endpoint, requests) = tls_server(names.clone(), last_year);
        let error = fails(&endpoint).await;
        assert_eq!(
            (error.kind(), error.executed()),
            (ErrorKind::Transport, Executed::No),
            "{names:?}: {error}"
        );
        assert_eq!(requests.load(Ordering::SeqCst), 0, "{names:?} until {last_year}");
    }
}

#[tokio::test]
async fn n11_a_server_without_tls_is_refused_before_anything_is_sent() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let endpoint = format!("https://{}", listener.local_addr().unwrap());
    let server = thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut greeting = [0; 1];
        stream.read_exact(&mut greeting).unwrap();
        stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}").unwrap();
        greeting[0]
    });
    let error = fails(&endpoint).await;
    assert_eq!((error.kind(), error.executed()), (ErrorKind::Transport, Executed::No), "{error}");
    assert_eq!(server.join().unwrap(), 22, "a TLS handshake, not a request");
}

/// A server with a certificate that it has signed itself; how many connections got as far as a request.
fn tls_server(names: Vec<&'static str>, last_year: i32) -> (String, Arc<AtomicUsize>) {
    let key = KeyPair::generate().unwrap();
    let names: Vec<String> = names.into_iter().map(str::to_owned).collect();
    let mut params = CertificateParams::new(names).unwrap();
    params.not_before = date_time_ymd(2000, 1, 1);
    params.not_after = date_time_ymd(last_year, 1, 1);
    let certificate = CertificateDer::from(params.self_signed(&key).unwrap());
    let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
    let config = ServerConfig::builder_with_provider(Arc::new(default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate], key)
        .unwrap();
    let config = Arc::new(config);

    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let endpoint = format!("https://{}", listener.local_addr().unwrap());
    let requests = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&requests);
    thread::spawn(move || {
        while let Ok((mut stream, _)) = listener.accept() {
            let mut connection = ServerConnection::new(Arc::clone(&config)).unwrap();
            let mut first = [0; 1];
            if Stream::new(&mut connection, &mut stream).read_exact(&mut first).is_ok() {
                counted.fetch_add(1, Ordering::SeqCst);
            }
        }
    });
    (endpoint, requests)
}

async fn fails(endpoint: &str) -> Error {
    let credential = Credential::new(SecretId::new("id").unwrap(), SecretKey::new("key").unwrap());
    Client::new(Region::new("ap-guangzhou").unwrap(), credential)
        .unwrap()
        .with_endpoint(Endpoint::new(endpoint).unwrap())
        .with_retry(RetryPolicy::never())
        .call(&DescribeTargets::new(LoadBalancerId::new("lb-1").unwrap()))
        .await
        .unwrap_err()
}
