//! What runs in a Pod: a server that handles SIGTERM as the TKE page on graceful shutdown asks. It stops accepting,
//! finishes what it has, says goodbye to the meetings, and exits when its connections are gone.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;

/// Where a server is between its start and its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Stage {
    /// Accepts connections.
    Serving,
    /// SIGTERM was received.
    Stopping,
    /// SIGKILL was received: connections are reset.
    Killed,
}

/// One container of one Pod.
#[derive(Clone, Debug)]
pub(crate) struct Server {
    address: SocketAddr,
    stage: Arc<watch::Sender<Stage>>,
    exited: watch::Receiver<bool>,
}

impl Server {
    /// Starts to listen on loopback.
    pub(crate) async fn start() -> std::io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let (stage, observed) = watch::channel(Stage::Serving);
        let (exit, exited) = watch::channel(false);
        tokio::spawn(async move {
            serve(listener, observed).await;
            exit.send_replace(true);
        });
        Ok(Self { address, stage: Arc::new(stage), exited })
    }

    /// The socket behind the Pod's cluster address.
    pub(crate) const fn address(&self) -> SocketAddr {
        self.address
    }

    /// SIGTERM.
    pub(crate) fn terminate(&self) {
        self.stage.send_if_modified(|stage| {
            let first = *stage == Stage::Serving;
            if first {
                *stage = Stage::Stopping;
            }
            first
        });
    }

    /// SIGKILL.
    pub(crate) fn kill(&self) {
        self.stage.send_replace(Stage::Killed);
    }

    /// Returns when the process has ended.
    pub(crate) async fn exited(&self) {
        // An error means that the task is gone, which is an end as well.
        let _ = self.exited.clone().wait_for(|exited| *exited).await;
    }
}

async fn serve(listener: TcpListener, stage: watch::Receiver<Stage>) {
    let mut open = JoinSet::new();
    let stopping = reached(Stage::Stopping, stage.clone());
    tokio::pin!(stopping);
    loop {
        tokio::select! {
            accepted = listener.accept() => if let Ok((stream, _)) = accepted {
                open.spawn(converse(stream, stage.clone()));
            },
            () = &mut stopping => break,
            Some(_) = open.join_next() => {}
        }
    }
    drop(listener);
    // A kill ends each conversation from within.
    while open.join_next().await.is_some() {}
}

/// Waits until this stage, or a later one.
async fn reached(wanted: Stage, mut stage: watch::Receiver<Stage>) {
    // An error means that nobody holds the server any more, which ends it as well.
    drop(stage.wait_for(|stage| *stage >= wanted).await);
}

/// One connection. `short` and `slow MILLISECONDS` are answered once, `join` begins a meeting: each line is echoed until
/// one side leaves.
async fn converse(stream: TcpStream, stage: watch::Receiver<Stage>) {
    let mut stream = BufReader::new(stream);
    tokio::select! {
        biased;
        () = reached(Stage::Killed, stage.clone()) => {}
        _ = answer(&mut stream, stage.clone()) => return,
    }
    // Without lingering the kernel sends RST, as it does for a process that was killed with unread data.
    let _ = stream.get_ref().set_zero_linger();
}

async fn answer(stream: &mut BufReader<TcpStream>, stage: watch::Receiver<Stage>) -> std::io::Result<()> {
    let mut line = String::new();
    if stream.read_line(&mut line).await? == 0 {
        return Ok(());
    }
    match line.trim_end().split_once(' ') {
        Some(("slow", milliseconds)) => {
            tokio::time::sleep(Duration::from_millis(milliseconds.parse().unwrap_or(0))).await;
            stream.get_mut().write_all(b"done\n").await
        }
        _ if line == "join\n" => loop {
            line.clear();
            tokio::select! {
                read = stream.read_line(&mut line) => {
                    if read? == 0 {
                        return Ok(());
                    }
                    stream.get_mut().write_all(line.as_bytes()).await?;
                }
                () = reached(Stage::Stopping, stage.clone()) => {
                    stream.get_mut().write_all(b"goodbye\n").await?;
                    // The owner of the meeting leaves; what it still sends until then is read and dropped.
                    while stream.read_line(&mut line).await? > 0 { line.clear(); }
                    return Ok(());
                }
            }
        },
        _ => stream.get_mut().write_all(b"done\n").await,
    }
}
