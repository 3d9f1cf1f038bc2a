//! The API over HTTP on loopback, for clients that take a kubeconfig.

use std::{io, net::SocketAddr, sync::Arc};

use axum::serve::ListenerExt;
use tokio::{net::TcpListener, task::JoinHandle};

use super::{router::router, state::Shared};

/// A cluster served over HTTP. Dropping it closes the listener.
#[derive(Debug)]
#[must_use = "dropping it closes the listener"]
pub struct Server {
    address: SocketAddr,
    task: JoinHandle<()>,
}

impl Server {
    pub(crate) async fn start(shared: Arc<Shared>) -> io::Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let address = listener.local_addr()?;
        // Without it, the kernel delays small events on open watches by up to 40 ms.
        let listener = listener.tap_io(|stream| {
            if let Err(why) = stream.set_nodelay(true) {
                tracing::debug!(%why, "TCP_NODELAY not set");
            }
        });
        let task = tokio::spawn(async move {
            // It ends only with the task: axum retries failed accepts itself.
            let _ended = axum::serve(listener, router(shared)).await;
        });
        Ok(Self { address, task })
    }

    /// Where it listens.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// A kubeconfig that points here.
    #[must_use]
    pub fn kubeconfig(&self) -> String {
        format!(
            "apiVersion: v1\nkind: Config\ncurrent-context: sim\n\
             clusters: [{{name: sim, cluster: {{server: \"http://{}\"}}}}]\n\
             contexts: [{{name: sim, context: {{cluster: sim, user: sim, namespace: default}}}}]\n\
             users: [{{name: sim, user: {{}}}}]\n",
            self.address
        )
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}
