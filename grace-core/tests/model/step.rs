//! What may happen next, and what follows from it.

use std::sync::Arc;
use std::time::Duration;

use grace_core::{Event, Failure, Machine, Planted, SourceKind, Success, Time};

use crate::balancer::{not_executed, unknown};
use crate::controller::{Controller, PODS, SLICES, lane, pod_event, slice_event, source, what};
use crate::world::{CRASHES, Call, FAULTS, FLIPS, HANDS, Life, OVERS, Pod, Size, What, World};

/// One thing that happens. Controllers, Pods, addresses and calls are named by number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// A Pod is created at this address.
    Create(u8),
    Ready(u8),
    Unready(u8),
    Terminate(u8),
    /// It fails; the object stays, the address is free.
    Over(u8),
    /// The object goes, by force or in order.
    Gone(u8),
    /// A controller is told of a Pod, as it is now.
    TellPod(u8, u8),
    TellSlice(u8),
    ListPods(u8),
    ListSlices(u8),
    Sync(u8),
    Grant(u8),
    /// A write has its effect; its answer is still to come.
    Apply(u8),
    Answer(u8),
    /// A call ends without effect, and says so.
    Fail(u8),
    /// A call has no effect, or had it, and nobody learns which.
    Lose(u8),
    /// As lost, but it will still land.
    Delay(u8),
    /// A call that nobody waits for lands...
    Land(u8),
    /// ...or does not.
    Vanish(u8),
    /// Time passes until a machine wants to be woken.
    Advance,
    /// A process dies; another starts in its place.
    Crash(u8),
    /// The lane passes from the controller that has it to this one.
    HandOver(u8),
    /// Somebody sets a weight of a target by hand.
    Overwrite(u8, u8),
}

/// A registration that was given up lands within this time (`Config::resync`), or never.
const LANDS_WITHIN: Duration = Duration::from_secs(60);

impl World {
    /// Everything that may happen.
    pub(crate) fn steps(&self, size: &Size, steps: &mut Vec<Step>) {
        if self.broken.is_some() {
            return;
        }
        self.steps_of_pods(size, steps);
        for (number, controller) in (0..).zip(&self.controllers) {
            self.steps_of_controller(number, controller, steps);
        }
        for (number, call) in (0..).zip(&self.calls) {
            self.steps_of_call(number, call, steps);
        }
        if self.next_wake().is_some_and(|at| self.may_advance(at)) {
            steps.push(Step::Advance);
        }
        if self.left[HANDS] > 0 {
            for (ip, stands) in (0..).zip(&self.stands) {
                if stands.is_some_and(|stands| stands != 5) {
                    steps.push(Step::Overwrite(ip, 5));
                }
            }
        }
    }

    fn steps_of_pods(&self, size: &Size, steps: &mut Vec<Step>) {
        let exists = |pod: &&Pod| pod.life != Life::Gone;
        let room = self.pods.len() < usize::from(size.pods)
            && self.pods.iter().filter(exists).count() < usize::from(size.alive);
        if room {
            // Addresses that were never used are alike: one of them is enough.
            let used = self.pods.iter().map(|pod| pod.ip + 1).max().unwrap_or(0);
            let free = |ip: &u8| !self.pods.iter().any(|pod| pod.ip == *ip && pod.holds_ip());
            steps.extend((0..size.ips.min(used + 1)).filter(free).map(Step::Create));
        }
        for (number, pod) in (0..).zip(&self.pods) {
            match pod.life {
                Life::Live => {
                    if !pod.ready {
                        steps.push(Step::Ready(number));
                    } else if self.left[FLIPS] > 0 {
                        steps.push(Step::Unready(number));
                    }
                    steps.push(Step::Terminate(number));
                    if self.left[OVERS] > 0 {
                        steps.push(Step::Over(number));
                    }
                }
                Life::Terminating | Life::Over => steps.push(Step::Gone(number)),
                Life::Gone => {}
            }
        }
    }

    fn steps_of_controller(&self, number: u8, controller: &Controller, steps: &mut Vec<Step>) {
        if controller.listed[PODS] {
            let stale = (0..).zip(&self.pods).filter(|(pod, _)| self.is_stale(controller, *pod));
            steps.extend(stale.map(|(pod, _)| Step::TellPod(number, pod)));
        } else {
            steps.push(Step::ListPods(number));
        }
        if !controller.listed[SLICES] {
            steps.push(Step::ListSlices(number));
        } else if controller.slice != self.slice() {
            steps.push(Step::TellSlice(number));
        }
        if controller.listed == [true; 2] && !controller.synced {
            steps.push(Step::Sync(number));
        }
        match self.granted() {
            None => steps.push(Step::Grant(number)),
            Some(granted) if granted != number && self.left[CRASHES] > 0 => {
                steps.push(Step::HandOver(number));
            }
            Some(_) => {}
        }
        if self.left[CRASHES] > 0 {
            steps.push(Step::Crash(number));
        }
    }

    fn steps_of_call(&self, number: u8, call: &Call, steps: &mut Vec<Step>) {
        if call.owner.is_none() {
            steps.extend([Step::Land(number), Step::Vanish(number)]);
            return;
        }
        let sent = call.what.is_write() && call.applied.is_none();
        // What a dead process asked of the store has reached it before another one has loaded the record, or never does.
        let early = call.what == What::LoadClaims
            && self
                .calls
                .iter()
                .any(|other| other.owner.is_none() && other.what.is_claim() && other.until <= self.now);
        if !early {
            steps.push(if sent { Step::Apply(number) } else { Step::Answer(number) });
        }
        if self.left[FAULTS] > 0 {
            steps.push(Step::Lose(number));
            if call.applied.is_none() {
                steps.push(Step::Fail(number));
                if call.what.is_write() || matches!(call.what, What::Claim { .. }) {
                    steps.push(Step::Delay(number));
                }
            }
        }
    }

    /// Whether a controller was told something else about a Pod than what is.
    pub(crate) fn is_stale(&self, controller: &Controller, pod: u8) -> bool {
        let (told, is) = (controller.life(pod), self.pods[usize::from(pod)].life);
        // Who never heard of a Pod does not hear that it is gone.
        told != Some(is) && !(told.is_none() && is == Life::Gone)
    }

    /// When the first machine wants to be woken.
    pub(crate) fn next_wake(&self) -> Option<Time> {
        self.controllers
            .iter()
            .filter_map(|controller| controller.machine.poll_timeout())
            .map(|(at, _)| at)
            .min()
    }

    /// Calls are answered before their deadline: one that is not is lost, which is a step of its own.
    fn may_advance(&self, at: Time) -> bool {
        self.calls.iter().all(|call| match (call.owner, &call.what) {
            (Some(_), _) => at <= call.until,
            // Late, but before the core stops to expect it.
            (None, What::Register(_)) => at < call.until,
            (None, _) => true,
        })
    }

    /// Takes a step.
    pub(crate) fn take(&mut self, size: &Size, step: Step) {
        match step {
            Step::Create(ip) => {
                for pod in self.pods.iter_mut().filter(|pod| pod.ip == ip) {
                    pod.blurred = true;
                }
                let (ready, life) = (size.flips == 0, Life::Live);
                // A late call may have touched, or touch, what stood there before.
                let spent = self.left[FAULTS] < size.faults || self.left[CRASHES] < size.crashes;
                let blurred = spent && self.pods.iter().any(|pod| pod.ip == ip);
                let served = self.stands[usize::from(ip)].is_some();
                self.pods.push(Pod { ip, ready, life, served, zeroed: false, blurred });
            }
            Step::Ready(pod) => self.pods[usize::from(pod)].ready = true,
            Step::Unready(pod) => {
                self.left[FLIPS] -= 1;
                self.pods[usize::from(pod)].ready = false;
            }
            Step::Terminate(pod) => self.lives(pod, Life::Terminating),
            Step::Over(pod) => {
                self.left[OVERS] -= 1;
                self.lives(pod, Life::Over);
            }
            Step::Gone(pod) => self.lives(pod, Life::Gone),
            Step::TellPod(number, pod) => self.tell_pod(size, number, pod),
            Step::TellSlice(number) => self.tell_slice(size, number),
            Step::ListPods(number) => self.list_pods(size, number),
            Step::ListSlices(number) => {
                self.hear(size, number, &Event::ListStarted(source(SourceKind::Slices)));
                self.tell_slice(size, number);
                self.hear(size, number, &Event::ListDone(source(SourceKind::Slices)));
                self.change(number).listed[SLICES] = true;
            }
            Step::Sync(number) => {
                self.change(number).synced = true;
                self.hear(size, number, &Event::Synced);
            }
            Step::Grant(number) => self.grant(size, number),
            Step::Apply(call) => {
                let what = self.calls[usize::from(call)].what.clone();
                let outcome = self.carry_out(&what, omits_zero(size));
                self.calls[usize::from(call)].applied = Some(outcome);
            }
            Step::Answer(call) => {
                let call = self.calls.remove(usize::from(call));
                let result = self.answer_to(&call);
                self.answered(size, &call, result);
            }
            Step::Fail(call) => {
                self.left[FAULTS] -= 1;
                let call = self.calls.remove(usize::from(call));
                self.answered(size, &call, Err(not_executed()));
            }
            Step::Lose(call) => {
                self.left[FAULTS] -= 1;
                let call = self.calls.remove(usize::from(call));
                self.answered(size, &call, Err(unknown()));
            }
            Step::Delay(call) => {
                self.left[FAULTS] -= 1;
                let call = self.calls.remove(usize::from(call));
                self.give_up(call.clone(), LANDS_WITHIN);
                self.answered(size, &call, Err(unknown()));
            }
            Step::Land(call) => {
                let call = self.calls.remove(usize::from(call));
                self.land(&call, omits_zero(size));
            }
            Step::Vanish(call) => _ = self.calls.remove(usize::from(call)),
            Step::Advance => self.advance(size),
            Step::Crash(number) => {
                self.left[CRASHES] -= 1;
                self.abandon(number);
                self.controllers[usize::from(number)] = Arc::new(Controller::started(size, self.now));
            }
            Step::HandOver(number) => {
                self.left[CRASHES] -= 1;
                if let Some(before) = self.granted() {
                    self.change(before).granted = false;
                    self.hear(size, before, &Event::Revoked(lane()));
                    let given_up = self.abandon(before);
                    for call in given_up {
                        self.answered(size, &call, Err(unknown()));
                    }
                }
                self.grant(size, number);
            }
            Step::Overwrite(ip, weight) => {
                self.left[HANDS] -= 1;
                self.blur(ip);
                self.stand(ip, Some(weight));
            }
        }
    }

    fn lives(&mut self, pod: u8, life: Life) {
        let stands = self.stands[usize::from(self.pods[usize::from(pod)].ip)];
        let pod = &mut self.pods[usize::from(pod)];
        pod.life = life;
        pod.zeroed |= stands.unwrap_or(0) == 0;
    }

    /// What a dead or replaced process had sent may still land; what it wanted to know, nobody does.
    fn abandon(&mut self, number: u8) -> Vec<Call> {
        let (own, others): (Vec<Call>, Vec<Call>) =
            std::mem::take(&mut self.calls).into_iter().partition(|call| call.owner == Some(number));
        self.calls = others;
        for call in &own {
            if call.applied.is_none() {
                let within = if call.what.is_claim() { Duration::ZERO } else { LANDS_WITHIN };
                self.give_up(call.clone(), within);
            }
        }
        own
    }

    fn give_up(&mut self, call: Call, within: Duration) {
        if call.what.is_write() || matches!(call.what, What::Claim { .. }) {
            self.calls.push(Call { owner: None, until: self.now + within, ..call });
        }
    }

    fn tell_pod(&mut self, size: &Size, number: u8, pod: u8) {
        let Pod { ip, life, .. } = self.pods[usize::from(pod)];
        self.change(number).pods[usize::from(pod)] = Some(life);
        self.hear(size, number, &pod_event(pod, ip, life));
    }

    fn tell_slice(&mut self, size: &Size, number: u8) {
        let slice = self.slice();
        let pods = self.pods.clone();
        let controller = self.change(number);
        controller.named |= slice.iter().fold(0, |named, (pod, _)| named | 1 << pod);
        controller.slice.clone_from(&slice);
        self.hear(size, number, &slice_event(&slice, |pod| pods[usize::from(pod)].ip));
    }

    fn list_pods(&mut self, size: &Size, number: u8) {
        self.hear(size, number, &Event::ListStarted(source(SourceKind::Pods)));
        for pod in 0..u8::try_from(self.pods.len()).expect("a few") {
            if self.pods[usize::from(pod)].life != Life::Gone {
                self.tell_pod(size, number, pod);
            }
        }
        let controller = self.change(number);
        controller.listed[PODS] = true;
        self.hear(size, number, &Event::ListDone(source(SourceKind::Pods)));
    }

    fn grant(&mut self, size: &Size, number: u8) {
        let controller = self.change(number);
        (controller.granted, controller.loaded, controller.read) = (true, false, false);
        self.hear(size, number, &Event::Granted(lane()));
    }

    fn advance(&mut self, size: &Size) {
        let Some(at) = self.next_wake() else { return };
        if let Some(rule) = self.waits(size, at) {
            self.breaks(rule);
        }
        self.now = self.now.max(at);
        for number in 0..u8::try_from(self.controllers.len()).expect("one or two") {
            let wake = self.controllers[usize::from(number)].machine.poll_timeout();
            if wake.is_some_and(|(wake, _)| wake <= at) {
                self.run(size, number, |machine, now| machine.handle_timeout(now));
            }
        }
    }

    /// A controller learns how its call ended.
    pub(crate) fn answered(&mut self, size: &Size, call: &Call, result: Result<Success, Failure>) {
        let Some(number) = call.owner else { return };
        let (revision, claims) = (self.revision(), self.claims.all);
        let controller = self.change(number);
        if let Ok(Success::Claims { .. }) | Err(Failure::Conflict { .. }) = result {
            (controller.revision, controller.claims, controller.loaded) = (revision, claims, true);
        }
        controller.read |= matches!(result, Ok(Success::Seen(_)));
        self.hear(size, number, &Event::Answer { id: call.id, result });
    }

    pub(crate) fn change(&mut self, number: u8) -> &mut Controller {
        Arc::make_mut(&mut self.controllers[usize::from(number)])
    }

    fn hear(&mut self, size: &Size, number: u8, event: &Event) {
        self.run(size, number, |machine, now| machine.handle_event(event, now));
    }

    /// Runs a machine, and judges what it does.
    fn run(&mut self, size: &Size, number: u8, call: impl FnOnce(&mut Machine, Time)) {
        let now = self.now;
        let controller = self.change(number);
        call(&mut controller.machine, now);
        let (actions, notices) = controller.drained();
        for action in actions {
            let what = what(&action.command);
            if let Some(rule) = self.broken_by(size, number, &what) {
                self.breaks(rule);
            }
            self.writes += u32::from(what.is_write() || matches!(what, What::Claim { .. }));
            let (owner, until) = (Some(number), action.deadline);
            self.calls.push(Call { owner, id: action.id, what, applied: None, until });
        }
        for notice in notices {
            if let Some(rule) = self.untrue(&self.controllers[usize::from(number)], &notice) {
                self.breaks(rule);
            }
        }
    }
}

/// The tenth planted bug is one of whoever carries calls out.
pub(crate) fn omits_zero(size: &Size) -> bool {
    size.planted == Some(Planted::OmitsWeightZero)
}
