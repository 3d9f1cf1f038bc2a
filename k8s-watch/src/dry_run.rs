//! Stand-ins for a dry run: what is there is read, nothing is written.
//!
//! The core plans only what it has seen and may claim, so it is granted its lanes and is refused every write instead.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures::future::BoxFuture;
use grace_core::{Address, Batch, Failure, LaneId, Pool, Revision, Success, Why};

use crate::claims::ClaimStore;
use crate::execute::{Attempt, LoadBalancer};

/// A load balancer that can be read only.
pub(crate) struct ReadOnly(pub(crate) Arc<dyn LoadBalancer>);

impl LoadBalancer for ReadOnly {
    fn write<'a>(
        &'a self,
        _lane: &'a LaneId,
        _batch: &'a Batch,
        _attempt: Attempt,
    ) -> BoxFuture<'a, Result<Success, Failure>> {
        Box::pin(async {
            Err(Failure::NotExecuted {
                why: Why::NotLeader,
                retry_in: Duration::from_secs(60),
                detail: "a dry run writes nothing".into(),
            })
        })
    }

    fn read<'a>(
        &'a self,
        lane: &'a LaneId,
        pools: &'a [Pool],
        health: bool,
        attempt: Attempt,
    ) -> BoxFuture<'a, Result<Success, Failure>> {
        self.0.read(lane, pools, health, attempt)
    }
}

/// Claims that begin as they are stored and change in memory only.
pub(crate) struct PretendedClaims {
    stored: Arc<dyn ClaimStore>,
    pretended: Mutex<BTreeMap<LaneId, Vec<(Pool, Address)>>>,
}

impl PretendedClaims {
    /// Begins with what is in `stored`.
    pub(crate) fn over(stored: Arc<dyn ClaimStore>) -> Self {
        Self { stored, pretended: Mutex::new(BTreeMap::new()) }
    }
}

impl ClaimStore for PretendedClaims {
    fn load<'a>(&'a self, lane: &'a LaneId, attempt: Attempt) -> BoxFuture<'a, Result<Success, Failure>> {
        Box::pin(async move {
            let loaded = self.stored.load(lane, attempt).await?;
            if let Success::Claims { all, .. } = &loaded {
                self.pretended
                    .lock()
                    .unwrap_or_else(PoisonError::into_inner)
                    .insert(lane.clone(), all.clone());
            }
            Ok(loaded)
        })
    }

    fn change<'a>(
        &'a self,
        lane: &'a LaneId,
        base: Option<&'a Revision>,
        add: &'a [(Pool, Address)],
        drop: &'a [(Pool, Address)],
        _attempt: Attempt,
    ) -> BoxFuture<'a, Result<Success, Failure>> {
        Box::pin(async move {
            let mut pretended = self.pretended.lock().unwrap_or_else(PoisonError::into_inner);
            let all = pretended.entry(lane.clone()).or_default();
            all.retain(|claim| !drop.contains(claim) && !add.contains(claim));
            all.extend_from_slice(add);
            let revision = base.cloned().or_else(|| Some(Revision::new("pretended")));
            Ok(Success::Claims { revision, all: all.clone() })
        })
    }
}
