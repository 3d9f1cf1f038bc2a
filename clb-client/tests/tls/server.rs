//! Servers, good and bad. Each takes one connection after the other in a thread of its own, and is not stopped: it ends with
//! the process.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};

use clb_client::credential::SecretKey;
use clb_client::sign::verify;
use http::Request;
use rustls::crypto::ring::default_provider;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned, SupportedProtocolVersion};

/// What a server has seen.
#[derive(Clone, Default)]
pub(crate) struct Seen {
    /// Those whose signature was right.
    pub(crate) requests: usize,
    /// Of the latest one.
    pub(crate) signed_host: String,
}

/// Answers every request whose signature is right.
pub(crate) fn tls_server(
    (certificate, key): &(CertificateDer<'static>, PrivateKeyDer<'static>),
    versions: &[&'static SupportedProtocolVersion],
) -> (u16, Arc<Mutex<Seen>>) {
    let config = ServerConfig::builder_with_provider(Arc::new(default_provider()))
        .with_protocol_versions(versions)
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate.clone()], key.clone_key())
        .unwrap();
    let (config, seen) = (Arc::new(config), Arc::new(Mutex::new(Seen::default())));
    let (listener, port) = listen();
    let shared = Arc::clone(&seen);
    thread::spawn(move || {
        for stream in listener.incoming() {
            let connection = ServerConnection::new(Arc::clone(&config)).unwrap();
            let mut stream = StreamOwned::new(connection, stream.unwrap());
            while let Some(request) = read_request(&mut stream) {
                let right = verify(&request, &SecretKey::new(KEY).unwrap());
                assert!(right.is_ok(), "{right:?}");
                {
                    let mut seen = shared.lock().unwrap();
                    seen.requests += 1;
                    seen.signed_host = request.headers()["host"].to_str().unwrap().to_owned();
                }
                stream.write_all(ANSWER).unwrap();
            }
        }
    });
    (port, seen)
}

/// A server without TLS that answers one connection; the first byte that it has read.
pub(crate) fn plain_server() -> (u16, JoinHandle<u8>) {
    let (listener, port) = listen();
    let server = thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut first = [0; 1];
        stream.peek(&mut first).unwrap();
        if first == *b"P" {
            read_request(&mut stream).unwrap();
        }
        stream.write_all(ANSWER).unwrap();
        first[0]
    });
    (port, server)
}

/// What a client says to a server that speaks TLS 1.1 only.
pub(crate) struct Told {
    /// The versions that it offers.
    pub(crate) offered: Vec<u16>,
    /// The record by which it answers the server's choice.
    pub(crate) answer: Vec<u8>,
}

/// A server that chooses TLS 1.1 whatever is offered.
///
/// By hand, because no TLS library at hand speaks it any more: up to the choice, all is in clear.
pub(crate) fn tls_1_1_server() -> (u16, JoinHandle<Told>) {
    let (listener, port) = listen();
    let server = thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let offered = versions_offered(&read_record(&mut stream)[5..]);
        // ServerHello (2) of 38 bytes: TLS 1.1, 32 random bytes, no session, TLS_RSA_WITH_AES_128_CBC_SHA, no compression.
        let mut hello = vec![2, 0, 0, 38, 3, 2];
        hello.extend([7; 32]);
        hello.extend([0, 0, 0x2f, 0]);
        let mut record = vec![22, 3, 2, 0, u8::try_from(hello.len()).unwrap()];
        record.extend(hello);
        stream.write_all(&record).unwrap();
        Told { offered, answer: read_record(&mut stream) }
    });
    (port, server)
}

/// The versions in the extension `supported_versions` (43) of a ClientHello.
fn versions_offered(hello: &[u8]) -> Vec<u16> {
    // Type and length (4), version (2), random (32); then session, ciphers and compression, each with its length before it.
    let mut rest = &hello[38..];
    rest = &rest[1 + usize::from(rest[0])..];
    rest = &rest[2 + usize::from(two(rest))..];
    rest = &rest[1 + usize::from(rest[0])..];
    rest = &rest[2..];
    while two(rest) != 43 {
        rest = &rest[4 + usize::from(two(&rest[2..]))..];
    }
    let length = usize::from(rest[4]);
    rest[5..5 + length].chunks(2).map(two).filter(|version| version & 0x0f0f != 0x0a0a).collect()
}

fn two(bytes: &[u8]) -> u16 {
    u16::from_be_bytes([bytes[0], bytes[1]])
}

/// One record of TLS with its head of five bytes.
fn read_record(stream: &mut TcpStream) -> Vec<u8> {
    let mut record = vec![0; 5];
    stream.read_exact(&mut record).unwrap();
    let length = usize::from(two(&record[3..]));
    record.resize(5 + length, 0);
    stream.read_exact(&mut record[5..]).unwrap();
    record
}

/// None when the connection ends, or TLS fails.
fn read_request(stream: &mut impl Read) -> Option<Request<Vec<u8>>> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0; 1];
        stream.read_exact(&mut byte).ok()?;
        head.push(byte[0]);
    }
    let text = String::from_utf8(head).unwrap();
    let mut lines = text.trim_end().lines();
    assert_eq!(lines.next(), Some("POST / HTTP/1.1"));
    let mut request = Request::post("/");
    for line in lines {
        let (name, value) = line.split_once(": ").unwrap();
        request = request.header(name, value);
    }
    let mut request = request.body(Vec::new()).unwrap();
    let length = request.headers()["content-length"].to_str().unwrap().parse().unwrap();
    request.body_mut().resize(length, 0);
    stream.read_exact(request.body_mut()).ok()?;
    Some(request)
}

fn listen() -> (TcpListener, u16) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    (listener, port)
}

/// The key of the caller.
pub(crate) const KEY: &str = "canary-key";

const ANSWER: &[u8] =
    b"HTTP/1.1 200 OK\r\ncontent-length: 47\r\n\r\n{\"Response\":{\"Listeners\":[],\"RequestId\":\"r-1\"}}";
