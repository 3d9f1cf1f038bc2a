//! An EndpointSlice into what the core wants to know of it.

use std::net::IpAddr;
use std::num::NonZeroU16;

use grace_core::{EndpointFacts, ObjectName, PortName, SliceFacts, Uid};

use super::pod::is_pod_address;
use crate::slim::{Endpoint, EndpointSlice};

/// The facts of a slice; `None` when it belongs to no Service, or was written by somebody else than the EndpointSlice
/// controller: only that one follows the Pods' state.
pub(crate) fn slice_facts(key: ObjectName, slice: &EndpointSlice) -> Option<SliceFacts> {
    let labels = slice.meta.as_ref()?.labels.as_ref()?;
    let service = labels.service.as_deref().filter(|service| !service.is_empty())?;
    let foreign = labels.managed_by.as_deref().is_some_and(|writer| writer != EndpointSlice::WRITER);
    if foreign || slice.address_type.as_deref() == Some("FQDN") {
        return None;
    }
    let ports = slice.ports.iter().flatten().filter_map(|port| {
        let number = u16::try_from(port.port?).ok().and_then(NonZeroU16::new)?;
        Some((PortName::from(port.name.as_deref().unwrap_or_default()), number))
    });
    Some(SliceFacts {
        service: ObjectName::new(key.namespace.clone(), service),
        ports: ports.collect(),
        endpoints: slice
            .endpoints
            .iter()
            .flatten()
            .filter_map(|endpoint| endpoint_facts(&key.namespace, endpoint))
            .collect(),
        key,
    })
}

/// An endpoint without a Pod of the same namespace behind it is none of ours.
fn endpoint_facts(namespace: &str, endpoint: &Endpoint) -> Option<EndpointFacts> {
    let target = endpoint.target.as_ref()?;
    let elsewhere = target.namespace.as_deref().is_some_and(|other| other != namespace);
    if target.kind.as_deref() != Some("Pod") || elsewhere {
        return None;
    }
    let ip: IpAddr = endpoint.addresses.as_ref()?.first()?.parse().ok()?;
    let conditions = endpoint.conditions.clone().unwrap_or_default();
    is_pod_address(ip).then_some(EndpointFacts {
        pod: Uid::of(target.uid.as_deref().filter(|uid| !uid.is_empty())?),
        ip,
        // KEP-1672: `serving` that is null is what `ready` says, `ready` that is null is true.
        serving: conditions.serving.or(conditions.ready).unwrap_or(true),
        terminating: conditions.terminating.unwrap_or(false),
    })
}

impl EndpointSlice {
    const WRITER: &'static str = "endpointslice-controller.k8s.io";
}
