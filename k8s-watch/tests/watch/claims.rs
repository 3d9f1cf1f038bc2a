//! Claims in a ConfigMap: written by compare-and-swap, and what happens when the API server will not have them.

use std::time::Duration;

use grace_core::{Address, Failure, LaneId, ListenerId, LoadBalancerId, Pool, Revision, Success, Why};
use k8s_watch::ClaimStore;
use k8s_watch::claims::ConfigMapClaims;
use k8s_watch::execute::Attempt;
use k8s_watch::sim::{Answer, Cluster, Requests};
use serde_json::json;
use tokio::time::Instant;

const NAME: &str = "grace-claims-lb-1";

fn lane() -> LaneId {
    LaneId::LoadBalancer(LoadBalancerId::try_from("lb-1").unwrap())
}

fn web(last: u8) -> (Pool, Address) {
    let address = Address { ip: [10, 0, 0, last].into(), port: 80.try_into().unwrap() };
    (Pool::Listener(ListenerId::try_from("lbl-1").unwrap()), address)
}

fn attempt() -> Attempt {
    Attempt { deadline: Instant::now() + Duration::from_secs(15), number: 0 }
}

fn store(cluster: &Cluster) -> ConfigMapClaims {
    ConfigMapClaims::new(cluster.client(), "kube-system")
}

async fn add(store: &ConfigMapClaims, base: Option<&Revision>, last: u8) -> Result<Success, Failure> {
    store.change(&lane(), base, &[web(last)], &[], attempt()).await
}

fn kept(answer: Result<Success, Failure>) -> (Option<Revision>, Vec<(Pool, Address)>) {
    match answer {
        Ok(Success::Claims { revision, all }) => (revision, all),
        other => panic!("claims were expected, not {other:?}"),
    }
}

fn refused(answer: Result<Success, Failure>) -> (Why, Duration, String) {
    match answer {
        Err(Failure::NotExecuted { why, retry_in, detail }) => (why, retry_in, detail.into()),
        other => panic!("a refusal was expected, not {other:?}"),
    }
}

#[tokio::test(start_paused = true)]
async fn a_record_is_created_changed_and_emptied() {
    let cluster = Cluster::new();
    let store = store(&cluster);
    assert_eq!(kept(store.load(&lane(), attempt()).await), (None, vec![]));
    let (first, all) = kept(add(&store, None, 1).await);
    assert_eq!(all, [web(1)]);
    let (second, all) = kept(add(&store, first.as_ref(), 2).await);
    assert_eq!(all, [web(1), web(2)]);
    let object = cluster.object("configmaps", "kube-system", NAME).unwrap();
    assert_eq!(object["data"], json!({"lbl-1": "10.0.0.1:80 10.0.0.2:80"}));
    assert_eq!(object["metadata"]["labels"]["app.kubernetes.io/managed-by"], "k8s-watch");
    let (_, all) = kept(store.change(&lane(), second.as_ref(), &[], &[web(1), web(2)], attempt()).await);
    assert_eq!(all, []);
    let object = cluster.object("configmaps", "kube-system", NAME).unwrap();
    assert_eq!(object["data"].get("lbl-1"), None);
}

#[tokio::test(start_paused = true)]
async fn the_next_process_reads_what_this_one_wrote() {
    let cluster = Cluster::new();
    let (revision, _) = kept(add(&store(&cluster), None, 1).await);
    let next = store(&cluster);
    assert_eq!(kept(next.load(&lane(), attempt()).await), (revision.clone(), vec![web(1)]));
    // Also without having loaded it: a patch replaces the value of a key, so the rest of it must be known.
    let another = store(&cluster);
    assert_eq!(kept(add(&another, revision.as_ref(), 2).await).1, [web(1), web(2)]);
}

#[tokio::test(start_paused = true)]
async fn who_comes_second_takes_over_what_is_there() {
    let cluster = Cluster::new();
    let (ours, theirs) = (store(&cluster), store(&cluster));
    let (base, _) = kept(add(&ours, None, 1).await);
    let (newer, _) = kept(add(&theirs, base.as_ref(), 2).await);
    let conflict = add(&ours, base.as_ref(), 3).await;
    assert_eq!(conflict, Err(Failure::Conflict { revision: newer.clone(), all: vec![web(1), web(2)] }));
    // Created meanwhile.
    let conflict = add(&ours, None, 3).await;
    assert_eq!(conflict, Err(Failure::Conflict { revision: newer.clone(), all: vec![web(1), web(2)] }));
    assert_eq!(kept(add(&ours, newer.as_ref(), 3).await).1, [web(1), web(2), web(3)]);
}

#[tokio::test(start_paused = true)]
async fn a_deleted_record_is_a_conflict_with_nothing() {
    let cluster = Cluster::new();
    let store = store(&cluster);
    let (base, _) = kept(add(&store, None, 1).await);
    cluster.delete("configmaps", "kube-system", NAME, None).unwrap();
    let conflict = add(&store, base.as_ref(), 2).await;
    assert_eq!(conflict, Err(Failure::Conflict { revision: None, all: vec![] }));
    assert_eq!(kept(add(&store, None, 2).await).1, [web(2)]);
}

#[tokio::test(start_paused = true)]
async fn w10_a_missing_permission_names_verb_resource_and_object() {
    let cluster = Cluster::new();
    cluster.inject(Requests::of("configmaps"), Answer::Forbidden);
    let store = store(&cluster);
    for (verb, answer) in
        [("get", store.load(&lane(), attempt()).await), ("create", add(&store, None, 1).await)]
    {
        let (why, retry_in, detail) = refused(answer);
        assert_eq!(why, Why::Permission);
        assert!((Duration::from_secs(4)..=Duration::from_secs(6)).contains(&retry_in));
        for word in [verb, "configmaps", "kube-system/grace-claims-lb-1"] {
            assert!(detail.contains(word), "{word} in {detail}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_full_record_says_so() {
    let cluster = Cluster::new();
    let filler = "x".repeat(1_048_560);
    cluster
        .create(&json!({"apiVersion": "v1", "kind": "ConfigMap",
            "metadata": {"name": NAME, "namespace": "kube-system"}, "data": {"lbl-9": filler}}))
        .unwrap();
    let store = store(&cluster);
    let (base, all) = kept(store.load(&lane(), attempt()).await);
    assert_eq!(all, []);
    let answer = store.change(&lane(), base.as_ref(), &[web(1), web(2)], &[], attempt()).await;
    assert_eq!(refused(answer).0, Why::Full);
}

#[tokio::test(start_paused = true)]
async fn a_lost_answer_leaves_it_open_whether_it_was_written() {
    let cluster = Cluster::new();
    let store = store(&cluster);
    cluster.inject_next(1, Requests::of("configmaps").verb("create"), Answer::Lost);
    assert!(matches!(add(&store, None, 1).await, Err(Failure::Unknown { .. })));
    assert_eq!(kept(store.load(&lane(), attempt()).await).1, [web(1)]);
}

#[tokio::test(start_paused = true)]
async fn a_silent_server_is_given_up_after_ten_seconds() {
    let cluster = Cluster::new();
    let store = store(&cluster);
    cluster.inject(Requests::of("configmaps"), Answer::Silence);
    let begun = Instant::now();
    assert_eq!(refused(store.load(&lane(), attempt()).await).0, Why::Unreachable);
    assert_eq!(begun.elapsed().as_secs(), 10);
}
