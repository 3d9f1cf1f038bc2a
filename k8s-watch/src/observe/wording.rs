//! What is said about each notice and finding, on which objects. Reasons and content are part of the published contract.

use std::time::Duration;

use grace_core::{Layer, Mark, Notice, ObjectName, RouteKey, Uid, Why};

use crate::finding::{ObjectKind, ObjectRef, Told};

/// One thing to say.
pub(super) struct Statement {
    /// Reason of the Event.
    pub(super) reason: &'static str,
    /// How bad it is.
    pub(super) severity: Severity,
    /// The objects it is about; none for what belongs in the log only.
    pub(super) on: Vec<ObjectRef>,
    /// What was found, on which object, what follows and what to do.
    pub(super) note: String,
}

/// Type of an Event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Severity {
    /// As it should be.
    Normal,
    /// Somebody should look.
    Warning,
}

impl Severity {
    /// The type as the API spells it.
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Normal => "Normal",
            Self::Warning => "Warning",
        }
    }
}

/// What is said about a finding.
pub(super) fn of_finding(told: Told) -> Statement {
    warning(told.finding.reason(), vec![told.on], told.finding.to_string())
}

/// What is said about a notice.
pub(super) fn of_notice(notice: &Notice) -> Statement {
    match notice {
        Notice::DrainStarted { pod, name, targets, .. } => {
            let note =
                format!("the Pod terminates: its {targets} targets go to weight 0 and stay registered");
            normal("DrainStarted", *pod, name, note)
        }
        Notice::DrainConfirmed { pod, name, targets, after } => {
            let note = format!(
                "all {targets} targets are at weight 0, {} after the deletion was seen",
                seconds(*after)
            );
            normal("DrainConfirmed", *pod, name, note)
        }
        Notice::DrainFinished { pod, name, targets, after } => {
            let note = format!(
                "all {targets} targets are deregistered, {} after the deletion was seen",
                seconds(*after)
            );
            normal("DrainFinished", *pod, name, note)
        }
        Notice::AllAtZero { route, lane, pool, targets } => {
            let note = format!(
                "all {targets} targets of {pool} of {lane} are at weight 0: port {} gets no new connections; \
                 look why no Pod is ready",
                route.part
            );
            warning("AllTargetsAtZero", on_routes([route]), note)
        }
        Notice::FloorHeld { route, lane, pool, kept, live } => {
            let note = format!(
                "{kept} of {live} living targets of {pool} of {lane} keep their weight although they are not ready: \
                 port {} would fall below its floor; look why so few Pods are ready",
                route.part
            );
            warning("FloorHeld", on_routes([route]), note)
        }
        Notice::DrainLate { pod, name, expected, allowed, pre_stop, grace } => {
            let note = format!(
                "weight 0 is expected {} after the deletion, the Pod allows {}: connections may fail until then; \
                 a preStop of {} and a grace period of {} would do",
                seconds(*expected),
                seconds(*allowed),
                seconds(*pre_stop),
                seconds(*grace)
            );
            warning("DrainLate", vec![on_pod(*pod, name)], note)
        }
        Notice::Contested { route, holder, lane, pool } => {
            let note = format!(
                "{pool} of {lane} is served by {holder}, which is older; nothing is written there for port {}: \
                 use another port or CLB",
                route.part
            );
            warning("PoolContested", on_routes([route]), note)
        }
        Notice::Foreign { target, route } => {
            let note =
                format!("target {target} is not ours and is left alone; deregister it if nobody needs it");
            warning("ForeignTarget", on_routes([route]), note)
        }
        Notice::Orphan { target, route } => {
            let note = format!(
                "target {target} stands where a Pod was that is gone, but there is no claim on it; it is left alone: \
                 deregister it if nobody needs it"
            );
            warning("OrphanTarget", on_routes([route]), note)
        }
        Notice::Overwritten { target, route, found, wanted } => {
            let found = found.map_or_else(|| "no target".to_owned(), |weight| format!("weight {weight}"));
            let note = format!(
                "{target} should have weight {wanted}, found was {found}; it is restored: configure weights by \
                 annotation, not by hand"
            );
            warning("WeightOverwritten", on_routes([route]), note)
        }
        Notice::Fighting { target, route } => {
            let note = format!(
                "somebody else changes {target} again and again; it is restored at most 3 times in 5 minutes: let \
                 only one controller write to this CLB"
            );
            warning("ForeignWriter", on_routes([route]), note)
        }
        Notice::Refused { target, pod, route, why, detail } => {
            let note = format!(
                "target {target} is refused ({}) and tried alone from now on, the others go on: {detail}",
                word(*why)
            );
            let pod = pod.iter().map(|(uid, name)| on_pod(*uid, name));
            warning("TargetRefused", pod.chain(on_routes([route])).collect(), note)
        }
        Notice::Blocked { lane, routes, why, detail } => {
            let note = format!("{lane} cannot be written ({}); it is tried again: {detail}", word(*why));
            warning("LoadBalancerRefused", on_routes(routes), note)
        }
        Notice::Missing { lane, pools, routes } if pools.is_empty() => {
            let note = format!(
                "{lane} does not exist any more; nothing is written: make it, or correct the annotation that names it"
            );
            warning("LoadBalancerMissing", on_routes(routes), note)
        }
        Notice::Missing { lane, pools, routes } => {
            let pools: Vec<String> = pools.iter().map(ToString::to_string).collect();
            let note = format!(
                "{} of {lane} do not exist any more; nothing is written there: make the listener, or remove the port",
                pools.join(", ")
            );
            warning("ListenerMissing", on_routes(routes), note)
        }
        Notice::HarmfulSwitch { lane, pool, switch, routes } => {
            let note = format!(
                "listener {pool} of {lane} has {} on, which cuts the open connections that draining protects: switch \
                 it off",
                switch.as_str()
            );
            warning("HarmfulListenerSwitch", on_routes(routes), note)
        }
        Notice::ClaimsRefused { lane, routes, why, detail } => {
            let (reason, remedy) = if *why == Why::Full {
                ("ClaimsFull", "spread the targets over several CLBs")
            } else {
                ("ClaimsRefused", "allow get, create and patch of configmaps in the state namespace")
            };
            let note = format!(
                "claims on {lane} cannot be recorded ({}), so nothing is registered there; drains go on. {remedy}. \
                 {detail}",
                word(*why)
            );
            warning(reason, on_routes(routes), note)
        }
        Notice::RestoreHeld { target, pod, name, hold } => {
            let note = format!(
                "readiness changes again and again: {target} gets its weight back after {} of readiness without a break",
                seconds(*hold)
            );
            warning("RestoreHeld", vec![on_pod(*pod, name)], note)
        }
        Notice::Evicted { target, route } => {
            let note = format!(
                "the drain of {target} is given up, because its pool is full and a registration waits: its connections are \
                 cut; raise the quota"
            );
            warning("DrainEvicted", on_routes([route]), note)
        }
        Notice::MarkRefused { pod, name, mark, why, detail } => {
            let effect = match mark {
                Mark::BackendReady => "readiness gates do not pass",
                Mark::Drained => "drained Pods are not told so",
            };
            let note = format!(
                "the status of Pods cannot be written ({}), so {effect}: allow patch of pods/status. {detail}",
                word(*why)
            );
            warning("MarkRefused", vec![on_pod(*pod, name)], note)
        }
        Notice::MarkUndone { pod, name, mark } => {
            let what = match mark {
                Mark::BackendReady => "the readiness gate of the load balancer",
                Mark::Drained => "the condition that it is drained",
            };
            let note = format!(
                "somebody else took {what} back; it is not set again: let only one controller set it, or switch it off \
                 here"
            );
            warning("MarkUndone", vec![on_pod(*pod, name)], note)
        }
        Notice::Suppressed { target, invariant } => {
            let note =
                format!("a command for {target} was held back, because it would have broken {invariant}");
            warning("Suppressed", Vec::new(), note)
        }
        _ => warning("Noticed", Vec::new(), format!("{notice:?}")),
    }
}

fn normal(reason: &'static str, pod: Uid, name: &ObjectName, note: String) -> Statement {
    Statement { reason, severity: Severity::Normal, on: vec![on_pod(pod, name)], note }
}

const fn warning(reason: &'static str, on: Vec<ObjectRef>, note: String) -> Statement {
    Statement { reason, severity: Severity::Warning, on, note }
}

fn on_pod(uid: Uid, name: &ObjectName) -> ObjectRef {
    ObjectRef { kind: ObjectKind::Pod, name: name.clone(), uid: Some(uid) }
}

/// The objects that declare the routes, each once.
fn on_routes<'a>(routes: impl IntoIterator<Item = &'a RouteKey>) -> Vec<ObjectRef> {
    let object = |route: &RouteKey| {
        let kind = match route.layer {
            Layer::Service => ObjectKind::Service,
            Layer::Ingress => ObjectKind::Ingress,
        };
        ObjectRef { kind, name: route.owner.clone(), uid: None }
    };
    let mut objects: Vec<ObjectRef> = routes.into_iter().map(object).collect();
    objects.sort();
    objects.dedup();
    objects
}

fn seconds(span: Duration) -> String {
    format!("{:.3} s", span.as_secs_f64())
}

const fn word(why: Why) -> &'static str {
    match why {
        Why::Busy => "busy",
        Why::Throttled => "too many calls",
        Why::Unreachable => "unreachable",
        Why::NotLeader => "not the leader",
        Why::Credential => "credential not accepted",
        Why::Permission => "permission missing",
        Why::Quota => "quota used up",
        Why::Invalid => "request not accepted",
        Why::Full => "record full",
    }
}
