//! What can go wrong with a call, as something to branch on.

use std::error::Error as StdError;
use std::fmt;

use crate::classify::classify;

/// A call that did not succeed. Says what was tried, on which object, why it failed and what to do; never a secret.
pub struct Error(Box<Parts>);

/// What an error consists of.
struct Parts {
    /// The action that was called.
    action: &'static str,
    /// What it was about; empty when it was about nothing in particular.
    object: String,
    /// How often it was sent.
    attempts: u32,
    /// What went wrong the last time.
    problem: Problem,
}

impl Error {
    /// A call of `action` on `object` that ended with `problem` after `attempts`.
    pub(crate) fn new(action: &'static str, object: &str, attempts: u32, problem: Problem) -> Self {
        Self(Box::new(Parts { action, object: one_line(object, 80), attempts, problem }))
    }

    /// The class to branch on.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        self.0.problem.kind
    }

    /// Whether the call may have had an effect. It speaks of the last attempt, and of those before it where they were
    /// not certainly without effect.
    #[must_use]
    pub fn executed(&self) -> Executed {
        self.0.problem.executed
    }

    /// The action that was called.
    #[must_use]
    pub fn action(&self) -> &'static str {
        self.0.action
    }

    /// What the call was about, such as `lb-1`; empty when it was about nothing in particular.
    #[must_use]
    pub fn object(&self) -> &str {
        &self.0.object
    }

    /// The server's name for the call, which its support asks for. None when there was no answer, or none with an id.
    #[must_use]
    pub fn request_id(&self) -> Option<&str> {
        self.0.problem.request_id.as_deref()
    }

    /// The server's error code. None when the failure is not an answer of the API.
    #[must_use]
    pub fn code(&self) -> Option<&str> {
        self.0.problem.code.as_deref()
    }

    /// What the server says, or what happened, in one line.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.0.problem.message
    }

    /// How often the call was sent.
    #[must_use]
    pub fn attempts(&self) -> u32 {
        self.0.attempts
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Parts { action, object, attempts: _, problem } = &*self.0;
        f.write_str(action)?;
        if !object.is_empty() {
            write!(f, " on {object}")?;
        }
        write!(f, " failed: {}", problem.kind)?;
        match (&problem.code, &problem.request_id) {
            (Some(code), Some(id)) => write!(f, " ({code}, request id {id})")?,
            (Some(code), None) => write!(f, " ({code}, no request id)")?,
            (None, Some(id)) => write!(f, " (request id {id})")?,
            (None, None) => {}
        }
        if !problem.message.is_empty() {
            write!(f, ": {}", problem.message)?;
        }
        write!(f, "; {}", problem.advice())
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Parts { action, object, attempts, problem } = &*self.0;
        f.debug_struct("Error")
            .field("action", action)
            .field("object", object)
            .field("attempts", attempts)
            .field("problem", problem)
            .finish()
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.0.problem.source.as_deref().map(|source| source as &(dyn StdError + 'static))
    }
}

/// The classes of failure. "Retried" speaks of the default [`RetryPolicy`](crate::RetryPolicy).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// Too many calls in this second. Retried from 1 s; the rate is lowered for all clones of the client.
    Throttled,
    /// Another change of the same load balancer is running. Retried from 0.5 s until the time budget ends.
    Busy,
    /// The server failed. Retried when the call is repeatable; read before anything else is done.
    Server,
    /// No answer, or none that can be read. Retried when nothing was sent, or when the call is repeatable.
    Transport,
    /// The load balancer does not exist (any more). Not retried. For a drain or a removal this is success.
    LoadBalancerGone,
    /// The listener or rule does not exist (any more). Not retried. For a drain or a removal this is success. One unknown
    /// listener can fail a whole batch: leave it out and send the rest.
    PoolGone,
    /// The credential or the clock is not accepted. Mended and tried again once, by the client itself.
    Credential,
    /// The credential may not do this. Not retried.
    Permission,
    /// A quota is used up, or the account is. Not retried.
    Quota,
    /// The request is wrong and stays wrong. Not retried. In a batch, find the culprit: alone if the message names it, else
    /// by halves.
    Invalid,
    /// Any other failure. Retried a few times when the call is repeatable.
    Failed,
}

impl ErrorKind {
    /// What to do.
    #[must_use]
    pub const fn advice(self) -> &'static str {
        match self {
            Self::Throttled => "call less often, then retry",
            Self::Busy => "wait for the running task, then retry",
            Self::Server => "read the present state, then retry",
            Self::Transport => "check the network and read the present state, then retry",
            Self::LoadBalancerGone => "nothing is left to change; check the id and the region",
            Self::PoolGone => "read the listeners again and leave this one out",
            Self::Credential => "check the credential's validity and the clock",
            Self::Permission => "grant `clb:` and the action's name to this credential",
            Self::Quota => "free resources or have the quota raised",
            Self::Invalid => "correct the request; unchanged it stays refused",
            Self::Failed => "read the present state and the message, then retry",
        }
    }
}

impl fmt::Display for ErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Throttled => "too many calls",
            Self::Busy => "another change to this load balancer is still running",
            Self::Server => "the server failed",
            Self::Transport => "no usable answer",
            Self::LoadBalancerGone => "the load balancer does not exist",
            Self::PoolGone => "the listener or rule does not exist",
            Self::Credential => "the credential is not accepted",
            Self::Permission => "not permitted",
            Self::Quota => "a quota is used up",
            Self::Invalid => "the request is refused",
            Self::Failed => "the operation failed",
        })
    }
}

/// The first question after any failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(clippy::exhaustive_enums, reason = "there is no third answer, and callers must handle both")]
pub enum Executed {
    /// Certainly without effect: refused before execution, or never sent.
    No,
    /// Perhaps done, perhaps still to be done: read before acting again.
    Maybe,
}

/// What went wrong with one attempt, before it is said with which call.
#[derive(Debug)]
pub(crate) struct Problem {
    /// Its class.
    pub(crate) kind: ErrorKind,
    /// Whether it may have had an effect.
    pub(crate) executed: Executed,
    /// The server's code.
    pub(crate) code: Option<String>,
    /// One line.
    pub(crate) message: String,
    /// The server's name for the call.
    pub(crate) request_id: Option<String>,
    /// The cause, which the message does not repeat.
    pub(crate) source: Option<Box<dyn StdError + Send + Sync>>,
}

impl Problem {
    /// A failure that the client sees itself.
    pub(crate) fn local(kind: ErrorKind, executed: Executed, message: impl Into<String>) -> Self {
        Self { kind, executed, code: None, message: message.into(), request_id: None, source: None }
    }

    /// An error that the server answered with.
    pub(crate) fn answered(code: &str, message: &str, request_id: Option<String>) -> Self {
        let (kind, executed) = classify(code, message);
        let (code, message) = (Some(one_line(code, 100)), one_line(message, 500));
        Self { kind, executed, code, message, request_id, source: None }
    }

    /// The same with its cause.
    pub(crate) fn because(mut self, source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        self.source = Some(source.into());
        self
    }

    /// What to do; some codes know better than their class.
    fn advice(&self) -> &'static str {
        match self.code.as_deref() {
            Some("AuthFailure.SignatureFailure" | "AuthFailure.InvalidAuthorization") => {
                "check the secret key, and that nothing on the way changes the request"
            }
            Some("AuthFailure.InvalidSecretId") => {
                "check the secret id and that the endpoint is that of its site"
            }
            Some("AuthFailure.SignatureExpire") => "set the clock",
            _ => self.kind.advice(),
        }
    }

    /// Whether the server answered with a code for which `test` holds.
    pub(crate) fn has_code(&self, test: impl FnOnce(&str) -> bool) -> bool {
        self.code.as_deref().is_some_and(test)
    }
}

/// Text of the server as it may stand in a log: one line, at most `longest` characters, no control or direction marks.
pub(crate) fn one_line(text: &str, longest: usize) -> String {
    let shown = |c: char| {
        let marks_direction =
            matches!(c, '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
        if c.is_control() || marks_direction { ' ' } else { c }
    };
    text.chars().take(longest).map(shown).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_says_what_where_why_and_what_to_do() {
        let problem =
            Problem::answered("FailedOperation.ResourceInOperating", "lb is busy", Some("8f2a".into()));
        let error = Error::new("BatchModifyTargetWeight", "lb-1", 1, problem);
        assert_eq!(
            error.to_string(),
            "BatchModifyTargetWeight on lb-1 failed: another change to this load balancer is still running \
             (FailedOperation.ResourceInOperating, request id 8f2a): lb is busy; wait for the running task, then retry"
        );
        assert_eq!((error.kind(), error.executed()), (ErrorKind::Busy, Executed::No));
    }

    #[test]
    fn x6_text_of_the_server_stays_in_one_line() {
        let message = format!("a\r\n2026 ERROR forged \u{202e}{}", "x".repeat(10_000));
        let error =
            Error::new("DescribeTargets", "lb\n1", 1, Problem::answered("Failed\nOperation", &message, None));
        let text = error.to_string();
        assert!(text.chars().all(|c| !c.is_control() && c != '\u{202e}') && text.len() < 800, "{text}");
    }
}
