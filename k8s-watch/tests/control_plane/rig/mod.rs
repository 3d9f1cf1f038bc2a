//! A control plane on loopback, a namespace for each test, and a kubelet that the test plays.

mod assets;
mod audit;
mod certificates;
mod clb;
mod condition;
mod controller;
mod kubeconfig;
mod kubelet;
mod manifests;
mod namespace;
mod process;
mod relay;
mod requests;
mod scene;
mod server;

pub(crate) use audit::audited;
pub(crate) use clb::Clb;
pub(crate) use condition::until;
pub(crate) use kubelet::{Kubelet, KubeletLoop};
pub(crate) use manifests::apply_workload;
pub(crate) use namespace::{Namespace, pod_spec};
pub(crate) use relay::Relay;
pub(crate) use requests::{Answer, JSON, MERGE, Requests, STRATEGIC};
pub(crate) use scene::{CONFIG_DRAIN, Scene, Switches};
pub(crate) use server::{Server, Setup};
