//! etcd, kube-apiserver and kube-controller-manager on loopback.

use std::ffi::OsString;
use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use http::Method;
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Client, Config};
use serde_json::{Value, json};
use tokio::sync::OnceCell;
use tokio::time::Instant;

use super::process::Process;
use super::{Requests, assets, audit, certificates};

/// A control plane with its own data. Dropping it stops its processes and removes its folder.
pub(crate) struct Server {
    assets: PathBuf,
    folder: PathBuf,
    ports: Ports,
    setup: Setup,
    // The order of the fields is the order in which they are dropped: clients of a server before the server.
    controllers: Option<Process>,
    api: Option<Process>,
    etcd: Option<Process>,
}

/// How a control plane differs from the shared one.
#[derive(Clone, Debug, Default)]
pub(crate) struct Setup {
    /// Further flags of kube-apiserver.
    pub(crate) flags: Vec<String>,
}

impl Setup {
    /// Pods and EndpointSlices are read from etcd, so that a compaction can make a version too old.
    pub(crate) fn uncached() -> Self {
        Self { flags: vec!["--watch-cache-sizes=pods#0,endpointslices.discovery.k8s.io#0".to_owned()] }
    }
}

#[derive(Clone, Copy)]
struct Ports {
    etcd: u16,
    peer: u16,
    api: u16,
}

impl Server {
    /// The control plane of this binary, started by the first test that asks. `None` if there are no binaries.
    pub(crate) async fn shared() -> Option<&'static Self> {
        static SHARED: OnceCell<Option<Server>> = OnceCell::const_new();
        SHARED.get_or_init(|| Self::start(Setup::default())).await.as_ref()
    }

    /// A control plane for one test. `None` if there are no binaries.
    pub(crate) async fn start(setup: Setup) -> Option<Self> {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let assets = assets::folder()?;
        for _ in 0..STARTS {
            let number = COUNT.fetch_add(1, Ordering::Relaxed);
            let folder =
                std::env::temp_dir().join(format!("grace-control-plane-{}-{number}", std::process::id()));
            std::fs::create_dir_all(&folder).unwrap();
            let ports = Ports::free();
            let (assets, setup) = (assets.clone(), setup.clone());
            let mut server = Self { assets, folder, ports, setup, controllers: None, api: None, etcd: None };
            server.write_files();
            server.start_etcd();
            server.start_api();
            // Somebody else may have taken a port between its choice and its use; then a process ends at once.
            match server.ready().await {
                Ok(()) => {
                    server.start_controllers();
                    return Some(server);
                }
                Err(why) => eprintln!("{why}"),
            }
        }
        panic!("the control plane did not start {STARTS} times in a row");
    }

    /// Base URL of the API server.
    pub(crate) fn url(&self) -> String {
        format!("https://127.0.0.1:{}", self.ports.api)
    }

    /// A kubeconfig for the holder of `token`.
    pub(crate) fn kubeconfig(&self, token: &str) -> Value {
        self.kubeconfig_at(&self.url(), token)
    }

    /// The same for an API server that is reached at `url`.
    pub(crate) fn kubeconfig_at(&self, url: &str, token: &str) -> Value {
        super::kubeconfig::kubeconfig(url, &self.folder.join("ca.crt"), token)
    }

    /// Port of the API server on 127.0.0.1.
    pub(crate) const fn port(&self) -> u16 {
        self.ports.api
    }

    /// A client of this runtime for the holder of `token`, without retries of its own.
    pub(crate) async fn client(&self, token: &str) -> Client {
        let kubeconfig: Kubeconfig = serde_json::from_value(self.kubeconfig(token)).unwrap();
        let mut config =
            Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default()).await.unwrap();
        config.default_retry = false;
        config.connect_timeout = Some(Duration::from_secs(5));
        Client::try_from(config).unwrap()
    }

    /// Requests of the administrator, who stands above RBAC.
    pub(crate) async fn admin(&self) -> Requests {
        Requests::new(self.client(ADMIN_TOKEN).await)
    }

    /// The audit log of all users of the group that is audited.
    pub(crate) fn audit_log(&self) -> PathBuf {
        self.folder.join("audit.json")
    }

    /// Ends the API server; `gently` by SIGTERM, which lets watches end cleanly.
    pub(crate) fn stop_api(&mut self, gently: bool) {
        let api = self.api.take().unwrap();
        if gently { api.terminate() } else { api.kill() }
    }

    /// Starts the API server on the same address and data again and waits until it is ready.
    /// So do the controllers, which would otherwise take up to 30 s until they look for it again.
    pub(crate) async fn start_api_again(&mut self) {
        drop(self.controllers.take());
        self.start_api();
        self.ready().await.unwrap_or_else(|why| panic!("{why}"));
        self.start_controllers();
    }

    /// Stops the API server in its tracks: connections stay open, nothing is answered.
    pub(crate) fn freeze_api(&self) {
        self.api.as_ref().unwrap().freeze();
    }

    /// Ends [`Server::freeze_api`].
    pub(crate) fn thaw_api(&self) {
        self.api.as_ref().unwrap().thaw();
    }

    /// Forgets everything older than `revision` (the resourceVersion of a recent list).
    pub(crate) async fn compact(&self, revision: &str) {
        let url = format!("http://127.0.0.1:{}", self.ports.etcd).parse().unwrap();
        let etcd = Requests::new(Client::try_from(Config::new(url)).unwrap());
        etcd.create("/v3/kv/compaction", json!({"revision": revision, "physical": true})).await.ok();
    }

    fn write_files(&self) {
        certificates::write(&self.folder);
        let write = |name: &str, text: String| std::fs::write(self.folder.join(name), text).unwrap();
        write("tokens.csv", format!("{ADMIN_TOKEN},admin,admin-uid,system:masters\n"));
        write("audit.yaml", audit::policy().to_string());
        write("admin.kubeconfig", self.kubeconfig(ADMIN_TOKEN).to_string());
    }

    fn start_etcd(&mut self) {
        let url = |port| format!("http://127.0.0.1:{port}");
        let (client, peer) = (url(self.ports.etcd), url(self.ports.peer));
        let mut flags = Flags::new(&self.assets.join("etcd"));
        flags.with("data-dir", self.folder.join("etcd"));
        flags.word("--unsafe-no-fsync");
        flags.with("log-level", "warn");
        flags.with("listen-client-urls", &client);
        flags.with("advertise-client-urls", client);
        flags.with("listen-peer-urls", &peer);
        flags.with("initial-advertise-peer-urls", &peer);
        flags.with("initial-cluster", format!("default={peer}"));
        self.etcd = Some(Process::start(&flags.0, &self.folder.join("etcd.log"), Some(&self.folder)));
    }

    fn start_api(&mut self) {
        let mut flags = Flags::new(&self.assets.join("kube-apiserver"));
        flags.with("etcd-servers", format!("http://127.0.0.1:{}", self.ports.etcd));
        flags.with("bind-address", "127.0.0.1");
        flags.with("advertise-address", "127.0.0.1");
        flags.with("endpoint-reconciler-type", "none");
        flags.with("secure-port", self.ports.api.to_string());
        flags.with("cert-dir", self.folder.join("pki"));
        flags.with("tls-cert-file", self.folder.join("server.crt"));
        flags.with("tls-private-key-file", self.folder.join("server.key"));
        flags.with("service-account-issuer", "https://kubernetes.default.svc");
        flags.with("service-account-signing-key-file", self.folder.join("sa.key"));
        flags.with("service-account-key-file", self.folder.join("sa.pub"));
        flags.with("token-auth-file", self.folder.join("tokens.csv"));
        flags.with("authorization-mode", "RBAC");
        flags.with("service-cluster-ip-range", "10.0.0.0/16");
        // Else a Pod is refused until its namespace has a ServiceAccount.
        flags.with("disable-admission-plugins", "ServiceAccount");
        // Else SIGTERM leaves watches open for 60 s.
        flags.with("shutdown-watch-termination-grace-period", "5s");
        flags.with("audit-policy-file", self.folder.join("audit.yaml"));
        flags.with("audit-log-path", self.audit_log());
        flags.with("audit-log-mode", "blocking");
        flags.0.extend(self.setup.flags.iter().map(OsString::from));
        self.api = Some(Process::start(&flags.0, &self.folder.join("apiserver.log"), None));
    }

    fn start_controllers(&mut self) {
        let mut flags = Flags::new(&self.assets.join("kube-controller-manager"));
        flags.with("kubeconfig", self.folder.join("admin.kubeconfig"));
        flags.with("secure-port", "0");
        flags.with("leader-elect", "false");
        flags.with("service-account-private-key-file", self.folder.join("sa.key"));
        flags.with("root-ca-file", self.folder.join("ca.crt"));
        // Without these many namespaces at once queue behind the client's own limit.
        flags.with("kube-api-qps", "1000");
        flags.with("kube-api-burst", "2000");
        flags.with("controllers", CONTROLLERS.join(","));
        self.controllers = Some(Process::start(&flags.0, &self.folder.join("controllers.log"), None));
    }

    /// Waits for `/readyz`; the text says why it will not come.
    async fn ready(&mut self) -> Result<(), String> {
        let admin = self.admin().await;
        let deadline = Instant::now() + Duration::from_secs(90);
        loop {
            let seen = match admin.try_call(&Method::GET, "/readyz", None).await {
                Ok(answer) if answer.code == 200 => return Ok(()),
                Ok(answer) => format!("{} {}", answer.code, answer.body),
                Err(why) => why,
            };
            let ended = self.api.as_mut().is_none_or(Process::has_ended)
                || self.etcd.as_mut().is_none_or(Process::has_ended);
            if ended || Instant::now() > deadline {
                let tail = |name| tail(&self.folder.join(name));
                let (etcd, api) = (tail("etcd.log"), tail("apiserver.log"));
                return Err(format!(
                    "/readyz never answered 200 (a server ended: {ended}); last: {seen}\n{etcd}\n{api}"
                ));
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
}

impl Ports {
    /// Three ports that nobody listens on at this moment.
    fn free() -> Self {
        let listeners = [(); 3].map(|()| TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap());
        let [etcd, peer, api] = listeners.each_ref().map(|listener| listener.local_addr().unwrap().port());
        Self { etcd, peer, api }
    }
}

/// A command line.
struct Flags(Vec<OsString>);

impl Flags {
    fn new(binary: &Path) -> Self {
        Self(vec![binary.as_os_str().to_owned()])
    }

    fn with(&mut self, name: &str, value: impl AsRef<std::ffi::OsStr>) {
        let mut flag = OsString::from(format!("--{name}="));
        flag.push(value);
        self.0.push(flag);
    }

    fn word(&mut self, flag: &str) {
        self.0.push(flag.into());
    }
}

/// The last lines of a log.
fn tail(path: &Path) -> String {
    let text = std::fs::read_to_string(path).unwrap_or_default();
    let lines: Vec<_> = text.lines().collect();
    lines[lines.len().saturating_sub(8)..].join("\n")
}

/// Starts that may fail because of a port.
const STARTS: usize = 3;
/// Made up for this server, which listens on loopback and lives as long as the test.
const ADMIN_TOKEN: &str = "loopback-admin";
/// No node-lifecycle (nobody sends heartbeats, so it would taint the nodes) and no pod-garbage-collector.
const CONTROLLERS: [&str; 9] = [
    "serviceaccount-controller",
    "deployment-controller",
    "replicaset-controller",
    "statefulset-controller",
    "endpointslice-controller",
    "namespace-controller",
    "garbage-collector-controller",
    "disruption-controller",
    "job-controller",
];
