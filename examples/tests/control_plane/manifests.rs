//! The manifests on their way into a cluster.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use clb_client::sim::{
    Account, Config, Latency, Listener, LoadBalancer, PoolId, Server as ClbServer, Simulator,
};
use serde_json::{Value, json};

use crate::program::until;
use crate::rig::{MERGE, Requests, Server};

/// The CLB that the manifests name.
pub(crate) const BALANCER: &str = "lb-k2zjp9lv";

/// The documents of a file.
pub(crate) fn documents(file: &str) -> Vec<Value> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/manifests").join(file);
    serde_saphyr::from_multiple(&std::fs::read_to_string(path).unwrap()).unwrap()
}

/// Creates every object of a file; one without a namespace goes to `namespace`.
pub(crate) async fn apply(admin: &Requests, namespace: &str, file: &str) {
    for object in documents(file) {
        create(admin, namespace, object).await;
    }
}

/// Creates one object.
pub(crate) async fn create(admin: &Requests, namespace: &str, object: Value) {
    let version = object["apiVersion"].as_str().unwrap();
    let base = if version.contains('/') { format!("/apis/{version}") } else { format!("/api/{version}") };
    let plural = format!("{}s", object["kind"].as_str().unwrap().to_lowercase());
    let namespace = object["metadata"]["namespace"].as_str().unwrap_or(namespace).to_owned();
    let cluster_wide = ["namespaces", "clusterroles", "clusterrolebindings", "customresourcedefinitions"]
        .contains(&plural.as_str());
    let path = if cluster_wide {
        format!("{base}/{plural}")
    } else {
        format!("{base}/namespaces/{namespace}/{plural}")
    };
    admin.create(&path, object).await.ok();
}

/// Nobody schedules here, so Pods name their Node themselves.
pub(crate) async fn pin(admin: &Requests, namespace: &str, deployment: &str) {
    // One Node for all; EndpointSlices leave out a Pod whose Node is unknown.
    admin.create("/api/v1/nodes", json!({"metadata": {"name": "n1"}})).await;
    let pinned = json!({"spec": {"template": {"spec": {"nodeName": "n1"}}}});
    let path = format!("/apis/apps/v1/namespaces/{namespace}/deployments/{deployment}");
    admin.patch(&path, MERGE, pinned).await.ok();
}

/// Writes a kubeconfig for the holder of `token` beside the server's own files; returns its path.
pub(crate) fn kubeconfig(server: &Server, token: &str) -> String {
    let folder: PathBuf = server.audit_log().parent().unwrap().to_owned();
    let path = folder.join("controller.kubeconfig");
    std::fs::write(&path, server.kubeconfig(token).to_string()).unwrap();
    path.to_str().unwrap().to_owned()
}

/// The kubeconfig of the administrator.
pub(crate) fn admin_kubeconfig(server: &Server) -> String {
    server.audit_log().with_file_name("admin.kubeconfig").to_str().unwrap().to_owned()
}

/// The CLB of the manifests, served over HTTP.
pub(crate) async fn clb() -> ClbServer {
    let balancer = LoadBalancer::new(BALANCER)
        .with_listener(Listener::tcp("lbl-80", 80))
        .with_listener(Listener::tcp("lbl-81", 81));
    let account =
        Account::new(Config::default().with_task(Latency::millis(200))).with_load_balancer(balancer);
    ClbServer::start(Simulator::new(account)).await.unwrap()
}

/// What every program finds in its environment.
pub(crate) fn environment(clb: SocketAddr, kubeconfig: String) -> Vec<(&'static str, String)> {
    vec![
        ("KUBECONFIG", kubeconfig),
        ("TENCENTCLOUD_SECRET_ID", Simulator::SECRET_ID.to_owned()),
        ("TENCENTCLOUD_SECRET_KEY", Simulator::SECRET_KEY.to_owned()),
        ("TENCENTCLOUD_REGION", "ap-guangzhou".to_owned()),
        ("GRACE_CLB_ENDPOINT", format!("http://{clb}")),
    ]
}

/// Targets of the listener, in order.
pub(crate) fn targets(clb: &ClbServer) -> Vec<(SocketAddr, u8)> {
    let pool = PoolId::listener(BALANCER, "lbl-80");
    let mut targets = clb.simulator().with(|account| account.targets(&pool)).unwrap();
    targets.sort();
    targets
}

/// Waits until the listener has `count` targets, all with weight 10 and none of `old`.
pub(crate) async fn settled(
    clb: &ClbServer,
    count: usize,
    old: &[SocketAddr],
    log: impl Fn() -> String,
) -> Vec<SocketAddr> {
    let all = || {
        let targets = targets(clb);
        let done = targets.len() == count
            && targets.iter().all(|(address, weight)| *weight == 10 && !old.contains(address));
        done.then(|| targets.into_iter().map(|(address, _)| address).collect())
    };
    until("the targets are not the Pods", all, || format!("{:?}\n{}", targets(clb), log())).await
}
