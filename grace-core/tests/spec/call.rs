//! What a command asks of the load balancer or the claim store.

use grace_core::{Address, Batch, Command, Pool, Weight};

/// What a call does, as far as limits and faults are concerned.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Verb {
    Weights,
    Register,
    Deregister,
    Read,
    Claim,
    LoadClaims,
    Mark,
}

impl Verb {
    /// The verb of a command.
    pub(crate) const fn of(command: &Command) -> Self {
        match command {
            Command::Write { batch: Batch::Weights(_), .. } => Self::Weights,
            Command::Write { batch: Batch::Register(_), .. } => Self::Register,
            Command::Write { batch: Batch::Deregister(_), .. } => Self::Deregister,
            Command::Read { .. } => Self::Read,
            Command::Claim { .. } => Self::Claim,
            Command::LoadClaims { .. } => Self::LoadClaims,
            Command::Mark { .. } => Self::Mark,
        }
    }

    /// Whether it changes targets.
    pub(crate) const fn is_write(self) -> bool {
        matches!(self, Self::Weights | Self::Register | Self::Deregister)
    }
}

/// A batch as single targets; the weight is `None` for a removal.
pub(crate) fn entries(batch: &Batch) -> Vec<(Pool, Address, Option<Weight>)> {
    match batch {
        Batch::Weights(pools) | Batch::Register(pools) => pools
            .iter()
            .flat_map(|(pool, changes)| changes.iter().map(|c| (pool.clone(), c.address, Some(c.weight))))
            .collect(),
        Batch::Deregister(pools) => pools
            .iter()
            .flat_map(|(pool, removals)| removals.iter().map(|r| (pool.clone(), r.address, None)))
            .collect(),
    }
}
