//! The operator that embeds the controller, with its own resource.

use std::time::Duration;

use serde_json::json;

use crate::manifests::{admin_kubeconfig, clb, create, documents, environment, pin, settled};
use crate::program::Program;
use crate::rig::{Kubelet, Server, Setup, until as eventually};

#[tokio::test(flavor = "multi_thread")]
async fn an_operator_that_embeds_the_controller_drains_the_pods_that_it_makes() {
    let Some(server) = Server::start(Setup::default()).await else { return };
    let admin = server.admin().await;
    let [definition, shop] = &documents("shop.yaml")[..] else { panic!("a definition and an object of it") };
    create(&admin, "", definition.clone()).await;
    eventually("the definition is served", async || {
        let shops = admin.get("/apis/example.com/v1/shops").await;
        if shops.code == 200 { Ok(()) } else { Err(shops.body.to_string()) }
    })
    .await;
    create(&admin, "default", shop.clone()).await;
    let kubelet = Kubelet::new(admin.clone(), "default");
    let _node = kubelet.take_over(8, Duration::from_millis(1_500));

    let clb = clb().await;
    let environment = environment(clb.address(), admin_kubeconfig(&server));
    let environment: Vec<_> = environment.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let operator = Program::run("embed_in_operator", &[], &environment);
    operator.printed(&["books is as it should be"]).await;
    pin(&admin, "default", "books").await;
    let old = settled(&clb, 3, &[], || operator.log()).await;

    let pods = admin.get("/api/v1/namespaces/default/pods").await.ok();
    let pod = pods["items"]
        .as_array()
        .unwrap()
        .iter()
        .find(|pod| pod["status"]["podIP"] == old[0].ip().to_string())
        .unwrap();
    let name = pod["metadata"]["name"].as_str().unwrap();
    admin.delete(&format!("/api/v1/namespaces/default/pods/{name}"), json!({})).await.ok();
    settled(&clb, 3, &old[..1], || operator.log()).await;
    let weights: Vec<_> = clb.simulator().with(|account| {
        account
            .changes()
            .iter()
            .filter(|change| change.address == old[0])
            .map(|change| change.after)
            .collect()
    });
    assert_eq!(weights, [Some(10), Some(0), None], "registered, drained, and deregistered when it was gone");
}
