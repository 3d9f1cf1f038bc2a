//! An error answer: a documented code and a message.

use std::borrow::Cow;

/// Why a call was refused. Nothing was executed, unless a fault says otherwise.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Refusal {
    /// The error code, for example `InvalidParameter.LBIdNotFound`.
    pub(crate) code: Cow<'static, str>,
    /// The text for people; some clients have to read it, because codes are coarse.
    pub(crate) message: String,
}

impl Refusal {
    pub(crate) fn new(code: impl Into<Cow<'static, str>>, message: impl Into<String>) -> Self {
        Self { code: code.into(), message: message.into() }
    }

    /// The load balancer runs another task, or settles after a batch.
    pub(crate) fn busy(owner: &str) -> Self {
        Self::new(
            "FailedOperation.ResourceInOperating",
            format!("Current resource {owner} is in operating, please try again later"),
        )
    }

    pub(crate) fn throttled(action: &str) -> Self {
        Self::new(
            "RequestLimitExceeded",
            format!("Your current request times of action {action} exceeds the limit per second"),
        )
    }

    pub(crate) fn internal() -> Self {
        Self::new("InternalError", "Internal error, please try again later")
    }
}
