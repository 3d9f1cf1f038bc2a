//! Faults on demand: scripted for the next calls, or drawn from the account's seed at given rates.

use std::{collections::BTreeMap, net::SocketAddr, time::Duration};

use super::action::Action;

/// What goes wrong with one call. A fault that has no meaning for the action it meets is used up without effect.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Fault {
    /// `FailedOperation.ResourceInOperating`, without effect.
    Busy,
    /// `RequestLimitExceeded`, without effect.
    Throttled,
    /// `InternalError`, without effect.
    InternalError,
    /// `InternalError`, although the call was accepted and takes effect.
    InternalErrorAfterEffect,
    /// Any other error code and message, without effect.
    Error {
        /// For example `UnauthorizedOperation`.
        code: String,
        /// The text for people.
        message: String,
    },
    /// The connection is refused: no effect, and the caller knows it (over HTTP: as [`Self::LostBeforeEffect`]).
    Unreachable,
    /// The call vanishes: no effect, no answer.
    LostBeforeEffect,
    /// The call is accepted and takes effect; its answer is lost.
    LostAfterEffect,
    /// The answer is lost, and the effect of a write comes so much later, without holding the load balancer meanwhile.
    LateEffect(Duration),
    /// The task of a write ends as failed. A batch without a task names all its listeners in `FailListenerIdSet`.
    FailedTask(Applied),
    /// The task of a write takes so long.
    SlowTask(Duration),
    /// A batch register or deregister does nothing for these listeners and names them in `FailListenerIdSet`; an
    /// empty list stands for the first listener of the call.
    PartialFailure(Vec<String>),
    /// Reads show the targets as before this write for so long after its effect.
    ReadLag(Duration),
    /// The answer takes so much longer; the effect does not.
    SlowAnswer(Duration),
    /// A good answer in an odd shape.
    Odd(Shape),
}

impl Fault {
    /// An error answer with this code and message.
    #[must_use]
    pub fn error(code: &str, message: &str) -> Self {
        Self::Error { code: code.to_owned(), message: message.to_owned() }
    }
}

/// How much of a failed task was done nevertheless.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "none, some, all: there is no fourth case")]
pub enum Applied {
    /// Nothing.
    Nothing,
    /// The first half of the targets, rounded down.
    Half,
    /// Everything, although it is reported as failed.
    All,
}

/// Answers that a client has to survive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Shape {
    /// Every list is `null`.
    NullLists,
    /// Every list is empty, whatever there is.
    EmptyLists,
    /// Integers come as strings.
    NumbersAsStrings,
    /// Every object has fields that nobody knows.
    UnknownFields,
    /// No `RequestId`.
    NoRequestId,
    /// Targets without an address, with port 0, of an unknown type.
    StrangeTargets,
    /// HTTP 200 whose JSON ends in the middle.
    Truncated,
    /// HTTP 502 with an HTML page.
    BadGateway,
    /// HTTP 200 with a body of so many bytes.
    Oversized(usize),
}

/// Which calls a fault is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "all groups of calls that differ for a client")]
pub enum On {
    /// Every call.
    Any,
    /// Calls that change targets.
    Writes,
    /// Calls that do not.
    Reads,
    /// Calls of one action.
    Action(Action),
}

impl From<Action> for On {
    fn from(action: Action) -> Self {
        Self::Action(action)
    }
}

impl On {
    fn covers(self, action: Action) -> bool {
        match self {
            Self::Any => true,
            Self::Writes => action.is_write(),
            Self::Reads => !action.is_write(),
            Self::Action(one) => one == action,
        }
    }
}

/// Whether the refusal of a poisoned target says which one it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "it does or it does not")]
pub enum Culprit {
    /// The message contains `ip:port`.
    Named,
    /// The message says only that some target is wrong.
    Unnamed,
}

/// The faults of an account.
#[derive(Clone, Debug, Default)]
pub struct Faults {
    script: Vec<Scripted>,
    rates: Vec<(On, f64, Fault)>,
    poisoned: BTreeMap<SocketAddr, Culprit>,
}

#[derive(Clone, Debug)]
struct Scripted {
    on: On,
    /// Only calls for this load balancer; `None` for all.
    load_balancer: Option<String>,
    left: u32,
    fault: Fault,
}

impl Faults {
    /// The next `times` calls of `on` meet `fault`; `u32::MAX` stands for all until [`Self::clear`]. Scripted faults
    /// are used up in the order in which they were scripted, and go before random ones.
    pub fn script(&mut self, on: impl Into<On>, times: u32, fault: Fault) {
        self.script.push(Scripted { on: on.into(), load_balancer: None, left: times, fault });
    }

    /// As [`Self::script`], for calls about one load balancer.
    pub fn script_for(&mut self, load_balancer: &str, on: impl Into<On>, times: u32, fault: Fault) {
        let load_balancer = Some(load_balancer.to_owned());
        self.script.push(Scripted { on: on.into(), load_balancer, left: times, fault });
    }

    /// From now on each call of `on` meets `fault` with this probability, 0.0 to 1.0. A call meets at most one fault:
    /// the rates that cover it add up, and beyond 1.0 the later ones starve.
    pub fn rate(&mut self, on: impl Into<On>, probability: f64, fault: Fault) {
        self.rates.push((on.into(), probability, fault));
    }

    /// Every write that names this target is refused as a whole with `InvalidParameterValue`.
    pub fn poison(&mut self, address: SocketAddr, culprit: Culprit) {
        self.poisoned.insert(address, culprit);
    }

    /// The target is fine again.
    pub fn cure(&mut self, address: SocketAddr) {
        self.poisoned.remove(&address);
    }

    /// No more faults of any kind.
    pub fn clear(&mut self) {
        *self = Self::default();
    }

    /// Scripted faults that no call has met yet, those for all calls included.
    #[must_use]
    pub fn outstanding(&self) -> usize {
        self.script.len()
    }

    pub(crate) fn poisoned(&self, address: &SocketAddr) -> Option<Culprit> {
        self.poisoned.get(address).copied()
    }

    /// The fault that this call meets. One number is drawn when any rate is set, whatever the script says, so that a
    /// scripted fault does not shift the random ones.
    pub(crate) fn take(
        &mut self,
        action: Action,
        load_balancer: Option<&str>,
        dice: &mut fastrand::Rng,
    ) -> Option<Fault> {
        let drawn = (!self.rates.is_empty()).then(|| dice.f64());
        let scripted = self.script.iter().position(|entry| {
            entry.on.covers(action)
                && entry.load_balancer.as_deref().is_none_or(|wanted| Some(wanted) == load_balancer)
        });
        if let Some(index) = scripted {
            let entry = &mut self.script[index];
            if entry.left != u32::MAX {
                entry.left = entry.left.saturating_sub(1);
            }
            let fault = entry.fault.clone();
            if entry.left == 0 {
                self.script.remove(index);
            }
            return Some(fault);
        }
        let mut rest = drawn?;
        for (_, rate, fault) in self.rates.iter().filter(|(on, ..)| on.covers(action)) {
            if rest < *rate {
                return Some(fault.clone());
            }
            rest -= rate;
        }
        None
    }
}
