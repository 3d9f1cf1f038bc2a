//! Where a load balancer lives.

use std::fmt;
use std::str::FromStr;

/// A region id such as `ap-guangzhou`: that of the load balancer, which may differ from the cluster's.
///
/// Checked by its form only (two lower-case letters, a hyphen, then lower-case letters, digits and hyphens; 63 characters
/// at most), since regions are added faster than releases of this crate. The form keeps `evil.example/` out of host names.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Region(Box<str>);

impl Region {
    /// # Errors
    /// [`BadRegion`] when `text` has another form.
    pub fn new(text: &str) -> Result<Self, BadRegion> {
        let fits = match text.as_bytes() {
            [a, b, b'-', rest @ ..]
                if a.is_ascii_lowercase() && b.is_ascii_lowercase() && !rest.is_empty() =>
            {
                text.len() <= 63
                    && rest.iter().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || *c == b'-')
            }
            _ => false,
        };
        if fits {
            Ok(Self(text.into()))
        } else {
            Err(BadRegion { found: text.escape_debug().take(63).collect() })
        }
    }

    /// The id.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Region {
    type Err = BadRegion;

    fn from_str(text: &str) -> Result<Self, BadRegion> {
        Self::new(text)
    }
}

impl TryFrom<&str> for Region {
    type Error = BadRegion;

    fn try_from(text: &str) -> Result<Self, BadRegion> {
        Self::new(text)
    }
}

impl fmt::Display for Region {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A text that is no region id.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{found}` is not a region id; write one like `ap-guangzhou`")]
pub struct BadRegion {
    /// The text, escaped and shortened.
    found: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn regions_of_today_are_accepted() {
        for text in ["ap-guangzhou", "ap-guangzhou-open", "ap-shanghai-fsi", "sa-saopaulo", "xx-2"] {
            assert_eq!(Region::new(text).unwrap().as_str(), text);
        }
    }

    #[test]
    fn x3_what_could_change_a_host_is_refused() {
        let long = format!("ap-{}", "a".repeat(61));
        for text in [
            "",
            "ap",
            "ap-",
            "AP-guangzhou",
            "evil.example/",
            "ap-x.evil.example",
            "ap-x/",
            "ap-x@e",
            "ap-x\n",
            "ap-ä",
            &long,
        ] {
            let error = Region::new(text).unwrap_err().to_string();
            assert!(!error.contains('\n') && error.len() < 200, "{error}");
        }
    }
}
