// cargo run --release -p grace-examples --example controller -- --region ap-guangzhou --http 127.0.0.1:8080
//! The program that platform engineers run: drains Pods behind the CLBs of one region, for one cluster.
//!
//! `--help` lists the flags; each has an environment variable of the same name (`GRACE_` + upper case). Bad configuration
//! ends it at once with status 2 and one line on stderr, before anything is sent. SIGTERM and SIGINT end it within 5 s
//! with status 0. An unreachable API server or CLB, or a missing permission, is told and tried again.

mod connect;
mod duration;
mod flags;
mod logging;
mod plan;
mod refusal;
mod stop;

use std::process::ExitCode;
use std::time::Duration;

use k8s_watch::{Clb, Controller, PolicyDefaults, http};
use tokio::net::TcpListener;
use tokio::runtime::Runtime;
use tokio::time::timeout;
use tracing::{error, info};

use flags::{Flags, Settings};
use refusal::Refusal;

fn main() -> ExitCode {
    match start() {
        Ok(code) => code,
        Err(refusal) => refusal.tell(),
    }
}

fn start() -> Result<ExitCode, Refusal> {
    let settings = Flags::read()?;
    // Whoever reads certificates logs each place that holds none, and a refusal is to be the only line.
    let clb = connect::clb(&settings)?;
    logging::start(settings.log_format)?;
    let runtime = Runtime::new().map_err(|why| Refusal::new("threads cannot be started", why))?;
    let code = runtime.block_on(run(settings, clb));
    // What hangs now would hang the end as well.
    runtime.shutdown_timeout(Duration::from_millis(500));
    code
}

async fn run(settings: Settings, clb: Clb) -> Result<ExitCode, Refusal> {
    let client = connect::kubernetes().await?;
    let probes = match settings.http {
        Some(address) => {
            let told = format!("--http: {address} cannot be listened on; choose a free port of this machine");
            let listener = TcpListener::bind(address).await.map_err(|why| Refusal::new(&told, why))?;
            info!(address = %listener.local_addr().unwrap_or(address), "serving /healthz and /readyz");
            Some(listener)
        }
        None => None,
    };
    let stop = stop::signals().map_err(|why| Refusal::new("signals cannot be received", why))?;

    let defaults = PolicyDefaults {
        config_drain: settings.config_drain,
        min_drain: settings.min_drain,
        floor: settings.not_ready_floor,
        ..PolicyDefaults::default()
    };
    let mut builder = Controller::builder(client, clb)
        .state_namespace(&settings.state_namespace)
        .ownership(settings.ownership)
        .resync(settings.resync)
        .policy_defaults(defaults)
        .dry_run(settings.dry_run);
    for namespace in &settings.namespaces {
        builder = builder.namespace(namespace);
    }
    for id in settings.load_balancers {
        builder = builder.load_balancer(id);
    }
    if let Some(id) = &settings.cluster_id {
        builder = builder.cluster_id(id);
    }
    let controller = builder.build();
    let handle = controller.handle();

    if let Some(listener) = probes {
        tokio::spawn(http::serve(listener, handle.clone(), stop::wait(stop.clone())));
    }
    if settings.dry_run {
        tokio::spawn(plan::print(handle, settings.log_format));
    }
    info!(
        region = %settings.region,
        state_namespace = settings.state_namespace,
        dry_run = settings.dry_run,
        "started"
    );
    let ended = tokio::select! {
        ended = controller.run(stop::wait(stop.clone())) => ended,
        () = late(stop) => Ok(()),
    };
    Ok(match ended {
        Ok(()) => {
            info!("stopped");
            ExitCode::SUCCESS
        }
        Err(why) => {
            error!("{why}");
            ExitCode::FAILURE
        }
    })
}

/// Ends when the controller had long enough to stop.
async fn late(stop: stop::Stop) {
    stop::wait(stop).await;
    // Never answers, so this is a sleep that says what it is for.
    let _ = timeout(PATIENCE, std::future::pending::<()>()).await;
}

/// After a signal everything has ended within 5 s, this and the end of the runtime included.
const PATIENCE: Duration = Duration::from_secs(3);
