//! Drains Pods behind a Tencent Cloud CLB without breaking a connection, where the CLB forwards straight to Pods.
//!
//! Watches Pods, EndpointSlices and Services, lets [`grace_core`] decide, carries its commands out and tells people what
//! happened. It decides nothing itself, makes no listeners and no load balancers, and writes nothing for a Service without
//! direct access.
//!
//! # Embed it
//! In an operator that already exists, beside its other tasks:
//!
//! ```no_run
//! # #[cfg(feature = "clb")]
//! use k8s_watch::{Clb, Controller};
//!
//! # #[cfg(feature = "clb")]
//! #[tokio::main]
//! async fn main() -> Result<(), Box<dyn std::error::Error>> {
//!     let kubernetes = kube::Client::try_default().await?;
//!     let clb = clb_client::Client::new("ap-guangzhou".parse()?, clb_client::credential::Environment::read()?)?;
//!
//!     let controller = Controller::builder(kubernetes, Clb::new(clb))
//!         .namespace("shop")
//!         .state_namespace("grace-system")
//!         .build();
//!
//!     // Anything in the program can ask: why has this target this weight, is this Pod drained, what would be written?
//!     let handle = controller.handle();
//!     tokio::spawn(async move {
//!         let mut notices = handle.notices();
//!         while let Ok(notice) = notices.recv().await {
//!             println!("{notice:?}");
//!         }
//!     });
//!
//!     controller.run(async { drop(tokio::signal::ctrl_c().await) }).await?;
//!     Ok(())
//! }
//! # #[cfg(not(feature = "clb"))]
//! # fn main() {}
//! ```
//!
//! # What it does
//! | annotation of the Service, `service.cloud.tencent.com/...` | effect |
//! |---|---|
//! | `direct-access: "true"` | ready Pods are registered, with their weight; without it nothing is written |
//! | `enable-grace-shutdown: "true"` | a Pod that is deleted gets weight 0 and stays registered until it is gone |
//! | `enable-grace-shutdown-tkex: "true"` | a Pod that is not ready gets weight 0, and its weight back when it is ready |
//! | `lb-rs-weight`, on Pods `custom-weight` | weights other than 10 |
//! | `specify-protocol` | listeners of another protocol than the Service's: TCP, UDP, TCP_SSL, QUIC |
//!
//! `service.kubernetes.io/loadbalance-id` names the CLB, else `tke-existed-lbid`. A value that is not exactly right counts
//! as off or absent, and the object gets an Event that says so. [`PolicyDefaults`] says what holds where nothing is said.
//!
//! # What it needs
//! - Get, list and watch of pods, services and endpointslices; create and patch of events (`events.k8s.io`); get, create and
//!   patch of configmaps in the [state namespace](Builder::state_namespace). A permission that is missing is told with verb
//!   and resource and tried again.
//! - One process per cluster: two would write against each other.
//! - Nobody else who changes the same targets. Whoever does is overruled at the next resync, and told of.
//! - A preStop hook that gives the CLB time: SIGTERM must come later than weight 0. [`Handle::drained`] tells when that is.
//!
//! # The load balancer, claims, bindings
//! Each can be replaced: [`LoadBalancer`] writes and reads targets, [`ClaimStore`] remembers which of them are ours,
//! [`ResolveBindings`] says which pools serve a Service. [`Clb`] is the first and the last, ConfigMaps are the second.
//!
//! # Marks on Pods
//! Off unless asked for, because a gate that two controllers set is a fight, and because they need one permission more
//! (patch of `pods/status`). [`Builder::mark_ready`] sets the readiness gate
//! `cloud.tencent.com/load-balancer-backendgroup-ready` of Pods that declare it, so that a rollout waits until the load
//! balancer serves them. [`Builder::mark_drained`] sets the condition `grace-shutdown/drained` of terminating Pods.
//! [`PodMarks`] can be replaced too.
//!
//! # Errors and panics
//! Whatever Kubernetes or the load balancer answer is no error: it is told and tried again. [`Controller::run`] ends early
//! only when a part of it panicked; start the process again, everything is reconstructed.
//! An object that cannot be decoded is told by name, keeps its last good facts, and nothing else stops for it.
//!
//! # Time
//! The wall clock is read once, at [`Builder::build`]; from then on time is tokio's, which tests may pause.
//!
//! # Crate features
//! | name | effect | default |
//! |---|---|---|
//! | `clb` | the CLB of Tencent Cloud | yes |
//! | `http-server` | health and readiness over HTTP, for the probes of a Pod | no |
//! | `sim` | a Kubernetes API in memory, to try this and other controllers | no |
//!
//! kube's TLS features and a version feature of k8s-openapi are the embedder's choice; none is switched on here. A client
//! that kube made from a `Config` retries by itself (`default_retry`), POST included: switch that off for this controller,
//! which retries with what it knows by then.
//!
//! # Rust version
//! 1.89, as kube 5 asks for.
#![forbid(unsafe_code)]

mod controller;

mod handle;

mod source;

mod slim;

pub mod translate;

mod feed;

mod routes;

pub mod bind;

mod driver;

mod record;

mod clock;

pub mod execute;

pub mod claims;

pub mod marks;

mod dry_run;

mod observe;

mod finding;

mod status;

#[cfg(feature = "http-server")]
pub mod http;

mod causes;
mod error;

#[cfg(feature = "sim")]
pub mod sim;

pub use bind::ResolveBindings;
pub use claims::ClaimStore;
pub use controller::{Builder, Controller};
pub use error::Error;
#[cfg(feature = "clb")]
pub use execute::Clb;
pub use execute::LoadBalancer;
pub use finding::Finding;
pub use handle::{Drained, Handle};
pub use marks::PodMarks;
pub use observe::wording;
pub use status::Status;
pub use translate::PolicyDefaults;

/// The code in the README, compiled.
#[cfg(all(doctest, feature = "clb"))]
#[doc = include_str!("../../README.md")]
struct Readme;
