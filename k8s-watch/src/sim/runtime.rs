//! What a Pod's containers are made of: the kubelet's side of the contract with whoever runs them.

use std::net::IpAddr;

use serde_json::Value;
use tokio::sync::watch;

use super::object;

/// Starts the containers of Pods. The example starts TCP servers, tests use [`TimedRuntime`](super::TimedRuntime).
pub trait PodRuntime: Send + Sync + 'static {
    /// The containers of one Pod while they run. Dropping it must end them.
    type Running: RunningPod;

    /// Starts all containers; the Pod counts as running when this returns. Dropped when the Pod is deleted meanwhile.
    fn start(&self, pod: &PodStart) -> impl Future<Output = Self::Running> + Send;
}

/// The containers of one Pod.
pub trait RunningPod: Send + Sync + 'static {
    /// Result of the readiness probes, which may change at any time. The sender must live as long as the Pod.
    fn readiness(&self) -> watch::Receiver<bool>;

    /// Runs the preStop hooks, save `sleep`, for which the kubelet itself waits. Dropped when the grace is over.
    fn pre_stop(&self) -> impl Future<Output = ()> + Send {
        std::future::ready(())
    }

    /// SIGTERM. Must return at once.
    fn terminate(&self);

    /// SIGKILL. Must return at once, and [`RunningPod::exited`] must follow soon.
    fn kill(&self);

    /// Waits until every container has exited; the exit code of the first that failed, or 0. Called again and again, and
    /// dropped before it is done.
    fn exited(&self) -> impl Future<Output = i32> + Send;
}

/// What is to be started.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct PodStart {
    /// Namespace of the Pod.
    pub namespace: String,
    /// Name of the Pod.
    pub name: String,
    /// UID of the Pod.
    pub uid: String,
    /// The address that the kubelet gave it.
    pub ip: IpAddr,
    /// The Pod as it is in the API.
    pub object: Value,
    /// 0 at first, then the number of restarts in place.
    pub restarts: u32,
}

impl PodStart {
    /// The container ports that the Pod declares.
    #[must_use]
    pub fn ports(&self) -> Vec<u16> {
        let containers = object::list(&self.object, "/spec/containers").iter();
        let ports = containers.flat_map(|c| object::list(c, "/ports"));
        ports.filter_map(|p| u16::try_from(object::number(p, "/containerPort")?).ok()).collect()
    }
}
