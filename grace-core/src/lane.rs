//! One lane: what is open on it, what waits for it, and when the next call may leave.

use alloc::collections::BTreeMap;
use alloc::vec::Vec;
use core::time::Duration;

use crate::action::{ActionId, Revision, Why};
use crate::budget::Verb;
use crate::machine::Wake;
use crate::pool::{Family, LaneId, Limits, Pool, Switch};
use crate::record::{Change, Claim, Flight};
use crate::slab::{Index, Slab};
use crate::state::State;
use crate::time::Time;
use crate::timer::Due;
use crate::tracked_target::{Flag, Target};

/// What one unfinished write locks.
#[derive(Clone, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub(crate) struct Lane {
    pub(crate) id: LaneId,
    pub(crate) limits: Limits,
    /// Switches that defeat a drain, and whether people were told.
    pub(crate) harmful: Vec<(Pool, Switch, bool)>,
    /// The only family of addresses that it takes.
    pub(crate) family: Option<Family>,
    pub(crate) granted: bool,
    pub(crate) granted_at: Time,
    /// The load balancer says that it does not exist.
    pub(crate) missing: bool,
    /// Pools by their own order, which is the order of their content.
    #[cfg_attr(feature = "serde", serde(skip))]
    pub(crate) pools: BTreeMap<Pool, Index>,
    /// Contests that people were told about.
    pub(crate) contests: Vec<(Index, Index)>,

    /// The open write or read.
    pub(crate) open: Option<Open>,
    /// Targets with a change that waits; entries whose change went away are dropped when the list is next walked.
    pub(crate) waiting: Vec<Index>,
    /// How many of them wait for another weight.
    pub(crate) weights_waiting: u32,
    /// More waits for some pool than one call takes of it.
    pub(crate) full: bool,
    /// First and last event that made something wait since the last call left.
    gathering: Option<(Time, Time)>,
    /// Earliest kill among the drains that wait.
    pub(crate) earliest_kill: Option<Time>,
    /// No forecast before this moment.
    pub(crate) forecast_at: Time,
    /// The lane just became free: what is there leaves without lingering.
    pub(crate) hurry: bool,
    /// When the first of an unbroken row of drains left: there has been a drain to send ever since, and no other write left.
    pub(crate) drains_since: Option<Time>,
    /// Since when changes of each kind wait.
    pub(crate) waiting_since: [Option<Time>; 4],
    pub(crate) verbs: [VerbState; 4],
    /// Number of the next group of suspects.
    pub(crate) next_suspects: u32,
    /// Whether the last write was one of suspects, so that they alternate with the rest.
    pub(crate) tried_suspects: bool,

    /// Earliest read that is due.
    pub(crate) next_read: Option<Time>,
    /// Full comparison next.
    pub(crate) resync_at: Option<Time>,
    /// Comparisons that verify the state after a grant.
    pub(crate) verify_at: [Option<Time>; 2],
    /// How long a write takes, learned from those with a task.
    pub(crate) task_time: Option<Duration>,

    /// The open claim or load.
    pub(crate) claim_open: Option<OpenClaim>,
    pub(crate) claims_loaded: bool,
    pub(crate) revision: Option<Revision>,
    /// Targets whose claim has to change; the target says how.
    pub(crate) claiming: Vec<Index>,
    pub(crate) claim: VerbState,

    /// In `State::stirred`.
    pub(crate) stirred: bool,
    pub(crate) timer: Option<(Time, Wake)>,
}

/// An open write or read.
#[derive(Clone, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub(crate) struct Open {
    pub(crate) id: ActionId,
    pub(crate) verb: Verb,
    pub(crate) targets: Vec<(Index, Flight)>,
    pub(crate) pools: Vec<Index>,
    /// The health of targets was asked for.
    pub(crate) health: bool,
    pub(crate) sent: Time,
    pub(crate) deadline: Time,
}

/// An open claim, or the loading of claims.
#[derive(Clone, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub(crate) struct OpenClaim {
    pub(crate) id: ActionId,
    pub(crate) add: Vec<Index>,
    pub(crate) drop: Vec<Index>,
    pub(crate) deadline: Time,
}

/// How calls of one kind fare on this lane.
#[derive(Clone, Copy, Debug, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub(crate) struct VerbState {
    pub(crate) not_before: Time,
    pub(crate) attempts: u32,
    /// Why people were told that they keep failing.
    pub(crate) told: Option<Why>,
}

/// An action counts as unknown so long after its deadline.
pub(crate) const GIVE_UP_AFTER: Duration = Duration::from_secs(1);
/// Time of a write while none was seen.
pub(crate) const UNKNOWN_TASK_TIME: Duration = Duration::from_secs(1);

impl Lane {
    pub(crate) fn new(id: LaneId) -> Self {
        let limits = match &id {
            LaneId::LoadBalancer(_) => Limits::default(),
            LaneId::TargetGroup(_) => Limits::of_target_group(),
        };
        Self {
            id,
            limits,
            harmful: Vec::new(),
            family: None,
            granted: false,
            granted_at: Time::EPOCH,
            missing: false,
            pools: BTreeMap::new(),
            contests: Vec::new(),
            open: None,
            waiting: Vec::new(),
            weights_waiting: 0,
            full: false,
            gathering: None,
            earliest_kill: None,
            forecast_at: Time::EPOCH,
            hurry: false,
            drains_since: None,
            waiting_since: [None; 4],
            verbs: [VerbState { not_before: Time::EPOCH, attempts: 0, told: None }; 4],
            next_suspects: 0,
            tried_suspects: false,
            next_read: None,
            resync_at: None,
            verify_at: [None; 2],
            task_time: None,
            claim_open: None,
            claims_loaded: false,
            revision: None,
            claiming: Vec::new(),
            claim: VerbState { not_before: Time::EPOCH, attempts: 0, told: None },
            stirred: false,
            timer: None,
        }
    }

    /// Something began to wait.
    pub(crate) fn gather(&mut self, now: Time, kill: Option<Time>) {
        self.gathering = Some((self.gathering.map_or(now, |(first, _)| first), now));
        if let Some(kill) = kill {
            self.earliest_kill = Some(self.earliest_kill.map_or(kill, |earliest| earliest.min(kill)));
        }
    }

    /// What waited has left, or was found not to be able to.
    pub(crate) const fn gathered(&mut self) {
        self.gathering = None;
        self.earliest_kill = None;
        self.full = false;
    }

    /// Asks for a claim on a target, or gives it up, with the next call to the store.
    pub(crate) fn want_claim(&mut self, index: Index, wanted: bool, targets: &mut Slab<Target>, now: Time) {
        let target = &mut targets[index];
        target.claim = if wanted { Claim::Asked } else { Claim::Dropping };
        if !target.flags.has(Flag::Claiming) {
            target.flags.set(Flag::Claiming, true);
            self.claiming.push(index);
        }
        if self.gathering.is_none() {
            self.gathering = Some((now, now));
        }
    }

    pub(crate) fn task_time(&self) -> Duration {
        self.task_time.unwrap_or(UNKNOWN_TASK_TIME)
    }
}

impl State {
    /// When a lane has gathered long enough: a moment of silence, or a while after the first event.
    pub(crate) fn quiet_at(&self, lane: Index) -> Time {
        let record = &self.lanes[lane as usize];
        let Some((first, last)) = record.gathering else { return self.now };
        let longest = self.config.linger_max.min(record.task_time() / 3);
        let pressing = record.earliest_kill.is_some_and(|kill| self.now + record.task_time() * 2 >= kill);
        let batch_full = record.weights_waiting >= u32::from(record.limits.batch)
            || (record.full && self.no_pool_has_room(lane));
        if pressing || batch_full || record.hurry {
            return self.now;
        }
        (last + self.config.linger).min(first + longest)
    }

    /// Whether more waits for each pool that a route drives than one call takes of it: nothing that comes could ride along.
    fn no_pool_has_room(&self, lane: Index) -> bool {
        let record = &self.lanes[lane as usize];
        let most = record.limits.weights_per_pool();
        record.pools.values().all(|pool| self.pools[*pool].waiting > most || !self.is_bound(*pool))
    }

    /// Lets leave what may leave, and sets the lane's timer.
    pub(crate) fn pump(&mut self, lane: Index) {
        self.give_up_overdue(lane);
        self.budget_queue.retain(|queued| queued.lane != lane);
        let record = &self.lanes[lane as usize];
        if !record.granted {
            let deadlines = self.deadline_wake(lane);
            self.set_lane_timer(lane, deadlines);
            return;
        }
        self.schedule_comparisons(lane);
        self.pump_claims(lane);
        let wake = self.pump_calls(lane);
        self.forecast(lane);
        self.lanes[lane as usize].hurry = false;
        let claims = self.claim_wake(lane);
        let comparisons = self.comparison_wake(lane);
        let deadlines = self.deadline_wake(lane);
        let earliest = [wake, claims, comparisons, deadlines].into_iter().flatten().min();
        self.set_lane_timer(lane, earliest);
    }

    /// After a grant the claims are loaded before anything is read: they show which targets of terminating Pods to zero,
    /// and that zero shall not wait for the read. A store that fails holds up nothing.
    pub(crate) fn reads_wait_for_claims(&self, lane: Index) -> bool {
        let record = &self.lanes[lane as usize];
        !record.claims_loaded && record.claim.attempts == 0 && record.claim_open.is_some()
    }

    fn set_lane_timer(&mut self, lane: Index, wake: Option<(Time, Wake)>) {
        let mut timer = self.lanes[lane as usize].timer;
        self.timers.set(Due::Lane(lane), &mut timer, wake);
        self.lanes[lane as usize].timer = timer;
    }

    /// Sends the next write or read if one may leave. Returns when to try again.
    fn pump_calls(&mut self, lane: Index) -> Option<(Time, Wake)> {
        let record = &self.lanes[lane as usize];
        if record.open.is_some() {
            return None;
        }
        let idle = record.waiting.is_empty() && record.next_read.is_none();
        if idle {
            self.lanes[lane as usize].drains_since = None;
            return None;
        }
        // Reads do not linger, changes do.
        let quiet = self.quiet_at(lane);
        let lingering = quiet > self.now;
        let next_read = record.next_read.filter(|_| !self.reads_wait_for_claims(lane));
        let read_due = next_read.is_some_and(|at| at <= self.now);
        if lingering && !read_due {
            let read = next_read.map(|at| (at, Wake::Read));
            let linger = (!record.waiting.is_empty()).then_some((quiet, Wake::Linger));
            return [linger, read].into_iter().flatten().min();
        }
        self.choose_and_send(lane, lingering)
    }

    /// Actions that are overdue count as unknown.
    fn give_up_overdue(&mut self, lane: Index) {
        let overdue = |deadline: Time| self.now >= deadline + GIVE_UP_AFTER;
        let record = &self.lanes[lane as usize];
        let calls = record.open.as_ref().filter(|open| overdue(open.deadline)).map(|open| open.id);
        let claims = record.claim_open.as_ref().filter(|open| overdue(open.deadline)).map(|open| open.id);
        for id in [calls, claims].into_iter().flatten() {
            self.answer_unknown(id);
        }
    }

    fn deadline_wake(&self, lane: Index) -> Option<(Time, Wake)> {
        let record = &self.lanes[lane as usize];
        let calls = record.open.as_ref().map(|open| open.deadline);
        let claims = record.claim_open.as_ref().map(|open| open.deadline);
        let earliest = [calls, claims].into_iter().flatten().min()?;
        Some((earliest + GIVE_UP_AFTER, Wake::Deadline))
    }

    /// Resync and verify reads become due.
    fn schedule_comparisons(&mut self, lane: Index) {
        let now = self.now;
        let record = &mut self.lanes[lane as usize];
        let mut due = false;
        if record.resync_at.is_some_and(|at| at <= now) {
            record.resync_at = Some(now + self.config.resync);
            due = true;
        }
        for at in &mut record.verify_at {
            if at.is_some_and(|at| at <= now) {
                *at = None;
                due = true;
            }
        }
        if due {
            // What was found missing is looked for again.
            let pools: Vec<Index> = record.pools.values().copied().collect();
            for pool in pools {
                if self.is_worth_reading(pool) {
                    self.read_by(pool, now);
                }
            }
            // `read_by` stirs the lane that is being pumped already.
        }
    }

    fn comparison_wake(&self, lane: Index) -> Option<(Time, Wake)> {
        let record = &self.lanes[lane as usize];
        let verify = record.verify_at.iter().flatten().copied().min();
        let earliest = [record.resync_at, verify].into_iter().flatten().min()?;
        Some((earliest, Wake::Read))
    }

    /// A pool that a route drives, or that holds something of ours.
    pub(crate) fn is_worth_reading(&self, pool: Index) -> bool {
        self.is_bound(pool)
            || self.has_leftovers(pool)
            || self.pools[pool].targets.iter().any(|target| self.targets[*target].claim != Claim::None)
    }

    /// Which kinds of change wait, for ageing.
    pub(crate) fn age(&mut self, lane: Index, present: [bool; 4]) {
        let now = self.now;
        for (since, present) in self.lanes[lane as usize].waiting_since.iter_mut().zip(present) {
            *since = if present { since.or(Some(now)) } else { None };
        }
    }

    pub(crate) const fn verb_of(change: Change) -> Verb {
        match change {
            Change::Zero | Change::Weight => Verb::Weights,
            Change::Register => Verb::Register,
            Change::Deregister => Verb::Deregister,
        }
    }
}
