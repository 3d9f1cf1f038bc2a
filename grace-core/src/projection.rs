//! What a model checker has to see of a machine: everything that bears on what it will do, by content, and moments apart
//! from the rest, so that they can be compared by their order instead of their values.
//!
//! Left out is what a model of a few Pods never meets, or what says nothing about the future: numbers of records and of
//! actions, the budget of calls, contests and switches, what people were told, and how often something failed beyond twice.
//! A moment that has passed is one with all others that have.

use alloc::vec::Vec;
use core::hash::Hash;
use core::time::Duration;

use crate::desired::LEFTOVER_DRAIN;
use crate::flap::WITHIN;
use crate::index::hash;
use crate::lane::{Lane, VerbState};
use crate::observed::LAG;
use crate::plan::RESTORES_WITHIN;
use crate::record::{PoolRecord, Seat};
use crate::slab::Index;
use crate::state::State;
use crate::time::Time;
use crate::tracked_pod::Pod;
use crate::tracked_target::Target;

/// Where the words and moments go.
pub(crate) struct Projection<'a> {
    /// Contents; [`MOMENT`] stands where a moment belongs.
    pub(crate) words: &'a mut Vec<u64>,
    /// Moments that lie ahead, in microseconds, in the order of their marks.
    pub(crate) times: &'a mut Vec<u64>,
    pub(crate) now: Time,
}

/// Stands for a moment that lies ahead.
const MOMENT: u64 = u64::MAX;
/// Stands for one that has passed, or for none.
const PAST: u64 = u64::MAX - 1;

impl Projection<'_> {
    fn word(&mut self, content: impl Hash) {
        self.words.push(hash(&content));
    }

    fn time(&mut self, at: Option<Time>) {
        match at.filter(|at| *at > self.now) {
            Some(at) => {
                self.words.push(MOMENT);
                self.times.push(at.as_micros());
            }
            None => self.words.push(PAST),
        }
    }

    /// A moment that is counted from: what matters is when the spans that follow it end.
    fn since(&mut self, at: Option<Time>, span: Duration) {
        self.word(at.is_some());
        self.time(at.map(|at| at + span));
    }

    /// The whole machine.
    pub(crate) fn machine(&mut self, state: &State) {
        self.word(state.synced);
        let mut pods: Vec<&Pod> = state.pods.indices().map(|pod| &state.pods[pod]).collect();
        pods.sort_unstable_by_key(|pod| pod.uid);
        for pod in pods {
            self.pod(pod);
        }
        for slice in state.slices.indices() {
            let slice = &state.slices[slice];
            let mut endpoints: Vec<_> = slice
                .endpoints
                .iter()
                .map(|endpoint| (state.pods[endpoint.pod].uid, endpoint.ip, endpoint.serving))
                .collect();
            endpoints.sort_unstable();
            self.word(endpoints);
        }
        for lane in state.lanes_by_id.values() {
            let lane = &state.lanes[*lane as usize];
            self.lane(state, lane);
            for pool in lane.pools.values() {
                self.pool(state, *pool);
            }
        }
    }

    fn pod(&mut self, pod: &Pod) {
        let life = pod.life().map(|life| core::mem::discriminant(&life));
        let drain = pod.drain().map(|drain| (drain.targets, drain.confirmed));
        self.word((pod.uid, life, pod.is_gone(), pod.listed, drain));
        self.time(pod.hold());
    }

    fn lane(&mut self, state: &State, lane: &Lane) {
        self.word((lane.granted, lane.missing, lane.claims_loaded, lane.tried_suspects, lane.full));
        let longest = state.config.linger_max.min(lane.task_time() / 3);
        self.word(longest.min(state.config.linger));
        if let Some(index) = state.lanes_by_id.get(&lane.id) {
            self.time(Some(state.quiet_at(*index)));
        }
        if let Some(open) = &lane.open {
            let name = |target: Index| state.targets.get(target).map(|target| (target.ip, target.port));
            let mut targets: Vec<_> =
                open.targets.iter().map(|(target, flight)| (name(*target), *flight)).collect();
            targets.sort_unstable();
            self.word((open.verb as u8, targets));
            self.time(Some(open.deadline));
        }
        if let Some(open) = &lane.claim_open {
            let names = |targets: &[Index]| {
                let mut names: Vec<_> = targets
                    .iter()
                    .map(|target| state.targets.get(*target).map(|target| (target.ip, target.port)))
                    .collect();
                names.sort_unstable();
                names
            };
            self.word((names(&open.add), names(&open.drop)));
            self.time(Some(open.deadline));
        }
        for verb in lane.verbs.iter().chain([&lane.claim]) {
            let VerbState { not_before, attempts, told: _ } = verb;
            self.word(attempts.min(&2));
            self.time(Some(*not_before));
        }
        for at in [lane.next_read, lane.resync_at, lane.verify_at[0], lane.verify_at[1]] {
            self.word(at.is_some());
            self.time(at);
        }
        let patience = crate::choose::patience(lane.task_time());
        for (since, factor) in lane.waiting_since.iter().zip([1, 1, 3, 3]) {
            self.since(*since, patience * factor);
        }
        self.since(lane.drains_since, patience * 2);
    }

    fn pool(&mut self, state: &State, index: Index) {
        let pool: &PoolRecord = &state.pools[index];
        self.word((pool.read, pool.urgent, pool.emptied, pool.missing, pool.failures.min(2)));
        self.word((pool.registered, pool.serving));
        self.time(pool.read_at);
        self.time(Some(pool.not_before));
        let mut targets: Vec<Index> = pool.targets.clone();
        targets.sort_unstable_by_key(|target| (state.targets[*target].ip, state.targets[*target].port));
        for index in targets {
            self.target(pool, &state.targets[index]);
            let mut seats: Vec<&Seat> = state.seats_of(index).map(|seat| &state.seats[seat]).collect();
            seats.sort_unstable_by_key(|seat| state.pods[seat.pod].uid);
            for seat in seats {
                self.seat(state, seat);
            }
        }
    }

    fn target(&mut self, pool: &PoolRecord, target: &Target) {
        self.word((target.ip, target.port, target.flags.bits(), target.want, target.seen));
        self.word((target.flying(), target.claim));
        self.word(target.waiting.map(|change| change as u8));
        self.since(target.zero_since(), LEFTOVER_DRAIN);
        self.since(Some(target.proven_at()), LAG);
        self.word(pool.shown_at >= target.lands_until());
        self.time(Some(target.lands_until()));
        self.time(target.timer().map(|(at, _)| at));
        if let Some(trouble) = target.trouble() {
            let facts = (trouble.refusals.min(2), trouble.alone, trouble.suspects.is_some());
            self.word((facts, trouble.overwritten, trouble.vanished.min(2), trouble.restored.len()));
            self.time(Some(trouble.not_before));
            self.since(trouble.restored.front().copied(), RESTORES_WITHIN);
        }
    }

    fn seat(&mut self, state: &State, seat: &Seat) {
        self.word((state.pods[seat.pod].uid, seat.listed, seat.serving, seat.admitted));
        self.since(Some(seat.unlisted_since()), state.config.deselected_after);
        if let Some(flap) = seat.unsteady.as_ref().and_then(|unsteady| unsteady.flap.as_ref()) {
            self.word((flap.changes.len(), flap.hold));
            self.since(flap.changes.front().copied(), WITHIN);
            self.since(flap.ready_since, flap.hold.unwrap_or_default());
        }
    }
}
