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
pub struct DialTable {
    entries: Arc<RwLock<BTreeMap<SocketAddr, SocketAddr>>>,
    /// What an address without an entry stands for.
    others: Others,
}

#[derive(Clone, Copy, Debug, Default)]
enum Others {
    /// For nobody.
    #[default]
    Absent,
    /// For itself.
    Direct,
}

impl DialTable {
    /// An empty table.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// A table in which an address without an entry stands for itself: targets are real addresses.
    #[must_use]
    pub fn direct() -> Self {
        Self { others: Others::Direct, ..Self::default() }
    }

    /// Connections to `address` go to `socket` from now on.
    pub fn insert(&self, address: SocketAddr, socket: SocketAddr) {
        self.entries.write().unwrap_or_else(PoisonError::into_inner).insert(address, socket);
    }

    /// Connections to `address` are reset from now on; open ones live on.
    pub fn remove(&self, address: SocketAddr) {
        self.entries.write().unwrap_or_else(PoisonError::into_inner).remove(&address);
    }

    /// Where `address` is.
    #[must_use]
    pub fn get(&self, address: SocketAddr) -> Option<SocketAddr> {
        self.entries.read().unwrap_or_else(PoisonError::into_inner).get(&address).copied().or(
            match self.others {
                Others::Absent => None,
                Others::Direct => Some(address),
            },
        )
    }
}
