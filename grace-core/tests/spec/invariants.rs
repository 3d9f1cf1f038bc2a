//! What holds in every world: random Pods, orders, faults, other hands, restarts. The harness checks the contract and
//! S1 to S4, S7 to S10 and S12 at every call; the properties below check where it all ends.

use std::time::Duration;

use grace_core::DrainOn::{Termination, TerminationAndUnready};
use grace_core::Life;
use proptest::prelude::*;

use crate::fault::Fault;
use crate::random_world::{Run, SLOTS, Step, cases, drain, fault, interleaved, step};
use crate::words::*;
use crate::world::w;

proptest! {
    #![proptest_config(cases(100))]

    /// L1, L2, S1 to S4, S7 to S10, S12, and that no lost answer blocks a lane for ever.
    #[test]
    fn inputs_at_rest_end_as_wanted_and_silent(
        web in drain(),
        api in drain(),
        steps in prop::collection::vec(step(), 1..60),
    ) {
        let mut run = Run::new(web, api);
        for step in &steps {
            run.take(step);
        }
        run.rests()?;
    }

    #[test]
    fn the_same_holds_when_calls_fail_are_lost_or_come_late(
        web in drain(),
        api in drain(),
        steps in prop::collection::vec(step(), 1..60),
        faults in prop::collection::vec(fault(), 1..40),
        lag in prop_oneof![3 => Just(0_u64), 1 => 0_u64..5_000],
    ) {
        let mut run = Run::new(web, api);
        run.t.model.timing.lag = Duration::from_millis(lag);
        run.late = faults.iter().any(|fault| matches!(fault, Some(Fault::LostThenLate(_))));
        run.t.model.storm = faults.into();
        for step in &steps {
            run.take(step);
        }
        run.rests()?;
    }

    #[test]
    fn s12_zero_comes_before_deregistration_where_the_end_was_seen(
        steps in prop::collection::vec(step(), 1..60),
    ) {
        let mut run = Run::new(Termination, TerminationAndUnready);
        for step in &steps {
            // Neither other hands nor changed switches: they change what is right.
            if !matches!(step, Step::Overwrite(..) | Step::Remove(_) | Step::Switch(..) | Step::Delay | Step::Restart) {
                run.take(step);
            }
        }
        // Slots whose Pod was seen terminating for longer than two tasks and their lingers.
        let seen: Vec<_> = (0..SLOTS)
            .filter_map(|slot| run.name(slot))
            .filter(|name| matches!(run.t.world.pods[name].facts.life, Life::Terminating { .. }))
            .collect();
        run.t.wait(minutes(2));
        let from = run.t.now;
        for name in &seen {
            run.t.when(gone(name.clone()));
        }
        run.rests()?;
        for happened in run.t.model.history.iter().filter(|h| h.at >= from && h.after.is_none()) {
            prop_assert_eq!(happened.before, Some(w(0)), "{:?}", happened);
        }
    }

    #[test]
    fn s15_equal_events_equal_actions(
        steps in prop::collection::vec(step(), 1..40),
        faults in prop::collection::vec(fault(), 1..20),
    ) {
        let mut run = Run::new(Termination, TerminationAndUnready);
        run.t.model.storm = faults.into();
        for step in steps.iter().filter(|step| !matches!(step, Step::Restart | Step::Nudge)) {
            run.take(step);
        }
        let replayed = run.t.replayed();
        prop_assert!(!run.t.all.is_empty(), "the lanes are read at least");
        let recorded: Vec<_> = run.t.all.iter().map(|left| (left.at, left.action.clone())).collect();
        prop_assert_eq!(replayed, recorded);
    }

    #[test]
    fn s15_any_interleaving_of_the_same_events_ends_in_the_same_place(
        steps in prop::collection::vec(step(), 1..25),
        order in any::<u64>(),
    ) {
        let mut run = Run::new(Termination, TerminationAndUnready);
        for slot in 0..SLOTS {
            run.take(&Step::Create { slot, address: None });
            run.take(&Step::Serve(slot));
        }
        run.t.settle();
        run.delayed = true;
        for step in &steps {
            if !matches!(step, Step::Wait(_) | Step::Restart | Step::Regrant | Step::Relist | Step::Deliver | Step::Overwrite(..) | Step::Remove(_)) {
                run.take(step);
            }
        }
        let events = std::mem::take(&mut run.queue);
        let mut straight = run.t.clone();
        for event in &events {
            straight.send(event);
        }
        straight.wait(minutes(5));
        let mut shuffled = run.t.clone();
        for event in interleaved(events, order) {
            shuffled.send(&event);
        }
        shuffled.wait(minutes(5));
        for lane in straight.lanes() {
            prop_assert_eq!(&straight.model.balancers[&lane].targets, &shuffled.model.balancers[&lane].targets);
            prop_assert_eq!(&straight.model.claims[&lane].all, &shuffled.model.claims[&lane].all);
        }
    }

    #[test]
    fn a7_a_relist_a_restart_and_a_resync_of_a_world_at_rest_write_nothing(
        web in drain(),
        steps in prop::collection::vec(step(), 1..40),
    ) {
        let mut run = Run::new(web, Termination);
        for step in &steps {
            run.take(step);
        }
        run.rests()?;
        run.take(&Step::Relist);
        run.t.wait(minutes(2));
        prop_assert!(run.t.writes().is_empty(), "after a relist: {:?}", run.t.writes());
        // What was decided by history and stands at 0 or absent is not decided anew by a restart either. Only weight 0
        // for terminating Pods does not wait for the read that would show it to be redundant.
        run.take(&Step::Restart);
        run.t.wait(minutes(7));
        let mut writes = run.t.writes();
        let zeros = writes.len();
        writes.sort();
        writes.dedup();
        prop_assert_eq!(writes.len(), zeros, "once at most: {:?}", writes);
        writes.retain(|write| !run.zero_for_terminating(write));
        prop_assert!(writes.is_empty(), "after a restart: {:?}", writes);
    }

    #[test]
    fn waking_early_changes_nothing(
        steps in prop::collection::vec(step(), 1..40),
        nudges in prop::collection::vec(0_u64..50, 1..20),
    ) {
        let mut calm = Run::new(Termination, TerminationAndUnready);
        let mut nudged = Run::new(Termination, TerminationAndUnready);
        for (step, nudge) in steps.iter().zip(nudges.iter().cycle()) {
            calm.take(step);
            nudged.take(step);
            calm.t.wait(Duration::from_millis(*nudge));
            for _ in 0..*nudge {
                nudged.t.wait(Duration::from_millis(1));
                nudged.t.nudge();
            }
        }
        prop_assert!(!calm.t.all.is_empty(), "the lanes are read at least");
        let sent = |run: &Run| run.t.left.iter().map(|left| (left.at, left.action.clone())).collect::<Vec<_>>();
        prop_assert_eq!(sent(&calm), sent(&nudged));
    }
}
