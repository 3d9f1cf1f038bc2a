//! What the kubelet runs: each Pod is a server on loopback, and the dial table says where.

use std::net::SocketAddr;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use clb_client::sim::data_plane::DialTable;
use k8s_watch::sim::{PodRuntime, PodStart, RunningPod};
use tokio::sync::watch;
use tokio::time::sleep;

use crate::server::Server;

/// Starts a server for each Pod.
pub(crate) struct Containers {
    dial: DialTable,
    dice: Mutex<fastrand::Rng>,
}

impl Containers {
    /// Containers that the data plane finds by `dial`.
    pub(crate) fn new(dial: DialTable, seed: u64) -> Self {
        Self { dial, dice: Mutex::new(fastrand::Rng::with_seed(seed)) }
    }
}

impl PodRuntime for Containers {
    type Running = Container;

    async fn start(&self, pod: &PodStart) -> Container {
        let server = Server::start().await.expect("loopback has free ports");
        let addresses: Vec<_> = pod.ports().into_iter().map(|port| SocketAddr::new(pod.ip, port)).collect();
        for address in &addresses {
            self.dial.insert(*address, server.address());
        }
        let dice = self.dice.lock().unwrap_or_else(PoisonError::into_inner).f64();
        let warm_up = Duration::from_millis(400) + Duration::from_millis(200).mul_f64(dice);
        let (sender, readiness) = watch::channel(false);
        tokio::spawn(async move {
            sleep(warm_up).await;
            sender.send_replace(true);
            // The kubelet takes a closed channel for a probe that never changes; it lives as long as the Pod.
            sender.closed().await;
        });
        Container { server, readiness, dial: self.dial.clone(), addresses }
    }
}

/// The container of one Pod.
pub(crate) struct Container {
    server: Server,
    readiness: watch::Receiver<bool>,
    dial: DialTable,
    /// Cluster addresses that lead here.
    addresses: Vec<SocketAddr>,
}

impl RunningPod for Container {
    fn readiness(&self) -> watch::Receiver<bool> {
        self.readiness.clone()
    }

    fn terminate(&self) {
        self.server.terminate();
    }

    fn kill(&self) {
        self.server.kill();
    }

    async fn exited(&self) -> i32 {
        self.server.exited().await;
        0
    }
}

impl Drop for Container {
    fn drop(&mut self) {
        self.server.kill();
        for address in &self.addresses {
            self.dial.remove(*address);
        }
    }
}
