//! A control plane on loopback, a namespace for each test, and a kubelet that the test plays.

mod assets;
mod audit;
mod certificates;
mod condition;
mod kubeconfig;
mod kubelet;
mod namespace;
mod process;
mod requests;
mod server;

pub(crate) use audit::audited;
pub(crate) use condition::until;
pub(crate) use kubelet::Kubelet;
pub(crate) use namespace::Namespace;
pub(crate) use requests::{Answer, JSON, MERGE, Requests, STRATEGIC};
pub(crate) use server::{Server, Setup};
