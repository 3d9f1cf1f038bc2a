//! What the controller asks of the API server, compared with what the shipped roles grant.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::rig::{Scene, Server, Setup, Switches, audited, until};

/// A request as a rule names it: namespace ("" for the cluster role), API group, resource, verb.
type Rule = (String, String, String, String);

#[tokio::test]
async fn x8_the_controller_uses_exactly_what_the_shipped_roles_grant() {
    let Some(server) = Server::start(Setup::default()).await else { return };
    let mut scene = Scene::installed(&server, "audited", Switches::Both).await;
    scene.start();
    let uid = scene.serving("web-1", "10.1.0.1").await;
    scene.serving("web-2", "10.1.0.2").await;
    // The same thing told twice is one Event, created and then patched.
    for _ in 0..2 {
        scene.clb.read_again().await;
        scene.clb.plant("10.1.0.2:8080", 77);
        until("the weight is restored", async || {
            let targets = scene.clb.targets();
            if targets.contains(&("10.1.0.2:8080".to_owned(), 10)) {
                Ok(())
            } else {
                Err(format!("{targets:?}"))
            }
        })
        .await;
    }
    scene.namespace.delete_pod("web-1").await;
    scene.clb.tells("10.1.0.1:8080", "- 10 0").await;
    scene.namespace.kubelet.remove("web-1", &uid).await.ok();
    scene.clb.tells("10.1.0.1:8080", "- 10 0 -").await;

    let granted = granted(&scene).await;
    let used = until("all that is granted was used", async || {
        let requests = audited(&server.audit_log(), &scene.namespace.user());
        let refused: Vec<_> = requests.iter().filter(|request| !request.allowed).collect();
        assert!(refused.is_empty(), "asked for without a grant: {refused:?}");
        let used: BTreeSet<Rule> = requests
            .iter()
            .map(|request| {
                let inside = request.namespace == scene.namespace.state;
                let namespace = if inside { request.namespace.clone() } else { String::new() };
                (namespace, request.group.clone(), request.resource.clone(), request.verb.clone())
            })
            .collect();
        let unused: Vec<_> = granted.difference(&used).collect();
        if unused.is_empty() { Ok(used) } else { Err(format!("granted and not used: {unused:?}")) }
    })
    .await;
    println!("{} requests are granted, each was seen, and no other:", granted.len());
    for (namespace, group, resource, verb) in &used {
        let place = if namespace.is_empty() { "everywhere" } else { namespace };
        let dot = if group.is_empty() { "" } else { "." };
        println!("  {verb} {resource}{dot}{group} {place}");
    }
    assert_eq!(used, granted, "requests seen and rules granted");
}

/// Every request that the cluster role and the role in the state namespace allow.
async fn granted(scene: &Scene) -> BTreeSet<Rule> {
    let state = &scene.namespace.state;
    let rbac = "/apis/rbac.authorization.k8s.io/v1";
    let mut granted = BTreeSet::new();
    for (namespace, path) in [
        ("", format!("{rbac}/clusterroles/grace-controller")),
        (state.as_str(), format!("{rbac}/namespaces/{state}/roles/grace-controller")),
    ] {
        let role = scene.namespace.admin.get(&path).await.ok();
        for rule in texts(&role["rules"]) {
            granted.extend(
                requests(rule).map(|(group, resource, verb)| (namespace.to_owned(), group, resource, verb)),
            );
        }
    }
    granted
}

fn requests(rule: &Value) -> impl Iterator<Item = (String, String, String)> {
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    texts(&rule["apiGroups"]).iter().flat_map(move |group| {
        texts(&rule["resources"]).iter().flat_map(move |resource| {
            texts(&rule["verbs"]).iter().map(move |verb| (text(group), text(resource), text(verb)))
        })
    })
}

fn texts(list: &Value) -> &[Value] {
    list.as_array().map_or(&[], Vec::as_slice)
}
