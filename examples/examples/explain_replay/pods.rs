//! The Pods of a log: which there were, and how each was drained.

use std::collections::BTreeMap;
use std::fmt::Write;

use grace_core::log::Entry;
use grace_core::{Event, Notice, ObjectName, Uid};

use crate::log_file::Log;
use crate::moment::{Clock, absolute, seconds};

/// The Pods that bear each name, in the order in which they came.
pub(crate) fn named(log: &Log) -> BTreeMap<ObjectName, Vec<Uid>> {
    let mut names: BTreeMap<ObjectName, Vec<Uid>> = BTreeMap::new();
    for entry in &log.entries {
        if let Entry::Event { event: Event::Pod { pod, .. }, .. } = entry {
            let uids = names.entry(pod.name.clone()).or_default();
            if !uids.contains(&pod.uid) {
                uids.push(pod.uid);
            }
        }
    }
    names
}

/// Lists them.
pub(crate) fn tell(log: &Log) -> String {
    let mut machine = log.machine.clone();
    let mut drains: BTreeMap<Uid, Vec<String>> = BTreeMap::new();
    for entry in &log.entries {
        entry.apply(&mut machine);
        while machine.poll_action().is_some() {}
        while let Some(notice) = machine.poll_notice() {
            if let Some((pod, said)) = drain(&notice, log.clock) {
                drains.entry(pod).or_default().push(said);
            }
        }
    }
    let Clock { begin, end } = log.clock;
    let mut text =
        format!("{}: {} entries, {} to {}\n", log.path, log.entries.len(), absolute(begin), absolute(end));
    for (name, uids) in named(log) {
        for uid in uids {
            let drain = drains.get(&uid).map_or_else(|| "not drained".to_owned(), |said| said.join(", "));
            let running = machine.drain(uid).map_or_else(String::new, |drain| {
                format!(", still draining after {}", seconds(drain.running))
            });
            let _ = writeln!(text, "{name}  uid {uid}  {drain}{running}");
        }
    }
    text
}

/// A step of a drain, where a notice says one.
fn drain(notice: &Notice, clock: Clock) -> Option<(Uid, String)> {
    if let Notice::DrainStarted { pod, targets, asked, .. } = notice {
        Some((*pod, format!("deletion asked {}, {targets} targets", clock.both(*asked))))
    } else if let Notice::DrainConfirmed { pod, after, .. } = notice {
        Some((*pod, format!("at weight 0 after {}", seconds(*after))))
    } else if let Notice::DrainFinished { pod, after, .. } = notice {
        Some((*pod, format!("deregistered after {}", seconds(*after))))
    } else if let Notice::DrainLate { pod, expected, allowed, .. } = notice {
        Some((*pod, format!("late: {} expected, {} allowed", seconds(*expected), seconds(*allowed))))
    } else {
        None
    }
}
