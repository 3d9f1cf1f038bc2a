//! Identifiers: text that the CLB gave out, names of Kubernetes objects, and object UIDs as sixteen bytes.

use alloc::boxed::Box;
use alloc::string::String;
use core::fmt;
use core::hash::{BuildHasher, Hash, Hasher};

/// Why a text is no identifier of the load balancer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "an id has 1 to 63 characters of A-Z, a-z, 0-9 and '-', this text has {length} bytes or others; copy the id from the console"
)]
pub struct InvalidId {
    length: usize,
}

macro_rules! text_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        ///
        /// 1 to 63 characters of `[A-Za-z0-9-]`; anything else is refused, nothing is repaired.
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(try_from = "String", into = "String"))]
        pub struct $name(Box<str>);

        impl $name {
            /// The id as it was given.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl TryFrom<&str> for $name {
            type Error = InvalidId;
            fn try_from(text: &str) -> Result<Self, InvalidId> {
                let wellformed = (1..=63).contains(&text.len())
                    && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
                if wellformed { Ok(Self(text.into())) } else { Err(InvalidId { length: text.len() }) }
            }
        }

        impl TryFrom<String> for $name {
            type Error = InvalidId;
            fn try_from(text: String) -> Result<Self, InvalidId> {
                Self::try_from(text.as_str())
            }
        }

        impl From<$name> for String {
            fn from(id: $name) -> Self {
                id.0.into()
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

text_id! {
    /// A load balancer, `lb-` and eight characters by custom.
    LoadBalancerId
}
text_id! {
    /// A target group, `lbtg-` and eight characters by custom.
    TargetGroupId
}
text_id! {
    /// A listener, `lbl-` and eight characters by custom.
    ListenerId
}
text_id! {
    /// A rule of a layer-7 listener, `loc-` and eight characters by custom.
    RuleId
}

/// Identity of a Kubernetes object over its whole life: names are used again, UIDs are not.
///
/// Sixteen bytes: the UUID that the API server gave out, or, for any other text, a 128-bit hash of it that carries a
/// version number no UUID has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[cfg_attr(
    feature = "serde",
    derive(serde::Serialize, serde::Deserialize),
    serde(from = "String", into = "String")
)]
pub struct Uid([u8; 16]);

impl Hash for Uid {
    /// As one number: every Pod event begins by looking its UID up.
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u128(u128::from_le_bytes(self.0));
    }
}

impl Uid {
    /// The identity that `text` names.
    #[must_use]
    pub fn of(text: &str) -> Self {
        parse_uuid(text.as_bytes()).map_or_else(|| Self(hash_text(text)), Self)
    }

    /// The sixteen bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }
}

impl From<String> for Uid {
    fn from(text: String) -> Self {
        Self::of(&text)
    }
}

impl From<Uid> for String {
    fn from(uid: Uid) -> Self {
        alloc::format!("{uid}")
    }
}

impl fmt::Display for Uid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, byte) in self.0.iter().enumerate() {
            if matches!(i, 4 | 6 | 8 | 10) {
                f.write_str("-")?;
            }
            write!(f, "{byte:02x}")?;
        }
        Ok(())
    }
}

fn parse_uuid(text: &[u8]) -> Option<[u8; 16]> {
    if text.len() != 36 {
        return None;
    }
    let mut bytes = [0_u8; 16];
    let mut digits = 0;
    for (i, &c) in text.iter().enumerate() {
        if matches!(i, 8 | 13 | 18 | 23) {
            if c != b'-' {
                return None;
            }
            continue;
        }
        // Upper-case digits would print differently from what was read, so such a text is no UUID here.
        let value = match c {
            b'0'..=b'9' => c - b'0',
            b'a'..=b'f' => c - b'a' + 10,
            _ => return None,
        };
        bytes[digits / 2] = (bytes[digits / 2] << 4) | value;
        digits += 1;
    }
    Some(bytes)
}

fn hash_text(text: &str) -> [u8; 16] {
    let half = |seed: u64| {
        let mut hasher = foldhash::quality::FixedState::with_seed(seed).build_hasher();
        hasher.write(text.as_bytes());
        hasher.finish()
    };
    let mut bytes = [0; 16];
    bytes[..8].copy_from_slice(&half(1).to_be_bytes());
    bytes[8..].copy_from_slice(&half(2).to_be_bytes());
    bytes[6] |= 0xf0; // version 15: no UUID has it, so a hash never equals one
    bytes
}

/// Name of a namespaced Kubernetes object. For people and for looking things up, never an identity.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[expect(clippy::exhaustive_structs, reason = "a Kubernetes name has these two parts and no others")]
pub struct ObjectName {
    /// Namespace.
    pub namespace: Box<str>,
    /// Name within the namespace and kind.
    pub name: Box<str>,
}

impl ObjectName {
    /// A name from its two parts.
    pub fn new(namespace: impl Into<Box<str>>, name: impl Into<Box<str>>) -> Self {
        Self { namespace: namespace.into(), name: name.into() }
    }
}

impl fmt::Display for ObjectName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.namespace, self.name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::ToString;

    #[test]
    fn an_id_is_kept_as_given_or_refused() {
        assert_eq!(LoadBalancerId::try_from("lb-1a2B").unwrap().as_str(), "lb-1a2B");
        for bad in ["", "lb_1", "lb-1 ", "lb/1", "l\u{e9}", &"x".repeat(64)] {
            assert!(LoadBalancerId::try_from(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn a_uuid_prints_as_it_was_read() {
        let text = "0a1b2c3d-0000-4000-8000-ffffffffffff";
        assert_eq!(Uid::of(text).to_string(), text);
    }

    #[test]
    fn any_other_text_is_an_identity_too() {
        let uids = ["", "web-1", "0A1B2C3D-0000-4000-8000-FFFFFFFFFFFF"].map(Uid::of);
        assert!(uids[0] != uids[1] && uids[1] != uids[2] && uids[0] != uids[2]);
        assert!(uids.iter().all(|uid| uid.as_bytes()[6] >= 0xf0));
        // What is printed can be read back: a log replays to the same identities.
        assert!(uids.iter().all(|uid| Uid::of(&uid.to_string()) == *uid));
    }
}
