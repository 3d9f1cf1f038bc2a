//! cargo run -p grace-examples --example explain_replay -- LOG [NAMESPACE/POD]
//!
//! Reads an event log of the core (one `grace_core::log::Entry` per line, JSON), repeats it, and tells what happened to one
//! Pod and why; without a Pod, which Pods there were and how they were drained. Needs no cluster and no account.
//! `k8s_watch::Builder::record` gives the lines of such a log. One that lost its first line is told from its first snapshot on.

#![forbid(unsafe_code)]

mod calls;
mod facts;
mod log_file;
mod moment;
mod notices;
mod pods;
mod time_line;
mod words;

use std::io::{self, ErrorKind, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;

use log_file::Log;

#[derive(Parser)]
#[command(about = "Tells from an event log of the core what happened to a Pod, and why")]
struct Args {
    /// The log: its first line has the version and the configuration, each later one a call
    log: PathBuf,
    /// The Pod, NAMESPACE/POD; all are listed unless said
    pod: Option<String>,
}

fn main() -> ExitCode {
    let args = Args::parse();
    let told = Log::read(&args.log).and_then(|log| match &args.pod {
        Some(pod) => time_line::tell(&log, pod),
        None => Ok(pods::tell(&log)),
    });
    match told.map(|text| io::stdout().write_all(text.as_bytes())) {
        Ok(Err(error)) if error.kind() != ErrorKind::BrokenPipe => {
            eprintln!("writing the answer failed: {error}");
            ExitCode::FAILURE
        }
        Ok(_) => ExitCode::SUCCESS,
        Err(why) => {
            eprintln!("{why}");
            ExitCode::FAILURE
        }
    }
}
