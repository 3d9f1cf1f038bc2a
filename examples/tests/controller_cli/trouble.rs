//! What heals by waiting is told and tried again: the process stays, and ends when it is asked to.

use std::time::Duration;

use clb_client::sim::{Fault, On};
use k8s_watch::sim::{Answer, Requests};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use crate::program::Program;
use crate::world::{BEARER, KEY, TOKEN, World, answers, kubeconfig};

#[tokio::test(flavor = "multi_thread")]
async fn w10_a_missing_permission_is_named_and_tried_again() {
    let world = World::new().await;
    world.web(1);
    let forbidden = world.cluster.inject(Requests::of("pods"), Answer::Forbidden);
    let program = world.start(&["--http", "127.0.0.1:0"], &[]);
    program.logged(&["ERROR", "list", "pods", "allow"]).await;
    world.cluster.lift(forbidden);
    answers(&program.probes().await, "/readyz", 200, &program).await;
    world.settled(1, &program).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unwritable_state_namespace_is_named_and_heals() {
    let world = World::new().await;
    world.web(1);
    let forbidden = world.cluster.inject(Requests::of("configmaps").writes(), Answer::Forbidden);
    let program = world.start(&["--state-namespace", "kube-system"], &[]);
    program.logged(&["ClaimsRefused", "kube-system", "configmaps", "allow"]).await;
    assert_eq!(world.targets(), []);
    world.cluster.lift(forbidden);
    world.settled(1, &program).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_state_namespace_that_does_not_exist_is_named() {
    let world = World::new().await;
    world.web(1);
    let program = world.start(&["--state-namespace", "nowhere"], &[]);
    program.logged(&["ClaimsRefused", "nowhere"]).await;
    assert_eq!(world.targets(), []);
    world.cluster.add_namespace("nowhere");
    world.settled(1, &program).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_expired_token_is_told_and_the_process_stays() {
    let world = World::new().await;
    let address = refusing_everybody().await;
    let path = world.write("expired", &kubeconfig(&format!("http://{address}")));
    let mut program = world.start(&[], &[("KUBECONFIG", &path)]);
    program.logged(&["ERROR", "pods", "401", "renew the token"]).await;
    assert!(program.runs());
    stops_in_time(program).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_api_server_that_does_not_listen_is_waited_for() {
    let world = World::new().await;
    let path = world.write("gone", &kubeconfig("http://127.0.0.1:9"));
    let mut program = world.start(&[], &[("KUBECONFIG", &path)]);
    program.logged(&["pods", "trying again"]).await;
    assert!(program.runs());
    stops_in_time(program).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clb_that_does_not_answer_delays_no_end() {
    let world = World::new().await;
    world.web(1);
    world.clb.simulator().with(|account| {
        account.faults().script(On::Any, 100, Fault::SlowAnswer(Duration::from_secs(60)));
    });
    let program = world.start(&["--http", "127.0.0.1:0"], &[]);
    let body = answers(&program.probes().await, "/readyz", 503, &program).await;
    assert!(!body.is_empty());
    stops_in_time(program).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_credential_that_the_clb_refuses_is_told_without_its_key() {
    let world = World::new().await;
    world.web(1);
    let wrong = format!("{KEY}-wrong");
    let program = world.start(&[], &[("TENCENTCLOUD_SECRET_KEY", &wrong)]);
    program.logged(&["lb-1", "AuthFailure"]).await;
    stops_in_time(program).await;
}

async fn stops_in_time(program: Program) {
    let ended = program.terminate().await;
    let log = ended.stderr.join("\n");
    assert_eq!(ended.status.code(), Some(0), "{log}");
    assert!(ended.took < Duration::from_secs(5), "{:?}\n{log}", ended.took);
    assert!(![KEY, TOKEN, BEARER].iter().any(|secret| log.contains(secret)), "{log}");
}

/// An API server that answers 401 to everything, as it does when a token has expired.
async fn refusing_everybody() -> String {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    tokio::spawn(async move {
        let body = r#"{"kind":"Status","apiVersion":"v1","metadata":{},"status":"Failure","message":"Unauthorized","reason":"Unauthorized","code":401}"#;
        let answer = format!(
            "HTTP/1.1 401 Unauthorized\r\ncontent-type: application/json\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}",
            body.len()
        );
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut request = [0; 8_192];
            let _ = stream.read(&mut request).await;
            let _ = stream.write_all(answer.as_bytes()).await;
        }
    });
    address
}
