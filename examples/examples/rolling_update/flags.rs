//! What can be chosen on the command line, and what follows from it.

use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;
use clap::error::ErrorKind;

/// Rolls Pods behind a simulated CLB under load, without and with grace shutdown.
#[derive(Clone, Debug, Parser)]
#[command(name = "rolling_update")]
pub(crate) struct Flags {
    /// Seed of the CLB's latencies and the starts of Pods and clients.
    #[arg(long, default_value_t = 1)]
    pub(crate) seed: u64,
    /// Pods behind the CLB, 1 to 50.
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..=50))]
    pub(crate) replicas: u32,
    /// How long the CLB takes to change a weight, a quarter more or less: 100ms to 5s.
    #[arg(long, default_value = "1s", value_parser = task_time)]
    pub(crate) task_time: Duration,
    /// Print one line of JSON instead of the table.
    #[arg(long)]
    pub(crate) json: bool,
}

impl Flags {
    /// The flags of this process.
    ///
    /// # Errors
    /// How the process ends when help was asked for, or a flag is wrong; that was said then, in one line.
    pub(crate) fn parse() -> Result<Self, ExitCode> {
        Self::try_parse().map_err(|error| {
            if error.kind() == ErrorKind::DisplayHelp {
                print!("{error}");
                return ExitCode::SUCCESS;
            }
            let text = error.to_string();
            let first = text.lines().next().unwrap_or_default();
            eprintln!("rolling_update: {}; --help shows the flags", first.trim_start_matches("error: "));
            ExitCode::from(2)
        })
    }

    /// Sleep of the preStop hook, in whole seconds: the write under way, the own write, and time to notice.
    pub(crate) fn pre_stop(&self) -> u64 {
        seconds_up(self.task_time * 3) + 2
    }

    /// `minReadySeconds`: as nothing else holds the Deployment back until the CLB has a Pod, it waits as long as a
    /// registration takes behind a write under way. Kubernetes counts up to a second less.
    pub(crate) fn min_ready(&self) -> u64 {
        seconds_up(self.task_time) + 2
    }
}

fn seconds_up(time: Duration) -> u64 {
    time.as_secs() + u64::from(time.subsec_nanos() > 0)
}

fn task_time(text: &str) -> Result<Duration, String> {
    let (digits, unit) = text.split_at(text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len()));
    let number: Option<u64> = digits.parse().ok();
    let time = match (number, unit) {
        (Some(number), "ms") => Duration::from_millis(number),
        (Some(number), "s") => Duration::from_secs(number),
        (None, _) | (Some(_), _) => return Err("write it like 500ms or 2s".to_owned()),
    };
    if (Duration::from_millis(100)..=Duration::from_secs(5)).contains(&time) {
        Ok(time)
    } else {
        Err("choose a time from 100ms to 5s".to_owned())
    }
}
