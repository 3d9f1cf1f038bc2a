//! The only parser of annotations. A value that is not exactly right counts as absent or off, never as half on, and is
//! told.

use std::collections::BTreeMap;
use std::time::Duration;

use grace_core::{DrainOn, Floor, LoadBalancerId, Weight};

use super::service::ListenerProtocol;
use super::spelling::near_misses;
use super::weights::WeightTable;
use crate::finding::{Finding, shortened};
use crate::slim::Annotations;

/// What holds where no annotation says anything.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "written with `..PolicyDefaults::default()`")]
pub struct PolicyDefaults {
    /// Whether the CLB forwards straight to Pods: off. Clusters that switch it on for every Service set this.
    pub direct_access: bool,
    /// Whether terminating Pods are drained: off, as the annotation documents it. TKE from 2.2.0 on has it on.
    pub grace_shutdown: bool,
    /// Whether Pods that are not ready are drained: off.
    pub grace_shutdown_tkex: bool,
    /// Weight of a Pod for which nothing else is said, 0 to 100: 10, as the CLB itself gives it.
    pub weight: Weight,
    /// How many targets of a pool keep their weight although they are not ready: none, as TKE documents.
    pub floor: Option<Floor>,
    /// How long a target stays at weight 0 after its Pod is over or gone: 0 s.
    pub min_drain: Duration,
    /// Over how long a Pod that became ready gets its weight: at once.
    pub slow_start: Option<Duration>,
    /// How long a target that leaves a living Pod stays at weight 0 before it is deregistered: 30 s.
    pub config_drain: Duration,
}

impl Default for PolicyDefaults {
    fn default() -> Self {
        Self {
            direct_access: false,
            grace_shutdown: false,
            grace_shutdown_tkex: false,
            weight: Weight::DEFAULT,
            floor: None,
            min_drain: Duration::ZERO,
            slow_start: None,
            config_drain: Duration::from_secs(30),
        }
    }
}

/// What the annotations of a Service say.
pub(crate) struct ServiceAnnotations {
    /// Whether the CLB forwards straight to Pods.
    pub(crate) direct_access: bool,
    /// Which Pods are drained.
    pub(crate) drain: DrainOn,
    /// The CLB in use.
    pub(crate) load_balancer: Option<LoadBalancerId>,
    /// Configured weights.
    pub(crate) weights: WeightTable,
    /// Protocols of the listeners by Service port, where they differ from the Service's own.
    pub(crate) protocols: BTreeMap<u16, Vec<ListenerProtocol>>,
    /// What its owner should mend.
    pub(crate) findings: Vec<Finding>,
}

/// Reads the annotations of a Service.
pub(crate) fn of_service(annotations: &Annotations, defaults: &PolicyDefaults) -> ServiceAnnotations {
    let mut read = Reading { annotations, findings: near_misses(annotations) };
    let direct_access = read.switch(DIRECT_ACCESS, defaults.direct_access);
    let grace = read.switch(GRACE_SHUTDOWN, defaults.grace_shutdown);
    let tkex = read.switch(GRACE_SHUTDOWN_TKEX, defaults.grace_shutdown_tkex);
    if !direct_access {
        for (on, switch) in [(grace, GRACE_SHUTDOWN), (tkex, GRACE_SHUTDOWN_TKEX)] {
            // A switch that only the defaults turn on is nobody's mistake.
            if on && annotations.0.contains_key(switch) {
                read.findings.push(Finding::DirectAccessMissing { switch: switch.into() });
            }
        }
    }
    let drain = match (tkex, grace) {
        (true, _) => DrainOn::TerminationAndUnready,
        (false, true) => DrainOn::Termination,
        (false, false) => DrainOn::Nothing,
    };
    ServiceAnnotations {
        direct_access,
        drain,
        load_balancer: read.load_balancer(),
        weights: read
            .parsed(SERVICE_WEIGHTS, "as if it were absent", WeightTable::parse)
            .unwrap_or_else(|| WeightTable::of_default(defaults.weight)),
        protocols: read
            .parsed(SPECIFY_PROTOCOL, "the protocols of the Service's ports count", parse_protocols)
            .unwrap_or_default(),
        findings: read.findings,
    }
}

/// What the annotations of a Pod say: its weight behind Services, its weight behind Ingresses.
pub(crate) fn of_pod(annotations: &Annotations) -> (Option<Weight>, Option<Weight>, Vec<Finding>) {
    let mut read = Reading { annotations, findings: Vec::new() };
    let instead = "the weight of the Service counts; write a whole number from 0 to 100";
    let service = read.parsed(POD_WEIGHT_SERVICE, instead, parse_weight);
    let ingress = read.parsed(POD_WEIGHT_INGRESS, instead, parse_weight);
    (service, ingress, read.findings)
}

struct Reading<'a> {
    annotations: &'a Annotations,
    findings: Vec<Finding>,
}

impl Reading<'_> {
    fn value(&self, key: &str) -> Option<&str> {
        self.annotations.0.get(key).map(AsRef::as_ref)
    }

    fn invalid(&mut self, key: &str, instead: &str) {
        let value = shortened(self.value(key).unwrap_or_default());
        self.findings.push(Finding::InvalidAnnotation { key: key.into(), value, instead: instead.into() });
    }

    fn switch(&mut self, key: &str, absent: bool) -> bool {
        match self.value(key) {
            None => absent,
            Some("true") => true,
            Some("false") => false,
            Some(_) => {
                self.invalid(key, "it counts as off: write exactly \"true\" or \"false\"");
                false
            }
        }
    }

    fn parsed<T>(&mut self, key: &str, instead: &str, parse: impl Fn(&str) -> Option<T>) -> Option<T> {
        let parsed = parse(self.value(key)?);
        if parsed.is_none() {
            self.invalid(key, instead);
        }
        parsed
    }

    /// `loadbalance-id` is written by TKE and names the CLB in use; `tke-existed-lbid` is what the user asked for.
    fn load_balancer(&mut self) -> Option<LoadBalancerId> {
        let parse = |text: &str| LoadBalancerId::try_from(text).ok();
        let instead = "it names no CLB: copy the id (lb-...) from the console";
        let in_use = self.parsed(LOAD_BALANCER_IN_USE, instead, parse);
        let wished = self.parsed(LOAD_BALANCER_WISHED, instead, parse);
        if let (Some(in_use), Some(wished)) = (&in_use, &wished)
            && in_use != wished
        {
            let instead = format!(
                "{LOAD_BALANCER_IN_USE} says {in_use}, which is in use and wins: let both name one CLB"
            );
            self.invalid(LOAD_BALANCER_WISHED, &instead);
        }
        in_use.or(wished)
    }
}

/// A whole number from 0 to 100, digits only.
pub(super) fn parse_weight(text: &str) -> Option<Weight> {
    let plain = matches!(text.len(), 1..=3) && text.bytes().all(|b| b.is_ascii_digit());
    let weight = plain.then(|| text.parse::<u8>().ok())??;
    Weight::new(weight).ok()
}

/// `{"80":{"protocol":["TCP_SSL"],"tls":"secret"}}`; what else stands beside `protocol` does not matter.
fn parse_protocols(text: &str) -> Option<BTreeMap<u16, Vec<ListenerProtocol>>> {
    #[derive(serde::Deserialize)]
    struct Entry {
        #[serde(default)]
        protocol: Vec<String>,
    }
    if text.len() > MAX_JSON {
        return None;
    }
    let entries: BTreeMap<u16, Entry> = serde_json::from_str(text).ok()?;
    let mut protocols = BTreeMap::new();
    for (port, entry) in entries {
        let named: Option<Vec<_>> = entry.protocol.iter().map(|name| ListenerProtocol::named(name)).collect();
        let mut named = named?;
        named.sort_unstable();
        named.dedup();
        if !named.is_empty() {
            protocols.insert(port, named);
        }
    }
    Some(protocols)
}

/// Longest JSON in an annotation that is looked into, in bytes; Kubernetes allows 262,144 for all of an object.
pub(super) const MAX_JSON: usize = 65_536;

pub(super) const DIRECT_ACCESS: &str = "service.cloud.tencent.com/direct-access";
pub(super) const GRACE_SHUTDOWN: &str = "service.cloud.tencent.com/enable-grace-shutdown";
pub(super) const GRACE_SHUTDOWN_TKEX: &str = "service.cloud.tencent.com/enable-grace-shutdown-tkex";
pub(super) const SERVICE_WEIGHTS: &str = "service.cloud.tencent.com/lb-rs-weight";
pub(super) const SPECIFY_PROTOCOL: &str = "service.cloud.tencent.com/specify-protocol";
pub(super) const LOAD_BALANCER_IN_USE: &str = "service.kubernetes.io/loadbalance-id";
pub(super) const LOAD_BALANCER_WISHED: &str = "service.kubernetes.io/tke-existed-lbid";
const POD_WEIGHT_SERVICE: &str = "service.cloud.tencent.com/custom-weight";
const POD_WEIGHT_INGRESS: &str = "ingress.cloud.tencent.com/custom-weight";
