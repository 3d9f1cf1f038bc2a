//! Kubernetes objects into facts of the core. Pure: the same object gives the same facts.

mod annotation;
mod endpoint_slice;
mod pod;
mod service;
#[cfg(test)]
mod spec;
mod spelling;
mod weights;

pub use annotation::PolicyDefaults;
pub use service::ListenerProtocol;

pub(crate) use endpoint_slice::slice_facts;
pub(crate) use pod::pod_facts;
pub(crate) use service::{PortFacts, ServiceFacts, service_facts};
