//! What happened to the Pods that bear one name, line by line.

use std::fmt::Write;

use grace_core::log::Entry;
use grace_core::{Event, Machine, ObjectName, Time, Uid};
use k8s_watch::wording;

use crate::calls::Calls;
use crate::facts::Facts;
use crate::log_file::Log;
use crate::moment::{Clock, absolute, seconds};
use crate::{notices, pods, words};

/// Tells the time line of `pod`, `NAMESPACE/POD`.
///
/// # Errors
/// One line for people when no Pod of the log bears this name, with the names that are most like it.
pub(crate) fn tell(log: &Log, pod: &str) -> Result<String, String> {
    let mut names = pods::named(log);
    let Some(name) = names.keys().find(|name| name.to_string() == pod).cloned() else {
        return Err(not_there(log, pod, names.keys()));
    };
    let uids = names.remove(&name).unwrap_or_default();
    let mut line = Lines { text: String::new(), clock: log.clock, uids: &uids };
    let mut facts = Facts::new(uids.clone(), log.clock);
    let mut calls = Calls::new(uids.clone());
    let mut machine = log.machine.clone();
    for entry in &log.entries {
        let Some(now) = entry.now() else { continue };
        for (at, text) in calls.overdue(now) {
            line.add(at, "call", &text);
        }
        if let Entry::Event { event, .. } = entry {
            for (uid, text) in facts.learn(event) {
                line.learned(now, uid, &text);
            }
            if let Event::Answer { id, result } = event {
                for text in calls.answered(*id, result, now, &machine, &name) {
                    line.add(now, "answer", &text);
                }
            }
        }
        entry.apply(&mut machine);
        while let Some(action) = machine.poll_action() {
            if let Some(text) = calls.left(&action, now, &machine) {
                line.add(now, "call", &text);
            }
        }
        while let Some(notice) = machine.poll_notice() {
            if notices::is_about(&notice, &uids, &mut calls, &machine) {
                let (reason, note) = wording(&notice);
                line.add(now, "notice", &format!("{reason}: {note}"));
            }
        }
    }
    calls.look(&machine, &name);
    let mut text = match uids.as_slice() {
        [uid] => format!("Pod {name}, uid {uid}\n"),
        uids => {
            let numbered = (1..).zip(uids).map(|(number, uid)| format!("#{number} uid {uid}"));
            format!("Pod {name}: {}\n", join(numbered, ", "))
        }
    };
    text.push_str(&line.text);
    end(&mut text, log.clock, &name, &uids, &mut calls, &machine);
    Ok(text)
}

/// Lines so far, each with its time.
struct Lines<'a> {
    text: String,
    clock: Clock,
    uids: &'a [Uid],
}

impl Lines<'_> {
    fn add(&mut self, at: Time, what: &str, text: &str) {
        let _ = writeln!(self.text, "{:>10}  {}  {what:<6}  {text}", self.clock.relative(at), absolute(at));
    }

    /// With the number of the Pod, where several bore its name.
    fn learned(&mut self, at: Time, uid: Uid, text: &str) {
        match self.uids.iter().position(|known| *known == uid) {
            Some(place) if self.uids.len() > 1 => self.add(at, "Pod", &format!("#{} {text}", place + 1)),
            Some(_) | None => self.add(at, "Pod", text),
        }
    }
}

/// What is known when the log ends.
fn end(
    text: &mut String,
    clock: Clock,
    name: &ObjectName,
    uids: &[Uid],
    calls: &mut Calls,
    machine: &Machine,
) {
    let _ = writeln!(text, "At the end of the log, {}:", clock.both(clock.end));
    for uid in uids {
        if let Some(drain) = machine.drain(*uid) {
            let confirmed = if drain.confirmed { "all at weight 0" } else { "not all at weight 0 yet" };
            let running = seconds(drain.running);
            let _ = writeln!(
                text,
                "  {name}, uid {uid}, drains: {} targets, {confirmed}, for {running}",
                drain.targets
            );
        }
    }
    for id in calls.open() {
        let _ = writeln!(text, "  {id} has no answer yet");
    }
    if calls.targets().is_empty() {
        let _ = writeln!(text, "  {name} has no target");
    }
    let plan = machine.plan();
    for target in calls.targets() {
        let _ = writeln!(text, "  {target}");
        let next = plan.iter().find(|planned| planned.target == *target);
        let lines = machine.explain(target).map_or_else(
            || vec!["nothing is known of it any more".to_owned()],
            |known| words::explained(&known, next),
        );
        for line in lines {
            let _ = writeln!(text, "    {line}");
        }
    }
}

fn not_there<'a>(log: &Log, pod: &str, names: impl Iterator<Item = &'a ObjectName>) -> String {
    let like = |name: &String| strsim::levenshtein(name, pod);
    let mut names: Vec<String> = names.map(ToString::to_string).collect();
    names.sort_by_cached_key(like);
    if names.is_empty() {
        return format!("no Pod {pod} in {}: there is none at all", log.path);
    }
    names.truncate(NEAREST);
    format!("no Pod {pod} in {}; nearest: {}", log.path, join(names.iter(), ", "))
}

fn join(each: impl Iterator<Item = impl ToString>, between: &str) -> String {
    each.map(|one| one.to_string()).collect::<Vec<_>>().join(between)
}

/// How many names are offered instead of one that is not there.
const NEAREST: usize = 3;
