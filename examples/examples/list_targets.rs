//! cargo run -p grace-examples --example list_targets -- lb-k2zjp9lv
//!
//! Prints what hangs below a load balancer: one line per target, with its weight and what the probes say about it.

use std::collections::HashMap;
use std::error::Error;
use std::process::ExitCode;

use clap::Parser;
use clb_client::api::{
    Backend, DescribeListeners, DescribeTargetHealth, HealthVerdict, ListenerId, LoadBalancerId,
};
use clb_client::credential::Chain;
use clb_client::transport::HttpTransport;
use clb_client::{Client, Endpoint, Region};

#[derive(Parser)]
struct Args {
    /// Which load balancer
    load_balancer: LoadBalancerId,
    /// Its region
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

    let listeners = client.call(&DescribeListeners::new(args.load_balancer.clone())).await?.listeners;
    let ids: Vec<ListenerId> =
        listeners.iter().map(|one| one.listener_id.parse()).collect::<Result<_, _>>()?;
    let health = health(&client, &args.load_balancer).await;

    for listener in client.all_targets(&args.load_balancer, &ids).await? {
        println!("{} {:?} {}", listener.listener_id, listener.protocol, listener.port);
        print(&listener.targets, &listener.listener_id, &health);
        for rule in &listener.rules {
            println!("  {} {}{}", rule.rule_id, rule.domain, rule.url);
            print(&rule.targets, &listener.listener_id, &health);
        }
    }
    Ok(())
}

/// What the probes say, by listener and address. Without the permission to ask, nothing.
async fn health(client: &Client, load_balancer: &LoadBalancerId) -> HashMap<(String, String), HealthVerdict> {
    let answer = match client.call(&DescribeTargetHealth::new(vec![load_balancer.clone()])).await {
        Ok(answer) => answer,
        Err(error) => {
            eprintln!("without health: {error}");
            return HashMap::new();
        }
    };
    let listeners = answer.load_balancers.into_iter().flat_map(|balancer| balancer.listeners);
    let targets = listeners.flat_map(|listener| {
        let id = listener.listener_id;
        let targets = listener.rules.into_iter().flat_map(|rule| rule.targets);
        targets.map(move |target| ((id.clone(), format!("{} {}", target.ip, target.port)), target.verdict()))
    });
    targets.collect()
}

fn print(targets: &[Backend], listener: &str, health: &HashMap<(String, String), HealthVerdict>) {
    for target in targets {
        let ip = target.private_ip_addresses.first().map_or("-", String::as_str);
        let weight = target.weight.map_or_else(|| "?".to_owned(), |weight| weight.to_string());
        let verdict = health.get(&(listener.to_owned(), format!("{ip} {}", target.port)));
        let verdict = verdict.map_or_else(String::new, |verdict| format!("{verdict:?}"));
        println!("    {ip:>15}:{:<5} weight {weight:>3}  {:<11} {verdict}", target.port, target.kind);
    }
}
