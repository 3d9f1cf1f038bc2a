//! What the server fills in when an object is created.

use serde_json::{Map, Value, json};

use super::{
    kind::{
        DEPLOYMENTS, DISRUPTION_BUDGETS, ENDPOINT_SLICES, INGRESSES, Kind, NAMESPACES, PODS, REPLICA_SETS,
        SERVICES, STATEFUL_SETS,
    },
    object,
};

/// Addresses and ports that Services are given.
#[derive(Debug, Default)]
pub(crate) struct ServicePool {
    handed_out: u16,
}

/// Sets the defaults of a kind and its first status.
pub(crate) fn complete(kind: &'static Kind, value: &mut Value, services: &mut ServicePool) {
    if kind.is(&PODS) {
        pod(value);
    } else if kind.is(&SERVICES) {
        service(value, services);
    } else if kind.is(&DEPLOYMENTS) {
        let spec = workload(value);
        object::default(spec, "progressDeadlineSeconds", 600);
        object::default(spec, "strategy", json!({}));
        if let Some(strategy) = spec.get_mut("strategy").and_then(Value::as_object_mut) {
            object::default(strategy, "type", "RollingUpdate");
            if strategy["type"] == "RollingUpdate" {
                object::default(strategy, "rollingUpdate", json!({}));
                if let Some(rolling) = strategy["rollingUpdate"].as_object_mut() {
                    object::default(rolling, "maxUnavailable", "25%");
                    object::default(rolling, "maxSurge", "25%");
                }
            }
        }
        value["status"] = json!({});
    } else if kind.is(&REPLICA_SETS) {
        workload(value);
        value["status"] = json!({"replicas": 0});
    } else if kind.is(&STATEFUL_SETS) {
        let spec = workload(value);
        object::default(spec, "podManagementPolicy", "OrderedReady");
        object::default(spec, "updateStrategy", json!({"type": "RollingUpdate"}));
        value["status"] = json!({"replicas": 0});
    } else if kind.is(&NAMESPACES) {
        let name = object::name(value).to_owned();
        let metadata = object::metadata(value);
        object::default(metadata, "labels", json!({}));
        metadata["labels"]["kubernetes.io/metadata.name"] = name.into();
        value["spec"] = json!({"finalizers": ["kubernetes"]});
        value["status"] = json!({"phase": "Active"});
    } else if kind.is(&INGRESSES) {
        value["status"] = json!({"loadBalancer": {}});
    } else if kind.is(&DISRUPTION_BUDGETS) {
        value["status"] =
            json!({"disruptionsAllowed": 0, "currentHealthy": 0, "desiredHealthy": 0, "expectedPods": 0});
    } else if kind.is(&ENDPOINT_SLICES) {
        each(value, "/ports", |port| {
            object::default(port, "name", "");
            object::default(port, "protocol", "TCP");
        });
    }
}

fn pod(value: &mut Value) {
    let spec = object::section(value, "spec");
    object::default(spec, "terminationGracePeriodSeconds", 30);
    object::default(spec, "restartPolicy", "Always");
    object::default(spec, "dnsPolicy", "ClusterFirst");
    object::default(spec, "schedulerName", "default-scheduler");
    if let Some(containers) = spec.get_mut("containers").and_then(Value::as_array_mut) {
        for container in containers {
            each(container, "/ports", |port| object::default(port, "protocol", "TCP"));
        }
    }
    value["status"] = json!({"phase": "Pending", "qosClass": "BestEffort"});
}

fn service(value: &mut Value, pool: &mut ServicePool) {
    let spec = object::section(value, "spec");
    object::default(spec, "type", "ClusterIP");
    object::default(spec, "sessionAffinity", "None");
    let kind = spec["type"].clone();
    if kind != "ExternalName" {
        pool.handed_out += 1;
        let [high, low] = pool.handed_out.to_be_bytes();
        object::default(spec, "clusterIP", format!("10.96.{high}.{low}"));
        let address = spec["clusterIP"].clone();
        object::default(spec, "clusterIPs", json!([address]));
        object::default(spec, "ipFamilies", json!(["IPv4"]));
        object::default(spec, "ipFamilyPolicy", "SingleStack");
        object::default(spec, "internalTrafficPolicy", "Cluster");
    }
    let outside = kind == "LoadBalancer" || kind == "NodePort";
    if outside {
        object::default(spec, "externalTrafficPolicy", "Cluster");
    }
    if kind == "LoadBalancer" {
        object::default(spec, "allocateLoadBalancerNodePorts", true);
    }
    let wants_node_ports = outside && spec.get("allocateLoadBalancerNodePorts") != Some(&Value::Bool(false));
    each(value, "/spec/ports", |port| {
        object::default(port, "protocol", "TCP");
        let own = port.get("port").cloned().unwrap_or(Value::Null);
        object::default(port, "targetPort", own);
        if wants_node_ports && !port.contains_key("nodePort") {
            pool.handed_out += 1;
            port.insert("nodePort".into(), (30_000 + u32::from(pool.handed_out) % 2_768).into());
        }
    });
    value["status"] = json!({"loadBalancer": {}});
}

fn workload(value: &mut Value) -> &mut Map<String, Value> {
    let spec = object::section(value, "spec");
    object::default(spec, "replicas", 1);
    spec
}

/// Calls `set` for each map in the list at a pointer.
fn each(value: &mut Value, pointer: &str, mut set: impl FnMut(&mut Map<String, Value>)) {
    let items = value.pointer_mut(pointer).and_then(Value::as_array_mut);
    items.into_iter().flatten().filter_map(Value::as_object_mut).for_each(&mut set);
}
