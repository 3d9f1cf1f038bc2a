//! Pods, EndpointSlices and list brackets, as they come in.

use alloc::vec::Vec;
use core::mem;
use core::net::IpAddr;
use core::time::Duration;

use crate::event::Source;
use crate::id::Uid;
use crate::index::hash;
use crate::ip::Ip;
use crate::pod::{Gate, PodFacts};
use crate::record::{Endpoint, Service, Slice};
use crate::slab::{Index, NONE};
use crate::slice::{ServiceKey, SliceFacts, SliceKey};
use crate::state::State;
use crate::time::Time;
use crate::tracked_pod::{Pod, PodFlag};

/// A Pod whose gate passed is ready in its slices after this time at the latest.
const ENDPOINT_FOLLOWS: Duration = Duration::from_secs(10);

impl State {
    /// Number and present generation of a source.
    fn source(&mut self, from: &Source) -> (u16, u16) {
        // Events of one source come in a row.
        if let Some((source, generation)) = self.sources.get(usize::from(self.last_source))
            && source == from
        {
            return (self.last_source, *generation);
        }
        let found = self.sources_by_name.find(from, |index| self.sources[index as usize].0 == *from);
        let number =
            found.and_then(|index| u16::try_from(index).ok()).unwrap_or_else(|| self.new_source(from));
        self.last_source = number;
        (number, self.sources.get(usize::from(number)).map_or(0, |(_, generation)| *generation))
    }

    fn new_source(&mut self, from: &Source) -> u16 {
        let Some(number) = u16::try_from(self.sources.len()).ok().filter(|number| *number != NO_SOURCE)
        else {
            return NO_SOURCE;
        };
        self.sources.push((from.clone(), 0));
        let sources = &self.sources;
        self.sources_by_name.insert(from, number.into(), |index| hash(&sources[index as usize].0));
        number
    }

    pub(crate) fn list_started(&mut self, from: &Source) {
        let (source, _) = self.source(from);
        if let Some((_, generation)) = self.sources.get_mut(usize::from(source)) {
            *generation = generation.wrapping_add(1);
        }
    }

    /// What was not restated since the list began is gone.
    pub(crate) fn list_done(&mut self, from: &Source) {
        let (source, generation) = self.source(from);
        if source == NO_SOURCE {
            return;
        }
        let pods: Vec<Index> = self.pods.indices().collect();
        for index in pods {
            let pod = &self.pods[index];
            if pod.facts.is_some() && pod.source == source && pod.generation != generation && !pod.is_gone() {
                self.lose_pod(index);
            }
        }
        let slices: Vec<Index> = self.slices.indices().collect();
        for index in slices {
            if self.slices[index].source == source && self.slices[index].generation != generation {
                self.lose_slice(index);
            }
        }
    }

    pub(crate) fn pod_seen(&mut self, from: &Source, facts: &PodFacts) {
        let (source, generation) = self.source(from);
        let index = self.find_pod(&facts.uid).unwrap_or_else(|| self.new_pod(facts.uid));
        let pod = &mut self.pods[index];
        (pod.source, pod.generation) = (source, generation);
        if pod.is_gone() {
            // A late repeat about an object that is gone: a UID is never used again.
            return;
        }
        let first = pod.facts.is_none();
        let waited = pod.waits_for_gate();
        let changed = pod.learn(facts);
        if waited && facts.gate == Gate::Passed {
            // Its endpoint follows: not ready meanwhile would take the weight away that the gate stands for.
            pod.set_passed(Some(self.now + ENDPOINT_FOLLOWS));
        }
        let moved = self.move_to(index, facts.ips);
        if !changed && !moved {
            return;
        }
        self.notice_marks(index);
        if first {
            self.place_seats(index);
        }
        self.touch_pod(index);
        self.follow_drain(index);
    }

    pub(crate) fn pod_gone(&mut self, uid: &Uid) {
        if let Some(index) = self.find_pod(uid).filter(|index| !self.pods[*index].is_gone()) {
            self.lose_pod(index);
        }
    }

    /// Drains a Pod without a deletion, or ends that.
    pub(crate) fn hold(&mut self, uid: Uid, until: Option<Time>) {
        let index = match self.find_pod(&uid) {
            Some(index) => index,
            None if until.is_some() => self.new_pod(uid),
            None => return,
        };
        self.pods[index].set_hold(until);
        self.touch_pod(index);
        self.forget_pod(index);
    }

    fn lose_pod(&mut self, index: Index) {
        self.pods[index].flags.set(PodFlag::Gone, true);
        self.unlist_ips(index);
        if planted!(self, IgnoresUid) {
            let ip = self.pods[index].ips[0];
            let others: Vec<Index> =
                self.pods.indices().filter(|other| self.pods[*other].ips[0] == ip).collect();
            for other in others {
                self.pods[other].flags.set(PodFlag::Gone, true);
                self.touch_pod(other);
            }
        }
        self.touch_pod(index);
        self.follow_drain(index);
        self.forget_pod(index);
    }

    /// Keeps the addresses of a Pod. Says whether they changed.
    fn move_to(&mut self, index: Index, ips: [Option<IpAddr>; 2]) -> bool {
        let old = self.pods[index].ips;
        if old.iter().zip(&ips).all(|(old, ip)| self.addresses.is(*old, *ip)) {
            return false;
        }
        self.unlist_ips(index);
        let new = ips.map(|ip| ip.map(|ip| self.addresses.hold(ip)));
        self.pods[index].ips = new;
        for (entry, ip) in entries(index, new) {
            let pods = &self.pods;
            self.pods_by_ip.insert(&ip, entry, |entry| pods[entry / 2].ip(entry).map_or(0, |ip| hash(&ip)));
        }
        for ip in old.into_iter().flatten() {
            self.addresses.release(ip);
        }
        true
    }

    /// The Pod is not to be found by its addresses any more.
    fn unlist_ips(&mut self, index: Index) {
        let ips = self.pods[index].ips;
        for (entry, ip) in entries(index, ips) {
            self.pods_by_ip.remove(&ip, entry);
        }
    }

    fn new_pod(&mut self, uid: Uid) -> Index {
        let index = self.pods.insert(Pod::nameless(uid));
        let pods = &self.pods;
        self.pods_by_uid.insert(&uid, index, |index| hash(&pods[index].uid));
        index
    }

    /// Drops the record of a Pod that nothing refers to any more.
    pub(crate) fn forget_pod(&mut self, index: Index) {
        let Some(pod) = self.pods.get(index) else { return };
        let known = pod.facts.is_some() && !pod.is_gone();
        let held = pod.hold().is_some() && !pod.is_gone();
        if !known && !held && pod.listed == 0 && pod.seats == NONE && pod.drain().is_none() {
            self.pods_by_uid.remove(&pod.uid.clone(), index);
            let ips = self.pods.remove(index).map_or([None; 2], |pod| pod.ips);
            for ip in ips.into_iter().flatten() {
                self.addresses.release(ip);
            }
        }
    }

    pub(crate) fn slice_seen(&mut self, from: &Source, facts: &SliceFacts) {
        let (source, generation) = self.source(from);
        let service = self.service_of(&facts.service);
        let found = self.find_slice(&facts.key);
        if let Some(index) = found.filter(|index| self.slices[*index].service != service) {
            // The label changed: the slice serves another Service now.
            self.lose_slice(index);
        }
        let index = self.find_slice(&facts.key).unwrap_or_else(|| self.new_slice(facts, service));
        let mut endpoints: Vec<Endpoint> = Vec::with_capacity(facts.endpoints.len());
        for endpoint in &facts.endpoints {
            let pod = self.find_pod(&endpoint.pod).unwrap_or_else(|| self.new_pod(endpoint.pod));
            endpoints.push(Endpoint {
                pod,
                ip: self.addresses.hold(endpoint.ip),
                serving: endpoint.serving,
                terminating: endpoint.terminating,
            });
        }
        endpoints.sort_unstable();
        endpoints.dedup_by(|one, other| {
            let same = one == other;
            if same {
                self.addresses.release(one.ip);
            }
            same
        });
        let slice = &mut self.slices[index];
        (slice.source, slice.generation) = (source, generation);
        let every_port = slice.ports != facts.ports;
        if every_port {
            slice.ports.clone_from(&facts.ports);
        }
        let old = mem::replace(&mut slice.endpoints, endpoints);
        self.count_listed(index, &old);
        self.reseat_changed(index, &old, every_port);
        self.release_endpoints(&old);
    }

    fn release_endpoints(&mut self, endpoints: &[Endpoint]) {
        for endpoint in endpoints {
            self.addresses.release(endpoint.ip);
        }
    }

    pub(crate) fn slice_gone(&mut self, key: &SliceKey) {
        if let Some(index) = self.find_slice(key) {
            self.lose_slice(index);
        }
    }

    fn lose_slice(&mut self, index: Index) {
        let old = mem::take(&mut self.slices[index].endpoints);
        let service = self.slices[index].service;
        self.services[service].slices.retain(|slice| *slice != index);
        self.slices_by_key.remove(&self.slices[index].key.clone(), index);
        self.slices.remove(index);
        for endpoint in &old {
            self.pods[endpoint.pod].listed -= 1;
        }
        for endpoint in &old {
            self.seat_pod(service, endpoint.pod);
            self.forget_pod(endpoint.pod);
        }
        self.release_endpoints(&old);
        self.forget_service(service);
    }

    fn new_slice(&mut self, facts: &SliceFacts, service: Index) -> Index {
        let index = self.slices.insert(Slice {
            key: facts.key.clone(),
            service,
            ports: Vec::new(),
            endpoints: Vec::new(),
            source: NO_SOURCE,
            generation: 0,
        });
        let slices = &self.slices;
        self.slices_by_key.insert(&facts.key, index, |index| hash(&slices[index].key));
        self.services[service].slices.push(index);
        index
    }

    pub(crate) fn service_of(&mut self, key: &ServiceKey) -> Index {
        if let Some(index) = self.find_service(key) {
            return index;
        }
        let index =
            self.services.insert(Service { key: key.clone(), slices: Vec::new(), routes: Vec::new() });
        let services = &self.services;
        self.services_by_key.insert(key, index, |index| hash(&services[index].key));
        index
    }

    pub(crate) fn forget_service(&mut self, index: Index) {
        if self.services[index].slices.is_empty() && self.services[index].routes.is_empty() {
            self.services_by_key.remove(&self.services[index].key.clone(), index);
            self.services.remove(index);
        }
    }

    fn count_listed(&mut self, slice: Index, old: &[Endpoint]) {
        for position in 0..self.slices[slice].endpoints.len() {
            let pod = self.slices[slice].endpoints[position].pod;
            self.pods[pod].listed += 1;
        }
        for endpoint in old {
            self.pods[endpoint.pod].listed -= 1;
        }
    }

    /// Seats anew the Pods whose endpoints differ from `old`.
    fn reseat_changed(&mut self, slice: Index, old: &[Endpoint], every_port: bool) {
        let service = self.slices[slice].service;
        let mut changed: Vec<Index> = Vec::new();
        let new = &self.slices[slice].endpoints;
        if every_port || old != new.as_slice() {
            let (mut a, mut b) = (0, 0);
            while a < old.len() || b < new.len() {
                let pod = match (old.get(a), new.get(b)) {
                    (Some(before), Some(after)) if before == after => {
                        (a, b) = (a + 1, b + 1);
                        if !every_port {
                            continue;
                        }
                        after.pod
                    }
                    (Some(before), Some(after)) if before < after => {
                        a += 1;
                        before.pod
                    }
                    (Some(before), None) => {
                        a += 1;
                        before.pod
                    }
                    (_, Some(after)) => {
                        b += 1;
                        after.pod
                    }
                    (None, None) => break,
                };
                if changed.last() != Some(&pod) {
                    changed.push(pod);
                }
            }
        }
        for pod in changed {
            if self.pods.get(pod).is_some() {
                self.seat_pod(service, pod);
                self.forget_pod(pod);
            }
        }
    }
}

/// The entries of a Pod in `State::pods_by_ip`.
pub(crate) fn entries(pod: Index, ips: [Option<Ip>; 2]) -> impl Iterator<Item = (Index, Ip)> {
    ips.into_iter().zip(pod * 2..).filter_map(|(ip, entry)| Some((entry, ip?)))
}

/// Stands for every source after the first 65,535: what is missing from their lists goes unnoticed, so nothing is lost
/// by it.
pub(crate) const NO_SOURCE: u16 = u16::MAX;
