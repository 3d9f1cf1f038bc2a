//! The HTTP transport against servers on this machine that misbehave. Real sockets, real time.
#![expect(clippy::unwrap_used, reason = "test data that is known to be well-formed")]

use std::env;
use std::future::Future;
use std::io::Write;
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::{Duration, Instant};

use clb_client::api::{DescribeTargets, LoadBalancerId};
use clb_client::credential::{Credential, SecretId, SecretKey, Token};
use clb_client::sign::verify;
use clb_client::{Client, Endpoint, Error, ErrorKind, Executed, Region, RetryPolicy};
use http::Request;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::time::timeout;
use tracing_subscriber::fmt::MakeWriter;

#[tokio::test]
async fn the_request_arrives_as_it_was_signed() {
    let (endpoint, seen) = server(|mut stream| async move {
        let request = read_request(&mut stream).await;
        answer(&mut stream, "200 OK", "", OK).await;
        request
    })
    .await;
    client(&endpoint).call(&targets()).await.unwrap();
    let request = seen.lock().unwrap().pop().unwrap();
    assert!(verify(&request, &SecretKey::new(KEY).unwrap()).is_ok());
    assert_eq!(format!("http://{}", request.headers()["host"].to_str().unwrap()), endpoint);
    assert_eq!(request.headers()["x-tc-token"], TOKEN);
}

#[tokio::test]
async fn clients_that_share_a_transport_reach_their_own_servers() {
    let answering = || {
        server(|mut stream| async move {
            let request = read_request(&mut stream).await;
            answer(&mut stream, "200 OK", "", OK).await;
            request
        })
    };
    let servers = [answering().await, answering().await];
    let one = client(&servers[0].0);
    let other = one.clone().with_endpoint(Endpoint::new(&servers[1].0).unwrap());
    for caller in [&one, &other, &one, &one, &other] {
        caller.call(&targets()).await.unwrap();
    }
    for ((endpoint, seen), expected) in servers.iter().zip([3, 2]) {
        let seen = seen.lock().unwrap();
        assert_eq!(seen.len(), expected, "{endpoint}");
        assert!(seen.iter().all(|request| endpoint.ends_with(request.headers()["host"].to_str().unwrap())));
    }
}

#[tokio::test]
async fn n12_a_redirect_is_not_followed() {
    let (elsewhere, seen_elsewhere) = server(|mut stream| async move {
        let request = read_request(&mut stream).await;
        answer(&mut stream, "200 OK", "", OK).await;
        request
    })
    .await;
    for status in ["301 Moved Permanently", "302 Found", "307 Temporary Redirect", "308 Permanent Redirect"] {
        let location = format!("location: {elsewhere}/\r\n");
        let (endpoint, seen) = server(move |mut stream| {
            let location = location.clone();
            async move {
                let request = read_request(&mut stream).await;
                answer(&mut stream, status, &location, "").await;
                request
            }
        })
        .await;
        let error = fails(&endpoint).await;
        assert_eq!(error.kind(), ErrorKind::Transport, "{error}");
        assert!(error.message().contains("redirects are not followed"), "{error}");
        assert_eq!(seen.lock().unwrap().len(), 1);
    }
    assert!(seen_elsewhere.lock().unwrap().is_empty(), "signed headers were sent to another host");
}

#[tokio::test]
async fn n1_a_refused_connection_is_certainly_without_effect() {
    // Bound, so that no other test gets the port, and without a listener, so that it refuses.
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let error = fails(&format!("http://{}", socket.local_addr().unwrap())).await;
    assert_eq!((error.kind(), error.executed()), (ErrorKind::Transport, Executed::No));
}

#[tokio::test]
async fn n1_a_server_that_lets_nobody_in_is_given_up_after_three_seconds_without_effect() {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let listener = socket.listen(1).unwrap();
    let address = listener.local_addr().unwrap();
    // Nobody accepts: when the queue is full, the kernel leaves further attempts without an answer, as a firewall does.
    let mut queue = Vec::new();
    while let Ok(Ok(stream)) = timeout(Duration::from_millis(200), TcpStream::connect(address)).await {
        queue.push(stream);
        assert!(queue.len() < 10, "the queue has no end");
    }
    let begun = Instant::now();
    let error = fails(&format!("http://{address}")).await;
    assert_eq!((error.kind(), error.executed()), (ErrorKind::Transport, Executed::No), "{error}");
    let took = begun.elapsed();
    assert!((Duration::from_millis(2_900)..Duration::from_secs(5)).contains(&took), "{took:?}");
}

#[tokio::test]
async fn n2_a_connection_that_ends_after_the_request_leaves_the_effect_open() {
    let (endpoint, _) = server(|mut stream| async move { read_request(&mut stream).await }).await;
    let error = fails(&endpoint).await;
    assert_eq!((error.kind(), error.executed()), (ErrorKind::Transport, Executed::Maybe), "{error}");
}

#[tokio::test]
async fn n2_a_body_that_breaks_off_leaves_the_effect_open() {
    let (endpoint, _) = server(|mut stream| async move {
        let request = read_request(&mut stream).await;
        stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n{\"Response\":").await.unwrap();
        request
    })
    .await;
    let error = fails(&endpoint).await;
    assert_eq!((error.kind(), error.executed()), (ErrorKind::Transport, Executed::Maybe), "{error}");
}

#[tokio::test]
async fn n3_an_answer_that_trickles_is_given_up_when_the_time_of_the_attempt_is_over() {
    let (endpoint, _) = server(|mut stream| async move {
        read_request(&mut stream).await;
        stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 100000\r\n\r\n").await.unwrap();
        while stream.write_all(b" ").await.is_ok() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        Request::default()
    })
    .await;
    let begun = Instant::now();
    let client = client(&endpoint).with_attempt_timeout(Duration::from_millis(300));
    let error = client.call(&targets()).await.unwrap_err();
    assert_eq!((error.kind(), error.executed()), (ErrorKind::Transport, Executed::Maybe));
    let took = begun.elapsed();
    assert!(took >= Duration::from_millis(300) && took < Duration::from_secs(5), "{took:?}");
}

#[tokio::test]
async fn x10_an_answer_without_end_is_cut_at_the_limit() {
    static WRITTEN: AtomicUsize = AtomicUsize::new(0);
    let (endpoint, _) = server(|mut stream| async move {
        let request = read_request(&mut stream).await;
        stream.write_all(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n").await.unwrap();
        let mut chunk = b"100000\r\n".to_vec();
        chunk.resize(chunk.len() + 0x10_0000, b' ');
        chunk.extend_from_slice(b"\r\n");
        while stream.write_all(&chunk).await.is_ok() {
            WRITTEN.fetch_add(1, Ordering::Relaxed);
        }
        request
    })
    .await;
    let error = fails(&endpoint).await;
    assert_eq!((error.kind(), error.executed()), (ErrorKind::Transport, Executed::Maybe));
    let source = std::error::Error::source(&error).unwrap().to_string();
    assert!(source.contains("larger than 16 MiB"), "{source}");
    // The kernel holds some more on the way.
    let written = WRITTEN.load(Ordering::Relaxed);
    assert!(written < 28, "{written} MiB");
}

#[tokio::test]
async fn x10_an_answer_of_exactly_the_limit_is_read_and_one_byte_more_is_not() {
    let (endpoint, _) = server(|mut stream| async move {
        let request = read_request(&mut stream).await;
        let size = (16 << 20) + usize::from(request.body().windows(4).any(|four| four == b"lb-2"));
        answer(&mut stream, "200 OK", "", &(OK.to_owned() + &" ".repeat(size - OK.len()))).await;
        request
    })
    .await;
    client(&endpoint).call(&targets()).await.unwrap();
    let more = DescribeTargets::new(LoadBalancerId::new("lb-2").unwrap());
    let error = client(&endpoint).call(&more).await.unwrap_err();
    assert_eq!((error.kind(), error.executed()), (ErrorKind::Transport, Executed::Maybe), "{error}");
}

/// Runs a test of this file again in a process whose proxy variables lead nowhere.
#[test]
fn n13_proxy_variables_do_not_divert_requests() {
    let mut command = Command::new(env::current_exe().unwrap());
    command.args(["--exact", "the_request_arrives_as_it_was_signed"]);
    for name in ["HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"] {
        command.env(name, "http://127.0.0.1:9");
    }
    let output = command.env_remove("NO_PROXY").env_remove("no_proxy").output().unwrap();
    let told = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success() && told.contains("1 passed"), "{told}");
}

#[tokio::test]
async fn x7_canaries_appear_in_no_log_at_trace_and_in_no_error() {
    let log = log_at_trace();
    let (endpoint, _) = server(|mut stream| async move {
        let request = read_request(&mut stream).await;
        let refused =
            r#"{"Response":{"Error":{"Code":"AuthFailure.SignatureFailure","Message":"m"},"RequestId":"r"}}"#;
        answer(&mut stream, "200 OK", "", refused).await;
        request
    })
    .await;
    let client = client(&endpoint);
    let refused = client.call(&targets()).await.unwrap_err();
    let (broken, _) = server(|mut stream| async move { read_request(&mut stream).await }).await;
    let broken = fails(&broken).await;

    let mut told = format!("{client:?}");
    for error in [&refused, &broken] {
        told.push_str(&format!("{error} {error:?} "));
        let mut cause: Option<&dyn std::error::Error> = std::error::Error::source(error);
        while let Some(error) = cause {
            told.push_str(&format!("{error} {error:?} "));
            cause = error.source();
        }
    }
    told.push_str(&String::from_utf8_lossy(&log.0.lock().unwrap()));
    assert!(told.contains("AuthFailure.SignatureFailure"), "the log is empty: {told}");
    assert!(told.contains("TRACE"), "nothing was logged at TRACE");
    for canary in [KEY, TOKEN, ID, "Signature=", "TC3-HMAC-SHA256 Credential"] {
        assert!(!told.contains(canary), "{canary} in {told}");
    }
}

/// A server for requests that `handle` deals with, one per connection; what it returns is kept.
async fn server<H, F>(handle: H) -> (String, Arc<Mutex<Vec<Request<Vec<u8>>>>>)
where
    H: Fn(TcpStream) -> F + Send + 'static,
    F: Future<Output = Request<Vec<u8>>> + Send + 'static,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    let seen = Arc::new(Mutex::new(Vec::new()));
    let kept = Arc::clone(&seen);
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let request = handle(stream).await;
            kept.lock().unwrap().push(request);
        }
    });
    (endpoint, seen)
}

/// Reads one request with its body.
async fn read_request(stream: &mut TcpStream) -> Request<Vec<u8>> {
    let (mut bytes, mut buffer) = (Vec::new(), [0; 4096]);
    let head = loop {
        let n = stream.read(&mut buffer).await.unwrap();
        assert!(n > 0, "the request breaks off");
        bytes.extend_from_slice(&buffer[..n]);
        if let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") {
            break end;
        }
    };
    let text = String::from_utf8(bytes[..head].to_vec()).unwrap();
    let mut lines = text.lines();
    let mut first = lines.next().unwrap().split(' ');
    let mut request = Request::builder().method(first.next().unwrap()).uri(first.next().unwrap());
    let mut length = 0;
    for line in lines {
        let (name, value) = line.split_once(": ").unwrap();
        if name.eq_ignore_ascii_case("content-length") {
            length = value.parse().unwrap();
        }
        request = request.header(name, value);
    }
    let mut body = bytes.split_off(head + 4);
    while body.len() < length {
        let n = stream.read(&mut buffer).await.unwrap();
        body.extend_from_slice(&buffer[..n]);
    }
    request.body(body).unwrap()
}

async fn answer(stream: &mut TcpStream, status: &str, headers: &str, body: &str) {
    let length = body.len();
    let text =
        format!("HTTP/1.1 {status}\r\n{headers}content-length: {length}\r\nconnection: close\r\n\r\n{body}");
    stream.write_all(text.as_bytes()).await.unwrap();
}

fn client(endpoint: &str) -> Client {
    let credential = Credential::new(SecretId::new(ID).unwrap(), SecretKey::new(KEY).unwrap());
    let credential = credential.with_token(Token::new(TOKEN).unwrap());
    Client::new(Region::new("ap-guangzhou").unwrap(), credential)
        .unwrap()
        .with_endpoint(Endpoint::new(endpoint).unwrap())
        .with_retry(RetryPolicy::never())
}

async fn fails(endpoint: &str) -> Error {
    client(endpoint).call(&targets()).await.unwrap_err()
}

fn targets() -> DescribeTargets {
    DescribeTargets::new(LoadBalancerId::new("lb-1").unwrap())
}

/// Everything this process logs.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

fn log_at_trace() -> Log {
    static LOG: OnceLock<Log> = OnceLock::new();
    LOG.get_or_init(|| {
        let log = Log::default();
        tracing_subscriber::fmt().with_env_filter("trace").with_writer(log.clone()).init();
        log
    })
    .clone()
}

impl<'a> MakeWriter<'a> for Log {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

const ID: &str = "AKIDcanaryidcanaryidcanaryid";
const KEY: &str = "canary/key+canary/key=";
const TOKEN: &str = "canarytokencanarytoken";
const OK: &str = r#"{"Response":{"Listeners":[],"RequestId":"r-1"}}"#;
