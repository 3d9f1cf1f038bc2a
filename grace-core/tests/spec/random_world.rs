//! A world of a few Pods in which anything may happen, and what must stand there when it rests.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

use grace_core::DrainOn::{Nothing, Termination, TerminationAndUnready};
use grace_core::{
    Address, Config, DrainOn, Event, Gate, LaneId, Life, Pool, Resolution, RouteFacts, TargetId,
};
use proptest::prelude::*;

use crate::call::Verb;
use crate::fault::Fault;
use crate::harness::Harness;
use crate::oracle::{Want, holder, names, serving_at, want};
use crate::view::View;
use crate::words::*;
use crate::world::{ip, lane, pool, w};

/// Something that happens to one of a few Pods, to a watch, to the process or by another hand.
#[derive(Clone, Debug)]
pub(crate) enum Step {
    /// A Pod is created in this slot, at one of a few addresses that are used again and again, or at a fresh one.
    Create {
        slot: usize,
        address: Option<usize>,
    },
    Serve(usize),
    Unready(usize),
    WaitForGate(usize, bool),
    Terminate(usize),
    Over(usize),
    Gone(usize),
    Deselect(usize),
    Select(usize),
    Weight(usize, u8),
    Switch(bool, DrainOn),
    Overwrite(usize, u8),
    Remove(usize),
    Relist,
    Restart,
    Regrant,
    /// News pile up until this many more steps were taken, and then come slices first.
    Delay,
    Deliver,
    Wait(u64),
    Nudge,
}

pub(crate) const SLOTS: usize = 6;

/// So many cases, or as many as `PROPTEST_CASES` asks for.
pub(crate) fn cases(usual: u32) -> ProptestConfig {
    let config = ProptestConfig { max_shrink_iters: 2_000, ..ProptestConfig::default() };
    if std::env::var_os("PROPTEST_CASES").is_some() {
        config
    } else {
        ProptestConfig { cases: usual, ..config }
    }
}

pub(crate) fn step() -> impl Strategy<Value = Step> {
    let slot = 0..SLOTS;
    prop_oneof![
        8 => (slot.clone(), prop::option::of(0..SLOTS)).prop_map(|(slot, address)| Step::Create { slot, address }),
        8 => slot.clone().prop_map(Step::Serve),
        4 => slot.clone().prop_map(Step::Unready),
        1 => (slot.clone(), any::<bool>()).prop_map(|(slot, only)| Step::WaitForGate(slot, only)),
        6 => slot.clone().prop_map(Step::Terminate),
        1 => slot.clone().prop_map(Step::Over),
        5 => slot.clone().prop_map(Step::Gone),
        2 => slot.clone().prop_map(Step::Deselect),
        2 => slot.clone().prop_map(Step::Select),
        1 => (slot.clone(), 0_u8..=100).prop_map(|(slot, weight)| Step::Weight(slot, weight)),
        1 => (any::<bool>(), drain()).prop_map(|(api, drain)| Step::Switch(api, drain)),
        1 => (slot.clone(), 0_u8..=100).prop_map(|(slot, weight)| Step::Overwrite(slot, weight)),
        1 => slot.prop_map(Step::Remove),
        2 => Just(Step::Relist),
        1 => Just(Step::Restart),
        1 => Just(Step::Regrant),
        3 => Just(Step::Delay),
        3 => Just(Step::Deliver),
        8 => prop_oneof![0_u64..40, 40_u64..2_000, 2_000_u64..40_000].prop_map(Step::Wait),
        1 => Just(Step::Nudge),
    ]
}

pub(crate) fn drain() -> impl Strategy<Value = DrainOn> {
    prop_oneof![1 => Just(Nothing), 3 => Just(Termination), 3 => Just(TerminationAndUnready)]
}

pub(crate) fn fault() -> impl Strategy<Value = Option<Fault>> {
    let some = prop_oneof![
        3 => Just(Fault::Busy),
        1 => Just(Fault::Throttled),
        2 => Just(Fault::Unreachable),
        1 => Just(Fault::Forbidden),
        2 => Just(Fault::TaskFailed),
        1 => Just(Fault::Partial(vec![pool("lbl-1")])),
        2 => Just(Fault::LostBefore),
        2 => Just(Fault::LostAfter),
        1 => (1_u64..200).prop_map(|late| Fault::LostThenLate(seconds(late))),
        2 => Just(Fault::UnclearBefore),
        2 => Just(Fault::UnclearAfter),
        1 => Just(Fault::AnsweredTooLate),
    ];
    prop_oneof![2 => Just(None), 1 => some.prop_map(Some)]
}

/// A world that is driven by steps.
pub(crate) struct Run {
    pub(crate) t: Harness,
    /// Nickname of the Pod in each slot, and how many there were.
    pub(crate) slots: [(Option<String>, usize); SLOTS],
    pub(crate) delayed: bool,
    pub(crate) queue: Vec<Event>,
    /// Whether effects may come after everybody gave them up.
    pub(crate) late: bool,
}

impl Run {
    pub(crate) fn new(web: DrainOn, api: DrainOn) -> Self {
        Self::configured(Config::default(), web, api)
    }

    pub(crate) fn configured(config: Config, web: DrainOn, api: DrainOn) -> Self {
        let t = Harness::configured(
            config,
            [
                drains("web", web),
                bound("web", ["lb-1/lbl-1", "lb-2/lbl-1"]),
                drains("api", api),
                bound("api", ["lb-1/lbl-2"]),
            ],
        );
        Self { t, slots: std::array::from_fn(|_| (None, 0)), delayed: false, queue: Vec::new(), late: false }
    }

    pub(crate) fn name(&self, slot: usize) -> Option<String> {
        self.slots[slot].0.clone()
    }

    /// Tells what is new, or lets it pile up.
    fn news(&mut self) {
        let news = self.t.world.news();
        self.queue.extend(news);
        if !self.delayed {
            self.deliver(false);
        }
    }

    /// Delivers the queue; slices may overtake Pods, each stream keeps its own order.
    fn deliver(&mut self, slices_first: bool) {
        let mut queue = std::mem::take(&mut self.queue);
        if slices_first {
            queue.sort_by_key(|event| !matches!(event, Event::Slice { .. } | Event::SliceGone { .. }));
        }
        for event in queue {
            self.t.send(&event);
        }
    }

    /// Something changes on a Pod that exists.
    fn on(&mut self, slot: usize, change: impl FnOnce(String) -> Fact) {
        if let Some(name) = self.name(slot) {
            self.t.unseen(change(name));
            self.news();
        }
    }

    fn is_live(&self, slot: usize) -> bool {
        let pod = self.name(slot).and_then(|name| self.t.world.pods.get(&name));
        pod.is_some_and(|pod| pod.facts.life == Life::Live)
    }

    /// Takes these steps without the restarts: a log is that of one process.
    pub(crate) fn of_one_process(&mut self, steps: &[Step], faults: Vec<Option<Fault>>) {
        self.t.model.storm = faults.into();
        for step in steps.iter().filter(|step| !matches!(step, Step::Restart)) {
            self.take(step);
        }
    }

    pub(crate) fn take(&mut self, step: &Step) {
        match *step {
            Step::Create { slot, address } => {
                if self.name(slot).is_some() {
                    return;
                }
                let service = if slot < 4 { "web" } else { "api" };
                self.slots[slot].1 += 1;
                let number = slot + 1 + 10 * self.slots[slot].1;
                let name = format!("{service}-{number}");
                self.slots[slot].0 = Some(name.clone());
                self.t.unseen(pod(name, move |pod, _| {
                    if let Some(address) = address {
                        pod.facts.ips = [Some(ip(&format!("web-{}", address + 1))), None];
                    }
                }));
                self.news();
            }
            Step::Serve(slot) => self.on(slot, |name| pod(name, |pod, _| pod.serving = true)),
            Step::Unready(slot) => self.on(slot, |name| pod(name, |pod, _| pod.serving = false)),
            Step::WaitForGate(slot, only) => {
                self.on(slot, |name| pod(name, move |pod, _| pod.facts.gate = Gate::Waiting { only }));
            }
            Step::Terminate(slot) if self.is_live(slot) => self.on(slot, terminating),
            Step::Terminate(_) => {}
            Step::Over(slot) => self.on(slot, over),
            Step::Gone(slot) => {
                self.on(slot, gone);
                self.slots[slot].0 = None;
            }
            Step::Deselect(slot) if self.is_live(slot) => self.on(slot, deselected),
            Step::Deselect(_) => {}
            Step::Select(slot) => self.on(slot, selected),
            Step::Weight(slot, weight) => {
                self.on(slot, |name| pod(name, move |pod, _| pod.facts.weight_service = Some(w(weight))));
            }
            Step::Switch(api, drain) => {
                self.t.unseen(drains(if api { "api" } else { "web" }, drain));
                self.news();
            }
            Step::Overwrite(n, weight) => self.by_hand(n, Some(weight)),
            Step::Remove(n) => self.by_hand(n, None),
            Step::Relist => {
                self.deliver(false);
                let mut events = self.t.world.news();
                events.extend(self.t.world.relist());
                for event in events {
                    self.t.send(&event);
                }
            }
            Step::Restart => {
                self.queue.clear();
                self.t.restart();
            }
            Step::Regrant => {
                for lane in self.t.lanes() {
                    self.t.send(&Event::Revoked(lane.clone()));
                    self.t.send(&Event::Granted(lane));
                }
            }
            Step::Delay => self.delayed = true,
            Step::Deliver => {
                self.delayed = false;
                self.deliver(true);
            }
            Step::Wait(span) => self.t.wait(Duration::from_millis(span)),
            Step::Nudge => self.t.nudge(),
        }
    }

    /// Somebody changes a target that stands there.
    fn by_hand(&mut self, n: usize, weight: Option<u8>) {
        let lane = lane("lb-1");
        let targets: Vec<_> = self.t.model.balancers[&lane].targets.keys().cloned().collect();
        if !targets.is_empty() {
            let (pool, address) = targets[n % targets.len()].clone();
            self.t.by_hand_on(&TargetId { lane, pool, address }, weight);
        }
    }

    /// Faults end, all news arrive, time passes; then the world must be as wanted, and silent.
    pub(crate) fn rests(&mut self) -> Result<(), TestCaseError> {
        self.delayed = false;
        self.deliver(false);
        self.t.model.forget_faults();
        self.t.wait(minutes(15));
        self.as_wanted()?;
        self.t.forget();
        self.t.wait(minutes(3) + seconds(10));
        prop_assert!(self.t.writes().is_empty(), "L2: writes at rest: {:?}", self.t.writes());
        prop_assert_eq!(self.t.count(Verb::Claim), 0, "L2: claims at rest");
        for lane in self.t.lanes() {
            let reads = self.t.left.iter().filter(|left| left.action.command.lane() == Some(&lane)).count();
            prop_assert!((3..=4).contains(&reads), "{} reads of {} in three resyncs", reads, lane);
        }
        Ok(())
    }

    /// Whether it is weight 0 at the address of a terminating Pod.
    pub(crate) fn zero_for_terminating(&self, write: &Write) -> bool {
        let dies = |pod: &grace_core::PodFacts| {
            matches!(pod.life, Life::Terminating { .. }) && pod.ips.contains(&Some(write.target.address.ip))
        };
        write.does == Does::Weight(0) && self.t.view.pods.values().any(dies)
    }

    fn as_wanted(&self) -> Result<(), TestCaseError> {
        let view = &self.t.view;
        for (lane, balancer) in &self.t.model.balancers {
            let mut all: BTreeSet<_> = balancer.targets.keys().cloned().collect();
            for route in view.routes.values() {
                for (of, pool) in pools(route) {
                    let endpoints = view.slices.values().flat_map(|slice| &slice.endpoints);
                    let port = crate::world::port(8080);
                    let addresses = endpoints.map(|e| Address { ip: e.ip, port });
                    all.extend(addresses.filter(|_| of == *lane).map(|address| (pool.clone(), address)));
                }
            }
            for (pool, address) in all {
                let target = TargetId { lane: lane.clone(), pool: pool.clone(), address };
                let found = self.t.model.weight(&target).map(grace_core::Weight::get);
                let mut allowed = allowed(view, &target);
                // A registration that landed after its claim was dropped is nobody's (failure-model.md 3.3-i).
                if self.late && !self.t.model.is_claimed(&target) && allowed == [None] {
                    allowed.push(found);
                }
                prop_assert!(
                    allowed.contains(&found),
                    "L1: {target} stands at {found:?}, allowed are {allowed:?}; holder {:?}",
                    view.routes.values().find_map(|route| names(route, lane, &pool)
                        .then(|| holder(view, route, address))
                        .flatten())
                );
                prop_assert!(
                    found.is_none() || self.late || self.t.model.is_claimed(&target),
                    "{target} stands there without a claim"
                );
            }
        }
        Ok(())
    }
}

fn pools(route: &RouteFacts) -> Vec<(LaneId, Pool)> {
    match &route.pools {
        Resolution::Pending => Vec::new(),
        Resolution::Known(pools) => pools.clone(),
    }
}

/// What may stand at a target at rest. More than one answer only where history decides, which the oracle does not know.
fn allowed(view: &View, target: &TargetId) -> Vec<Option<u8>> {
    let Some(route) = view.routes.values().find(|route| names(route, &target.lane, &target.pool)) else {
        return vec![None];
    };
    let Some(pod) = holder(view, route, target.address) else {
        // A terminating Pod that no slice names any more may still stand there, at 0.
        let left = view.pods.values().any(|pod| {
            matches!(pod.life, Life::Terminating { .. }) && pod.ips.contains(&Some(target.address.ip))
        });
        return if left { vec![None, Some(0)] } else { vec![None] };
    };
    let serving = serving_at(view, route, pod, target.address).expect("it holds the target");
    let answers = [true, false].map(|admitted| want(route, pod, serving, admitted));
    let mut allowed: Vec<_> = answers
        .into_iter()
        .flat_map(|want| match want {
            Want::Present(weight) => vec![Some(weight.get())],
            Want::Keep(weight) => vec![Some(weight.get()), None],
            Want::Absent => vec![None],
        })
        .collect();
    if matches!(pod.life, Life::Terminating { .. }) && route.policy.drain == Nothing {
        // The switch may have been removed in mid-drain.
        allowed.push(Some(0));
    }
    allowed
}

/// Another order of the same events that keeps the order of each object's own.
pub(crate) fn interleaved(events: Vec<Event>, mut order: u64) -> Vec<Event> {
    let mut objects: BTreeMap<String, VecDeque<Event>> = BTreeMap::new();
    for event in events {
        objects.entry(object(&event)).or_default().push_back(event);
    }
    let mut shuffled = Vec::new();
    while !objects.is_empty() {
        // Knuth's linear congruential generator; the upper half is random enough to pick a queue.
        order = order.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let pick = usize::try_from(order >> 33).expect("31 bits") % objects.len();
        let key = objects.keys().nth(pick).expect("within").clone();
        let queue = objects.get_mut(&key).expect("it exists");
        shuffled.extend(queue.pop_front());
        if queue.is_empty() {
            objects.remove(&key);
        }
    }
    shuffled
}

fn object(event: &Event) -> String {
    if let Event::Pod { pod, .. } = event {
        return format!("pod {}", pod.uid);
    }
    if let Event::PodGone { uid, .. } = event {
        return format!("pod {uid}");
    }
    if let Event::Slice { slice, .. } = event {
        return format!("slice {}", slice.key);
    }
    if let Event::Route(route) = event {
        return format!("route {}", route.key);
    }
    format!("{event:?}")
}
