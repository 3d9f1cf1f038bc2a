//! The EndpointSlice controller: which Pods serve a Service, and how ready they are.
//!
//! Follows `pkg/controller/endpointslice` of Kubernetes, save that Pods on unknown Nodes are listed too.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::IpAddr,
    sync::Arc,
    time::Duration,
};

use serde_json::{Map, Value, json};

use super::{
    cluster::Cluster,
    delete::DeleteOptions,
    follow::{ControllerTask, Follower},
    kind::{ENDPOINT_SLICES, Kind, PODS, SERVICES},
    object,
    selector::selects,
    state::State,
    store::{Change, Key},
    write::Part,
};

impl Cluster {
    /// Keeps the EndpointSlices of all Services, `lag` behind the Pods (real controllers: 1 to 13 ms).
    ///
    /// # Panics
    /// Outside a tokio runtime.
    pub fn run_endpoint_slices(&self, lag: Duration) -> ControllerTask {
        let shared = self.shared.clone();
        let mut follower = Follower::new(&shared, &[&SERVICES, &PODS, &ENDPOINT_SLICES], lag);
        ControllerTask::spawn(async move {
            loop {
                let changes = follower.next().await;
                shared.write(|state| {
                    for (namespace, service) in touched(state, &changes) {
                        reconcile(state, &namespace, &service);
                    }
                });
            }
        })
    }
}

/// The Services that changes concern.
fn touched(state: &State, changes: &[(&'static Kind, Change)]) -> BTreeSet<Key> {
    let mut touched = BTreeSet::new();
    for (kind, change) in changes {
        let namespace = object::namespace(&change.object);
        if kind.is(&SERVICES) {
            touched.insert((namespace.to_owned(), object::name(&change.object).to_owned()));
        } else if kind.is(&ENDPOINT_SLICES) {
            let service = object::text(&change.object, SERVICE_LABEL);
            touched.insert((namespace.to_owned(), service.to_owned()));
        } else {
            for service in state.store.objects(&SERVICES, Some(namespace)) {
                let selector = object::map(service, "/spec/selector");
                let before = change.before.as_deref().is_some_and(|pod| selects(selector, pod));
                if before || selects(selector, &change.object) {
                    touched.insert((namespace.to_owned(), object::name(service).to_owned()));
                }
            }
        }
    }
    touched
}

/// Addresses of one family under one set of ports: what may share a slice.
type Group = (&'static str, Value);

/// By family and the text of the ports: the ports, and the endpoints by Pod name.
type Groups = BTreeMap<(&'static str, String), (Value, BTreeMap<String, Value>)>;

fn reconcile(state: &mut State, namespace: &str, name: &str) {
    let existing: Vec<Arc<Value>> = state
        .store
        .objects(&ENDPOINT_SLICES, Some(namespace))
        .filter(|s| object::text(s, SERVICE_LABEL) == name && object::text(s, MANAGER_LABEL) == MANAGER)
        .cloned()
        .collect();
    let Some(service) = state.store.object(&SERVICES, namespace, name) else {
        existing.iter().for_each(|slice| delete(state, slice));
        return;
    };
    let selector = object::map(&service, "/spec/selector");
    if selector.is_none() || object::text(&service, "/spec/type") == "ExternalName" {
        return;
    }
    let mut groups = Groups::new();
    for pod in state.store.objects(&PODS, Some(namespace)).filter(|p| selects(selector, p)) {
        for (group, endpoint) in endpoints_of(&service, pod) {
            let (family, ports) = group;
            let (_, members) =
                groups.entry((family, ports.to_string())).or_insert_with(|| (ports, BTreeMap::new()));
            members.insert(object::name(pod).to_owned(), endpoint);
        }
    }
    let groups = groups.into_iter().map(|((family, _), (ports, members))| ((family, ports), members));
    let mut plan = Plan { spare: existing, wanted: Vec::new() };
    for (group, members) in groups {
        plan.fill(group, members);
    }
    if plan.wanted.is_empty() {
        // A Service without endpoints keeps one empty slice.
        plan.wanted.push((None, (family_of(&service), json!([])), Vec::new()));
    }
    plan.carry_out(state, &service);
}

/// The endpoint of a Pod, once per address family of the Service.
fn endpoints_of(service: &Value, pod: &Value) -> Vec<(Group, Value)> {
    if object::over(pod) {
        return Vec::new();
    }
    let published = service.pointer("/spec/publishNotReadyAddresses") == Some(&Value::Bool(true));
    let (serving, terminating) = (object::condition(pod, "Ready"), object::terminating(pod));
    let ports = ports_of(service, pod);
    let families = object::list(service, "/spec/ipFamilies");
    let mut endpoints = Vec::new();
    for family in ["IPv4", "IPv6"] {
        if !families.is_empty() && !families.iter().any(|f| f == family) {
            continue;
        }
        let ip = object::list(pod, "/status/podIPs")
            .iter()
            .filter_map(|ip| object::text(ip, "/ip").parse::<IpAddr>().ok())
            .find(|ip| ip.is_ipv4() == (family == "IPv4"));
        let Some(ip) = ip else { continue };
        let mut endpoint = json!({
            "addresses": [ip.to_string()],
            "conditions": {
                "ready": published || (serving && !terminating), "serving": serving, "terminating": terminating,
            },
            "targetRef": {
                "kind": "Pod", "namespace": object::namespace(pod), "name": object::name(pod), "uid": object::uid(pod),
            },
        });
        let node = object::text(pod, "/spec/nodeName");
        if !node.is_empty() {
            endpoint["nodeName"] = node.into();
        }
        endpoints.push(((family, ports.clone()), endpoint));
    }
    endpoints
}

/// The ports of a Service as numbers of this Pod; a name that the Pod does not have is left out.
fn ports_of(service: &Value, pod: &Value) -> Value {
    let containers = object::list(pod, "/spec/containers").iter();
    let declared: Vec<_> = containers.flat_map(|c| object::list(c, "/ports")).collect();
    let mut ports = Vec::new();
    for port in object::list(service, "/spec/ports") {
        let protocol = object::text(port, "/protocol");
        let number = match port.get("targetPort").or_else(|| port.get("port")) {
            Some(Value::String(name)) => declared
                .iter()
                .find(|p| p["name"] == **name && p["protocol"] == protocol)
                .map(|p| p["containerPort"].clone()),
            Some(Value::Number(number)) if number.as_u64() == Some(0) => port.get("port").cloned(),
            other => other.cloned(),
        };
        let Some(number) = number else { continue };
        let mut resolved = json!({"name": object::text(port, "/name"), "port": number, "protocol": protocol});
        if let Some(application) = port.get("appProtocol") {
            resolved["appProtocol"] = application.clone();
        }
        ports.push(resolved);
    }
    Value::Array(ports)
}

/// Which slices there are to be: existing ones keep their endpoints, so that a change touches few of them.
struct Plan {
    /// Slices that no group has taken.
    spare: Vec<Arc<Value>>,
    /// The slice to use, if any, what it is for, and its endpoints.
    wanted: Vec<(Option<Arc<Value>>, Group, Vec<Value>)>,
}

impl Plan {
    fn fill(&mut self, group: Group, mut members: BTreeMap<String, Value>) {
        let (own, spare) = std::mem::take(&mut self.spare).into_iter().partition(|s| serves(s, &group));
        self.spare = spare;
        let mut slices: Vec<(Option<Arc<Value>>, Vec<Value>)> = Vec::new();
        for slice in own {
            let listed = object::list(&slice, "/endpoints").iter();
            let kept = listed.filter_map(|e| members.remove(object::text(e, "/targetRef/name"))).collect();
            slices.push((Some(slice), kept));
        }
        for endpoint in members.into_values() {
            match slices.iter_mut().find(|(_, kept)| kept.len() < MOST_ENDPOINTS) {
                Some((_, kept)) => kept.push(endpoint),
                None => slices.push((None, vec![endpoint])),
            }
        }
        for (slice, kept) in slices {
            if kept.is_empty() {
                self.spare.extend(slice);
            } else {
                self.wanted.push((slice, group.clone(), kept));
            }
        }
    }

    fn carry_out(mut self, state: &mut State, service: &Value) {
        for (slice, group, endpoints) in std::mem::take(&mut self.wanted) {
            // A slice that would be deleted is used again, as the real controller does.
            let reused = slice.or_else(|| {
                let at = self.spare.iter().position(|s| object::text(s, "/addressType") == group.0)?;
                Some(self.spare.remove(at))
            });
            let (family, ports) = group;
            match reused {
                Some(slice) => {
                    let mut changed = (*slice).clone();
                    changed["endpoints"] = Value::Array(endpoints);
                    changed["ports"] = ports;
                    object::metadata(&mut changed).insert("labels".into(), labels(service).into());
                    // Refused only if the slice was deleted under this lock, which cannot be.
                    let _updated = state.update(&ENDPOINT_SLICES, &slice, changed, Part::Whole);
                }
                None => create(state, service, family, &ports, endpoints),
            }
        }
        self.spare.iter().for_each(|slice| delete(state, slice));
    }
}

fn create(state: &mut State, service: &Value, family: &str, ports: &Value, endpoints: Vec<Value>) {
    let slice = json!({
        "metadata": {
            "generateName": format!("{}-", object::name(service)), "labels": labels(service),
            "ownerReferences": [{
                "apiVersion": "v1", "kind": "Service", "name": object::name(service), "uid": object::uid(service),
                "controller": true, "blockOwnerDeletion": true,
            }],
        },
        "addressType": family, "endpoints": endpoints, "ports": ports,
    });
    // Refused only in a namespace that ends; then nothing is to be created.
    let _created = state.create(&ENDPOINT_SLICES, object::namespace(service), slice);
}

fn delete(state: &mut State, slice: &Value) {
    let (namespace, name) = (object::namespace(slice), object::name(slice));
    // Gone already is as good.
    let _deleted = state.delete(&ENDPOINT_SLICES, namespace, name, &DeleteOptions::default());
}

fn labels(service: &Value) -> Map<String, Value> {
    let mut labels = object::map(service, "/metadata/labels").cloned().unwrap_or_default();
    labels.insert("kubernetes.io/service-name".into(), object::name(service).into());
    labels.insert("endpointslice.kubernetes.io/managed-by".into(), MANAGER.into());
    if object::text(service, "/spec/clusterIP") == "None" {
        labels.insert("service.kubernetes.io/headless".into(), "".into());
    }
    labels
}

fn serves(slice: &Value, (family, ports): &Group) -> bool {
    let own = object::list(slice, "/ports");
    object::text(slice, "/addressType") == *family && Some(own) == ports.as_array().map(Vec::as_slice)
}

fn family_of(service: &Value) -> &'static str {
    match object::text(service, "/spec/ipFamilies/0") {
        "IPv6" => "IPv6",
        _ => "IPv4",
    }
}

const SERVICE_LABEL: &str = "/metadata/labels/kubernetes.io~1service-name";
const MANAGER_LABEL: &str = "/metadata/labels/endpointslice.kubernetes.io~1managed-by";
const MANAGER: &str = "endpointslice-controller.k8s.io";
/// `--max-endpoints-per-slice`.
const MOST_ENDPOINTS: usize = 100;
