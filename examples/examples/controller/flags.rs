//! The flags: what is asked for, checked before anything is sent.

use std::net::SocketAddr;
use std::time::Duration;

use clap::builder::BoolishValueParser;
use clap::error::ErrorKind;
use clap::{ArgAction, Parser, ValueEnum};
use clb_client::{Endpoint, Region};
use grace_core::{Floor, LoadBalancerId, Ownership};

use crate::duration;
use crate::refusal::Refusal;

/// Drains Pods behind Tencent Cloud CLBs without breaking a connection.
///
/// Kubernetes is found as kubectl finds it (KUBECONFIG, ~/.kube/config), else as the Pod's own cluster. Credentials of the
/// CLB: TENCENTCLOUD_SECRET_ID, TENCENTCLOUD_SECRET_KEY and TENCENTCLOUD_TOKEN, else the identity of the Pod, the
/// credentials file, the role of the machine.
#[derive(Parser)]
#[command(name = "controller", version, args_override_self = false)]
pub(crate) struct Flags {
    /// Region of the CLBs; else TENCENTCLOUD_REGION.
    #[arg(long, env = "GRACE_REGION", hide_env_values = true)]
    region: Option<String>,
    /// Base URL of the CLB API; http:// only to a loopback address [default: https://clb.tencentcloudapi.com]
    #[arg(long, env = "GRACE_CLB_ENDPOINT", hide_env_values = true)]
    clb_endpoint: Option<String>,
    /// A namespace to watch; repeatable [default: all]
    #[arg(long, env = "GRACE_NAMESPACE", hide_env_values = true, value_delimiter = ',')]
    namespace: Vec<String>,
    /// A CLB that may be written, whatever its tags say; once one is named, only named ones may be; repeatable
    #[arg(long, env = "GRACE_LOAD_BALANCER", hide_env_values = true, value_delimiter = ',')]
    load_balancer: Vec<String>,
    /// Id of this cluster: CLBs whose tag tke-clusterId says so may be written
    #[arg(long, env = "GRACE_CLUSTER_ID", hide_env_values = true)]
    cluster_id: Option<String>,
    /// What gives the right to change a target
    #[arg(long, env = "GRACE_OWNERSHIP", hide_env_values = true, default_value = "ledger")]
    ownership: OwnedBy,
    /// How often everything is compared with the CLB
    #[arg(long, env = "GRACE_RESYNC", hide_env_values = true, default_value = "60s", value_parser = duration::at_least_a_second)]
    resync: Duration,
    /// How long a target that leaves a living Pod stays at weight 0 before it is deregistered
    #[arg(long, env = "GRACE_CONFIG_DRAIN", hide_env_values = true, default_value = "30s", value_parser = duration::parse)]
    config_drain: Duration,
    /// How long a target stays at weight 0 after its Pod is over or gone
    #[arg(long, env = "GRACE_MIN_DRAIN", hide_env_values = true, default_value = "0s", value_parser = duration::parse)]
    min_drain: Duration,
    /// How many targets of a listener keep their weight although they are not ready: 1, 2, ... or 50% [default: none]
    #[arg(long, env = "GRACE_NOT_READY_FLOOR", hide_env_values = true, value_parser = floor)]
    not_ready_floor: Option<Floor>,
    /// Address for /healthz and /readyz, such as 0.0.0.0:8080 [default: off]
    #[arg(long, env = "GRACE_HTTP", hide_env_values = true, value_parser = address)]
    http: Option<SocketAddr>,
    /// Namespace where claims live [default: own namespace in a cluster, else kube-system]
    #[arg(long, env = "GRACE_STATE_NAMESPACE", hide_env_values = true)]
    state_namespace: Option<String>,
    /// Write nothing; print each change that would be made, and why, whenever that changes
    #[arg(long, env = "GRACE_DRY_RUN", hide_env_values = true, value_parser = BoolishValueParser::new(), action = ArgAction::SetTrue)]
    dry_run: bool,
    /// Form of the log on stderr, one line per record; RUST_LOG sets the level
    #[arg(long, env = "GRACE_LOG_FORMAT", hide_env_values = true, default_value = "text")]
    log_format: LogFormat,
}

/// Form of the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum LogFormat {
    /// For people.
    Text,
    /// For machines.
    Json,
}

/// What gives the right to change a target.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum OwnedBy {
    /// A record of targets in a ConfigMap per CLB, written before the first write to a target.
    Ledger,
    /// The listeners are ours alone: whatever stands there and no Pod wants is drained and deregistered.
    Exclusive,
    /// Another controller registers and deregisters; only weights are moved.
    WeightsOnly,
}

impl From<OwnedBy> for Ownership {
    fn from(said: OwnedBy) -> Self {
        match said {
            OwnedBy::Ledger => Self::Ledger,
            OwnedBy::Exclusive => Self::Exclusive,
            OwnedBy::WeightsOnly => Self::WeightsOnly,
        }
    }
}

/// What was asked for, checked.
pub(crate) struct Settings {
    /// Region of the CLBs.
    pub(crate) region: Region,
    /// Which server is called.
    pub(crate) endpoint: Endpoint,
    /// Namespaces to watch; none: all.
    pub(crate) namespaces: Vec<String>,
    /// The only CLBs that may be written; none: see the tag rule.
    pub(crate) load_balancers: Vec<LoadBalancerId>,
    /// Id of this cluster.
    pub(crate) cluster_id: Option<String>,
    /// What gives the right to change a target.
    pub(crate) ownership: Ownership,
    /// Between two full comparisons.
    pub(crate) resync: Duration,
    /// At weight 0 before a living Pod's target goes.
    pub(crate) config_drain: Duration,
    /// At weight 0 before the target of a Pod that is gone goes.
    pub(crate) min_drain: Duration,
    /// How many targets keep their weight although they are not ready.
    pub(crate) not_ready_floor: Option<Floor>,
    /// Where health and readiness are served.
    pub(crate) http: Option<SocketAddr>,
    /// Where claims live.
    pub(crate) state_namespace: String,
    /// Write nothing.
    pub(crate) dry_run: bool,
    /// Form of the log.
    pub(crate) log_format: LogFormat,
}

impl Flags {
    /// Reads flags and environment.
    pub(crate) fn read() -> Result<Settings, Refusal> {
        Self::try_parse().map_err(|error| refused(&error))?.check()
    }

    fn check(self) -> Result<Settings, Refusal> {
        let region = self.region.or_else(|| std::env::var("TENCENTCLOUD_REGION").ok());
        let region = region.ok_or_else(|| {
            Refusal::because("no region: say --region, or set TENCENTCLOUD_REGION, to where the CLBs are, such as ap-guangzhou")
        })?;
        let region = Region::new(&region).map_err(|why| Refusal::new("--region", why))?;
        let endpoint = self.clb_endpoint.as_deref().map_or_else(|| Ok(Endpoint::nearest()), Endpoint::new);
        let endpoint = endpoint.map_err(|why| Refusal::new("--clb-endpoint", why))?;
        for namespace in &self.namespace {
            label("--namespace", namespace)?;
        }
        let balancers: Result<Vec<_>, Refusal> = self.load_balancer.iter().map(|id| balancer(id)).collect();
        if let Some(id) = &self.cluster_id {
            label("--cluster-id", id)?;
        }
        let state_namespace = self.state_namespace.or_else(own_namespace);
        let state_namespace = state_namespace.unwrap_or_else(|| "kube-system".to_owned());
        label("--state-namespace", &state_namespace)?;
        Ok(Settings {
            region,
            endpoint,
            namespaces: self.namespace,
            load_balancers: balancers?,
            cluster_id: self.cluster_id,
            ownership: self.ownership.into(),
            resync: self.resync,
            config_drain: self.config_drain,
            min_drain: self.min_drain,
            not_ready_floor: self.not_ready_floor,
            http: self.http,
            state_namespace,
            dry_run: self.dry_run,
            log_format: self.log_format,
        })
    }
}

/// What clap found, on one line.
fn refused(error: &clap::Error) -> Refusal {
    let text = error.render().to_string();
    if matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion) {
        return Refusal::Answer(text);
    }
    let lines: Vec<&str> = text
        .lines()
        .map(str::trim)
        .take_while(|line| !line.starts_with("Usage:") && !line.starts_with("For more information"))
        .filter(|line| !line.is_empty())
        .collect();
    let line = lines.join("; ").replace("found; tip", "found, tip");
    Refusal::because(format!("{}; --help lists the flags", line.trim_start_matches("error: ")))
}

fn balancer(id: &str) -> Result<LoadBalancerId, Refusal> {
    if !id.starts_with("lb-") {
        let what = format!("--load-balancer: `{id}` is not the id of a CLB");
        return Err(Refusal::new(&what, "write one like lb-k2zjp9lv"));
    }
    LoadBalancerId::try_from(id).map_err(|why| Refusal::new(&format!("--load-balancer: `{id}`"), why))
}

/// An RFC 1123 label: what namespaces are called.
fn label(flag: &str, text: &str) -> Result<(), Refusal> {
    let inner = |c: u8| c.is_ascii_lowercase() || c.is_ascii_digit();
    let (first, last) = (text.bytes().next(), text.bytes().last());
    let fits = first.is_some_and(inner)
        && last.is_some_and(inner)
        && text.len() <= 63
        && text.bytes().all(|c| inner(c) || c == b'-');
    if fits {
        return Ok(());
    }
    let what = format!("{flag}: `{text}` is no name for it");
    Err(Refusal::new(&what, "write lower-case letters, digits and hyphens, at most 63"))
}

/// A number of targets, or a share of them.
fn floor(text: &str) -> Result<Floor, String> {
    let (number, percent) = text.strip_suffix('%').map_or((text, false), |number| (number, true));
    let advice = || "write 1, 2, ... or 1% to 100%".to_owned();
    let number: u16 = number.parse().map_err(|_| advice())?;
    match (number, percent) {
        (1.., false) => Ok(Floor::Targets(number)),
        (1..=100, true) => u8::try_from(number).map(Floor::Percent).map_err(|_| advice()),
        _ => Err(advice()),
    }
}

fn address(text: &str) -> Result<SocketAddr, String> {
    text.parse().map_err(|_| "write an address and a port, such as 0.0.0.0:8080".to_owned())
}

/// The namespace of this Pod, where this is one.
fn own_namespace() -> Option<String> {
    let name = std::fs::read_to_string(OWN_NAMESPACE).ok()?;
    Some(name.trim().to_owned())
}

/// Mounted into every Pod that has a ServiceAccount.
const OWN_NAMESPACE: &str = "/var/run/secrets/kubernetes.io/serviceaccount/namespace";

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn every_flag_has_its_environment_variable() {
        let command = Flags::command();
        command.clone().debug_assert();
        for flag in command.get_arguments().filter(|flag| flag.get_env().is_some()) {
            let name = flag.get_long().unwrap();
            let variable = format!("GRACE_{}", name.to_ascii_uppercase().replace('-', "_"));
            assert_eq!(flag.get_env().unwrap().to_str(), Some(&*variable));
        }
        let without: Vec<_> = command
            .get_arguments()
            .filter(|flag| flag.get_env().is_none())
            .map(|flag| flag.get_id().as_str())
            .collect();
        assert!(without.iter().all(|name| ["help", "version"].contains(name)), "{without:?}");
    }
}
