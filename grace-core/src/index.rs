//! Finding a record by what it holds: a hash table of record numbers, with a fixed seed, never iterated.

use core::hash::{BuildHasher, Hash};

use foldhash::fast::FixedState;
use hashbrown::HashTable;

use crate::slab::Index;

/// Numbers of records by the hash of their key. The keys themselves stay in the records.
#[derive(Clone, Debug, Default)]
pub(crate) struct Lookup {
    table: HashTable<Index>,
}

impl Lookup {
    /// All records of these numbers; `hash` gives the hash of a record's key.
    #[cfg(feature = "serde")]
    pub(crate) fn of(numbers: impl Iterator<Item = Index>, hash: impl Fn(Index) -> u64) -> Self {
        let mut table = HashTable::new();
        for index in numbers {
            table.insert_unique(hash(index), index, |index| hash(*index));
        }
        Self { table }
    }

    /// The record whose key hashes like `key` and satisfies `is`.
    pub(crate) fn find(&self, key: &impl Hash, is: impl Fn(Index) -> bool) -> Option<Index> {
        self.table.find(hash(key), |index| is(*index)).copied()
    }

    /// All records whose key hashes like `key`, in no order that may decide anything.
    pub(crate) fn all(&self, key: &impl Hash) -> impl Iterator<Item = Index> + '_ {
        self.table.iter_hash(hash(key)).copied()
    }

    /// Adds a record under `key`; `rehash` gives the hash of any record's key.
    pub(crate) fn insert(&mut self, key: &impl Hash, index: Index, rehash: impl Fn(Index) -> u64) {
        self.table.insert_unique(hash(key), index, |index| rehash(*index));
    }

    /// Takes out the record `index`, which stands under `key`.
    pub(crate) fn remove(&mut self, key: &impl Hash, index: Index) {
        if let Ok(entry) = self.table.find_entry(hash(key), |other| *other == index) {
            entry.remove();
        }
    }
}

/// The hash of a key: the same in every process, because equal events must give equal actions.
pub(crate) fn hash(key: &impl Hash) -> u64 {
    FixedState::with_seed(0).hash_one(key)
}
