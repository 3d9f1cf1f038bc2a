//! How actions ended, and what is to be concluded from it.

use alloc::vec::Vec;
use core::time::Duration;

use crate::action::{ActionId, Failure, Proof, Success, Why};
use crate::budget::Verb;
use crate::lane::{Open, OpenClaim};
use crate::notice::Notice;
use crate::pool::Pool;
use crate::record::{Flight, Seeing};
use crate::slab::Index;
use crate::state::State;
use crate::target::Address;
use crate::tracked_target::{Flag, Trouble};

/// A read that shows what was answered without a task.
const READ_AFTER_ANSWER: Duration = Duration::from_secs(1);
/// A target that is to blame is tried alone after these seconds.
const ALONE_AFTER: [u64; 4] = [5, 10, 20, 30];
/// What only a person can mend is tried again after this time, doubled each time...
const MENDED_AFTER: Duration = Duration::from_secs(5);
/// ...up to this.
pub(crate) const MENDED_WITHIN: Duration = Duration::from_secs(300);
/// The same for weights: a drain is tried at least so often.
const MENDED_WITHIN_DRAIN: Duration = Duration::from_secs(30);
/// Pools whose changes are in doubt again and again are tried after 1, 2, 4 ... at most this many seconds.
const DOUBTED_AT_MOST: u64 = 30;

impl State {
    pub(crate) fn answered(&mut self, id: ActionId, result: &Result<Success, Failure>) {
        // An answer that comes after it was given up is too late: its effect is read, not believed.
        let Some(lane) = self.open.remove(&id) else { return self.mark_answered(id, result) };
        self.stir(lane);
        let record = &mut self.lanes[lane as usize];
        if let Some(open) = record.claim_open.take_if(|open| open.id == id) {
            self.claim_answered(lane, &open, result);
        } else if let Some(open) = record.open.take_if(|open| open.id == id) {
            record.hurry = true;
            if open.verb == Verb::Read {
                self.read_answered(lane, &open, result);
            } else {
                self.write_answered(lane, &open, result);
            }
        }
    }

    /// No answer came in time.
    pub(crate) fn answer_unknown(&mut self, id: ActionId) {
        let detail = "no answer before the deadline".into();
        self.answered(id, &Err(Failure::Unknown { retry_in: Duration::ZERO, detail }));
    }

    fn claim_answered(&mut self, lane: Index, open: &OpenClaim, result: &Result<Success, Failure>) {
        match result {
            Ok(Success::Claims { revision, all }) | Err(Failure::Conflict { revision, all }) => {
                self.claims_are(lane, open, revision.as_ref(), all);
            }
            Err(
                Failure::NotExecuted { why, retry_in, detail }
                | Failure::Refused { why, retry_in, detail, .. },
            ) => {
                self.claims_failed(lane, open, Some(*why), *retry_in, detail);
            }
            Err(Failure::Unknown { retry_in, detail }) => {
                self.claims_failed(lane, open, None, *retry_in, detail)
            }
            Ok(Success::Written { .. } | Success::Seen(_) | Success::Marked)
            | Err(Failure::LaneMissing | Failure::PoolsMissing(_)) => {
                self.claims_failed(lane, open, None, Duration::from_secs(1), "an answer of another kind");
            }
        }
    }

    fn write_answered(&mut self, lane: Index, open: &Open, result: &Result<Success, Failure>) {
        match result {
            Ok(Success::Written { proof, failed }) => {
                self.succeeded(lane, open, *proof, failed);
            }
            Err(Failure::NotExecuted { why, retry_in, detail }) => {
                self.land(open, |_, _| {});
                self.failed(lane, open.verb, Some(*why), *retry_in, detail);
            }
            Err(Failure::Refused { why, culprit, retry_in, detail }) => {
                self.refused(lane, open, *why, culprit.as_ref(), detail);
                self.failed(lane, open.verb, None, *retry_in, detail);
            }
            Err(Failure::Unknown { .. }) if planted!(self, AssumesSuccess) => {
                self.succeeded(lane, open, Proof::Task, &[]);
            }
            Err(Failure::Unknown { retry_in, detail }) => {
                self.doubt(open, *retry_in);
                self.failed(lane, open.verb, None, *retry_in, detail);
            }
            Err(Failure::LaneMissing) => {
                self.land(open, |_, _| {});
                self.lane_is_missing(lane);
            }
            Err(Failure::PoolsMissing(pools)) => {
                self.land(open, |_, _| {});
                self.pools_are_missing(lane, pools);
            }
            Ok(Success::Seen(_) | Success::Claims { .. } | Success::Marked)
            | Err(Failure::Conflict { .. }) => self.doubt(open, Duration::ZERO),
        }
    }

    /// Takes the targets of a write out of the air, does something with each, and looks at them again.
    fn land(&mut self, open: &Open, mut each: impl FnMut(&mut Self, (Index, Flight))) {
        for (target, flight) in &open.targets {
            if self.targets.get(*target).is_some() {
                self.targets[*target].set_flying(None);
                each(self, (*target, *flight));
                self.touch(*target);
            }
        }
    }

    fn succeeded(&mut self, lane: Index, open: &Open, proof: Proof, failed: &[Pool]) {
        let now = self.now;
        self.budget.accepted(open.verb, now);
        let record = &mut self.lanes[lane as usize];
        record.verbs[open.verb as usize] = crate::lane::VerbState::default();
        if proof == Proof::Task {
            let took = now.since(open.sent);
            record.task_time = Some(record.task_time.map_or(took, |known| (known * 3 + took) / 4));
        }
        let mut pools: Vec<Index> = Vec::new();
        self.land(open, |state, (target, flight)| {
            let pool = state.targets[target].pool;
            if failed.contains(&state.pools[pool].pool) {
                state.targets[target].flags.set(Flag::Doubt, true);
            } else {
                state.took_effect(target, flight, proof);
            }
            if !pools.contains(&pool) {
                pools.push(pool);
            }
        });
        for pool in pools {
            if failed.contains(&self.pools[pool].pool) {
                let record = &mut self.pools[pool];
                record.failures += 1;
                let wait = (1_u64 << (record.failures - 1).min(5)).min(DOUBTED_AT_MOST);
                record.not_before = now + Duration::from_secs(wait);
                self.pools[pool].urgent = true;
                self.read_by(pool, now);
            } else {
                self.pools[pool].failures = 0;
                if proof == Proof::Answer {
                    self.read_by(pool, now + READ_AFTER_ANSWER);
                }
            }
        }
    }

    /// A change is in force: proven by a task, or assumed until a read shows it.
    fn took_effect(&mut self, target: Index, flight: Flight, proof: Proof) {
        let now = self.now;
        let record = &mut self.targets[target];
        let seen = match flight {
            Flight::Weight(weight) | Flight::Register(weight) => Seeing::Registered(weight),
            Flight::Deregister => Seeing::Absent,
        };
        record.flags.set(Flag::Assumed, proof == Proof::Answer);
        record.flags.set(Flag::Contradicted, false);
        record.flags.set(Flag::Reported, false);
        #[cfg(feature = "planted")]
        if matches!(flight, Flight::Register(_)) {
            record.flags.set(Flag::RegisteredHere, true);
        }
        if proof == Proof::Task {
            record.set_proven_at(now);
        }
        record.ease_trouble(now, |trouble| {
            (trouble.refusals, trouble.alone, trouble.suspects) = (0, false, None);
            if core::mem::take(&mut trouble.overwritten) {
                trouble.restored.push_back(now);
            }
            if flight == Flight::Deregister {
                *trouble = Trouble::default();
            }
        });
        self.set_seen(target, seen);
        self.touch_neighbours(target);
    }

    /// Has the other targets of the Pods on this one looked at: where the port changed, they wait for it.
    pub(crate) fn touch_neighbours(&mut self, target: Index) {
        let mut seat = self.targets[target].seats;
        while let Some(record) = self.seats.get(seat) {
            let (pod, next) = (record.pod, record.next_of_target);
            self.touch_pod(pod);
            seat = next;
        }
    }

    /// Keeps since when a target is known to be at weight 0.
    pub(crate) fn set_seen(&mut self, target: Index, seen: Seeing) {
        let now = self.now;
        let record = &mut self.targets[target];
        record.seen = seen;
        if seen == Seeing::Absent {
            record.flags.set(Flag::Sound, false);
            record.flags.set(Flag::Evicted, false);
        }
        record.set_zero_since(match seen {
            Seeing::Registered(weight) if weight.is_drained() => record.zero_since().or(Some(now)),
            Seeing::Registered(_) | Seeing::Absent | Seeing::Unknown => None,
        });
    }

    /// The outcome of a write is not known: its targets are read before they are written again.
    fn doubt(&mut self, open: &Open, retry_in: Duration) {
        let at = self.now + retry_in;
        let lands_until = self.now + self.config.resync;
        self.land(open, |state, (target, flight)| {
            state.targets[target].flags.set(Flag::Doubt, true);
            if matches!(flight, Flight::Register(_)) {
                state.targets[target].set_lands_until(lands_until);
            }
            let pool = state.targets[target].pool;
            let terminating = state.desire(target).reason == crate::action::Reason::Terminating;
            state.pools[pool].urgent |= terminating;
            state.read_by(pool, at);
        });
    }

    /// A call of this kind ended badly: waits before the next one, and tells when only a person can mend it.
    pub(crate) fn failed(
        &mut self,
        lane: Index,
        verb: Verb,
        why: Option<Why>,
        retry_in: Duration,
        detail: &str,
    ) {
        let now = self.now;
        if why == Some(Why::Throttled) {
            self.budget.throttled(verb, now);
        }
        let record = &mut self.lanes[lane as usize];
        record.verbs[verb as usize].attempts += 1;
        let Some(why) = why else { return };
        // What only a person can mend is tried ever more rarely, but weights, which may be drains, often enough.
        let longest = if verb == Verb::Weights { MENDED_WITHIN_DRAIN } else { MENDED_WITHIN };
        let attempts = record.verbs[verb as usize].attempts;
        let wait = if for_people(why) { until_mended(attempts, retry_in, longest) } else { retry_in };
        record.verbs[verb as usize].not_before = now + wait;
        if for_people(why) && record.verbs[verb as usize].told != Some(why) {
            record.verbs[verb as usize].told = Some(why);
            let (id, routes) = (record.id.clone(), self.routes_of_lane(lane));
            self.tell(Notice::Blocked { lane: id, routes, why, detail: detail.into() });
        }
    }

    /// The call stays refused as it is: the culprit is tried alone from now on, or the halves apart.
    fn refused(
        &mut self,
        lane: Index,
        open: &Open,
        why: Why,
        culprit: Option<&(Pool, Address)>,
        detail: &str,
    ) {
        let named = culprit.and_then(|(pool, address)| {
            let pool = *self.lanes[lane as usize].pools.get(pool)?;
            let target = self.find_target(pool, *address)?;
            open.targets.iter().any(|(sent, _)| *sent == target).then_some(target)
        });
        let culprit = named.or_else(|| (open.targets.len() == 1).then(|| open.targets[0].0));
        self.land(open, |_, _| {});
        if let Some(target) = culprit.filter(|target| self.targets.get(*target).is_some()) {
            self.set_apart(target, why, detail);
            return;
        }
        let half = open.targets.len().div_ceil(2);
        for half in [&open.targets[..half], &open.targets[half..]] {
            let record = &mut self.lanes[lane as usize];
            let group = record.next_suspects;
            record.next_suspects += 1;
            for (target, _) in half {
                if let Some(record) = self.targets.get_mut(*target) {
                    record.trouble_mut().suspects = Some(group);
                }
            }
        }
    }

    fn set_apart(&mut self, target: Index, why: Why, detail: &str) {
        let now = self.now;
        let trouble = self.targets[target].trouble_mut();
        let tried = (trouble.refusals + trouble.vanished) as usize;
        let wait = Duration::from_secs(ALONE_AFTER[tried.min(ALONE_AFTER.len() - 1)]);
        trouble.refusals += 1;
        (trouble.alone, trouble.suspects) = (true, None);
        trouble.not_before = now + wait;
        let first = trouble.refusals == 1;
        // Perhaps what is wanted is there already: a read tells, and nothing is written before it.
        self.targets[target].flags.set(Flag::Doubt, true);
        let pool = self.targets[target].pool;
        self.read_by(pool, if first { now } else { now + wait });
        if !first {
            return;
        }
        let Some(route) = self.route_to_name(pool) else { return };
        let pod = self.desire(target).seat.map(|seat| &self.pods[self.seats[seat].pod]);
        let pod = pod.and_then(|pod| pod.facts.as_ref().map(|facts| (pod.uid, facts.name())));
        let target = self.target_id(target);
        self.tell(Notice::Refused { target, pod, route, why, detail: detail.into() });
    }
}

/// The wait after so many attempts at what only a person can mend.
pub(crate) fn until_mended(attempts: u32, retry_in: Duration, longest: Duration) -> Duration {
    retry_in.max(MENDED_AFTER * 2_u32.pow((attempts - 1).min(10))).min(longest)
}

/// Whether a person has to do something about it.
const fn for_people(why: Why) -> bool {
    matches!(why, Why::Permission | Why::Credential | Why::Quota | Why::Invalid | Why::Full)
}
