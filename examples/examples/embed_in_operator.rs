// cargo run --release -p grace-examples --example embed_in_operator
//! An operator with a resource of its own, `Shop`, that drains the Pods it makes: the controller runs beside its own loop.
//!
//! Needs `kubectl apply -f examples/examples/manifests/shop.yaml`, which has the definition of `Shop` and one of them.
//! Between the two lines below is all that an operator adds; the rest is the operator that was there before.

use std::{error::Error, sync::Arc, time::Duration};

use clb_client::{Client as ClbClient, Endpoint, credential::Environment};
use futures::StreamExt;
use k8s_watch::{Clb, Controller};
use kube::{
    Api, Client, Config,
    api::{ApiResource, DynamicObject, Patch, PatchParams},
    core::GroupVersionKind,
    runtime::{controller::Action, watcher},
};
use serde_json::json;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    tracing_subscriber::fmt().init();
    let mut config = Config::infer().await?;
    config.default_retry = false;
    let client = Client::try_from(config)?;

    // ---- the embedded controller -----------------------------------------------------------------------------------
    let region = std::env::var("TENCENTCLOUD_REGION")?.parse()?;
    let endpoint =
        std::env::var("GRACE_CLB_ENDPOINT").map_or_else(|_| Ok(Endpoint::nearest()), |url| url.parse())?;
    let clb = ClbClient::new(region, Environment::read()?)?.with_endpoint(endpoint);
    let drains = Controller::builder(client.clone(), Clb::new(clb)).build();
    let drains = drains.run(async { drop(tokio::signal::ctrl_c().await) });
    // ----------------------------------------------------------------------------------------------------------------

    let shops = ApiResource::from_gvk(&GroupVersionKind::gvk("example.com", "v1", "Shop"));
    let own = kube::runtime::Controller::new_with(
        Api::<DynamicObject>::all_with(client.clone(), &shops),
        watcher::Config::default(),
        shops,
    )
    .run(reconcile, |_, _, _| Action::requeue(Duration::from_secs(5)), Arc::new(client))
    .for_each(|outcome| async move {
        match outcome {
            Ok((shop, _)) => println!("{} is as it should be", shop.name),
            Err(why) => eprintln!("{why}"),
        }
    });
    tokio::select! {
        ended = drains => ended?,
        () = own => {}
    }
    Ok(())
}

/// Gives every Shop a Deployment and a Service whose Pods are drained.
async fn reconcile(shop: Arc<DynamicObject>, client: Arc<Client>) -> Result<Action, kube::Error> {
    let name = shop.metadata.name.as_deref().unwrap_or_default();
    let namespace = shop.metadata.namespace.as_deref().unwrap_or_default();
    let spec = &shop.data["spec"];
    let labels = json!({"shop": name});
    let deployment = json!({
        "apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": name},
        "spec": {"replicas": spec["replicas"], "selector": {"matchLabels": labels}, "template": {
            "metadata": {"labels": labels},
            "spec": {
                "terminationGracePeriodSeconds": 60,
                "containers": [{"name": "shop", "image": spec["image"], "lifecycle": {"preStop": {"sleep": {"seconds": 5}}}}],
            },
        }},
    });
    let service = json!({
        "apiVersion": "v1", "kind": "Service",
        "metadata": {"name": name, "annotations": {
            "service.kubernetes.io/loadbalance-id": spec["loadBalancer"],
            "service.cloud.tencent.com/direct-access": "true",
            "service.cloud.tencent.com/enable-grace-shutdown": "true",
        }},
        "spec": {"selector": labels, "ports": [{"port": 80, "targetPort": 8080}]},
    });
    for (kind, group, object) in [("Deployment", "apps", deployment), ("Service", "", service)] {
        let resource = ApiResource::from_gvk(&GroupVersionKind::gvk(group, "v1", kind));
        let api: Api<DynamicObject> = Api::namespaced_with((*client).clone(), namespace, &resource);
        api.patch(name, &PatchParams::apply("shop-operator").force(), &Patch::Apply(&object)).await?;
    }
    Ok(Action::requeue(Duration::from_secs(300)))
}
