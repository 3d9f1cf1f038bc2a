//! cargo run -p grace-examples --example sign_a_request -- DescribeTargets '{"LoadBalancerId":"lb-1"}'
//!
//! Signs a request and prints it as a `curl` command, without sending it. The credential comes from the environment
//! (`TENCENTCLOUD_SECRET_ID`, `TENCENTCLOUD_SECRET_KEY`); the token of a temporary one is printed too.

use std::error::Error;
use std::time::{SystemTime, UNIX_EPOCH};

use clap::Parser;
use clb_client::credential::Environment;
use clb_client::sign::{Headers, UnixSeconds, Unsigned, sign};
use clb_client::{Endpoint, Region};

#[derive(Parser)]
struct Args {
    /// Name of the API action
    action: String,
    /// Body, JSON
    #[arg(default_value = "{}")]
    body: String,
    /// Region of the load balancer
    #[arg(long, env = "TENCENTCLOUD_REGION", default_value = "ap-guangzhou")]
    region: Region,
    /// Base URL of the API
    #[arg(long, env = "GRACE_CLB_ENDPOINT", default_value = "https://clb.tencentcloudapi.com")]
    clb_endpoint: Endpoint,
}

fn main() -> Result<(), Box<dyn Error>> {
    let args = Args::parse();
    let credential = Environment::read()?.into_credential();
    let now = UnixSeconds::new(SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs())?;

    let host = args.clb_endpoint.host();
    let signed = sign(&Unsigned::new(host, args.body.as_bytes()), &credential, now);
    let headers = Headers::new(host, &args.action, "2018-03-17")
        .with_region(args.region.as_str())
        .with_language("en-US")
        .build(&signed, credential.token())?;

    println!("curl -sS -X POST {} \\", args.clb_endpoint);
    for (name, value) in &headers {
        println!("  -H {} \\", quoted(&format!("{name}: {}", value.to_str()?)));
    }
    println!("  -d {}", quoted(&args.body));
    eprintln!("valid for five minutes from {now}");
    Ok(())
}

/// For a shell.
fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}
