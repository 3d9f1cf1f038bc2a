//! One question per bench. Each prints what it measured and how; here is what several of them measure by.
#![forbid(unsafe_code)]

use std::env;
use std::process::Command;

/// Instructions of this program when it is run with `arguments` under callgrind: all of them, or those within functions whose
/// name fits the pattern `within`. None where valgrind is not installed or does not run this program.
#[must_use]
pub fn instructions(arguments: &[&str], within: Option<&str>) -> Option<f64> {
    let run = Command::new("valgrind")
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null"])
        .args(within.map(|pattern| format!("--toggle-collect={pattern}")))
        .arg(env::current_exe().ok()?)
        .args(arguments)
        .output()
        .ok()?;
    let told = String::from_utf8_lossy(&run.stderr);
    let (_, count) = told.lines().find_map(|line| line.split_once("Collected :"))?;
    count.trim().parse().ok().filter(|count| *count > 0.0)
}
