//! R1: for how long a target stood with the wrong weight: more than 0 while its Pod terminates, or 0 or absent while its
//! Pod is ready. Judged by the cluster as it is, not by what a process was told.

use std::collections::BTreeMap;
use std::time::Duration;

use grace_core::{DrainOn, Time, Weight};

use crate::histogram::Histogram;
use crate::place::Key;
use crate::sim::Sim;

/// Stretches of time during which targets stood wrong.
#[derive(Clone, Debug, Default)]
pub(crate) struct Wrong {
    since: BTreeMap<Key, (Time, bool)>,
    /// Terminating Pods that still get connections.
    pub(crate) dying: Histogram,
    /// Ready Pods that get none.
    pub(crate) idle: Histogram,
}

impl Wrong {
    fn set(&mut self, key: Key, now: Time, wrong: Option<bool>) {
        let before = self.since.get(&key).map(|(_, dying)| *dying);
        if before == wrong {
            return;
        }
        if let Some((since, dying)) = self.since.remove(&key) {
            self.end(now.since(since), dying);
        }
        if let Some(dying) = wrong {
            self.since.insert(key, (now, dying));
        }
    }

    fn end(&mut self, span: Duration, dying: bool) {
        if dying { self.dying.add(span) } else { self.idle.add(span) }
    }

    /// Nothing may still be wrong at the end.
    pub(crate) fn finish(&mut self, now: Time) {
        for (since, dying) in std::mem::take(&mut self.since).into_values() {
            self.end(now.since(since), dying);
        }
    }
}

impl Sim {
    /// Looks at the targets at one address.
    pub(crate) fn judge(&mut self, ip: u16) {
        for number in 0..self.cluster.routes.len() {
            let route = &self.cluster.routes[number];
            if !route.exists || route.contested {
                continue;
            }
            let service = route.service;
            let port = self.cluster.services[service].port;
            let here = self
                .cluster
                .pods
                .iter()
                .filter(|pod| pod.exists && pod.ip == Some(ip) && pod.service == service);
            let (mut live, mut terminating) = (None, false);
            for pod in here {
                if pod.is_live() {
                    live = Some(pod);
                }
                terminating |= pod.is_terminating();
            }
            let policy = &route.facts.policy;
            let weight = live
                .and_then(|pod| pod.facts.weight_service)
                .filter(|_| route.facts.key.layer == grace_core::Layer::Service);
            let weight = weight.unwrap_or(policy.default_weight);
            for position in 0..route.at.len() {
                let (lane, pool) = self.cluster.routes[number].at[position];
                let key = Key { lane, pool, ip, port };
                let stands = self.balancers[usize::from(lane)].targets.get(&key).copied().unwrap_or(0);
                let wrong = match live {
                    Some(pod) => {
                        let serves = pod.serving
                            && pod.slices != 0
                            && pod.held_until.is_none()
                            && weight != Weight::DRAINED;
                        (serves && stands == 0).then_some(false)
                    }
                    None => (terminating
                        && stands > 0
                        && self.cluster.routes[number].facts.policy.drain != DrainOn::Nothing)
                        .then_some(true),
                };
                self.wrong.set(key, self.now, wrong);
            }
        }
    }

    /// Looks at all of them: a route changed.
    pub(crate) fn judge_all(&mut self) {
        for (key, _) in self.wrong.since.clone() {
            let gone = self
                .cluster
                .routes
                .iter()
                .all(|route| !route.exists || !route.at.contains(&(key.lane, key.pool)));
            let moved = self.cluster.services.iter().all(|service| service.port != key.port);
            if gone || moved {
                self.wrong.set(key, self.now, None);
            }
        }
        for ip in self.cluster.addresses() {
            self.judge(ip);
        }
    }
}
