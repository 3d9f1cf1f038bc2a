//! Layer 7: each request goes to a target of the rule for its host and path.

use std::{
    net::SocketAddr,
    sync::{Arc, Mutex, PoisonError},
};

use ::http::{
    HeaderMap, HeaderValue, Request, Response, StatusCode, Uri,
    header::{self, HeaderName},
};
use axum::{body::Body, extract::ConnectInfo};
use hyper::{
    client::conn::http1,
    upgrade::{OnUpgrade, Upgraded},
};
use hyper_util::rt::TokioIo;
use tokio::{io::copy_bidirectional, net::TcpStream, sync::watch};

use super::{
    Shared,
    connection::{Activity, Watched, end, reach},
    counters::{End, Tally},
    pools::{Fate, Picked, Wish},
};
use crate::sim::{
    account::Account,
    http::cut,
    listener::{Listener, Rule},
    pool::PoolId,
};

/// Answers one request to a listener.
///
/// The client's connection ends here and is tied to no target: each request on it is placed anew. Connections to targets
/// are not kept. Without a rule the answer is 404, without a target 503, when the target cannot be reached or fails 502.
pub(super) async fn answer(
    shared: Arc<Shared>,
    listener: PoolId,
    mut request: Request<Body>,
) -> Response<Body> {
    let host = host(&request).to_owned();
    let sticky = cookie(request.headers());
    let placed = shared.simulator.with(|account| {
        let (pool, persists) = place(account, &listener, &host, request.uri().path())?;
        let mut pools = shared.pools.lock().unwrap_or_else(PoisonError::into_inner);
        let picked = pools.pick(account, &pool, Wish::Target(sticky), &shared.options);
        Some(picked.map(|picked| (picked, persists)))
    });
    let (picked, persists) = match placed {
        Some(Some(placed)) => placed,
        Some(None) => return plain(StatusCode::SERVICE_UNAVAILABLE, "no target with a weight above 0\n"),
        None => return plain(StatusCode::NOT_FOUND, "no rule for this host and path\n"),
    };
    let Picked { address, tally, fate } = picked;
    let opened = Arc::new(Opened { tally, how: Mutex::new(End::Closed) });
    let Ok(target) = reach(shared.dial.clone(), address).await else {
        opened.ended(End::Unreachable);
        return plain(StatusCode::BAD_GATEWAY, "the target cannot be reached\n");
    };
    let upgrade = request.extensions_mut().remove::<OnUpgrade>();
    prepare(&mut request);
    match exchange(request, upgrade, target, fate, Arc::clone(&opened)).await {
        Ok(mut response) => {
            if persists && sticky != Some(address) {
                let cookie = format!("{COOKIE}={address}; Path=/");
                if let Ok(cookie) = HeaderValue::from_str(&cookie) {
                    response.headers_mut().append(header::SET_COOKIE, cookie);
                }
            }
            response
        }
        Err(()) if opened.was_cut() => Response::new(cut()),
        Err(()) => plain(StatusCode::BAD_GATEWAY, "the target failed\n"),
    }
}

/// The rule for a request, as the most precise domain and then the longest path; and whether clients stick to targets.
fn place(account: &Account, id: &PoolId, host: &str, path: &str) -> Option<(PoolId, bool)> {
    let listener: &Listener = account.load_balancers.get(id.owner())?.listeners.get(id.listener_id()?)?;
    let fit = |rule: &&Rule| domain_fits(&rule.domain, host) && path.starts_with(&rule.url);
    let rule = listener
        .rules
        .values()
        .filter(fit)
        .max_by_key(|rule| (!rule.domain.starts_with('*'), rule.domain.len(), rule.url.len()))?;
    Some((PoolId::rule(id.owner(), &listener.id, &rule.id), rule.session_expire > 0))
}

fn domain_fits(domain: &str, host: &str) -> bool {
    match domain.strip_prefix('*') {
        Some(rest) => {
            let at = host.len().checked_sub(rest.len());
            at.is_some_and(|at| at > 0 && host[at..].eq_ignore_ascii_case(rest))
        }
        None => domain.eq_ignore_ascii_case(host),
    }
}

/// The host that a request is for, without a port.
fn host(request: &Request<Body>) -> &str {
    let named = request.headers().get(header::HOST).and_then(|value| value.to_str().ok());
    let host = named.or_else(|| request.uri().host()).unwrap_or_default();
    match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|digit| digit.is_ascii_digit()) => name,
        Some(_) | None => host,
    }
}

/// The target of an earlier answer.
fn cookie(headers: &HeaderMap) -> Option<SocketAddr> {
    let cookies = headers.get_all(header::COOKIE).into_iter().filter_map(|value| value.to_str().ok());
    let mut pairs = cookies.flat_map(|line| line.split(';')).filter_map(|pair| pair.trim().split_once('='));
    pairs.find(|(name, _)| *name == COOKIE)?.1.parse().ok()
}

/// Makes a received request one that can be sent on.
fn prepare(request: &mut Request<Body>) {
    let from = request.extensions().get::<ConnectInfo<SocketAddr>>().map(|info| info.0.ip().to_string());
    let target = request.uri().path_and_query().map_or("/", |target| target.as_str());
    if let Ok(uri) = target.parse::<Uri>() {
        *request.uri_mut() = uri;
    }
    let headers = request.headers_mut();
    let upgrade = headers.get(header::UPGRADE).cloned();
    strip(headers);
    match upgrade {
        Some(protocol) => {
            headers.insert(header::UPGRADE, protocol);
            headers.insert(header::CONNECTION, HeaderValue::from_static("upgrade"));
        }
        None => drop(headers.insert(header::CONNECTION, HeaderValue::from_static("close"))),
    }
    if let Some(from) = from.and_then(|from| HeaderValue::from_str(&from).ok()) {
        headers.append(HeaderName::from_static("x-forwarded-for"), from);
    }
}

/// Removes what is about one connection and not about the message.
fn strip(headers: &mut HeaderMap) {
    for name in
        ["connection", "keep-alive", "proxy-connection", "te", "trailer", "transfer-encoding", "upgrade"]
    {
        headers.remove(name);
    }
}

/// Sends a request to its target. The error has been noted in `opened`.
async fn exchange(
    request: Request<Body>,
    upgrade: Option<OnUpgrade>,
    target: TcpStream,
    mut fate: watch::Receiver<Fate>,
    opened: Arc<Opened>,
) -> Result<Response<Body>, ()> {
    let activity = Activity::default();
    let target = TokioIo::new(Watched { stream: target, activity: activity.clone() });
    let reset = |_| opened.ended(End::Reset);
    let (mut sender, connection) = http1::handshake(target).await.map_err(reset)?;
    let (tunnel, carrier) = (fate.clone(), Arc::clone(&opened));
    let flow = activity.clone();
    // Carries request and answer, bodies included; when it is dropped, what is missing of the answer fails.
    let carried = tokio::spawn(async move {
        tokio::select! {
            ended = connection.with_upgrades() => {
                if ended.is_err() {
                    carrier.ended(End::Reset);
                }
            }
            () = end(&mut fate, &flow) => carrier.ended(End::Cut),
        }
    });
    let mut response = match sender.send_request(request).await {
        Ok(response) => response,
        Err(_) => {
            // If it was cut, that has been noted once the carrier has ended; else the target gave up.
            let _ = carried.await;
            opened.ended(End::Reset);
            return Err(());
        }
    };
    if response.status() == StatusCode::SWITCHING_PROTOCOLS {
        if let Some(upgrade) = upgrade {
            let target = hyper::upgrade::on(&mut response);
            tokio::spawn(async move {
                if let (Ok(client), Ok(target)) = tokio::join!(upgrade, target) {
                    carry(client, target, tunnel, &activity, &opened).await;
                }
            });
        }
    } else {
        strip(response.headers_mut());
    }
    Ok(response.map(Body::new))
}

/// Carries the bytes of an upgraded connection, for example a WebSocket.
async fn carry(
    client: Upgraded,
    target: Upgraded,
    mut fate: watch::Receiver<Fate>,
    activity: &Activity,
    opened: &Opened,
) {
    let (mut client, mut target) = (TokioIo::new(client), TokioIo::new(target));
    tokio::select! {
        copied = copy_bidirectional(&mut client, &mut target) => {
            if copied.is_err() {
                opened.ended(End::Reset);
            }
        }
        () = end(&mut fate, activity) => opened.ended(End::Cut),
    }
}

/// A request at its target; counted as ended when everybody who carries a part of it is done.
#[derive(Debug)]
struct Opened {
    tally: Arc<Tally>,
    how: Mutex<End>,
}

impl Opened {
    /// The first reason counts.
    fn ended(&self, how: End) {
        let mut noted = self.how.lock().unwrap_or_else(PoisonError::into_inner);
        if *noted == End::Closed {
            *noted = how;
        }
    }

    fn was_cut(&self) -> bool {
        *self.how.lock().unwrap_or_else(PoisonError::into_inner) == End::Cut
    }
}

impl Drop for Opened {
    fn drop(&mut self) {
        self.tally.end(*self.how.lock().unwrap_or_else(PoisonError::into_inner));
    }
}

fn plain(status: StatusCode, text: &'static str) -> Response<Body> {
    let mut response = Response::new(Body::from(text));
    *response.status_mut() = status;
    response
}

/// The cookie that keeps a client at its target.
const COOKIE: &str = "tgw_l7_route";
