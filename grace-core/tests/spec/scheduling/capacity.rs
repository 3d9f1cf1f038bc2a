//! How much can be drained within a grace period, against the formula.

use serde_json::json;

use super::{Size, deleted, figure, limits, ready, services, size};
use crate::words::*;

const GRACE: u64 = 30;
/// What a call takes beside its task.
const OVERHEAD: u64 = 200;

/// Targets that reached weight 0 within the grace period, of more than can.
fn reached(pods: usize, pools: usize, e: u16, task: u64) -> usize {
    let mut t = services(&[Size { pods, pools }], limits(e));
    t.given((0..pods).map(|n| ready(0, n)).collect::<Vec<_>>());
    t.model.timing.task = millis(1_000 * task + OVERHEAD);
    // The time of a task is learned from one that is alone.
    t.given(ready(0, pods));
    t.given(deleted(0, pods, seconds(GRACE)));
    let start = t.now;
    t.model.history.clear();
    t.when((0..pods).map(|n| deleted(0, n, seconds(GRACE))).collect::<Vec<_>>());
    t.run_until(start + seconds(GRACE));
    t.model.history.iter().filter(|h| h.after == Some(crate::world::w(0))).count()
}

#[test]
fn a4_within_a_grace_period_as_many_targets_are_drained_as_the_formula_says() {
    let tasks = if size(0, 1) == 0 { vec![5] } else { vec![1, 2, 5] };
    let mut rows = Vec::new();
    for task in tasks {
        for (pools, e) in [(1_usize, 1_u16), (10, 1), (1, 10), (10, 10)] {
            let in_a_call = (50 * usize::from(e) * pools).min(500);
            let calls = (1_000 * GRACE - 2_000) / (1_000 * task + OVERHEAD);
            let formula = in_a_call * usize::try_from(calls).expect("few");
            if e == 10 && pools == 1 && size(0, 1) == 0 {
                continue;
            }
            let reached = reached(formula * 5 / 4 / pools, pools, e, task);
            rows.push(json!({
                "task_s": task, "pools": pools, "elements_per_pool": e, "formula": formula, "reached": reached,
            }));
            assert!(
                100 * reached >= 95 * formula,
                "T = {task}, {pools} pools, e = {e}: {reached} of {formula}"
            );
        }
    }
    figure("capacity_of_a_grace_period", &json!(rows));
}
