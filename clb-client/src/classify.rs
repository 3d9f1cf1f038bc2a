//! Which class an error code belongs to. Pure.
//!
//! Codes are matched by dotted components, longest first: `InvalidParameter.LBIdNotFound` before `InvalidParameter`, and
//! `InvalidParameterValue` is no kind of `InvalidParameter`. Sources: the error pages of the CLB documentation
//! (product/214/33849) and the error lists of the official SDKs.

use crate::error::{ErrorKind, Executed};

/// The class of an error that the server answered with, and whether the call may have had an effect.
pub(crate) fn classify(code: &str, message: &str) -> (ErrorKind, Executed) {
    let kind = by_message(code, message).unwrap_or_else(|| by_code(code));
    (kind, executed(kind))
}

/// The class of a code alone.
fn by_code(code: &str) -> ErrorKind {
    let mut prefix = code;
    loop {
        if let Some((_, kind)) = CODES.iter().find(|(known, _)| *known == prefix) {
            return *kind;
        }
        match prefix.rsplit_once('.') {
            Some((shorter, _)) => prefix = shorter,
            None => return ErrorKind::Failed,
        }
    }
}

/// Some answers say in words what they do not say in their code.
fn by_message(code: &str, message: &str) -> Option<ErrorKind> {
    let message = message.to_ascii_lowercase();
    let says = |text: &str| message.contains(text);
    if says("loadbalancer not exist") || says("lb not exist") {
        return Some(ErrorKind::LoadBalancerGone);
    }
    if code == "InvalidParameter" && says("some listenerid") && says("not found") {
        return Some(ErrorKind::PoolGone);
    }
    let other_failure = by_code(code) == ErrorKind::Failed;
    (other_failure && (says("not in normal desstate") || says("tasks are being processed")))
        .then_some(ErrorKind::Busy)
}

/// Refusals come before execution; after anything else the effect is open.
const fn executed(kind: ErrorKind) -> Executed {
    match kind {
        ErrorKind::Throttled
        | ErrorKind::Busy
        | ErrorKind::LoadBalancerGone
        | ErrorKind::PoolGone
        | ErrorKind::Credential
        | ErrorKind::Permission
        | ErrorKind::Quota
        | ErrorKind::Invalid => Executed::No,
        ErrorKind::Server | ErrorKind::Transport | ErrorKind::Failed => Executed::Maybe,
    }
}

/// Whether a fresh credential may help, which is asked for once per call.
pub(crate) fn wants_fresh_credential(code: &str) -> bool {
    matches!(code, "AuthFailure.TokenFailure" | "AuthFailure.SecretIdNotFound")
}

/// Whether a corrected clock may help, which is corrected once per call.
pub(crate) fn wants_right_clock(code: &str) -> bool {
    code == "AuthFailure.SignatureExpire"
}

/// Every class that a documented code, or the codes below it, belong to.
#[rustfmt::skip]
const CODES: &[(&str, ErrorKind)] = &[
    ("RequestLimitExceeded", ErrorKind::Throttled),

    ("FailedOperation.ResourceInOperating", ErrorKind::Busy),
    ("FailedOperation.ResourceInCloning", ErrorKind::Busy),
    ("ResourceInUse", ErrorKind::Busy),
    ("ResourceUnavailable", ErrorKind::Busy),
    ("IncorrectStatus", ErrorKind::Busy), // reported from the field, in no list

    ("InternalError", ErrorKind::Server),
    ("ServiceUnavailable", ErrorKind::Server),

    ("InvalidParameter.LBIdNotFound", ErrorKind::LoadBalancerGone),
    ("InvalidParameter.ListenerIdNotFound", ErrorKind::PoolGone),
    ("InvalidParameter.LocationNotFound", ErrorKind::PoolGone),

    ("AuthFailure.TokenFailure", ErrorKind::Credential),
    ("AuthFailure.SecretIdNotFound", ErrorKind::Credential),
    ("AuthFailure.SignatureExpire", ErrorKind::Credential),

    ("AuthFailure", ErrorKind::Permission),
    ("UnauthorizedOperation", ErrorKind::Permission),
    ("OperationDenied", ErrorKind::Permission),
    ("IpInBlacklist", ErrorKind::Permission),
    ("IpNotInWhitelist", ErrorKind::Permission),

    ("LimitExceeded", ErrorKind::Quota),
    ("ResourceInsufficient", ErrorKind::Quota),
    ("ResourcesSoldOut", ErrorKind::Quota),
    ("FailedOperation.InsufficientBalance", ErrorKind::Quota),

    ("InvalidParameter", ErrorKind::Invalid),
    ("InvalidParameterCombination", ErrorKind::Invalid),
    ("InvalidParameterValue", ErrorKind::Invalid),
    ("InvalidRequest", ErrorKind::Invalid),
    ("InvalidAction", ErrorKind::Invalid),
    ("MissingParameter", ErrorKind::Invalid),
    ("UnknownParameter", ErrorKind::Invalid),
    ("NoSuchProduct", ErrorKind::Invalid),
    ("NoSuchVersion", ErrorKind::Invalid),
    ("ActionOffline", ErrorKind::Invalid),
    ("DryRunOperation", ErrorKind::Invalid),
    ("UnsupportedOperation", ErrorKind::Invalid),
    ("UnsupportedProtocol", ErrorKind::Invalid),
    ("UnsupportedRegion", ErrorKind::Invalid),
    ("ResourceNotFound", ErrorKind::Invalid), // does not say which resource: no licence to take something for gone
    ("RequestSizeLimitExceeded", ErrorKind::Invalid),

    ("FailedOperation", ErrorKind::Failed),
    ("ResponseSizeLimitExceeded", ErrorKind::Failed),
];

#[cfg(test)]
mod tests {
    use super::*;
    use ErrorKind::*;

    /// Every code of the documentation and of the official Python SDK's list (`errorcodes.py` of 3.1.194), each once.
    #[rustfmt::skip]
    const DOCUMENTED: &[(&str, ErrorKind, Executed)] = &[
        ("ActionOffline", Invalid, Executed::No),
        ("AuthFailure", Permission, Executed::No),
        ("AuthFailure.InvalidAuthorization", Permission, Executed::No),
        ("AuthFailure.InvalidSecretId", Permission, Executed::No),
        ("AuthFailure.MFAFailure", Permission, Executed::No),
        ("AuthFailure.SecretIdNotFound", Credential, Executed::No),
        ("AuthFailure.SignatureExpire", Credential, Executed::No),
        ("AuthFailure.SignatureFailure", Permission, Executed::No),
        ("AuthFailure.TokenFailure", Credential, Executed::No),
        ("AuthFailure.UnauthorizedOperation", Permission, Executed::No),
        ("DryRunOperation", Invalid, Executed::No),
        ("FailedOperation", Failed, Executed::Maybe),
        ("FailedOperation.AssociationNotActive", Failed, Executed::Maybe),
        ("FailedOperation.EipTrafficCheckRisk", Failed, Executed::Maybe),
        ("FailedOperation.FrequencyCheckRisk", Failed, Executed::Maybe),
        ("FailedOperation.InsufficientBalance", Quota, Executed::No),
        ("FailedOperation.InvalidApiKey", Failed, Executed::Maybe),
        ("FailedOperation.InvalidLBStatus", Failed, Executed::Maybe),
        ("FailedOperation.ModelDoesNotSupportModality", Failed, Executed::Maybe),
        ("FailedOperation.ModelNotFound", Failed, Executed::Maybe),
        ("FailedOperation.NoListenerInLB", Failed, Executed::Maybe),
        ("FailedOperation.RateLimitExceeded", Failed, Executed::Maybe),
        ("FailedOperation.RequestTimeout", Failed, Executed::Maybe),
        ("FailedOperation.ResourceInCloning", Busy, Executed::No),
        ("FailedOperation.ResourceInOperating", Busy, Executed::No),
        ("FailedOperation.TargetNumCheckRisk", Failed, Executed::Maybe),
        ("FailedOperation.TrafficCheckRisk", Failed, Executed::Maybe),
        ("IncorrectStatus", Busy, Executed::No),
        ("InternalError", Server, Executed::Maybe),
        ("InternalError.AssociationReferenceInvalid", Server, Executed::Maybe),
        ("InvalidAction", Invalid, Executed::No),
        ("InvalidParameter", Invalid, Executed::No),
        ("InvalidParameter.AttachmentItem", Invalid, Executed::No),
        ("InvalidParameter.Attachments", Invalid, Executed::No),
        ("InvalidParameter.ClientTokenLimitExceeded", Invalid, Executed::No),
        ("InvalidParameter.EndpointUnreachable", Invalid, Executed::No),
        ("InvalidParameter.FormatError", Invalid, Executed::No),
        ("InvalidParameter.InputModality", Invalid, Executed::No),
        ("InvalidParameter.InvalidFieldValue", Invalid, Executed::No),
        ("InvalidParameter.InvalidFilter", Invalid, Executed::No),
        ("InvalidParameter.LBIdNotFound", LoadBalancerGone, Executed::No),
        ("InvalidParameter.ListenerIdNotFound", PoolGone, Executed::No),
        ("InvalidParameter.LocationNotFound", PoolGone, Executed::No),
        ("InvalidParameter.MinOrderAllZero", Invalid, Executed::No),
        ("InvalidParameter.PortCheckFailed", Invalid, Executed::No),
        ("InvalidParameter.ProtocolCheckFailed", Invalid, Executed::No),
        ("InvalidParameter.RegionNotFound", Invalid, Executed::No),
        ("InvalidParameter.RewriteAlreadyExist", Invalid, Executed::No),
        ("InvalidParameter.SomeRewriteNotFound", Invalid, Executed::No),
        ("InvalidParameterCombination", Invalid, Executed::No),
        ("InvalidParameterValue", Invalid, Executed::No),
        ("InvalidParameterValue.Duplicate", Invalid, Executed::No),
        ("InvalidParameterValue.InvalidFieldValue", Invalid, Executed::No),
        ("InvalidParameterValue.InvalidFilter", Invalid, Executed::No),
        ("InvalidParameterValue.Length", Invalid, Executed::No),
        ("InvalidParameterValue.Range", Invalid, Executed::No),
        ("InvalidRequest", Invalid, Executed::No),
        ("IpInBlacklist", Permission, Executed::No),
        ("IpNotInWhitelist", Permission, Executed::No),
        ("LimitExceeded", Quota, Executed::No),
        ("MissingParameter", Invalid, Executed::No),
        ("NoSuchProduct", Invalid, Executed::No),
        ("NoSuchVersion", Invalid, Executed::No),
        ("OperationDenied", Permission, Executed::No),
        ("RequestLimitExceeded", Throttled, Executed::No),
        ("RequestLimitExceeded.GlobalRegionUinLimitExceeded", Throttled, Executed::No),
        ("RequestLimitExceeded.UinLimitExceeded", Throttled, Executed::No),
        ("RequestSizeLimitExceeded", Invalid, Executed::No),
        ("ResourceInUse", Busy, Executed::No),
        ("ResourceInsufficient", Quota, Executed::No),
        ("ResourceNotFound", Invalid, Executed::No),
        ("ResourceNotFound.Prompt", Invalid, Executed::No),
        ("ResourceNotFound.PromptVersion", Invalid, Executed::No),
        ("ResourceNotFound.ServiceProvider", Invalid, Executed::No),
        ("ResourceNotFound.ServiceProviderModel", Invalid, Executed::No),
        ("ResourceUnavailable", Busy, Executed::No),
        ("ResourcesSoldOut", Quota, Executed::No),
        ("ResponseSizeLimitExceeded", Failed, Executed::Maybe),
        ("ServiceUnavailable", Server, Executed::Maybe),
        ("UnauthorizedOperation", Permission, Executed::No),
        ("UnknownParameter", Invalid, Executed::No),
        ("UnsupportedOperation", Invalid, Executed::No),
        ("UnsupportedOperation.BudgetOnlySupportsEnterprise", Invalid, Executed::No),
        ("UnsupportedOperation.InvalidModelRouterStatus", Invalid, Executed::No),
        ("UnsupportedOperation.InvalidStateTransition", Invalid, Executed::No),
        ("UnsupportedOperation.ModelAssociatedWithModelRouter", Invalid, Executed::No),
        ("UnsupportedOperation.ModelRouterResourcePackageAutoPurchaseEnabled", Invalid, Executed::No),
        ("UnsupportedOperation.ModelRouterResourcePackageStatusNotRefundable", Invalid, Executed::No),
        ("UnsupportedOperation.ServiceProviderStatus", Invalid, Executed::No),
        ("UnsupportedOperation.VPCMismatch", Invalid, Executed::No),
        ("UnsupportedProtocol", Invalid, Executed::No),
        ("UnsupportedRegion", Invalid, Executed::No),
    ];

    #[test]
    fn c22_each_documented_code_has_one_class() {
        for pair in DOCUMENTED.windows(2) {
            assert!(pair[0].0 < pair[1].0, "{} and {} are out of order or twice", pair[0].0, pair[1].0);
        }
        for (code, kind, executed) in DOCUMENTED {
            assert_eq!(classify(code, ""), (*kind, *executed), "{code}");
        }
        for (i, (code, _)) in CODES.iter().enumerate() {
            assert!(CODES[i + 1..].iter().all(|(other, _)| other != code), "{code} stands twice");
        }
    }

    #[test]
    fn c22_codes_are_matched_by_dotted_components() {
        for (code, kind) in [
            ("InternalError.AnythingElse", Server),
            ("FailedOperation.ResourceInOperatingElsewhere", Failed),
            ("RequestLimitExceededSomewhere", Failed),
            ("LimitExceeded.Targets.More", Quota),
            ("FailedOperation.ResourceInOperating.Again", Busy),
            ("Unheard", Failed),
            ("", Failed),
            (".", Failed),
        ] {
            assert_eq!(classify(code, "").0, kind, "{code}");
        }
    }

    #[test]
    fn c9_what_is_gone_or_busy_may_be_said_in_words_only() {
        #[rustfmt::skip]
        let cases = [
            ("InvalidParameter", "LoadBalancer not exist: lb-1", LoadBalancerGone),
            ("FailedOperation", "LB not exist", LoadBalancerGone),
            ("InvalidParameter", "some ListenerId lbl-1 not found", PoolGone),
            ("InvalidParameterValue", "some ListenerId lbl-1 not found", Invalid),
            ("FailedOperation", "lb-1 not in normal desState, maybe some tasks are being processed, please try later", Busy),
            ("InvalidParameter", "the tasks are being processed", Invalid),
            ("FailedOperation", "a target does not exist", Failed),
        ];
        for (code, message, kind) in cases {
            assert_eq!(classify(code, message).0, kind, "{code}: {message}");
        }
    }
}
