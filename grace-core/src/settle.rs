//! Looking at what a fact or an answer touched, until nothing is left to look at.

use core::mem;

use crate::decide::Want;
use crate::desired::Desire;
use crate::notice::Notice;
use crate::ownership::Ownership;
use crate::pod::Life;
use crate::record::{Change, Claim, Phase, Seeing};
use crate::slab::{Index, NONE};
use crate::state::State;
use crate::target::Weight;
use crate::tracked_target::Flag;

impl State {
    /// Brings everything that was touched in line: targets first, then their lanes.
    pub(crate) fn settle(&mut self) {
        loop {
            if let Some(target) = self.touched.pop() {
                self.look_at(target);
            } else if let Some(pool) = self.floors.pop() {
                self.look_at_floor(pool);
            } else if let Some(pod) = self.drains.pop() {
                self.look_at_drain(pod);
                self.look_at_marks(pod);
            } else if self.marking.stirred {
                self.pump_marks();
            } else if let Some(lane) = self.most_urgent_stirred() {
                self.lanes[lane as usize].stirred = false;
                self.pump(lane);
            } else {
                return;
            }
        }
    }

    /// Of the lanes to be looked at the one whose drains are killed first, so that it comes first to the budget.
    fn most_urgent_stirred(&mut self) -> Option<Index> {
        let key = |lane: &Index| {
            let record = &self.lanes[*lane as usize];
            (record.earliest_kill.is_none(), record.earliest_kill, &record.id)
        };
        let (position, _) = self.stirred.iter().enumerate().min_by(|(_, a), (_, b)| key(a).cmp(&key(b)))?;
        Some(self.stirred.swap_remove(position))
    }

    fn look_at(&mut self, target: Index) {
        let Some(record) = self.targets.get(target) else { return };
        if record.seats == NONE || record.flags.has(Flag::Inherited) {
            self.look_for_occupant(target);
        }
        let desire = self.desire(target);
        let record = &mut self.targets[target];
        record.flags.set(Flag::Touched, false);
        let old = mem::replace(&mut record.want, desire.want);
        if record.only_its_weight_changed(old, &desire) {
            let seat = &self.seats[record.seats];
            let gated = self.config.mark_ready && self.pods[seat.pod].waits_for_gate();
            if seat.admitted && seat.next_of_target == NONE && !gated {
                return;
            }
        }
        self.look_further(target, &desire, old);
    }

    /// After a restart somebody may live on a target that no slice speaks of any more, and may have been ready there.
    #[inline(never)]
    fn look_for_occupant(&mut self, target: Index) {
        let record = &self.targets[target];
        let inherited = record.flags.has(Flag::Inherited);
        if record.seats == NONE && self.synced && (record.claim != Claim::None || self.is_leftover(target)) {
            self.seat_whoever_lives_there(target);
        }
        if inherited {
            self.inherit(target);
        }
    }

    /// All that can follow from a decision. Apart, so that the common case above stays short.
    #[inline(never)]
    fn look_further(&mut self, target: Index, desire: &Desire, old: Want) {
        let record = &self.targets[target];
        let (pool, timer, waiting) = (record.pool, record.timer(), record.waiting);
        self.stir_floor(pool);
        if old != desire.want {
            self.look_for(target, desire);
        }
        if timer != desire.until {
            self.set_target_timer(target, desire.until);
        }
        self.count(target, desire);
        let change = self.change_for(target, desire);
        if waiting != change {
            self.wait_for(target, change, desire);
        }
        if let Some(wanted) = self.claim_change(target, desire) {
            let lane = self.pools[pool].lane;
            self.lanes[lane as usize].want_claim(target, wanted, &mut self.targets, self.now);
            self.stir(lane);
        }
        self.report(target, desire);
        if let Some(seat) = desire.seat {
            self.look_at_seat(seat, target, desire, old);
        }
        self.clear_seats(target);
        self.forget_target(target);
    }

    /// Whether nobody else sits on the target of a seat that decides over it.
    fn is_alone(&self, seat: Index) -> bool {
        let record = &self.seats[seat];
        record.next_of_target == NONE && self.targets[record.target].seats == seat
    }

    /// What the decision means for the Pod that decides, and for those that sit there beside it.
    fn look_at_seat(&mut self, seat: Index, target: Index, desire: &Desire, old: Want) {
        let record = &mut self.seats[seat];
        // Ready once on this target: a later spell of not being ready does not take a weight away without the switch.
        record.admitted |= matches!(desire.want, Want::Present(_));
        let pod = record.pod;
        if record.unsteady.is_some() && desire.want == Want::Keep(Weight::DRAINED) {
            self.tell_of_flapping(seat, target);
        }
        self.follow_drain(pod);
        if old != desire.want {
            self.touch_those_that_wait_for(seat);
        }
        if old != desire.want && !self.is_alone(seat) {
            let mut other = self.targets[target].seats;
            while other != NONE {
                let (pod, next) = (self.seats[other].pod, self.seats[other].next_of_target);
                self.follow_drain(pod);
                other = next;
            }
        }
    }

    /// Has the targets looked at that this Pod had before its port changed: they wait until what is wanted here is in force.
    fn touch_those_that_wait_for(&mut self, seat: Index) {
        let (pod, binding) = (self.seats[seat].pod, self.seats[seat].binding);
        let mut other = self.pods[pod].seats;
        while other != NONE {
            let record = &self.seats[other];
            let (target, next) = (record.target, record.next_of_pod);
            if other != seat && !record.listed && record.binding == binding {
                self.touch(target);
            }
            other = next;
        }
    }

    /// Tells once that a Pod has to be ready for a while before it gets its weight back.
    fn tell_of_flapping(&mut self, seat: Index, target: Index) {
        let Some((_, hold)) = self.seats[seat].held_back(self.now) else { return };
        let flap = self.seats[seat].unsteady.as_mut().and_then(|unsteady| unsteady.flap.as_mut());
        if flap.is_none_or(|flap| mem::replace(&mut flap.told, true)) {
            return;
        }
        let pod = &self.pods[self.seats[seat].pod];
        let Some(name) = pod.facts.as_ref().map(|facts| facts.name()) else { return };
        let (pod, target) = (pod.uid, self.target_id(target));
        self.tell(Notice::RestoreHeld { target, pod, name, hold });
    }

    /// After a restart a positive weight shows that the Pod that lives there was ready there once.
    fn inherit(&mut self, target: Index) {
        if let Some((seat, _)) = self.occupant(target) {
            // A slice's word alone gives nobody the weight of another.
            self.seats[seat].admitted |= self.pods[self.seats[seat].pod].is_at(self.targets[target].ip);
            self.targets[target].flags.set(Flag::Inherited, !self.synced);
        }
    }

    /// Puts a target among those of its lane that wait, or takes it out.
    fn wait_for(&mut self, target: Index, change: Option<Change>, desire: &Desire) {
        let kill = if change == Some(Change::Zero) { self.kill_time(desire.seat) } else { None };
        let record = &mut self.targets[target];
        record.waiting = change;
        let pool = &mut self.pools[record.pool];
        let index = pool.lane;
        let lane = &mut self.lanes[index as usize];
        let weighs = matches!(change, Some(Change::Zero | Change::Weight));
        if record.flags.replace(Flag::CountedWaiting, weighs) != weighs {
            let step = |count: &mut u32| *count = if weighs { *count + 1 } else { count.saturating_sub(1) };
            step(&mut pool.waiting);
            step(&mut lane.weights_waiting);
            lane.full |= weighs && pool.waiting > lane.limits.weights_per_pool();
        }
        if change.is_some() {
            lane.gather(self.now, kill);
            if !record.flags.replace(Flag::Queued, true) {
                lane.waiting.push(target);
            }
        }
        self.stir(index);
    }

    /// Keeps the counts of a pool, and tells when all of it is at weight 0.
    fn count(&mut self, target: Index, desire: &Desire) {
        let record = &mut self.targets[target];
        let registered = matches!(record.seen, Seeing::Registered(_));
        let serving = desire.want.weight().is_some_and(|weight| weight != Weight::DRAINED)
            && (registered || matches!(desire.want, Want::Present(_)));
        let pool_index = record.pool;
        let pool = &mut self.pools[pool_index];
        let mut step = |count: &mut u32, counted: Flag, now: bool| {
            if record.flags.replace(counted, now) != now {
                *count = if now { *count + 1 } else { count.saturating_sub(1) };
            }
        };
        step(&mut pool.registered, Flag::CountedRegistered, registered);
        step(&mut pool.serving, Flag::CountedServing, serving);
        if pool.serving > 0 {
            pool.told.all_zero = false;
        } else if registered
            && desire.want == Want::Keep(Weight::DRAINED)
            && !pool.told.all_zero
            && self.synced
        {
            pool.told.all_zero = true;
            let targets = pool.registered;
            if let Some(route) = self.route_to_name(pool_index) {
                let record = &self.pools[pool_index];
                let (lane, pool) = (self.lanes[record.lane as usize].id.clone(), record.pool.clone());
                self.tell(Notice::AllAtZero { route, lane, pool, targets });
            }
        }
    }

    /// Tells once about a registered target that is nobody's, or whose Pod is gone while we hold no claim.
    fn report(&mut self, target: Index, desire: &Desire) {
        let record = &self.targets[target];
        if self.config.ownership != Ownership::Ledger {
            return;
        }
        let unclaimed = record.claim == Claim::None && matches!(record.seen, Seeing::Registered(_));
        if !unclaimed || record.flags.has(Flag::Reported) || record.flying().is_some() {
            return;
        }
        let pool = &self.pools[record.pool];
        let known = self.synced && pool.read && self.lanes[pool.lane as usize].claims_loaded;
        if !known {
            return;
        }
        let Some(route) = self.route_to_name(record.pool) else { return };
        let orphan = desire.want == Want::Absent && !self.may_claim(target, desire);
        let foreign = desire.want == Want::Nothing && record.seats == NONE;
        if orphan || foreign {
            self.targets[target].flags.set(Flag::Reported, true);
            let target = self.target_id(target);
            self.tell(if orphan {
                Notice::Orphan { target, route }
            } else {
                Notice::Foreign { target, route }
            });
        }
    }

    /// Takes those off a target whose time here is over: nothing is registered for them, nothing is claimed.
    fn clear_seats(&mut self, target: Index) {
        let record = &self.targets[target];
        if record.seats == NONE {
            return;
        }
        if record.flying().is_some() || record.flags.has(Flag::Doubt) || record.claim != Claim::None {
            self.clear_superseded(target);
            return;
        }
        let proven_absent = record.seen == Seeing::Absent && !record.flags.has(Flag::Assumed);
        let unclaimed_orphan = record.want == Want::Absent && record.flags.has(Flag::Reported);
        // Without a claim that says it, what is seen says whether something is left to do.
        let ledger = self.config.ownership == Ownership::Ledger;
        let left_to_others = self.config.ownership == Ownership::WeightsOnly && record.want == Want::Absent;
        let released = |state: &Self, seat: Index| {
            state.bindings[state.seats[seat].binding].phase == Phase::Ended(crate::route::RouteEnd::Released)
                && state
                    .standing_of(&state.sitting(seat))
                    .is_none_or(|(standing, _)| standing != crate::decide::Standing::Terminating)
        };
        let leaving: alloc::vec::Vec<Index> = self
            .seats_of(target)
            .filter(|seat| {
                let record = &self.seats[*seat];
                let over = matches!(self.pods[record.pod].life(), Some(Life::Over));
                let ended = self.bindings[record.binding].phase != Phase::Active;
                let finished = proven_absent || unclaimed_orphan;
                (finished && (over || ended || !record.listed))
                    || (released(self, *seat) && !proven_absent && (ledger || self.is_settled(target)))
                    || (ended && left_to_others)
                    || (ended
                        && self.targets[target].seen == Seeing::Unknown
                        && !self.targets[target].flags.has(Flag::Doubt))
            })
            .collect();
        for seat in leaving {
            self.leave(seat);
        }
        self.clear_superseded(target);
    }

    /// A Pod that is gone leaves its target to a successor that sits there: what becomes of the old one no longer
    /// touches it.
    fn clear_superseded(&mut self, target: Index) {
        let first = self.targets[target].seats;
        if first == NONE || self.is_alone(first) {
            return;
        }
        let gone: alloc::vec::Vec<Index> = self
            .seats_of(target)
            .filter(|seat| matches!(self.pods[self.seats[*seat].pod].life(), Some(Life::Over)))
            .collect();
        let all = self.seats_of(target).count();
        let successor = self
            .seats_of(target)
            .any(|seat| !gone.contains(&seat) && self.pods[self.seats[seat].pod].facts.is_some());
        if all > gone.len() && successor {
            for seat in gone {
                self.leave(seat);
            }
        }
    }

    fn leave(&mut self, seat: Index) {
        let binding = self.seats[seat].binding;
        self.remove_seat(seat);
        self.forget_binding(binding);
    }
}
