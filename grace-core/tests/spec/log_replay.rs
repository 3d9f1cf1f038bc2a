//! A recorded log repeats a run, action by action and byte by byte.

use grace_core::DrainOn;
use grace_core::DrainOn::{Termination, TerminationAndUnready};
use grace_core::log::{Entry, replay};
use proptest::prelude::*;

use crate::harness::Harness;
use crate::random_world::{Run, cases, fault, step};
use crate::words::*;

/// The log as lines of JSON, read back.
fn through_json(entries: &[Entry]) -> Vec<Entry> {
    let line = |entry: &Entry| serde_json::to_string(entry).expect("it has a text");
    let text: Vec<_> = entries.iter().map(line).collect();
    assert!(text.iter().all(|line| !line.contains('\n')), "an entry is one line");
    text.iter().map(|line| serde_json::from_str(line).expect("it is read back")).collect()
}

pub(crate) fn bytes(actions: &[grace_core::Action]) -> String {
    serde_json::to_string(actions).expect("it has a text")
}

/// One Pod follows another.
pub(crate) fn rollout(drain: DrainOn) -> Harness {
    let mut t = Harness::new(drain);
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
fn a_rollout_replays_to_the_same_actions() {
    let t = rollout(Termination);
    let (machine, actions) = replay(&through_json(&t.log)).expect("it starts with its first line");
    let sent: Vec<_> = t.all.iter().map(|left| left.action.clone()).collect();
    assert!(actions.len() > 6, "{actions:?}");
    assert_eq!(bytes(&actions), bytes(&sent));
    assert_eq!(machine.explain(&target("web-2")), t.machine().explain(&target("web-2")));
    assert_eq!(machine.poll_timeout(), t.machine().poll_timeout());
}

#[test]
fn a_log_without_its_first_line_is_refused() {
    let mut t = Harness::new(Termination);
    t.given(serving("web-1"));
    assert!(replay(&t.log[1..]).is_err());
    assert!(replay(&[]).is_err());
    assert!(matches!(&t.log[0], Entry::Start { version, .. } if !version.is_empty()));
}

proptest! {
    #![proptest_config(cases(60))]

    #[test]
    fn any_run_replays_to_the_same_actions(
        steps in prop::collection::vec(step(), 1..40),
        faults in prop::collection::vec(fault(), 1..20),
    ) {
        let mut run = Run::new(Termination, TerminationAndUnready);
        run.of_one_process(&steps, faults);
        run.t.wait(minutes(2));
        let (_, actions) = replay(&through_json(&run.t.log)).expect("it starts with its first line");
        let sent: Vec<_> = run.t.all.iter().map(|left| left.action.clone()).collect();
        prop_assert_eq!(bytes(&actions), bytes(&sent));
    }
}
