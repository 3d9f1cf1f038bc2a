//! The controller with its shipped role: a rolling update of the shipped workload, cut by SIGTERM.

use std::time::Duration;

use serde_json::json;

use crate::manifests::{apply, clb, documents, environment, kubeconfig, pin, settled, targets};
use crate::program::{Program, until};
use crate::rig::{Kubelet, MERGE, Server, Setup, audited, until as eventually};

const USER: &str = "system:serviceaccount:grace-system:grace-controller";

#[tokio::test(flavor = "multi_thread")]
async fn x8_p11_the_shipped_role_suffices_for_a_rollout_that_sigterm_cuts() {
    let Some(server) = Server::start(Setup::default()).await else { return };
    let admin = server.admin().await;
    for file in ["namespace", "service-account", "cluster-role", "role", "deployment"] {
        apply(&admin, "", &format!("base/{file}.yaml")).await;
    }
    // Its Pod is made, so it fits the restricted profile that the namespace enforces.
    eventually("the controller's own Pod", async || {
        let pods = admin.get("/api/v1/namespaces/grace-system/pods").await.body;
        if pods["items"].as_array().is_some_and(|pods| pods.len() == 1) {
            Ok(())
        } else {
            Err(pods.to_string())
        }
    })
    .await;
    let path = "/api/v1/namespaces/grace-system/serviceaccounts/grace-controller/token";
    let token = admin
        .create(path, json!({"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {}}))
        .await
        .ok();
    let token = token["status"]["token"].as_str().unwrap();

    let kubelet = Kubelet::new(admin.clone(), "default");
    let _node = kubelet.take_over(7, Duration::from_millis(1_500));
    apply(&admin, "default", "workload/service.yaml").await;
    apply(&admin, "default", "workload/deployment.yaml").await;
    pin(&admin, "default", "web").await;

    let clb = clb().await;
    let environment = environment(clb.address(), kubeconfig(&server, token));
    let environment: Vec<_> = environment.iter().map(|(name, value)| (*name, value.as_str())).collect();
    // As in the Deployment, save for what the Pod itself would say: its port, and its own namespace.
    let deployment = &documents("base/deployment.yaml")[0]["spec"]["template"]["spec"]["containers"][0];
    let mut flags: Vec<String> =
        deployment["args"].as_array().unwrap().iter().map(|flag| flag.as_str().unwrap().to_owned()).collect();
    flags.retain(|flag| !flag.starts_with("--http"));
    flags.push("--state-namespace=grace-system".to_owned());
    let flags: Vec<&str> = flags.iter().map(String::as_str).collect();

    let first = Program::start(&flags, &environment);
    let old = settled(&clb, 3, &[], || first.log()).await;
    let roll = json!({"spec": {"template": {"metadata": {"annotations": {"rolled": "once"}}}}});
    admin.patch("/apis/apps/v1/namespaces/default/deployments/web", MERGE, roll).await.ok();
    let drains = || targets(&clb).iter().any(|(_, weight)| *weight == 0).then_some(());
    until("no target was drained", drains, || first.log()).await;
    let ended = first.terminate().await;
    assert_eq!(ended.status.code(), Some(0), "{}", ended.stderr.join("\n"));
    assert!(ended.took < Duration::from_secs(5), "{:?}", ended.took);

    let second = Program::start(&flags, &environment);
    settled(&clb, 3, &old, || second.log()).await;
    let claims = admin.get("/api/v1/namespaces/grace-system/configmaps/grace-claims-lb-k2zjp9lv").await.ok();
    assert!(claims["data"]["lbl-80"].is_string(), "{claims}");
    let ended = second.terminate().await;
    assert_eq!(ended.status.code(), Some(0));

    let used = audited(&server.audit_log(), USER);
    let refused: Vec<_> = used.iter().filter(|request| !request.allowed).collect();
    assert!(refused.is_empty(), "the shipped role lacks {refused:?}");
    let used: Vec<String> = used
        .iter()
        .map(|request| format!("{}/{} {}", request.group, request.resource, request.verb))
        .collect();
    // `events patch` counts repeats, 30 s apart: the library's own test shows it.
    for wanted in [
        "/pods list",
        "/pods watch",
        "/services list",
        "/services watch",
        "discovery.k8s.io/endpointslices list",
        "discovery.k8s.io/endpointslices watch",
        "events.k8s.io/events create",
        "/configmaps get",
        "/configmaps create",
        "/configmaps patch",
    ] {
        assert!(used.iter().any(|used| used == wanted), "{wanted} is granted and was not used: {used:?}");
    }
}
