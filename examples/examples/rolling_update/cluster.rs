//! The cluster with its controllers, and what is deployed in it.

use std::time::Duration;

use k8s_watch::sim::{Cluster, ControllerTask, Kubelet, KubeletOptions, Refusal};
use serde_json::{Value, json};

use crate::flags::Flags;
use crate::pod::Containers;
use crate::rollout::Grace;

/// A cluster with one Deployment and its Service. Dropping it stops everything.
pub(crate) struct Deployed {
    cluster: Cluster,
    /// Sleep of the preStop hook, in seconds.
    pre_stop: u64,
    _kubelet: Kubelet,
    _controllers: [ControllerTask; 2],
}

impl Deployed {
    /// Starts a cluster and creates the objects in it.
    pub(crate) fn start(grace: Grace, flags: &Flags, containers: Containers) -> Result<Self, Refusal> {
        let cluster = Cluster::new();
        cluster.create(&service(grace))?;
        cluster.create(&deployment(flags))?;
        let lag = Duration::from_millis(5);
        Ok(Self {
            _kubelet: cluster.run_kubelet(containers, KubeletOptions::default()),
            _controllers: [cluster.run_workloads(lag), cluster.run_endpoint_slices(lag)],
            pre_stop: flags.pre_stop(),
            cluster,
        })
    }

    /// A client of its API.
    pub(crate) fn client(&self) -> kube::Client {
        self.cluster.client()
    }

    /// Begins the rolling update.
    pub(crate) fn release(&self) -> Result<(), Refusal> {
        // A merge patch replaces the list of containers as a whole.
        let version_2 =
            json!({"spec": {"template": {"spec": {"containers": [container(2, self.pre_stop)]}}}});
        self.cluster.patch("deployments", "default", NAME, &version_2).map(drop)
    }

    /// How far the Deployment is.
    pub(crate) fn standing(&self) -> Standing {
        let status = self.cluster.object("deployments", "default", NAME).unwrap_or_default();
        let number = |field: &str| status["status"][field].as_u64().unwrap_or(0);
        let pods = self.cluster.objects("pods", "default");
        let terminating =
            pods.iter().filter(|pod| pod["metadata"].get("deletionTimestamp").is_some()).count();
        // Until the release was seen, the numbers are about the version before it.
        let settled = status["status"]["observedGeneration"] == status["metadata"]["generation"];
        Standing {
            settled,
            updated: if settled { number("updatedReplicas") } else { 0 },
            available: number("availableReplicas"),
            pods: pods.len() as u64,
            terminating,
        }
    }
}

/// How far a Deployment is.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Standing {
    /// The numbers are about the newest version.
    settled: bool,
    /// Pods of the newest version.
    pub(crate) updated: u64,
    /// Pods of any version that are ready for long enough.
    pub(crate) available: u64,
    /// Pods that exist, terminating ones included.
    pods: u64,
    /// Of these, those that terminate.
    pub(crate) terminating: usize,
}

impl Standing {
    /// All Pods are of the newest version, available, and the others are gone.
    pub(crate) const fn is_complete(&self, replicas: u32) -> bool {
        let all = replicas as u64;
        self.settled && self.updated == all && self.available == all && self.pods == all
    }
}

fn service(grace: Grace) -> Value {
    let mut service = json!({
        "apiVersion": "v1", "kind": "Service",
        "metadata": {"name": NAME, "annotations": {
            "service.cloud.tencent.com/direct-access": "true",
            "service.kubernetes.io/loadbalance-id": LOAD_BALANCER,
        }},
        "spec": {"type": "LoadBalancer", "selector": {"app": NAME}, "ports": [{"port": 80, "targetPort": 8080}]},
    });
    if grace == Grace::On {
        let annotations = &mut service["metadata"]["annotations"];
        annotations["service.cloud.tencent.com/enable-grace-shutdown"] = "true".into();
        annotations["service.cloud.tencent.com/enable-grace-shutdown-tkex"] = "true".into();
    }
    service
}

fn deployment(flags: &Flags) -> Value {
    json!({
        "apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": NAME},
        "spec": {
            "replicas": flags.replicas, "selector": {"matchLabels": {"app": NAME}},
            "minReadySeconds": flags.min_ready(),
            "strategy": {"rollingUpdate": {"maxSurge": "40%", "maxUnavailable": 0}},
            "template": {
                "metadata": {"labels": {"app": NAME}},
                "spec": {"terminationGracePeriodSeconds": 30, "containers": [container(1, flags.pre_stop())]},
            },
        },
    })
}

fn container(version: u32, pre_stop: u64) -> Value {
    json!({
        "name": NAME, "image": format!("meet:{version}"), "ports": [{"containerPort": 8080}],
        "lifecycle": {"preStop": {"sleep": {"seconds": pre_stop}}},
    })
}

/// The CLB that the Service names.
pub(crate) const LOAD_BALANCER: &str = "lb-meet";
/// Name of the Service and the Deployment.
const NAME: &str = "meet";
