//! What is kept of a Pod: its facts, packed, because there may be a hundred thousand of them.
//!
//! What only few have (times of the end, drain, hold, StatefulSet) is kept apart, and only while they have it.

use alloc::boxed::Box;
use core::time::Duration;

use crate::drain::Drain;
use crate::flags::Flags;
use crate::id::{ObjectName, Uid};
use crate::intake::NO_SOURCE;
use crate::ip::Ip;
use crate::pod::{Gate, Life, PodFacts, PreStop};
use crate::slab::{Index, NONE};
use crate::target::Weight;
use crate::time::{Moment, Time};

/// A Pod: its facts, or a mere name that slices used before its facts came.
#[derive(Clone, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub(crate) struct Pod {
    pub(crate) uid: Uid,
    /// `None` until its facts came.
    pub(crate) facts: Option<Known>,
    rare: Option<Box<Rare>>,
    /// At most one of each family.
    pub(crate) ips: [Option<Ip>; 2],
    /// Number and generation of the source that stated it last. Two generations are only compared one after the other.
    pub(crate) source: u16,
    pub(crate) generation: u16,
    /// First of its seats, linked by `Seat::next_of_pod`.
    pub(crate) seats: Index,
    /// How many endpoints of slices name it.
    pub(crate) listed: u32,
    pub(crate) flags: Flags<PodFlag>,
}

/// The facts about a Pod.
#[derive(Clone, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub(crate) struct Known {
    name: Name,
    pub(crate) plain: Plain,
}

/// Facts about a Pod that are plain numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub(crate) struct Plain {
    pub(crate) created: Time,
    /// Since when it is as ready as it is.
    since: Moment,
    since_ready: bool,
    pre_stop: PackedPreStop,
    stage: Stage,
    pub(crate) gate: Gate,
    pub(crate) weight_service: Option<Weight>,
    pub(crate) weight_ingress: Option<Weight>,
}

/// Small facts about a Pod. What we showed on it is lost with the process: by then it is a fact again.
#[derive(Clone, Copy, Debug)]
pub(crate) enum PodFlag {
    /// The object is gone; the record stays while targets remember it.
    Gone,
    /// In `State::drains`.
    Followed,
    /// We showed that it is drained.
    Drained,
    /// We let its readiness gate pass.
    Ready,
    /// That gate was seen to be true afterwards.
    ReadySeen,
    /// It was taken away again by somebody else, and people were told.
    Undone,
}

impl From<PodFlag> for u16 {
    fn from(flag: PodFlag) -> Self {
        1 << flag as Self
    }
}

/// Where a Pod is in its life, without the times.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub(crate) enum Stage {
    Live,
    Terminating,
    Over,
}

/// What few Pods have: those of a StatefulSet, those whose gate has just passed, and those that terminate, drain or are
/// held.
#[derive(Clone, Debug, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
struct Rare {
    /// StatefulSet and ordinal.
    ordinal: Option<(Box<str>, u32)>,
    asked: Time,
    kill: Time,
    /// A terminating Pod already shows that it is drained.
    drained_shown: bool,
    hold: Option<Time>,
    /// Its gate has just passed: until its endpoint serves, at most until then, it counts as ready.
    passed: Option<Time>,
    drain: Option<Drain>,
}

impl Pod {
    /// A Pod of which nothing but its identity is known.
    pub(crate) const fn nameless(uid: Uid) -> Self {
        Self {
            uid,
            facts: None,
            rare: None,
            ips: [None; 2],
            source: NO_SOURCE,
            generation: 0,
            seats: NONE,
            listed: 0,
            flags: Flags::none(),
        }
    }

    /// Takes over what a fact says, the addresses apart. Says whether anything that bears on a target changed.
    pub(crate) fn learn(&mut self, facts: &PodFacts) -> bool {
        let plain = Plain::of(facts);
        let rare_changed = self.learn_rare(facts);
        let Some(known) = &mut self.facts else {
            self.facts = Some(Known { name: Name::of(&facts.name), plain });
            return true;
        };
        let plain_changed = known.plain != plain;
        if plain_changed {
            known.plain = plain;
        }
        if self.rare.is_some() {
            self.tidy();
        }
        rare_changed || plain_changed
    }

    fn learn_rare(&mut self, facts: &PodFacts) -> bool {
        let (asked, kill) = match facts.life {
            Life::Terminating { asked, kill } => (asked, kill),
            Life::Live | Life::Over if self.rare.is_none() && facts.ordinal.is_none() => return false,
            Life::Live | Life::Over => (Time::EPOCH, Time::EPOCH),
        };
        let rare = self.rare.get_or_insert_default();
        let changed = (rare.asked, rare.kill, &rare.ordinal) != (asked, kill, &facts.ordinal);
        (rare.asked, rare.kill, rare.drained_shown) = (asked, kill, facts.drained_shown);
        if rare.ordinal != facts.ordinal {
            rare.ordinal.clone_from(&facts.ordinal);
        }
        changed
    }

    /// Whether the object is gone.
    pub(crate) fn is_gone(&self) -> bool {
        self.flags.has(PodFlag::Gone)
    }

    /// Where the Pod is in its life, without the times; `None` while nothing is known of it.
    pub(crate) fn stage(&self) -> Option<Stage> {
        if self.is_gone() { Some(Stage::Over) } else { self.facts.as_ref().map(|known| known.plain.stage) }
    }

    /// Where the Pod is in its life; `None` while nothing is known of it.
    pub(crate) fn life(&self) -> Option<Life> {
        Some(match (self.stage()?, &self.rare) {
            (Stage::Terminating, Some(rare)) => Life::Terminating { asked: rare.asked, kill: rare.kill },
            (Stage::Live, _) | (Stage::Terminating, None) => Life::Live,
            (Stage::Over, _) => Life::Over,
        })
    }

    /// Whether it says itself that it has this address.
    pub(crate) fn is_at(&self, ip: Ip) -> bool {
        self.ips[0] == Some(ip) || self.ips[1] == Some(ip)
    }

    /// Whether its processes may still serve at `ip`. A Pod whose address is not known (any more) keeps the last one.
    pub(crate) fn lives_at(&self, ip: Ip) -> bool {
        let same_family = |other: &Ip| other.is_ipv4() == ip.is_ipv4();
        self.is_at(ip) || !self.ips.iter().flatten().any(same_family)
    }

    /// The address that an entry of `State::pods_by_ip` stands for.
    pub(crate) fn ip(&self, entry: Index) -> Option<Ip> {
        self.ips[(entry % 2) as usize]
    }

    /// StatefulSet and ordinal.
    pub(crate) fn ordinal(&self) -> Option<&(Box<str>, u32)> {
        self.rare.as_ref()?.ordinal.as_ref()
    }

    /// Held at weight 0 until then.
    pub(crate) fn hold(&self) -> Option<Time> {
        self.rare.as_ref()?.hold
    }

    pub(crate) fn set_hold(&mut self, until: Option<Time>) {
        self.change_rare(until.is_some(), |rare| rare.hold = until);
    }

    /// Until when it counts as ready because its gate has just passed.
    pub(crate) fn passed(&self) -> Option<Time> {
        self.rare.as_ref()?.passed
    }

    pub(crate) fn set_passed(&mut self, until: Option<Time>) {
        self.change_rare(until.is_some(), |rare| rare.passed = until);
    }

    /// Whether it lives and its gate has not passed.
    pub(crate) fn waits_for_gate(&self) -> bool {
        let waits = |known: &Known| matches!(known.plain.gate, Gate::Waiting { .. });
        self.facts.as_ref().is_some_and(waits) && self.stage() == Some(Stage::Live)
    }

    /// Whether it terminates and already shows that it is drained.
    pub(crate) fn shows_drained(&self) -> bool {
        self.rare.as_ref().is_some_and(|rare| rare.drained_shown)
    }

    /// Open while it drains.
    pub(crate) fn drain(&self) -> Option<&Drain> {
        self.rare.as_ref()?.drain.as_ref()
    }

    pub(crate) fn set_drain(&mut self, drain: Option<Drain>) {
        self.change_rare(drain.is_some(), |rare| rare.drain = drain);
    }

    /// Changes what few Pods have, which begins to be kept only where there is something to keep.
    fn change_rare(&mut self, something: bool, change: impl FnOnce(&mut Rare)) {
        if something || self.rare.is_some() {
            change(self.rare.get_or_insert_default());
            self.tidy();
        }
    }

    fn tidy(&mut self) {
        let terminating = self.facts.as_ref().is_some_and(|known| known.plain.stage == Stage::Terminating);
        let kept = |rare: &Rare| {
            let draining = terminating || rare.drain.is_some();
            draining || rare.ordinal.is_some() || rare.hold.is_some() || rare.passed.is_some()
        };
        self.rare.take_if(|rare| !kept(rare));
    }
}

impl Known {
    /// The name of the Pod, for people.
    pub(crate) fn name(&self) -> ObjectName {
        let (namespace, name) = self.name.parts();
        ObjectName::new(namespace, name)
    }

    pub(crate) fn is_named(&self, name: &ObjectName) -> bool {
        self.name.parts() == (&*name.namespace, &*name.name)
    }

    pub(crate) fn is_in_namespace(&self, namespace: &str) -> bool {
        self.name.parts().0 == namespace
    }

    /// Since when it is ready, where it is.
    pub(crate) fn ready_since(&self) -> Option<Time> {
        self.plain.since.get().filter(|_| self.plain.since_ready)
    }

    /// Since when it is not ready, where it is not.
    pub(crate) fn unready_since(&self) -> Option<Time> {
        self.plain.since.get().filter(|_| !self.plain.since_ready)
    }

    /// What keeps its containers from SIGTERM for a while.
    pub(crate) const fn pre_stop(&self) -> PreStop {
        self.plain.pre_stop.unpacked()
    }
}

impl Plain {
    fn of(facts: &PodFacts) -> Self {
        // Named one by one, without `..`: a field that is added must break this.
        let PodFacts {
            // Identity, and kept by whoever calls: a name belongs to a UID for life.
            uid: _,
            name: _,
            ips: _,
            ordinal: _,
            created,
            life,
            gate,
            ready_since,
            unready_since,
            weight_service,
            weight_ingress,
            stop,
            // Kept with what only few have.
            drained_shown: _,
        } = facts;
        Self {
            created: *created,
            // It is one or the other.
            since: ready_since.or(*unready_since).into(),
            since_ready: ready_since.is_some(),
            pre_stop: PackedPreStop::of(stop.pre_stop),
            stage: match life {
                Life::Live => Stage::Live,
                Life::Terminating { .. } => Stage::Terminating,
                Life::Over => Stage::Over,
            },
            gate: *gate,
            weight_service: *weight_service,
            weight_ingress: *weight_ingress,
        }
    }
}

/// A preStop in whole milliseconds; 49 days or more are told as 49 days.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
struct PackedPreStop(u32);

impl PackedPreStop {
    const NONE: u32 = u32::MAX;
    const UNKNOWN: u32 = u32::MAX - 1;

    fn of(pre_stop: PreStop) -> Self {
        Self(match pre_stop {
            PreStop::None => Self::NONE,
            PreStop::Unknown => Self::UNKNOWN,
            PreStop::Sleep(sleep) => {
                u32::try_from(sleep.as_millis()).unwrap_or(u32::MAX).min(Self::UNKNOWN - 1)
            }
        })
    }

    const fn unpacked(self) -> PreStop {
        match self.0 {
            Self::NONE => PreStop::None,
            Self::UNKNOWN => PreStop::Unknown,
            millis => PreStop::Sleep(Duration::from_millis(millis as u64)),
        }
    }
}

/// Namespace and name in one piece of memory.
#[derive(Clone, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
struct Name(Box<str>);

impl Name {
    fn of(name: &ObjectName) -> Self {
        Self(alloc::format!("{name}").into())
    }

    /// A namespace of Kubernetes has no slash.
    fn parts(&self) -> (&str, &str) {
        self.0.split_once('/').unwrap_or(("", &self.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pre_stop_is_kept_as_it_was_declared() {
        for pre_stop in [PreStop::None, PreStop::Unknown, PreStop::Sleep(Duration::from_secs(5))] {
            assert_eq!(PackedPreStop::of(pre_stop).unpacked(), pre_stop);
        }
        let year = PreStop::Sleep(Duration::from_secs(31_536_000));
        let PreStop::Sleep(kept) = PackedPreStop::of(year).unpacked() else { panic!("it sleeps") };
        assert_eq!(kept.as_secs() / 86_400, 49);
    }

    #[test]
    fn a_pod_of_a_hundred_thousand_is_small() {
        assert!(size_of::<Option<Pod>>() <= 96, "{}", size_of::<Option<Pod>>());
    }
}
