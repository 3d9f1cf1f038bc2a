//! A TCP relay between one client and a server, which the test can cut.

use std::net::{Ipv4Addr, SocketAddr};

use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// Forwards every connection until it is cut. Ends when dropped.
pub(crate) struct Relay {
    address: SocketAddr,
    /// Whether connections are taken. Every connection that is open when this is set breaks.
    open: watch::Sender<bool>,
    task: JoinHandle<()>,
}

impl Relay {
    /// A relay to `127.0.0.1:port`.
    pub(crate) async fn to(port: u16) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let open = watch::Sender::new(true);
        let receiver = open.subscribe();
        let task = tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                tokio::spawn(forward(client, port, receiver.clone()));
            }
        });
        Self { address, open, task }
    }

    pub(crate) const fn port(&self) -> u16 {
        self.address.port()
    }

    /// Breaks all connections, and every further one.
    pub(crate) fn cut(&self) {
        self.open.send_replace(false);
    }

    /// Ends [`Relay::cut`].
    pub(crate) fn mend(&self) {
        self.open.send_replace(true);
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn forward(mut client: TcpStream, port: u16, mut open: watch::Receiver<bool>) {
    if !*open.borrow_and_update() {
        return;
    }
    let Ok(mut server) = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await else { return };
    tokio::select! {
        _ = tokio::io::copy_bidirectional(&mut client, &mut server) => {}
        _ = open.changed() => {}
    }
}
