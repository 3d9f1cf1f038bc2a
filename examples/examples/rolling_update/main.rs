//! cargo run --release -p grace-examples --example rolling_update
//!
//! Ten Pods behind one CLB roll to another version under load, without and with grace shutdown.
//!
//! Needs no cluster and no cloud account: Kubernetes and the CLB are simulated in this process, but connections are real
//! TCP through the simulated CLB, and its API is called with signed requests over HTTP. Ends with 0 when nothing was lost
//! with grace shutdown on, and something was lost with it off.

mod cluster;
mod drains;
mod flags;
mod load;
mod pod;
mod progress;
mod report;
mod rollout;
mod server;

use std::process::ExitCode;

use flags::Flags;
use report::Outcome;
use rollout::Grace;

#[tokio::main]
async fn main() -> ExitCode {
    let flags = match Flags::parse() {
        Ok(flags) => flags,
        Err(ended) => return ended,
    };
    if std::env::var_os("RUST_LOG").is_some() {
        tracing_subscriber::fmt()
            .with_env_filter(tracing_subscriber::EnvFilter::from_default_env())
            .with_writer(std::io::stderr)
            .init();
    }
    match run(&flags).await {
        Ok((off, on)) => conclude(&flags, &off, &on),
        Err(why) => {
            eprintln!("rolling_update: {why}");
            ExitCode::FAILURE
        }
    }
}

async fn run(flags: &Flags) -> Result<(Outcome, Outcome), rollout::Failed> {
    let off = rollout::run(Grace::Off, flags).await?;
    let on = rollout::run(Grace::On, flags).await?;
    Ok((off, on))
}

fn conclude(flags: &Flags, off: &Outcome, on: &Outcome) -> ExitCode {
    if flags.json {
        println!("{}", serde_json::json!({ "off": off, "on": on }));
    } else {
        print!("{}", report::table(off, on));
    }
    match (off.lost_something(), on.lost_something()) {
        (true, false) => return ExitCode::SUCCESS,
        (_, true) => eprintln!("rolling_update: something was lost with grace shutdown on"),
        (false, false) => {
            eprintln!("rolling_update: nothing was lost with grace shutdown off, so this run shows nothing");
        }
    }
    ExitCode::FAILURE
}
