//! What a dry run prints: each change that would be sent, and why.

use std::time::Duration;

use grace_core::{Machine, ObjectName, Planned, Reason, Step};
use k8s_watch::Handle;
use serde_json::json;
use tokio::time::timeout;

use crate::flags::LogFormat;

/// Prints the plan whenever it has changed, until the controller ends.
pub(crate) async fn print(handle: Handle, format: LogFormat) {
    let mut plans = handle.plans();
    let mut printed = Vec::new();
    while plans.changed().await.is_ok() {
        // A change that is on its way to be refused is in no plan for a moment, so a plan counts when it stays.
        while let Ok(Ok(())) = timeout(QUIET, plans.changed()).await {}
        let Some(plan) = handle.query(plan).await else { return };
        if plan != printed {
            tell(&plan, format);
            printed = plan;
        }
    }
}

/// One change, and who lives at its target.
type Line = (Planned, Option<ObjectName>);

fn plan(machine: &Machine) -> Vec<Line> {
    let occupant = |planned: &Planned| machine.explain(&planned.target)?.occupant.map(|(_, name)| name);
    machine.plan().into_iter().map(|planned| (occupant(&planned), planned)).map(|(pod, p)| (p, pod)).collect()
}

fn tell(plan: &[Line], format: LogFormat) {
    match format {
        LogFormat::Text => {
            println!("plan of {} changes", plan.len());
            plan.iter().for_each(|line| println!("  {}", sentence(line)));
        }
        LogFormat::Json => {
            let changes: Vec<_> = plan
                .iter()
                .map(
                    |(planned, pod)| json!({"change": planned, "pod": pod.as_ref().map(ToString::to_string)}),
                )
                .collect();
            println!("{}", json!({"plan": changes}));
        }
    }
}

fn sentence((planned, pod): &Line) -> String {
    let target = &planned.target;
    let what = match planned.step {
        Step::Weight(weight) => format!("set the weight of {target} to {weight}"),
        Step::Register(weight) => format!("register {target} with weight {weight}"),
        Step::Deregister => format!("deregister {target}"),
    };
    let who = pod.as_ref().map_or_else(|| "its Pod".to_owned(), |name| format!("Pod {name}"));
    let why = match planned.cause.reason {
        Reason::Terminating => format!("{who} terminates"),
        Reason::Gone => format!("{who} is gone"),
        Reason::Ready => format!("{who} is ready"),
        Reason::Unready => format!("{who} is not ready"),
        Reason::Deselected => format!("the Service does not select {who} any more"),
        Reason::RouteDeleted => "its Service or port was deleted".to_owned(),
        Reason::RouteReleased => "direct access was switched off".to_owned(),
        Reason::Overwritten => "somebody else changed it".to_owned(),
        Reason::Held => format!("{who} is held"),
        Reason::Evicted => format!("{who} terminates, and its listener is full"),
        other => format!("{other:?}"),
    };
    format!("{what}: {why}")
}

/// How long a plan must stay as it is.
const QUIET: Duration = Duration::from_millis(200);
