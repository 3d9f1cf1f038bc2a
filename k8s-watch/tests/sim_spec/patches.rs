//! Patches and replacements: what each kind of patch keeps, and which writes are refused.

use k8s_openapi::api::core::v1::Pod;
use kube::api::{Patch, PatchParams, PostParams};
use serde_json::{Value, json};

use crate::harness::{Shop, refusal, shop};

const GATE: &str = "cloud.tencent.com/load-balancer-backendgroup-ready";

fn gate() -> Value {
    json!({"status": {"conditions": [{"type": GATE, "status": "True"}]}})
}

async fn conditions(shop: &Shop, patch: &Patch<Value>) -> Vec<String> {
    shop.ready_pod("web-1", "10.0.0.1");
    let pod = shop.pods.patch_status("web-1", &PatchParams::default(), patch).await.unwrap();
    pod.status.unwrap().conditions.unwrap_or_default().into_iter().map(|c| c.type_).collect()
}

#[tokio::test(start_paused = true)]
async fn a_merge_patch_of_conditions_loses_ready() {
    assert_eq!(conditions(&shop(), &Patch::Merge(gate())).await, [GATE]);
}

#[tokio::test(start_paused = true)]
async fn a_strategic_patch_of_conditions_keeps_ready() {
    assert_eq!(conditions(&shop(), &Patch::Strategic(gate())).await, [GATE, "Ready"]);
}

#[tokio::test(start_paused = true)]
async fn a_patch_for_another_uid_is_invalid() {
    let shop = shop();
    shop.ready_pod("web-1", "10.0.0.1");
    let mut patch = gate();
    patch["metadata"] = json!({"uid": "another"});
    let refused = shop.pods.patch_status("web-1", &PatchParams::default(), &Patch::Strategic(patch)).await;
    assert_eq!(refusal(refused), (422, "Invalid".into()));
}

#[tokio::test(start_paused = true)]
async fn a_patch_with_a_stale_version_conflicts() {
    let shop = shop();
    shop.ready_pod("web-1", "10.0.0.1");
    let stale = json!({"metadata": {"resourceVersion": "1", "labels": {"a": "b"}}});
    let refused = shop.pods.patch("web-1", &PatchParams::default(), &Patch::Merge(stale)).await;
    assert_eq!(refusal(refused), (409, "Conflict".into()));
}

#[tokio::test(start_paused = true)]
async fn a_patch_that_changes_nothing_is_no_event() {
    let shop = shop();
    shop.ready_pod("web-1", "10.0.0.1");
    let mut watch = shop.watch().await;
    let same = json!({"metadata": {"labels": {"app": "web"}}});
    shop.pods.patch("web-1", &PatchParams::default(), &Patch::Merge(same)).await.unwrap();
    assert!(watch.seen().await.is_empty());
}

#[tokio::test(start_paused = true)]
async fn the_deletion_grace_cannot_be_patched() {
    let shop = shop();
    shop.ready_pod("web-1", "10.0.0.1");
    shop.delete("web-1", &crate::harness::grace(30)).await.unwrap();
    let shorter = json!({"metadata": {"deletionGracePeriodSeconds": 1}});
    let refused = shop.pods.patch("web-1", &PatchParams::default(), &Patch::Merge(shorter)).await;
    assert_eq!(refusal(refused), (422, "Invalid".into()));
}

#[tokio::test(start_paused = true)]
async fn the_status_of_a_terminating_pod_can_be_patched() {
    let shop = shop();
    shop.ready_pod("web-1", "10.0.0.1");
    shop.delete("web-1", &crate::harness::grace(30)).await.unwrap();
    let pod =
        shop.pods.patch_status("web-1", &PatchParams::default(), &Patch::Strategic(gate())).await.unwrap();
    assert_eq!(pod.status.unwrap().conditions.unwrap().len(), 2);
}

#[tokio::test(start_paused = true)]
async fn spec_and_status_are_written_apart() {
    let shop = shop();
    shop.ready_pod("web-1", "10.0.0.1");
    let both = json!({"metadata": {"labels": {"a": "b"}}, "status": {"phase": "Failed"}});
    let pod = shop.pods.patch("web-1", &PatchParams::default(), &Patch::Merge(both)).await.unwrap();
    assert_eq!(pod.status.unwrap().phase.as_deref(), Some("Running"));
    let both = json!({"spec": {"nodeName": "n2"}, "status": {"phase": "Failed"}});
    let pod = shop.pods.patch_status("web-1", &PatchParams::default(), &Patch::Merge(both)).await.unwrap();
    assert_eq!(pod.spec.unwrap().node_name.as_deref(), Some("n1"));
    assert_eq!(pod.status.unwrap().phase.as_deref(), Some("Failed"));
}

#[tokio::test(start_paused = true)]
async fn the_pod_ip_is_mirrored() {
    let shop = shop();
    shop.pod("web-1", &json!({}));
    let ip = json!({"status": {"podIP": "10.0.0.7"}});
    let pod = shop.pods.patch_status("web-1", &PatchParams::default(), &Patch::Merge(ip)).await.unwrap();
    assert_eq!(pod.status.unwrap().pod_ips.unwrap()[0].ip, "10.0.0.7");
    let odd = json!({"status": {"podIP": "10.0.0.007"}});
    let refused = shop.pods.patch_status("web-1", &PatchParams::default(), &Patch::Merge(odd)).await;
    assert_eq!(refusal(refused), (422, "Invalid".into()));
}

#[tokio::test(start_paused = true)]
async fn a_replacement_needs_the_newest_version() {
    let shop = shop();
    shop.ready_pod("web-1", "10.0.0.1");
    let mut first: Pod = shop.pods.get("web-1").await.unwrap();
    let second = first.clone();
    first.metadata.labels.get_or_insert_default().insert("a".into(), "b".into());
    let replaced = shop.pods.replace("web-1", &PostParams::default(), &first).await.unwrap();
    assert_ne!(replaced.metadata.resource_version, second.metadata.resource_version);
    let refused = shop.pods.replace("web-1", &PostParams::default(), &second).await;
    assert_eq!(refusal(refused), (409, "Conflict".into()));
}

#[tokio::test(start_paused = true)]
async fn a_missing_pod_is_not_found() {
    let shop = shop();
    let refused = shop.pods.patch_status("web-1", &PatchParams::default(), &Patch::Strategic(gate())).await;
    assert_eq!(refusal(refused), (404, "NotFound".into()));
}

#[tokio::test(start_paused = true)]
async fn the_spec_of_a_pod_is_fixed() {
    let shop = shop();
    shop.ready_pod("web-1", "10.0.0.1");
    for (spec, accepted) in [
        (json!({"terminationGracePeriodSeconds": 5}), false),
        (json!({"nodeName": "n2"}), false),
        (json!({"containers": [{"name": "web", "image": "web:2"}]}), true),
    ] {
        let patch = Patch::Merge(json!({"spec": spec}));
        let patched = shop.pods.patch("web-1", &PatchParams::default(), &patch).await;
        assert_eq!(patched.is_ok(), accepted, "{spec}");
    }
}
