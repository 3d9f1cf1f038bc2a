//! What the controller asks of the API server, compared with what its roles grant.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::rig::{Audited, Scene, Server, Switches, audited, until};

#[tokio::test]
async fn x8_the_controller_uses_exactly_what_its_roles_grant() {
    let Some(scene) = Scene::new("audited", Switches::Both).await else { return };
    let uid = scene.serving("web-1", "10.1.0.1").await;
    scene.serving("web-2", "10.1.0.2").await;
    // The same thing told twice is one Event, created and then patched; counts are sent 30 s apart, so this test takes
    // longer than the others.
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
    let server = Server::shared().await.unwrap();
    until("all that is granted was used", async || {
        let used = audited(&server.audit_log(), &scene.namespace.user());
        let refused: Vec<_> = used.iter().filter(|request| !request.allowed).collect();
        assert!(refused.is_empty(), "asked for without a grant: {refused:?}");
        let unused: Vec<_> = granted.difference(&used).collect();
        if unused.is_empty() { Ok(()) } else { Err(format!("granted and not used: {unused:?}")) }
    })
    .await;
}

/// Every request that the roles of both namespaces allow.
async fn granted(scene: &Scene) -> BTreeSet<Audited> {
    let mut granted = BTreeSet::new();
    for namespace in [&scene.namespace.name, &scene.namespace.state] {
        let path = format!("/apis/rbac.authorization.k8s.io/v1/namespaces/{namespace}/roles");
        let roles = scene.namespace.admin.get(&path).await.ok();
        let rules: Vec<_> = roles["items"]
            .as_array()
            .unwrap()
            .iter()
            .flat_map(|role| texts(&role["rules"]))
            .cloned()
            .collect();
        for rule in &rules {
            for (group, resource, verb) in requests(rule) {
                granted.insert(Audited {
                    namespace: namespace.clone(),
                    group,
                    resource,
                    verb,
                    allowed: true,
                });
            }
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
