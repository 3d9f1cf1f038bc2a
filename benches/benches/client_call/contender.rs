//! A call by our client, and a POST by reqwest alone of what our client would send.

use std::net::IpAddr;
use std::num::NonZeroU16;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use clb_client::api::{
    Address, BatchModifyTargetWeight, ListenerId, LoadBalancerId, Pool, PoolWeights, TargetWeight, Weight,
};
use clb_client::credential::{Credential, SecretId, SecretKey};
use clb_client::transport::{Transport, TransportError, TransportFuture};
use clb_client::{Endpoint, RateLimit, Region, RetryPolicy};
use tokio::task::JoinSet;

use crate::Failed;

/// Our client, as a program has it that limits its rate itself.
pub(crate) struct Ours {
    client: clb_client::Client,
    objects: Arc<Objects>,
}

impl Ours {
    /// Calls `endpoint`.
    pub(crate) fn new(endpoint: Endpoint) -> Result<Self, Failed> {
        let client = clb_client::Client::new(region()?, credential()?)?;
        let client = client.with_endpoint(endpoint).with_rate_limit(RateLimit::none());
        let objects = Arc::new(Objects::new()?);
        assert_eq!(serde_json::to_vec(&objects.request())?.len(), BODY, "the size that the figures speak of");
        Ok(Self { client, objects })
    }

    /// So many calls, `concurrency` at a time.
    pub(crate) async fn calls(&self, calls: usize, concurrency: usize) -> Result<(), Failed> {
        let mut tasks = JoinSet::new();
        for _ in 0..concurrency {
            let (client, objects) = (self.client.clone(), Arc::clone(&self.objects));
            tasks.spawn(async move {
                for _ in 0..calls / concurrency {
                    let queued = client.call(&objects.request()).await?;
                    assert!(!queued.request_id.is_empty(), "an answer names its call");
                }
                Ok::<_, Failed>(())
            });
        }
        tasks.join_all().await.into_iter().collect()
    }
}

/// A request that was signed before, and reqwest set up as our transport is.
pub(crate) struct Bare {
    client: reqwest::Client,
    request: reqwest::Request,
}

impl Bare {
    /// Sends to `endpoint` what our client would send.
    pub(crate) async fn new(endpoint: Endpoint) -> Result<Self, Failed> {
        let kept = Keeps::default();
        let client = clb_client::Client::with_transport(region()?, credential()?, kept.clone());
        let client = client.with_endpoint(endpoint).with_retry(RetryPolicy::never());
        // Ends with an error, because nothing is sent.
        let _ = client.call(&Objects::new()?.request()).await;
        let request = kept.0.lock().map_err(|_| "a call panicked")?.take().ok_or("nothing was signed")?;
        let tls =
            rustls::ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
                .with_safe_default_protocol_versions()?
                .with_root_certificates(rustls::RootCertStore::empty())
                .with_no_client_auth();
        let client = reqwest::Client::builder()
            .tls_backend_preconfigured(tls)
            .http1_only()
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .retry(reqwest::retry::never())
            .connect_timeout(Duration::from_secs(3))
            .pool_idle_timeout(Duration::from_secs(30))
            .tcp_nodelay(true)
            .build()?;
        Ok(Self { client, request: request.try_into()? })
    }

    /// So many POSTs, `concurrency` at a time.
    pub(crate) async fn calls(&self, calls: usize, concurrency: usize) -> Result<(), Failed> {
        let mut tasks = JoinSet::new();
        for _ in 0..concurrency {
            let (client, request) = (self.client.clone(), self.copy()?);
            tasks.spawn(async move {
                for _ in 0..calls / concurrency {
                    let request = request.try_clone().ok_or("a body of bytes can be copied")?;
                    let answer = client.execute(request).await?.bytes().await?;
                    assert!(!answer.is_empty(), "an answer has a body");
                }
                Ok::<_, Failed>(())
            });
        }
        tasks.join_all().await.into_iter().collect()
    }

    fn copy(&self) -> Result<reqwest::Request, Failed> {
        self.request.try_clone().ok_or_else(|| "a body of bytes can be copied".into())
    }
}

/// What a program knows before it builds a request.
struct Objects {
    load_balancer: LoadBalancerId,
    listener: ListenerId,
    targets: [(IpAddr, NonZeroU16); 6],
}

impl Objects {
    fn new() -> Result<Self, Failed> {
        let port = NonZeroU16::new(8080).ok_or("a port")?;
        let targets = [5, 6, 7, 8, 9, 10].map(|n| (IpAddr::from([172, 16, 128, n]), port));
        Ok(Self { load_balancer: "lb-k2zjp9lv".parse()?, listener: "lbl-7tf2wq1a".parse()?, targets })
    }

    /// The weights of all targets.
    fn request(&self) -> BatchModifyTargetWeight {
        let weight =
            |(ip, port): &(IpAddr, NonZeroU16)| TargetWeight::new(Address::ip(*ip, *port), Weight::DEFAULT);
        let element = PoolWeights::new(
            Pool::listener(self.listener.clone()),
            self.targets.iter().map(weight).collect(),
        );
        BatchModifyTargetWeight::new(self.load_balancer.clone(), vec![element])
    }
}

/// Keeps the request that it is to send.
#[derive(Clone, Default)]
struct Keeps(Arc<Mutex<Option<http::Request<Bytes>>>>);

impl Transport for Keeps {
    fn send(&self, request: http::Request<Bytes>) -> TransportFuture<'_> {
        if let Ok(mut kept) = self.0.lock() {
            *kept = Some(request);
        }
        Box::pin(std::future::ready(Err(TransportError::not_sent("the request is kept"))))
    }
}

fn region() -> Result<Region, Failed> {
    Ok(Region::new("ap-guangzhou")?)
}

fn credential() -> Result<Credential, Failed> {
    Ok(Credential::new(
        SecretId::new("AKIDEXAMPLE0000000000000000000000000")?,
        SecretKey::new("example-key")?,
    ))
}

/// Bytes of the body of our call.
pub(crate) const BODY: usize = 384;
