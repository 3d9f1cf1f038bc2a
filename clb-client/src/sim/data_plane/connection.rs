//! One connection from a client to its target.

use std::{
    io,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    task::{Context, Poll},
    time::Duration,
};

use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf, copy_bidirectional},
    net::TcpStream,
    sync::watch,
    time::sleep,
};

use super::{
    counters::End,
    dial_table::DialTable,
    pools::{Fate, Picked},
};

/// Forwards until both sides are done, one of them resets, or the target's fate ends it.
pub(super) async fn forward(client: TcpStream, picked: Picked, dial: DialTable) {
    let Picked { address, tally, mut fate } = picked;
    let activity = Activity::default();
    let target = tokio::select! {
        target = reach(dial, address) => target,
        () = end(&mut fate, &activity) => {
            reset(&client);
            return tally.end(End::Cut);
        }
    };
    let Ok(target) = target else {
        reset(&client);
        return tally.end(End::Unreachable);
    };
    for side in [&client, &target] {
        // Without it small answers wait for the other side's delayed acknowledgement. The connection works either way.
        let _ = side.set_nodelay(true);
    }
    let mut client = Watched { stream: client, activity: activity.clone() };
    let mut target = Watched { stream: target, activity: activity.clone() };
    let how = tokio::select! {
        copied = copy_bidirectional(&mut client, &mut target) => {
            if copied.is_ok() { End::Closed } else { End::Reset }
        }
        () = end(&mut fate, &activity) => End::Cut,
    };
    if how != End::Closed {
        reset(&client.stream);
        reset(&target.stream);
    }
    // Closed before it is counted, so that whoever reads the counters finds the sockets gone.
    drop((client, target));
    tally.end(how);
}

/// Gives up a connection without a target.
pub(super) fn reject(client: TcpStream) {
    reset(&client);
    drop(client);
}

pub(super) async fn reach(dial: DialTable, address: std::net::SocketAddr) -> io::Result<TcpStream> {
    match dial.get(address) {
        Some(socket) => TcpStream::connect(socket).await,
        None => Err(io::ErrorKind::HostUnreachable.into()),
    }
}

/// Makes the next close of the socket a reset.
fn reset(stream: &TcpStream) {
    if let Err(why) = stream.set_zero_linger() {
        tracing::debug!(%why, "the connection is closed instead of reset");
    }
}

/// Ready when the connection has to end.
pub(super) async fn end(fate: &mut watch::Receiver<Fate>, activity: &Activity) {
    loop {
        let now = *fate.borrow_and_update();
        match now {
            Fate::Cut => return,
            Fate::Forward => {
                if fate.changed().await.is_err() {
                    // Nobody can cut it any more: the data plane is gone, and connections live on until they end.
                    return std::future::pending().await;
                }
            }
            Fate::EndWhenIdle(idle) => return activity.silence(idle).await,
        }
    }
}

/// Bytes seen on a connection.
#[derive(Clone, Debug, Default)]
pub(super) struct Activity(Arc<AtomicU64>);

impl Activity {
    /// Ready when nothing was sent for `idle`, give or take one more `idle`.
    async fn silence(&self, idle: Duration) {
        loop {
            let before = self.0.load(Relaxed);
            sleep(idle).await;
            if self.0.load(Relaxed) == before {
                return;
            }
        }
    }
}

/// A stream that notes its activity.
pub(super) struct Watched {
    pub(super) stream: TcpStream,
    pub(super) activity: Activity,
}

impl AsyncRead for Watched {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let polled = Pin::new(&mut self.stream).poll_read(context, buffer);
        let read = buffer.filled().len() - before;
        if read > 0 {
            self.activity.0.fetch_add(read as u64, Relaxed);
        }
        polled
    }
}

impl AsyncWrite for Watched {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
