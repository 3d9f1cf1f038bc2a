//! The real EndpointSlice controller and the simulated one: the same slices after every step.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::pair::Pair;
use crate::rig::{MERGE, until};

#[tokio::test]
async fn slices_follow_their_pods_alike() {
    let Some(pair) = Pair::new("slices").await else { return };
    pair.service(json!([{"name": "web", "port": 80, "targetPort": 8080}, {"name": "metrics", "port": 90, "targetPort": "metrics"}])).await;
    pair.same("no Pods", &[]).await;
    pair.pod("a", 9100).await;
    pair.same("a Pod without an address", &[]).await;
    pair.kubelets(async |kubelet| kubelet.run("a", "10.1.0.1").await).await;
    pair.same("a ready Pod", &["10.1.0.1 true true false"]).await;
    pair.kubelets(async |kubelet| kubelet.ready("a", false).await).await;
    pair.same("a Pod that is not ready", &["10.1.0.1 false false false"]).await;
    pair.pod("b", 9200).await;
    pair.kubelets(async |kubelet| kubelet.run("b", "10.1.0.2").await).await;
    pair.same("a named port with two numbers", &["10.1.0.1 false false false", "10.1.0.2 true true false"])
        .await;
    pair.patch("services/web", json!({"spec": {"publishNotReadyAddresses": true}})).await;
    pair.same("published though not ready", &["10.1.0.1 true false false", "10.1.0.2 true true false"]).await;
    pair.both(async |side| side.delete(&pair.path("pods/b"), json!({})).await.ok()).await;
    pair.same("a terminating Pod", &["10.1.0.1 true false false", "10.1.0.2 true true true"]).await;
    pair.patch("services/web", json!({"spec": {"publishNotReadyAddresses": false}})).await;
    pair.same("terminating and not published", &["10.1.0.1 false false false", "10.1.0.2 false true true"])
        .await;
    pair.kubelets(async |kubelet| kubelet.end("a", "Failed").await).await;
    pair.same("a failed Pod", &["10.1.0.2 false true true"]).await;
    pair.patch("pods/b", json!({"metadata": {"labels": {"app": "other"}}})).await;
    pair.same("a Pod without the label", &[]).await;
    pair.patch("pods/b", json!({"metadata": {"labels": {"app": "web"}}})).await;
    pair.same("the label is back", &["10.1.0.2 false true true"]).await;
    pair.both(async |side| side.delete(&pair.path("pods/b"), json!({"gracePeriodSeconds": 0})).await.ok())
        .await;
    pair.same("a Pod that is gone", &[]).await;
}

impl Pair {
    /// Waits until the real controller publishes `endpoints` (address, ready, serving, terminating) and the simulated
    /// one the same slices. When its cache is behind its own writes, the real one pauses, ever longer; whatever happens to
    /// the Service ends the pause.
    async fn same(&self, step: &str, endpoints: &[&str]) {
        let mut nudged = Instant::now();
        until(step, async || {
            if nudged.elapsed() > Duration::from_secs(5) {
                nudged = Instant::now();
                let nudge = json!({"metadata": {"annotations": {"nudged": format!("{nudged:?}")}}});
                self.sides[0].patch(&self.path("services/web"), MERGE, nudge).await.ok();
            }
            let [real, simulated] = [self.slices(0).await, self.slices(1).await];
            let published: Vec<_> = real
                .iter()
                .flat_map(|slice| slice["endpoints"].as_array().cloned().unwrap_or_default())
                .collect();
            let mut published: Vec<_> = published.iter().map(shown).collect();
            published.sort_unstable();
            if published == endpoints && real == simulated {
                return Ok(());
            }
            Err(format!(
                "{published:?}\n  real      {}\n  simulated {}",
                Value::from(real),
                Value::from(simulated)
            ))
        })
        .await;
    }

    /// The slices of `web` without what differs from run to run.
    async fn slices(&self, side: usize) -> Vec<Value> {
        let path = self
            .namespace
            .group_path("discovery.k8s.io/v1", "endpointslices?labelSelector=kubernetes.io/service-name=web");
        let list = self.sides[side].get(&path).await.ok();
        let mut slices: Vec<_> = list["items"].as_array().unwrap().iter().map(plain).collect();
        slices.sort_by_key(Value::to_string);
        slices
    }
}

fn shown(endpoint: &Value) -> String {
    let conditions = ["ready", "serving", "terminating"].map(|name| endpoint["conditions"][name].to_string());
    format!("{} {}", endpoint["addresses"][0].as_str().unwrap(), conditions.join(" "))
}

fn plain(slice: &Value) -> Value {
    let metadata = &slice["metadata"];
    let mut endpoints = slice["endpoints"].clone();
    for endpoint in endpoints.as_array_mut().into_iter().flatten() {
        endpoint["targetRef"]
            .as_object_mut()
            .unwrap()
            .retain(|field, _| ["kind", "namespace", "name"].contains(&field.as_str()));
    }
    if let Some(endpoints) = endpoints.as_array_mut() {
        endpoints.sort_by_key(Value::to_string);
    }
    let mut ports = slice["ports"].clone();
    if let Some(ports) = ports.as_array_mut() {
        ports.sort_by_key(Value::to_string);
    }
    json!({"labels": metadata["labels"], "generateName": metadata["generateName"], "owner": metadata["ownerReferences"][0]["name"],
        "type": slice["addressType"], "endpoints": endpoints, "ports": ports})
}
