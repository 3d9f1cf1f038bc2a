//! The real server and the simulated cluster side by side: whatever is done is done to both.

use std::time::Duration;

use k8s_watch::sim::Cluster;
use serde_json::{Value, json};

use crate::rig::{Kubelet, MERGE, Namespace, Requests, Server};

/// A namespace of the real server and one of the simulated cluster.
pub(crate) struct Pair {
    pub(crate) namespace: Namespace,
    pub(crate) sides: [Requests; 2],
    _controller: k8s_watch::sim::ControllerTask,
}

impl Pair {
    pub(crate) async fn new(test: &str) -> Option<Self> {
        let server = Server::shared().await?;
        let namespace = Namespace::create(server, test).await;
        let cluster = Cluster::new();
        cluster.add_namespace(&namespace.name);
        let controller = cluster.run_endpoint_slices(Duration::from_millis(5));
        let sides = [namespace.admin.clone(), Requests::new(cluster.client())];
        Some(Self { namespace, sides, _controller: controller })
    }

    pub(crate) fn path(&self, object: &str) -> String {
        self.namespace.path(object)
    }

    pub(crate) async fn both<T>(&self, mut act: impl AsyncFnMut(&Requests) -> T) {
        for side in &self.sides {
            act(side).await;
        }
    }

    pub(crate) async fn kubelets(&self, mut act: impl AsyncFnMut(&Kubelet)) {
        for side in &self.sides {
            act(&Kubelet::new(side.clone(), &self.namespace.name)).await;
        }
    }

    pub(crate) async fn service(&self, ports: Value) {
        let service =
            json!({"metadata": {"name": "web"}, "spec": {"selector": {"app": "web"}, "ports": ports}});
        self.both(async |side| side.create(&self.path("services"), service.clone()).await.ok()).await;
    }

    pub(crate) async fn pod(&self, name: &str, metrics: u16) {
        let ports =
            json!([{"name": "web", "containerPort": 8080}, {"name": "metrics", "containerPort": metrics}]);
        let pod = json!({"metadata": {"name": name, "labels": {"app": "web"}}, "spec": {
            "nodeName": "n1", "containers": [{"name": "web", "image": "web", "ports": ports}]}});
        self.both(async |side| side.create(&self.path("pods"), pod.clone()).await.ok()).await;
    }

    pub(crate) async fn patch(&self, object: &str, patch: Value) {
        self.both(async |side| side.patch(&self.path(object), MERGE, patch.clone()).await.ok()).await;
    }
}
