//! A Service into its ports, each with its policy: what its routes are made of once their pools are known.

use grace_core::{LoadBalancerId, ObjectName, Policy, PortName, Time, Uid};

use super::annotation::{self, PolicyDefaults};
use crate::finding::Finding;
use crate::slim::{Annotations, Service};

/// What a Service asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ServiceFacts {
    /// Its name.
    pub(crate) name: ObjectName,
    /// Its identity.
    pub(crate) uid: Uid,
    /// When it was created.
    pub(crate) since: Time,
    /// The CLB that its annotations name.
    pub(crate) load_balancer: Option<LoadBalancerId>,
    /// Its ports; none when it has no direct access, and then nothing is written for it.
    pub(crate) ports: Vec<PortFacts>,
    /// Whether the CLB forwards straight to its Pods.
    pub(crate) direct_access: bool,
}

/// One port of a Service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct PortFacts {
    /// Its name, by which EndpointSlices refer to it.
    pub(crate) name: PortName,
    /// Protocol as the Service spells it, `TCP` or `UDP`.
    pub(crate) protocol: Box<str>,
    /// Its number, which is the port of the listener, 1 to 65535.
    pub(crate) port: u16,
    /// Protocols of the listeners that serve it; usually the Service's own.
    pub(crate) listeners: Vec<ListenerProtocol>,
    /// What its owner asked for.
    pub(crate) policy: Policy,
}

/// Protocol of a listener.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum ListenerProtocol {
    /// TCP.
    Tcp,
    /// UDP.
    Udp,
    /// TLS ended by the CLB.
    TcpSsl,
    /// QUIC.
    Quic,
    /// Layer 7, whose targets hang on rules.
    Http,
    /// Layer 7 over TLS, whose targets hang on rules.
    Https,
}

impl ListenerProtocol {
    /// The name that the CLB API and the annotation `specify-protocol` use.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Tcp => "TCP",
            Self::Udp => "UDP",
            Self::TcpSsl => "TCP_SSL",
            Self::Quic => "QUIC",
            Self::Http => "HTTP",
            Self::Https => "HTTPS",
        }
    }

    /// The protocol of that name, in capitals.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        ALL.into_iter().find(|protocol| protocol.as_str() == name)
    }

    /// What runs below it, as a Service spells it.
    #[must_use]
    pub const fn transport(self) -> &'static str {
        match self {
            Self::Tcp | Self::TcpSsl | Self::Http | Self::Https => "TCP",
            Self::Udp | Self::Quic => "UDP",
        }
    }
}

const ALL: [ListenerProtocol; 6] = [
    ListenerProtocol::Tcp,
    ListenerProtocol::Udp,
    ListenerProtocol::TcpSsl,
    ListenerProtocol::Quic,
    ListenerProtocol::Http,
    ListenerProtocol::Https,
];

/// The facts of a Service, and what its owner should mend.
pub(crate) fn service_facts(
    uid: Uid,
    name: ObjectName,
    service: &Service,
    defaults: &PolicyDefaults,
) -> (ServiceFacts, Vec<Finding>) {
    let none = Annotations::default();
    let meta = service.meta.as_ref();
    let read = annotation::of_service(meta.and_then(|m| m.annotations.as_ref()).unwrap_or(&none), defaults);
    let spec = service.spec.clone().unwrap_or_default();
    // An ExternalName has no Pods behind it.
    let direct_access = read.direct_access && spec.kind.as_deref() != Some("ExternalName");
    let numbered: Vec<(u16, &str, &str)> = spec
        .ports
        .iter()
        .flatten()
        .filter_map(|port| {
            let number = u16::try_from(port.port?).ok().filter(|number| *number > 0)?;
            Some((
                number,
                port.protocol.as_deref().unwrap_or("TCP"),
                port.name.as_deref().unwrap_or_default(),
            ))
        })
        .filter(|(_, protocol, _)| matches!(*protocol, "TCP" | "UDP"))
        .collect();
    let ports = numbered.iter().filter(|_| direct_access).map(|(number, protocol, port_name)| PortFacts {
        name: PortName::from(*port_name),
        protocol: (*protocol).into(),
        port: *number,
        listeners: listeners(*number, protocol, &numbered, read.protocols.get(number)),
        policy: Policy {
            drain: read.drain,
            default_weight: read.weights.default_weight(),
            by_ordinal: read.weights.of_port(protocol, *number),
            ignore_readiness: spec.publish_not_ready == Some(true),
            floor: defaults.floor,
            min_drain: defaults.min_drain,
            slow_start: defaults.slow_start,
            config_drain: defaults.config_drain,
        },
    });
    let facts = ServiceFacts {
        uid,
        since: meta.and_then(|meta| meta.created).unwrap_or(Time::EPOCH),
        load_balancer: read.load_balancer,
        ports: ports.collect(),
        direct_access,
        name,
    };
    (facts, read.findings)
}

/// The annotation overrides the Service. Where two of its ports share a number, each keeps the listeners that run over
/// its own transport.
fn listeners(
    number: u16,
    protocol: &str,
    all: &[(u16, &str, &str)],
    annotated: Option<&Vec<ListenerProtocol>>,
) -> Vec<ListenerProtocol> {
    let own = || ListenerProtocol::named(protocol).into_iter().collect();
    let Some(annotated) = annotated else { return own() };
    if all.iter().filter(|(other, ..)| *other == number).count() == 1 {
        return annotated.clone();
    }
    let same: Vec<_> =
        annotated.iter().copied().filter(|listener| listener.transport() == protocol).collect();
    if same.is_empty() { own() } else { same }
}
