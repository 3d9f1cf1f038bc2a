//! What a write asks for: read strictly, checked against limits and state, turned into edits of targets.

mod batch;
mod group;
mod locate;
mod single;

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

pub(crate) use self::locate::{Wording, no_listener, no_load_balancer};
use super::{
    account::Account,
    action::Write,
    config::Mismatch,
    fault::Culprit,
    pool::{PoolId, TargetKey},
    refusal::Refusal,
};

/// One target and what becomes of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Edit {
    pub(crate) pool: PoolId,
    pub(crate) key: TargetKey,
    pub(crate) to: To,
}

/// What becomes of a target.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum To {
    /// A bound target gets this weight.
    Weight(u8),
    /// The target is bound with this weight and label.
    Bound(u8, String),
    /// The target is no longer bound.
    Unbound,
    /// A bound target moves to this port, with its weight and label.
    Port(u16),
}

/// A write that may be executed.
#[derive(Clone, Debug, Default)]
pub(crate) struct Plan {
    /// The load balancer or target group that is locked meanwhile.
    pub(crate) owner: String,
    pub(crate) edits: Vec<Edit>,
    /// Listeners and rules with the target group that they are to forward to.
    pub(crate) associations: Vec<(PoolId, String)>,
    /// Listeners for which nothing is done, because something did not fit ([`Mismatch::Partial`]).
    pub(crate) failed: BTreeSet<String>,
    /// Why the task is going to fail ([`Mismatch::Partial`]).
    pub(crate) broken: Option<String>,
}

impl Plan {
    /// Leaves this listener out, and reports it.
    pub(crate) fn fail(&mut self, listener: &str) {
        self.edits.retain(|edit| edit.pool.listener_id() != Some(listener));
        self.failed.insert(listener.to_owned());
    }
}

impl Account {
    /// Reads and checks a write.
    pub(crate) fn plan(&self, write: Write, body: &Value) -> Result<Plan, Refusal> {
        let mut plan = match write {
            Write::Batch(change) => self.batch(change, body)?,
            Write::Weights => self.modify_list(body)?,
            Write::Single(change) => self.single(change, body)?,
            Write::Group(change) => self.group(change, body)?,
            Write::Associate => self.associate(body)?,
        };
        check_once(write, &plan)?;
        self.check_poison(&plan)?;
        self.check_fit(write, &mut plan)?;
        self.check_quota(&plan)?;
        Ok(plan)
    }

    fn check_poison(&self, plan: &Plan) -> Result<(), Refusal> {
        let culprit =
            plan.edits.iter().find_map(|edit| Some((&edit.key, self.faults.poisoned(&edit.key.address)?)));
        match culprit {
            Some((key, Culprit::Named)) => {
                Err(Refusal::new("InvalidParameterValue", format!("target {key} is invalid")))
            }
            Some((_, Culprit::Unnamed)) => {
                Err(Refusal::new("InvalidParameterValue", "some targets are invalid"))
            }
            None => Ok(()),
        }
    }

    /// Bound targets that are registered again, unbound ones that are touched.
    fn check_fit(&self, write: Write, plan: &mut Plan) -> Result<(), Refusal> {
        let mut failed = BTreeSet::new();
        let mut skipped = BTreeSet::new();
        for (index, edit) in plan.edits.iter().enumerate() {
            let targets = self.targets_of(&edit.pool);
            let bound = |key: &TargetKey| targets.is_some_and(|targets| targets.contains_key(key));
            // What would have to be different, and what the account does about it.
            let (unfit, mismatch) = match edit.to {
                To::Bound(..) => (bound(&edit.key).then_some(Unfit::Bound), self.config.on_bound),
                To::Weight(_) | To::Unbound => {
                    ((!bound(&edit.key)).then_some(Unfit::Unbound), self.config.on_unbound)
                }
                To::Port(port) if bound(&edit.key) => {
                    (bound(&edit.key.on_port(port)).then_some(Unfit::Bound), self.config.on_bound)
                }
                To::Port(_) => (Some(Unfit::Unbound), self.config.on_unbound),
            };
            let Some(unfit) = unfit else { continue };
            match mismatch {
                Mismatch::Refuse => return Err(unfit.refusal(edit)),
                Mismatch::Partial => {
                    match (write, edit.pool.listener_id()) {
                        (Write::Batch(_), Some(listener)) => drop(failed.insert(listener.to_owned())),
                        _ => plan.broken = Some(unfit.refusal(edit).message),
                    }
                    skipped.insert(index);
                }
                // Registering a bound target sets its weight; everything else has nothing to do.
                Mismatch::Accept if matches!(edit.to, To::Bound(..)) => {}
                Mismatch::Accept => drop(skipped.insert(index)),
            }
        }
        let mut index = 0;
        plan.edits.retain(|_| {
            index += 1;
            !skipped.contains(&(index - 1))
        });
        for listener in failed {
            plan.fail(&listener);
        }
        Ok(())
    }

    fn check_quota(&self, plan: &Plan) -> Result<(), Refusal> {
        let limit = self.config.limits.targets_per_pool;
        let mut added: BTreeMap<&PoolId, usize> = BTreeMap::new();
        for edit in plan.edits.iter().filter(|edit| matches!(edit.to, To::Bound(..))) {
            let Some(targets) = self.targets_of(&edit.pool) else { continue };
            if targets.contains_key(&edit.key) {
                continue;
            }
            let count = added.entry(&edit.pool).or_default();
            *count += 1;
            if targets.len() + *count > limit {
                return Err(Refusal::new(
                    "LimitExceeded",
                    format!("{} takes at most {limit} targets, draining ones included", edit.pool),
                ));
            }
        }
        Ok(())
    }
}

/// Why an edit does not fit the state.
#[derive(Clone, Copy, Debug)]
enum Unfit {
    Bound,
    Unbound,
}

impl Unfit {
    fn refusal(self, edit: &Edit) -> Refusal {
        let Edit { pool, key, .. } = edit;
        match self {
            Self::Bound => Refusal::new(
                "InvalidParameterValue.Duplicate",
                format!("target {key} is already bound to {pool}"),
            ),
            Self::Unbound => {
                Refusal::new("InvalidParameterValue", format!("target {key} is not bound to {pool}"))
            }
        }
    }
}

/// No target may be named twice. The batch of weights has no sub-code for it.
fn check_once(write: Write, plan: &Plan) -> Result<(), Refusal> {
    let mut seen = BTreeSet::new();
    match plan.edits.iter().find(|edit| !seen.insert((&edit.pool, &edit.key))) {
        Some(edit) => {
            let code = match write {
                Write::Weights => "InvalidParameterValue",
                Write::Batch(_) | Write::Single(_) | Write::Group(_) | Write::Associate => {
                    "InvalidParameterValue.Duplicate"
                }
            };
            Err(Refusal::new(code, format!("target {} of {} is named twice", edit.key, edit.pool)))
        }
        None => Ok(()),
    }
}

pub(crate) fn check_length(what: &str, length: usize, limit: usize) -> Result<(), Refusal> {
    if length <= limit {
        return Ok(());
    }
    Err(Refusal::new("InvalidParameterValue.Length", format!("{what}: {length} is more than {limit}")))
}
