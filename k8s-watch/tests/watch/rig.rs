//! A cluster, a CLB and the controller between them, all in virtual time.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use clb_client::Region;
use clb_client::sim::{
    Account, Action, Call, Change, Config, Latency, Listener, LoadBalancer, PoolId, Simulator,
};
use k8s_watch::sim::{Cluster, ControllerTask, Kubelet, KubeletOptions, TimedRuntime};
use k8s_watch::{Builder, Clb, Controller, Error, Handle};
use serde_json::{Value, json};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep};

/// Annotations of a Service with direct access and one or both switches.
pub(crate) const GRACE: [(&str, &str); 2] = [
    ("service.cloud.tencent.com/direct-access", "true"),
    ("service.cloud.tencent.com/enable-grace-shutdown", "true"),
];
pub(crate) const TKEX: [(&str, &str); 2] = [
    ("service.cloud.tencent.com/direct-access", "true"),
    ("service.cloud.tencent.com/enable-grace-shutdown-tkex", "true"),
];
pub(crate) const LB_1: (&str, &str) = ("service.kubernetes.io/loadbalance-id", "lb-1");

pub(crate) struct Rig {
    pub(crate) cluster: Cluster,
    pub(crate) clb: Simulator,
    pub(crate) kubelet: Kubelet,
    _controllers: [ControllerTask; 2],
    controller: Option<Process>,
}

/// A controller that runs.
struct Process {
    handle: Handle,
    stop: oneshot::Sender<()>,
    end: JoinHandle<Result<(), Error>>,
}

/// `lb-1` with TCP listeners at 80 and 81, whose tasks take 800 ms; no controller yet.
pub(crate) fn rig() -> Rig {
    let balancer = LoadBalancer::new("lb-1")
        .with_listener(Listener::tcp("lbl-80", 80))
        .with_listener(Listener::tcp("lbl-81", 81));
    rig_with(Account::new(Config::default().with_task(Latency::millis(800))).with_load_balancer(balancer))
}

pub(crate) fn rig_with(account: Account) -> Rig {
    let cluster = Cluster::new();
    let lag = Duration::from_millis(5);
    let kubelet = cluster.run_kubelet(TimedRuntime::default(), KubeletOptions::default());
    let controllers = [cluster.run_workloads(lag), cluster.run_endpoint_slices(lag)];
    Rig {
        cluster,
        clb: Simulator::in_virtual_time(account),
        kubelet,
        _controllers: controllers,
        controller: None,
    }
}

/// Running it.
impl Rig {
    pub(crate) fn builder(&self) -> Builder {
        let region: Region = "ap-guangzhou".parse().unwrap();
        Controller::builder(self.cluster.client(), Clb::new(self.clb.client(region)))
    }

    /// Starts a controller with its defaults.
    pub(crate) fn start(&mut self) -> Handle {
        self.start_with(self.builder())
    }

    pub(crate) fn start_with(&mut self, builder: Builder) -> Handle {
        let controller = builder.build();
        let handle = controller.handle();
        let (stop, stopped) = oneshot::channel();
        let end = tokio::spawn(controller.run(async move { drop(stopped.await) }));
        self.controller = Some(Process { handle: handle.clone(), stop, end });
        handle
    }

    /// SIGTERM.
    pub(crate) async fn stop(&mut self) -> Result<(), Error> {
        let Process { stop, end, .. } = self.controller.take().unwrap();
        stop.send(()).unwrap();
        end.await.unwrap()
    }

    /// SIGKILL: whatever is under way is cut off where it is.
    pub(crate) async fn kill(&mut self) {
        let Process { end, .. } = self.controller.take().unwrap();
        end.abort();
        assert!(end.await.unwrap_err().is_cancelled());
    }

    /// Waits until something holds, at most two minutes.
    pub(crate) async fn until(&self, what: &str, holds: impl Fn(&Self) -> bool) {
        self.until_within(Duration::from_secs(120), what, holds).await;
    }

    pub(crate) async fn until_within(&self, limit: Duration, what: &str, holds: impl Fn(&Self) -> bool) {
        let deadline = Instant::now() + limit;
        while !holds(self) {
            assert!(
                Instant::now() < deadline,
                "not within {limit:?}: {what}\ntargets {:?}\nPods {:?}\nEvents {:#?}\nstatus {:?}\ncalls {:#?}",
                self.all_targets(),
                self.pods(),
                self.events(),
                self.controller.as_ref().map(|process| process.handle.status().borrow().clone()),
                self.calls().into_iter().rev().take(5).collect::<Vec<_>>(),
            );
            assert!(
                self.controller.as_ref().is_none_or(|process| !process.end.is_finished()),
                "controller ended"
            );
            sleep(Duration::from_millis(10)).await;
        }
    }

    pub(crate) async fn waits(&self, seconds: u64) {
        sleep(Duration::from_secs(seconds)).await;
    }

    pub(crate) fn handle(&self) -> Handle {
        self.controller.as_ref().unwrap().handle.clone()
    }
}

/// Objects.
impl Rig {
    /// A Service `name` with one port, for the Pods of the Deployment of its name.
    pub(crate) fn service(&self, name: &str, port: u16, annotations: &[(&str, &str)]) {
        let annotations: BTreeMap<_, _> = annotations.iter().copied().chain([LB_1]).collect();
        self.service_of(name, name, port, json!(annotations));
    }

    pub(crate) fn service_of(&self, name: &str, app: &str, port: u16, annotations: Value) {
        let service = json!({
            "apiVersion": "v1", "kind": "Service",
            "metadata": {"name": name, "annotations": annotations},
            "spec": {"selector": {"app": app}, "ports": [{"port": port, "targetPort": 8080}]},
        });
        self.cluster.create(&service).unwrap();
    }

    /// Adds, changes or (null) removes annotations.
    pub(crate) fn annotate(&self, resource: &str, name: &str, annotations: Value) {
        let patch = json!({"metadata": {"annotations": annotations}});
        self.cluster.patch(resource, "default", name, &patch).unwrap();
    }

    /// A Deployment `name`; its Pods sleep 5 s in preStop and have 30 s of grace.
    pub(crate) fn deploy(&self, name: &str, replicas: u32) {
        let deployment = json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": name}, "spec": {
            "replicas": replicas, "selector": {"matchLabels": {"app": name}},
            "strategy": {"rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}},
            "template": {"metadata": {"labels": {"app": name}}, "spec": pod_spec("web:1")},
        }});
        self.cluster.create(&deployment).unwrap();
    }

    pub(crate) fn roll(&self, name: &str, image: &str) {
        let patch = json!({"spec": {"template": {"spec": pod_spec(image)}}});
        self.cluster.patch("deployments", "default", name, &patch).unwrap();
    }

    pub(crate) fn rolled(&self, name: &str, replicas: u32) -> bool {
        let object = self.cluster.object("deployments", "default", name).unwrap();
        object["status"]["observedGeneration"] == object["metadata"]["generation"]
            && ["replicas", "updatedReplicas", "availableReplicas"]
                .iter()
                .all(|field| object["status"][field] == replicas)
    }

    /// A bare Pod of an app.
    pub(crate) fn pod(&self, name: &str, app: &str, annotations: Value) {
        let metadata = json!({"name": name, "labels": {"app": app}, "annotations": annotations});
        let pod = json!({"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": pod_spec("web:1")});
        self.cluster.create(&pod).unwrap();
    }

    pub(crate) fn delete_pod(&self, name: &str) {
        self.cluster.delete("pods", "default", name, None).unwrap();
    }

    pub(crate) fn exists(&self, pod: &str) -> bool {
        self.cluster.object("pods", "default", pod).is_some()
    }

    /// Names of all Pods, with their address where they have one.
    pub(crate) fn pods(&self) -> BTreeMap<String, Option<SocketAddr>> {
        let each = |pod: Value| {
            let address =
                pod["status"]["podIP"].as_str().map(|ip| SocketAddr::new(ip.parse().unwrap(), 8080));
            (pod["metadata"]["name"].as_str().unwrap().to_owned(), address)
        };
        self.cluster.objects("pods", "default").into_iter().map(each).collect()
    }

    pub(crate) fn address(&self, pod: &str) -> SocketAddr {
        self.pods()[pod].unwrap()
    }

    /// Events as `Reason Kind/name`, with their note.
    pub(crate) fn events(&self) -> BTreeMap<String, String> {
        let each = |event: Value| {
            let about =
                if event["regarding"].is_null() { &event["involvedObject"] } else { &event["regarding"] };
            let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
            let key = format!("{} {}/{}", text(&event["reason"]), text(&about["kind"]), text(&about["name"]));
            (key, text(if event["note"].is_null() { &event["message"] } else { &event["note"] }))
        };
        self.cluster.objects("events", "default").into_iter().map(each).collect()
    }

    pub(crate) async fn until_event(&self, event: &str) -> String {
        self.until(event, |rig| rig.events().contains_key(event)).await;
        self.events().remove(event).unwrap()
    }
}

/// The CLB.
impl Rig {
    pub(crate) fn pool(&self, port: u16) -> PoolId {
        PoolId::listener("lb-1", &format!("lbl-{port}"))
    }

    pub(crate) fn targets(&self, port: u16) -> BTreeMap<SocketAddr, u8> {
        let pool = self.pool(port);
        self.clb.with(|account| account.targets(&pool)).unwrap_or_default().into_iter().collect()
    }

    fn all_targets(&self) -> Vec<(PoolId, Vec<(SocketAddr, u8)>)> {
        self.clb.with(|account| {
            account
                .pools()
                .into_iter()
                .map(|pool| (pool.clone(), account.targets(&pool).unwrap_or_default()))
                .collect()
        })
    }

    pub(crate) fn weight(&self, port: u16, address: SocketAddr) -> Option<u8> {
        self.targets(port).get(&address).copied()
    }

    pub(crate) fn calls(&self) -> Vec<Call> {
        self.clb.with(|account| account.calls().to_vec())
    }

    pub(crate) fn writes(&self) -> Vec<Call> {
        let write = |action| {
            matches!(
                action,
                Action::BatchRegisterTargets
                    | Action::BatchDeregisterTargets
                    | Action::BatchModifyTargetWeight
            )
        };
        self.calls().into_iter().filter(|call| write(call.action)).collect()
    }

    pub(crate) fn changes(&self) -> Vec<Change> {
        self.clb.with(|account| account.changes().to_vec())
    }

    /// Every Pod of `app` is registered at `port` with `weight`, and nothing else is.
    pub(crate) fn serves(&self, port: u16, app: &str, count: usize, weight: u8) -> bool {
        let pods: BTreeMap<_, _> = self
            .pods()
            .into_iter()
            .filter(|(name, _)| name.starts_with(app))
            .filter_map(|(_, address)| Some((address?, weight)))
            .collect();
        pods.len() == count && self.targets(port) == pods
    }
}

pub(crate) fn pod_spec(image: &str) -> Value {
    json!({
        "terminationGracePeriodSeconds": 30,
        "containers": [{
            "name": "web", "image": image, "ports": [{"containerPort": 8080}],
            "lifecycle": {"preStop": {"sleep": {"seconds": 5}}},
        }],
    })
}
