//! The floor under what readiness may take from a pool: how many targets keep a positive weight although they are not ready.
//!
//! Kept are those that became unready last, ties by UID: a function of state, so it is the same after a restart. Terminating
//! and held Pods are never subject to it.

use alloc::vec::Vec;
use core::cmp::Reverse;
use core::mem;

use crate::decide::Standing;
use crate::desired::configured_weight;
use crate::id::Uid;
use crate::notice::Notice;
use crate::policy::{DrainOn, Floor};
use crate::record::Phase;
use crate::slab::Index;
use crate::state::State;
use crate::target::Weight;
use crate::time::Time;

impl State {
    /// Has the floor of a pool looked at before this call ends.
    pub(crate) fn stir_floor(&mut self, pool: Index) {
        let record = &mut self.pools[pool];
        if record.has_floor && !mem::replace(&mut record.floor_stirred, true) {
            self.floors.push(pool);
        }
    }

    /// The floor of the routes that drive a pool; the higher one where there are several.
    pub(crate) fn refresh_floor(&mut self, pool: Index) {
        let has_floor = self.floors_of(pool).next().is_some();
        let record = &mut self.pools[pool];
        let had_floor = mem::replace(&mut record.has_floor, has_floor);
        if has_floor {
            self.stir_floor(pool);
        } else if had_floor {
            for target in mem::take(&mut self.pools[pool].floor_kept) {
                self.touch(target);
            }
        }
    }

    fn floors_of(&self, pool: Index) -> impl Iterator<Item = Floor> + '_ {
        let bindings = self.pools[pool].bindings.iter().map(|binding| &self.bindings[*binding]);
        bindings
            .filter(|binding| binding.phase == Phase::Active)
            .filter_map(|binding| self.routes[binding.route].facts.policy.floor)
    }

    /// Chooses anew which targets of a pool keep their weight.
    pub(crate) fn look_at_floor(&mut self, pool: Index) {
        self.pools[pool].floor_stirred = false;
        let (mut live, mut serving) = (0_u32, 0_u32);
        let mut unready: Vec<(Reverse<Time>, Uid, Index)> = Vec::new();
        for target in &self.pools[pool].targets {
            let Some((seat, standing)) = self.occupant(*target) else { continue };
            let sitting = self.sitting(seat);
            // On a port that the Service left: how it stands depends on what is wanted of its successor.
            if !sitting.seat.listed {
                continue;
            }
            let weight = configured_weight(&sitting);
            match standing {
                Standing::Ready => {
                    live += 1;
                    serving += u32::from(weight != Weight::DRAINED);
                }
                Standing::Unready { admitted } => {
                    live += 1;
                    let taken = sitting.route.facts.policy.drain == DrainOn::TerminationAndUnready;
                    if admitted && taken && weight != Weight::DRAINED {
                        let pod = sitting.pod;
                        let since =
                            pod.facts.as_ref().and_then(|facts| facts.unready_since()).unwrap_or(Time::EPOCH);
                        unready.push((Reverse(since), pod.uid, *target));
                    }
                }
                Standing::Held | Standing::Deselected | Standing::Terminating | Standing::Over => {}
            }
        }
        let least = self.floors_of(pool).map(|floor| floor.of(live)).max().unwrap_or(0);
        let lacking = usize::try_from(least.saturating_sub(serving)).unwrap_or(usize::MAX);
        unready.sort_unstable();
        unready.truncate(lacking);
        let mut kept: Vec<Index> = unready.into_iter().map(|(.., target)| target).collect();
        kept.sort_unstable();
        let before = mem::replace(&mut self.pools[pool].floor_kept, kept.clone());
        for target in before.iter().chain(&kept) {
            if before.binary_search(target).is_ok() != kept.binary_search(target).is_ok()
                && self.targets.get(*target).is_some()
            {
                self.touch(*target);
            }
        }
        let told = mem::replace(&mut self.pools[pool].told.floor, !kept.is_empty());
        if let (false, false, Some(route)) = (told, kept.is_empty(), self.route_to_name(pool)) {
            let record = &self.pools[pool];
            let (lane, pool) = (self.lanes[record.lane as usize].id.clone(), record.pool.clone());
            let kept = u32::try_from(kept.len()).unwrap_or(u32::MAX);
            self.tell(Notice::FloorHeld { route, lane, pool, kept, live });
        }
    }

    /// Whether a target keeps its weight although it is not ready.
    pub(crate) fn is_kept_by_floor(&self, target: Index) -> bool {
        self.pools[self.targets[target].pool].floor_kept.binary_search(&target).is_ok()
    }
}
