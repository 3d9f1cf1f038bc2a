//! Whether a drain will be confirmed in time: from the write that is open, the drains ahead, and how long writes take.
//!
//! Told when a drain begins and again whenever what waits is cut into calls, so that it comes before it is too late.

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::vec::Vec;
use core::time::Duration;

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

impl State {
    /// Tells about the Pods whose weight 0 will come too late, of those that still wait on a lane. In a flood of
    /// deletions not at each of them.
    pub(crate) fn forecast(&mut self, lane: Index) {
        let now = self.now;
        let record = &mut self.lanes[lane as usize];
        if record.weights_waiting == 0 || now < record.forecast_at {
            return;
        }
        record.forecast_at = now + PAUSE;
        let record = &self.lanes[lane as usize];
        let mut waiting: Vec<Ready> = Vec::new();
        for target in &record.waiting {
            // What has just been cut into the open call waits for its answer only.
            let waits = self.targets.get(*target).filter(|target| target.flying().is_none());
            let Some(Change::Zero) = waits.and_then(|target| target.waiting) else { continue };
            let seat = self.desire(*target).seat;
            let pod = seat.map(|seat| self.seats[seat].pod).map(|pod| (self.pods[pod].uid, pod));
            waiting.push(Ready { change: Change::Zero, target: *target, kill: self.kill_time(seat), pod });
        }
        waiting.sort_by(|a, b| self.order(a, b));
        for (pod, confirmed) in self.confirmation_times(lane, &waiting) {
            self.tell_if_late(pod, confirmed);
        }
    }

    /// When each Pod's weight 0 is confirmed, if nothing more comes: the open call ends, then call follows call.
    fn confirmation_times(&self, lane: Index, waiting: &[Ready]) -> BTreeMap<Index, Time> {
        let record = &self.lanes[lane as usize];
        let task = record.task_time();
        let free =
            record.open.as_ref().map_or_else(|| self.quiet_at(lane), |open| self.now.max(open.sent + task));
        let mut at = free.max(record.verbs[crate::budget::Verb::Weights as usize].not_before);
        let (mut times, mut left) = (BTreeMap::new(), waiting.to_vec());
        while !left.is_empty() {
            let sent: BTreeSet<Index> = self
                .fill(lane, crate::budget::Verb::Weights, &left)
                .iter()
                .map(|ready| ready.target)
                .collect();
            if sent.is_empty() {
                break;
            }
            at = at + task;
            for ready in left.iter().filter(|ready| sent.contains(&ready.target)) {
                if let Some((_, pod)) = ready.pod {
                    times.insert(pod, at);
                }
            }
            left.retain(|ready| !sent.contains(&ready.target));
        }
        times
    }

    fn tell_if_late(&mut self, pod: Index, confirmed: Time) {
        let record = &self.pods[pod];
        let (Some(facts), Some(Life::Terminating { asked, kill })) = (&record.facts, record.life()) else {
            return;
        };
        let pre_stop_ends = match facts.pre_stop() {
            PreStop::None => None,
            PreStop::Sleep(sleep) => Some((asked + sleep).min(kill)),
            // Nobody can know when a script ends: only the kill is certain.
            PreStop::Unknown => Some(kill),
        };
        // Without a preStop the containers get SIGTERM at once, and nobody wins that race: the kill is what is left.
        let allowed = pre_stop_ends.unwrap_or(kill);
        if confirmed <= allowed || record.drain().is_none_or(|drain| drain.late) {
            return;
        }
        let (uid, name) = (record.uid, facts.name());
        let expected = confirmed.since(asked);
        let drain = record.drain().map(|drain| Drain { late: true, ..*drain });
        self.pods[pod].set_drain(drain);
        let (allowed, pre_stop) = (allowed.since(asked), whole_seconds(expected + MARGIN));
        self.tell(Notice::DrainLate { pod: uid, name, expected, allowed, pre_stop });
    }
}

/// Rounded up: a preStop is declared in whole seconds.
fn whole_seconds(span: Duration) -> Duration {
    Duration::from_secs(span.as_secs() + u64::from(span.subsec_nanos() > 0))
}
