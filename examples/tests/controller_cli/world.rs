//! A cluster and a CLB on loopback, and a controller between them.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use clb_client::credential::{SecretId, SecretKey, Token};
use clb_client::sim::{Account, Config, Latency, Listener, LoadBalancer, PoolId, Server, Simulator};
use k8s_watch::sim::{self, Cluster, ControllerTask, Kubelet, KubeletOptions, TimedRuntime};
use serde_json::{Value, json};

use crate::get::get;
use crate::program::{Program, until};

/// The secret key that must appear nowhere.
pub(crate) const KEY: &str = "canary-key-5f0d2c7b";
/// The token that must appear nowhere.
pub(crate) const TOKEN: &str = "canary-token-91aa3e60";
/// The token of the kubeconfig that must appear nowhere.
pub(crate) const BEARER: &str = "canary-bearer-c4d7710e";

const ID: &str = "AKIDCANARY000000000000000000000000";

/// `lb-1` with a TCP listener at 80, and a cluster with its controllers and a kubelet.
pub(crate) struct World {
    pub(crate) cluster: Cluster,
    pub(crate) clb: Server,
    api: sim::Server,
    _kubelet: Kubelet,
    _controllers: [ControllerTask; 2],
    folder: PathBuf,
}

impl World {
    pub(crate) async fn new() -> Self {
        let balancer = LoadBalancer::new("lb-1").with_listener(Listener::tcp("lbl-80", 80));
        let config = Config::default().with_task(Latency::millis(200));
        let simulator = Simulator::new(Account::new(config).with_load_balancer(balancer));
        let (id, key) = (SecretId::new(ID).unwrap(), SecretKey::new(KEY).unwrap());
        let _credential = simulator.accept(id, key, Some(Token::new(TOKEN).unwrap()));
        let cluster = Cluster::new();
        let lag = Duration::from_millis(5);
        let runtime = TimedRuntime::default()
            .starts_after(Duration::from_millis(20))
            .ready_after(Duration::from_millis(50))
            .stops_after(Some(Duration::from_millis(1_500)));
        let kubelet = cluster.run_kubelet(runtime, KubeletOptions::default());
        let controllers = [cluster.run_workloads(lag), cluster.run_endpoint_slices(lag)];
        let world = Self {
            clb: Server::start(simulator).await.unwrap(),
            api: cluster.serve().await.unwrap(),
            _kubelet: kubelet,
            _controllers: controllers,
            cluster,
            folder: folder(),
        };
        world.write("kubeconfig", &kubeconfig(&format!("http://{}", world.api.address())));
        world
    }

    /// Writes a file of its own; returns its path.
    pub(crate) fn write(&self, name: &str, text: &str) -> String {
        let path = self.folder.join(name);
        std::fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    }

    /// An environment in which the controller finds the cluster and its credential.
    pub(crate) fn environment(&self) -> Vec<(&'static str, String)> {
        vec![
            ("KUBECONFIG", self.folder.join("kubeconfig").to_str().unwrap().to_owned()),
            ("TENCENTCLOUD_SECRET_ID", ID.to_owned()),
            ("TENCENTCLOUD_SECRET_KEY", KEY.to_owned()),
            ("TENCENTCLOUD_TOKEN", TOKEN.to_owned()),
            ("TENCENTCLOUD_REGION", "ap-guangzhou".to_owned()),
            ("GRACE_CLB_ENDPOINT", format!("http://{}", self.clb.address())),
        ]
    }

    /// Starts a controller with these flags, and `changes` to the environment.
    pub(crate) fn start(&self, flags: &[&str], changes: &[(&'static str, &str)]) -> Program {
        let mut environment = self.environment();
        environment.retain(|(name, _)| changes.iter().all(|(changed, _)| changed != name));
        environment.extend(changes.iter().map(|(name, value)| (*name, (*value).to_owned())));
        let environment: Vec<_> = environment.iter().map(|(name, value)| (*name, value.as_str())).collect();
        Program::start(flags, &environment)
    }

    /// A Deployment `web` and its Service on `lb-1`, with direct access and graceful shutdown.
    pub(crate) fn web(&self, replicas: u32) {
        let service = json!({
            "apiVersion": "v1", "kind": "Service",
            "metadata": {"name": "web", "annotations": {
                "service.cloud.tencent.com/direct-access": "true",
                "service.cloud.tencent.com/enable-grace-shutdown": "true",
                "service.kubernetes.io/loadbalance-id": "lb-1",
            }},
            "spec": {"selector": {"app": "web"}, "ports": [{"port": 80, "targetPort": 8080}]},
        });
        let deployment = json!({
            "apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web"},
            "spec": {"replicas": replicas, "selector": {"matchLabels": {"app": "web"}}, "template": {
                "metadata": {"labels": {"app": "web"}},
                "spec": {"containers": [{"name": "web", "image": "web:1", "ports": [{"containerPort": 8080}]}]},
            }},
        });
        self.cluster.create(&service).unwrap();
        self.cluster.create(&deployment).unwrap();
    }

    /// Begins a rolling update of `web`.
    pub(crate) fn roll(&self) {
        let image = json!({"spec": {"template": {"spec": {"containers": [{"name": "web", "image": "web:2", "ports": [{"containerPort": 8080}]}]}}}});
        self.cluster.patch("deployments", "default", "web", &image).unwrap();
    }

    /// Addresses of the Pods that serve, in order.
    pub(crate) fn pods(&self) -> Vec<SocketAddr> {
        let serves = |pod: &&Value| pod["metadata"].get("deletionTimestamp").is_none();
        let pods = self.cluster.objects("pods", "default");
        let address =
            |pod: &Value| Some(SocketAddr::new(pod["status"]["podIP"].as_str()?.parse().ok()?, 8080));
        let mut addresses: Vec<_> = pods.iter().filter(serves).filter_map(address).collect();
        addresses.sort();
        addresses
    }

    /// Name of the Pod that comes first.
    pub(crate) fn first_pod(&self) -> String {
        self.cluster.objects("pods", "default")[0]["metadata"]["name"].as_str().unwrap().to_owned()
    }

    /// Targets of the listener, in order.
    pub(crate) fn targets(&self) -> Vec<(SocketAddr, u8)> {
        let pool = PoolId::listener("lb-1", "lbl-80");
        let mut targets = self.clb.simulator().with(|account| account.targets(&pool)).unwrap();
        targets.sort();
        targets
    }

    /// Binds a target, or changes its weight, as somebody else would.
    pub(crate) fn plant(&self, address: SocketAddr, weight: u8) {
        let pool = PoolId::listener("lb-1", "lbl-80");
        assert!(self.clb.simulator().with(|account| account.plant(&pool, address, weight)));
    }

    /// Calls so far that write, by action.
    pub(crate) fn writes(&self) -> Vec<String> {
        let calls = self.clb.simulator().with(|account| account.calls().to_vec());
        calls
            .iter()
            .map(|call| format!("{:?}", call.action))
            .filter(|action| !action.starts_with("Describe"))
            .collect()
    }

    /// Waits until the targets are the `count` Pods that serve, each with weight 10.
    pub(crate) async fn settled(&self, count: usize, program: &Program) {
        let settled = || {
            let wanted: Vec<_> = self.pods().into_iter().map(|address| (address, 10)).collect();
            (wanted.len() == count && self.targets() == wanted).then_some(())
        };
        let explain = || format!("Pods {:?}\ntargets {:?}\n{}", self.pods(), self.targets(), program.log());
        until("targets are not the Pods", settled, explain).await;
    }
}

impl Drop for World {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

/// Waits until `GET path` answers `status`; returns the body.
pub(crate) async fn answers(address: &str, path: &str, status: u16, program: &Program) -> String {
    for _ in 0..3_000 {
        let (found, body) = get(address, path).await;
        if found == status {
            return body;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("{path} never answered {status}: {:?}\n{}", get(address, path).await, program.log());
}

/// A kubeconfig whose token must appear nowhere.
pub(crate) fn kubeconfig(server: &str) -> String {
    json!({
        "apiVersion": "v1", "kind": "Config", "current-context": "test",
        "clusters": [{"name": "test", "cluster": {"server": server}}],
        "users": [{"name": "test", "user": {"token": BEARER}}],
        "contexts": [{"name": "test", "context": {"cluster": "test", "user": "test"}}],
    })
    .to_string()
}

fn folder() -> PathBuf {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let number = COUNT.fetch_add(1, Ordering::Relaxed);
    let folder = std::env::temp_dir().join(format!("grace-controller-cli-{}-{number}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    folder
}
