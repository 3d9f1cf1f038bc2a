//! The example server on SIGTERM: it stops accepting, finishes what it has, and exits when its connections are gone.
#![forbid(unsafe_code)]
#![expect(clippy::unwrap_used, reason = "what is unwrapped is what the test is about")]

#[path = "controller_cli/program.rs"]
#[expect(dead_code, reason = "other tests need more of it")]
mod program;

use std::time::Duration;

use program::Program;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;

#[tokio::test(flavor = "multi_thread")]
async fn what_is_under_way_is_answered_and_nothing_more_is_accepted() {
    let server = Program::run("graceful_server", &["--listen", "127.0.0.1:0"], &[]);
    let address = address(&server).await;
    let mut busy = TcpStream::connect(&address).await.unwrap();
    let mut idle = TcpStream::connect(&address).await.unwrap();
    assert!(answered(&mut idle, 0).await.contains("connection: keep-alive"));
    busy.write_all(b"GET /?ms=700 HTTP/1.1\r\nhost: a\r\n\r\n").await.unwrap();
    // The request has arrived once a second one on another connection was answered.
    answered(&mut idle, 0).await;

    let ending = tokio::spawn(server.terminate());
    let mut answer = String::new();
    busy.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 200") && answer.contains("connection: close"), "{answer}");
    let mut rest = Vec::new();
    assert_eq!(idle.read_to_end(&mut rest).await.unwrap(), 0, "an idle connection ends without an answer");
    let ended = ending.await.unwrap();
    assert_eq!(ended.status.code(), Some(0));
    assert!(ended.stdout.last().unwrap().contains("all connections ended"), "{:?}", ended.stdout);
    assert!(TcpStream::connect(&address).await.is_err());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_does_not_end_is_cut_at_the_limit() {
    let server = Program::run("graceful_server", &["--listen", "127.0.0.1:0", "--limit", "1"], &[]);
    let mut stuck = TcpStream::connect(address(&server).await).await.unwrap();
    answered(&mut stuck, 0).await;
    stuck.write_all(b"GET /?ms=600000 HTTP/1.1\r\nhost: a\r\n\r\n").await.unwrap();
    let mut other = TcpStream::connect(address(&server).await).await.unwrap();
    answered(&mut other, 0).await;
    let ended = server.terminate().await;
    assert_eq!(ended.status.code(), Some(0));
    assert!(ended.took < Duration::from_secs(5), "{:?}", ended.took);
    assert!(ended.stdout.last().unwrap().contains("1 connections cut"), "{:?}", ended.stdout);
}

async fn address(server: &Program) -> String {
    server.printed(&["listening on"]).await.rsplit(' ').next().unwrap().to_owned()
}

/// Head of the answer to a request that takes `ms`.
async fn answered(stream: &mut TcpStream, ms: u64) -> String {
    let request = format!("GET /?ms={ms} HTTP/1.1\r\nhost: a\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut reader = BufReader::new(stream);
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        assert_ne!(reader.read_line(&mut head).await.unwrap(), 0, "{head}");
    }
    let mut body = [0; 3];
    reader.read_exact(&mut body).await.unwrap();
    head
}
