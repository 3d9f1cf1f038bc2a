//! The API over real TCP.

use futures::{StreamExt, TryStreamExt};
use k8s_openapi::api::core::v1::Pod;
use k8s_watch::sim::Cluster;
use kube::{
    Api, Client, Config,
    api::{PostParams, WatchEvent, WatchParams},
    config::{KubeConfigOptions, Kubeconfig},
};
use serde_json::json;

#[tokio::test]
async fn a_kubeconfig_leads_to_the_same_cluster() {
    let cluster = Cluster::new();
    let server = cluster.serve().await.unwrap();
    let config = Kubeconfig::from_yaml(&server.kubeconfig()).unwrap();
    let config = Config::from_custom_kubeconfig(config, &KubeConfigOptions::default()).await.unwrap();
    let pods: Api<Pod> = Api::default_namespaced(Client::try_from(config).unwrap());
    let mut watch = pods.watch(&WatchParams::default(), "0").await.unwrap().boxed();
    let pod = json!({"metadata": {"name": "web-1"}, "spec": {"containers": [{"name": "web"}]}});
    pods.create(&PostParams::default(), &serde_json::from_value(pod).unwrap()).await.unwrap();
    let events = [watch.try_next().await.unwrap(), watch.try_next().await.unwrap()];
    assert!(matches!(&events[0], Some(WatchEvent::Bookmark(_))), "{events:?}");
    assert!(matches!(&events[1], Some(WatchEvent::Added(_))), "{events:?}");
    assert_eq!(cluster.objects("pods", "default").len(), 1);
}
