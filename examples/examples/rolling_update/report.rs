//! What came out: the table for people, the same as JSON for programs.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Serialize;

use crate::load::Tally;

/// What one rollout did.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Outcome {
    /// Whether the switches were on.
    pub(crate) grace: bool,
    /// Pods that were replaced.
    pub(crate) replaced: usize,
    /// How long the rollout took, until the last replaced Pod was gone, in seconds.
    pub(crate) seconds: f64,
    /// What the clients saw.
    pub(crate) clients: Tally,
    /// Times from the deletion of a Pod to its weight 0 confirmed, in milliseconds, ascending.
    pub(crate) weight_zero_ms: Vec<u64>,
    /// Connections that the CLB opened to a target after its weight 0 was in force.
    pub(crate) opened_after_zero: u64,
    /// API calls by action, from the release of the next version to the end.
    pub(crate) calls: BTreeMap<String, u64>,
}

impl Outcome {
    /// Whether some request or meeting was lost.
    pub(crate) const fn lost_something(&self) -> bool {
        self.clients.lost() > 0 || self.clients.cut > 0
    }

    fn calls_of(&self, kind: &[&str]) -> u64 {
        self.calls
            .iter()
            .filter(|(action, _)| kind.iter().any(|kind| action.starts_with(kind)))
            .map(|(_, calls)| calls)
            .sum()
    }

    fn per_pod(&self, calls: u64) -> String {
        format!("{:.2}", calls as f64 / self.replaced.max(1) as f64)
    }

    fn weight_zero(&self) -> (String, String) {
        let text = |ms: Option<&u64>| {
            ms.map_or_else(
                || "-".to_owned(),
                |ms| format!("{:.2} s", Duration::from_millis(*ms).as_secs_f64()),
            )
        };
        (text(self.weight_zero_ms.get(self.weight_zero_ms.len() / 2)), text(self.weight_zero_ms.last()))
    }
}

/// The table, off and on side by side.
pub(crate) fn table(off: &Outcome, on: &Outcome) -> String {
    let mut rows: Vec<(String, String, String)> = Vec::new();
    let mut row = |name: &str, of: &dyn Fn(&Outcome) -> String| rows.push((name.to_owned(), of(off), of(on)));
    row("Pods replaced", &|o| o.replaced.to_string());
    row("rollout took", &|o| format!("{:.1} s", o.seconds));
    row("requests sent", &|o| o.clients.sent.to_string());
    row("  lost", &|o| o.clients.lost().to_string());
    row("    refused", &|o| o.clients.refused.to_string());
    row("    reset", &|o| o.clients.reset.to_string());
    row("    timed out", &|o| o.clients.timed_out.to_string());
    row("meetings joined", &|o| o.clients.joined.to_string());
    row("  ended with a goodbye", &|o| o.clients.goodbyes.to_string());
    row("  cut", &|o| o.clients.cut.to_string());
    row("deletion to weight 0 confirmed, n", &|o| o.weight_zero_ms.len().to_string());
    row("  p50", &|o| o.weight_zero().0);
    row("  max", &|o| o.weight_zero().1);
    row("opened after weight 0 was in force", &|o| o.opened_after_zero.to_string());
    let mut actions: Vec<&String> = off.calls.keys().chain(on.calls.keys()).collect();
    actions.sort();
    actions.dedup();
    for action in actions {
        row(&format!("calls {action}"), &|o| o.calls.get(action).copied().unwrap_or(0).to_string());
    }
    row("writes per replaced Pod", &|o| o.per_pod(o.calls_of(&["Batch"])));
    row("reads per replaced Pod", &|o| {
        o.per_pod(o.calls_of(&["DescribeTargets", "DescribeListeners", "DescribeLoad"]))
    });
    row("polls per replaced Pod", &|o| o.per_pod(o.calls_of(&["DescribeTask"])));
    row("latest start of a request", &|o| format!("{:.1} ms late", o.clients.lateness_us as f64 / 1e3));

    let width = rows.iter().map(|(name, ..)| name.len()).max().unwrap_or(0);
    let mut text = format!("{:width$}  {:>12}  {:>12}\n", "grace shutdown", "off", "on");
    for (name, off, on) in rows {
        text += &format!("{name:width$}  {off:>12}  {on:>12}\n");
    }
    text
}
