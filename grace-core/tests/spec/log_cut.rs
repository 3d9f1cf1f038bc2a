//! A log that was cut is repeated from a snapshot in it, and does from there on exactly what was recorded.

use grace_core::DrainOn::{Termination, TerminationAndUnready};
use grace_core::log::{Entry, replay};
use grace_core::{Action, Config, Floor, Machine, Resolution};
use proptest::prelude::*;

use crate::harness::Harness;
use crate::log_replay::{self, bytes};
use crate::random_world::{Run, Step, cases, fault, step};
use crate::words::*;
use crate::world::{Pod, ip};

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

/// All that a machine has, in a text. Tables of numbers have no order.
fn shape(machine: &Machine) -> String {
    let text = format!("{machine:?}");
    let mut parts = text.split("table: {");
    let mut shape = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (numbers, rest) = part.split_once('}').expect("a table ends");
        let mut numbers: Vec<_> = numbers.split(", ").collect();
        numbers.sort_unstable();
        shape += &format!("table: {numbers:?}{rest}");
    }
    shape
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
        let now = shape(&machine);
        prop_assert_eq!(bytes(&step_of(&mut restored, entry)), bytes(&actions), "entry {}", number);
        prop_assert_eq!(&shape(&restored), &now, "after entry {}: {:?}", number, entry);
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
        restored = read_back(&text(&machine));
        prop_assert_eq!(&shape(&restored), &now, "read back after entry {}", number);
        if number % 16 == 0 {
            runners.push((number, restored.clone()));
        }
    }
    for (from, runner) in runners {
        prop_assert_eq!(shape(&runner), shape(&machine), "at the end, from a snapshot after {}", from);
    }
    Ok(())
}

fn rollout() -> Harness {
    log_replay::rollout(TerminationAndUnready)
}

fn last_snapshot(entries: &[Entry]) -> usize {
    entries.iter().rposition(|entry| matches!(entry, Entry::Snapshot { .. })).expect("there are some")
}

#[test]
fn a_log_that_was_cut_anywhere_is_repeated_from_the_next_snapshot() {
    let (entries, actions) = with_snapshots(&rollout().log, 7);
    let last = last_snapshot(&entries);
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
    let why = replay(&entries[last_snapshot(&entries) + 1..])
        .expect_err("nothing to begin with is left")
        .to_string();
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
fn what_is_under_way_in_many_ways_goes_on_from_a_snapshot() {
    let everywhere = Fact::new(|world, _| {
        let places = (1..=25).map(|number| place(&format!("lb-{number}/lbl-1")));
        let pools: Vec<_> = places.inspect(|(lane, _)| _ = world.lane(&lane.to_string())).collect();
        let web = world.route("web");
        (web.pools, web.policy.min_drain) = (Resolution::Known(pools), seconds(30));
    });
    let both = |pod: &mut Pod| pod.facts.ips = [Some(ip("web-1")), Some(ip("fd00::1"))];
    let config = Config { mark_drained: true, ..Config::default() };
    let mut t = Harness::configured(config, [drains("web", Termination), everywhere]);
    t.when([serving("web-1").with("web-1", both), serving("web-2")]);
    t.wait(seconds(30));
    t.when([terminating("web-1"), route("api", |route| route.pools = Resolution::Pending)]);
    t.wait(seconds(5));
    t.when(route("api", |route| route.pools = Resolution::Known(vec![])));
    t.wait(seconds(5));
    t.when(gone("web-1"));
    t.wait(minutes(1));
    goes_on_from_any_snapshot(&t.log).expect("it goes on");
    let mut machine = t.log[0].machine().expect("it is the first line");
    let shapes: Vec<_> =
        t.log.iter().map(|entry| (step_of(&mut machine, entry), shape(&machine)).1).collect();
    // Calls that wait for the budget, a mark, a route whose pools are not known, an address of the second family.
    for seen in ["budget_queue: [Q", "wanted: {(", "unresolved: [1", "Some((fd00::1, "] {
        assert!(shapes.iter().any(|shape| shape.contains(seen)), "{seen}");
    }
}

#[test]
fn a_snapshot_with_a_wrong_list_of_free_places_is_no_entry() {
    let text = text(rollout().machine());
    let (before, list) = text
        .match_indices("\"free\":[")
        .map(|(at, begin)| text.split_at(at + begin.len()))
        .find(|(_, list)| !list.starts_with(']'))
        .expect("a record was dropped");
    let (first, rest) = list.split_at(list.find([',', ']']).expect("the list ends"));
    // A place that does not exist, once more than it should be and instead of a free one; and a free one twice.
    for wrong in [format!("7777,{first}"), "7777".to_owned(), format!("{first},{first}")] {
        let why = serde_json::from_str::<Entry>(&format!("{before}{wrong}{rest}")).expect_err("it is wrong");
        assert!(why.to_string().contains("free places"), "{why}");
    }
}

proptest! {
    #![proptest_config(cases(24))]

    #[test]
    fn any_run_goes_on_from_a_snapshot_at_any_entry(
        mut steps in prop::collection::vec(step(), 1..40),
        faults in prop::collection::vec(fault(), 1..20),
        marks in any::<bool>(),
        floor in prop::option::of(1_u16..3),
    ) {
        let config = Config { mark_ready: marks, mark_drained: marks, ..Config::default() };
        let mut run = Run::configured(config, Termination, TerminationAndUnready);
        if let Some(floor) = floor {
            run.t.when(route("web", move |route| route.policy.floor = Some(Floor::Targets(floor))));
        }
        if marks {
            // At a shared address the drained mark of one Pod says nothing of the other, and the harness knows one only.
            steps.retain(|step| !matches!(step, Step::Create { address: Some(_), .. }));
        }
        run.of_one_process(&steps, faults);
        run.t.wait(seconds(30));
        goes_on_from_any_snapshot(&run.t.log)?;
    }
}
