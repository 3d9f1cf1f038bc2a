//! One number for everything that was done: equal seeds give equal traces.

use grace_core::Time;

/// A running hash. Not a good one, but the same everywhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Trace(pub(crate) u64);

impl Trace {
    pub(crate) const fn new() -> Self {
        Self(0xcbf2_9ce4_8422_2325)
    }

    pub(crate) fn add(&mut self, value: u64) {
        self.0 = (self.0.rotate_left(23) ^ value).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    }

    pub(crate) fn at(&mut self, now: Time, what: u64) {
        self.add(now.as_micros());
        self.add(what);
    }
}
