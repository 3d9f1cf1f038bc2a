//! HTTP by reqwest, TLS by rustls.

use std::fmt;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use ::reqwest::Url;
use bytes::{Bytes, BytesMut};
use http::uri::Scheme;
use http::{Request, Response, Uri};
use rustls::{ClientConfig, RootCertStore};
use rustls_platform_verifier::BuilderVerifierExt;

use super::{Transport, TransportError, TransportFuture};
use crate::answer::LARGEST;

/// HTTP/1.1 over TLS 1.2 or 1.3, verified against the certificates of the operating system.
///
/// The cryptography is passed explicitly (ring, or aws-lc-rs where only that feature is on): the process-wide default of
/// rustls is neither read nor set. Connecting takes 3 s at most, an answer has 16 MiB at most. Redirects are not followed,
/// and proxies are not used, whatever `HTTPS_PROXY` says; a program behind one brings its own [`Transport`].
///
/// The certificates are read at the first request over HTTPS, or by [`load_certificates`](Self::load_certificates): plain
/// HTTP to a simulator needs none. On Linux `SSL_CERT_FILE` and `SSL_CERT_DIR` name others than those of the system. Clones
/// share connections and certificates.
#[derive(Clone)]
pub struct HttpTransport {
    /// For requests without TLS; trusts no certificate.
    plain: reqwest::Client,
    /// For requests over TLS, once the certificates have been read.
    secure: Arc<OnceLock<reqwest::Client>>,
    /// The URL of the latest request, in both forms: the next one mostly goes there too, and parsing it takes longer than
    /// signing.
    latest: Arc<Mutex<Option<(Uri, Url)>>>,
}

impl HttpTransport {
    /// Reads no certificates and opens no connection.
    ///
    /// # Errors
    /// [`TlsError`] when the cryptography cannot be set up.
    pub fn new() -> Result<Self, TlsError> {
        let nobody = versions()?.with_root_certificates(RootCertStore::empty()).with_no_client_auth();
        Ok(Self { plain: client(nobody)?, secure: Arc::default(), latest: Arc::default() })
    }

    /// Reads the certificates of the operating system, unless that has been done: a program that will need them learns at
    /// its start that there are none. Without it, the first request over HTTPS reads them, and is not sent if that fails;
    /// each further one tries again.
    ///
    /// # Errors
    /// [`TlsError`] when there are none, as in an image without `ca-certificates`.
    pub fn load_certificates(&self) -> Result<(), TlsError> {
        self.secure().map(drop)
    }

    /// The client for requests over TLS.
    fn secure(&self) -> Result<&reqwest::Client, TlsError> {
        if let Some(client) = self.secure.get() {
            return Ok(client);
        }
        let tls = versions()?.with_platform_verifier().map_err(TlsError::because)?.with_no_client_auth();
        let client = client(tls)?;
        Ok(self.secure.get_or_init(|| client))
    }

    /// One exchange.
    async fn exchange(&self, request: Request<Bytes>) -> Result<Response<Bytes>, TransportError> {
        let client = match request.uri().scheme() {
            Some(scheme) if *scheme == Scheme::HTTP => &self.plain,
            _ => self.secure().map_err(TransportError::not_sent)?,
        };
        let mut answer = client.execute(self.translated(request)?).await.map_err(failed)?;
        let body = body(&mut answer).await?;
        let mut response = Response::new(body);
        *response.status_mut() = answer.status();
        *response.headers_mut() = std::mem::take(answer.headers_mut());
        Ok(response)
    }

    /// The request in reqwest's form.
    fn translated(&self, request: Request<Bytes>) -> Result<reqwest::Request, TransportError> {
        let (parts, body) = request.into_parts();
        let url = self.url(&parts.uri)?;
        let mut request = reqwest::Request::new(parts.method, url);
        *request.headers_mut() = parts.headers;
        *request.body_mut() = Some(body.into());
        Ok(request)
    }

    /// The URL in reqwest's form.
    fn url(&self, uri: &Uri) -> Result<Url, TransportError> {
        let mut latest = self.latest.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((known, url)) = &*latest
            && known == uri
        {
            return Ok(url.clone());
        }
        let url = Url::parse(&uri.to_string()).map_err(TransportError::not_sent)?;
        *latest = Some((uri.clone(), url.clone()));
        Ok(url)
    }
}

/// The whole body; most come in one piece, which is not copied.
async fn body(answer: &mut reqwest::Response) -> Result<Bytes, TransportError> {
    let mut body = Bytes::new();
    while let Some(chunk) = answer.chunk().await.map_err(failed)? {
        if body.len() + chunk.len() > LARGEST {
            let why = format!("the answer is larger than {} MiB", LARGEST >> 20);
            return Err(TransportError::perhaps_sent(why));
        }
        if body.is_empty() {
            body = chunk;
        } else {
            let mut grown = BytesMut::from(body);
            grown.extend_from_slice(&chunk);
            body = grown.freeze();
        }
    }
    Ok(body)
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

impl TlsError {
    fn because(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self { source: error.into() }
    }
}

/// TLS 1.2 and 1.3, by the cryptography that was chosen.
fn versions() -> Result<rustls::ConfigBuilder<ClientConfig, rustls::WantsVerifier>, TlsError> {
    #[cfg(feature = "ring")]
    let provider = rustls::crypto::ring::default_provider();
    #[cfg(not(feature = "ring"))]
    let provider = rustls::crypto::aws_lc_rs::default_provider();
    ClientConfig::builder_with_provider(Arc::new(provider))
        .with_safe_default_protocol_versions()
        .map_err(TlsError::because)
}

/// A client with all that is said at [`HttpTransport`].
fn client(mut tls: ClientConfig) -> Result<reqwest::Client, TlsError> {
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
        .map_err(TlsError::because)
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
