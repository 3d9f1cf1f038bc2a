//! Why the program does not start: one line that says what to do.

use std::fmt::{self, Display};
use std::process::ExitCode;

/// A configuration that cannot work, or a question that is answered instead of starting.
#[derive(Debug)]
pub(crate) enum Refusal {
    /// What is wrong and what to do, on one line.
    Bad(String),
    /// The answer to `--help` or `--version`.
    Answer(String),
}

impl Refusal {
    /// `what` is wrong, because of `why`.
    pub(crate) fn new(what: &str, why: impl Display) -> Self {
        Self::Bad(one_line(&format!("{what}: {why}")))
    }

    /// `why` says everything.
    pub(crate) fn because(why: impl Display) -> Self {
        Self::Bad(one_line(&why.to_string()))
    }

    /// Prints it; returns the status of the process.
    pub(crate) fn tell(&self) -> ExitCode {
        match self {
            Self::Bad(line) => {
                eprintln!("controller: {line}");
                ExitCode::from(2)
            }
            Self::Answer(text) => {
                print!("{text}");
                ExitCode::SUCCESS
            }
        }
    }
}

/// An error with its causes, outermost first.
pub(crate) struct Causes<'a>(pub(crate) &'a dyn std::error::Error);

impl Display for Causes<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)?;
        let mut next = self.0.source();
        while let Some(cause) = next {
            write!(f, ": {cause}")?;
            next = cause.source();
        }
        Ok(())
    }
}

/// `text` with control characters escaped, at most 500 characters of it: what was typed may hold anything.
fn one_line(text: &str) -> String {
    let mut line = String::new();
    for c in text.chars().take(500) {
        if c.is_control() || matches!(c, '\u{2028}' | '\u{2029}') {
            line.extend(c.escape_default());
        } else {
            line.push(c);
        }
    }
    line
}
