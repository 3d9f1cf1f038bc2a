//! The simulator over HTTP on a loopback address: for clients in any language.
//!
//! `POST /` is the API; every signature is verified from the received headers and bytes. `GET /state` shows the account
//! as JSON ([`Account::describe`](super::Account::describe)), `POST /order` takes orders ([`Account::order`](super::Account::order)), one JSON object after the other; these
//! two need no signature.

use std::{
    future::IntoFuture,
    io,
    net::{Ipv4Addr, SocketAddr},
};

use ::http::{Method, Request, Response, StatusCode, header};
use axum::{
    Router,
    body::{Body, to_bytes},
    extract::State,
    serve::ListenerExt,
};
use bytes::Bytes;
use serde_json::Value;
use tokio::{net::TcpListener, sync::oneshot};

use super::simulator::{NoAnswer, Simulator};
use crate::{Endpoint, credential::Credential};

/// A running server. Stops when dropped: open requests are finished, new ones refused.
#[derive(Debug)]
pub struct Server {
    address: SocketAddr,
    endpoint: Endpoint,
    simulator: Simulator,
    /// Dropping it ends the server.
    _stop: oneshot::Sender<()>,
}

impl Server {
    /// Serves an account, or a simulator that others use too, on a free port of 127.0.0.1.
    ///
    /// # Errors
    /// When no port can be opened.
    pub async fn start(simulator: impl Into<Simulator>) -> io::Result<Self> {
        Self::bind(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)), simulator).await
    }

    /// As [`Self::start`], on a loopback address of choice: the key of a simulator is no secret.
    ///
    /// # Errors
    /// When the address is no loopback address, or cannot be opened, for example because it is in use.
    pub async fn bind(address: SocketAddr, simulator: impl Into<Simulator>) -> io::Result<Self> {
        let simulator = simulator.into();
        let listener = TcpListener::bind(address).await?;
        let address = listener.local_addr()?;
        // Refuses plain HTTP to other than loopback addresses.
        let endpoint = Endpoint::new(&format!("http://{address}"))
            .map_err(|why| io::Error::new(io::ErrorKind::InvalidInput, why))?;
        // Without it, the kernel delays small answers on kept connections by up to 40 ms.
        let listener = listener.tap_io(|stream| {
            if let Err(why) = stream.set_nodelay(true) {
                tracing::debug!(%why, "TCP_NODELAY not set");
            }
        });
        let (stop, stopped) = oneshot::channel::<()>();
        let router = Router::new().fallback(serve).with_state(simulator.clone());
        let server = axum::serve(listener, router).with_graceful_shutdown(async { drop(stopped.await) });
        tokio::spawn(server.into_future());
        Ok(Self { address, endpoint, simulator, _stop: stop })
    }

    /// Where it listens.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Where it listens, as clients of this crate want it.
    #[must_use]
    pub fn endpoint(&self) -> Endpoint {
        self.endpoint.clone()
    }

    /// A key that it accepts.
    #[must_use]
    pub fn credential(&self) -> Credential {
        self.simulator.credential()
    }

    /// The state that it serves.
    #[must_use]
    pub const fn simulator(&self) -> &Simulator {
        &self.simulator
    }
}

async fn serve(State(simulator): State<Simulator>, request: Request<Body>) -> Response<Body> {
    if request.method() == Method::GET && request.uri().path() == "/state" {
        return readable(&simulator);
    }
    let (parts, body) = request.into_parts();
    let Ok(body) = to_bytes(body, LARGEST_BODY).await else {
        return plain(StatusCode::PAYLOAD_TOO_LARGE, "the body is larger than 10 MB, or ended early");
    };
    if parts.uri.path() == "/order" {
        return obey(&simulator, &body);
    }
    match simulator.answer(Request::from_parts(parts, body)).await {
        Ok(response) => response.map(Body::from),
        Err(NoAnswer::Lost | NoAnswer::Unreachable) => Response::new(cut()),
    }
}

/// The account as JSON, indented.
fn readable(simulator: &Simulator) -> Response<Body> {
    let state = simulator.with(|account| account.describe());
    let mut response = Response::new(Body::from(format!("{state:#}\n")));
    response.headers_mut().insert(header::CONTENT_TYPE, header::HeaderValue::from_static("application/json"));
    response
}

/// Carries out orders up to the first bad one.
fn obey(simulator: &Simulator, orders: &[u8]) -> Response<Body> {
    for order in serde_json::Deserializer::from_slice(orders).into_iter::<Value>() {
        let done = match order {
            Ok(order) => simulator.with(|account| account.order(&order)).map_err(|why| why.to_string()),
            Err(why) => Err(format!("the orders are not JSON: {why}")),
        };
        if let Err(why) = done {
            return plain(StatusCode::BAD_REQUEST, format!("{why}\n"));
        }
    }
    plain(StatusCode::OK, "done\n")
}

fn plain(status: StatusCode, text: impl Into<Body>) -> Response<Body> {
    let mut response = Response::new(text.into());
    *response.status_mut() = status;
    response
}

/// A body that fails before its first byte: the connection ends without an answer.
pub(crate) fn cut() -> Body {
    let lost = io::Error::new(io::ErrorKind::ConnectionAborted, "the answer is lost on purpose");
    Body::from_stream(futures::stream::once(std::future::ready(Err::<Bytes, _>(lost))))
}

/// What the API documents as the largest POST body.
const LARGEST_BODY: usize = 10 * 1024 * 1024;
