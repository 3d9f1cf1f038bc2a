//! A machine, its cluster and its load balancer, in virtual time. The only code that touches the machine.

use std::collections::BTreeMap;
use std::time::Duration;

use grace_core::{
    Action, ActionId, Command, Config, DrainOn, Event, Failure, LaneId, Life, Machine, Mark, Notice, Success,
    TargetId, Time, Uid, Weight,
};

use crate::call::Verb;
use crate::contract::Contract;
use crate::fault::Fault;
use crate::model::Model;
use crate::oracle::routes_on;
use crate::ready_targets::ready_targets;
use crate::view::View;
use crate::words::{Facts, bound, drains, target};
use crate::world::{START, World};

/// An action that left, and when.
#[derive(Clone)]
pub(crate) struct Left {
    pub(crate) at: Time,
    pub(crate) action: Action,
}

/// Given, when, expect.
#[derive(Clone, Debug)]
pub(crate) struct Harness {
    machine: Machine,
    config: Config,
    pub(crate) now: Time,
    pub(crate) world: World,
    pub(crate) model: Model,
    /// What the machine was told so far.
    pub(crate) view: View,
    contract: Contract,
    /// Calls without an answer, to know what an answer is about.
    open: BTreeMap<ActionId, Action>,
    /// Everything that left since the last expectation.
    pub(crate) left: Vec<Left>,
    /// Everything that was told since the last expectation.
    pub(crate) notices: Vec<Notice>,
    /// Every action and every event since the machine was created, for replays.
    pub(crate) all: Vec<Left>,
    pub(crate) events: Vec<(Time, Event)>,
    /// Every call of the contract since the machine was created, as an event log records it.
    #[cfg(feature = "serde")]
    pub(crate) log: Vec<grace_core::log::Entry>,
    /// Actions are kept back while they are answered by the test itself.
    scripted: bool,
    /// The machine dies at that action, in that way.
    crash: Option<(usize, Crash)>,
    /// Whether it died.
    pub(crate) crashed: bool,
}

/// How a process dies at an action.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Crash {
    /// The call never left.
    BeforeSend,
    /// It had its effect, the process died at once.
    AfterEffect,
    /// It was sent; the process dies before the answer, the effect comes by itself.
    BeforeAnswer,
}

impl Harness {
    /// One Service `web` behind `lb-1/lbl-1`; everything listed, the lane granted, read and its claims loaded.
    pub(crate) fn new(drain: DrainOn) -> Self {
        Self::of([drains("web", drain), bound("web", ["lb-1/lbl-1"])])
    }

    /// Forgets everything that is kept for replays and expectations, so that a run may be as long as it likes.
    pub(crate) fn trim(&mut self) {
        self.forget();
        self.all.clear();
        self.events.clear();
        self.model.history.clear();
        #[cfg(feature = "serde")]
        self.log.truncate(1);
    }

    /// Any cluster, after a cold start that came to rest.
    pub(crate) fn of(facts: impl Facts) -> Self {
        Self::configured(Config::default(), facts)
    }

    /// The same with another configuration.
    pub(crate) fn configured(config: Config, facts: impl Facts) -> Self {
        let mut harness = Self::cold_configured(config, facts);
        harness.start();
        harness.settle();
        harness.forget();
        harness
    }

    /// Any cluster, of which the machine was told nothing yet.
    pub(crate) fn cold(facts: impl Facts) -> Self {
        Self::cold_configured(Config::default(), facts)
    }

    /// The same with another configuration.
    pub(crate) fn cold_configured(config: Config, facts: impl Facts) -> Self {
        let mut harness = Self {
            #[cfg(feature = "serde")]
            log: vec![grace_core::log::Entry::start(&config)],
            machine: Machine::new(config.clone()),
            config,
            now: START,
            world: World::default(),
            model: Model::new(),
            view: View::default(),
            contract: Contract::default(),
            open: BTreeMap::new(),
            left: Vec::new(),
            notices: Vec::new(),
            all: Vec::new(),
            events: Vec::new(),
            scripted: false,
            crash: None,
            crashed: false,
        };
        for fact in facts.all() {
            fact.happen(&mut harness.world, START);
        }
        let lanes: Vec<_> = harness.world.lanes.keys().cloned().collect();
        for lane in lanes {
            harness.model.balancers.entry(lane).or_default();
        }
        harness
    }

    /// Lists everything, says that this is all, and grants every lane.
    pub(crate) fn start(&mut self) {
        self.announce_lanes();
        for event in self.world.relist() {
            self.send(&event);
        }
        self.send(&Event::Synced);
        for lane in self.lanes() {
            self.send(&Event::Granted(lane));
        }
    }

    /// Says what is known of each lane.
    pub(crate) fn announce_lanes(&mut self) {
        for lane in self.world.lanes.values().cloned().collect::<Vec<_>>() {
            self.send(&Event::Lane(lane));
        }
    }

    /// All lanes of the cluster.
    pub(crate) fn lanes(&self) -> Vec<LaneId> {
        self.world.lanes.keys().cloned().collect()
    }

    /// A new process takes over: it knows nothing and is told everything.
    pub(crate) fn restart(&mut self) {
        self.kill();
        self.start();
    }

    /// The process dies; what was sent still has its effect.
    pub(crate) fn kill(&mut self) {
        self.machine = Machine::new(self.config.clone());
        self.contract.restarted();
        self.model.forget_answers();
        self.open.clear();
        self.world.told = View::default();
        self.view = View::default();
        self.all.clear();
        self.events.clear();
        #[cfg(feature = "serde")]
        self.log.truncate(1);
        self.crashed = false;
        self.crash = None;
    }

    /// The process will die at that action, counted from now.
    pub(crate) fn crash_at(&mut self, number: usize, how: Crash) {
        self.crash = Some((self.all.len() + number, how));
    }

    /// Facts that hold before the test begins: everything comes to rest and is forgotten.
    #[track_caller]
    pub(crate) fn given(&mut self, facts: impl Facts) {
        self.when(facts);
        self.settle();
        self.everyone_serves();
        self.forget();
    }

    /// Each ready Pod stands on each pool of its routes with its weight: without that a test would show nothing.
    #[track_caller]
    fn everyone_serves(&self) {
        for (target, weight) in ready_targets(&self.view) {
            assert_eq!(self.model.weight(&target), Some(weight), "given: {target} serves");
        }
    }

    /// Facts that happen now, and are told at once.
    pub(crate) fn when(&mut self, facts: impl Facts) {
        self.unseen(facts);
        for event in self.world.news() {
            self.send(&event);
        }
    }

    /// Facts that happen now while the watches are cut.
    pub(crate) fn unseen(&mut self, facts: impl Facts) {
        for fact in facts.all() {
            fact.happen(&mut self.world, self.now);
        }
        for lane in self.lanes() {
            self.model.balancers.entry(lane.clone()).or_default();
        }
    }

    /// Tells one event, and carries out what follows.
    pub(crate) fn send(&mut self, event: &Event) {
        if self.crashed {
            return;
        }
        self.contract.told(self.now, event, &self.view);
        self.view.learn(event);
        if let Event::Granted(lane) = event {
            self.contract.granted(lane);
        }
        if let Event::Revoked(lane) = event {
            self.contract.granted.remove(lane);
        }
        if *event == Event::Synced {
            self.contract.synced = true;
        }
        self.events.push((self.now, event.clone()));
        #[cfg(feature = "serde")]
        self.log.push(grace_core::log::Entry::Event { now: self.now, event: event.clone() });
        self.machine.handle_event(event, self.now);
        self.drain();
    }

    /// Wakes the machine.
    pub(crate) fn nudge(&mut self) {
        #[cfg(feature = "serde")]
        self.log.push(grace_core::log::Entry::Timeout { now: self.now });
        self.machine.handle_timeout(self.now);
        self.drain();
    }

    /// The machine, for its queries.
    pub(crate) const fn machine(&self) -> &Machine {
        &self.machine
    }

    fn drain(&mut self) {
        while let Some(action) = self.machine.poll_action() {
            self.contract.issued(self.now, &action, &self.world.lanes, &self.view, &self.config);
            if let Command::Mark { pod, mark, .. } = &action.command {
                self.judge(*pod, *mark);
            }
            let left = Left { at: self.now, action: action.clone() };
            let number = self.all.len();
            self.all.push(left.clone());
            self.left.push(left);
            if let Some((at, how)) = self.crash
                && number >= at
            {
                match how {
                    Crash::BeforeSend => {}
                    Crash::BeforeAnswer => self.model.carry_out(self.now, &action),
                    Crash::AfterEffect => {
                        self.model.carry_out(self.now, &action);
                        self.model.forget_answers();
                        while let Some(due) = self.model.next_due() {
                            self.now = self.now.max(due);
                            self.model.happen(self.now);
                        }
                    }
                }
                self.crashed = true;
                return;
            }
            self.open.insert(action.id, action.clone());
            if !self.scripted {
                self.model.carry_out(self.now, &action);
            }
        }
        while let Some(notice) = self.machine.poll_notice() {
            // The door of safety is the second line: what reaches it was planned wrong.
            assert!(!matches!(notice, Notice::Suppressed { .. }), "held back at the door: {notice:?}");
            self.notices.push(notice);
        }
        if let Some((wake, why)) = self.machine.poll_timeout() {
            assert!(
                wake > self.now,
                "a timer that is due does something: {why:?} at {wake}, it is {}",
                self.now
            );
        }
        #[cfg(feature = "serde")]
        self.through_a_snapshot();
    }

    /// With `GRACE_THROUGH_SNAPSHOTS` the machine is written and read back after each call: every promise must hold as well
    /// of one that is repeated from there.
    #[cfg(feature = "serde")]
    fn through_a_snapshot(&mut self) {
        use grace_core::log::Entry;
        use std::sync::OnceLock;

        static ASKED: OnceLock<bool> = OnceLock::new();
        if *ASKED.get_or_init(|| std::env::var_os("GRACE_THROUGH_SNAPSHOTS").is_some()) {
            let text = serde_json::to_string(&Entry::snapshot(&self.machine)).expect("it has a text");
            let entry: Entry = serde_json::from_str(&text).expect("it is read back");
            self.machine = entry.machine().expect("a replay may begin with it");
        }
    }

    /// A mark says what is so: every target of the ready Pod has its weight, none of the drained one has any.
    fn judge(&self, pod: Uid, mark: Mark) {
        let facts = &self.view.pods[&pod];
        match mark {
            Mark::BackendReady => {
                assert!(self.config.mark_ready && facts.life == Life::Live, "{facts:?}");
                let targets = ready_targets(&self.view);
                let its = targets.iter().filter(|(target, _)| facts.ips.contains(&Some(target.address.ip)));
                for (target, weight) in its {
                    assert_eq!(self.model.weight(target), Some(*weight), "{target} before the gate passes");
                }
            }
            Mark::Drained => {
                assert!(
                    self.config.mark_drained && matches!(facts.life, Life::Terminating { .. }),
                    "{facts:?}"
                );
                for (lane, balancer) in &self.model.balancers {
                    for ((pool, address), weight) in &balancer.targets {
                        let its = facts.ips.contains(&Some(address.ip))
                            && !routes_on(&self.view, lane, pool).is_empty();
                        assert!(!its || weight.is_drained(), "{address} in {pool} has {weight}");
                    }
                }
            }
        }
    }

    /// A fresh machine is told what this one was told, at the same times: what leaves, and when.
    pub(crate) fn replayed(&self) -> Vec<(Time, Action)> {
        let mut machine = Machine::new(self.config.clone());
        let mut left = Vec::new();
        let mut drain = |machine: &mut Machine, now| {
            while let Some(action) = machine.poll_action() {
                left.push((now, action));
            }
            while machine.poll_notice().is_some() {}
        };
        for (at, event) in &self.events {
            while let Some((wake, _)) = machine.poll_timeout().filter(|(wake, _)| wake < at) {
                machine.handle_timeout(wake);
                drain(&mut machine, wake);
            }
            machine.handle_event(event, *at);
            drain(&mut machine, *at);
        }
        while let Some((wake, _)) = machine.poll_timeout().filter(|(wake, _)| *wake <= self.now) {
            machine.handle_timeout(wake);
            drain(&mut machine, wake);
        }
        left
    }

    /// Time passes, up to and including that moment.
    pub(crate) fn run_until(&mut self, end: Time) {
        let mut steps = 0;
        let mut last = self.now;
        while !self.crashed {
            let wake = self.machine.poll_timeout().map(|(at, _)| at);
            let Some(next) = wake.into_iter().chain(self.model.next_due()).min() else { break };
            if next > end {
                break;
            }
            self.now = self.now.max(next);
            steps = if self.now == last { steps + 1 } else { 0 };
            last = self.now;
            assert!(steps < 100_000, "time stands still at {last}");
            if self.model.next_due().is_some_and(|due| due <= self.now) {
                if let Some((id, result)) = self.model.happen(self.now) {
                    self.answer(id, result);
                }
            } else {
                self.nudge();
            }
        }
        if !self.crashed {
            self.now = self.now.max(end);
        }
    }

    fn answer(&mut self, id: ActionId, result: Result<Success, Failure>) {
        let Some(action) = self.open.remove(&id) else { return };
        self.contract.answered(id, &action, &result);
        self.send(&Event::Answer { id, result });
    }

    /// The test answers the calls itself from now on.
    pub(crate) fn scripted(&mut self) {
        self.scripted = true;
    }

    /// The model answers again.
    pub(crate) fn unscripted(&mut self) {
        self.scripted = false;
    }

    /// Answers the oldest open call of that kind.
    pub(crate) fn answers(&mut self, verb: Verb, result: Result<Success, Failure>) {
        let open = self.open.values().find(|action| Verb::of(&action.command) == verb);
        let id = open.unwrap_or_else(|| panic!("no {verb:?} is open: {:?}", self.open)).id;
        self.answer(id, result);
    }

    /// Time passes.
    pub(crate) fn wait(&mut self, span: Duration) {
        self.run_until(self.now + span);
    }

    /// The linger passes, to the microsecond.
    pub(crate) fn after_linger(&mut self) {
        self.wait(self.config.linger);
    }

    /// Time passes until nothing has left for three seconds, and nothing is under way.
    pub(crate) fn settle(&mut self) {
        for _ in 0..200 {
            let before = self.all.len();
            self.wait(Duration::from_secs(3));
            if self.crashed || (self.all.len() == before && self.model.is_quiet()) {
                return;
            }
        }
        let last: Vec<_> = self.all.iter().rev().take(8).collect();
        panic!("it does not come to rest within ten minutes; the last actions, newest first: {last:#?}");
    }

    /// The next call of that kind fails.
    pub(crate) fn next(&mut self, verb: Verb, fault: Fault) {
        self.model.next(verb, fault);
    }

    /// Somebody puts a target on the first listener, changes its weight, or takes it away.
    pub(crate) fn by_hand(&mut self, name: &str, weight: Option<u8>) {
        self.by_hand_on(&target(name), weight);
    }

    /// The same anywhere.
    pub(crate) fn by_hand_on(&mut self, target: &TargetId, weight: Option<u8>) {
        let weight = weight.map(|weight| Weight::new(weight).expect("0 to 100"));
        self.model.set_by_hand(self.now, target, weight);
    }
}
