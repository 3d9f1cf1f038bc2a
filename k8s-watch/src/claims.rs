//! Where it is written down which targets are ours: the right to deregister them after a restart.

mod config_map;
mod record;

use std::sync::Arc;

use futures::future::BoxFuture;
use grace_core::{Address, Failure, LaneId, Pool, Revision, Success};

use crate::execute::Attempt;

pub use config_map::ConfigMapClaims;

/// Keeps the claims of each lane, with compare-and-swap. [`ConfigMapClaims`] unless said.
///
/// Claims of one lane never overlap.
pub trait ClaimStore: Send + Sync + 'static {
    /// All claims of the lane, [`Success::Claims`].
    fn load<'a>(&'a self, lane: &'a LaneId, attempt: Attempt) -> BoxFuture<'a, Result<Success, Failure>>;

    /// Adds and drops claims if the record is still at `base`; `None` when there shall be none yet. Answers with all of
    /// them, or with [`Failure::Conflict`] and the record as somebody else left it.
    fn change<'a>(
        &'a self,
        lane: &'a LaneId,
        base: Option<&'a Revision>,
        add: &'a [(Pool, Address)],
        drop: &'a [(Pool, Address)],
        attempt: Attempt,
    ) -> BoxFuture<'a, Result<Success, Failure>>;
}

impl<C: ClaimStore + ?Sized> ClaimStore for Arc<C> {
    fn load<'a>(&'a self, lane: &'a LaneId, attempt: Attempt) -> BoxFuture<'a, Result<Success, Failure>> {
        (**self).load(lane, attempt)
    }

    fn change<'a>(
        &'a self,
        lane: &'a LaneId,
        base: Option<&'a Revision>,
        add: &'a [(Pool, Address)],
        drop: &'a [(Pool, Address)],
        attempt: Attempt,
    ) -> BoxFuture<'a, Result<Success, Failure>> {
        (**self).change(lane, base, add, drop, attempt)
    }
}
