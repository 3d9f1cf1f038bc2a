//! How a request gets to the server: one method, so that tests script a conversation and programs bring their own HTTP.

#[cfg(all(feature = "reqwest", any(feature = "ring", feature = "aws-lc-rs")))]
mod reqwest;

use std::error::Error as StdError;
use std::pin::Pin;
use std::sync::Arc;

use bytes::Bytes;
use http::{Request, Response};

use crate::error::Executed;

#[cfg(all(feature = "reqwest", any(feature = "ring", feature = "aws-lc-rs")))]
pub use self::reqwest::{HttpTransport, TlsError};

/// Sends one signed request and returns the answer, whatever its status.
///
/// An implementation sends body and headers byte for byte as they come, `Host` included, to the scheme, host and port of the
/// request's URI. It follows no redirect, sends nothing twice and verifies TLS. Time limits for the whole exchange are the
/// client's. Dropping the future ends the exchange.
pub trait Transport: Send + Sync {
    /// Sends `request`.
    ///
    /// # Errors
    /// [`TransportError`], which says whether anything may have been sent.
    fn send(&self, request: Request<Bytes>) -> TransportFuture<'_>;
}

/// What [`Transport::send`] returns.
pub type TransportFuture<'a> =
    Pin<Box<dyn Future<Output = Result<Response<Bytes>, TransportError>> + Send + 'a>>;

impl<T: Transport + ?Sized> Transport for Arc<T> {
    fn send(&self, request: Request<Bytes>) -> TransportFuture<'_> {
        (**self).send(request)
    }
}

/// No answer.
#[derive(Debug, thiserror::Error)]
#[error("{}", match executed { Executed::No => "the request was not sent", Executed::Maybe => "the answer did not arrive" })]
pub struct TransportError {
    /// Whether anything may have been sent.
    executed: Executed,
    /// What happened.
    source: Box<dyn StdError + Send + Sync>,
}

impl TransportError {
    /// The server has certainly not got the request: no name, no connection, no TLS, or it was held back on purpose.
    pub fn not_sent(source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        Self { executed: Executed::No, source: source.into() }
    }

    /// The server may have got the request.
    pub fn perhaps_sent(source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        Self { executed: Executed::Maybe, source: source.into() }
    }

    /// Whether the call may have had an effect.
    #[must_use]
    pub fn executed(&self) -> Executed {
        self.executed
    }

    /// What happened, in one text.
    pub(crate) fn with_cause(&self) -> String {
        format!("{self} ({})", self.source)
    }

    /// What happened, without the words around it.
    pub(crate) fn into_source(self) -> Box<dyn StdError + Send + Sync> {
        self.source
    }
}
