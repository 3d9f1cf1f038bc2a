//! What every target should be: the seats on it, weighed against each other, through the truth table.

use core::time::Duration;

use crate::action::{Cause, Reason};
use crate::decide::{Standing, Want, decide};
use crate::machine::Wake;
use crate::pod::{Gate, Life};
use crate::policy::DrainOn;
use crate::record::{Claim, Phase, Seeing};
use crate::route::{Layer, RouteEnd, RouteFacts};
use crate::slab::Index;
use crate::state::State;
use crate::target::Weight;
use crate::time::Time;

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
const LEFTOVER_DRAIN: Duration = Duration::from_secs(30);

/// When something changes by time alone, and what the timer is for.
type Change = Option<(Time, Wake)>;

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
        let Some((seat, standing, until)) = self.best_seat(target) else {
            return self.desire_of_nobody(target);
        };
        let desire = self.desire_of_seat(target, seat, standing, until);
        if desire.want != Want::Absent {
            return desire;
        }
        // A Pod that still terminates here keeps the target, whatever became of the one that decides.
        self.seats_of(target)
            .filter(|other| *other != seat)
            .filter_map(|other| {
                let (standing, until) = self.standing(other)?;
                let terminates = standing == Standing::Terminating;
                terminates.then(|| self.desire_of_seat(target, other, standing, until))
            })
            .find(|other| other.want != Want::Absent)
            .unwrap_or(desire)
    }

    /// The seat that decides over a target, and how its Pod stands.
    pub(crate) fn occupant(&self, target: Index) -> Option<(Index, Standing)> {
        self.best_seat(target).map(|(seat, standing, _)| (seat, standing))
    }

    fn best_seat(&self, target: Index) -> Option<(Index, Standing, Change)> {
        self.seats_of(target)
            .filter_map(|seat| self.standing(seat).map(|(standing, until)| (seat, standing, until)))
            .min_by_key(|(seat, standing, _)| self.precedence(*seat, *standing))
    }

    /// Live before terminating, then older, then by UID; a seat on a route that drives the pool before others.
    fn precedence(&self, seat: Index, standing: Standing) -> (u8, Time, crate::id::Uid) {
        let record = &self.seats[seat];
        let pod = &self.pods[record.pod];
        let active = self.bindings[record.binding].phase == Phase::Active;
        let class = match standing {
            Standing::Ready | Standing::Unready { .. } | Standing::Held if active && record.listed => 0,
            Standing::Ready | Standing::Unready { .. } | Standing::Held => 1,
            Standing::Deselected => 2,
            Standing::Terminating => 3,
            Standing::Over => 4,
        };
        (class, pod.facts.as_ref().map_or(Time::EPOCH, |facts| facts.created), pod.uid)
    }

    /// How the Pod of a seat stands, and when that changes by time alone. `None`: nothing is known of the Pod.
    pub(crate) fn standing(&self, seat: Index) -> Option<(Standing, Change)> {
        let record = &self.seats[seat];
        let pod = &self.pods[record.pod];
        let facts = &self.routes[self.bindings[record.binding].route].facts;
        // A slice cannot speak of Pods in another namespace.
        if pod.facts.as_ref().is_some_and(|pod| pod.name.namespace != facts.service.namespace) {
            return None;
        }
        let life = pod.life()?;
        if life == Life::Over || !pod.lives_at(self.targets[record.target].address.ip) {
            return Some((Standing::Over, None));
        }
        if matches!(life, Life::Terminating { .. }) {
            return Some((Standing::Terminating, None));
        }
        let gate_only = pod.facts.as_ref().is_some_and(|facts| facts.gate == Gate::Waiting { only: true });
        let ready = record.serving || facts.policy.ignore_readiness || gate_only;
        let standing = if ready { Standing::Ready } else { Standing::Unready { admitted: record.admitted } };
        if let Some(until) = pod.hold.filter(|until| *until > self.now) {
            return Some((Standing::Held, Some((until, Wake::Drain))));
        }
        if record.listed || self.bindings[record.binding].phase != Phase::Active {
            return Some((standing, None));
        }
        if let Some(confirmed) = self.successor_confirmed(seat) {
            // The port changed: the old target goes once the other one is in force.
            return Some((if confirmed { Standing::Deselected } else { standing }, None));
        }
        let deselected_at = record.unlisted_since + self.config.deselected_after;
        match (self.synced, self.now >= deselected_at) {
            (true, true) => Some((Standing::Deselected, None)),
            (true, false) => Some((standing, Some((deselected_at, Wake::Drain)))),
            (false, _) => Some((standing, None)),
        }
    }

    /// For a seat that is not listed any more: whether the Pod's other target in the same pool is in force. `None` when
    /// there is no other target.
    fn successor_confirmed(&self, seat: Index) -> Option<bool> {
        let record = &self.seats[seat];
        let family = |target: Index| self.targets[target].address.ip.is_ipv4();
        let successor = self.seats_of_pod(record.pod).find(|other| {
            let other = &self.seats[*other];
            other.listed && other.binding == record.binding && family(other.target) == family(record.target)
        })?;
        let target = &self.targets[self.seats[successor].target];
        Some(match target.seen {
            Seeing::Registered(weight) => !target.flags.assumed && target.want.weight() == Some(weight),
            Seeing::Unknown | Seeing::Absent => false,
        })
    }

    fn desire_of_seat(
        &self,
        target: Index,
        seat: Index,
        standing: Standing,
        until: Option<(Time, Wake)>,
    ) -> Desire {
        let record = &self.seats[seat];
        let facts = &self.routes[self.bindings[record.binding].route].facts;
        let configured = self.configured_weight(seat, facts);
        let desire = |want, reason, until| Desire { want, reason, seat: Some(seat), until };
        let at_zero = self.targets[target].seen == Seeing::Registered(Weight::DRAINED);
        match (self.bindings[record.binding].phase, standing) {
            (Phase::Active, Standing::Over) if facts.policy.min_drain > Duration::ZERO => {
                // A Pod that was deleted by force may still run: nobody else can know.
                let drain = self.drain_for(target, seat, facts.policy.min_drain, Reason::Gone);
                let registered = matches!(self.targets[target].seen, Seeing::Registered(_));
                if registered { drain } else { desire(Want::Absent, Reason::Gone, None) }
            }
            (_, Standing::Over) => desire(Want::Absent, Reason::Gone, None),
            (_, Standing::Held) => desire(Want::Keep(Weight::DRAINED), Reason::Held, until),
            (Phase::Active, Standing::Terminating) => {
                let want = match decide(facts.policy.drain, standing, configured) {
                    // The switch was removed in mid-drain: a drain that runs is finished.
                    Want::Absent if at_zero => Want::Keep(Weight::DRAINED),
                    want @ (Want::Nothing | Want::Absent | Want::Keep(_) | Want::Present(_)) => want,
                };
                desire(want, Reason::Terminating, None)
            }
            (Phase::Active, Standing::Deselected) => match decide(facts.policy.drain, standing, configured) {
                Want::Absent => desire(Want::Absent, Reason::Deselected, None),
                Want::Nothing | Want::Keep(_) | Want::Present(_) => {
                    self.drain_for(target, seat, facts.policy.config_drain, Reason::Deselected)
                }
            },
            (Phase::Active, Standing::Ready | Standing::Unready { .. }) if !record.listed => {
                // In no slice for a moment: nothing is changed on that ground.
                let stays = match self.targets[target].seen {
                    Seeing::Registered(weight) => weight,
                    Seeing::Absent | Seeing::Unknown => Weight::DRAINED,
                };
                let reason = if standing == Standing::Ready { Reason::Ready } else { Reason::Unready };
                desire(Want::Keep(stays), reason, until)
            }
            (Phase::Active, Standing::Ready) => self.desire_of_ready(target, seat, configured),
            (Phase::Active, Standing::Unready { .. }) if self.is_kept_by_floor(target) => {
                desire(Want::Keep(configured), Reason::Unready, until)
            }
            (Phase::Active, Standing::Unready { .. }) => {
                desire(decide(facts.policy.drain, standing, configured), Reason::Unready, until)
            }
            (Phase::Ended(RouteEnd::Released), Standing::Terminating) => {
                desire(Want::Keep(Weight::DRAINED), Reason::RouteReleased, None)
            }
            (Phase::Ended(RouteEnd::Released), _) => {
                desire(Want::Keep(configured), Reason::RouteReleased, None)
            }
            (Phase::Ended(RouteEnd::Deleted) | Phase::Contested, Standing::Terminating) => {
                let nothing = facts.policy.drain == DrainOn::Nothing && !at_zero;
                let want = if nothing { Want::Absent } else { Want::Keep(Weight::DRAINED) };
                desire(want, Reason::RouteDeleted, None)
            }
            (Phase::Ended(RouteEnd::Deleted) | Phase::Contested, _) => {
                self.drain_for(target, seat, facts.policy.config_drain, Reason::RouteDeleted)
            }
        }
    }

    /// Registered with its weight; with less for a while after it became ready, where the policy says so, and with none
    /// while its readiness does not last.
    fn desire_of_ready(&self, target: Index, seat: Index, configured: Weight) -> Desire {
        let record = &self.seats[seat];
        let policy = &self.routes[self.bindings[record.binding].route].facts.policy;
        let desire = |want, until| Desire { want, reason: Reason::Ready, seat: Some(seat), until };
        let takes_away = policy.drain == DrainOn::TerminationAndUnready && !policy.ignore_readiness;
        let registered = matches!(self.targets[target].seen, Seeing::Registered(_));
        if let Some((until, _)) = record.held_back(self.now).filter(|_| takes_away && registered) {
            let want = Want::Keep(Weight::DRAINED);
            return Desire { reason: Reason::Unready, ..desire(want, Some((until, Wake::Drain))) };
        }
        let ready_since = self.pods[record.pod].facts.as_ref().and_then(|facts| facts.ready_since);
        match (policy.slow_start, ready_since) {
            (Some(span), Some(since)) => {
                let (weight, until) = ramp(configured, span, since, self.now);
                desire(Want::Present(weight), until.map(|until| (until, Wake::Drain)))
            }
            _ => desire(Want::Present(configured), None),
        }
    }

    /// Weight 0, then deregistered when it has been at 0 for `span`: no event of the Pod will end this drain.
    fn drain_for(&self, target: Index, seat: Index, span: Duration, reason: Reason) -> Desire {
        let end = self.targets[target].zero_since.map(|since| since + span);
        let (want, until) = match end {
            Some(end) if self.now >= end => (Want::Absent, None),
            Some(end) => (Want::Keep(Weight::DRAINED), Some((end, Wake::Drain))),
            None => (Want::Keep(Weight::DRAINED), None),
        };
        Desire { want, reason, seat: Some(seat), until }
    }

    /// A target that no Pod sits on: ours by its claim, and nobody lives there; or somebody else's.
    fn desire_of_nobody(&self, target: Index) -> Desire {
        let record = &self.targets[target];
        let nothing = Desire { want: Want::Nothing, reason: Reason::Gone, seat: None, until: None };
        let unknown_pod = self.seats_of(target).next().is_some();
        if !self.synced || record.claim == Claim::None || unknown_pod {
            return nothing;
        }
        if self.is_bound(record.pool) {
            return Desire { want: Want::Absent, ..nothing };
        }
        // No route speaks of the pool any more: the claim says that its end was not finished.
        let end = record.zero_since.map(|since| since + LEFTOVER_DRAIN);
        let drained = Want::Keep(Weight::DRAINED);
        match end {
            Some(end) if self.now >= end => {
                Desire { want: Want::Absent, reason: Reason::RouteDeleted, ..nothing }
            }
            Some(end) => Desire {
                want: drained,
                reason: Reason::RouteDeleted,
                until: Some((end, Wake::Drain)),
                seat: None,
            },
            None => Desire { want: drained, reason: Reason::RouteDeleted, ..nothing },
        }
    }

    /// The weight that annotations give this Pod on this route: its own, else by ordinal, else the route's.
    pub(crate) fn configured_weight(&self, seat: Index, route: &RouteFacts) -> Weight {
        let Some(pod) = &self.pods[self.seats[seat].pod].facts else { return route.policy.default_weight };
        let own = match route.key.layer {
            Layer::Service => pod.weight_service,
            Layer::Ingress => pod.weight_ingress,
        };
        let by_ordinal = || {
            let (set, ordinal) = pod.ordinal.as_ref()?;
            let named = route.policy.by_ordinal.iter();
            named
                .filter(|entry| entry.stateful_set == *set)
                .find(|entry| entry.ordinals.contains(ordinal))
                .map(|entry| entry.weight)
        };
        own.or_else(by_ordinal).unwrap_or(route.policy.default_weight)
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
