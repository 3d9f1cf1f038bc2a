//! Words for what the core asks, what comes of it, and what it knows.

use grace_core::{
    Claim, Explanation, Failure, Flight, Mark, Planned, Pool, Proof, Reason, Seeing, Step, Success, Want, Why,
};

use crate::moment::seconds;

/// Why a target is changed.
pub(crate) fn reason(reason: Reason) -> String {
    match reason {
        Reason::Terminating => "the Pod terminates".to_owned(),
        Reason::Held => "the Pod is held at weight 0".to_owned(),
        Reason::Gone => "the Pod is over or gone".to_owned(),
        Reason::Ready => "the Pod is ready".to_owned(),
        Reason::Unready => "its endpoint is not ready".to_owned(),
        Reason::Deselected => "no slice of the Service names the Pod there any more".to_owned(),
        Reason::RouteDeleted => "the route was deleted".to_owned(),
        Reason::RouteReleased => "direct access was switched off".to_owned(),
        Reason::Overwritten => "somebody else changed the weight".to_owned(),
        Reason::Evicted => "its pool is full and a registration waits".to_owned(),
        unknown => format!("{unknown:?}"),
    }
}

/// What is shown on a Pod.
pub(crate) const fn mark(mark: Mark) -> &'static str {
    match mark {
        Mark::Drained => "that it is drained",
        Mark::BackendReady => "that its readiness gate passes",
    }
}

/// How an action ended.
pub(crate) fn ended(result: &Result<Success, Failure>) -> String {
    match result {
        Ok(success) => succeeded(success),
        Err(failure) => failed(failure),
    }
}

fn succeeded(success: &Success) -> String {
    match success {
        Success::Written { proof, failed } => {
            let proof = match proof {
                Proof::Task => "done, its task succeeded",
                Proof::Answer => "answered, assumed until a read shows it",
            };
            if failed.is_empty() {
                proof.to_owned()
            } else {
                format!("{proof}; in doubt in {}", pools(failed))
            }
        }
        Success::Seen(_) => "read".to_owned(),
        Success::Claims { .. } => "recorded".to_owned(),
        Success::Marked => "shown, or the Pod is gone".to_owned(),
    }
}

fn failed(failure: &Failure) -> String {
    match failure {
        Failure::NotExecuted { why, retry_in, detail } => {
            format!("not executed, {}; planned anew after {}: {detail}", obstacle(*why), seconds(*retry_in))
        }
        Failure::Unknown { retry_in, detail } => {
            format!("perhaps executed; read after {}: {detail}", seconds(*retry_in))
        }
        Failure::Refused { why, culprit, retry_in, detail } => {
            let culprit = culprit
                .as_ref()
                .map_or_else(String::new, |(pool, address)| format!(" because of {address} in {pool}"));
            format!("refused{culprit}, {}; again after {}: {detail}", obstacle(*why), seconds(*retry_in))
        }
        Failure::LaneMissing => "the load balancer is gone".to_owned(),
        Failure::PoolsMissing(missing) => format!("gone: {}", pools(missing)),
        Failure::Conflict { .. } => "the claims were changed by somebody else; planned anew".to_owned(),
    }
}

const fn obstacle(why: Why) -> &'static str {
    match why {
        Why::Busy => "another change is running",
        Why::Throttled => "too many calls",
        Why::Unreachable => "the endpoint could not be reached",
        Why::NotLeader => "this process may not write any more",
        Why::Credential => "the credential was not accepted",
        Why::Permission => "the permission is missing",
        Why::Quota => "a quota is used up",
        Why::Invalid => "the request is wrong",
        Why::Full => "the record is full",
    }
}

/// Pools, in a text.
pub(crate) fn pools(pools: &[Pool]) -> String {
    pools.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

/// What is known of a target, one line each.
pub(crate) fn explained(known: &Explanation, next: Option<&Planned>) -> Vec<String> {
    let want = match known.want {
        Want::Nothing => "nothing: it is left alone".to_owned(),
        Want::Absent => "deregistered".to_owned(),
        Want::Keep(weight) => format!("weight {weight} if it is registered"),
        Want::Present(weight) => format!("registered with weight {weight}"),
    };
    let seen = match known.seen {
        Seeing::Unknown => "not known".to_owned(),
        Seeing::Absent => "not registered".to_owned(),
        Seeing::Registered(weight) => format!("registered with weight {weight}"),
    };
    let assumed = if known.assumed { ", which no read has shown yet" } else { "" };
    let doubt = if known.doubt { ", has to be read first" } else { "" };
    let claim = match known.claim {
        Claim::None => "none",
        Claim::Asked => "asked for",
        Claim::Held => "held",
        Claim::Dropping => "being given up",
    };
    let mut lines = vec![
        format!("wanted: {want}, because {}", reason(known.cause.reason)),
        format!("known: {seen}{assumed}{doubt}"),
    ];
    lines.extend(known.flying.map(|flying| {
        let flying = match flying {
            Flight::Weight(weight) => format!("weight {weight}"),
            Flight::Register(weight) => format!("registration with weight {weight}"),
            Flight::Deregister => "deregistration".to_owned(),
        };
        format!("sent, not answered: {flying}")
    }));
    lines.extend(next.map(|planned| match planned.step {
        Step::Weight(weight) => format!("next: weight {weight}"),
        Step::Register(weight) => format!("next: register with weight {weight}"),
        Step::Deregister => "next: deregister".to_owned(),
    }));
    lines.push(format!("claim: {claim}"));
    if let Some((uid, name)) = &known.occupant {
        lines.push(format!("occupant: {name}, uid {uid}"));
    }
    lines.extend(known.route.as_ref().map(|route| format!("route: {route}")));
    lines
}
