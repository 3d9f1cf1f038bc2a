//! What leaves a free lane next: which kind of call, and whether the budget allows it.
//!
//! Weight 0 for terminating Pods goes first, and with it the reads that such a drain waits for; other weights ride along.
//! Then registrations, deregistrations and reads. What has waited too long moves to the front of those. It goes before a
//! drain only where drains alone have held the lane for a while, so that a stream of drains cannot hold up a rollout for
//! ever, and a drain that comes into a flood of anything else is in the next write.

use alloc::format;
use alloc::vec::Vec;
use core::time::Duration;

use crate::action::Why;
use crate::budget::Verb;
use crate::id::Uid;
use crate::machine::Wake;
use crate::notice::Notice;
use crate::plan::Gate;
use crate::record::Change;
use crate::slab::Index;
use crate::state::State;
use crate::time::Time;
use crate::tracked_target::Flag;

/// A change that may leave now.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ready {
    pub(crate) change: Change,
    pub(crate) target: Index,
    /// When the kubelet kills its Pod.
    pub(crate) kill: Option<Time>,
    /// Its occupant.
    pub(crate) pod: Option<(Uid, Index)>,
}

/// A lane that waits for the budget of a verb: its claim on the next call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub(crate) struct Queued {
    pub(crate) verb: Verb,
    pub(crate) urgency: Urgency,
    pub(crate) lane: Index,
}

/// Smaller is more urgent: the kind of call, then the earliest kill.
pub(crate) type Urgency = (u8, Time);

/// A registration that has waited so long moves to the front, a deregistration or read after three times that; and it may
/// go before a drain when drains alone have held the lane twice as long.
pub(crate) fn patience(task_time: Duration) -> Duration {
    (task_time * 2).max(Duration::from_secs(1))
}

/// A lane whose changes were all held back looks again after this time.
const HELD_BACK: Duration = Duration::from_secs(1);

const NEVER: Time = Time::from_micros(u64::MAX);

impl State {
    /// Sends the most urgent call of a lane, if one may leave. Returns when to try again.
    pub(crate) fn choose_and_send(&mut self, lane: Index, lingering: bool) -> Option<(Time, Wake)> {
        let (ready, retry) = self.collect(lane);
        let retry = retry.map(|at| (at, Wake::Retry));
        let read = self.read_candidates(lane);
        let reading = !read.is_empty();
        let urgent_read = read.iter().any(|pool| self.pools[*pool].urgent);
        let present = |change: Change| ready.iter().any(|ready| ready.change == change);
        let zero = present(Change::Zero);
        let weights = zero || present(Change::Weight);
        let waits = [weights, present(Change::Register), present(Change::Deregister), reading];
        self.age(lane, waits);
        if !zero {
            self.lanes[lane as usize].drains_since = None;
        }

        let record = &self.lanes[lane as usize];
        let patience = patience(record.task_time());
        let may_overtake = !zero || record.drains_since.is_some_and(|since| self.now >= since + patience * 2);
        let aged = [(Verb::Register, 1), (Verb::Deregister, 3), (Verb::Read, 3)]
            .into_iter()
            .filter(|(verb, _)| may_overtake && waits[*verb as usize])
            .filter_map(|(verb, factor)| {
                let due = record.waiting_since[verb as usize]? + patience * factor;
                (due <= self.now).then_some((due, verb))
            })
            .min()
            .map(|(_, verb)| verb);
        let linger = |state: &Self| {
            let quiet = state.quiet_at(lane);
            (lingering && !ready.is_empty()).then_some((quiet, Wake::Linger))
        };
        let verb = if lingering {
            // Only a read is due; changes are still being gathered.
            reading.then_some(Verb::Read)
        } else if aged.is_some() {
            aged
        } else if zero {
            Some(Verb::Weights)
        } else if urgent_read {
            Some(Verb::Read)
        } else if weights {
            Some(Verb::Weights)
        } else if waits[1] {
            Some(Verb::Register)
        } else if waits[2] {
            Some(Verb::Deregister)
        } else {
            reading.then_some(Verb::Read)
        };
        let next_read =
            self.lanes[lane as usize].next_read.filter(|at| *at > self.now).map(|at| (at, Wake::Read));
        let Some(verb) = verb else {
            if !lingering {
                self.lanes[lane as usize].gathered();
            }
            return [retry, next_read, linger(self)].into_iter().flatten().min();
        };
        let not_before = self.lanes[lane as usize].verbs[verb as usize].not_before;
        let verb = if not_before > self.now {
            let other = self.other_verb(lane, verb, &waits).filter(|_| !lingering);
            let Some(other) = other else {
                let again = Some((not_before, Wake::Retry));
                return [again, retry, next_read, linger(self)].into_iter().flatten().min();
            };
            other
        } else {
            verb
        };

        let kill = ready.iter().filter_map(|ready| ready.kill).min().unwrap_or(NEVER);
        let urgency = match verb {
            Verb::Weights => (u8::from(!zero), kill),
            Verb::Register => (2, NEVER),
            Verb::Deregister => (3, NEVER),
            Verb::Read => (if urgent_read { 0 } else { 4 }, NEVER),
        };
        let at = self.budget.next(verb, self.now);
        if at > self.now {
            self.budget_queue.push(Queued { verb, urgency, lane });
            return Some((at, Wake::Budget));
        }
        while let Some(better) = self.more_urgent(lane, verb, urgency) {
            // It is looked at first: by that it leaves the queue, or the budget is used up. What is left is for this lane.
            self.pump(better);
            let at = self.budget.next(verb, self.now);
            if at > self.now {
                self.budget_queue.push(Queued { verb, urgency, lane });
                return Some((at, Wake::Budget));
            }
        }
        let drains: Vec<(Index, Time)> =
            ready.iter().filter_map(|ready| ready.kill.map(|kill| (ready.target, kill))).collect();
        let sent = match verb {
            Verb::Read => self.send_read(lane, read),
            Verb::Weights | Verb::Register | Verb::Deregister => self.send_write(lane, verb, ready),
        };
        if sent && verb != Verb::Read {
            let record = &mut self.lanes[lane as usize];
            record.gathered();
            record.drains_since =
                if zero && verb == Verb::Weights { record.drains_since.or(Some(self.now)) } else { None };
            record.waiting_since[verb as usize] = None;
            let left = drains.into_iter().filter(|(target, _)| self.targets[*target].flying().is_none());
            record.earliest_kill = left.map(|(_, kill)| kill).min();
        }
        // Everything was held back at the last check; the read that follows stirs the lane.
        (!sent).then(|| (self.now + HELD_BACK, Wake::Retry))
    }

    /// Another kind of call that may leave although calls of kind `blocked` have to wait.
    fn other_verb(&self, lane: Index, blocked: Verb, waits: &[bool; 4]) -> Option<Verb> {
        [Verb::Weights, Verb::Register, Verb::Deregister, Verb::Read].into_iter().find(|verb| {
            *verb != blocked
                && waits[*verb as usize]
                && self.lanes[lane as usize].verbs[*verb as usize].not_before <= self.now
        })
    }

    /// A lane that waits for the same budget with an earlier deadline.
    fn more_urgent(&self, lane: Index, verb: Verb, urgency: Urgency) -> Option<Index> {
        let id = |lane: Index| &self.lanes[lane as usize].id;
        self.budget_queue
            .iter()
            .filter(|queued| queued.verb == verb && (queued.urgency, id(queued.lane)) < (urgency, id(lane)))
            .min_by_key(|queued| (queued.urgency, id(queued.lane)))
            .map(|queued| queued.lane)
            .filter(|better| {
                self.lanes[*better as usize].open.is_none() && self.lanes[*better as usize].granted
            })
    }

    /// The changes of a lane that may leave now, and when the next of the others may.
    fn collect(&mut self, lane: Index) -> (Vec<Ready>, Option<Time>) {
        let mut waiting = core::mem::take(&mut self.lanes[lane as usize].waiting);
        let (mut ready, mut retry) = (Vec::with_capacity(waiting.len()), None::<Time>);
        waiting.retain(|target| {
            let Some(record) = self.targets.get(*target) else { return false };
            let Some(change) = record.waiting else {
                self.targets[*target].flags.set(Flag::Queued, false);
                return false;
            };
            match self.gate(*target, change) {
                Gate::Open => {
                    let seat = self.desire(*target).seat;
                    let kill = if change == Change::Zero { self.kill_time(seat) } else { None };
                    let pod = seat.map(|seat| self.seats[seat].pod);
                    let pod = pod.map(|pod| (self.pods[pod].uid, pod));
                    ready.push(Ready { change, target: *target, kill, pod });
                }
                Gate::Until(at) => retry = Some(retry.map_or(at, |earliest| earliest.min(at))),
                Gate::Shut => {}
            }
            true
        });
        self.lanes[lane as usize].waiting = waiting;
        self.announce_full(lane);
        (ready, retry)
    }

    /// Tells once when a pool holds as many targets as it can and more wait.
    fn announce_full(&mut self, lane: Index) {
        let record = &self.lanes[lane as usize];
        let Some(limit) = record.limits.targets_per_pool else { return };
        for pool in record.pools.values().copied().collect::<Vec<_>>() {
            let waits = |state: &Self| {
                state.pools[pool]
                    .targets
                    .iter()
                    .any(|target| state.targets[*target].waiting == Some(Change::Register))
            };
            let full = self.pools[pool].registered >= u32::from(limit) && waits(self);
            let told = core::mem::replace(&mut self.pools[pool].told.full, full);
            if full {
                self.make_room(pool);
            }
            if full && !told {
                let (id, routes) = (self.lanes[lane as usize].id.clone(), self.routes_of_pool(pool));
                let detail = format!(
                    "{} holds {limit} targets, which is all it can; raise its quota",
                    self.pools[pool].pool
                );
                self.tell(Notice::Blocked { lane: id, routes, why: Why::Quota, detail: detail.into() });
            }
        }
    }

    /// Pools whose read is due, the most urgent first, in the order of their content.
    fn read_candidates(&self, lane: Index) -> Vec<Index> {
        let record = &self.lanes[lane as usize];
        if record.next_read.is_none_or(|at| at > self.now) || self.reads_wait_for_claims(lane) {
            return Vec::new();
        }
        let due = |pool: &Index| self.pools[*pool].read_at.is_some_and(|at| at <= self.now);
        let mut pools: Vec<Index> = record.pools.values().copied().filter(due).collect();
        pools.sort_by_key(|pool| !self.pools[*pool].urgent);
        pools.truncate(usize::from(record.limits.pools_per_read.max(1)));
        pools
    }
}
