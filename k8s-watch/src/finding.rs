//! What is told about an object that somebody wrote: an annotation nobody can use, a CLB that is not there.

use std::fmt;

use grace_core::{ObjectName, Uid};

/// A Kubernetes object that a person is told about.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct ObjectRef {
    /// Its kind.
    pub(crate) kind: ObjectKind,
    /// Namespace and name.
    pub(crate) name: ObjectName,
    /// Identity, where it is known: `kubectl describe` shows Events by it.
    pub(crate) uid: Option<Uid>,
}

/// The kinds that Events are attached to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum ObjectKind {
    /// A Pod.
    Pod,
    /// A Service.
    Service,
    /// An Ingress.
    Ingress,
    /// An EndpointSlice.
    EndpointSlice,
}

impl ObjectKind {
    /// The kind as the API names it.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Pod => "Pod",
            Self::Service => "Service",
            Self::Ingress => "Ingress",
            Self::EndpointSlice => "EndpointSlice",
        }
    }

    /// Group and version of the kind.
    pub(crate) const fn api_version(self) -> &'static str {
        match self {
            Self::Pod | Self::Service => "v1",
            Self::Ingress => "networking.k8s.io/v1",
            Self::EndpointSlice => "discovery.k8s.io/v1",
        }
    }
}

/// Something about an object that its owner should mend. Texts from outside are shortened and on one line.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Finding {
    /// An annotation whose value cannot be used.
    InvalidAnnotation {
        /// Its key.
        key: Box<str>,
        /// Its value, shortened.
        value: Box<str>,
        /// What is used instead.
        instead: Box<str>,
    },
    /// An annotation that nobody knows, close to one that has a meaning.
    UnknownAnnotation {
        /// The key as written.
        key: Box<str>,
        /// The key that was probably meant.
        meant: Box<str>,
    },
    /// A switch that needs direct access, which is not on.
    DirectAccessMissing {
        /// The switch.
        switch: Box<str>,
    },
    /// A CLB that this controller may not write.
    LoadBalancerRefused {
        /// The CLB, and the protocol and port that should be served.
        what: Box<str>,
        /// Why it is refused, and what to do.
        why: Box<str>,
    },
    /// No CLB, or one that does not exist.
    LoadBalancerMissing {
        /// The CLB, and the protocol and port that should be served.
        what: Box<str>,
        /// What to do.
        remedy: Box<str>,
    },
    /// A listener that does not exist, or that cannot hold targets of its own.
    ListenerMissing {
        /// The CLB, the protocol and the port.
        what: Box<str>,
        /// What to do.
        remedy: Box<str>,
    },
    /// A field of the object has the wrong shape.
    Undecodable {
        /// Path of the field.
        field: Box<str>,
    },
}

impl Finding {
    /// Reason of the Event; part of the published contract.
    #[must_use]
    pub const fn reason(&self) -> &'static str {
        match self {
            Self::InvalidAnnotation { .. } => "InvalidAnnotation",
            Self::UnknownAnnotation { .. } => "UnknownAnnotation",
            Self::DirectAccessMissing { .. } => "DirectAccessMissing",
            Self::LoadBalancerRefused { .. } => "LoadBalancerRefused",
            Self::LoadBalancerMissing { .. } => "LoadBalancerMissing",
            Self::ListenerMissing { .. } => "ListenerMissing",
            Self::Undecodable { .. } => "Undecodable",
        }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::InvalidAnnotation { key, value, instead } => {
                write!(f, "annotation {key} has the value \"{value}\", which cannot be used; {instead}")
            }
            Self::UnknownAnnotation { key, meant } => {
                write!(
                    f,
                    "annotation {key} is not known and has no effect; {meant} was probably meant: rename it"
                )
            }
            Self::DirectAccessMissing { switch } => write!(
                f,
                "{switch} has no effect, because the CLB does not forward straight to Pods; nothing is written: \
                 set service.cloud.tencent.com/direct-access to \"true\""
            ),
            Self::LoadBalancerRefused { what, why } => write!(f, "{what} is not written: {why}"),
            Self::LoadBalancerMissing { what, remedy } | Self::ListenerMissing { what, remedy } => {
                write!(f, "{what}; nothing is written: {remedy}")
            }
            Self::Undecodable { field } => write!(
                f,
                "field {field} has a shape that the API does not allow; what was known of this object before \
                 stays in force, nothing is concluded from it: correct the field"
            ),
        }
    }
}

/// A finding and the object that it is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Told {
    /// The object.
    pub(crate) on: ObjectRef,
    /// What was found.
    pub(crate) finding: Finding,
}

/// `text` on one line, at most 64 characters of it. Control characters and those that turn the direction of a line
/// become `?`, so a value can neither forge a log line nor hide part of one.
pub(crate) fn shortened(text: &str) -> Box<str> {
    let mut short: String = text.chars().take(64).map(|c| if misleads(c) { '?' } else { c }).collect();
    if text.chars().nth(64).is_some() {
        short.push_str(&format!("... ({} bytes)", text.len()));
    }
    short.into()
}

fn misleads(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}' | '"')
}
