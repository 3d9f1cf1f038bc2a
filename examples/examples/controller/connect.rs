//! The CLB and the cluster: who is asked, with which credential. Nothing is sent here.

use clb_client::Client;
use clb_client::credential::Chain;
use clb_client::transport::HttpTransport;
use k8s_watch::Clb;
use kube::Config;
use kube::config::{InferConfigError, KubeconfigError};

use crate::flags::Settings;
use crate::refusal::{Causes, Refusal};

/// The CLBs of the region.
pub(crate) fn clb(settings: &Settings) -> Result<Clb, Refusal> {
    let transport = HttpTransport::new().map_err(|why| Refusal::because(Causes(&why)))?;
    // Without them neither a CLB nor, whatever its address, the API server is reached.
    transport.load_certificates().map_err(|why| Refusal::because(Causes(&why)))?;
    let credentials = Chain::standard(transport.clone()).map_err(|why| Refusal::because(Causes(&why)))?;
    let client = Client::with_transport(settings.region.clone(), credentials, transport);
    Ok(Clb::new(client.with_endpoint(settings.endpoint.clone())))
}

/// The cluster that the kubeconfig names, else the one this Pod is in.
pub(crate) async fn kubernetes() -> Result<kube::Client, Refusal> {
    let mut config = Config::infer().await.map_err(|why| no_cluster(&why))?;
    // Waiting and trying again is the controller's; kube would also repeat writes.
    config.default_retry = false;
    kube::Client::try_from(config).map_err(|why| Refusal::new("no way to the API server", Causes(&why)))
}

/// Neither a kubeconfig nor a cluster around this process.
fn no_cluster(error: &InferConfigError) -> Refusal {
    let cause = std::error::Error::source(error).and_then(|cause| cause.downcast_ref::<KubeconfigError>());
    let set = std::env::var_os("KUBECONFIG").is_some_and(|value| !value.is_empty());
    let place = if set { "the kubeconfig that KUBECONFIG names" } else { "the kubeconfig ~/.kube/config" };
    let outside = "and this process is in no Pod";
    Refusal::because(match cause {
        Some(KubeconfigError::ReadConfig(why, path)) => format!(
            "no cluster: the kubeconfig {} cannot be read ({why}), {outside}; set KUBECONFIG to one that can",
            path.display()
        ),
        // The parser quotes the lines around, and those hold tokens.
        Some(KubeconfigError::Parse(why)) => {
            let line = why.location().map(|at| format!(" in line {}", at.line())).unwrap_or_default();
            format!("no cluster: {place} has an error{line}, {outside}; correct it")
        }
        Some(KubeconfigError::CurrentContextNotSet) => {
            format!(
                "no cluster: {place} has no current-context, {outside}; `kubectl config use-context` sets it"
            )
        }
        Some(KubeconfigError::LoadContext(name)) => format!(
            "no cluster: {place} has no context `{name}`, {outside}; `kubectl config get-contexts` lists them, \
             `kubectl config use-context` chooses one"
        ),
        Some(other) => format!("no cluster: {place}: {other}, {outside}; correct it"),
        None => format!("no cluster: {error}"),
    })
}
