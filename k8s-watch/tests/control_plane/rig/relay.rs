//! A TCP relay between one client and a server, which the test can cut or let go silent.

use std::net::{Ipv4Addr, SocketAddr};

use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// Forwards every connection until it is cut. Ends when dropped.
pub(crate) struct Relay {
    address: SocketAddr,
    state: watch::Sender<State>,
    task: JoinHandle<()>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// Connections are taken and forwarded; those that were open before break.
    Open,
    /// Connections break, and those that come end at once.
    Cut,
    /// Connections that were open stay so without a byte in either direction; those that come are forwarded.
    Silent,
}

impl Relay {
    /// A relay to `127.0.0.1:port`.
    pub(crate) async fn to(port: u16) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let state = watch::Sender::new(State::Open);
        let receiver = state.subscribe();
        let task = tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                tokio::spawn(forward(client, port, receiver.clone()));
            }
        });
        Self { address, state, task }
    }

    pub(crate) const fn port(&self) -> u16 {
        self.address.port()
    }

    /// Breaks all connections, and every further one.
    pub(crate) fn cut(&self) {
        self.state.send_replace(State::Cut);
    }

    /// Lets all connections fall silent for good, as a router does that has lost its table.
    pub(crate) fn silence(&self) {
        self.state.send_replace(State::Silent);
    }

    /// Ends [`Relay::cut`].
    pub(crate) fn mend(&self) {
        self.state.send_replace(State::Open);
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn forward(mut client: TcpStream, port: u16, mut state: watch::Receiver<State>) {
    if *state.borrow_and_update() == State::Cut {
        return;
    }
    let Ok(mut server) = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await else { return };
    let changed = tokio::select! {
        _ = tokio::io::copy_bidirectional(&mut client, &mut server) => return,
        changed = state.changed() => changed,
    };
    if changed.is_ok() && *state.borrow_and_update() == State::Silent {
        // Both sockets stay open until the next change.
        let _ = state.changed().await;
    }
}
