//! Eventual stability as a predicate of one state: from here, without further faults, the world comes to rest as wanted,
//! and is silent. So it is checked in every state, and a cycle that never rests is found where it begins.

use std::time::Duration;

use grace_core::{DrainOn, Time};

use crate::controller::{PODS, SLICES};
use crate::step::Step;
use crate::world::{Life, Size, World, weight_of};

/// By then the comparisons after a grant (300 s) and the last answer to somebody else's hand are past.
const RESTS_WITHIN: Duration = Duration::from_secs(400);
/// Two more comparisons, in which nothing is written.
const SILENT_FOR: Duration = Duration::from_secs(130);
/// Far more steps than a few Pods need.
const STEPS: u32 = 5_000;

impl World {
    /// What is wrong about the rest that follows from here.
    pub(crate) fn unrest(&self, size: &Size) -> Option<String> {
        self.unrest_told(size, |_, _| ())
    }

    /// The same, with every step on the way told.
    pub(crate) fn unrest_told(&self, size: &Size, mut tell: impl FnMut(Step, &Self)) -> Option<String> {
        let mut world = self.clone();
        if let Err(rule) = world.rest(size, self.now + RESTS_WITHIN, &mut tell) {
            return Some(rule);
        }
        if let Some(rule) = world.not_as_wanted(size) {
            return Some(rule);
        }
        let (writes, now) = (world.writes, world.now);
        if let Err(rule) = world.rest(size, now + SILENT_FOR, &mut tell) {
            return Some(rule);
        }
        (world.writes != writes).then(|| "L2: writes at rest".to_owned())
    }

    /// Everything that is under way ends well, everything is told, and time passes.
    fn rest(&mut self, size: &Size, end: Time, tell: &mut impl FnMut(Step, &Self)) -> Result<(), String> {
        for _ in 0..STEPS {
            if let Some(rule) = &self.broken {
                return Err(format!("on the way to rest: {rule}"));
            }
            if let Some(step) = self.step_to_rest() {
                self.take(size, step);
                tell(step, self);
                continue;
            }
            match self.next_wake() {
                Some(at) if at <= end => {
                    self.take(size, Step::Advance);
                    tell(Step::Advance, self);
                }
                Some(_) | None => {
                    self.now = end;
                    return Ok(());
                }
            }
        }
        Err(format!("L1: no rest after {STEPS} steps"))
    }

    fn step_to_rest(&self) -> Option<Step> {
        for (number, call) in (0..).zip(&self.calls) {
            if call.owner.is_none() {
                return Some(Step::Land(number));
            }
        }
        if let Some(call) = self.calls.first() {
            let sent = call.what.is_write() && call.applied.is_none();
            return Some(if sent { Step::Apply(0) } else { Step::Answer(0) });
        }
        for (number, controller) in (0..).zip(&self.controllers) {
            let pods = 0..u8::try_from(self.pods.len()).expect("a few");
            let stale = pods.into_iter().find(|pod| self.is_stale(controller, *pod));
            let step = if !controller.listed[PODS] {
                Some(Step::ListPods(number))
            } else if !controller.listed[SLICES] {
                Some(Step::ListSlices(number))
            } else if !controller.synced {
                Some(Step::Sync(number))
            } else if let Some(pod) = stale {
                Some(Step::TellPod(number, pod))
            } else {
                (controller.slice != self.slice()).then_some(Step::TellSlice(number))
            };
            if step.is_some() {
                return step;
            }
        }
        self.granted().is_none().then_some(Step::Grant(0))
    }

    /// What stands there against the truth table (design.md 3.4), from the Pods alone.
    fn not_as_wanted(&self, size: &Size) -> Option<String> {
        (0_u8..).zip(&self.stands).find_map(|(ip, stands)| {
            let here = |life: Life| {
                (0_u8..).zip(&self.pods).filter(move |(_, pod)| pod.ip == ip && pod.life == life)
            };
            let claimed = self.claims.all & 1 << ip != 0;
            let allowed = match (here(Life::Live).next(), here(Life::Terminating).next()) {
                (Some((number, pod)), _) if pod.ready => vec![Some(weight_of(number))],
                // Whether it was ready once here, only history knows.
                (Some((number, _)), _) => match size.drain {
                    DrainOn::TerminationAndUnready => vec![Some(0), None],
                    DrainOn::Nothing | DrainOn::Termination => vec![Some(weight_of(number)), Some(0), None],
                },
                (None, Some(_)) if size.drain != DrainOn::Nothing => vec![Some(0), None],
                (None, Some(_)) | (None, None) => vec![None],
            };
            if !allowed.contains(stands) {
                return Some(format!("L1: address {ip} stands at {stands:?}, allowed are {allowed:?}"));
            }
            let nobody = here(Life::Live).next().is_none() && here(Life::Terminating).next().is_none();
            // A claim that landed late is learned of with the next claim, which meets a conflict.
            let known = self.controllers.iter().any(|it| it.granted && it.revision == self.revision());
            if claimed && nobody && known {
                return Some(format!("L1: address {ip} is still claimed, and nobody lives there"));
            }
            (stands.is_some() && !claimed).then(|| format!("L1: address {ip} is registered and not claimed"))
        })
    }
}
