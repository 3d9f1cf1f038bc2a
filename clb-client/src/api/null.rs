//! Tolerance towards `null`: official samples contain `"Rules":null` and `"Rules":[]` for the same thing.

use serde::{Deserialize, Deserializer};

/// Reads `null` as the default. Together with `#[serde(default)]` on the struct, an absent field gives the same.
pub(super) fn or_default<'de, T, D>(deserializer: D) -> Result<T, D::Error>
where
    T: Default + Deserialize<'de>,
    D: Deserializer<'de>,
{
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}
