//! The controller under test, as a process of its own would run it: with its own runtime, which can be taken away.

use std::time::Duration;

use clb_client::Region;
use k8s_watch::{Controller, PolicyDefaults};
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Client, Config};
use serde_json::Value;
use tokio::runtime::{Builder, Runtime};
use tokio::sync::oneshot;

use super::Clb;
use super::scene::CONFIG_DRAIN;

/// How a controller reaches its cluster, and what it looks after.
#[derive(Clone)]
pub(crate) struct Access {
    pub(crate) kubeconfig: Value,
    /// The only namespace that is watched; `None` for all.
    pub(crate) namespace: Option<String>,
    pub(crate) state: String,
}

/// A running controller.
pub(crate) struct Grace {
    runtime: Option<Runtime>,
    stop: Option<oneshot::Sender<()>>,
    ended: oneshot::Receiver<Result<(), String>>,
}

impl Grace {
    pub(crate) fn start(access: &Access, clb: &Clb) -> Self {
        // What the controller says of itself, where somebody asks for it by RUST_LOG.
        if let Ok(filter) = tracing_subscriber::EnvFilter::try_from_default_env() {
            let _ = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).try_init();
        }
        let runtime = Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let (stop, stopped) = oneshot::channel::<()>();
        let (tell, ended) = oneshot::channel();
        let (access, simulator) = (access.clone(), clb.simulator.clone());
        runtime.spawn(async move {
            let clb = k8s_watch::Clb::new(simulator.client(Region::new("ap-guangzhou").unwrap()));
            let mut builder = Controller::builder(connect(access.kubeconfig).await, clb);
            if let Some(namespace) = access.namespace {
                builder = builder.namespace(&namespace);
            }
            let controller = builder
                .state_namespace(&access.state)
                .resync(RESYNC)
                .event_counts(EVENT_COUNTS)
                .watch_limit(WATCH_LIMIT)
                .policy_defaults(PolicyDefaults { config_drain: CONFIG_DRAIN, ..PolicyDefaults::default() })
                .build();
            let shutdown = async {
                let _ = stopped.await;
            };
            let _ = tell.send(controller.run(shutdown).await.map_err(|error| format!("{error:?}")));
        });
        Self { runtime: Some(runtime), stop: Some(stop), ended }
    }

    /// Takes the runtime away: every task ends where it waits, every connection breaks.
    pub(crate) fn kill(mut self) {
        self.runtime.take().unwrap().shutdown_background();
    }

    /// The end that an operator asks for; within 5 s.
    pub(crate) async fn stop(mut self) {
        let _ = self.stop.take().unwrap().send(());
        let ended = tokio::time::timeout(Duration::from_secs(5), &mut self.ended).await;
        ended.expect("the controller ends within 5 s").unwrap().unwrap();
    }
}

impl Drop for Grace {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

/// A client without retries of its own: waiting belongs to the controller.
async fn connect(kubeconfig: Value) -> Client {
    let kubeconfig: Kubeconfig = serde_json::from_value(kubeconfig).unwrap();
    let mut config = Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default()).await.unwrap();
    config.default_retry = false;
    Client::try_from(config).unwrap()
}

/// Short, so that what a resync repairs is repaired within a test.
const RESYNC: Duration = Duration::from_secs(2);
/// Short, so that counts of Events are seen within a test.
const EVENT_COUNTS: Duration = Duration::from_secs(3);
/// Short, so that every test sees watches end in peace, and a silent one is given up within a test.
const WATCH_LIMIT: Duration = Duration::from_secs(4);
