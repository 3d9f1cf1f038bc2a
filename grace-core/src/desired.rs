//! What every target should be: the seats on it, weighed against each other, through the truth table.

use core::time::Duration;

use crate::action::{Cause, Reason};
use crate::decide::{Standing, Want, decide};
use crate::ip::Ip;
use crate::machine::Wake;
use crate::ownership::Ownership;
use crate::pod::Life;
use crate::policy::DrainOn;
use crate::record::{Claim, Phase, Seeing};
use crate::route::{Layer, RouteEnd};
use crate::slab::{Index, NONE};
use crate::standing::{Change, Sitting};
use crate::state::State;
use crate::target::Weight;
use crate::time::Time;
use crate::tracked_pod::Stage;
use crate::tracked_target::Flag;

/// What is wanted of a target, and why.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Desire {
    pub(crate) want: Want,
    pub(crate) reason: Reason,
    /// The seat that decides; `None` for a claimed target that nobody occupies.
    pub(crate) seat: Option<Index>,
    /// When it changes by time alone.
    pub(crate) until: Option<(Time, Wake)>,
}

/// How long a target on its way out of a route that is not there any more drains.
pub(crate) const LEFTOVER_DRAIN: Duration = Duration::from_secs(30);

/// Steps of a slow start.
const STEPS: u32 = 10;

/// The weight of a Pod that has been ready since `since`, in ten steps over `span`, at least 1; and when the next step comes.
pub(crate) fn ramp(configured: Weight, span: Duration, since: Time, now: Time) -> (Weight, Option<Time>) {
    let step = span / STEPS;
    let passed = now.since(since);
    if step.is_zero() || passed >= span || configured.is_drained() {
        return (configured, None);
    }
    let taken = u32::try_from(passed.as_micros() / step.as_micros()).unwrap_or(STEPS);
    let share = (u32::from(configured.get()) * (taken + 1)).div_ceil(STEPS).max(1);
    let weight = u8::try_from(share).ok().and_then(|share| Weight::new(share).ok()).unwrap_or(configured);
    (weight.min(configured), Some(since + step * (taken + 1)))
}

impl State {
    /// What is wanted of a target now.
    pub(crate) fn desire(&self, target: Index) -> Desire {
        let record = &self.targets[target];
        if record.seats == NONE {
            return self.desire_of_nobody(target);
        }
        let sitting = self.sitting_on(record, record.seats);
        if sitting.seat.next_of_target != NONE {
            return self.desire_of_several(target);
        }
        match self.standing_of(&sitting) {
            // The commonest row of the table.
            Some((Standing::Ready, until)) if sitting.is_driven() => self.desire_of_ready(&sitting, until),
            Some((standing, until)) => self.desire_of_seat(&sitting, standing, until),
            None => self.desire_of_nobody(target),
        }
    }

    fn desire_of_several(&self, target: Index) -> Desire {
        let Some((first, standing, until)) = self.decider(target) else {
            return self.desire_of_nobody(target);
        };
        let desire = self.desire_of_seat(&self.sitting(first), standing, until);
        if desire.want != Want::Absent {
            return desire;
        }
        // A Pod that still terminates here keeps the target, whatever became of the one that decides.
        self.seats_of(target)
            .filter(|other| *other != first)
            .filter_map(|other| {
                let sitting = self.sitting(other);
                let (standing, until) = self.standing_of(&sitting)?;
                let terminates = standing == Standing::Terminating;
                terminates.then(|| self.desire_of_seat(&sitting, standing, until))
            })
            .find(|other| other.want != Want::Absent)
            .unwrap_or(desire)
    }

    #[inline]
    fn desire_of_seat(&self, sitting: &Sitting<'_>, standing: Standing, until: Change) -> Desire {
        let Sitting { index, seat, target, binding, route, .. } = *sitting;
        let facts = &route.facts;
        let configured = configured_weight(sitting);
        let desire = |want, reason, until| Desire { want, reason, seat: Some(index), until };
        let at_zero = target.seen == Seeing::Registered(Weight::DRAINED);
        match (binding.phase, standing) {
            (Phase::Active, Standing::Over) if facts.policy.min_drain > Duration::ZERO => {
                // A Pod that was deleted by force may still run: nobody else can know.
                let drain = drain_for(sitting, self.now, facts.policy.min_drain, Reason::Gone);
                let registered = matches!(target.seen, Seeing::Registered(_));
                if registered { drain } else { desire(Want::Absent, Reason::Gone, None) }
            }
            (_, Standing::Over) => desire(Want::Absent, Reason::Gone, None),
            (_, Standing::Held) => desire(Want::Keep(Weight::DRAINED), Reason::Held, until),
            (Phase::Active, Standing::Terminating)
                if planted!(self, GuardsTermination) && self.pools[target.pool].serving <= 1 && !at_zero =>
            {
                desire(Want::Keep(configured), Reason::Terminating, None)
            }
            (Phase::Active, Standing::Terminating) => {
                let want = match decide(facts.policy.drain, standing, configured) {
                    // The switch was removed in mid-drain: a drain that runs is finished.
                    Want::Absent if at_zero => Want::Keep(Weight::DRAINED),
                    want @ (Want::Nothing | Want::Absent | Want::Keep(_) | Want::Present(_)) => want,
                };
                if at_zero && target.flags.has(Flag::Evicted) {
                    return desire(Want::Absent, Reason::Evicted, None);
                }
                desire(want, Reason::Terminating, None)
            }
            (Phase::Active, Standing::Deselected) => match decide(facts.policy.drain, standing, configured) {
                Want::Absent => desire(Want::Absent, Reason::Deselected, None),
                Want::Nothing | Want::Keep(_) | Want::Present(_) => {
                    drain_for(sitting, self.now, facts.policy.config_drain, Reason::Deselected)
                }
            },
            (Phase::Active, Standing::Ready | Standing::Unready { .. }) if !seat.listed => {
                // In no slice for a moment: nothing is changed on that ground.
                let stays = match target.seen {
                    Seeing::Registered(weight) => weight,
                    Seeing::Absent | Seeing::Unknown => Weight::DRAINED,
                };
                let reason = if standing == Standing::Ready { Reason::Ready } else { Reason::Unready };
                desire(Want::Keep(stays), reason, until)
            }
            (Phase::Active, Standing::Ready) => self.desire_of_ready(sitting, until),
            (Phase::Active, Standing::Unready { .. }) if self.is_kept_by_floor(seat.target) => {
                desire(Want::Keep(configured), Reason::Unready, until)
            }
            (Phase::Active, Standing::Unready { .. }) => {
                desire(decide(facts.policy.drain, standing, configured), Reason::Unready, until)
            }
            (Phase::Ended(RouteEnd::Released), Standing::Terminating) => {
                desire(Want::Keep(Weight::DRAINED), Reason::RouteReleased, None)
            }
            (Phase::Ended(RouteEnd::Released), _) if !seat.listed && at_zero => {
                // At 0 because it left the Service, not because it is not ready: that drain finishes.
                drain_for(sitting, self.now, facts.policy.config_drain, Reason::Deselected)
            }
            (Phase::Ended(RouteEnd::Released), _) => {
                // A slice's word alone gives no weight back.
                let own = seat.listed && sitting.pod.is_at(target.ip);
                let stays = match target.seen {
                    Seeing::Registered(weight) if !own => weight,
                    Seeing::Registered(_) | Seeing::Absent | Seeing::Unknown => configured,
                };
                desire(Want::Keep(stays), Reason::RouteReleased, None)
            }
            (Phase::Ended(RouteEnd::Deleted) | Phase::Contested, Standing::Terminating) => {
                let nothing = facts.policy.drain == DrainOn::Nothing && !at_zero;
                let want = if nothing { Want::Absent } else { Want::Keep(Weight::DRAINED) };
                desire(want, Reason::RouteDeleted, None)
            }
            (Phase::Ended(RouteEnd::Deleted) | Phase::Contested, _) => {
                drain_for(sitting, self.now, facts.policy.config_drain, Reason::RouteDeleted)
            }
        }
    }

    /// Registered with its weight; with less for a while after it became ready, where the policy says so, and with none
    /// while its readiness does not last.
    #[inline]
    fn desire_of_ready(&self, sitting: &Sitting<'_>, until: Change) -> Desire {
        let Sitting { index, seat, pod, target, route, .. } = *sitting;
        let policy = &route.facts.policy;
        let configured = match target.seen {
            Seeing::Registered(seen) if planted!(self, RestoresSeenWeight) => seen,
            Seeing::Unknown | Seeing::Absent | Seeing::Registered(_) => configured_weight(sitting),
        };
        let desire = |want, until| Desire { want, reason: Reason::Ready, seat: Some(index), until };
        if let Some((until, _)) = seat.held_back(self.now)
            && policy.drain == DrainOn::TerminationAndUnready
            && !policy.ignore_readiness
            && matches!(target.seen, Seeing::Registered(_))
        {
            let want = Want::Keep(Weight::DRAINED);
            return Desire { reason: Reason::Unready, ..desire(want, Some((until, Wake::Drain))) };
        }
        if let Some(span) = policy.slow_start
            && let Some(since) = pod.facts.as_ref().and_then(|facts| facts.ready_since())
        {
            let (weight, next) = ramp(configured, span, since, self.now);
            let step = next.map(|at| (at, Wake::Drain));
            return desire(Want::Present(weight), [step, until].into_iter().flatten().min());
        }
        desire(Want::Present(configured), until)
    }

    /// A target that no Pod sits on: ours by its claim, and nobody lives there; or somebody else's.
    fn desire_of_nobody(&self, target: Index) -> Desire {
        if self.config.ownership == Ownership::Exclusive {
            return self.desire_of_leftover(target);
        }
        let record = &self.targets[target];
        let nothing = Desire { want: Want::Nothing, reason: Reason::Gone, seat: None, until: None };
        // One that no slice names any more went before it was ever seen: nobody will tell that it is gone.
        let unknown_pod = self.seats_of(target).any(|seat| self.seats[seat].listed);
        let synced = self.synced || planted!(self, ActsBeforeSync);
        if !synced || record.claim == Claim::None || unknown_pod || planted!(self, DeregistersOnEdges) {
            return nothing;
        }
        if self.is_bound(record.pool) {
            return Desire { want: Want::Absent, ..nothing };
        }
        // No route speaks of the pool any more: the claim says that its end was not finished.
        let end = record.zero_since().map(|since| since + LEFTOVER_DRAIN);
        let drained = Want::Keep(Weight::DRAINED);
        match end {
            Some(end) if self.now < end => Desire {
                want: drained,
                reason: Reason::RouteDeleted,
                until: Some((end, Wake::Drain)),
                seat: None,
            },
            // No seat tells when that Pod is gone, so it is looked for again.
            Some(_) if self.terminates_at(record.ip) => Desire {
                want: drained,
                reason: Reason::RouteDeleted,
                until: Some((self.now + LEFTOVER_DRAIN, Wake::Drain)),
                seat: None,
            },
            Some(_) => Desire { want: Want::Absent, reason: Reason::RouteDeleted, ..nothing },
            None => Desire { want: drained, reason: Reason::RouteDeleted, ..nothing },
        }
    }

    /// Whether a terminating Pod has this address.
    fn terminates_at(&self, ip: Ip) -> bool {
        let found = self.pods_by_ip.find(&ip, |entry| {
            let pod = &self.pods[entry / 2];
            pod.ip(entry) == Some(ip) && pod.stage() == Some(Stage::Terminating)
        });
        found.is_some()
    }

    pub(crate) fn cause(&self, desire: &Desire) -> Cause {
        Cause { pod: desire.seat.map(|seat| self.pods[self.seats[seat].pod].uid), reason: desire.reason }
    }

    /// When the kubelet kills the Pod of a seat, if it terminates.
    pub(crate) fn kill_time(&self, seat: Option<Index>) -> Option<Time> {
        match self.pods[self.seats[seat?].pod].life()? {
            Life::Terminating { kill, .. } => Some(kill),
            Life::Live | Life::Over => None,
        }
    }
}

/// Weight 0, then deregistered when it has been at 0 for `span`: no event of the Pod will end this drain.
fn drain_for(sitting: &Sitting<'_>, now: Time, span: Duration, reason: Reason) -> Desire {
    let end = sitting.target.zero_since().map(|since| since + span);
    let (want, until) = match end {
        Some(end) if now >= end => (Want::Absent, None),
        Some(end) => (Want::Keep(Weight::DRAINED), Some((end, Wake::Drain))),
        None => (Want::Keep(Weight::DRAINED), None),
    };
    Desire { want, reason, seat: Some(sitting.index), until }
}

/// The weight that annotations give this Pod on this route: its own, else by ordinal, else the route's.
#[inline]
pub(crate) fn configured_weight(sitting: &Sitting<'_>) -> Weight {
    let route = &sitting.route.facts;
    let Some(pod) = &sitting.pod.facts else { return route.policy.default_weight };
    let own = match route.key.layer {
        Layer::Service => pod.plain.weight_service,
        Layer::Ingress => pod.plain.weight_ingress,
    };
    if let Some(own) = own {
        return own;
    }
    let by_ordinal = || {
        let (set, ordinal) = sitting.pod.ordinal()?;
        let named = route.policy.by_ordinal.iter();
        named
            .filter(|entry| entry.stateful_set == *set)
            .find(|entry| entry.ordinals.contains(ordinal))
            .map(|entry| entry.weight)
    };
    by_ordinal().unwrap_or(route.policy.default_weight)
}
