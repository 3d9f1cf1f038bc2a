//! The machine as it is between two calls, written and read back: what a replay begins with where its log has lost its
//! first line.
//!
//! Records are written as they are, with the numbers by which they name each other: whatever bears on a later action is
//! among them, so nothing has to be learned again and nothing is forgotten. What only finds a record by what it holds is
//! built anew, and what a call leaves empty is not written. The shape is that of this version; [`log`](crate::log) names it.

use alloc::vec::Vec;

use serde::de::Error as _;
use serde::ser::SerializeStruct;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::index::{Lookup, hash};
use crate::intake::entries;
use crate::slab::{Index, Slab};
use crate::state::State;

/// Reads the state back, and finds its records again.
pub(crate) fn restored<'de, D: Deserializer<'de>>(from: D) -> Result<State, D::Error> {
    let mut state = State::deserialize(from)?;
    state.index_anew();
    Ok(state)
}

impl State {
    /// Fills what finds records by what they hold.
    fn index_anew(&mut self) {
        let Self { pods, slices, services, routes, targets, sources, .. } = self;
        self.pods_by_uid = Lookup::of(pods.indices(), |pod| hash(&pods[pod].uid));
        // One that is gone is not to be found by its addresses any more.
        let present = pods.indices().filter(|pod| !pods[*pod].is_gone());
        let entries = present.flat_map(|pod| entries(pod, pods[pod].ips)).map(|(entry, _)| entry);
        self.pods_by_ip = Lookup::of(entries, |entry| pods[entry / 2].ip(entry).map_or(0, |ip| hash(&ip)));
        self.slices_by_key = Lookup::of(slices.indices(), |slice| hash(&slices[slice].key));
        self.services_by_key = Lookup::of(services.indices(), |service| hash(&services[service].key));
        self.routes_by_key = Lookup::of(routes.indices(), |route| hash(&routes[route].facts.key));
        self.targets_by_id = Lookup::of(targets.indices(), |target| targets[target].key_hash());
        self.sources_by_name =
            Lookup::of((0..).take(sources.len()), |index| hash(&sources[index as usize].0));
        self.addresses.index_anew();
        self.lanes_by_id = (0..).zip(&self.lanes).map(|(index, lane)| (lane.id.clone(), index)).collect();
        for index in self.pools.indices() {
            let record = &self.pools[index];
            self.lanes[record.lane as usize].pools.insert(record.pool.clone(), index);
        }
    }
}

impl<T: Serialize> Serialize for Slab<T> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let mut slab = to.serialize_struct("Slab", 2)?;
        slab.serialize_field("records", &Records(self))?;
        // Their order decides which number the next record gets.
        slab.serialize_field("free", self.free())?;
        slab.end()
    }
}

/// All places of a slab, those without a record too.
struct Records<'a, T>(&'a Slab<T>);

impl<T: Serialize> Serialize for Records<'_, T> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_seq((0..self.0.len()).map(|index| self.0.get(index)))
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Slab<T> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(rename = "Slab")]
        struct Stored<T> {
            records: Vec<Option<T>>,
            free: Vec<Index>,
        }
        let Stored { records, free } = Stored::deserialize(from)?;
        let empty = records.iter().filter(|record| record.is_none()).count();
        let all_empty = free.iter().all(|index| matches!(records.get(*index as usize), Some(None)));
        if free.len() != empty || !all_empty {
            return Err(D::Error::custom("the free places of a snapshot are not its empty ones"));
        }
        Ok(Self::with(records, free))
    }
}

/// A map as pairs: some formats take nothing but text for a key.
pub(crate) mod pairs {
    use alloc::collections::BTreeMap;
    use alloc::vec::Vec;

    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    pub(crate) fn serialize<K: Serialize, V: Serialize, S: Serializer>(
        map: &BTreeMap<K, V>,
        to: S,
    ) -> Result<S::Ok, S::Error> {
        to.collect_seq(map)
    }

    pub(crate) fn deserialize<'de, K, V, D>(from: D) -> Result<BTreeMap<K, V>, D::Error>
    where
        K: Deserialize<'de> + Ord,
        V: Deserialize<'de>,
        D: Deserializer<'de>,
    {
        Ok(Vec::<(K, V)>::deserialize(from)?.into_iter().collect())
    }
}
