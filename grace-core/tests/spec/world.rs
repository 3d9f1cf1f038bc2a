//! The cluster of a test: its Pods, slices and routes as they are, and which statements about them are still due.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv4Addr};
use std::num::NonZeroU16;
use std::time::Duration;

use grace_core::{
    Address, EndpointFacts, Event, Gate, LaneFacts, LaneId, Layer, Life, Limits, ListenerId, LoadBalancerId,
    ObjectName, PodFacts, Policy, Pool, PortName, PreStop, Resolution, RouteEnd, RouteFacts, RouteKey,
    SliceFacts, SliceKey, Source, SourceKind, StopBudget, TargetGroupId, Time, Uid, Weight,
};

use crate::view::View;

/// Port of every Pod where a test says nothing else.
pub(crate) const PORT: u16 = 8080;

/// When every test begins.
pub(crate) const START: Time = Time::from_unix_seconds(1_750_000_000);

/// A Pod, under the nickname by which a test calls it. `web-1` belongs to Service `web`.
#[derive(Clone, Debug)]
pub(crate) struct Pod {
    pub(crate) facts: PodFacts,
    /// What its endpoint says; readiness comes from the slices alone.
    pub(crate) serving: bool,
    /// Slices of its Service that name it. Empty: deselected.
    pub(crate) slices: BTreeSet<String>,
    /// The Service that selects it.
    pub(crate) service: String,
}

/// A Service: the ports of each of its slices.
#[derive(Clone, Debug, Default)]
pub(crate) struct Service {
    pub(crate) slices: BTreeMap<String, Vec<(PortName, u16)>>,
}

/// Everything that the API server knows, and what of it was already told to the machine.
#[derive(Clone, Debug, Default)]
pub(crate) struct World {
    pub(crate) pods: BTreeMap<String, Pod>,
    pub(crate) services: BTreeMap<String, Service>,
    pub(crate) routes: BTreeMap<String, RouteFacts>,
    pub(crate) ended: BTreeMap<String, (RouteKey, RouteEnd)>,
    pub(crate) lanes: BTreeMap<LaneId, LaneFacts>,
    pub(crate) told: View,
    born: u64,
}

impl World {
    /// The Pod of that nickname; a Pod that is mentioned for the first time is created unready.
    pub(crate) fn pod(&mut self, name: &str) -> &mut Pod {
        let service = name.rsplit_once('-').map_or(name, |(service, _)| service).to_owned();
        self.born += 1;
        let created = START + Duration::from_millis(self.born);
        self.pods.entry(name.to_owned()).or_insert_with(|| Pod {
            facts: PodFacts {
                uid: Uid::of(name),
                name: ObjectName::new("shop", name),
                ips: [Some(ip(name)), None],
                created,
                life: Life::Live,
                gate: Gate::NotDeclared,
                ready_since: None,
                unready_since: None,
                weight_service: None,
                weight_ingress: None,
                ordinal: None,
                stop: StopBudget { grace: Duration::from_secs(30), pre_stop: PreStop::None },
                drained_shown: false,
            },
            serving: false,
            slices: BTreeSet::from(["a".to_owned()]),
            service,
        })
    }

    /// The route of that nickname: `web` is the port of Service `web`, `web:2` another route to the same Service.
    pub(crate) fn route(&mut self, name: &str) -> &mut RouteFacts {
        let (service, part) = name.split_once(':').unwrap_or((name, "TCP/80"));
        self.services
            .entry(service.to_owned())
            .or_default()
            .slices
            .entry("a".to_owned())
            .or_insert_with(|| vec![(PortName::from(""), PORT)]);
        self.born += 1;
        let since = START + Duration::from_millis(self.born);
        self.ended.remove(name);
        self.routes.entry(name.to_owned()).or_insert_with(|| RouteFacts {
            key: RouteKey {
                layer: Layer::Service,
                owner: ObjectName::new("shop", service),
                part: part.into(),
            },
            uid: Uid::of(&format!("service {service}")),
            since,
            service: ObjectName::new("shop", service),
            port: PortName::from(""),
            pools: Resolution::Known(vec![(lane("lb-1"), pool("lbl-1"))]),
            policy: Policy::default(),
        })
    }

    /// The lane of that id, with the documented limits where nothing else was said.
    pub(crate) fn lane(&mut self, id: &str) -> &mut LaneFacts {
        let id = lane(id);
        let group = matches!(id, LaneId::TargetGroup(_));
        self.lanes.entry(id.clone()).or_insert_with(|| LaneFacts {
            id,
            limits: if group { Limits::of_target_group() } else { Limits::default() },
            harmful: Vec::new(),
            family: None,
        })
    }

    /// The slices that the endpoint slice controller would write.
    fn slices(&self) -> BTreeMap<SliceKey, SliceFacts> {
        let mut slices = BTreeMap::new();
        for (service_name, service) in &self.services {
            for (suffix, ports) in &service.slices {
                let members = || {
                    self.pods.values().filter(|pod| {
                        pod.service == *service_name
                            && pod.slices.contains(suffix)
                            && pod.facts.life != Life::Over
                    })
                };
                let endpoints: Vec<_> = members()
                    .flat_map(|pod| {
                        pod.facts.ips.iter().flatten().map(|ip| EndpointFacts {
                            pod: pod.facts.uid,
                            ip: *ip,
                            serving: pod.serving,
                            terminating: matches!(pod.facts.life, Life::Terminating { .. }),
                        })
                    })
                    .collect();
                // A slice holds one address family; that of the second one exists while it has endpoints.
                let (fourth, sixth): (Vec<_>, Vec<_>) = endpoints.into_iter().partition(|e| e.ip.is_ipv4());
                let service = ObjectName::new("shop", service_name.as_str());
                let ports: Vec<_> =
                    ports.iter().map(|(name, number)| (name.clone(), port(*number))).collect();
                for (family, endpoints) in [("", fourth), ("-v6", sixth)] {
                    if family.is_empty() || !endpoints.is_empty() {
                        let key = ObjectName::new("shop", format!("{service_name}-{suffix}{family}"));
                        let (service, ports) = (service.clone(), ports.clone());
                        slices.insert(key.clone(), SliceFacts { key, service, ports, endpoints });
                    }
                }
            }
        }
        slices
    }

    /// Statements about what changed since the last call: routes, then Pods, then slices.
    pub(crate) fn news(&mut self) -> Vec<Event> {
        let mut news = Vec::new();
        for (key, end) in self.ended.values() {
            if self.told.routes.contains_key(key) {
                news.push(Event::RouteGone { key: key.clone(), end: *end });
            }
        }
        for route in self.routes.values() {
            if self.told.routes.get(&route.key) != Some(route) {
                news.push(Event::Route(route.clone()));
            }
        }
        for pod in self.pods.values() {
            if self.told.pods.get(&pod.facts.uid) != Some(&pod.facts) {
                news.push(Event::Pod { from: pods(), pod: pod.facts.clone() });
            }
        }
        for uid in self.told.pods.keys() {
            if !self.pods.values().any(|pod| pod.facts.uid == *uid) {
                news.push(Event::PodGone { from: pods(), uid: *uid });
            }
        }
        let now = self.slices();
        for (key, slice) in &now {
            if self.told.slices.get(key) != Some(slice) {
                news.push(Event::Slice { from: slices(), slice: slice.clone() });
            }
        }
        for key in self.told.slices.keys().filter(|key| !now.contains_key(*key)) {
            news.push(Event::SliceGone { from: slices(), key: key.clone() });
        }
        for event in &news {
            self.told.learn(event);
        }
        news
    }

    /// A complete list of Pods.
    pub(crate) fn list_pods(&mut self) -> Vec<Event> {
        self.told.pods = self.pods.values().map(|pod| (pod.facts.uid, pod.facts.clone())).collect();
        let objects = self.told.pods.values().map(|pod| Event::Pod { from: pods(), pod: pod.clone() });
        bracketed(pods(), objects)
    }

    /// A complete list of slices.
    pub(crate) fn list_slices(&mut self) -> Vec<Event> {
        self.told.slices = self.slices();
        let objects = self.told.slices.values().map(|s| Event::Slice { from: slices(), slice: s.clone() });
        bracketed(slices(), objects)
    }

    /// A complete list of Services, as the routes that were made of them.
    pub(crate) fn list_services(&mut self) -> Vec<Event> {
        for route in self.routes.values() {
            self.told.learn(&Event::Route(route.clone()));
        }
        let source = Source { kind: SourceKind::Services, namespace: None };
        bracketed(source, self.routes.values().map(|route| Event::Route(route.clone())))
    }

    /// Everything anew, as after a start.
    pub(crate) fn relist(&mut self) -> Vec<Event> {
        let mut events = self.list_services();
        events.extend(self.list_pods());
        events.extend(self.list_slices());
        events
    }
}

fn bracketed(source: Source, objects: impl Iterator<Item = Event>) -> Vec<Event> {
    let mut events = vec![Event::ListStarted(source.clone())];
    events.extend(objects);
    events.push(Event::ListDone(source));
    events
}

/// The source of all Pods.
pub(crate) fn pods() -> Source {
    Source { kind: SourceKind::Pods, namespace: None }
}

/// The source of all slices.
pub(crate) fn slices() -> Source {
    Source { kind: SourceKind::Slices, namespace: None }
}

/// The address that belongs to a nickname: `web-1` is 10.a.b.1 with a and b taken from `web`.
pub(crate) fn ip(name: &str) -> IpAddr {
    if let Ok(ip) = name.parse() {
        return ip;
    }
    let (service, number) = name.rsplit_once('-').unwrap_or((name, "0"));
    let number: u16 = number.parse().expect("a nickname ends in a number");
    let sum = service.bytes().fold(7_u32, |sum, byte| sum.wrapping_mul(31).wrapping_add(u32::from(byte)));
    let [high, low] = number.to_be_bytes();
    let [.., second] = sum.to_be_bytes();
    IpAddr::V4(Ipv4Addr::new(10, second, high, low))
}

/// A port, which is never 0.
pub(crate) fn port(number: u16) -> NonZeroU16 {
    NonZeroU16::new(number).expect("a port is not 0")
}

/// The target address of a nickname, `10.9.9.9:80` or `web-1:9090`; without a port it is [`PORT`].
pub(crate) fn address(name: &str) -> Address {
    match name.rsplit_once(':') {
        Some((name, number)) => {
            Address { ip: ip(name), port: port(number.parse().expect("a port is a number")) }
        }
        None => Address { ip: ip(name), port: port(PORT) },
    }
}

/// A load balancer, or a target group, by its id.
pub(crate) fn lane(id: &str) -> LaneId {
    if id.starts_with("lbtg-") {
        return LaneId::TargetGroup(TargetGroupId::try_from(id).expect("a well-formed id"));
    }
    LaneId::LoadBalancer(LoadBalancerId::try_from(id).expect("a well-formed id"))
}

/// A listener by its id; `group` is all of a target group.
pub(crate) fn pool(id: &str) -> Pool {
    if id == "group" {
        return Pool::WholeGroup;
    }
    Pool::Listener(ListenerId::try_from(id).expect("a well-formed id"))
}

/// A weight.
pub(crate) fn w(value: u8) -> Weight {
    Weight::new(value).expect("0 to 100")
}
