//! How far a controller has come: what readiness probes ask for.

use std::collections::BTreeMap;

use grace_core::{Command, Failure, LaneId, Source, Success};

/// How far a controller has come.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Status {
    /// Each source, and whether it was listed completely.
    pub sources: BTreeMap<Source, bool>,
    /// Whether the binding of every Service was answered once.
    pub bound: bool,
    /// Each lane that this process may write, and whether it was read or definitively refused.
    pub lanes: BTreeMap<LaneId, bool>,
    /// Events for people that were dropped because there were too many.
    pub dropped: u64,
}

impl Status {
    /// A controller of these sources that has not begun.
    pub(crate) fn new(sources: impl IntoIterator<Item = Source>) -> Self {
        Self { sources: sources.into_iter().map(|source| (source, false)).collect(), ..Self::default() }
    }

    /// Every source was listed and every binding was answered: the core may act on absence.
    #[must_use]
    pub fn is_synced(&self) -> bool {
        self.bound && self.sources.values().all(|listed| *listed)
    }

    /// Synced, and every lane that this process may write was read or definitively refused.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        self.is_synced() && self.lanes.values().all(|read| *read)
    }

    /// Takes the end of a command into account.
    pub(crate) fn ended(&mut self, command: &Command, result: &Result<Success, Failure>) {
        let Command::Read { lane, .. } = command else { return };
        let Some(read) = self.lanes.get_mut(lane) else { return };
        *read |= match result {
            Ok(_) | Err(Failure::LaneMissing | Failure::PoolsMissing(_) | Failure::Refused { .. }) => true,
            Err(Failure::NotExecuted { .. } | Failure::Unknown { .. } | Failure::Conflict { .. }) => false,
        };
    }
}
