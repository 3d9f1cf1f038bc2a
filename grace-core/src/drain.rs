//! One Pod's drain, as people see it: started, confirmed, finished.

use crate::notice::Notice;
use crate::pod::Life;
use crate::record::{Claim, Flight, Seeing};
use crate::slab::Index;
use crate::state::State;
use crate::target::Weight;
use crate::time::Time;
use crate::tracked_pod::{PodFlag, Stage};
use crate::tracked_target::Flag;

/// What is remembered of a Pod's drain until it is finished.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub(crate) struct Drain {
    /// When the core learned that the Pod terminates.
    pub(crate) since: Time,
    /// The most targets that it had during its drain.
    pub(crate) targets: u32,
    pub(crate) confirmed: bool,
    /// People were told that it will be late.
    pub(crate) late: bool,
}

/// How far a Pod's targets are.
struct Progress {
    /// Registered, or not known to be absent while we answer for them.
    standing: u32,
    /// All of those are proven to be at weight 0.
    all_zero: bool,
}

impl State {
    /// Has the drain of a Pod looked at before this call ends, if it has or may begin one, and the gate that it waits for.
    pub(crate) fn follow_drain(&mut self, pod: Index) {
        let Some(record) = self.pods.get_mut(pod) else { return };
        let terminating = record.stage() == Some(Stage::Terminating);
        let gated = self.config.mark_ready && record.waits_for_gate();
        let begun = terminating || gated || record.drain().is_some();
        if begun && !record.flags.replace(PodFlag::Followed, true) {
            self.drains.push(pod);
        }
    }

    /// Tells how far the drain of a Pod has come.
    pub(crate) fn look_at_drain(&mut self, pod: Index) {
        let Some(record) = self.pods.get_mut(pod) else { return };
        record.flags.set(PodFlag::Followed, false);
        let (Some(life), Some(facts)) = (record.life(), &record.facts) else { return };
        let (uid, name) = (record.uid, facts.name());
        let progress = self.progress(pod);
        let now = self.now;
        let mut drain = match (self.pods[pod].drain().copied(), life) {
            (None, Life::Terminating { asked, .. }) if progress.standing > 0 => {
                let targets = progress.standing;
                self.tell(Notice::DrainStarted { pod: uid, name: name.clone(), targets, asked });
                Drain { since: now, targets, confirmed: false, late: false }
            }
            (None, _) | (Some(_), Life::Live) => return,
            (Some(drain), Life::Terminating { .. } | Life::Over) => drain,
        };
        drain.targets = drain.targets.max(progress.standing);
        let (targets, after) = (drain.targets, now.since(drain.since));
        if progress.all_zero && !drain.confirmed {
            drain.confirmed = true;
            self.tell(Notice::DrainConfirmed { pod: uid, name: name.clone(), targets, after });
        }
        if life == Life::Over && progress.standing == 0 {
            self.pods[pod].set_drain(None);
            self.tell(Notice::DrainFinished { pod: uid, name, targets, after });
            self.forget_pod(pod);
        } else {
            self.pods[pod].set_drain(Some(drain));
        }
    }

    /// Whether something of a Pod is registered, or not known to be absent.
    pub(crate) fn has_standing(&self, pod: Index) -> bool {
        self.progress(pod).standing > 0
    }

    fn progress(&self, pod: Index) -> Progress {
        let mut progress = Progress { standing: 0, all_zero: true };
        for seat in self.seats_of_pod(pod) {
            let record = &self.seats[seat];
            let target = &self.targets[record.target];
            // A successor on the same address is not this Pod's drain any more.
            if self.desire(record.target).seat != Some(seat) {
                continue;
            }
            let doubt = target.flags.has(Flag::Doubt);
            // A registration that may stand there with its weight already.
            let coming = doubt || matches!(target.flying(), Some(Flight::Register(_)));
            let standing = match target.seen {
                Seeing::Absent => target.flags.has(Flag::Assumed) || coming,
                Seeing::Registered(_) => true,
                Seeing::Unknown => target.claim == Claim::Held,
            };
            if standing {
                progress.standing += 1;
                progress.all_zero &= match target.seen {
                    Seeing::Absent => !coming && !target.flags.has(Flag::Assumed),
                    Seeing::Registered(weight) => {
                        let leaves = !doubt && target.flying() == Some(Flight::Deregister);
                        weight == Weight::DRAINED && (target.is_proven() || leaves)
                    }
                    Seeing::Unknown => false,
                };
            }
        }
        progress
    }
}
