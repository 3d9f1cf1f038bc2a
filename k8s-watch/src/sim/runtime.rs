//! What a Pod's containers are made of: the kubelet's side of the contract with whoever runs them.

use std::net::IpAddr;

use serde_json::Value;
use tokio::sync::watch;

use super::object;

/// Starts the containers of Pods. Tests use [`TimedRuntime`](super::TimedRuntime); one that answers over TCP looks like this:
///
/// ```
/// use k8s_watch::sim::{PodRuntime, PodStart, RunningPod};
/// use tokio::{net::TcpListener, sync::watch, task::AbortHandle};
///
/// struct Servers;
///
/// impl PodRuntime for Servers {
///     type Running = Server;
///     async fn start(&self, pod: &PodStart) -> Server {
///         let listener = TcpListener::bind("127.0.0.1:0").await.expect("loopback has a free port");
///         println!("{} is {:?} of {}", listener.local_addr().expect("bound"), pod.ports(), pod.ip);
///         let (ended, end) = watch::channel(None);
///         let accept = tokio::spawn(async move { while listener.accept().await.is_ok() {} });
///         Server { ready: watch::Sender::new(true), accept: accept.abort_handle(), ended, end }
///     }
/// }
///
/// struct Server { ready: watch::Sender<bool>, accept: AbortHandle, ended: watch::Sender<Option<i32>>, end: watch::Receiver<Option<i32>> }
///
/// impl RunningPod for Server {
///     fn readiness(&self) -> watch::Receiver<bool> { self.ready.subscribe() }
///     fn terminate(&self) { self.accept.abort(); self.ended.send_replace(Some(0)); }
///     fn kill(&self) { self.accept.abort(); self.ended.send_replace(Some(137)); }
///     async fn exited(&self) -> i32 {
///         let mut end = self.end.clone();
///         let code = end.wait_for(Option::is_some).await.expect("the sender lives in self");
///         code.unwrap_or_default()
///     }
/// }
///
/// impl Drop for Server {
///     fn drop(&mut self) { self.accept.abort(); }
/// }
/// ```
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
