//! What the EndpointSlice controller publishes.

use std::time::Duration;

use k8s_watch::sim::ControllerTask;
use serde_json::{Value, json};

use crate::harness::{Shop, grace, shop};

fn web(changes: &Value) -> Value {
    let mut service = json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": "web"},
        "spec": {"selector": {"app": "web"}, "ports": [{"name": "http", "port": 80, "targetPort": 8080}]}});
    for (field, value) in changes.as_object().unwrap() {
        service["spec"][field] = value.clone();
    }
    service
}

fn with_service(changes: &Value) -> (Shop, ControllerTask) {
    let shop = shop();
    shop.cluster.create(&web(changes)).unwrap();
    let controller = shop.cluster.run_endpoint_slices(Duration::from_millis(5));
    (shop, controller)
}

impl Shop {
    /// One line per slice: ports, then the endpoints.
    async fn slices(&self) -> Vec<String> {
        tokio::time::sleep(Duration::from_millis(50)).await;
        let line = |slice: &Value| {
            let flag = |e: &Value, name: &str| if e["conditions"][name] == true { "T" } else { "f" };
            let endpoint = |e: &Value| {
                let flags = ["ready", "serving", "terminating"].map(|name| flag(e, name)).concat();
                format!(
                    "{} {} {flags}",
                    e["targetRef"]["name"].as_str().unwrap(),
                    e["addresses"][0].as_str().unwrap()
                )
            };
            let Some(endpoints) = slice["endpoints"].as_array() else {
                return format!("ports {} endpoints {}", slice["ports"], slice["endpoints"]);
            };
            let ports: Vec<_> = slice["ports"]
                .as_array()
                .unwrap()
                .iter()
                .map(|p| format!("{}={}", p["name"].as_str().unwrap(), p["port"]))
                .collect();
            format!("{}: {}", ports.join(","), endpoints.iter().map(endpoint).collect::<Vec<_>>().join(", "))
        };
        self.cluster.objects("endpointslices", "default").iter().map(line).collect()
    }
}

#[tokio::test(start_paused = true)]
async fn conditions_follow_the_pod() {
    let (shop, _controller) = with_service(&json!({}));
    shop.pod("web-1", &json!({}));
    assert_eq!(shop.slices().await, ["ports null endpoints null"]);
    shop.ready_pod("web-2", "10.1.0.2");
    assert_eq!(shop.slices().await, ["http=8080: web-2 10.1.0.2 TTf"]);
    let ready = |value| json!({"status": {"conditions": [{"type": "Ready", "status": value}]}});
    shop.cluster.patch("pods", "default", "web-2", &ready("False")).unwrap();
    assert_eq!(shop.slices().await, ["http=8080: web-2 10.1.0.2 fff"]);
    shop.cluster.patch("pods", "default", "web-2", &ready("True")).unwrap();
    shop.delete("web-2", &grace(30)).await.unwrap();
    assert_eq!(shop.slices().await, ["http=8080: web-2 10.1.0.2 fTT"]);
    shop.cluster.patch("pods", "default", "web-2", &ready("False")).unwrap();
    assert_eq!(shop.slices().await, ["http=8080: web-2 10.1.0.2 ffT"]);
    shop.cluster.patch("pods", "default", "web-2", &json!({"status": {"phase": "Failed"}})).unwrap();
    assert_eq!(shop.slices().await, ["ports null endpoints null"]);
}

#[tokio::test(start_paused = true)]
async fn a_service_may_publish_what_is_not_ready() {
    let (shop, _controller) = with_service(&json!({"publishNotReadyAddresses": true}));
    shop.ready_pod("web-1", "10.1.0.1");
    let unready = json!({"status": {"conditions": [{"type": "Ready", "status": "False"}]}});
    shop.cluster.patch("pods", "default", "web-1", &unready).unwrap();
    assert_eq!(shop.slices().await, ["http=8080: web-1 10.1.0.1 Tff"]);
    shop.delete("web-1", &grace(30)).await.unwrap();
    assert_eq!(shop.slices().await, ["http=8080: web-1 10.1.0.1 TfT"]);
}

#[tokio::test(start_paused = true)]
async fn named_ports_group_the_pods() {
    let (shop, _controller) = with_service(
        &json!({"ports": [{"name": "http", "port": 80, "targetPort": "web"}, {"name": "raw", "port": 9000}]}),
    );
    for (name, ip, port) in [("web-1", "10.1.0.1", 8080), ("web-2", "10.1.0.2", 9090)] {
        shop.pod(name, &json!({"spec": {"containers": [{"name": "c", "ports": [{"name": "web", "containerPort": port}]}]}}));
        shop.cluster.patch("pods", "default", name, &json!({"status": {"podIP": ip}})).unwrap();
    }
    shop.ready_pod("web-3", "10.1.0.3");
    let mut slices = shop.slices().await;
    slices.sort();
    assert_eq!(
        slices,
        [
            "http=8080,raw=9000: web-1 10.1.0.1 fff",
            "http=9090,raw=9000: web-2 10.1.0.2 fff",
            "raw=9000: web-3 10.1.0.3 TTf",
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn a_slice_holds_a_hundred_endpoints() {
    let (shop, _controller) = with_service(&json!({}));
    for n in 0..101 {
        shop.ready_pod(&format!("web-{n:03}"), &format!("10.1.0.{n}"));
    }
    let counts = |slices: &[String]| -> Vec<usize> {
        let mut counts: Vec<_> = slices.iter().map(|s| s.matches("10.1.0.").count()).collect();
        counts.sort_unstable();
        counts
    };
    assert_eq!(counts(&shop.slices().await), [1, 100]);
    // Nobody moves into a gap.
    shop.delete("web-000", &grace(0)).await.unwrap();
    let slices = shop.slices().await;
    assert_eq!(slices.iter().map(|s| s.matches("10.1.0.").count()).sum::<usize>(), 100);
    assert_eq!(slices.len(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_deleted_service_takes_its_slices_along() {
    let (shop, _controller) = with_service(&json!({}));
    shop.ready_pod("web-1", "10.1.0.1");
    assert_eq!(shop.slices().await.len(), 1);
    shop.cluster.delete("services", "default", "web", None).unwrap();
    assert!(shop.slices().await.is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_pod_that_loses_the_label_leaves() {
    let (shop, _controller) = with_service(&json!({}));
    shop.ready_pod("web-1", "10.1.0.1");
    assert_eq!(shop.slices().await.len(), 1);
    shop.cluster.patch("pods", "default", "web-1", &json!({"metadata": {"labels": {"app": null}}})).unwrap();
    assert_eq!(shop.slices().await, ["ports null endpoints null"]);
}
