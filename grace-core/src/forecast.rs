//! Whether a drain will be confirmed in time: from the writes that are open, the drains ahead, how long writes take, and
//! how many calls a second the account has left.
//!
//! Told when a drain begins and again whenever what waits is cut into calls, so that it comes before it is too late.

use alloc::collections::{BTreeMap, VecDeque};
use alloc::vec::Vec;
use core::time::Duration;

use crate::budget::{Outlook, Verb};
use crate::choose::Ready;
use crate::drain::Drain;
use crate::notice::Notice;
use crate::pod::{Life, PreStop};
use crate::record::Change;
use crate::slab::Index;
use crate::state::State;
use crate::time::Time;

/// Room for what a forecast cannot know, in a preStop that is recommended.
const MARGIN: Duration = Duration::from_secs(2);

/// Pause between two forecasts of one lane.
const PAUSE: Duration = Duration::from_millis(100);

/// The calls that a lane needs for the drains that wait on it, if nothing more comes.
#[derive(Clone, Debug)]
struct Course {
    lane: Index,
    /// When its next call may leave, as far as the lane is concerned.
    free: Time,
    /// How long each takes.
    task: Duration,
    /// The earliest kill in each call, and the Pods whose last targets are in it.
    calls: VecDeque<(Time, Vec<Index>)>,
}

impl State {
    /// Tells about the Pods whose weight 0 will come too late, of those that still wait on a lane. In a flood of
    /// deletions not at each of them. Where lanes wait for the budget, what one gets the others do not have: they are
    /// looked at together.
    pub(crate) fn forecast(&mut self, lane: Index) {
        let now = self.now;
        let record = &self.lanes[lane as usize];
        if record.weights_waiting == 0 || now < record.forecast_at {
            return;
        }
        let short = self.budget_queue.iter().any(|queued| queued.verb == Verb::Weights);
        let lanes: Vec<Index> = if short {
            (0..self.lanes.len()).filter_map(|lane| Index::try_from(lane).ok()).collect()
        } else {
            Vec::from([lane])
        };
        let mut courses = Vec::new();
        for lane in lanes {
            let record = &mut self.lanes[lane as usize];
            if record.granted && record.weights_waiting > 0 {
                record.forecast_at = now + PAUSE;
                courses.push(self.course(lane));
            }
        }
        let outlook = self.budget.outlook(Verb::Weights);
        let late: Vec<(Index, Time)> =
            self.run(&courses, outlook).into_iter().filter(|(pod, at)| self.is_late(*pod, *at)).collect();
        if late.is_empty() {
            return;
        }
        // What is recommended has to be enough although the API may go on to complain.
        let at_worst = self.run(&courses, self.budget.gloomy_outlook(Verb::Weights));
        for (pod, confirmed) in late {
            let at_worst = at_worst.get(&pod).copied().unwrap_or(confirmed).max(confirmed);
            self.tell_late(pod, confirmed, at_worst);
        }
    }

    /// What waits on a lane, cut into calls.
    fn course(&self, lane: Index) -> Course {
        let record = &self.lanes[lane as usize];
        let mut left: Vec<Ready> = Vec::new();
        for target in &record.waiting {
            // What has just been cut into the open call waits for its answer only.
            let waits = self.targets.get(*target).filter(|target| target.flying().is_none());
            let Some(Change::Zero) = waits.and_then(|target| target.waiting) else { continue };
            let seat = self.desire(*target).seat;
            let pod = seat.map(|seat| self.seats[seat].pod).map(|pod| (self.pods[pod].uid, pod));
            left.push(Ready { change: Change::Zero, target: *target, kill: self.kill_time(seat), pod });
        }
        left.sort_by(|a, b| self.order(a, b));
        let task = record.task_time();
        let free =
            record.open.as_ref().map_or_else(|| self.quiet_at(lane), |open| self.now.max(open.sent + task));
        let free = free.max(record.verbs[Verb::Weights as usize].not_before);
        let mut calls = VecDeque::new();
        while !left.is_empty() {
            let mut sent: Vec<Index> =
                self.fill(lane, Verb::Weights, &left).iter().map(|ready| ready.target).collect();
            if sent.is_empty() {
                break;
            }
            sent.sort_unstable();
            let leaves = |ready: &&Ready| sent.binary_search(&ready.target).is_ok();
            let kill = left.iter().filter(leaves).filter_map(|ready| ready.kill).min();
            let pods = left.iter().filter(leaves).filter_map(|ready| ready.pod.map(|(_, pod)| pod)).collect();
            calls.push_back((kill.unwrap_or(self.now), pods));
            left.retain(|ready| sent.binary_search(&ready.target).is_err());
        }
        Course { lane, free, task, calls }
    }

    /// When each Pod's weight 0 is confirmed: on each lane call follows call, and of the lanes that are free the one whose
    /// Pods are killed first gets what the budget gives.
    fn run(&self, courses: &[Course], mut outlook: Outlook) -> BTreeMap<Index, Time> {
        let mut courses: Vec<Course> = courses.to_vec();
        let mut times = BTreeMap::new();
        while let Some(free) =
            courses.iter().filter(|course| !course.calls.is_empty()).map(|course| course.free).min()
        {
            let at = outlook.next(free.max(self.now));
            let next = courses
                .iter_mut()
                .filter(|course| course.free <= at && !course.calls.is_empty())
                .min_by_key(|course| (course.calls[0].0, &self.lanes[course.lane as usize].id));
            let Some((course, (_, pods))) = next.and_then(|course| {
                let call = course.calls.pop_front()?;
                Some((course, call))
            }) else {
                break;
            };
            outlook.spend(at);
            course.free = at + course.task;
            times.extend(pods.into_iter().map(|pod| (pod, course.free)));
        }
        times
    }

    /// Until when the Pod allows its weight 0 to be confirmed, and since when it drains.
    fn allowance(&self, pod: Index) -> Option<(Time, Time)> {
        let record = &self.pods[pod];
        let (Some(facts), Some(Life::Terminating { asked, kill })) = (&record.facts, record.life()) else {
            return None;
        };
        let allowed = match facts.pre_stop() {
            PreStop::Sleep(sleep) => (asked + sleep).min(kill),
            // Nobody can know when a script ends: only the kill is certain. And without a preStop the containers get
            // SIGTERM at once, and nobody wins that race: the kill is what is left.
            PreStop::None | PreStop::Unknown => kill,
        };
        Some((asked, allowed))
    }

    /// Whether people have to be told that this drain will be late.
    fn is_late(&self, pod: Index, confirmed: Time) -> bool {
        let untold = self.pods[pod].drain().is_some_and(|drain| !drain.late);
        untold && self.allowance(pod).is_some_and(|(_, allowed)| confirmed > allowed)
    }

    fn tell_late(&mut self, pod: Index, confirmed: Time, at_worst: Time) {
        let Some((asked, allowed)) = self.allowance(pod) else { return };
        let record = &self.pods[pod];
        let (Some(facts), Some(Life::Terminating { kill, .. })) = (&record.facts, record.life()) else {
            return;
        };
        let (uid, name, own) = (record.uid, facts.name(), facts.pre_stop());
        let drain = record.drain().map(|drain| Drain { late: true, ..*drain });
        self.pods[pod].set_drain(drain);
        let (expected, allowed) = (confirmed.since(asked), allowed.since(asked));
        let pre_stop = whole_seconds(at_worst.since(asked) + MARGIN);
        // What the grace period leaves beside the preStop is what its connections need: they shall keep it.
        let beside = match own {
            PreStop::Sleep(sleep) => kill.since(asked).saturating_sub(sleep),
            PreStop::None | PreStop::Unknown => kill.since(asked),
        };
        let grace = whole_seconds(pre_stop + beside);
        self.tell(Notice::DrainLate { pod: uid, name, expected, allowed, pre_stop, grace });
    }
}

/// Rounded up: Kubernetes counts both in whole seconds.
fn whole_seconds(span: Duration) -> Duration {
    Duration::from_secs(span.as_secs() + u64::from(span.subsec_nanos() > 0))
}
