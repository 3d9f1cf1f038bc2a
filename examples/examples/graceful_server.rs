// cargo run --release -p grace-examples --example graceful_server -- --listen 127.0.0.1:8080
//! A server that ends as a Pod behind a load balancer should: on SIGTERM it stops accepting, finishes what it has, and exits
//! when its connections are gone.
//!
//! `GET /?ms=500` answers after that many milliseconds. While it ends, every answer says `connection: close`, so that
//! clients that keep connections open leave too. What is still open at `--limit` is cut, before the kubelet would kill
//! the process without a word: set `terminationGracePeriodSeconds` to more than that and the preStop hook together.

use std::{error::Error, net::SocketAddr, time::Duration};

use clap::Parser;
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader},
    net::{TcpListener, TcpStream},
    signal::unix::{SignalKind, signal},
    sync::watch,
    task::JoinSet,
    time::{sleep, timeout},
};

#[derive(Parser)]
struct Flags {
    /// Where it listens.
    #[arg(long, default_value = "127.0.0.1:8080")]
    listen: SocketAddr,
    /// How long open connections may take to end, in seconds.
    #[arg(long, default_value_t = 30)]
    limit: u64,
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let flags = Flags::parse();
    let listener = TcpListener::bind(flags.listen).await?;
    println!("listening on {}", listener.local_addr()?);
    let mut terminate = signal(SignalKind::terminate())?;
    let (end, ending) = watch::channel(false);
    let mut open = JoinSet::new();
    loop {
        tokio::select! {
            connection = listener.accept() => match connection {
                Ok((stream, _)) => { open.spawn(serve(stream, ending.clone())); }
                // Out of files, for example: what is open goes on, and ends.
                Err(why) => { eprintln!("accept: {why}"); sleep(Duration::from_millis(100)).await; }
            },
            Some(_) = open.join_next() => {}
            _ = terminate.recv() => break,
        }
    }
    // Closes the socket: whoever connects now is told so at once, and the load balancer has weight 0 here by now.
    drop(listener);
    end.send_replace(true);
    println!("SIGTERM: {} connections open", open.len());
    let gone = async { while open.join_next().await.is_some() {} };
    match timeout(Duration::from_secs(flags.limit), gone).await {
        Ok(()) => println!("all connections ended"),
        Err(_) => println!("{} connections cut after {} s", open.len(), flags.limit),
    }
    Ok(())
}

/// Answers the requests of one connection, one after the other.
async fn serve(mut stream: TcpStream, mut ending: watch::Receiver<bool>) -> std::io::Result<()> {
    let (reader, mut writer) = stream.split();
    let mut lines = BufReader::new(reader).lines();
    loop {
        // A connection that waits for its next request has nothing to finish.
        let request = tokio::select! {
            line = lines.next_line() => line?,
            _ = ending.wait_for(|ending| *ending) => None,
        };
        let Some(request) = request else { return Ok(()) };
        while lines.next_line().await?.is_some_and(|header| !header.is_empty()) {}
        let pause = request.split("ms=").nth(1).and_then(|rest| rest.split([' ', '&']).next()?.parse().ok());
        sleep(Duration::from_millis(pause.unwrap_or(0))).await;
        let close = *ending.borrow();
        let connection = if close { "close" } else { "keep-alive" };
        let head = format!("HTTP/1.1 200 OK\r\ncontent-length: 3\r\nconnection: {connection}\r\n\r\nok\n");
        writer.write_all(head.as_bytes()).await?;
        if close {
            return Ok(());
        }
    }
}
