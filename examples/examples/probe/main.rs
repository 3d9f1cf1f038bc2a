//! cargo run -p grace-examples --example probe -- lb-k2zjp9lv lbl-7tf2wq1a --scratch 10.0.0.7:8080 --scratch 10.0.0.8:8080 --scratch 10.0.0.9:8080
//!
//! Finds out what the documentation of CLB leaves open, on a load balancer that nobody needs, and prints the configuration to
//! use. Registers, weighs and deregisters the three scratch addresses, which must be addresses of the VPC.

mod finding;
mod question;

use std::error::Error;
use std::net::SocketAddr;
use std::process::ExitCode;

use clap::Parser;
use clb_client::api::{ListenerId, LoadBalancerId, RuleId};
use clb_client::credential::Chain;
use clb_client::transport::HttpTransport;
use clb_client::{Client, Endpoint, Region};

#[derive(Parser)]
struct Args {
    /// A load balancer for tries
    load_balancer: LoadBalancerId,
    /// A listener of it without targets
    listener: ListenerId,
    /// A rule of the listener, for HTTP and HTTPS
    #[arg(long)]
    rule: Option<RuleId>,
    /// Three addresses of the VPC, ip:port, of which none is a target
    #[arg(long, required = true)]
    scratch: Vec<SocketAddr>,
    /// Try it although the listener has targets of somebody else; they are left alone
    #[arg(long)]
    beside_targets: bool,
    /// Region of the load balancer
    #[arg(long, env = "TENCENTCLOUD_REGION")]
    region: Region,
    /// Base URL of the API
    #[arg(long, env = "GRACE_CLB_ENDPOINT", default_value = "https://clb.tencentcloudapi.com")]
    clb_endpoint: Endpoint,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let Err(error) = run().await else { return ExitCode::SUCCESS };
    eprintln!("{error}");
    let mut cause = error.source();
    while let Some(because) = cause {
        eprintln!("  because: {because}");
        cause = because.source();
    }
    ExitCode::FAILURE
}

async fn run() -> Result<(), Box<dyn Error>> {
    let args = Args::parse();
    let transport = HttpTransport::new()?;
    let credentials = Chain::standard(transport.clone())?;
    let client = Client::with_transport(args.region, credentials, transport).with_endpoint(args.clb_endpoint);
    let scratch =
        args.scratch.try_into().map_err(|_| "three addresses are needed: --scratch, three times")?;
    let place = question::Place {
        client,
        load_balancer: args.load_balancer,
        listener: args.listener,
        rule: args.rule,
        scratch,
    };
    print!("{}", place.probe(args.beside_targets).await?);
    Ok(())
}
