//! A log that was cut is repeated from a snapshot in it, and does from there on exactly what was recorded.

use grace_core::DrainOn::{Termination, TerminationAndUnready};
use grace_core::log::{Entry, replay};
use grace_core::{Action, Config, Floor, Machine};
use proptest::prelude::*;

use crate::harness::Harness;
use crate::log_replay::bytes;
use crate::random_world::{Run, Step, cases, fault, step};
use crate::words::*;

/// The actions that one entry makes the machine hand out.
fn step_of(machine: &mut Machine, entry: &Entry) -> Vec<Action> {
    entry.apply(machine);
    while machine.poll_notice().is_some() {}
    std::iter::from_fn(|| machine.poll_action()).collect()
}

fn text(machine: &Machine) -> String {
    serde_json::to_string(&Entry::snapshot(machine)).expect("it has a text")
}

fn read_back(text: &str) -> Machine {
    let entry: Entry = serde_json::from_str(text).expect("it is read back");
    entry.machine().expect("a replay may begin with it")
}

/// A log with a snapshot after every so many calls, and what was handed out after each of its entries.
fn with_snapshots(log: &[Entry], every: usize) -> (Vec<Entry>, Vec<Vec<Action>>) {
    let mut machine = log[0].machine().expect("it is the first line");
    let (mut entries, mut actions) = (vec![log[0].clone()], vec![Vec::new()]);
    for (number, entry) in (1..).zip(&log[1..]) {
        actions.push(step_of(&mut machine, entry));
        entries.push(entry.clone());
        if number % every == 0 {
            entries.push(serde_json::from_str(&text(&machine)).expect("it is read back"));
            actions.push(Vec::new());
        }
    }
    (entries, actions)
}

/// At every entry the snapshot that could have been written there gives a machine that does with the next entry what was
/// done then, and is afterwards what it was then: so it does the same up to the end. From some of them that is tried too.
fn goes_on_from_any_snapshot(log: &[Entry]) -> Result<(), TestCaseError> {
    let mut machine = log[0].machine().expect("it is the first line");
    let mut restored = read_back(&text(&machine));
    let mut runners: Vec<(usize, Machine)> = Vec::new();
    for (number, entry) in (1..).zip(&log[1..]) {
        let actions = step_of(&mut machine, entry);
        let now = text(&machine);
        prop_assert_eq!(bytes(&step_of(&mut restored, entry)), bytes(&actions), "entry {}", number);
        prop_assert_eq!(&text(&restored), &now, "after entry {}: {:?}", number, entry);
        prop_assert_eq!(restored.poll_timeout(), machine.poll_timeout());
        for (from, runner) in &mut runners {
            let again = step_of(runner, entry);
            prop_assert_eq!(
                bytes(&again),
                bytes(&actions),
                "entry {}, from a snapshot after {}",
                number,
                from
            );
        }
        restored = read_back(&now);
        if number % 16 == 0 {
            runners.push((number, restored.clone()));
        }
    }
    for (from, runner) in runners {
        prop_assert_eq!(text(&runner), text(&machine), "at the end, from a snapshot after {}", from);
    }
    Ok(())
}

fn rollout() -> Harness {
    let mut t = Harness::new(TerminationAndUnready);
    t.given([serving("web-1"), serving("web-2")]);
    t.when([terminating("web-1"), unready("web-3")]);
    t.wait(seconds(3));
    t.when(serving("web-3"));
    t.wait(seconds(3));
    t.when(gone("web-1"));
    t.wait(minutes(2));
    t
}

#[test]
fn a_log_that_was_cut_anywhere_is_repeated_from_the_next_snapshot() {
    let (entries, actions) = with_snapshots(&rollout().log, 7);
    let last =
        entries.iter().rposition(|entry| matches!(entry, Entry::Snapshot { .. })).expect("there are some");
    assert!(last > 30, "{last}");
    for cut in 0..=last {
        let begins =
            cut + entries[cut..].iter().position(|entry| entry.machine().is_some()).expect("one is left");
        let (machine, repeated) = replay(&entries[cut..]).expect("one is left");
        assert_eq!(bytes(&repeated), bytes(&actions[begins + 1..].concat()), "cut before entry {cut}");
        let whole = replay(&entries).expect("it has its first line").0;
        assert_eq!(text(&machine), text(&whole), "cut before entry {cut}");
    }
}

#[test]
fn a_log_that_ends_early_is_repeated_up_to_its_end() {
    let (entries, actions) = with_snapshots(&rollout().log, 7);
    let first =
        entries.iter().position(|entry| matches!(entry, Entry::Snapshot { .. })).expect("there are some");
    for end in first + 1..=entries.len() {
        let (_, repeated) = replay(&entries[first..end]).expect("it has a snapshot");
        assert_eq!(bytes(&repeated), bytes(&actions[first..end].concat()), "cut after entry {end}");
    }
}

#[test]
fn a_log_that_was_cut_after_its_last_snapshot_is_refused_and_says_what_to_keep() {
    let (entries, _) = with_snapshots(&rollout().log, 7);
    let last =
        entries.iter().rposition(|entry| matches!(entry, Entry::Snapshot { .. })).expect("there are some");
    let why = replay(&entries[last + 1..]).expect_err("nothing to begin with is left").to_string();
    assert!(why.contains("neither") && why.contains("since the last snapshot"), "{why}");
}

#[test]
fn a_snapshot_names_its_version_and_the_moment_of_the_last_call() {
    let t = rollout();
    let snapshot = Entry::snapshot(t.machine());
    assert!(matches!(&snapshot, Entry::Snapshot { version, .. } if **version == *grace_core::log::VERSION));
    assert_eq!(snapshot.now(), t.log.last().and_then(Entry::now));
    assert!(!serde_json::to_string(&snapshot).expect("it has a text").contains('\n'), "an entry is one line");
}

#[test]
fn a_snapshot_with_a_wrong_list_of_free_places_is_no_entry() {
    let text = text(rollout().machine());
    let wrong = text.replacen("\"free\":[", "\"free\":[7777,", 1);
    assert_ne!(wrong, text);
    let why = serde_json::from_str::<Entry>(&wrong).expect_err("place 7777 does not exist").to_string();
    assert!(why.contains("free places"), "{why}");
}

proptest! {
    #![proptest_config(cases(24))]

    #[test]
    fn any_run_goes_on_from_a_snapshot_at_any_entry(
        steps in prop::collection::vec(step(), 1..40),
        faults in prop::collection::vec(fault(), 1..20),
        marks in any::<bool>(),
        floor in prop::option::of(1_u16..3),
    ) {
        let config = Config { mark_ready: marks, mark_drained: marks, ..Config::default() };
        let mut run = Run::configured(config, Termination, TerminationAndUnready);
        if let Some(floor) = floor {
            run.t.when(route("web", move |route| route.policy.floor = Some(Floor::Targets(floor))));
        }
        run.t.model.storm = faults.into();
        for step in steps.iter().filter(|step| !matches!(step, Step::Restart)) {
            run.take(step);
        }
        run.t.wait(seconds(30));
        goes_on_from_any_snapshot(&run.t.log)?;
    }
}
