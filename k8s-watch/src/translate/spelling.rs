//! Annotations that nobody knows but that lie close to one with a meaning: most likely a slip of the pen.

use super::annotation::{
    DIRECT_ACCESS, GRACE_SHUTDOWN, GRACE_SHUTDOWN_TKEX, LOAD_BALANCER_IN_USE, LOAD_BALANCER_WISHED,
    SERVICE_WEIGHTS, SPECIFY_PROTOCOL,
};
use crate::finding::{Finding, shortened};
use crate::slim::{Annotations, PREFIXES};

/// One finding for each key of a Service that TKE does not know and that differs in at most three letters from one
/// that is read here. A key of ours under another of the prefixes counts as well.
pub(super) fn near_misses(annotations: &Annotations) -> Vec<Finding> {
    let mut found = Vec::new();
    for key in annotations.0.keys() {
        let Some(name) = PREFIXES.iter().find_map(|prefix| key.strip_prefix(prefix)) else { continue };
        if OURS.contains(&key.as_ref()) || KNOWN_TO_TKE.contains(&key.as_ref()) || name.len() > 63 {
            continue;
        }
        let nearest = OURS
            .iter()
            .map(|ours| (distance(name, ours.rsplit('/').next().unwrap_or(ours)), *ours))
            .min_by_key(|(distance, _)| *distance);
        if let Some((0..=3, meant)) = nearest {
            found.push(Finding::UnknownAnnotation { key: shortened(key), meant: meant.into() });
        }
    }
    found
}

/// Letters to insert, delete or replace until `a` reads `b` (Levenshtein).
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, from) in a.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, to) in b.iter().enumerate() {
            let replaced = diagonal + usize::from(from != *to);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row[b.len()]
}

/// What is read on a Service.
const OURS: [&str; 7] = [
    DIRECT_ACCESS,
    GRACE_SHUTDOWN,
    GRACE_SHUTDOWN_TKEX,
    SERVICE_WEIGHTS,
    SPECIFY_PROTOCOL,
    LOAD_BALANCER_IN_USE,
    LOAD_BALANCER_WISHED,
];

/// What TKE itself reads or writes on a Service beside those (TKE documentation 457/51258, "Service Annotation").
const KNOWN_TO_TKE: [&str; 26] = [
    "service.cloud.tencent.com/enable-grace-deletion",
    "service.cloud.tencent.com/custom-weight",
    "service.cloud.tencent.com/target-groups",
    "service.cloud.tencent.com/cross-region-id",
    "service.cloud.tencent.com/cross-vpc-id",
    "service.cloud.tencent.com/hybrid-type",
    "service.cloud.tencent.com/snat-pro-info",
    "service.cloud.tencent.com/local-svc-weighted-balance",
    "service.cloud.tencent.com/tke-service-config",
    "service.cloud.tencent.com/tke-service-config-auto",
    "service.cloud.tencent.com/security-groups",
    "service.cloud.tencent.com/pass-to-target",
    "service.cloud.tencent.com/modification-protection",
    "service.cloud.tencent.com/deletion-protection",
    "service.cloud.tencent.com/loadbalance-retain",
    "service.cloud.tencent.com/mode",
    "service.cloud.tencent.com/status.conditions",
    "service.kubernetes.io/qcloud-share-existed-lb",
    "service.kubernetes.io/loadbalance-nat-ipv6",
    "service.kubernetes.io/loadbalance-type",
    "service.kubernetes.io/qcloud-loadbalancer-internal-subnetid",
    "service.kubernetes.io/qcloud-loadbalancer-internet-charge-type",
    "service.kubernetes.io/qcloud-loadbalancer-internet-max-bandwidth-out",
    "service.kubernetes.io/qcloud-loadbalancer-backends-label",
    "service.kubernetes.io/service.extensiveParameters",
    "service.kubernetes.io/local-svc-only-bind-node-with-pod",
];
