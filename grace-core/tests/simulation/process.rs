//! A process: a machine, what it was told, its watches, and its calls that are not answered yet.

use std::collections::BTreeMap;
use std::rc::Rc;

use grace_core::{Action, ActionId, Config, Event, Failure, Life, Machine, Notice, Success, Time};

use crate::call::Verb;
use crate::cluster::{SERVICES, SOURCES, is_end, source};
use crate::contract::Contract;
use crate::sim::{Sim, millis};
use crate::swarm::Kind;
use crate::timeline::{Addressee, Happening, Part};
use crate::view::View;

/// One list and watch of one process.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Watch {
    /// What was sent before the watch was cut never arrives.
    pub(crate) epoch: u32,
    /// Changes are being sent.
    open: bool,
    /// Listed once.
    listed: bool,
    /// The next list breaks off, or is an older one.
    pub(crate) breaks_off: bool,
    pub(crate) is_older: bool,
    /// The last change that was sent arrives then: a stream keeps its order.
    last: Time,
}

/// One replica of the controller.
#[derive(Debug)]
pub(crate) struct Process {
    pub(crate) machine: Machine,
    contract: Contract,
    pub(crate) view: View,
    pub(crate) watches: [Watch; SOURCES],
    /// Per object how much of its history was told, and when the last of it arrives.
    told: Vec<(usize, Time)>,
    open: BTreeMap<ActionId, Action>,
    pub(crate) life: u32,
    pub(crate) alive: bool,
    /// Holds the lease.
    pub(crate) leads: bool,
    synced: bool,
}

impl Process {
    pub(crate) fn new(config: &Config) -> Self {
        Self {
            machine: Machine::new(config.clone()),
            contract: Contract::default(),
            view: View::default(),
            watches: Default::default(),
            told: Vec::new(),
            open: BTreeMap::new(),
            life: 0,
            alive: false,
            leads: false,
            synced: false,
        }
    }
}

impl Sim {
    pub(crate) fn addressee(&self, process: usize) -> Addressee {
        Addressee { process, life: self.processes[process].life }
    }

    fn is_there(&self, to: Addressee) -> bool {
        let process = &self.processes[to.process];
        process.alive && process.life == to.life
    }

    /// A process starts: it knows nothing and lists everything.
    pub(crate) fn start(&mut self, process: usize) {
        let config = self.config.clone();
        let record = &mut self.processes[process];
        record.machine = Machine::new(config);
        record.contract.restarted();
        record.view = View::default();
        record.open.clear();
        record.told.clear();
        record.life += 1;
        record.alive = true;
        record.synced = false;
        record.watches = Default::default();
        for facts in self.places.facts.values().cloned().collect::<Vec<_>>() {
            self.send(process, &Event::Lane(facts));
        }
        if self.processes[process].leads && self.dice.bool() {
            self.grant(process);
        }
        for source in 0..SOURCES {
            let mut wait = self.dice.u64(1..40);
            if self.strike(&[Kind::SourceStuck]).is_some() {
                wait += self.dice.u64(1_000..20_000);
            }
            self.list_after(process, source, wait);
        }
        for (uid, until) in self.holds() {
            self.send(process, &Event::Hold { pod: uid, until });
        }
    }

    /// The process dies: what it sent still has its effect, and nobody hears of it.
    pub(crate) fn die(&mut self, process: usize) {
        self.processes[process].alive = false;
    }

    pub(crate) fn grant(&mut self, process: usize) {
        for lane in 0..self.places.len() {
            let id = self.places.lane(crate::place::small(lane)).clone();
            self.send(process, &Event::Granted(id));
        }
    }

    pub(crate) fn revoke(&mut self, process: usize) {
        for lane in 0..self.places.len() {
            let id = self.places.lane(crate::place::small(lane)).clone();
            self.send(process, &Event::Revoked(id));
        }
    }

    /// The watch is cut; what is under way is lost, and the source is listed anew after a while.
    pub(crate) fn list_after(&mut self, process: usize, source: usize, wait: u64) {
        let to = self.addressee(process);
        let watch = &mut self.processes[process].watches[source];
        watch.epoch += 1;
        watch.open = false;
        let epoch = watch.epoch;
        self.timeline.at(self.now + millis(wait), Happening::List { to, epoch, source, part: Part::First });
    }

    /// A list arrives, or a part of it.
    pub(crate) fn list(&mut self, to: Addressee, epoch: u32, position: usize, part: Part) {
        if !self.is_there(to) || self.processes[to.process].watches[position].epoch != epoch {
            return;
        }
        let process = to.process;
        let watch = &mut self.processes[process].watches[position];
        let first_ever = !watch.listed;
        let breaks_off = std::mem::take(&mut watch.breaks_off);
        if std::mem::take(&mut watch.is_older) && !first_ever {
            // Its version is lower than one that was seen: it is dropped before any of it is told.
            self.count(Kind::OlderList);
            return self.list_after(process, position, 1_000);
        }
        let as_of = match part {
            Part::Rest { as_of } => as_of,
            Part::First if first_ever && self.strike(&[Kind::StaleStart]).is_some() => {
                self.count(Kind::StaleStart);
                self.now - millis(self.dice.u64(1..8_000))
            }
            Part::First => self.now,
        };
        let mut stated: Vec<Rc<Event>> = Vec::new();
        let mut ended: Vec<Rc<Event>> = Vec::new();
        for (number, object) in self.cluster.objects.iter().enumerate() {
            let Some(at) = object.at(as_of).filter(|_| object.source == position) else { continue };
            let event = &object.history[at].1;
            let told = self.processes[process].told.get(number).map_or(0, |(told, _)| *told);
            if !is_end(event) {
                stated.push(Rc::clone(event));
            } else if position == SERVICES && told > 0 && !is_end(&object.history[told - 1].1) {
                // What was a route and is none any more is found by whoever made the routes.
                ended.push(Rc::clone(event));
            }
        }
        let half = stated.len() / 2;
        if part == Part::First {
            self.send(process, &Event::ListStarted(source(position)));
            let paged = breaks_off || (self.swarm.has(Kind::Lag) && self.dice.bool());
            if paged {
                for event in &stated[..half] {
                    self.send(process, event);
                }
                let at = self.now + millis(self.dice.u64(1..800));
                let part = if breaks_off {
                    self.count(Kind::Interrupted);
                    Part::First
                } else {
                    Part::Rest { as_of }
                };
                return self.timeline.at(at, Happening::List { to, epoch, source: position, part });
            }
        }
        let from = if part == Part::First { 0 } else { half };
        for event in stated[from..].iter().chain(&ended) {
            self.send(process, event);
        }
        self.send(process, &Event::ListDone(source(position)));
        let record = &mut self.processes[process];
        record.told.resize(self.cluster.objects.len(), (0, Time::EPOCH));
        record.watches[position].open = true;
        record.watches[position].listed = true;
        let mut later = Vec::new();
        for (number, object) in self.cluster.objects.iter().enumerate().filter(|(_, o)| o.source == position)
        {
            let next = object.at(as_of).map_or(0, |at| at + 1);
            record.told[number].0 = next;
            later.extend((next..object.history.len()).map(|index| (object.history[index].0, number, index)));
        }
        later.sort_unstable();
        for (_, number, index) in later {
            self.tell(process, number, index);
        }
        let record = &mut self.processes[process];
        if !record.synced && record.watches.iter().all(|watch| watch.listed) {
            record.synced = true;
            self.send(process, &Event::Synced);
            if self.processes[process].leads {
                self.grant(process);
            }
        }
    }

    /// An object changed: whoever watches will hear of it.
    pub(crate) fn publish(&mut self, object: usize, event: Event) {
        let record = &mut self.cluster.objects[object];
        if self.aloud {
            println!("{} object {object} is {event:?}", self.now);
        }
        record.history.push((self.now, Rc::new(event)));
        self.cluster_trace.at(self.now, object as u64);
        let (source, index) = (record.source, record.history.len() - 1);
        for process in 0..self.processes.len() {
            let record = &self.processes[process];
            if record.alive && record.watches[source].open {
                self.tell(process, object, index);
            }
        }
    }

    /// Sends a change on its way.
    fn tell(&mut self, process: usize, object: usize, index: usize) {
        let source = self.cluster.objects[object].source;
        let mut at = self.now + millis(5);
        if let Some(kind) = self.strike(&[Kind::Lag, Kind::Reorder]) {
            self.count(kind);
            at = at + millis(self.dice.u64(1..4_000));
        }
        let record = &mut self.processes[process];
        record.told.resize(self.cluster.objects.len(), (0, Time::EPOCH));
        let watch = &mut record.watches[source];
        // Each object keeps its own order; where nothing is reordered, so does the whole stream.
        at = at.max(record.told[object].1);
        if !self.swarm.has(Kind::Reorder) {
            at = at.max(watch.last);
        }
        record.told[object].1 = at;
        watch.last = at;
        let epoch = watch.epoch;
        let to = self.addressee(process);
        self.timeline.at(at, Happening::Deliver { to, epoch, object, index });
    }

    /// A change arrives.
    pub(crate) fn deliver(&mut self, to: Addressee, epoch: u32, object: usize, index: usize) {
        let source = self.cluster.objects[object].source;
        if !self.is_there(to) || self.processes[to.process].watches[source].epoch != epoch {
            return;
        }
        let told = self.processes[to.process].told[object].0;
        if index + 1 < told {
            return;
        }
        if index + 1 == told {
            self.count(Kind::Duplicate);
        } else if self.strike(&[Kind::Duplicate]).is_some() {
            let again = self.now + millis(self.dice.u64(0..500));
            self.timeline.at(again, Happening::Deliver { to, epoch, object, index });
        }
        self.processes[to.process].told[object].0 = index + 1;
        let event = Rc::clone(&self.cluster.objects[object].history[index].1);
        if self.is_calm
            && let Event::Pod { pod, .. } = &*event
            && let Life::Terminating { kill, .. } = pod.life
        {
            self.drain_begins(pod.uid, kill);
        }
        if self.is_calm
            && let Event::PodGone { uid, .. } = &*event
        {
            self.drain_ends(*uid);
        }
        self.send(to.process, &event);
    }

    /// An answer arrives, if its process still waits for it.
    pub(crate) fn answer(&mut self, to: Addressee, id: ActionId, result: Option<Result<Success, Failure>>) {
        if !self.is_there(to) {
            // A claim that was on its way is recorded although nobody hears of it, as long as nobody else leads.
            let claim = self.processes[to.process]
                .open
                .remove(&id)
                .filter(|_| to.life == self.processes[to.process].life && self.processes[to.process].leads);
            if let (None, Some(action)) = (&result, claim)
                && Verb::of(&action.command) == Verb::Claim
            {
                _ = self.look(&action.command);
            }
            return;
        }
        let Some(action) = self.processes[to.process].open.remove(&id) else { return };
        let overtaken = !self.processes[to.process].leads && Verb::of(&action.command) == Verb::Claim;
        let result = result.unwrap_or_else(|| match overtaken {
            true => Err(Failure::Unknown { retry_in: millis(500), detail: "".into() }),
            false => self.look(&action.command),
        });
        self.processes[to.process].contract.answered(id, &action, &result);
        self.send(to.process, &Event::Answer { id, result });
    }

    /// Tells one event, and carries out what follows.
    pub(crate) fn send(&mut self, process: usize, event: &Event) {
        let now = self.now;
        if self.aloud {
            println!("{now} process {process} hears {event:?}");
        }
        let record = &mut self.processes[process];
        record.contract.told(now, event, &record.view);
        record.view.learn(event);
        if let Event::Granted(lane) = event {
            // Granted twice is granted once.
            if !record.contract.granted.contains(lane) {
                record.contract.granted(lane);
            }
        }
        if let Event::Revoked(lane) = event {
            record.contract.granted.remove(lane);
        }
        if *event == Event::Synced {
            record.contract.synced = true;
        }
        record.machine.handle_event(event, now);
        self.events += 1;
        self.drain(process);
    }

    /// Wakes a machine.
    pub(crate) fn nudge(&mut self, process: usize) {
        self.processes[process].machine.handle_timeout(self.now);
        self.events += 1;
        self.drain(process);
        let wake = self.processes[process].machine.poll_timeout();
        assert!(wake.is_none_or(|(wake, _)| wake > self.now), "a timer that is due does something: {wake:?}");
    }

    fn drain(&mut self, process: usize) {
        let from = self.addressee(process);
        while let Some(action) = self.processes[process].machine.poll_action() {
            if self.aloud {
                println!("{} process {process} asks {action:?}", self.now);
            }
            let record = &mut self.processes[process];
            record.contract.issued(self.now, &action, &self.places.facts, &record.view, &self.config);
            let verb = Verb::of(&action.command);
            self.trace.at(self.now, (verb as u64) << 32 | u64::from(action.attempt) << 8 | process as u64);
            if self.resting && !matches!(verb, Verb::Read | Verb::LoadClaims | Verb::Mark) {
                self.last_write = Some((self.now, verb));
            }
            self.calls[verb as usize] += 1;
            self.carry_out(from, &action);
            self.processes[process].open.insert(action.id, action);
        }
        while let Some(notice) = self.processes[process].machine.poll_notice() {
            assert!(!matches!(notice, Notice::Suppressed { .. }), "held back at the door: {notice:?}");
        }
    }
}
