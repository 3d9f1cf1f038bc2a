//! The cluster as it is, and the history of each of its objects, from which processes are told.

use std::collections::BTreeSet;
use std::num::NonZeroU16;
use std::rc::Rc;
use std::time::Duration;

use grace_core::{
    EndpointFacts, Event, Gate, Life, ObjectName, PodFacts, PortName, PreStop, RouteFacts, ServiceKey,
    SliceFacts, Source, SourceKind, StopBudget, Time, Uid,
};

use crate::place::ip;

/// Sources by position: routes come from Services.
pub(crate) const SERVICES: usize = 0;
pub(crate) const PODS: usize = 1;
pub(crate) const SLICES: usize = 2;
pub(crate) const SOURCES: usize = 3;

pub(crate) fn source(position: usize) -> Source {
    let kind = [SourceKind::Services, SourceKind::Pods, SourceKind::Slices][position];
    Source { kind, namespace: None }
}

/// A Pod as the API server has it.
#[derive(Debug)]
pub(crate) struct Pod {
    pub(crate) facts: PodFacts,
    pub(crate) service: usize,
    /// Its ordinal or number, which a successor of the same name has again.
    pub(crate) number: u32,
    pub(crate) ip: Option<u16>,
    pub(crate) serving: bool,
    /// The slices of its Service that name it, as bits.
    pub(crate) slices: u8,
    pub(crate) exists: bool,
    pub(crate) held_until: Option<Time>,
    /// Terminates without end.
    pub(crate) stuck: bool,
    object: usize,
}

impl Pod {
    pub(crate) fn is_live(&self) -> bool {
        self.exists && self.facts.life == Life::Live
    }

    pub(crate) fn is_terminating(&self) -> bool {
        self.exists && matches!(self.facts.life, Life::Terminating { .. })
    }
}

/// A Service with its slices.
#[derive(Debug)]
pub(crate) struct Service {
    pub(crate) key: ServiceKey,
    pub(crate) port: u16,
    /// The slice controller will look at it.
    pub(crate) stale: bool,
    objects: [usize; 2],
}

/// A route, and whether it exists.
#[derive(Debug)]
pub(crate) struct Route {
    pub(crate) facts: RouteFacts,
    pub(crate) service: usize,
    /// Its pools by position.
    pub(crate) at: Vec<(u8, u8)>,
    pub(crate) exists: bool,
    /// An older route of another Service has its pool.
    pub(crate) contested: bool,
    object: usize,
}

/// Everything that was ever true of one object.
#[derive(Debug)]
pub(crate) struct Object {
    pub(crate) source: usize,
    pub(crate) history: Vec<(Time, Rc<Event>)>,
}

impl Object {
    /// Position of what was true at that time.
    pub(crate) fn at(&self, time: Time) -> Option<usize> {
        self.history.iter().rposition(|(at, _)| *at <= time)
    }
}

/// Whether the statement says that the object is gone.
pub(crate) const fn is_end(event: &Event) -> bool {
    matches!(event, Event::PodGone { .. } | Event::SliceGone { .. } | Event::RouteGone { .. })
}

/// Everything that the API server knows.
#[derive(Debug, Default)]
pub(crate) struct Cluster {
    pub(crate) pods: Vec<Pod>,
    pub(crate) services: Vec<Service>,
    pub(crate) routes: Vec<Route>,
    pub(crate) objects: Vec<Object>,
    /// Addresses of Pods that are gone, to be used again.
    pub(crate) free: Vec<u16>,
    fresh: u16,
}

impl Cluster {
    fn object(&mut self, source: usize) -> usize {
        self.objects.push(Object { source, history: Vec::new() });
        self.objects.len() - 1
    }

    pub(crate) fn add_service(&mut self, port: u16) -> usize {
        let key = ObjectName::new("shop", format!("s{}", self.services.len()));
        let objects = [self.object(SLICES), self.object(SLICES)];
        self.services.push(Service { key, port, stale: false, objects });
        self.services.len() - 1
    }

    pub(crate) fn add_route(
        &mut self,
        facts: RouteFacts,
        service: usize,
        at: Vec<(u8, u8)>,
        contested: bool,
    ) {
        let object = self.object(SERVICES);
        self.routes.push(Route { facts, service, at, exists: true, contested, object });
    }

    pub(crate) fn add_pod(
        &mut self,
        service: usize,
        number: u32,
        now: Time,
        gate: Gate,
        grace: Duration,
    ) -> usize {
        let object = self.object(PODS);
        let born = self.pods.len();
        let uid = Uid::of(&format!("0a1b2c3d-0000-4000-8000-{born:012x}"));
        let facts = PodFacts {
            uid,
            name: ObjectName::new("shop", format!("s{service}-{number}")),
            ips: [None, None],
            created: now,
            life: Life::Live,
            gate,
            ready_since: None,
            unready_since: Some(now),
            weight_service: None,
            weight_ingress: None,
            ordinal: None,
            stop: StopBudget { grace, pre_stop: PreStop::None },
            drained_shown: false,
        };
        self.pods.push(Pod {
            facts,
            service,
            number,
            ip: None,
            serving: false,
            slices: 1,
            exists: true,
            held_until: None,
            stuck: false,
            object,
        });
        born
    }

    /// An address that nobody ever had.
    pub(crate) fn fresh_ip(&mut self) -> u16 {
        self.fresh += 1;
        self.fresh
    }

    /// What is to be said of a Pod now.
    pub(crate) fn pod_statement(&self, pod: usize) -> (usize, Event) {
        let pod = &self.pods[pod];
        let from = source(PODS);
        let event = if pod.exists {
            Event::Pod { from, pod: pod.facts.clone() }
        } else {
            Event::PodGone { from, uid: pod.facts.uid }
        };
        (pod.object, event)
    }

    pub(crate) fn route_object(&self, route: usize) -> usize {
        self.routes[route].object
    }

    /// What the slice controller would write for a Service now, where it differs from what it wrote.
    pub(crate) fn slice_statements(&self, service: usize) -> Vec<(usize, Event)> {
        let Service { key, port, objects, .. } = &self.services[service];
        let mut statements = Vec::new();
        for (position, suffix) in ["a", "b"].into_iter().enumerate() {
            let object = objects[position];
            let endpoints: Vec<_> = self
                .pods
                .iter()
                .filter(|pod| pod.service == service && pod.exists && pod.facts.life != Life::Over)
                .filter(|pod| pod.slices & (1 << position) != 0)
                .filter_map(|pod| {
                    let terminating = pod.is_terminating();
                    let at = pod.ip?;
                    Some(EndpointFacts { pod: pod.facts.uid, ip: ip(at), serving: pod.serving, terminating })
                })
                .collect();
            let last = self.objects[object].history.last().map(|(_, event)| &**event);
            let slice = ObjectName::new("shop", format!("{}-{suffix}", key.name));
            let event = if position == 0 || !endpoints.is_empty() {
                let ports = vec![(PortName::from(""), NonZeroU16::new(*port).expect("not 0"))];
                let slice = SliceFacts { key: slice, service: key.clone(), ports, endpoints };
                Event::Slice { from: source(SLICES), slice }
            } else if last.is_some_and(|last| !is_end(last)) {
                Event::SliceGone { from: source(SLICES), key: slice }
            } else {
                continue;
            };
            if last != Some(&event) {
                statements.push((object, event));
            }
        }
        statements
    }

    /// The addresses of all Pods that exist.
    pub(crate) fn addresses(&self) -> BTreeSet<u16> {
        self.pods.iter().filter(|pod| pod.exists).filter_map(|pod| pod.ip).collect()
    }
}
