//! Ids in requests: a newtype each, so that a listener cannot stand where a rule belongs.

use std::fmt;
use std::str::FromStr;

use serde::Serialize;

/// Declares an id.
macro_rules! id {
    ($(#[$doc:meta])* $name:ident, $what:literal) => {
        $(#[$doc])*
        ///
        /// 1 to 63 letters, digits and hyphens of ASCII. Nothing more is checked: prefix and length are documented by
        /// example only.
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
        #[serde(transparent)]
        pub struct $name(Box<str>);

        impl $name {
            /// # Errors
            /// [`BadId`] when `text` has another form.
            pub fn new(text: &str) -> Result<Self, BadId> {
                if is_id(text) { Ok(Self(text.into())) } else { Err(BadId::new($what, text)) }
            }

            /// The id.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl FromStr for $name {
            type Err = BadId;

            fn from_str(text: &str) -> Result<Self, BadId> {
                Self::new(text)
            }
        }

        impl TryFrom<&str> for $name {
            type Error = BadId;

            fn try_from(text: &str) -> Result<Self, BadId> {
                Self::new(text)
            }
        }
    };
}

id! {
    /// Names a load balancer: `lb-k2zjp9lv`.
    LoadBalancerId, "load balancer id"
}
id! {
    /// Names a listener, one protocol and port of a load balancer: `lbl-7tf2wq1a`.
    ListenerId, "listener id"
}
id! {
    /// Names a layer-7 rule, one domain and URL of a listener: `loc-r2q3jd4c`. The API calls it a location.
    RuleId, "rule id"
}
id! {
    /// Names a target group: `lbtg-5xunivs0`.
    TargetGroupId, "target group id"
}
id! {
    /// Names a virtual machine: `ins-0a1b2c3d`.
    InstanceId, "instance id"
}

/// A text that cannot be an id.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{found}` is no {what}; ids have 1 to 63 letters, digits and hyphens")]
pub struct BadId {
    /// Which kind of id was wanted.
    what: &'static str,
    /// The text, escaped and shortened.
    found: String,
}

impl BadId {
    /// The refusal of `text`.
    fn new(what: &'static str, text: &str) -> Self {
        Self { what, found: text.chars().take(63).flat_map(char::escape_debug).collect() }
    }
}

/// Whether `text` has the form of an id.
fn is_id(text: &str) -> bool {
    matches!(text.len(), 1..=63) && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_id_is_refused_in_one_short_line() {
        for text in
            ["", "lb 1", "lb-1\n", "lb_1", "lb-\u{202e}1", "../lb", &"a".repeat(64), &"\u{0}".repeat(300_000)]
        {
            let error = LoadBalancerId::new(text).unwrap_err().to_string();
            assert!(!error.contains('\n') && error.len() < 600, "{error}");
        }
        assert_eq!(RuleId::new("loc-1").unwrap().as_str(), "loc-1");
        assert!(ListenerId::new(&"a".repeat(63)).is_ok());
    }
}
