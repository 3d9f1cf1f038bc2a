//! HTTP by reqwest, TLS by rustls.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::{Request, Response};
use rustls_platform_verifier::BuilderVerifierExt;

use super::{Transport, TransportError, TransportFuture};
use crate::answer::LARGEST;

/// HTTP/1.1 over TLS 1.2 or 1.3, verified against the certificates of the operating system.
///
/// The cryptography is passed explicitly (ring, or aws-lc-rs where only that feature is on): the process-wide default of
/// rustls is neither read nor set. Connecting takes 3 s at most, an answer has 16 MiB at most. Redirects are not followed,
/// and proxies are not used, whatever `HTTPS_PROXY` says; a program behind one brings its own [`Transport`].
#[derive(Clone)]
pub struct HttpTransport(reqwest::Client);

impl HttpTransport {
    /// Reads the certificates of the operating system. Opens no connection.
    ///
    /// # Errors
    /// [`TlsError`] when there are none, as in an image without `ca-certificates`.
    pub fn new() -> Result<Self, TlsError> {
        #[cfg(feature = "ring")]
        let provider = rustls::crypto::ring::default_provider();
        #[cfg(not(feature = "ring"))]
        let provider = rustls::crypto::aws_lc_rs::default_provider();
        let mut tls = rustls::ClientConfig::builder_with_provider(Arc::new(provider))
            .with_safe_default_protocol_versions()
            .and_then(BuilderVerifierExt::with_platform_verifier)
            .map_err(|error| TlsError { source: Box::new(error) })?
            .with_no_client_auth();
        tls.alpn_protocols = vec![b"http/1.1".to_vec()];
        reqwest::Client::builder()
            .tls_backend_preconfigured(tls)
            .http1_only()
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .retry(reqwest::retry::never())
            .referer(false)
            .connect_timeout(CONNECT)
            .pool_idle_timeout(IDLE)
            .tcp_nodelay(true)
            .build()
            .map(Self)
            .map_err(|error| TlsError { source: Box::new(error) })
    }

    /// One exchange.
    async fn exchange(&self, request: Request<Bytes>) -> Result<Response<Bytes>, TransportError> {
        let request = request.try_into().map_err(|error: reqwest::Error| TransportError::not_sent(error))?;
        let mut answer = self.0.execute(request).await.map_err(failed)?;
        let mut body = BytesMut::new();
        while let Some(chunk) = answer.chunk().await.map_err(failed)? {
            if body.len() + chunk.len() > LARGEST {
                let why = format!("the answer is larger than {} MiB", LARGEST >> 20);
                return Err(TransportError::perhaps_sent(why));
            }
            body.extend_from_slice(&chunk);
        }
        let mut response = Response::new(body.freeze());
        *response.status_mut() = answer.status();
        *response.headers_mut() = std::mem::take(answer.headers_mut());
        Ok(response)
    }
}

impl Transport for HttpTransport {
    fn send(&self, request: Request<Bytes>) -> TransportFuture<'_> {
        Box::pin(self.exchange(request))
    }
}

impl fmt::Debug for HttpTransport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HttpTransport").finish_non_exhaustive()
    }
}

/// TLS cannot be set up.
#[derive(Debug, thiserror::Error)]
#[error("TLS cannot be set up; install the certificates of the system (package ca-certificates)")]
pub struct TlsError {
    /// What rustls or the system says.
    #[source]
    source: Box<dyn std::error::Error + Send + Sync>,
}

/// Sorts by whether a connection was there; before that nothing can have been sent.
fn failed(error: reqwest::Error) -> TransportError {
    if error.is_connect() || error.is_builder() {
        TransportError::not_sent(error)
    } else {
        TransportError::perhaps_sent(error)
    }
}

/// Longest time to resolve the name, connect and agree on TLS.
const CONNECT: Duration = Duration::from_secs(3);

/// A connection that was idle for longer is not used again: the server may have closed it.
const IDLE: Duration = Duration::from_secs(30);
