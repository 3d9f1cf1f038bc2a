//! Progress while a rollout runs: one line that is written over on a terminal, plain lines in a pipe.

use std::io::{IsTerminal, Write};
use std::time::{Duration, Instant};

/// Tells on stderr how far a run is.
#[derive(Debug)]
pub(crate) struct Progress {
    title: &'static str,
    started: Instant,
    terminal: bool,
    told: Option<Instant>,
}

impl Progress {
    /// Starts the clock of a run called `title`.
    pub(crate) fn start(title: &'static str) -> Self {
        Self { title, started: Instant::now(), terminal: std::io::stderr().is_terminal(), told: None }
    }

    /// Shows `text`, at most every tenth of a second on a terminal and every two seconds in a pipe.
    pub(crate) fn show(&mut self, text: &str) {
        let pause = if self.terminal { Duration::from_millis(100) } else { Duration::from_secs(2) };
        if self.told.is_none_or(|told| told.elapsed() >= pause) {
            self.told = Some(Instant::now());
            self.write(text, false);
        }
    }

    /// Shows `text` as the last word on this run.
    pub(crate) fn finish(self, text: &str) {
        self.write(text, true);
    }

    fn write(&self, text: &str, last: bool) {
        let line = format!("{:>5.1} s  {:<18} {text}", self.started.elapsed().as_secs_f64(), self.title);
        let mut out = std::io::stderr().lock();
        // Nobody can be told that nothing can be told.
        let _ = match (self.terminal, last) {
            (true, false) => write!(out, "\r\x1b[K{line}").and_then(|()| out.flush()),
            (true, true) => writeln!(out, "\r\x1b[K{line}"),
            (false, _) => writeln!(out, "{line}"),
        };
    }
}
