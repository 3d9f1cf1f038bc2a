//! From start to end: readiness, a rolling update, SIGTERM in its middle, and what the log holds.

use std::time::Duration;

use k8s_watch::sim::{Answer, Requests};
use serde_json::Value;

use crate::get::get;
use crate::program::until;
use crate::world::{BEARER, KEY, TOKEN, World, answers};

#[tokio::test(flavor = "multi_thread")]
async fn readiness_waits_for_every_list_and_names_what_is_missing() {
    let world = World::new().await;
    world.web(2);
    let silent = world.cluster.inject(Requests::of("endpointslices"), Answer::Silence);
    let program = world.start(&["--http", "127.0.0.1:0"], &[]);
    let probes = program.probes().await;
    assert_eq!(get(&probes, "/healthz").await.0, 200);
    let body = answers(&probes, "/readyz", 503, &program).await;
    assert!(body.contains("endpointslices"), "{body}");
    assert_eq!(get(&probes, "/elsewhere").await.0, 404);

    world.cluster.lift(silent);
    answers(&probes, "/readyz", 200, &program).await;
    world.settled(2, &program).await;
    assert_eq!(program.terminate().await.status.code(), Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn p11_sigterm_in_the_middle_of_a_rollout_and_the_next_start_finishes() {
    let world = World::new().await;
    world.web(6);
    let first = world.start(&[], &[]);
    world.settled(6, &first).await;
    world.roll();
    let drains = || world.targets().iter().any(|(_, weight)| *weight == 0).then_some(());
    until("no target was drained", drains, || first.log()).await;

    let ended = first.terminate().await;
    assert_eq!(ended.status.code(), Some(0), "{}", ended.stderr.join("\n"));
    assert!(ended.took < Duration::from_secs(5), "{:?}", ended.took);
    assert!(ended.stderr.last().unwrap().contains("stopped"), "{:?}", ended.stderr.last());
    let writes = world.writes().len();
    let rolled = || {
        let deployment = world.cluster.object("deployments", "default", "web")?;
        (deployment["status"]["updatedReplicas"] == 6 && world.pods().len() == 6).then_some(())
    };
    until("the rollout did not end", rolled, String::new).await;
    assert_eq!(world.writes().len(), writes, "nothing is written after the end");
    assert_ne!(world.targets().len(), 0);

    let second = world.start(&[], &[]);
    world.settled(6, &second).await;
    assert_eq!(second.terminate().await.status.code(), Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn x7_no_secret_in_the_most_talkative_log_and_every_record_is_one_line() {
    let world = World::new().await;
    world.web(1);
    let program = world.start(&["--log-format", "json"], &[("RUST_LOG", "trace")]);
    world.settled(1, &program).await;
    let ended = program.terminate().await;
    assert_eq!(ended.status.code(), Some(0));
    assert!(ended.stderr.len() > 50, "the log at trace is {} lines", ended.stderr.len());
    for line in ended.stderr.iter().chain(&ended.stdout) {
        assert!(![KEY, TOKEN, BEARER].iter().any(|secret| line.contains(secret)), "{line}");
        let record: Value = serde_json::from_str(line).unwrap_or_else(|why| panic!("{why}: {line}"));
        assert!(record["level"].is_string(), "{line}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn only_the_namespaces_that_were_named_are_asked_for() {
    let world = World::new().await;
    world.web(1);
    world.cluster.add_namespace("other");
    let program =
        world.start(&["--namespace", "default", "--namespace", "other", "--state-namespace", "other"], &[]);
    world.settled(1, &program).await;
    let requests = world.cluster.requests();
    let all = |request: &&k8s_watch::sim::Request| request.namespace.is_empty();
    assert_eq!(requests.iter().find(all), None);
    assert_eq!(world.cluster.objects("configmaps", "other").len(), 1);
    assert_eq!(world.cluster.objects("configmaps", "kube-system").len(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn only_the_load_balancers_that_were_named_are_written() {
    let world = World::new().await;
    world.web(1);
    let program = world.start(&[], &[("GRACE_LOAD_BALANCER", "lb-2,lb-3")]);
    program.logged(&["LoadBalancerRefused", "lb-1", "--load-balancer"]).await;
    assert_eq!(world.writes(), [""; 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn where_the_listeners_are_its_own_it_removes_what_no_pod_wants() {
    let world = World::new().await;
    world.web(1);
    world.plant("10.9.9.9:8080".parse().unwrap(), 10);
    let program = world.start(&["--config-drain", "1s"], &[("GRACE_OWNERSHIP", "exclusive")]);
    world.settled(1, &program).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn where_another_one_registers_it_moves_only_weights() {
    let world = World::new().await;
    world.web(1);
    let pod = until("the Pod has no address", || world.pods().first().copied(), String::new).await;
    world.plant(pod, 10);
    let program = world.start(&["--ownership", "weights-only", "--http", "127.0.0.1:0"], &[]);
    answers(&program.probes().await, "/readyz", 200, &program).await;
    world.cluster.delete("pods", "default", &world.first_pod(), None).unwrap();
    let gone = || (!world.pods().contains(&pod) && world.pods().len() == 1).then_some(());
    until("the Pod was not replaced", gone, || program.log()).await;
    let drained = || (world.targets() == [(pod, 0)]).then_some(());
    until("its target was not drained", drained, || program.log()).await;
    assert_eq!(world.writes(), ["BatchModifyTargetWeight"]);
    assert_eq!(world.cluster.objects("configmaps", "kube-system").len(), 0);
}
