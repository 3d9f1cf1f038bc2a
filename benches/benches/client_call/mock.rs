//! The API as far as a call needs it: a process of its own that answers each POST with a request id, over HTTP with kept
//! connections, and counts connections.

use std::convert::Infallible;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use bytes::Bytes;
use clb_client::Endpoint;
use http::{HeaderValue, Method, Request, Response, StatusCode, header};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;

use crate::Failed;

/// A running mock; ends when dropped.
pub(crate) struct Mock {
    process: Child,
    /// The mock ends when this is closed.
    stdin: Option<ChildStdin>,
    address: SocketAddr,
}

impl Mock {
    /// Runs this program again as the mock.
    pub(crate) fn start() -> Result<Self, Failed> {
        let mut process = Command::new(std::env::current_exe()?)
            .arg(ROLE)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let stdin = process.stdin.take();
        let mut line = String::new();
        BufReader::new(process.stdout.take().ok_or("no stdout")?).read_line(&mut line)?;
        Ok(Self { process, stdin, address: line.trim().parse()? })
    }

    /// Where it listens.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Where it listens, as our client wants it.
    pub(crate) fn endpoint(&self) -> Result<Endpoint, Failed> {
        Ok(Endpoint::new(&format!("http://{}", self.address))?)
    }

    /// How many connections have carried a call so far.
    pub(crate) fn connections(&self) -> Result<u64, Failed> {
        let mut stream = TcpStream::connect(self.address)?;
        stream.write_all(b"GET / HTTP/1.1\r\nhost: mock\r\nconnection: close\r\n\r\n")?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        let (_, count) = answer.split_once("\r\n\r\n").ok_or("an answer without a body")?;
        Ok(count.trim().parse()?)
    }
}

impl Drop for Mock {
    fn drop(&mut self) {
        drop(self.stdin.take());
        let _ = self.process.wait();
    }
}

/// What the second process does: answers until its standard input is closed.
pub(crate) fn serve() -> Result<(), Failed> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let (closed, end) = tokio::sync::oneshot::channel();
    std::thread::spawn(move || {
        let _ = std::io::stdin().read(&mut [0; 1]);
        let _ = closed.send(());
    });
    runtime.block_on(async {
        tokio::select! {
            failed = accept() => failed,
            _ = end => Ok(()),
        }
    })
}

async fn accept() -> Result<(), Failed> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    println!("{}", listener.local_addr()?);
    let connections = Arc::new(AtomicU64::new(0));
    loop {
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        let (connections, counted) = (Arc::clone(&connections), Arc::new(AtomicBool::new(false)));
        let service =
            service_fn(move |request| answer(request, Arc::clone(&connections), Arc::clone(&counted)));
        // A connection that breaks off is the caller's affair.
        tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(stream), service));
    }
}

/// Answers a call, or a GET with the number of connections that have carried one.
async fn answer(
    request: Request<Incoming>,
    connections: Arc<AtomicU64>,
    counted: Arc<AtomicBool>,
) -> Result<Response<Full<Bytes>>, Infallible> {
    if request.method() == Method::GET {
        return Ok(Response::new(Full::from(connections.load(Ordering::Relaxed).to_string())));
    }
    if !counted.swap(true, Ordering::Relaxed) {
        connections.fetch_add(1, Ordering::Relaxed);
    }
    let signed = request.headers().contains_key(header::AUTHORIZATION);
    let body = request.into_body().collect().await.map(|body| body.to_bytes()).unwrap_or_default();
    let is_call = signed && body.starts_with(b"{\"LoadBalancerId\"");
    let mut response = Response::new(Full::from(Bytes::from_static(ANSWER)));
    if !is_call {
        *response.status_mut() = StatusCode::BAD_REQUEST;
    }
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    Ok(response)
}

/// The argument by which this program knows that it is the mock.
pub(crate) const ROLE: &str = "mock";

/// What `BatchModifyTargetWeight` answers with.
const ANSWER: &[u8] = br#"{"Response":{"RequestId":"3b4c5d6e-0000-4000-8000-000000000001"}}"#;
