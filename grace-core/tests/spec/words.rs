//! The words of the tests: what happens to Pods and routes, and which writes are expected.

use std::fmt;
use std::time::Duration;

use grace_core::{DrainOn, Life, Resolution, RouteEnd, RouteFacts, TargetId, Time};

use crate::world::{Pod, World, address, lane, pool};

/// Something that happens in the cluster.
pub(crate) struct Fact(Box<Happens>);

type Happens = dyn FnOnce(&mut World, Time);

impl Fact {
    /// A fact from what it does to the cluster.
    pub(crate) fn new(happens: impl FnOnce(&mut World, Time) + 'static) -> Self {
        Self(Box::new(happens))
    }

    /// Lets it happen.
    pub(crate) fn happen(self, world: &mut World, now: Time) {
        (self.0)(world, now);
    }

    /// The same with another grace period.
    pub(crate) fn shortened(self, name: String, grace: Duration) -> Self {
        Self::new(move |world, now| {
            self.happen(world, now);
            world.pod(&name).facts.life = Life::Terminating { asked: now, kill: now + grace };
        })
    }

    /// The same with something changed on that Pod.
    pub(crate) fn with(self, name: &'static str, change: impl FnOnce(&mut Pod) + 'static) -> Self {
        Self::new(move |world, now| {
            self.happen(world, now);
            change(world.pod(name));
        })
    }
}

/// One fact or several.
pub(crate) trait Facts {
    /// All of them, in order.
    fn all(self) -> Vec<Fact>;
}

impl Facts for Fact {
    fn all(self) -> Vec<Fact> {
        vec![self]
    }
}

impl<const N: usize> Facts for [Fact; N] {
    fn all(self) -> Vec<Fact> {
        self.into()
    }
}

impl Facts for Vec<Fact> {
    fn all(self) -> Vec<Fact> {
        self
    }
}

/// Any change of a Pod.
pub(crate) fn pod(name: impl Into<String>, change: impl FnOnce(&mut Pod, Time) + 'static) -> Fact {
    let name = name.into();
    Fact::new(move |world, now| change(world.pod(&name), now))
}

/// The Pod lives and is ready.
pub(crate) fn serving(name: impl Into<String>) -> Fact {
    pod(name, |pod, now| {
        pod.facts.life = Life::Live;
        pod.facts.ready_since = Some(now);
        pod.facts.unready_since = None;
        pod.serving = true;
    })
}

/// The Pod lives and is not ready, or not yet.
pub(crate) fn unready(name: impl Into<String>) -> Fact {
    pod(name, |pod, now| {
        pod.facts.life = Life::Live;
        pod.facts.ready_since = None;
        pod.facts.unready_since = Some(now);
        pod.serving = false;
    })
}

/// Its deletion was asked for just now; it still serves.
pub(crate) fn terminating(name: impl Into<String>) -> Fact {
    pod(name, |pod, now| {
        pod.facts.life = Life::Terminating { asked: now, kill: now + pod.facts.stop.grace };
    })
}

/// Nothing of it runs any more, its object stays.
pub(crate) fn over(name: impl Into<String>) -> Fact {
    pod(name, |pod, _| {
        pod.facts.life = Life::Over;
        pod.serving = false;
    })
}

/// Its object is gone.
pub(crate) fn gone(name: impl Into<String>) -> Fact {
    let name = name.into();
    Fact::new(move |world, _| {
        world.pods.remove(&name);
    })
}

/// It lives on, in no slice of its Service.
pub(crate) fn deselected(name: impl Into<String>) -> Fact {
    pod(name, |pod, _| pod.slices.clear())
}

/// It is in its Service's slice (again).
pub(crate) fn selected(name: impl Into<String>) -> Fact {
    pod(name, |pod, _| {
        pod.slices.insert("a".to_owned());
    })
}

/// Any change of a route.
pub(crate) fn route(name: impl Into<String>, change: impl FnOnce(&mut RouteFacts) + 'static) -> Fact {
    let name = name.into();
    Fact::new(move |world, _| change(world.route(&name)))
}

/// The route drains on that.
pub(crate) fn drains(name: impl Into<String>, on: DrainOn) -> Fact {
    route(name, move |route| route.policy.drain = on)
}

/// The route hangs on these listeners, written `lb-1/lbl-1`.
pub(crate) fn bound<const N: usize>(name: impl Into<String>, pools: [&'static str; N]) -> Fact {
    let name = name.into();
    Fact::new(move |world, _| {
        let known = pools.map(place).to_vec();
        for (lane, _) in &known {
            world.lane(&lane.to_string());
        }
        world.route(&name).pools = Resolution::Known(known);
    })
}

/// The route ends.
pub(crate) fn ended(name: impl Into<String>, end: RouteEnd) -> Fact {
    let name = name.into();
    Fact::new(move |world, _| {
        if let Some(route) = world.routes.remove(&name) {
            world.ended.insert(name, (route.key, end));
        }
    })
}

/// The Service's Pods are reached at another port: its slice says so.
pub(crate) fn port_changed(service: &'static str, number: u16) -> Fact {
    Fact::new(move |world, _| {
        for ports in world.services.entry(service.to_owned()).or_default().slices.values_mut() {
            for (_, port) in ports {
                *port = number;
            }
        }
    })
}

/// `lb-1/lbl-1` or `lbtg-1/group` as lane and pool.
pub(crate) fn place(text: &str) -> (grace_core::LaneId, grace_core::Pool) {
    let (lb, listener) = text.split_once('/').expect("a place is lane/listener");
    (lane(lb), pool(listener))
}

/// A target by its place and the Pod's nickname or address.
pub(crate) fn target_on(place_text: &str, name: &str) -> TargetId {
    let (lane, pool) = place(place_text);
    TargetId { lane, pool, address: address(name) }
}

/// A target of the first listener of the first load balancer.
pub(crate) fn target(name: &str) -> TargetId {
    target_on("lb-1/lbl-1", name)
}

/// A change of one target, as a test expects it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Does {
    Weight(u8),
    Register(u8),
    Deregister,
}

/// One expected write.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Write {
    pub(crate) target: TargetId,
    pub(crate) does: Does,
}

impl fmt::Debug for Write {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} {}", self.does, self.target)
    }
}

impl Write {
    /// The same on another listener, written `lb-1/lbl-2`.
    pub(crate) fn on(mut self, place_text: &str) -> Self {
        (self.target.lane, self.target.pool) = place(place_text);
        self
    }
}

/// The target gets this weight.
pub(crate) fn weight(name: &str, value: u8) -> Write {
    Write { target: target(name), does: Does::Weight(value) }
}

/// The target is registered with this weight.
pub(crate) fn register(name: &str, value: u8) -> Write {
    Write { target: target(name), does: Does::Register(value) }
}

/// The target is deregistered.
pub(crate) fn deregister(name: &str) -> Write {
    Write { target: target(name), does: Does::Deregister }
}

/// Milliseconds.
pub(crate) const fn millis(n: u64) -> Duration {
    Duration::from_millis(n)
}

/// Seconds.
pub(crate) const fn seconds(n: u64) -> Duration {
    Duration::from_secs(n)
}

/// Minutes.
pub(crate) const fn minutes(n: u64) -> Duration {
    Duration::from_secs(n * 60)
}
