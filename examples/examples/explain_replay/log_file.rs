//! A log as it lies in a file: read line by line, and refused with the number of the line that is wrong.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::Path;

use grace_core::Machine;
use grace_core::log::{Entry, VERSION};
use serde_json::Value;

use crate::moment::Clock;

/// A log that can be repeated.
pub(crate) struct Log {
    /// Where it was read, for people.
    pub(crate) path: String,
    /// Shows moments as the log has them.
    pub(crate) clock: Clock,
    /// Each call that can be repeated.
    pub(crate) entries: Vec<Entry>,
    /// The machine before the first of them.
    pub(crate) machine: Machine,
}

impl Log {
    /// Reads a file. Where its first line was cut off, it begins with the first snapshot that is left.
    ///
    /// # Errors
    /// One line for people: the file cannot be read, a line is no entry, the version is not this program's, or there is
    /// nothing to begin with.
    pub(crate) fn read(path: &Path) -> Result<Self, String> {
        let unreadable = |error| format!("reading {} failed: {error}", path.display());
        let (mut machine, mut entries, mut is_empty) = (None, Vec::new(), true);
        for (number, line) in (1..).zip(BufReader::new(File::open(path).map_err(unreadable)?).lines()) {
            is_empty = false;
            let entry = entry(&line.map_err(unreadable)?, number, path)?;
            if number > 1 && matches!(entry, Entry::Start { .. }) {
                return Err(format!(
                    "line {number} of {} begins another log, of another process: split the file there",
                    path.display()
                ));
            }
            if machine.is_none() {
                machine = entry.machine();
            } else if matches!(entry, Entry::Event { .. } | Entry::Timeout { .. }) {
                entries.push(entry);
            }
        }
        if is_empty {
            return Err(format!(
                "{} is empty: a log begins with its version and configuration",
                path.display()
            ));
        }
        let Some(machine) = machine else {
            return Err(format!(
                "line 1 of {} is not the first line of a log, which has the version and the configuration, and no \
                 snapshot follows: a log is repeated from its beginning or from a snapshot",
                path.display()
            ));
        };
        let Some(begin) = entries.first().and_then(Entry::now) else {
            return Err(format!("{} has no entry after its first line: nothing happened", path.display()));
        };
        let end = entries.last().and_then(Entry::now).unwrap_or(begin);
        Ok(Self { path: path.display().to_string(), clock: Clock { begin, end }, entries, machine })
    }
}

/// What a line holds.
fn entry(line: &str, number: usize, path: &Path) -> Result<Entry, String> {
    let entry: Result<Entry, _> = serde_json::from_str(line);
    let version = match &entry {
        Ok(Entry::Start { version, .. } | Entry::Snapshot { version, .. }) => Some(version.clone()),
        Ok(Entry::Event { .. } | Entry::Timeout { .. }) => None,
        // Another version may have another configuration and another machine.
        Err(_) => foreign_version(line),
    };
    if let Some(version) = version.filter(|version| **version != *VERSION) {
        return Err(format!(
            "{} was written by version {version}, this program knows {VERSION}: use the one of that version",
            path.display()
        ));
    }
    entry.map_err(|error| format!("line {number} of {} is no entry: {}", path.display(), why(&error)))
}

/// The version that a line names which cannot be read.
fn foreign_version(line: &str) -> Option<Box<str>> {
    let value: Value = serde_json::from_str(line).ok()?;
    ["Start", "Snapshot"].iter().find_map(|kind| value[kind]["version"].as_str()).map(Into::into)
}

/// An error of JSON, without the number of a line: each text is one.
fn why(error: &serde_json::Error) -> String {
    let text = error.to_string();
    match text.split_once(" at line ") {
        Some((text, _)) => format!("{text} (column {})", error.column()),
        None => text,
    }
}
