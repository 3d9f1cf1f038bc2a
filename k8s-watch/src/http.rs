//! Health and readiness over HTTP, for the probes of a Pod.

use std::fmt::Write;
use std::future::Future;
use std::io;
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::get;
use tokio::net::TcpListener;
use tokio::time::timeout;

use crate::handle::Handle;
use crate::status::Status;

/// Answers `GET /healthz` and `GET /readyz` for a controller until `shutdown` ends.
///
/// `/healthz` is 200 while the loop around the core answers a question within 5 s. `/readyz` is 200 once every watched
/// kind was listed and every load balancer that this process may write was read or definitively refused; the text of a
/// 503 says what is missing.
///
/// # Errors
/// When the listener fails for good.
pub async fn serve(
    listener: TcpListener,
    handle: Handle,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> io::Result<()> {
    let service =
        Router::new().route("/healthz", get(healthz)).route("/readyz", get(readyz)).with_state(handle);
    axum::serve(listener, service).with_graceful_shutdown(shutdown).await
}

async fn healthz(State(handle): State<Handle>) -> (StatusCode, &'static str) {
    match timeout(PATIENCE, handle.query(|_| ())).await {
        Ok(Some(())) => (StatusCode::OK, "ok\n"),
        Ok(None) => (StatusCode::SERVICE_UNAVAILABLE, "the controller has ended\n"),
        Err(_) => (StatusCode::SERVICE_UNAVAILABLE, "the controller does not answer within 5 s\n"),
    }
}

async fn readyz(State(handle): State<Handle>) -> (StatusCode, String) {
    let status = handle.status();
    let status = status.borrow();
    if status.is_ready() {
        (StatusCode::OK, "ready\n".to_owned())
    } else {
        (StatusCode::SERVICE_UNAVAILABLE, missing(&status))
    }
}

/// What is missing for readiness, one thing per line.
fn missing(status: &Status) -> String {
    let mut text = String::new();
    // Writing to a String cannot fail.
    for (source, _) in status.sources.iter().filter(|(_, listed)| !**listed) {
        let _ = writeln!(text, "{source} not listed yet");
    }
    if !status.bound {
        text.push_str("the listeners of some Service not looked up yet\n");
    }
    for (lane, _) in status.lanes.iter().filter(|(_, read)| !**read) {
        let _ = writeln!(text, "{lane} not read yet");
    }
    text
}

/// How long the loop may take to answer; it never works that long between two events.
const PATIENCE: Duration = Duration::from_secs(5);

#[cfg(test)]
mod tests {
    use grace_core::{LaneId, Source, SourceKind};

    use super::*;

    #[test]
    fn what_is_missing_for_readiness_is_named() {
        let source = Source { kind: SourceKind::Pods, namespace: None };
        let lane = LaneId::LoadBalancer("lb-1".try_into().unwrap());
        let mut status = Status::new([source.clone()]);
        assert!(missing(&status).contains(&format!("{source} not listed")), "{}", missing(&status));
        status.sources.insert(source, true);
        status.bound = true;
        status.lanes.insert(lane, false);
        assert!(!status.is_ready());
        assert!(missing(&status).contains("lb-1") && missing(&status).lines().count() == 1);
    }
}
