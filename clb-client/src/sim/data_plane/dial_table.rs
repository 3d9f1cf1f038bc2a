//! Where cluster addresses really are.

use std::{
    collections::BTreeMap,
    net::SocketAddr,
    sync::{Arc, PoisonError, RwLock},
};

/// Maps each cluster address (`10.x.y.z:port`) to the loopback socket of the program that plays the Pod. Cheap to clone;
/// clones share the table.
///
/// An address without an entry is like a Pod that is not there: connections to it are reset.
#[derive(Clone, Debug, Default)]
pub struct DialTable(Arc<RwLock<BTreeMap<SocketAddr, SocketAddr>>>);

impl DialTable {
    /// An empty table.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Connections to `address` go to `socket` from now on.
    pub fn insert(&self, address: SocketAddr, socket: SocketAddr) {
        self.0.write().unwrap_or_else(PoisonError::into_inner).insert(address, socket);
    }

    /// Connections to `address` are reset from now on; open ones live on.
    pub fn remove(&self, address: SocketAddr) {
        self.0.write().unwrap_or_else(PoisonError::into_inner).remove(&address);
    }

    /// Where `address` is.
    #[must_use]
    pub fn get(&self, address: SocketAddr) -> Option<SocketAddr> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).get(&address).copied()
    }
}
