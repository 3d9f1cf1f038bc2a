//! The wanted part of a Service.

use super::field::object;
use super::{Kind, Meta};

object! {
    /// A Service.
    struct Service {
        /// Who it is.
        "metadata" => meta: Meta,
        /// What was asked for.
        "spec" => spec: ServiceSpec,
    }
}

impl Kind for Service {
    const KIND: &'static str = "Service";
    const GROUP: &'static str = "";
    const PLURAL: &'static str = "services";

    fn meta(&self) -> Option<&Meta> {
        self.meta.as_ref()
    }
}

object! {
    /// What was asked for.
    struct ServiceSpec {
        /// `ClusterIP`, `NodePort`, `LoadBalancer` or `ExternalName`.
        "type" => kind: Box<str>,
        /// Ports.
        "ports" => ports: Vec<ServicePort>,
        /// Traffic is wanted regardless of readiness.
        "publishNotReadyAddresses" => publish_not_ready: bool,
    }
}

object! {
    /// A port of a Service.
    struct ServicePort {
        /// Its name, null or empty for a single unnamed one.
        "name" => name: Box<str>,
        /// `TCP` when null.
        "protocol" => protocol: Box<str>,
        /// Its number, 1 to 65535.
        "port" => port: i64,
    }
}
