//! Which Pod sits on which target: slices of a Service joined with the pools of its routes.

use alloc::vec::Vec;
use core::net::IpAddr;
use core::num::NonZeroU16;

use crate::ip::Ip;
use crate::pool::Family;
use crate::record::{Binding, Phase, Seat, Seeing};
use crate::route::RouteEnd;
use crate::slab::{Index, NONE};
use crate::state::State;
use crate::target::Address;
use crate::time::Time;
use crate::tracked_pod::Stage;
use crate::tracked_target::Flag;

impl State {
    /// Brings the seats of one Pod behind one Service in line with the slices of that Service.
    pub(crate) fn seat_pod(&mut self, service: Index, pod: Index) {
        for position in 0..self.services[service].routes.len() {
            let route = self.services[service].routes[position];
            for position in 0..self.routes[route].bindings.len() {
                let binding = self.routes[route].bindings[position];
                self.seat_pod_at(binding, pod);
            }
        }
    }

    /// Brings the seats of every Pod that the Service names in line, for one binding.
    pub(crate) fn seat_all(&mut self, binding: Index) {
        let service = self.routes[self.bindings[binding].route].service;
        let mut pods: Vec<Index> = Vec::new();
        for slice in &self.services[service].slices {
            pods.extend(self.slices[*slice].endpoints.iter().map(|endpoint| endpoint.pod));
        }
        // Those that sit there already may be named no more.
        for target in &self.pools[self.bindings[binding].pool].targets {
            let mut seat = self.targets[*target].seats;
            while seat != NONE {
                if self.seats[seat].binding == binding {
                    pods.push(self.seats[seat].pod);
                }
                seat = self.seats[seat].next_of_target;
            }
        }
        pods.sort_unstable();
        pods.dedup();
        for pod in pods {
            self.seat_pod_at(binding, pod);
        }
    }

    fn seat_pod_at(&mut self, binding: Index, pod: Index) {
        let Binding { pool, phase, .. } = self.bindings[binding];
        if phase == Phase::Ended(RouteEnd::Released) {
            // Which target was the Pod's own at that moment decides over its end.
            return;
        }
        let active = phase == Phase::Active;
        let mut seat = self.pods[pod].seats;
        while seat != NONE {
            let next = self.seats[seat].next_of_pod;
            if self.seats[seat].binding == binding {
                let target = &self.targets[self.seats[seat].target];
                let (ip, port) = (target.ip, target.port);
                let listed = if active { self.listing(binding, pod, ip, port) } else { None };
                self.update_seat(seat, listed);
            }
            seat = next;
        }
        if !active || self.pods[pod].is_gone() {
            return;
        }
        let service = self.routes[self.bindings[binding].route].service;
        for position in 0..self.services[service].slices.len() {
            let slice = self.services[service].slices[position];
            let Some(port) = self.port_in(binding, slice) else { continue };
            let first = self.slices[slice].endpoints.partition_point(|endpoint| endpoint.pod < pod);
            for position in first..self.slices[slice].endpoints.len() {
                let endpoint = self.slices[slice].endpoints[position];
                if endpoint.pod != pod {
                    break;
                }
                let address = Address { ip: self.addresses.get(endpoint.ip), port };
                if self.takes(pool, address.ip) && !self.has_seat(binding, pod, pool, address) {
                    let listed = self.listing(binding, pod, endpoint.ip, port);
                    self.new_seat(binding, pod, pool, address, listed);
                }
            }
        }
    }

    /// The container port that the route's port has in this slice.
    fn port_in(&self, binding: Index, slice: Index) -> Option<NonZeroU16> {
        let wanted = &self.routes[self.bindings[binding].route].facts.port;
        self.slices[slice].ports.iter().find(|(name, _)| name == wanted).map(|(_, port)| *port)
    }

    /// Whether a slice names the Pod at this address, and if so whether it serves. A Pod that is being moved between
    /// slices stands in two of them for a moment: it serves unless one of them says otherwise.
    fn listing(&self, binding: Index, pod: Index, ip: Ip, port: NonZeroU16) -> Option<bool> {
        let family = self.lanes[self.pools[self.bindings[binding].pool].lane as usize].family;
        if family.is_some_and(|family| ip.is_ipv4() != (family == Family::V4)) {
            return None;
        }
        let service = self.routes[self.bindings[binding].route].service;
        let mut listed = None;
        for slice in &self.services[service].slices {
            if self.port_in(binding, *slice) != Some(port) {
                continue;
            }
            let endpoints = &self.slices[*slice].endpoints;
            let first = endpoints.partition_point(|endpoint| endpoint.pod < pod);
            for endpoint in endpoints[first..].iter().take_while(|endpoint| endpoint.pod == pod) {
                if endpoint.ip == ip {
                    listed = Some(listed.unwrap_or(true) && endpoint.serving);
                }
            }
        }
        listed
    }

    /// Whether an address can be registered in a pool.
    fn takes(&self, pool: Index, ip: IpAddr) -> bool {
        let family = self.lanes[self.pools[pool].lane as usize].family;
        may_be_registered(ip) && family.is_none_or(|family| family == Family::of(ip))
    }

    /// Seats everybody anew on a lane: which family of addresses it takes is known now, or changed.
    pub(crate) fn seat_lane(&mut self, lane: Index) {
        let pools: Vec<Index> = self.lanes[lane as usize].pools.values().copied().collect();
        for pool in pools {
            for binding in self.pools[pool].bindings.clone() {
                self.seat_all(binding);
            }
        }
    }

    fn has_seat(&self, binding: Index, pod: Index, pool: Index, address: Address) -> bool {
        let Some(target) = self.find_target(pool, address) else { return false };
        self.seats_of(target).any(|seat| self.seats[seat].pod == pod && self.seats[seat].binding == binding)
    }

    /// Seats on a target.
    pub(crate) fn seats_of(&self, target: Index) -> impl Iterator<Item = Index> + '_ {
        let mut next = self.targets[target].seats;
        core::iter::from_fn(move || {
            let seat = next;
            next = self.seats.get(seat)?.next_of_target;
            Some(seat)
        })
    }

    /// Seats of a Pod.
    pub(crate) fn seats_of_pod(&self, pod: Index) -> impl Iterator<Item = Index> + '_ {
        let mut next = self.pods[pod].seats;
        core::iter::from_fn(move || {
            let seat = next;
            next = self.seats.get(seat)?.next_of_pod;
            Some(seat)
        })
    }

    fn update_seat(&mut self, seat: Index, listed: Option<bool>) {
        let now = self.now;
        let record = &mut self.seats[seat];
        let changed = match listed {
            Some(serving) => {
                let turned = record.serving != serving;
                let changed = !record.listed || turned;
                record.serving = serving;
                record.set_listed(true, now);
                if turned {
                    record.turned(serving, now);
                }
                let pod = record.pod;
                if turned && serving {
                    self.pods[pod].set_passed(None);
                }
                changed
            }
            None => {
                let changed = record.listed;
                if changed {
                    record.set_listed(false, now);
                }
                changed
            }
        };
        if changed {
            let record = &self.seats[seat];
            let (pod, target) = (record.pod, record.target);
            self.touch(target);
            // Where the port changed, the old target waits for what becomes of its successor.
            if listed.is_some() {
                self.touch_pod(pod);
            }
        }
    }

    pub(crate) fn new_seat(
        &mut self,
        binding: Index,
        pod: Index,
        pool: Index,
        address: Address,
        listed: Option<bool>,
    ) -> Index {
        let target = self.target_of(pool, address);
        let elsewhere = self.is_elsewhere(pod, binding);
        let mut record = Seat {
            pod,
            target,
            binding,
            next_of_pod: self.pods[pod].seats,
            next_of_target: self.targets[target].seats,
            listed: false,
            serving: listed.unwrap_or(false),
            admitted: false,
            elsewhere,
            unsteady: None,
        };
        record.set_listed(listed.is_some(), self.now);
        let seat = self.seats.insert(record);
        self.pods[pod].seats = seat;
        self.targets[target].seats = seat;
        // What was told of its health was told of another Pod.
        self.targets[target].flags.set(Flag::Sound, false);
        self.touch(target);
        self.touch_pod(pod);
        seat
    }

    /// Whether a Pod lives in another namespace than the Service of a binding.
    fn is_elsewhere(&self, pod: Index, binding: Index) -> bool {
        let namespace = &self.routes[self.bindings[binding].route].facts.service.namespace;
        self.pods[pod].facts.as_ref().is_some_and(|facts| !facts.is_in_namespace(namespace))
    }

    /// The name of a Pod came after slices had seated it.
    pub(crate) fn place_seats(&mut self, pod: Index) {
        let mut seat = self.pods[pod].seats;
        while seat != NONE {
            self.seats[seat].elsewhere = self.is_elsewhere(pod, self.seats[seat].binding);
            seat = self.seats[seat].next_of_pod;
        }
    }

    /// Takes a Pod off a target.
    pub(crate) fn remove_seat(&mut self, seat: Index) {
        let Some(record) = self.seats.remove(seat) else { return };
        if self.targets[record.target].seats == seat {
            self.targets[record.target].seats = record.next_of_target;
        } else {
            let before = self.seats_of(record.target).find(|other| self.seats[*other].next_of_target == seat);
            if let Some(before) = before {
                self.seats[before].next_of_target = record.next_of_target;
            }
        }
        if self.pods[record.pod].seats == seat {
            self.pods[record.pod].seats = record.next_of_pod;
        } else {
            let before = self.seats_of_pod(record.pod).find(|other| self.seats[*other].next_of_pod == seat);
            if let Some(before) = before {
                self.seats[before].next_of_pod = record.next_of_pod;
            }
        }
        self.follow_drain(record.pod);
        self.forget_pod(record.pod);
    }

    /// A claimed target that no slice speaks of: if a Pod that is not over lives at its address, that Pod left the
    /// Service while nobody watched, and sits there unlisted.
    pub(crate) fn seat_whoever_lives_there(&mut self, target: Index) {
        let (pool, ip) = (self.targets[target].pool, self.targets[target].ip);
        let holder = self.pools[pool]
            .bindings
            .iter()
            .copied()
            .find(|binding| self.bindings[*binding].phase == Phase::Active);
        let Some(binding) = holder else { return };
        // Pods on the host network share the address of their node.
        let lives = |entry: &Index| {
            let pod = &self.pods[entry / 2];
            pod.ip(*entry) == Some(ip) && matches!(pod.stage(), Some(Stage::Live | Stage::Terminating))
        };
        let precedence = |entry: &Index| {
            let pod = &self.pods[entry / 2];
            let created = pod.facts.as_ref().map_or(Time::EPOCH, |known| known.plain.created);
            (pod.stage() != Some(Stage::Live), created, pod.uid)
        };
        if let Some(entry) = self.pods_by_ip.all(&ip).filter(lives).min_by_key(precedence) {
            self.new_seat(binding, entry / 2, pool, self.address_of(target), None);
        }
    }

    /// Drops the record of a target that nothing refers to any more.
    pub(crate) fn forget_target(&mut self, index: Index) {
        let target = &self.targets[index];
        let idle = target.seats == NONE
            && target.claim == crate::record::Claim::None
            && target.flying().is_none()
            && !target.flags.has(Flag::Queued)
            && !target.flags.has(Flag::Claiming)
            && !target.flags.has(Flag::Touched)
            && !matches!(target.seen, Seeing::Registered(_));
        if !idle {
            return;
        }
        let (pool, ip, port) = (target.pool, target.ip, target.port);
        self.set_target_timer(index, None);
        self.pools[pool].targets.retain(|other| *other != index);
        self.targets_by_id.remove(&(pool, ip, port), index);
        self.addresses.release(ip);
        self.targets.remove(index);
        self.forget_bindings(pool);
    }
}

/// Addresses that are never a Pod's: loopback, link-local (the metadata service among them), multicast, unspecified.
fn may_be_registered(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => {
            !(ip.is_loopback()
                || ip.is_link_local()
                || ip.is_multicast()
                || ip.is_unspecified()
                || ip.is_broadcast())
        }
        IpAddr::V6(ip) => {
            !(ip.is_loopback() || ip.is_unicast_link_local() || ip.is_multicast() || ip.is_unspecified())
        }
    }
}
