//! The hard rules, judged by what a controller was told, and what it says of a drain, judged by what stands there.

use std::time::Duration;

use grace_core::{DrainOn, Notice, Seeing, TargetId, Time};

use crate::controller::{Controller, address, lane, number_of, pool};
use crate::world::{CRASHES, FAULTS, Life, Size, What, World, weight_of};

/// A drain leaves an idle lane within this time (`Config::linger_max`).
const PROMPT: Duration = Duration::from_millis(300);

impl World {
    /// The rule that this call of a controller breaks.
    pub(crate) fn broken_by(&self, size: &Size, number: u8, what: &What) -> Option<String> {
        let controller = &self.controllers[usize::from(number)];
        if !controller.granted {
            return Some(format!("S9: {what:?} without a grant"));
        }
        let open = |call: &&crate::world::Call| {
            call.owner == Some(number) && call.what.is_claim() == what.is_claim()
        };
        if let Some(open) = self.calls.iter().find(open) {
            return Some(format!("S8: {what:?} beside {:?}", open.what));
        }
        what.targets().into_iter().find_map(|(ip, weight)| {
            self.broken_at(size, controller, what, ip, weight).map(|rule| format!("{rule}: {what:?} at {ip}"))
        })
    }

    /// S1 to S4, S9 and S10 for one target.
    fn broken_at(
        &self,
        size: &Size,
        controller: &Controller,
        what: &What,
        ip: u8,
        weight: Option<u8>,
    ) -> Option<&'static str> {
        let here = |life: Life| {
            let pods = self.pods.iter().zip(0_u8..).filter(move |(pod, _)| pod.ip == ip);
            pods.map(|(_, number)| number).filter(move |number| controller.life(*number) == Some(life))
        };
        let dies = here(Life::Terminating).next().is_some();
        let zero = matches!(what, What::Weights(_)) && weight == Some(0) && dies;
        let claimed = controller.claims & 1 << ip != 0;
        let known = controller.synced && controller.loaded && controller.read;
        let in_slice = |number: u8| controller.slice.iter().any(|(pod, _)| *pod == number);
        match weight {
            _ if !known && !zero => Some("S9, before everything is known"),
            _ if !claimed && !zero => Some("S3, without a claim"),
            Some(0) => None,
            Some(weight) if here(Life::Live).next().is_some() => {
                let configured = here(Life::Live).any(|number| weight_of(number) == weight);
                (!configured).then_some("S4, another weight than configured")
            }
            Some(_) => Some("S1, for nobody who lives"),
            None if here(Life::Live).any(in_slice) => Some("S2, S10: a living Pod is there"),
            None if size.drain == DrainOn::Nothing => None,
            None => here(Life::Terminating)
                .any(|number| controller.named & 1 << number != 0 && self.pods[usize::from(number)].served)
                .then_some("S2, a terminating Pod is there"),
        }
    }

    /// What is wrong about something that is told.
    pub(crate) fn untrue(&self, controller: &Controller, notice: &Notice) -> Option<String> {
        if let Notice::Suppressed { target, invariant } = notice {
            return Some(format!("{invariant}, at the door: {target}"));
        }
        let Notice::DrainConfirmed { pod, .. } = notice else { return None };
        let number = number_of(*pod);
        let pod = self.pods[usize::from(number)];
        // While another is believed to live at the address, the target is not this Pod's alone.
        let believed = |other: u8| !matches!(controller.life(other), None | Some(Life::Gone));
        let shared =
            (0..).zip(&self.pods).any(|(other, it)| other != number && it.ip == pod.ip && believed(other));
        let wrong = !pod.zeroed && !pod.blurred && !shared;
        wrong.then(|| format!("the drain of Pod {number} is told as confirmed, its weight was never 0"))
    }

    /// L3: on an idle lane, without faults, a drain does not wait until that moment.
    pub(crate) fn waits(&self, size: &Size, until: Time) -> Option<String> {
        let quiet = self.left[FAULTS] == size.faults && self.left[CRASHES] == size.crashes && size.hands == 0;
        if !quiet || until <= self.now + PROMPT {
            return None;
        }
        let number = self.granted()?;
        let controller = &self.controllers[usize::from(number)];
        let known = controller.synced && controller.loaded && controller.read;
        if !known || self.calls.iter().any(|call| !call.what.is_claim()) {
            return None;
        }
        self.pods.iter().zip(0_u8..).find_map(|(pod, number)| {
            let alone = self
                .pods
                .iter()
                .zip(0_u8..)
                .all(|(other, n)| n == number || other.ip != pod.ip || controller.life(n).is_none());
            if controller.life(number) != Some(Life::Terminating) || !alone {
                return None;
            }
            let target = TargetId { lane: lane(), pool: pool(), address: address(pod.ip) };
            let is = controller.machine.explain(&target)?;
            let serves = matches!(is.seen, Seeing::Registered(weight) if !weight.is_drained());
            let waits = serves && !is.doubt && is.flying.is_none() && size.drain != DrainOn::Nothing;
            waits.then(|| format!("L3: the drain of Pod {number} waits on an idle lane"))
        })
    }
}
