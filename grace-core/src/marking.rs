//! Marks on Pods: which are wanted, a few at a time, asked for until they are there.
//!
//! A mark is written by whoever carries actions out; nothing else waits for it.

use alloc::collections::BTreeMap;
use alloc::vec::Vec;
use core::time::Duration;

use crate::action::{ActionId, Command, Failure, Mark, Success, Why};
use crate::answered::{MENDED_WITHIN, until_mended};
use crate::id::Uid;
use crate::lane::GIVE_UP_AFTER;
use crate::machine::Wake;
use crate::notice::Notice;
use crate::ownership::Ownership;
use crate::pod::{Gate, Life};
use crate::policy::DrainOn;
use crate::record::Phase;
use crate::slab::Index;
use crate::state::State;
use crate::time::Time;
use crate::timer::Due;
use crate::tracked_pod::PodFlag;

/// Marks that are wanted, and those under way.
#[derive(Clone, Debug, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub(crate) struct Marking {
    /// By content: that a Pod is drained goes first, because it is being killed.
    #[cfg_attr(feature = "serde", serde(with = "crate::snapshot::pairs"))]
    wanted: BTreeMap<(Mark, Uid), Wanted>,
    #[cfg_attr(feature = "serde", serde(with = "crate::snapshot::pairs"))]
    open: BTreeMap<ActionId, (Mark, Uid)>,
    /// Why people were told that they keep failing.
    told: Option<Why>,
    /// To be looked at before the current call ends.
    pub(crate) stirred: bool,
    timer: Option<(Time, Wake)>,
}

/// A mark that is wanted.
#[derive(Clone, Copy, Debug, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
struct Wanted {
    not_before: Time,
    attempts: u32,
    /// Its call, and the deadline of that.
    open: Option<(ActionId, Time)>,
}

/// So many marks are written at a time.
const AT_ONCE: usize = 4;

impl State {
    /// Whether a Pod should bear a mark that it does not bear.
    pub(crate) fn look_at_marks(&mut self, pod: Index) {
        let Some(uid) = self.pods.get(pod).map(|pod| pod.uid) else { return };
        for mark in [Mark::Drained, Mark::BackendReady] {
            if !self.marking.wanted.contains_key(&(mark, uid)) && self.is_due(mark, pod) {
                self.marking.wanted.insert((mark, uid), Wanted::default());
                self.marking.stirred = true;
            }
        }
    }

    fn is_due(&mut self, mark: Mark, pod: Index) -> bool {
        match mark {
            Mark::Drained => self.config.mark_drained && self.is_drained(pod),
            Mark::BackendReady => self.config.mark_ready && self.may_pass_gate(pod),
        }
    }

    /// Whether no target of a terminating Pod gets new connections any more, and that is not shown on it yet.
    fn is_drained(&self, pod: Index) -> bool {
        let record = &self.pods[pod];
        let shown = record.flags.has(PodFlag::Drained) || record.shows_drained();
        let terminating = matches!(record.life(), Some(Life::Terminating { .. }));
        if !self.synced || shown || !terminating || self.awaits_a_route(pod) {
            return false;
        }
        let (mut drains, mut known) = (false, true);
        for seat in self.seats_of_pod(pod) {
            let seat = &self.seats[seat];
            let pool = &self.pools[self.targets[seat.target].pool];
            let policy = &self.routes[self.bindings[seat.binding].route].facts.policy;
            drains |= policy.drain != DrainOn::Nothing;
            known &= pool.read && self.lanes[pool.lane as usize].granted;
        }
        let confirmed = record.drain().is_some_and(|drain| drain.confirmed);
        // Where somebody else registers, nothing of it may have been seen yet.
        let nothing = self.config.ownership != Ownership::WeightsOnly && !self.has_standing(pod);
        drains && known && (confirmed || nothing)
    }

    /// Whether a route of a Service that names the Pod does not know its pools yet: the Pod may have further targets.
    pub(crate) fn awaits_a_route(&self, pod: Index) -> bool {
        self.unresolved.iter().any(|route| {
            let slices = &self.services[self.routes[*route].service].slices;
            slices.iter().any(|slice| {
                let endpoints = &self.slices[*slice].endpoints;
                let first = endpoints.partition_point(|endpoint| endpoint.pod < pod);
                endpoints.get(first).is_some_and(|endpoint| endpoint.pod == pod)
            })
        })
    }

    /// What is shown on a Pod changed: a mark of ours is there, or was taken away.
    pub(crate) fn notice_marks(&mut self, pod: Index) {
        let record = &mut self.pods[pod];
        let Some(facts) = record.facts.as_ref().filter(|_| record.flags.has(PodFlag::Ready)) else { return };
        match facts.plain.gate {
            Gate::Passed => record.flags.set(PodFlag::ReadySeen, true),
            Gate::Waiting { .. } if record.flags.has(PodFlag::ReadySeen) => {
                if !record.flags.replace(PodFlag::Undone, true) {
                    let (pod, name, mark) = (record.uid, facts.name(), Mark::BackendReady);
                    self.tell(Notice::MarkUndone { pod, name, mark });
                }
            }
            Gate::Waiting { .. } | Gate::NotDeclared => {}
        }
    }

    /// Asks for what is wanted, a few at a time, and sets the timer.
    pub(crate) fn pump_marks(&mut self) {
        let now = self.now;
        let overdue = |wanted: &Wanted| wanted.open.filter(|(_, deadline)| now >= *deadline + GIVE_UP_AFTER);
        let lost: Vec<ActionId> =
            self.marking.wanted.values().filter_map(|wanted| overdue(wanted).map(|(id, _)| id)).collect();
        for id in lost {
            let detail = "no answer before the deadline".into();
            self.mark_answered(id, &Err(Failure::Unknown { retry_in: Duration::ZERO, detail }));
        }
        let ready = |wanted: &Wanted| wanted.open.is_none() && wanted.not_before <= now;
        let next: Vec<(Mark, Uid)> =
            self.marking.wanted.iter().filter(|(_, wanted)| ready(wanted)).map(|(key, _)| *key).collect();
        for key in next {
            if self.marking.open.len() >= AT_ONCE {
                break;
            }
            self.send_mark(key);
        }
        self.marking.stirred = false;
        let wakes = self.marking.wanted.values().filter_map(|wanted| match wanted.open {
            Some((_, deadline)) => Some((deadline + GIVE_UP_AFTER, Wake::Deadline)),
            None => (wanted.not_before > now).then_some((wanted.not_before, Wake::Retry)),
        });
        let wake = wakes.min();
        self.set_marks_timer(wake);
    }

    pub(crate) fn set_marks_timer(&mut self, wake: Option<(Time, Wake)>) {
        self.timers.set(Due::Marks, &mut self.marking.timer, wake);
    }

    /// Whether the mark is still right is asked at the last moment: its Pod may be gone, or its weight taken away.
    fn send_mark(&mut self, (mark, uid): (Mark, Uid)) {
        let pod = self.find_pod(&uid).filter(|pod| self.is_due(mark, *pod));
        let name = pod.and_then(|pod| self.pods[pod].facts.as_ref().map(|facts| facts.name()));
        let Some(name) = name else {
            self.marking.wanted.remove(&(mark, uid));
            return;
        };
        let deadline = self.now + self.config.read_timeout;
        let attempt = self.marking.wanted.get(&(mark, uid)).map_or(0, |wanted| wanted.attempts);
        let id = self.hand_out(Command::Mark { pod: uid, name, mark }, deadline, attempt);
        self.marking.wanted.entry((mark, uid)).or_default().open = Some((id, deadline));
        self.marking.open.insert(id, (mark, uid));
    }

    /// How the writing of a mark ended.
    pub(crate) fn mark_answered(&mut self, id: ActionId, result: &Result<Success, Failure>) {
        let Some((mark, uid)) = self.marking.open.remove(&id) else { return };
        self.marking.stirred = true;
        let (why, retry_in, detail) = match result {
            Ok(Success::Marked) => {
                self.marking.wanted.remove(&(mark, uid));
                self.marking.told = None;
                if let Some(pod) = self.find_pod(&uid) {
                    let done = match mark {
                        Mark::Drained => PodFlag::Drained,
                        Mark::BackendReady => PodFlag::Ready,
                    };
                    self.pods[pod].flags.set(done, true);
                    self.notice_marks(pod);
                }
                return;
            }
            Err(
                Failure::NotExecuted { why, retry_in, detail }
                | Failure::Refused { why, retry_in, detail, .. },
            ) => (Some(*why), *retry_in, &**detail),
            Err(Failure::Unknown { retry_in, detail }) => (None, *retry_in, &**detail),
            Ok(Success::Written { .. } | Success::Seen(_) | Success::Claims { .. })
            | Err(Failure::LaneMissing | Failure::PoolsMissing(_) | Failure::Conflict { .. }) => {
                (None, Duration::from_secs(1), "an answer of another kind")
            }
        };
        let now = self.now;
        let Some(wanted) = self.marking.wanted.get_mut(&(mark, uid)) else { return };
        (wanted.open, wanted.attempts) = (None, wanted.attempts + 1);
        let Some(why) = why.filter(|why| matches!(why, Why::Permission | Why::Credential | Why::Invalid))
        else {
            wanted.not_before = now + retry_in;
            return;
        };
        wanted.not_before = now + until_mended(wanted.attempts, retry_in, MENDED_WITHIN);
        if self.marking.told != Some(why) {
            self.marking.told = Some(why);
            let name =
                self.find_pod(&uid).and_then(|pod| self.pods[pod].facts.as_ref().map(|facts| facts.name()));
            if let Some(name) = name {
                self.tell(Notice::MarkRefused { pod: uid, name, mark, why, detail: detail.into() });
            }
        }
    }

    /// A route came whose pools are not known, or are known now, or it went.
    pub(crate) fn refresh_unresolved(&mut self, route: Index) {
        let waits = self.routes.get(route).is_some_and(|route| {
            !route.ended
                && route.bindings.is_empty()
                && route.facts.pools == crate::route::Resolution::Pending
        });
        let position = self.unresolved.iter().position(|other| *other == route);
        match (position, waits) {
            (None, true) => self.unresolved.push(route),
            (Some(position), false) => {
                self.unresolved.swap_remove(position);
                let Some(route) = self.routes.get(route) else { return };
                let slices = self.services[route.service].slices.iter();
                let named = slices.flat_map(|slice| self.slices[*slice].endpoints.iter());
                let pods: Vec<Index> = named.map(|endpoint| endpoint.pod).collect();
                for pod in pods {
                    self.follow_drain(pod);
                }
            }
            (None, false) | (Some(_), true) => {}
        }
    }

    /// Whether a seat is one that its route drives and a slice names.
    pub(crate) fn is_wanted_seat(&self, seat: Index) -> bool {
        let record = &self.seats[seat];
        record.listed && !record.elsewhere && self.bindings[record.binding].phase == Phase::Active
    }
}
