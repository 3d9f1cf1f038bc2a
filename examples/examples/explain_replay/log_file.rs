//! A log as it lies in a file: read line by line, and refused with the number of the line that is wrong.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::Path;

use grace_core::log::{Entry, VERSION};
use grace_core::{Config, Machine};
use serde_json::Value;

use crate::moment::Clock;

/// A log that can be repeated.
pub(crate) struct Log {
    /// Where it was read, for people.
    pub(crate) path: String,
    /// Shows moments as the log has them.
    pub(crate) clock: Clock,
    /// Each call, without the first line.
    pub(crate) entries: Vec<Entry>,
    config: Config,
}

impl Log {
    /// Reads a file.
    ///
    /// # Errors
    /// One line for people: the file cannot be read, a line is no entry, the version is not this program's.
    pub(crate) fn read(path: &Path) -> Result<Self, String> {
        let unreadable = |error| format!("reading {} failed: {error}", path.display());
        let mut lines = BufReader::new(File::open(path).map_err(unreadable)?).lines();
        let Some(first) = lines.next() else {
            return Err(format!(
                "{} is empty: a log begins with its version and configuration",
                path.display()
            ));
        };
        let config = start(&first.map_err(unreadable)?, path)?;
        let mut entries = Vec::new();
        for (number, line) in (2..).zip(lines) {
            let entry = serde_json::from_str(&line.map_err(unreadable)?).map_err(|error| {
                format!("line {number} of {} is no entry: {}", path.display(), why(&error))
            })?;
            if matches!(entry, Entry::Start { .. }) {
                return Err(format!(
                    "line {number} of {} begins another log, of another process: split the file there",
                    path.display()
                ));
            }
            entries.push(entry);
        }
        let Some(begin) = entries.first().and_then(Entry::now) else {
            return Err(format!("{} has no entry after its first line: nothing happened", path.display()));
        };
        let end = entries.last().and_then(Entry::now).unwrap_or(begin);
        Ok(Self { path: path.display().to_string(), clock: Clock { begin, end }, entries, config })
    }

    /// The machine before the first call.
    pub(crate) fn machine(&self) -> Machine {
        Machine::new(self.config.clone())
    }
}

/// The configuration of a first line. The version is looked at first: another one may have another configuration.
fn start(line: &str, path: &Path) -> Result<Config, String> {
    let value: Value = serde_json::from_str(line)
        .map_err(|error| format!("line 1 of {} is no entry: {}", path.display(), why(&error)))?;
    match value["Start"]["version"].as_str() {
        Some(version) if version != VERSION => {
            return Err(format!(
                "{} was written by version {version}, this program knows {VERSION}: use the one of that version",
                path.display()
            ));
        }
        Some(_) | None => {}
    }
    match serde_json::from_value(value) {
        Ok(Entry::Start { config, .. }) => Ok(config),
        Ok(Entry::Event { .. } | Entry::Timeout { .. }) => Err(format!(
            "line 1 of {} is not the first line of a log, which has the version and the configuration: \
             a log is repeated from its beginning",
            path.display()
        )),
        Err(error) => Err(format!("line 1 of {} is no entry: {}", path.display(), why(&error))),
    }
}

/// An error of JSON, without the number of a line: each text is one.
fn why(error: &serde_json::Error) -> String {
    let text = error.to_string();
    match text.split_once(" at line ") {
        Some((text, _)) => format!("{text} (column {})", error.column()),
        None => text,
    }
}
