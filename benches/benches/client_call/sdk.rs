//! The official SDKs: programs in their languages that make the same calls and say what these cost them.

use std::net::SocketAddr;
use std::process::Command;

use serde_json::Value;

use crate::Failed;

/// One SDK that is at hand.
pub(crate) struct Sdk {
    name: &'static str,
    /// By how much less processor time our client shall take.
    goal: f64,
    /// Calls in a round: the dear ones make fewer.
    count: usize,
    /// Program and its first arguments.
    command: Vec<String>,
}

/// Those at hand; says why the others are not.
pub(crate) fn found() -> Vec<Sdk> {
    let candidates = [
        ("Go", 4.0, 16_000, "GRACE_SDK_GO"),
        ("Node", 9.0, 4_000, "GRACE_SDK_NODE"),
        ("Python", 60.0, 800, "GRACE_SDK_PYTHON"),
    ];
    let mut found = Vec::new();
    for (name, goal, count, variable) in candidates {
        let command = std::env::var(variable).unwrap_or_default();
        let command: Vec<String> = command.split_whitespace().map(str::to_owned).collect();
        if command.is_empty() {
            println!("{name} SDK: skipped, because {variable} does not name a program that has it");
        } else {
            found.push(Sdk { name, goal, count, command });
        }
    }
    found
}

impl Sdk {
    /// Its language.
    pub(crate) fn name(&self) -> &'static str {
        self.name
    }

    /// By how much less processor time our client shall take.
    pub(crate) fn goal(&self) -> f64 {
        self.goal
    }

    /// Calls in a round.
    pub(crate) fn count(&self) -> usize {
        self.count
    }

    /// Microseconds of processor time per call, start and first calls of the program apart.
    pub(crate) fn calls(&self, address: SocketAddr, concurrency: usize) -> Result<f64, Failed> {
        let arguments = [address.to_string(), self.count.to_string(), concurrency.to_string()];
        let run = Command::new(&self.command[0]).args(&self.command[1..]).args(arguments).output()?;
        let told = String::from_utf8_lossy(&run.stdout);
        let failed = || format!("{} SDK: {told}{}", self.name, String::from_utf8_lossy(&run.stderr));
        if !run.status.success() {
            return Err(failed().into());
        }
        let figures: Value = serde_json::from_str(told.trim()).map_err(|_| failed())?;
        let micros = figures["cpu_us"].as_f64().ok_or_else(failed)?;
        Ok(micros / self.count as f64)
    }
}
