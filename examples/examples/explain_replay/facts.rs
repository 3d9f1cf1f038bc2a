//! What was learned of a Pod, said where it changed.

use std::collections::BTreeMap;

use grace_core::{
    EndpointFacts, Event, Gate, Life, ObjectName, PodFacts, PreStop, SliceFacts, Source, StopBudget, Uid,
};

use crate::moment::{Clock, absolute, seconds};

/// What is known so far of the Pods that bear one name.
pub(crate) struct Facts {
    uids: Vec<Uid>,
    clock: Clock,
    pods: BTreeMap<Uid, Known<PodFacts>>,
    slices: BTreeMap<ObjectName, Known<SliceFacts>>,
}

/// An object, and whether the list under way has shown it.
struct Known<T> {
    object: T,
    from: Source,
    restated: bool,
}

impl Facts {
    /// Nothing is known yet of these Pods.
    pub(crate) const fn new(uids: Vec<Uid>, clock: Clock) -> Self {
        Self { uids, clock, pods: BTreeMap::new(), slices: BTreeMap::new() }
    }

    /// What an event says anew.
    pub(crate) fn learn(&mut self, event: &Event) -> Vec<(Uid, String)> {
        if let Event::Pod { from, pod } = event {
            self.pod(from, pod)
        } else if let Event::PodGone { uid, .. } = event {
            let known = self.pods.remove(uid);
            known.map(|_| (*uid, "gone".to_owned())).into_iter().collect()
        } else if let Event::Slice { from, slice } = event {
            self.slice(from, slice)
        } else if let Event::SliceGone { key, .. } = event {
            self.slice_gone(key)
        } else if let Event::ListStarted(source) = event {
            self.pods
                .values_mut()
                .filter(|known| known.from == *source)
                .for_each(|known| known.restated = false);
            self.slices
                .values_mut()
                .filter(|known| known.from == *source)
                .for_each(|known| known.restated = false);
            Vec::new()
        } else if let Event::ListDone(source) = event {
            self.listed(source)
        } else if let Event::Hold { pod, until } = event {
            self.of(*pod, || format!("held at weight 0 until {}", self.clock.both(*until)))
        } else if let Event::Unhold { pod } = event {
            self.of(*pod, || "no longer held".to_owned())
        } else {
            Vec::new()
        }
    }

    fn of(&self, uid: Uid, text: impl Fn() -> String) -> Vec<(Uid, String)> {
        if self.uids.contains(&uid) { vec![(uid, text())] } else { Vec::new() }
    }

    fn pod(&mut self, from: &Source, pod: &PodFacts) -> Vec<(Uid, String)> {
        if !self.uids.contains(&pod.uid) {
            return Vec::new();
        }
        let before = self
            .pods
            .insert(pod.uid, Known { object: pod.clone(), from: from.clone(), restated: true })
            .map(|known| known.object);
        let news = news(before.as_ref(), pod, self.clock);
        if news.is_empty() { Vec::new() } else { vec![(pod.uid, news.join(", "))] }
    }

    fn slice(&mut self, from: &Source, slice: &SliceFacts) -> Vec<(Uid, String)> {
        let mut ours = slice.clone();
        ours.endpoints.retain(|endpoint| self.uids.contains(&endpoint.pod));
        let known = Known { object: ours, from: from.clone(), restated: true };
        let before = self.slices.insert(slice.key.clone(), known).map(|known| known.object);
        let before: &[EndpointFacts] = before.as_ref().map_or(&[], |slice| &slice.endpoints);
        let Some(now) = self.slices.get(&slice.key).map(|known| &known.object) else { return Vec::new() };
        let mut lines = Vec::new();
        for endpoint in now.endpoints.iter().filter(|endpoint| !before.contains(endpoint)) {
            let serving = if endpoint.serving { "serving" } else { "not serving" };
            let terminating = if endpoint.terminating { ", terminating" } else { "" };
            let text = format!(
                "EndpointSlice {} of Service {} lists {}: {serving}{terminating}",
                now.key, now.service, endpoint.ip
            );
            lines.push((endpoint.pod, text));
        }
        for left in before {
            if !now.endpoints.iter().any(|endpoint| (endpoint.pod, endpoint.ip) == (left.pod, left.ip)) {
                lines.push((left.pod, format!("EndpointSlice {} lists {} no more", now.key, left.ip)));
            }
        }
        lines
    }

    fn slice_gone(&mut self, key: &ObjectName) -> Vec<(Uid, String)> {
        let slice = self.slices.remove(key).map(|known| known.object);
        let endpoints = slice.into_iter().flat_map(|slice| slice.endpoints);
        endpoints.map(|endpoint| (endpoint.pod, format!("EndpointSlice {key} is gone"))).collect()
    }

    /// What a complete list does not show is gone.
    fn listed(&mut self, source: &Source) -> Vec<(Uid, String)> {
        let left: Vec<Uid> =
            self.pods.iter().filter(|(_, known)| known.is_left(source)).map(|(uid, _)| *uid).collect();
        let mut lines: Vec<_> =
            left.iter().map(|uid| (*uid, "gone: a complete list does not show it".to_owned())).collect();
        self.pods.retain(|uid, _| !left.contains(uid));
        let slices: Vec<ObjectName> = self
            .slices
            .iter()
            .filter(|(_, known)| known.is_left(source))
            .map(|(key, _)| key.clone())
            .collect();
        lines.extend(slices.iter().flat_map(|key| self.slice_gone(key)));
        lines
    }
}

impl<T> Known<T> {
    fn is_left(&self, source: &Source) -> bool {
        self.from == *source && !self.restated
    }
}

/// What is so now and was not before.
fn news(before: Option<&PodFacts>, pod: &PodFacts, clock: Clock) -> Vec<String> {
    let mut news = Vec::new();
    if before.is_none() {
        news.push(format!("created {}", absolute(pod.created)));
    }
    if before.map_or([None, None], |before| before.ips) != pod.ips {
        let ips: Vec<_> = pod.ips.iter().flatten().map(ToString::to_string).collect();
        news.push(if ips.is_empty() {
            "no address".to_owned()
        } else {
            format!("address {}", ips.join(" and "))
        });
    }
    if before.map_or(Life::Live, |before| before.life) != pod.life {
        news.push(match pod.life {
            Life::Live => "lives".to_owned(),
            Life::Terminating { asked, kill } => {
                format!("terminating: asked {}, kill {}", clock.both(asked), clock.both(kill))
            }
            Life::Over => "over: nothing runs any more".to_owned(),
        });
    }
    match (before.and_then(|before| before.ready_since), pod.ready_since) {
        (None, Some(since)) => news.push(format!("ready since {}", clock.both(since))),
        (Some(before), Some(since)) if before != since => {
            news.push(format!("ready again since {}", clock.both(since)));
        }
        (Some(_), None) => news.push(match pod.unready_since {
            Some(since) => format!("not ready since {}", clock.both(since)),
            None => "not ready".to_owned(),
        }),
        (None, None) if before.is_none() => news.push("not ready".to_owned()),
        (None, None) | (Some(_), Some(_)) => {}
    }
    if before.map_or(Gate::NotDeclared, |before| before.gate) != pod.gate {
        news.push(
            match pod.gate {
                Gate::NotDeclared => "no readiness gate",
                Gate::Waiting { only: true } => "only its readiness gate is missing",
                Gate::Waiting { only: false } => "its readiness gate and more is missing",
                Gate::Passed => "its readiness gate passes",
            }
            .to_owned(),
        );
    }
    let weights = |pod: &PodFacts| [pod.weight_service, pod.weight_ingress];
    if before.map_or([None, None], weights) != weights(pod) {
        let said = |weight: Option<_>| weight.map_or_else(|| "none".to_owned(), |weight| format!("{weight}"));
        let [service, ingress] = weights(pod).map(said);
        news.push(format!(
            "its annotations ask for weight {service} behind Services, {ingress} behind Ingresses"
        ));
    }
    if before.map(|before| before.stop) != Some(pod.stop) {
        news.push(stop(pod.stop));
    }
    if before.is_some_and(|before| before.drained_shown) != pod.drained_shown {
        news.push(
            if pod.drained_shown { "shows that it is drained" } else { "shows no more that it is drained" }
                .to_owned(),
        );
    }
    news
}

fn stop(stop: StopBudget) -> String {
    let grace = seconds(stop.grace);
    match stop.pre_stop {
        PreStop::None => format!("grace period {grace}, no preStop"),
        PreStop::Sleep(sleep) => format!("grace period {grace}, preStop sleeps {}", seconds(sleep)),
        PreStop::Unknown => format!("grace period {grace}, preStop of unknown length"),
    }
}
