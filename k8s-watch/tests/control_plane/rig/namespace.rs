//! A namespace for one test, the user that the controller under test is, and the objects in it.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicU32, Ordering};

use serde_json::{Value, json};

use super::{Kubelet, MERGE, Requests, Server, until};

/// Two namespaces (workloads; claims) and a ServiceAccount that may do in them what the controller has to do.
pub(crate) struct Namespace {
    pub(crate) admin: Requests,
    pub(crate) kubelet: Kubelet,
    /// Where the workloads are.
    pub(crate) name: String,
    /// Where claims are kept and where the controller's ServiceAccount lives.
    pub(crate) state: String,
}

impl Namespace {
    /// Creates both, named after `test`, the node `n1` and the rules.
    pub(crate) async fn create(server: &Server, test: &str) -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let admin = server.admin().await;
        let name = format!("{test}-{number}");
        let state = format!("{name}-state");
        for namespace in [&name, &state] {
            admin.create("/api/v1/namespaces", json!({"metadata": {"name": namespace}})).await.ok();
        }
        // The EndpointSlice controller leaves out Pods of nodes that it does not know; the second test finds it there.
        admin.create("/api/v1/nodes", json!({"metadata": {"name": "n1"}})).await;
        let kubelet = Kubelet::new(admin.clone(), &name);
        let namespace = Self { admin, kubelet, name, state };
        let accounts = format!("/api/v1/namespaces/{}/serviceaccounts", namespace.state);
        namespace.admin.create(&accounts, json!({"metadata": {"name": ACCOUNT}})).await.ok();
        namespace.grant_watching().await;
        namespace.grant_claims().await;
        namespace
    }

    /// The name under which the API server knows the controller.
    pub(crate) fn user(&self) -> String {
        format!("system:serviceaccount:{}:{ACCOUNT}", self.state)
    }

    /// A token of the controller.
    pub(crate) async fn token(&self) -> String {
        let path = format!("/api/v1/namespaces/{}/serviceaccounts/{ACCOUNT}/token", self.state);
        let request = json!({"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {}});
        let answer = self.admin.create(&path, request).await.ok();
        answer["status"]["token"].as_str().unwrap().to_owned()
    }

    /// Gives the controller what it needs in the workloads' namespace.
    pub(crate) async fn grant_watching(&self) {
        self.grant(&self.name, WATCHING, json!([
            {"apiGroups": [""], "resources": ["pods", "services"], "verbs": ["list", "watch"]},
            {"apiGroups": ["discovery.k8s.io"], "resources": ["endpointslices"], "verbs": ["list", "watch"]},
            {"apiGroups": ["events.k8s.io"], "resources": ["events"], "verbs": ["create", "patch"]},
        ])).await;
    }

    /// Gives the controller only these core kinds to watch.
    pub(crate) async fn grant_watching_of(&self, kinds: &[&str]) {
        self.grant(
            &self.name,
            WATCHING,
            json!([
                {"apiGroups": [""], "resources": kinds, "verbs": ["list", "watch"]},
            ]),
        )
        .await;
    }

    /// Connects anew to a server that was restarted.
    pub(crate) async fn reach(&mut self, server: &Server) {
        self.admin = server.admin().await;
        self.kubelet = Kubelet::new(self.admin.clone(), &self.name);
    }

    /// Gives the controller what it needs in the claims' namespace.
    pub(crate) async fn grant_claims(&self) {
        self.grant(
            &self.state,
            CLAIMS,
            json!([
                {"apiGroups": [""], "resources": ["configmaps"], "verbs": ["get", "create", "patch"]},
            ]),
        )
        .await;
    }

    /// Takes [`Namespace::grant_watching`] back.
    pub(crate) async fn revoke_watching(&self) {
        self.revoke(&self.name, WATCHING).await;
    }

    /// Takes [`Namespace::grant_claims`] back.
    pub(crate) async fn revoke_claims(&self) {
        self.revoke(&self.state, CLAIMS).await;
    }

    /// Path of a core object of the workloads' namespace, for example `pods/web-1`.
    pub(crate) fn path(&self, object: &str) -> String {
        format!("/api/v1/namespaces/{}/{object}", self.name)
    }

    /// Path of an object of `group`, for example `apps/v1`, `deployments/web`.
    pub(crate) fn group_path(&self, group: &str, object: &str) -> String {
        format!("/apis/{group}/namespaces/{}/{object}", self.name)
    }

    /// A Service with these annotations whose port 80 leads to port 8080 of Pods labelled `app=NAME`.
    pub(crate) async fn service(&self, name: &str, annotations: Value) {
        self.service_on(name, 80, annotations).await;
    }

    /// [`Namespace::service`] with another port than 80.
    pub(crate) async fn service_on(&self, name: &str, port: u16, annotations: Value) {
        let service = json!({"metadata": {"name": name, "annotations": annotations}, "spec": {
            "type": "LoadBalancer", "allocateLoadBalancerNodePorts": false, "selector": {"app": name}, "ports": [{"name": "web", "protocol": "TCP", "port": port, "targetPort": 8080}]}});
        self.admin.create(&self.path("services"), service).await.ok();
    }

    /// A ready Pod behind Service `app` at `ip`; its grace period is 30 s. Returns its uid.
    pub(crate) async fn pod(&self, name: &str, app: &str, ip: &str) -> String {
        let uid = self.pending_pod(name, app).await;
        self.kubelet.run(name, ip).await;
        uid
    }

    /// A Pod that waits for its kubelet. Returns its uid.
    pub(crate) async fn pending_pod(&self, name: &str, app: &str) -> String {
        let pod = json!({"metadata": {"name": name, "labels": {"app": app}}, "spec": pod_spec()});
        let pod = self.admin.create(&self.path("pods"), pod).await.ok();
        pod["metadata"]["uid"].as_str().unwrap().to_owned()
    }

    /// Asks for a graceful end, as `kubectl delete` does.
    pub(crate) async fn delete_pod(&self, name: &str) {
        self.admin.delete(&self.path(&format!("pods/{name}")), json!({})).await.ok();
    }

    /// Asks for an end at once: nobody waits for a kubelet.
    pub(crate) async fn force_delete_pod(&self, name: &str) {
        self.admin.delete(&self.path(&format!("pods/{name}")), json!({"gracePeriodSeconds": 0})).await.ok();
    }

    /// A Deployment of Pods as [`Namespace::pod`] makes them, one more and one fewer at a time.
    pub(crate) async fn deployment(&self, name: &str, replicas: u32) {
        let deployment = json!({"metadata": {"name": name}, "spec": {
            "replicas": replicas, "selector": {"matchLabels": {"app": name}},
            "strategy": {"rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}},
            "template": {"metadata": {"labels": {"app": name}}, "spec": pod_spec()}}});
        self.admin.create(&self.group_path("apps/v1", "deployments"), deployment).await.ok();
    }

    /// Changes the template, so that every Pod is replaced.
    pub(crate) async fn roll(&self, deployment: &str) {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let patch =
            json!({"spec": {"template": {"metadata": {"annotations": {"roll": number.to_string()}}}}});
        self.admin
            .patch(&self.group_path("apps/v1", &format!("deployments/{deployment}")), MERGE, patch)
            .await
            .ok();
    }

    /// Waits until the newest ReplicaSet of `deployment` has its `replicas` ready Pods and no other Pod is left.
    /// Returns their uids.
    pub(crate) async fn ready_pods(&self, deployment: &str, replicas: u64) -> BTreeSet<String> {
        let path = self.group_path("apps/v1", &format!("deployments/{deployment}"));
        until(&format!("{deployment} is rolled out"), async || {
            let object = self.admin.get(&path).await.ok();
            let status = &object["status"];
            let pods = self.admin.get(&self.path(&format!("pods?labelSelector=app={deployment}"))).await.ok();
            let pods = pods["items"].as_array().unwrap().clone();
            let done = status["observedGeneration"] == object["metadata"]["generation"]
                && ["updatedReplicas", "readyReplicas", "replicas"]
                    .iter()
                    .all(|field| status[*field] == replicas)
                && pods.len() as u64 == replicas;
            let uids = pods.iter().map(|pod| pod["metadata"]["uid"].as_str().unwrap().to_owned());
            if done { Ok(uids.collect()) } else { Err(format!("{} Pods, {status}", pods.len())) }
        })
        .await
    }

    /// Changes an object by JSON merge patch.
    pub(crate) async fn merge(&self, object: &str, patch: Value) -> Value {
        self.admin.patch(&self.path(object), MERGE, patch).await.ok()
    }

    /// Waits until the slices of `service` show the endpoint `ip` with exactly these (ready, serving, terminating).
    pub(crate) async fn endpoint(&self, service: &str, ip: &str, wanted: Option<(bool, bool, bool)>) {
        let selector = format!("endpointslices?labelSelector=kubernetes.io/service-name={service}");
        let path = self.group_path("discovery.k8s.io/v1", &selector);
        until(&format!("endpoint {ip} of {service} is {wanted:?}"), async || {
            let slices = self.admin.get(&path).await.ok();
            let endpoints =
                slices["items"].as_array().unwrap().iter().filter_map(|slice| slice["endpoints"].as_array());
            let found = endpoints.flatten().find(|endpoint| endpoint["addresses"][0] == ip).map(|endpoint| {
                let is = |condition: &str| endpoint["conditions"][condition] == true;
                (is("ready"), is("serving"), is("terminating"))
            });
            if found == wanted { Ok(()) } else { Err(format!("{found:?}")) }
        })
        .await;
    }

    async fn grant(&self, namespace: &str, role: &str, rules: Value) {
        let path = format!("/apis/rbac.authorization.k8s.io/v1/namespaces/{namespace}");
        let metadata = json!({"name": role});
        self.admin.create(&format!("{path}/roles"), json!({"metadata": metadata, "rules": rules})).await.ok();
        let binding = json!({"metadata": metadata,
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": role},
            "subjects": [{"kind": "ServiceAccount", "name": ACCOUNT, "namespace": self.state}]});
        self.admin.create(&format!("{path}/rolebindings"), binding).await.ok();
    }

    async fn revoke(&self, namespace: &str, role: &str) {
        let path = format!("/apis/rbac.authorization.k8s.io/v1/namespaces/{namespace}");
        for kind in ["rolebindings", "roles"] {
            self.admin.delete(&format!("{path}/{kind}/{role}"), json!({})).await.ok();
        }
    }
}

/// One container on the only node; nothing schedules here.
pub(crate) fn pod_spec() -> Value {
    json!({"nodeName": "n1", "terminationGracePeriodSeconds": 30,
        "containers": [{"name": "web", "image": "web", "ports": [{"name": "web", "containerPort": 8080}]}]})
}

const ACCOUNT: &str = "grace-controller";
const WATCHING: &str = "grace-controller";
const CLAIMS: &str = "grace-controller-claims";
