//! The wanted part of an EndpointSlice.

use super::field::object;
use super::{Kind, Meta};

object! {
    /// An EndpointSlice.
    struct EndpointSlice {
        /// Who it is.
        "metadata" => meta: Meta,
        /// `IPv4`, `IPv6` or `FQDN`.
        "addressType" => address_type: Box<str>,
        /// Endpoints; null when the Service has none.
        "endpoints" => endpoints: Vec<Endpoint>,
        /// Ports of all endpoints; null when the Service has none.
        "ports" => ports: Vec<EndpointPort>,
    }
}

impl Kind for EndpointSlice {
    const KIND: &'static str = "EndpointSlice";
    const GROUP: &'static str = "discovery.k8s.io";
    const PLURAL: &'static str = "endpointslices";

    fn meta(&self) -> Option<&Meta> {
        self.meta.as_ref()
    }
}

object! {
    /// One endpoint.
    struct Endpoint {
        /// Addresses, of which only the first has a meaning.
        "addresses" => addresses: Vec<Box<str>>,
        /// State; null on slices made by hand.
        "conditions" => conditions: EndpointConditions,
        /// The Pod behind it.
        "targetRef" => target: TargetRef,
    }
}

object! {
    /// State of an endpoint; each of the three may be null.
    struct EndpointConditions {
        /// Ready and not terminating, or published regardless.
        "ready" => ready: bool,
        /// Ready, terminating or not.
        "serving" => serving: bool,
        /// Has a deletion timestamp.
        "terminating" => terminating: bool,
    }
}

object! {
    /// The object behind an endpoint.
    struct TargetRef {
        /// Its kind.
        "kind" => kind: Box<str>,
        /// Its namespace.
        "namespace" => namespace: Box<str>,
        /// Its identity.
        "uid" => uid: Box<str>,
    }
}

object! {
    /// A port of the Service, resolved for the Pods of this slice.
    struct EndpointPort {
        /// Name of the Service port, empty or null for a single unnamed one.
        "name" => name: Box<str>,
        /// Number of the container port.
        "port" => port: i64,
    }
}
