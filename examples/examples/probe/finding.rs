//! What was found out, and what to configure because of it.

use std::fmt;
use std::time::Duration;

/// An answer to every question.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Findings {
    /// How long after the answer to a batch registration a read showed its targets; `None`: not within the limit.
    pub(crate) registered_after: Option<Duration>,
    /// Whether the request id of a batch registration names a task.
    pub(crate) batch_has_a_task: Verdict,
    /// One weight call with two elements for one listener.
    pub(crate) two_elements: Verdict,
    /// A weight call in which one listener id of two is unknown.
    pub(crate) unknown_listener: Verdict,
    /// Registering a target that is bound.
    pub(crate) bound: Verdict,
    /// The weight of a target that is not bound.
    pub(crate) weight_of_unbound: Verdict,
    /// Deregistering a target that is not bound.
    pub(crate) deregister_unbound: Verdict,
    /// Asking for a task that never was.
    pub(crate) unknown_task: Verdict,
    /// Asking at the end for the first task, this long after its end.
    pub(crate) first_task: (Duration, Verdict),
    /// Seconds of session persistence of the listener or rule; 0: none.
    pub(crate) session_seconds: i64,
}

/// What became of a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// Answered, its task succeeded, and a read shows the whole effect.
    Done,
    /// Answered as a success, and a read shows a part of the effect.
    InPart,
    /// Answered as a success, and a read shows no effect.
    WithoutEffect,
    /// Refused with this code.
    Refused(String),
    /// Accepted; its task failed.
    TaskFailed,
    /// It is not known how it ended.
    Open,
}

impl Findings {
    /// `Limits::elements_per_pool` of the core.
    pub(crate) fn elements_per_pool(&self) -> u16 {
        if self.two_elements == Verdict::Done { 10 } else { 1 }
    }

    /// The options of the simulator that make it behave so.
    fn simulator(&self) -> String {
        let mismatch = |verdict: &Verdict| match verdict {
            Verdict::Refused(_) => "Mismatch::Refuse",
            Verdict::InPart | Verdict::TaskFailed => "Mismatch::Partial",
            Verdict::Done | Verdict::WithoutEffect | Verdict::Open => "Mismatch::Accept",
        };
        let batches = match self.registered_after {
            Some(Duration::ZERO) => "",
            _ => ".with_asynchronous_batches()",
        };
        let (bound, unbound) = (mismatch(&self.bound), mismatch(&self.weight_of_unbound));
        format!("Config::default().with_bound({bound}).with_unbound({unbound}){batches}")
    }
}

impl fmt::Display for Findings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rows = [
            ("two elements for one listener in a weight call", self.two_elements.to_string()),
            ("a weight call with one unknown listener", self.unknown_listener.to_string()),
            ("registering a bound target", self.bound.to_string()),
            ("the weight of an unbound target", self.weight_of_unbound.to_string()),
            ("deregistering an unbound target", self.deregister_unbound.to_string()),
            ("asking for a batch registration as a task", self.batch_has_a_task.to_string()),
            ("asking for a task that never was", self.unknown_task.to_string()),
        ];
        for (question, answer) in rows {
            writeln!(f, "{question:<48} {answer}")?;
        }
        let (age, first) = &self.first_task;
        writeln!(f, "{:<48} {first}", format!("asking for a task that ended {} s ago", age.as_secs()))?;
        let shown = match self.registered_after {
            Some(Duration::ZERO) => "at once".to_owned(),
            Some(after) => format!("after {:.1} s", after.as_secs_f64()),
            None => "not within a minute".to_owned(),
        };
        writeln!(f, "{:<48} {shown}", "a read shows a batch registration")?;
        match self.session_seconds {
            0 => writeln!(f, "{:<48} none on this listener", "session persistence")?,
            seconds => writeln!(
                f,
                "{:<48} {seconds} s; whether it sends clients to weight 0 shows only traffic",
                "session persistence"
            )?,
        }
        writeln!(f, "\nlimits     elements_per_pool = {}", self.elements_per_pool())?;
        writeln!(f, "simulator  {}", self.simulator())
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Done => f.write_str("done"),
            Self::InPart => f.write_str("done in part"),
            Self::WithoutEffect => f.write_str("accepted, without effect"),
            Self::Refused(code) => write!(f, "refused: {code}"),
            Self::TaskFailed => f.write_str("accepted, the task failed"),
            Self::Open => f.write_str("not known"),
        }
    }
}
