//! What is kept of a Pod: its facts, packed, because there may be a hundred thousand of them.
//!
//! What only a Pod on its way out has (times, drain, hold) is kept apart, and only while it has it.

use alloc::boxed::Box;
use core::mem;
use core::time::Duration;

use crate::drain::Drain;
use crate::id::{ObjectName, Uid};
use crate::ip::Ip;
use crate::pod::{Gate, Life, PodFacts, PreStop};
use crate::slab::{Index, NONE};
use crate::target::Weight;
use crate::time::{Moment, Time};

/// A Pod: its facts, or a mere name that slices used before its facts came.
#[derive(Clone, Debug)]
pub(crate) struct Pod {
    pub(crate) uid: Uid,
    /// `None` until its facts came.
    pub(crate) facts: Option<Known>,
    leaving: Option<Box<Leaving>>,
    pub(crate) source: Index,
    pub(crate) generation: u32,
    /// First of its seats, linked by `Seat::next_of_pod`.
    pub(crate) seats: Index,
    /// How many endpoints of slices name it.
    pub(crate) listed: u32,
    /// The object is gone; the record stays while targets remember it.
    pub(crate) gone: bool,
    /// In `State::drains`.
    pub(crate) followed: bool,
}

/// The facts about a Pod.
#[derive(Clone, Debug)]
pub(crate) struct Known {
    name: Name,
    /// StatefulSet and ordinal.
    pub(crate) ordinal: Option<Box<(Box<str>, u32)>>,
    pub(crate) ips: [Option<Ip>; 2],
    pub(crate) plain: Plain,
}

/// Facts about a Pod that are plain numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Plain {
    pub(crate) created: Time,
    pub(crate) ready_since: Moment,
    pub(crate) unready_since: Moment,
    pre_stop: PackedPreStop,
    stage: Stage,
    pub(crate) gate: Gate,
    pub(crate) weight_service: Option<Weight>,
    pub(crate) weight_ingress: Option<Weight>,
}

/// Where a Pod is in its life, without the times.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Live,
    Terminating,
    Over,
}

/// What a Pod has that terminates, drains or is held.
#[derive(Clone, Copy, Debug, Default)]
struct Leaving {
    asked: Time,
    kill: Time,
    hold: Option<Time>,
    drain: Option<Drain>,
}

impl Pod {
    /// A Pod of which nothing but its identity is known.
    pub(crate) const fn nameless(uid: Uid) -> Self {
        Self {
            uid,
            facts: None,
            leaving: None,
            source: NONE,
            generation: 0,
            seats: NONE,
            listed: 0,
            gone: false,
            followed: false,
        }
    }

    /// Takes over what a fact says, the addresses apart. Says whether anything that bears on a target changed.
    pub(crate) fn learn(&mut self, facts: &PodFacts) -> bool {
        let plain = Plain::of(facts);
        let (asked, kill) = match facts.life {
            Life::Terminating { asked, kill } => (asked, kill),
            Life::Live | Life::Over => (Time::EPOCH, Time::EPOCH),
        };
        let times_changed = match &mut self.leaving {
            Some(leaving) => {
                let changed = (leaving.asked, leaving.kill) != (asked, kill);
                (leaving.asked, leaving.kill) = (asked, kill);
                changed
            }
            None if plain.stage == Stage::Terminating => {
                self.leaving = Some(Box::new(Leaving { asked, kill, ..Leaving::default() }));
                true
            }
            None => false,
        };
        let Some(known) = &mut self.facts else {
            let ordinal = facts.ordinal.clone().map(Box::new);
            self.facts = Some(Known { name: Name::of(&facts.name), ordinal, ips: [None; 2], plain });
            return true;
        };
        let ordinal_changed = known.ordinal.as_deref() != facts.ordinal.as_ref();
        if ordinal_changed {
            known.ordinal = facts.ordinal.clone().map(Box::new);
        }
        let plain_changed = mem::replace(&mut known.plain, plain) != plain;
        self.tidy();
        times_changed || ordinal_changed || plain_changed
    }

    /// Where the Pod is in its life; `None` while nothing is known of it.
    pub(crate) fn life(&self) -> Option<Life> {
        if self.gone {
            return Some(Life::Over);
        }
        Some(match (self.facts.as_ref()?.plain.stage, &self.leaving) {
            (Stage::Terminating, Some(leaving)) => {
                Life::Terminating { asked: leaving.asked, kill: leaving.kill }
            }
            (Stage::Live, _) | (Stage::Terminating, None) => Life::Live,
            (Stage::Over, _) => Life::Over,
        })
    }

    /// Whether its processes may still serve at `ip`. A Pod whose address is not known (any more) keeps the last one.
    pub(crate) fn lives_at(&self, ip: Ip) -> bool {
        let Some(known) = &self.facts else { return false };
        let same_family = |other: &Ip| other.is_ipv4() == ip.is_ipv4();
        known.ips.contains(&Some(ip)) || !known.ips.iter().flatten().any(same_family)
    }

    /// The address that an entry of `State::pods_by_ip` stands for.
    pub(crate) fn ip(&self, entry: Index) -> Option<Ip> {
        self.facts.as_ref()?.ips[(entry % 2) as usize]
    }

    /// Held at weight 0 until then.
    pub(crate) fn hold(&self) -> Option<Time> {
        self.leaving.as_ref()?.hold
    }

    pub(crate) fn set_hold(&mut self, until: Option<Time>) {
        if until.is_some() || self.leaving.is_some() {
            self.leaving.get_or_insert_default().hold = until;
            self.tidy();
        }
    }

    /// Open while it drains.
    pub(crate) fn drain(&self) -> Option<&Drain> {
        self.leaving.as_ref()?.drain.as_ref()
    }

    pub(crate) fn set_drain(&mut self, drain: Option<Drain>) {
        if drain.is_some() || self.leaving.is_some() {
            self.leaving.get_or_insert_default().drain = drain;
            self.tidy();
        }
    }

    fn tidy(&mut self) {
        let terminating = self.facts.as_ref().is_some_and(|known| known.plain.stage == Stage::Terminating);
        let kept = |leaving: &Leaving| terminating || leaving.hold.is_some() || leaving.drain.is_some();
        self.leaving.take_if(|leaving| !kept(leaving));
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
            // No decision of the core looks at it.
            drained_shown: _,
        } = facts;
        Self {
            created: *created,
            ready_since: (*ready_since).into(),
            unready_since: (*unready_since).into(),
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
        assert!(size_of::<Option<Pod>>() <= 128, "{}", size_of::<Option<Pod>>());
    }
}
