//! cargo run -p grace-examples --example set_weight -- lb-k2zjp9lv lbl-7tf2wq1a 10.0.0.7:8080 0
//!
//! Sets the weight of one target and waits until it is in force. Weight 0 drains it: what it has goes on, nothing comes anew.

use std::error::Error;
use std::net::SocketAddr;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use clap::Parser;
use clb_client::api::{
    Address, BatchModifyTargetWeight, ListenerId, LoadBalancerId, Pool, PoolWeights, RuleId, TargetWeight,
    Weight,
};
use clb_client::credential::Chain;
use clb_client::task::Outcome;
use clb_client::transport::HttpTransport;
use clb_client::{Client, Endpoint, ErrorKind, Region};

#[derive(Parser)]
struct Args {
    /// Which load balancer
    load_balancer: LoadBalancerId,
    /// Which listener
    listener: ListenerId,
    /// Which target, ip:port
    target: SocketAddr,
    /// 0 to 100
    weight: u8,
    /// Which rule of the listener, for HTTP and HTTPS
    #[arg(long)]
    rule: Option<RuleId>,
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

    let pool = match args.rule {
        Some(rule) => Pool::rule(args.listener, rule),
        None => Pool::listener(args.listener),
    };
    let address = Address::ip(args.target.ip(), args.target.port().try_into()?);
    let target = TargetWeight::new(address, Weight::new(args.weight)?);
    let request =
        BatchModifyTargetWeight::new(args.load_balancer, vec![PoolWeights::new(pool, vec![target])]);

    let begun = Instant::now();
    let queued = match client.call(&request).await {
        Ok(queued) => queued,
        Err(error) if matches!(error.kind(), ErrorKind::LoadBalancerGone | ErrorKind::PoolGone) => {
            println!("nothing to do: {error}");
            return Ok(());
        }
        Err(error) => return Err(error.into()),
    };
    match client.task(queued.request_id).wait(Duration::from_secs(60)).await {
        Outcome::Succeeded => {
            println!("weight {} of {} is in force after {:?}", args.weight, args.target, begun.elapsed());
            Ok(())
        }
        Outcome::Failed { message } => Err(format!("the task failed: {message}; read the weights").into()),
        unknown @ (Outcome::Unknown { .. } | _) => {
            Err(format!("not known how the task ended: {unknown:?}; read the weights").into())
        }
    }
}
