//! What is kept of a target. There may be a million: what only those on their way have is kept apart, and only while they
//! are on their way.

use alloc::boxed::Box;
use alloc::collections::VecDeque;
use core::num::NonZeroU16;

use crate::decide::Want;
use crate::desired::Desire;
use crate::flags::Flags;
use crate::index::hash;
use crate::ip::Ip;
use crate::machine::Wake;
use crate::record::{Change, Claim, Flight, Seeing};
use crate::slab::{Index, NONE};
use crate::time::Time;

/// An address in a pool.
#[derive(Clone, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub(crate) struct Target {
    pub(crate) pool: Index,
    pub(crate) ip: Ip,
    pub(crate) port: NonZeroU16,
    /// First of its seats, linked by `Seat::next_of_target`.
    pub(crate) seats: Index,
    pub(crate) want: Want,
    pub(crate) seen: Seeing,
    pub(crate) claim: Claim,
    /// Kind of change that waits for its lane.
    pub(crate) waiting: Option<Change>,
    pub(crate) flags: Flags<Flag>,
    passing: Option<Box<Passing>>,
}

/// What a target has for a while.
#[derive(Clone, Debug, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
struct Passing {
    flying: Option<Flight>,
    zero_since: Option<Time>,
    lands_until: Time,
    proven_at: Time,
    timer: Option<(Time, Wake)>,
    trouble: Option<Box<Trouble>>,
}

impl Passing {
    /// Whether nothing is open, timed or troubled; what may still land does not bear on a weight.
    const fn is_settled(&self) -> bool {
        self.flying.is_none() && self.timer.is_none() && self.trouble.is_none()
    }
}

/// Trouble with one target.
#[derive(Clone, Debug, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub(crate) struct Trouble {
    /// Refused alone this often.
    pub(crate) refusals: u32,
    /// Not before this moment.
    pub(crate) not_before: Time,
    /// Must be sent without company.
    pub(crate) alone: bool,
    /// To be tried apart from all others, together with those of the same number.
    pub(crate) suspects: Option<u32>,
    /// When changes by somebody else were undone.
    pub(crate) restored: VecDeque<Time>,
    /// The last change by somebody else waits to be undone.
    pub(crate) overwritten: bool,
    /// Reported as fought over.
    pub(crate) fighting: bool,
    /// Registered without lasting effect this often.
    pub(crate) vanished: u32,
}

impl Trouble {
    /// Whether nothing is left to remember.
    fn is_over(&self, now: Time) -> bool {
        self.refusals == 0
            && !self.alone
            && self.suspects.is_none()
            && self.restored.is_empty()
            && !self.overwritten
            && self.vanished == 0
            && self.not_before <= now
    }
}

impl Target {
    /// A target of which nothing is known.
    pub(crate) const fn unknown(pool: Index, ip: Ip, port: NonZeroU16) -> Self {
        Self {
            pool,
            ip,
            port,
            seats: NONE,
            want: Want::Nothing,
            seen: Seeing::Unknown,
            claim: Claim::None,
            waiting: None,
            flags: Flags::none(),
            passing: None,
        }
    }

    /// Whether all that can follow from a decision is that another weight is sent than the one that waits already: it
    /// serves and shall go on serving, is registered and claimed, and nothing is open. The commonest event by far.
    pub(crate) fn only_its_weight_changed(&self, old: Want, desire: &Desire) -> bool {
        let (Want::Present(before), Want::Present(now), Seeing::Registered(seen)) =
            (old, desire.want, self.seen)
        else {
            return false;
        };
        let waits = (seen != now).then_some(Change::Weight);
        !before.is_drained()
            && !now.is_drained()
            && self.claim == Claim::Held
            && self.waiting == waits
            && self.passing.as_ref().is_none_or(|passing| passing.is_settled())
            && desire.until.is_none()
            && self.flags.has(Flag::CountedRegistered)
            && self.flags.has(Flag::CountedServing)
            && !self.flags.has(Flag::Doubt)
    }

    /// The hash of what identifies it.
    pub(crate) fn key_hash(&self) -> u64 {
        hash(&(self.pool, self.ip, self.port))
    }

    /// What was sent and not yet answered.
    pub(crate) fn flying(&self) -> Option<Flight> {
        self.passing.as_ref()?.flying
    }

    pub(crate) fn set_flying(&mut self, flight: Option<Flight>) {
        if flight != self.flying() {
            self.pass(|passing| passing.flying = flight);
        }
    }

    /// Since when it is known to be at weight 0.
    pub(crate) fn zero_since(&self) -> Option<Time> {
        self.passing.as_ref()?.zero_since
    }

    pub(crate) fn set_zero_since(&mut self, since: Option<Time>) {
        if since != self.zero_since() {
            self.pass(|passing| passing.zero_since = since);
        }
    }

    /// A registration may still land until then: the claim is kept although a read shows the target absent.
    pub(crate) fn lands_until(&self) -> Time {
        self.passing.as_ref().map_or(Time::EPOCH, |passing| passing.lands_until)
    }

    pub(crate) fn set_lands_until(&mut self, until: Time) {
        if until != self.lands_until() {
            self.pass(|passing| passing.lands_until = until);
        }
    }

    /// When its last change was proven by a task, for reads that lag behind; the epoch when that is long ago.
    pub(crate) fn proven_at(&self) -> Time {
        self.passing.as_ref().map_or(Time::EPOCH, |passing| passing.proven_at)
    }

    pub(crate) fn set_proven_at(&mut self, at: Time) {
        if at != self.proven_at() {
            self.pass(|passing| passing.proven_at = at);
        }
    }

    pub(crate) fn timer(&self) -> Option<(Time, Wake)> {
        self.passing.as_ref()?.timer
    }

    pub(crate) fn set_timer(&mut self, timer: Option<(Time, Wake)>) {
        if timer != self.timer() {
            self.pass(|passing| passing.timer = timer);
        }
    }

    /// Only for the few that make trouble.
    pub(crate) fn trouble(&self) -> Option<&Trouble> {
        self.passing.as_ref()?.trouble.as_deref()
    }

    /// Its trouble, which begins now if it had none.
    pub(crate) fn trouble_mut(&mut self) -> &mut Trouble {
        self.passing.get_or_insert_default().trouble.get_or_insert_default()
    }

    /// Changes its trouble, if it has some, and forgets it if nothing is left of it.
    pub(crate) fn ease_trouble(&mut self, now: Time, change: impl FnOnce(&mut Trouble)) {
        if let Some(trouble) = self.passing.as_mut().and_then(|passing| passing.trouble.as_deref_mut()) {
            change(trouble);
            if trouble.is_over(now) {
                self.pass(|passing| passing.trouble = None);
            }
        }
    }

    /// Whether what was seen is more than an answer, in no doubt, and nothing is on its way that changes it.
    pub(crate) fn is_proven(&self) -> bool {
        !self.flags.has(Flag::Assumed) && !self.flags.has(Flag::Doubt) && self.flying().is_none()
    }

    /// Changes what it has for a while, and keeps that only as long as there is something to keep.
    fn pass(&mut self, change: impl FnOnce(&mut Passing)) {
        let passing = self.passing.get_or_insert_default();
        change(passing);
        let Passing { flying, zero_since, lands_until, proven_at, timer, trouble } = &**passing;
        let nothing = flying.is_none()
            && zero_since.is_none()
            && *lands_until == Time::EPOCH
            && *proven_at == Time::EPOCH
            && timer.is_none()
            && trouble.is_none();
        if nothing {
            self.passing = None;
        }
    }
}

/// Small facts about a target.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Flag {
    /// In `State::touched`.
    Touched,
    /// In `Lane::waiting`.
    Queued,
    /// In `Lane::claiming`.
    Claiming,
    /// What was seen is an answer without proof.
    Assumed,
    /// A change with an unknown outcome: to be read before the next write.
    Doubt,
    /// Its first snapshot showed a positive weight, and which Pod earned it is not settled yet.
    Inherited,
    /// Some snapshot showed it, or showed that it is absent.
    EverRead,
    /// Counted in `PoolRecord::registered`.
    CountedRegistered,
    /// Counted in `PoolRecord::serving`.
    CountedServing,
    /// Counted in `PoolRecord::waiting`.
    CountedWaiting,
    /// Reported as foreign or orphan.
    Reported,
    /// A snapshot contradicted a fresh proof once.
    Contradicted,
    /// The last read that told its health said that it is healthy, or not checked.
    Sound,
    /// Its drain is given up: the pool is full.
    Evicted,
    /// Registered by this process.
    #[cfg(feature = "planted")]
    RegisteredHere,
}

impl From<Flag> for u16 {
    fn from(flag: Flag) -> Self {
        1 << flag as Self
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use core::net::Ipv4Addr;

    #[test]
    fn what_passes_is_not_kept_when_it_is_over() {
        let mut target = Target::unknown(0, Ip::V4(Ipv4Addr::new(10, 0, 0, 1)), NonZeroU16::MIN);
        target.set_zero_since(Some(Time::from_unix_seconds(5)));
        target.set_proven_at(Time::from_unix_seconds(5));
        assert_eq!(target.zero_since(), Some(Time::from_unix_seconds(5)));
        target.set_zero_since(None);
        assert!(target.passing.is_some());
        target.set_proven_at(Time::EPOCH);
        assert!(target.passing.is_none());
    }

    #[test]
    fn a_target_of_a_million_is_small() {
        assert!(size_of::<Option<Target>>() <= 32, "{}", size_of::<Option<Target>>());
    }
}
