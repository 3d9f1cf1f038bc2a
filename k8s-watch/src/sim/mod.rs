//! A Kubernetes API in memory: enough of a server to run a controller, its tests and the examples without a cluster.
//!
//! ```
//! # tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap().block_on(async {
//! use k8s_openapi::api::core::v1::Pod;
//! use k8s_watch::sim::Cluster;
//! use kube::Api;
//!
//! let cluster = Cluster::new();
//! cluster.create(&serde_json::json!({
//!     "apiVersion": "v1", "kind": "Pod", "metadata": {"name": "web-1", "namespace": "default"},
//!     "spec": {"containers": [{"name": "web", "image": "web"}]},
//! }))?;
//! let pod = Api::<Pod>::default_namespaced(cluster.client()).get("web-1").await.unwrap();
//! assert_eq!(pod.status.unwrap().phase.as_deref(), Some("Pending"));
//! # Ok::<_, k8s_watch::sim::Refusal>(()) }).unwrap();
//! ```
//!
//! # What it is
//! Objects are JSON values with one resourceVersion over all kinds. Served are Pods, Services, ConfigMaps, Namespaces, Nodes,
//! Events (both groups), EndpointSlices, Deployments, ReplicaSets, StatefulSets, Leases, PodDisruptionBudgets and Ingresses, with
//! get, list (pages, past states), watch (resume, bookmarks, initial events, 410), create, replace, JSON merge patch,
//! strategic merge patch, graceful deletion, eviction and binding. The namespaces `default` and `kube-system` are there.
//!
//! # What it is not
//! No authentication, no admission, no server-side apply, no dry run, no protobuf, no custom resources: each is refused,
//! never half done. Dependents are always deleted in the background, and nothing writes managedFields.
//!
//! # Controllers
//! Each is started by choice and stops when its handle is dropped: [`Cluster::run_kubelet`] runs Pods through a [`PodRuntime`],
//! [`Cluster::run_workloads`] keeps Deployments, ReplicaSets and StatefulSets, [`Cluster::run_endpoint_slices`] the slices of
//! Services. A test that wants an exact order of events plays them itself, with [`Cluster::patch`] and [`Cluster::delete`].
//!
//! # Faults
//! [`Cluster::inject`] answers some [`Requests`] otherwise: refused, late, lost, or not at all. Open watches are closed, cut or
//! expired, lists show the past, objects are stored that no client can read. [`Cluster::requests`] tells who asked for what.
//!
//! # Time
//! The clock starts at the wall (or where [`Cluster::starting_at`] says) and follows tokio's: in a paused runtime every
//! timestamp is exact.

mod addresses;
mod answer;
mod bind;
mod call;
mod clock;
mod cluster;
mod defaults;
mod delete;
mod deployments;
mod endpoint_slices;
mod event;
mod fault;
mod follow;
mod form;
mod garbage;
mod kind;
mod kubelet;
mod list;
mod object;
mod patch;
mod path;
mod pod_status;
mod pod_worker;
mod refusal;
mod replica_sets;
mod request_log;
mod router;
mod runtime;
mod selector;
mod serve;
mod state;
mod stateful_sets;
mod store;
mod timed_runtime;
mod validate;
mod watch;
mod write;

pub use cluster::Cluster;
pub use fault::{Answer, FaultId, Requests};
pub use follow::ControllerTask;
pub use kubelet::{Kubelet, KubeletOptions};
pub use refusal::Refusal;
pub use request_log::Request;
pub use runtime::{PodRuntime, PodStart, RunningPod};
pub use serve::Server;
pub use timed_runtime::{TimedPod, TimedRuntime};
