//! D3: how long a target of a terminating Pod waits for its weight 0, in worlds without faults.
//!
//! At most the linger, the rest of the call that is under way, and a call for itself after those for the targets whose
//! Pods are killed earlier. Registrations, deregistrations and reads that have waited too long go before it; the time
//! of those that did is added, and how many drains that concerned is told.

use std::time::Duration;

use grace_core::{Event, Life, Time, Uid};

use crate::place::{Key, address};
use crate::sim::Sim;

/// A target that shall go to 0.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Drain {
    key: Key,
    pod: Uid,
    told: Time,
    kill: Time,
    /// When it stood at 0, or was gone.
    zero: Option<Time>,
    /// Whether the inequality holds for it.
    judged: bool,
}

/// What became of the inequality in one world.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Slo {
    pub(crate) drains: u64,
    pub(crate) exceptions: u64,
    /// Drains before which a call of another kind left.
    pub(crate) behind_others: u64,
    /// Of the first exception: how long it took, how long it may take, and which it was.
    pub(crate) worst: Option<(Duration, Duration, Drain)>,
}

impl Sim {
    /// The machine hears that a Pod terminates.
    pub(crate) fn drain_begins(&mut self, pod: Uid, kill: Time) {
        if self.drains.iter().any(|drain| drain.pod == pod) {
            return;
        }
        let Some(record) = self.cluster.pods.iter().find(|record| record.facts.uid == pod) else { return };
        let Some(ip) = record.ip else { return };
        let service = record.service;
        let shared =
            self.cluster.pods.iter().filter(|other| other.exists && other.ip == Some(ip)).count() > 1;
        // Whose address it is, or whether a route knows the Pod, is not certain then: such a drain only takes its turn.
        let judged = !shared && record.slices != 0;
        let port = self.cluster.services[service].port;
        for route in self.cluster.routes.iter().filter(|route| route.service == service && route.exists) {
            if route.contested || route.facts.policy.drain == grace_core::DrainOn::Nothing {
                continue;
            }
            for (lane, pool) in &route.at {
                let key = Key { lane: *lane, pool: *pool, ip, port };
                if self.balancers[usize::from(*lane)].targets.get(&key).is_some_and(|weight| *weight > 0) {
                    self.drains.push(Drain { key, pod, told: self.now, kill, zero: None, judged });
                }
            }
        }
    }

    /// A target stands so from now on.
    pub(crate) fn judge_drains(&mut self, key: Key, weight: Option<u8>) {
        if weight.is_none_or(|weight| weight == 0) {
            for drain in self.drains.iter_mut().filter(|drain| drain.key == key && drain.zero.is_none()) {
                drain.zero = Some(self.now);
            }
        }
    }

    /// The machine hears that a Pod is gone: what was left to do for it is no drain any more.
    pub(crate) fn drain_ends(&mut self, pod: Uid) {
        self.drains.retain(|drain| drain.pod != pod || drain.zero.is_some());
    }

    /// Holds the inequality for each of them.
    pub(crate) fn slo(&self) -> Slo {
        let mut slo = Slo::default();
        let task = self.timing.task;
        let longest = task.max(self.timing.answer).max(self.timing.read);
        let linger = self.config.linger_max;
        for drain in &self.drains {
            let judged = |zero: &Time| drain.judged && !self.is_taken_over(drain, *zero);
            let Some(zero) = drain.zero.filter(judged) else { continue };
            let ahead = self.drains.iter().filter(|other| {
                other.key.lane == drain.key.lane
                    && other.kill <= drain.kill
                    && other.pod != drain.pod
                    && other.told <= zero
                    && other.zero.is_none_or(|zero| zero >= drain.told)
            });
            let batches = self.batches(ahead.map(|other| other.key));
            let aged = self
                .others
                .iter()
                .filter(|(lane, at, _)| *lane == drain.key.lane && *at > drain.told && *at < zero);
            let aged: Duration = aged.map(|(_, _, takes)| *takes).sum();
            slo.behind_others += u64::from(!aged.is_zero());
            let most = linger + longest + task * (1 + batches) + aged;
            slo.drains += 1;
            let took = zero.since(drain.told);
            if took > most {
                slo.exceptions += 1;
                slo.worst = slo.worst.or(Some((took, most, *drain)));
            }
        }
        slo
    }

    /// Whether another Pod came to the address before: a live one takes the target over, and its weight is its own.
    fn is_taken_over(&self, drain: &Drain, zero: Time) -> bool {
        let created =
            |uid: Uid| self.cluster.pods.iter().find(|pod| pod.facts.uid == uid).map(|pod| pod.facts.created);
        let ip = Some(address(drain.key).ip);
        self.cluster.objects.iter().flat_map(|object| &object.history).any(|(at, event)| {
            matches!(&**event, Event::Pod { pod, .. } if *at <= zero
                && pod.ips.contains(&ip)
                && pod.uid != drain.pod
                && pod.life == Life::Live
                && Some(pod.created) > created(drain.pod))
        })
    }

    /// The fewest calls that take so many targets (performance.md 5.1).
    fn batches(&self, keys: impl Iterator<Item = Key>) -> u32 {
        let limits = self.places.facts.values().next().expect("a load balancer").limits;
        let mut per_pool = std::collections::BTreeMap::<u8, u32>::new();
        for key in keys {
            *per_pool.entry(key.pool).or_default() += 1;
        }
        let all: u32 = per_pool.values().sum();
        let element = u32::from(limits.per_element);
        let elements: u32 = per_pool.values().map(|count| count.div_ceil(element)).sum();
        let fullest = per_pool
            .values()
            .map(|count| count.div_ceil(element * u32::from(limits.elements_per_pool)))
            .max();
        all.div_ceil(u32::from(limits.batch))
            .max(elements.div_ceil(u32::from(limits.elements)))
            .max(fullest.unwrap_or(0))
    }
}
