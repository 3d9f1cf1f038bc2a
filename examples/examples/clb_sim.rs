// cargo run --release -p grace-examples --example clb_sim -- --http 127.0.0.1:9080
//! A CLB on this machine: the API over HTTP with signatures verified, and real TCP and HTTP through its listeners.
//!
//! For controllers in any language. Without a file of orders there is `lb-1` with a TCP and an HTTP listener; the page of
//! `clb_client::sim` shows what can be ordered, in the file and later with `POST /order`. Targets are dialled as they are,
//! so register addresses that exist on this machine.

use std::{error::Error, net::SocketAddr, path::PathBuf, time::Duration};

use clap::Parser;
use clb_client::sim::{
    Account, Config, Latency, Server, Simulator,
    data_plane::{DataPlane, DialTable, Options},
};
use serde_json::Value;

#[derive(Parser)]
struct Flags {
    /// Address of the API; port 0 is a free one.
    #[arg(long, default_value = "127.0.0.1:9080")]
    http: SocketAddr,
    /// How long a task runs, in milliseconds.
    #[arg(long, default_value_t = 500)]
    task_ms: u64,
    /// How long a load balancer stays busy after a batch register or deregister, in milliseconds.
    #[arg(long, default_value_t = 0)]
    settle_ms: u64,
    /// Seed of request ids and random faults.
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// Orders to begin with: JSON objects, one after the other.
    orders: Option<PathBuf>,
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let flags = Flags::parse();
    let config = Config::default()
        .with_task(Latency::millis(flags.task_ms))
        .with_settle(Latency::millis(flags.settle_ms))
        .with_seed(flags.seed);
    let mut account = Account::new(config);
    let orders = match &flags.orders {
        Some(file) => std::fs::read_to_string(file).map_err(|why| format!("{}: {why}", file.display()))?,
        None => DEFAULT.to_owned(),
    };
    for order in serde_json::Deserializer::from_str(&orders).into_iter::<Value>() {
        account.order(&order?)?;
    }

    let simulator = Simulator::new(account);
    let mut plane = DataPlane::start(&simulator, DialTable::direct(), Options::default()).await?;
    let server = Server::bind(flags.http, simulator.clone()).await?;
    println!("endpoint    http://{}   (GET /state, POST /order)", server.address());
    println!("secret id   {}", Simulator::SECRET_ID);
    println!("secret key  {}", Simulator::SECRET_KEY);
    let mut told = Vec::new();
    let mut seen = 0;
    loop {
        for (load_balancer, listener) in simulator.with(|account| account.served_listeners()) {
            let address = plane.open(&load_balancer, &listener).await?;
            if !told.contains(&address) {
                println!("traffic     {load_balancer}/{listener} at {address}");
                told.push(address);
            }
        }
        tokio::select! {
            revision = simulator.changed(seen) => seen = revision,
            interrupted = tokio::signal::ctrl_c() => return Ok(interrupted?),
        }
        // Changes come in bursts; listeners do not.
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

const DEFAULT: &str = r#"
{"do":"put_load_balancer","id":"lb-1"}
{"do":"put_listener","load_balancer":"lb-1","id":"lbl-1","protocol":"TCP","port":80}
{"do":"put_listener","load_balancer":"lb-1","id":"lbl-2","protocol":"HTTP","port":8080,
 "rules":[{"id":"loc-1","domain":"a.example.com","url":"/"}]}
"#;
