//! Small facts about a record, one bit each: there may be a million records.

use core::marker::PhantomData;

/// A set of flags of one kind, whose `u16` is its bit.
#[derive(Clone, Copy, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(transparent))]
pub(crate) struct Flags<F> {
    bits: u16,
    #[cfg_attr(feature = "serde", serde(skip))]
    kind: PhantomData<F>,
}

impl<F: Into<u16>> Flags<F> {
    pub(crate) const fn none() -> Self {
        Self { bits: 0, kind: PhantomData }
    }

    pub(crate) fn has(&self, flag: F) -> bool {
        self.bits & flag.into() != 0
    }

    pub(crate) fn set(&mut self, flag: F, on: bool) {
        let bit = flag.into();
        self.bits = if on { self.bits | bit } else { self.bits & !bit };
    }

    /// Sets it, and says what it was.
    pub(crate) fn replace(&mut self, flag: F, on: bool) -> bool {
        let bit = flag.into();
        let was = self.bits & bit != 0;
        self.bits = if on { self.bits | bit } else { self.bits & !bit };
        was
    }

    /// All of them.
    #[cfg(feature = "planted")]
    pub(crate) const fn bits(&self) -> u16 {
        self.bits
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tracked_target::Flag;

    #[test]
    fn one_flag_does_not_touch_another() {
        let mut flags = Flags::none();
        assert!(!flags.replace(Flag::Contradicted, true));
        flags.set(Flag::Touched, true);
        assert!(flags.replace(Flag::Touched, false));
        assert!(flags.has(Flag::Contradicted) && !flags.has(Flag::Touched));
    }
}
