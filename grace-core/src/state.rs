//! Everything the machine remembers, as records that name each other by number.

use alloc::collections::{BTreeMap, VecDeque};
use alloc::vec::Vec;

use crate::action::{Action, ActionId};
use crate::budget::Budget;
use crate::choose::Queued;
use crate::event::Source;
use crate::id::Uid;
use crate::index::Lookup;
use crate::intake::NO_SOURCE;
use crate::ip::Addresses;
use crate::lane::Lane;
use crate::machine::{Config, Wake};
use crate::marking::Marking;
use crate::notice::Notice;
use crate::pool::{LaneId, Pool};
use crate::record::{Binding, Phase, PoolRecord, PoolTold, Route, Seat, Seeing, Service, Slice};
use crate::route::RouteKey;
use crate::slab::{Index, NONE, Slab};
use crate::slice::{ServiceKey, SliceKey};
use crate::target::{Address, TargetId};
use crate::time::Time;
use crate::timer::{Due, Timers};
use crate::tracked_pod::Pod;
use crate::tracked_target::{Flag, Target};

/// All records and queues. The files that work on it each add their own methods.
#[derive(Clone, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub(crate) struct State {
    pub(crate) config: Config,
    /// Never runs backwards.
    pub(crate) now: Time,
    /// Every source was listed once and every binding answered once: absence means something.
    pub(crate) synced: bool,
    pub(crate) pods: Slab<Pod>,
    #[cfg_attr(feature = "serde", serde(skip))]
    pub(crate) pods_by_uid: Lookup,
    /// Twice the number of a Pod, and one more for the second of its addresses.
    #[cfg_attr(feature = "serde", serde(skip))]
    pub(crate) pods_by_ip: Lookup,
    pub(crate) addresses: Addresses,
    pub(crate) slices: Slab<Slice>,
    #[cfg_attr(feature = "serde", serde(skip))]
    pub(crate) slices_by_key: Lookup,
    pub(crate) services: Slab<Service>,
    #[cfg_attr(feature = "serde", serde(skip))]
    pub(crate) services_by_key: Lookup,
    pub(crate) routes: Slab<Route>,
    #[cfg_attr(feature = "serde", serde(skip))]
    pub(crate) routes_by_key: Lookup,
    pub(crate) bindings: Slab<Binding>,
    pub(crate) pools: Slab<PoolRecord>,
    pub(crate) targets: Slab<Target>,
    #[cfg_attr(feature = "serde", serde(skip))]
    pub(crate) targets_by_id: Lookup,
    pub(crate) seats: Slab<Seat>,
    pub(crate) lanes: Vec<Lane>,
    #[cfg_attr(feature = "serde", serde(skip))]
    pub(crate) lanes_by_id: BTreeMap<LaneId, Index>,
    /// Generation of each source; odd while it is being listed.
    pub(crate) sources: Vec<(Source, u16)>,
    #[cfg_attr(feature = "serde", serde(skip))]
    pub(crate) sources_by_name: Lookup,
    pub(crate) last_source: u16,
    pub(crate) timers: Timers,
    pub(crate) budget: Budget,
    /// Lanes that wait for it.
    pub(crate) budget_queue: Vec<Queued>,
    /// Which lane an open action belongs to.
    #[cfg_attr(feature = "serde", serde(with = "crate::snapshot::pairs"))]
    pub(crate) open: BTreeMap<ActionId, Index>,
    pub(crate) next_action: u64,
    /// Targets to be looked at before the current call ends.
    #[cfg_attr(feature = "serde", serde(skip))]
    pub(crate) touched: Vec<Index>,
    /// Pods whose drain is to be looked at before the current call ends.
    #[cfg_attr(feature = "serde", serde(skip))]
    pub(crate) drains: Vec<Index>,
    /// Pools whose floor is to be looked at before the current call ends.
    #[cfg_attr(feature = "serde", serde(skip))]
    pub(crate) floors: Vec<Index>,
    /// Lanes to be looked at before the current call ends.
    #[cfg_attr(feature = "serde", serde(skip))]
    pub(crate) stirred: Vec<Index>,
    /// Marks on Pods.
    pub(crate) marking: Marking,
    /// Routes whose pools were never known.
    pub(crate) unresolved: Vec<Index>,
    pub(crate) actions: VecDeque<Action>,
    #[cfg_attr(feature = "serde", serde(skip))]
    pub(crate) notices: VecDeque<Notice>,
}

impl State {
    pub(crate) fn new(config: Config) -> Self {
        let budget = Budget::new(config.calls_per_second);
        Self {
            config,
            now: Time::EPOCH,
            synced: false,
            pods: Slab::new(),
            pods_by_uid: Lookup::default(),
            pods_by_ip: Lookup::default(),
            addresses: Addresses::new(),
            slices: Slab::new(),
            slices_by_key: Lookup::default(),
            services: Slab::new(),
            services_by_key: Lookup::default(),
            routes: Slab::new(),
            routes_by_key: Lookup::default(),
            bindings: Slab::new(),
            pools: Slab::new(),
            targets: Slab::new(),
            targets_by_id: Lookup::default(),
            seats: Slab::new(),
            lanes: Vec::new(),
            lanes_by_id: BTreeMap::new(),
            sources: Vec::new(),
            sources_by_name: Lookup::default(),
            last_source: NO_SOURCE,
            timers: Timers::default(),
            budget,
            budget_queue: Vec::new(),
            open: BTreeMap::new(),
            next_action: 0,
            touched: Vec::new(),
            drains: Vec::new(),
            floors: Vec::new(),
            stirred: Vec::new(),
            marking: Marking::default(),
            unresolved: Vec::new(),
            actions: VecDeque::new(),
            notices: VecDeque::new(),
        }
    }

    pub(crate) fn find_pod(&self, uid: &Uid) -> Option<Index> {
        self.pods_by_uid.find(uid, |index| self.pods[index].uid == *uid)
    }

    pub(crate) fn find_route(&self, key: &RouteKey) -> Option<Index> {
        self.routes_by_key.find(key, |index| self.routes[index].facts.key == *key)
    }

    pub(crate) fn find_service(&self, key: &ServiceKey) -> Option<Index> {
        self.services_by_key.find(key, |index| self.services[index].key == *key)
    }

    pub(crate) fn find_slice(&self, key: &SliceKey) -> Option<Index> {
        self.slices_by_key.find(key, |index| self.slices[index].key == *key)
    }

    pub(crate) fn find_target(&self, pool: Index, address: Address) -> Option<Index> {
        let key = (pool, self.addresses.find(address.ip)?, address.port);
        self.targets_by_id.find(&key, |index| {
            let target = &self.targets[index];
            (target.pool, target.ip, target.port) == key
        })
    }

    /// The pool's record, made when it is not there yet.
    pub(crate) fn pool_of(&mut self, lane: Index, pool: &Pool) -> Index {
        if let Some(index) = self.lanes[lane as usize].pools.get(pool) {
            return *index;
        }
        let record = PoolRecord {
            lane,
            pool: pool.clone(),
            bindings: Vec::new(),
            targets: Vec::new(),
            read: false,
            shown_at: Time::EPOCH,
            read_at: None,
            urgent: false,
            emptied: false,
            missing: false,
            not_before: Time::EPOCH,
            failures: 0,
            registered: 0,
            serving: 0,
            told: PoolTold::default(),
            waiting: 0,
            floor_kept: Vec::new(),
            has_floor: false,
            floor_stirred: false,
            health_wanted: false,
            health_looks: 0,
        };
        let index = self.pools.insert(record);
        self.lanes[lane as usize].pools.insert(pool.clone(), index);
        index
    }

    /// The lane's record, made when it is not there yet.
    pub(crate) fn lane_of(&mut self, id: &LaneId) -> Index {
        if let Some(index) = self.lanes_by_id.get(id) {
            return *index;
        }
        let index = Index::try_from(self.lanes.len()).unwrap_or(NONE);
        self.lanes.push(Lane::new(id.clone()));
        self.lanes_by_id.insert(id.clone(), index);
        index
    }

    /// The target's record, made when it is not there yet.
    pub(crate) fn target_of(&mut self, pool: Index, address: Address) -> Index {
        if let Some(index) = self.find_target(pool, address) {
            return index;
        }
        let (ip, port) = (self.addresses.hold(address.ip), address.port);
        let index = self.targets.insert(Target::unknown(pool, ip, port));
        let record = &mut self.pools[pool];
        if record.read && !record.missing {
            // A snapshot under this grant did not show it.
            self.targets[index].seen = Seeing::Absent;
            self.targets[index].flags.set(Flag::EverRead, true);
        }
        record.targets.push(index);
        let targets = &self.targets;
        self.targets_by_id.insert(&(pool, ip, port), index, |index| targets[index].key_hash());
        index
    }

    /// Has the target looked at before this call ends.
    pub(crate) fn touch(&mut self, target: Index) {
        let flags = &mut self.targets[target].flags;
        if !flags.has(Flag::Touched) {
            flags.set(Flag::Touched, true);
            self.touched.push(target);
        }
    }

    /// Has the target looked at again at that time.
    pub(crate) fn set_target_timer(&mut self, target: Index, at: Option<(Time, Wake)>) {
        let Some(record) = self.targets.get_mut(target) else { return };
        let mut timer = record.timer();
        if timer != at {
            self.timers.set(Due::Target(target), &mut timer, at);
            record.set_timer(timer);
        }
    }

    /// Has the lane looked at before this call ends.
    pub(crate) fn stir(&mut self, lane: Index) {
        let record = &mut self.lanes[lane as usize];
        if !record.stirred {
            record.stirred = true;
            self.stirred.push(lane);
        }
    }

    /// Has the targets of a Pod looked at.
    pub(crate) fn touch_pod(&mut self, pod: Index) {
        let mut seat = self.pods[pod].seats;
        while seat != NONE {
            let record = &self.seats[seat];
            seat = record.next_of_pod;
            self.touch(record.target);
        }
    }

    /// Has the targets of a pool looked at.
    pub(crate) fn touch_pool(&mut self, pool: Index) {
        for position in 0..self.pools[pool].targets.len() {
            let target = self.pools[pool].targets[position];
            self.touch(target);
        }
    }

    /// Has a pool read at `at`, or earlier if it is due earlier.
    pub(crate) fn read_by(&mut self, pool: Index, at: Time) {
        let record = &mut self.pools[pool];
        record.read_at = Some(record.read_at.map_or(at, |due| due.min(at)));
        let lane = record.lane;
        let next = &mut self.lanes[lane as usize].next_read;
        *next = Some(next.map_or(at, |due| due.min(at)));
        self.stir(lane);
    }

    pub(crate) fn address_of(&self, target: Index) -> Address {
        let record = &self.targets[target];
        Address { ip: self.addresses.get(record.ip), port: record.port }
    }

    pub(crate) fn target_id(&self, target: Index) -> TargetId {
        let record = &self.pools[self.targets[target].pool];
        let address = self.address_of(target);
        TargetId { lane: self.lanes[record.lane as usize].id.clone(), pool: record.pool.clone(), address }
    }

    /// Routes that drive a pool of this lane.
    pub(crate) fn routes_of_lane(&self, lane: Index) -> Vec<RouteKey> {
        let pools = self.lanes[lane as usize].pools.values();
        let mut keys: Vec<RouteKey> = pools.flat_map(|pool| self.routes_of_pool(*pool)).collect();
        keys.sort();
        keys.dedup();
        keys
    }

    /// Routes that drive this pool.
    pub(crate) fn routes_of_pool(&self, pool: Index) -> Vec<RouteKey> {
        let bindings = self.pools[pool].bindings.iter().map(|binding| &self.bindings[*binding]);
        bindings
            .filter(|binding| binding.phase == Phase::Active)
            .map(|binding| self.routes[binding.route].facts.key.clone())
            .collect()
    }

    /// Whether some route drives this pool.
    pub(crate) fn is_bound(&self, pool: Index) -> bool {
        self.pools[pool].bindings.iter().any(|binding| self.bindings[*binding].phase == Phase::Active)
    }

    /// A route to name in what is said about this pool: the one that drives it, else one that did.
    pub(crate) fn route_to_name(&self, pool: Index) -> Option<RouteKey> {
        let bindings = || self.pools[pool].bindings.iter().map(|binding| &self.bindings[*binding]);
        bindings()
            .find(|binding| binding.phase == Phase::Active)
            .or_else(|| bindings().next())
            .map(|binding| self.routes[binding.route].facts.key.clone())
    }

    pub(crate) fn tell(&mut self, notice: Notice) {
        self.notices.push_back(notice);
    }
}
