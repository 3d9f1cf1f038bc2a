//! Real traffic through the simulated load balancer: one loopback socket per TCP and HTTP listener.
//!
//! * New connections are spread over the registered targets by weight (smooth weighted round robin), as the account says
//!   at the moment of the connection: over the healthy ones, or over all when none is healthy
//!   ([`Account::set_health`](super::Account::set_health)). Targets of a target group count as the listener's.
//! * Weight 0 stops new connections and leaves established ones alone.
//! * Deregistration cuts established connections with a reset on both sides ([`Options::with_deregistered`]).
//! * Without a target of weight above 0, connections are accepted and reset.
//! * HTTP listeners place each request by the rules' domains (`*.example.com` too) and paths. The client's connection is
//!   tied to no target. At weight 0 the requests under way and upgraded connections (WebSocket) go on; at deregistration
//!   they are cut. 404 without a rule, 503 without a target, 502 when the target fails. Speaks HTTP/1.1.
//! * Targets have cluster addresses; the [`DialTable`] says which local socket plays each. What cannot be dialled is reset.
//! * Listener switches act: [`Switch::RescheduleTargetZeroWeight`](super::Switch::RescheduleTargetZeroWeight) cuts at
//!   weight 0, [`Switch::RescheduleExpandTarget`](super::Switch::RescheduleExpandTarget) at every change of the set of
//!   targets, [`Switch::Stop`](super::Switch::Stop) resets new connections.
//! * [`Listener::with_session_persistence`](super::Listener::with_session_persistence) sends a client address to the same
//!   target again, [`Rule::with_session_persistence`](super::Rule::with_session_persistence) a client with a cookie;
//!   whether also at weight 0 is not documented ([`Options::with_sticky`]).
//! * UDP, QUIC and listeners with TLS have no socket.

mod connection;
mod counters;
mod dial_table;
mod pools;
mod proxy;
mod spread;

use std::{
    collections::BTreeMap,
    io,
    net::{Ipv4Addr, SocketAddr},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use axum::{Router, serve::ListenerExt};
use tokio::{net::TcpListener, task::JoinSet};

use self::{
    connection::{forward, reject},
    pools::{Picked, Pools, Wish},
    proxy::answer,
};
pub use self::{counters::Counters, dial_table::DialTable};
use super::{listener::Protocol, pool::PoolId, simulator::Simulator};

/// What the documentation leaves open about connections.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Options {
    deregistered: Deregistered,
    sticky: Sticky,
}

impl Options {
    /// What becomes of connections to a deregistered target. Default [`Deregistered::Reset`].
    #[must_use]
    pub const fn with_deregistered(mut self, deregistered: Deregistered) -> Self {
        self.deregistered = deregistered;
        self
    }

    /// Whether sticky clients reach a target at weight 0. Default [`Sticky::UntilWeightZero`].
    #[must_use]
    pub const fn with_sticky(mut self, sticky: Sticky) -> Self {
        self.sticky = sticky;
        self
    }
}

/// What becomes of connections to a deregistered target.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Deregistered {
    /// Reset on both sides.
    #[default]
    Reset,
    /// Kept until nothing was sent for so long.
    KeepUntilIdle(Duration),
}

/// How long session persistence holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Sticky {
    /// Until the target's weight is 0.
    #[default]
    UntilWeightZero,
    /// Until the target is deregistered.
    EvenAtWeightZero,
}

/// The sockets of a simulator's listeners. Dropping it closes them and stops cutting; open connections live on until one
/// of their sides ends them.
#[derive(Debug)]
pub struct DataPlane {
    shared: Arc<Shared>,
    sockets: BTreeMap<PoolId, SocketAddr>,
    /// Accepting, and cutting.
    tasks: JoinSet<()>,
}

#[derive(Debug)]
struct Shared {
    simulator: Simulator,
    dial: DialTable,
    options: Options,
    /// Locked inside the account's lock, never the other way round.
    pools: Mutex<Pools>,
}

impl DataPlane {
    /// Opens a free port of 127.0.0.1 for each TCP and HTTP listener that exists now; for later ones there is [`Self::open`].
    ///
    /// # Errors
    /// When a socket cannot be opened, for example because the process may not have more descriptors.
    pub async fn start(simulator: &Simulator, dial: DialTable, options: Options) -> io::Result<Self> {
        let shared = Arc::new(Shared {
            simulator: simulator.clone(),
            dial,
            options,
            pools: Mutex::new(Pools::default()),
        });
        let mut tasks = JoinSet::new();
        tasks.spawn(cut(Arc::clone(&shared)));
        let mut plane = Self { shared, sockets: BTreeMap::new(), tasks };
        for (load_balancer, listener) in simulator.with(|account| account.served_listeners()) {
            plane.open(&load_balancer, &listener).await?;
        }
        Ok(plane)
    }

    /// Opens a socket for a listener, if it has none yet, and says where it is. It speaks HTTP if this is an HTTP listener,
    /// else TCP. While the listener does not exist, connections are reset.
    ///
    /// # Errors
    /// When the socket cannot be opened.
    pub async fn open(&mut self, load_balancer: &str, listener: &str) -> io::Result<SocketAddr> {
        let pool = PoolId::listener(load_balancer, listener);
        if let Some(address) = self.sockets.get(&pool) {
            return Ok(*address);
        }
        let socket = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = socket.local_addr()?;
        let shared = Arc::clone(&self.shared);
        match shared.simulator.with(|account| account.protocol_of(&pool)) {
            Some(Protocol::Http) => drop(self.tasks.spawn(serve(shared, socket, pool.clone()))),
            _ => drop(self.tasks.spawn(accept(shared, socket, pool.clone()))),
        }
        self.sockets.insert(pool, address);
        Ok(address)
    }

    /// Where clients reach a listener; `None` if it has no socket.
    #[must_use]
    pub fn address(&self, load_balancer: &str, listener: &str) -> Option<SocketAddr> {
        self.sockets.get(&PoolId::listener(load_balancer, listener)).copied()
    }

    /// The table that says where targets are.
    #[must_use]
    pub fn dial_table(&self) -> &DialTable {
        &self.shared.dial
    }

    /// The connections of one target, its earlier registrations included.
    #[must_use]
    pub fn counters(&self, pool: &PoolId, address: SocketAddr) -> Counters {
        self.shared.pools.lock().unwrap_or_else(PoisonError::into_inner).counters(pool, address)
    }

    /// The connections of every target that ever got one.
    #[must_use]
    pub fn all_counters(&self) -> Vec<(PoolId, SocketAddr, Counters)> {
        self.shared.pools.lock().unwrap_or_else(PoisonError::into_inner).all_counters()
    }

    /// Connections that were reset because there was no target with a weight above 0.
    #[must_use]
    pub fn rejected(&self) -> u64 {
        self.shared.pools.lock().unwrap_or_else(PoisonError::into_inner).rejected()
    }
}

/// Takes connections of one listener and gives each to a target.
async fn accept(shared: Arc<Shared>, socket: TcpListener, pool: PoolId) {
    loop {
        match socket.accept().await {
            Ok((client, from)) => match shared.pick(&pool, from) {
                Some(picked) => drop(tokio::spawn(forward(client, picked, shared.dial.clone()))),
                None => reject(client),
            },
            Err(why) => {
                // Out of descriptors, as a rule: waiting lets connections end.
                tracing::warn!(%why, %pool, "a connection could not be accepted; raise the limit of open files");
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        }
    }
}

/// Takes connections of one HTTP listener and places each request.
async fn serve(shared: Arc<Shared>, socket: TcpListener, listener: PoolId) {
    let socket = socket.tap_io(|stream| {
        // Without it small answers wait for the other side's delayed acknowledgement; they arrive either way.
        let _ = stream.set_nodelay(true);
    });
    let place = move |request| answer(Arc::clone(&shared), listener.clone(), request);
    let service = Router::new().fallback(place).into_make_service_with_connect_info::<SocketAddr>();
    if let Err(why) = axum::serve(socket, service).await {
        tracing::warn!(%why, "an HTTP listener stopped");
    }
}

/// Ends connections whenever the account has changed.
async fn cut(shared: Arc<Shared>) {
    let mut seen = 0;
    loop {
        shared.simulator.with(|account| {
            seen = account.revision();
            shared.pools.lock().unwrap_or_else(PoisonError::into_inner).refresh(account, &shared.options);
        });
        seen = shared.simulator.changed(seen).await;
    }
}

impl Shared {
    fn pick(&self, pool: &PoolId, from: SocketAddr) -> Option<Picked> {
        self.simulator.with(|account| {
            let mut pools = self.pools.lock().unwrap_or_else(PoisonError::into_inner);
            pools.pick(account, pool, Wish::Client(from.ip()), &self.options)
        })
    }
}
