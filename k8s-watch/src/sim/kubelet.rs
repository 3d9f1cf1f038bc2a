//! The kubelet of every Node: takes Pods, gives addresses, runs them through a [`PodRuntime`].

use std::{
    collections::HashMap,
    net::{IpAddr, Ipv4Addr},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use serde_json::{Value, json};
use tokio::{
    sync::{mpsc, watch},
    task::JoinSet,
};

use super::{
    addresses::Addresses,
    cluster::Cluster,
    follow::{ControllerTask, Follower},
    kind::{NODES, PODS},
    object,
    pod_status::Place,
    pod_worker::{Demand, PodWorker},
    runtime::PodRuntime,
    state::Shared,
    store::Change,
};

/// How the kubelet runs Pods.
#[derive(Clone, Debug)]
#[must_use]
pub struct KubeletOptions {
    node: String,
    host: Ipv4Addr,
    reuse_addresses: bool,
    lag: Duration,
}

impl Default for KubeletOptions {
    /// Node `node-1` at 192.0.2.1, addresses are not reused, 5 ms to notice a change.
    fn default() -> Self {
        Self {
            node: "node-1".to_owned(),
            host: Ipv4Addr::new(192, 0, 2, 1),
            reuse_addresses: false,
            lag: Duration::from_millis(5),
        }
    }
}

impl KubeletOptions {
    /// The Node for Pods that have none.
    pub fn node(mut self, name: &str) -> Self {
        self.node = name.to_owned();
        self
    }

    /// Whether a Pod's address goes to the next Pod as soon as it is free.
    pub const fn reuse_addresses(mut self, reuse: bool) -> Self {
        self.reuse_addresses = reuse;
        self
    }

    /// How long it takes to notice a change, and from the last exit to the final deletion.
    pub const fn lag(mut self, lag: Duration) -> Self {
        self.lag = lag;
        self
    }
}

/// The kubelet at work. Dropping it is a Node that is lost: its containers end, the Pods stay as they are.
#[derive(Debug)]
#[must_use = "dropping it loses the Node"]
pub struct Kubelet {
    demands: Arc<Mutex<Demands>>,
    _task: ControllerTask,
}

/// By (namespace, name), with the uid of the Pod.
type Demands = HashMap<(String, String), (String, mpsc::UnboundedSender<Demand>)>;

impl Cluster {
    /// Runs every Pod of the cluster: binds those without a Node, and plays the kubelet of all Nodes.
    ///
    /// # Panics
    /// Outside a tokio runtime.
    pub fn run_kubelet<R: PodRuntime>(&self, runtime: R, options: KubeletOptions) -> Kubelet {
        let shared = self.shared.clone();
        let node = json!({
            "metadata": {"name": options.node},
            "status": {
                "addresses": [{"type": "InternalIP", "address": options.host}],
                "conditions": [{"type": "Ready", "status": "True", "reason": "KubeletReady"}],
            },
        });
        // Refused when it is there already, which is as good.
        let _there = shared.write(|s| s.create(&NODES, "", node));
        let demands = Arc::new(Mutex::new(Demands::new()));
        let mut follower = Follower::new(&shared, &[&PODS], options.lag);
        let mut pods = Pods {
            shared,
            runtime: Arc::new(runtime),
            addresses: Addresses::new(options.reuse_addresses),
            options,
            known: HashMap::new(),
            workers: JoinSet::new(),
            demands: demands.clone(),
        };
        let task = ControllerTask::spawn(async move {
            loop {
                tokio::select! {
                    biased;
                    changes = follower.next() => for (_, change) in changes {
                        pods.see(&change);
                    },
                    Some(done) = pods.workers.join_next() => pods.done(done.ok()),
                }
            }
        });
        Kubelet { demands, _task: task }
    }
}

impl Kubelet {
    /// Restarts the containers of a Pod in place: not ready at once, started again after `down`. `false` when no such Pod
    /// runs.
    #[expect(clippy::must_use_candidate, reason = "a test may know that the Pod runs")]
    pub fn restart(&self, namespace: &str, name: &str, down: Duration) -> bool {
        self.demand(namespace, name, Demand::Restart { down })
    }

    /// Replaces the word of the readiness probe; `None` goes back to it. `false` when no such Pod runs.
    #[expect(clippy::must_use_candidate, reason = "a test may know that the Pod runs")]
    pub fn set_ready(&self, namespace: &str, name: &str, ready: Option<bool>) -> bool {
        self.demand(namespace, name, Demand::Probe(ready))
    }

    /// Ends a Pod as under node pressure: phase `Failed`, reason `Evicted`, no deletion timestamp. `false` when no such Pod
    /// runs.
    #[expect(clippy::must_use_candidate, reason = "a test may know that the Pod runs")]
    pub fn evict(&self, namespace: &str, name: &str) -> bool {
        self.demand(namespace, name, Demand::Evict)
    }

    fn demand(&self, namespace: &str, name: &str, demand: Demand) -> bool {
        let demands = self.demands.lock().unwrap_or_else(PoisonError::into_inner);
        let pod = demands.get(&(namespace.to_owned(), name.to_owned()));
        pod.is_some_and(|(_, sender)| sender.send(demand).is_ok())
    }
}

/// The Pods that run here.
struct Pods<R: PodRuntime> {
    shared: Arc<Shared>,
    runtime: Arc<R>,
    addresses: Addresses,
    options: KubeletOptions,
    /// By uid: where the newest object goes.
    known: HashMap<String, watch::Sender<Arc<Value>>>,
    /// Each returns uid and address when it ends.
    workers: JoinSet<(String, Ipv4Addr)>,
    demands: Arc<Mutex<Demands>>,
}

impl<R: PodRuntime> Pods<R> {
    fn see(&mut self, change: &Change) {
        let pod = &change.object;
        let uid = object::uid(pod);
        if change.gone {
            self.known.remove(uid);
        } else if let Some(newest) = self.known.get(uid) {
            newest.send_replace(pod.clone());
        } else if !object::over(pod) && pod["spec"].is_object() {
            // A terminating one too: somebody has to delete it for good.
            self.begin(pod);
        }
    }

    fn begin(&mut self, pod: &Arc<Value>) {
        let key = (object::namespace(pod).to_owned(), object::name(pod).to_owned());
        let uid = object::uid(pod).to_owned();
        if object::text(pod, "/spec/nodeName").is_empty() {
            // Refused when somebody else was faster, which is as good.
            let _bound = self.shared.write(|s| s.bind(&key.0, &key.1, &self.options.node));
        }
        let address = self.addresses.take();
        let host = IpAddr::from(self.options.host);
        let on_the_host = pod.pointer("/spec/hostNetwork") == Some(&Value::Bool(true));
        let ip = if on_the_host { host } else { address.into() };
        let (newest, receiver) = watch::channel(pod.clone());
        let (sender, demands) = mpsc::unbounded_channel();
        let worker = PodWorker {
            shared: self.shared.clone(),
            runtime: self.runtime.clone(),
            place: Place { host, ip },
            pod: receiver,
            demands,
            lag: self.options.lag,
        };
        self.known.insert(uid.clone(), newest);
        let mut all = self.demands.lock().unwrap_or_else(PoisonError::into_inner);
        all.insert(key, (uid.clone(), sender));
        self.workers.spawn(async move {
            worker.run().await;
            (uid, address)
        });
    }

    /// A worker has ended. One that panicked keeps its address: its containers may still use it.
    fn done(&mut self, ended: Option<(String, Ipv4Addr)>) {
        let Some((uid, address)) = ended else { return };
        self.addresses.give_back(address);
        let mut all = self.demands.lock().unwrap_or_else(PoisonError::into_inner);
        all.retain(|_, (owner, _)| *owner != uid);
    }
}
