//! Everything the machine remembers, as records that name each other by number.

use alloc::boxed::Box;
use alloc::collections::{BTreeMap, VecDeque};
use alloc::vec::Vec;
use core::net::IpAddr;

use crate::action::{Action, ActionId};
use crate::budget::Budget;
use crate::choose::Queued;
use crate::decide::Want;
use crate::drain::Drain;
use crate::event::Source;
use crate::id::Uid;
use crate::index::{Lookup, MultiLookup, hash};
use crate::lane::Lane;
use crate::machine::{Config, Wake};
use crate::notice::Notice;
use crate::pod::{Life, PodFacts};
use crate::pool::{LaneId, Pool};
use crate::route::{RouteEnd, RouteFacts, RouteKey};
use crate::slab::{Index, NONE, Slab};
use crate::slice::{PortName, ServiceKey, SliceKey};
use crate::target::{Address, TargetId, Weight};
use crate::time::Time;
use crate::timer::Timers;

/// All records and queues. The files that work on it each add their own methods.
#[derive(Clone, Debug)]
pub(crate) struct State {
    pub(crate) config: Config,
    /// Never runs backwards.
    pub(crate) now: Time,
    /// Every source was listed once and every binding answered once: absence means something.
    pub(crate) synced: bool,
    pub(crate) pods: Slab<Pod>,
    pub(crate) pods_by_uid: Lookup,
    pub(crate) pods_by_ip: MultiLookup,
    pub(crate) slices: Slab<Slice>,
    pub(crate) slices_by_key: Lookup,
    pub(crate) services: Slab<Service>,
    pub(crate) services_by_key: Lookup,
    pub(crate) routes: Slab<Route>,
    pub(crate) routes_by_key: Lookup,
    pub(crate) bindings: Slab<Binding>,
    pub(crate) pools: Slab<PoolRecord>,
    pub(crate) targets: Slab<Target>,
    pub(crate) targets_by_id: Lookup,
    pub(crate) seats: Slab<Seat>,
    pub(crate) lanes: Vec<Lane>,
    pub(crate) lanes_by_id: BTreeMap<LaneId, Index>,
    /// Generation of each source; odd while it is being listed.
    pub(crate) sources: BTreeMap<Source, (Index, u32)>,
    pub(crate) timers: Timers,
    pub(crate) budget: Budget,
    /// Lanes that wait for it.
    pub(crate) budget_queue: Vec<Queued>,
    /// Which lane an open action belongs to.
    pub(crate) open: BTreeMap<ActionId, Index>,
    pub(crate) next_action: u64,
    /// Targets to be looked at before the current call ends.
    pub(crate) touched: Vec<Index>,
    /// Lanes to be looked at before the current call ends.
    pub(crate) stirred: Vec<Index>,
    pub(crate) actions: VecDeque<Action>,
    pub(crate) notices: VecDeque<Notice>,
}

/// A Pod: its facts, or a mere name that slices used before its facts came.
#[derive(Clone, Debug)]
pub(crate) struct Pod {
    pub(crate) uid: Uid,
    /// `None` until its facts came.
    pub(crate) facts: Option<Box<PodFacts>>,
    /// The object is gone; the record stays while targets remember it.
    pub(crate) gone: bool,
    pub(crate) source: Index,
    pub(crate) generation: u32,
    /// First of its seats, linked by `Seat::next_of_pod`.
    pub(crate) seats: Index,
    /// How many endpoints of slices name it.
    pub(crate) listed: u32,
    /// Open while it drains.
    pub(crate) drain: Option<Box<Drain>>,
}

impl Pod {
    /// Where the Pod is in its life; `None` while nothing is known of it.
    pub(crate) fn life(&self) -> Option<Life> {
        if self.gone { Some(Life::Over) } else { self.facts.as_ref().map(|facts| facts.life) }
    }

    /// Whether its processes may still serve at `ip`. A Pod whose address is not known (any more) keeps the last one.
    pub(crate) fn lives_at(&self, ip: IpAddr) -> bool {
        let Some(facts) = &self.facts else { return false };
        let same_family = |other: &IpAddr| other.is_ipv4() == ip.is_ipv4();
        facts.ips.contains(&Some(ip)) || !facts.ips.iter().flatten().any(same_family)
    }
}

/// An EndpointSlice.
#[derive(Clone, Debug)]
pub(crate) struct Slice {
    pub(crate) key: SliceKey,
    pub(crate) service: Index,
    pub(crate) ports: Vec<(PortName, core::num::NonZeroU16)>,
    /// Sorted by Pod number.
    pub(crate) endpoints: Vec<Endpoint>,
    pub(crate) source: Index,
    pub(crate) generation: u32,
}

/// A Pod in a slice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Endpoint {
    pub(crate) pod: Index,
    pub(crate) ip: IpAddr,
    pub(crate) serving: bool,
    pub(crate) terminating: bool,
}

/// A Service, as the meeting point of slices and routes.
#[derive(Clone, Debug)]
pub(crate) struct Service {
    pub(crate) key: ServiceKey,
    pub(crate) slices: Vec<Index>,
    pub(crate) routes: Vec<Index>,
}

/// A route.
#[derive(Clone, Debug)]
pub(crate) struct Route {
    pub(crate) facts: RouteFacts,
    pub(crate) service: Index,
    pub(crate) bindings: Vec<Index>,
    pub(crate) ended: bool,
}

/// A route on one pool.
#[derive(Clone, Debug)]
pub(crate) struct Binding {
    pub(crate) route: Index,
    pub(crate) pool: Index,
    pub(crate) phase: Phase,
}

/// Whether a route still drives a pool.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Phase {
    /// It does.
    Active,
    /// An older route of another Service does.
    Contested,
    /// It did; its targets are being brought to their end.
    Ended(RouteEnd),
}

/// A pool and what is known of its contents.
#[derive(Clone, Debug)]
pub(crate) struct PoolRecord {
    pub(crate) lane: Index,
    pub(crate) pool: Pool,
    pub(crate) bindings: Vec<Index>,
    pub(crate) targets: Vec<Index>,
    /// Its contents were read under the present grant.
    pub(crate) read: bool,
    /// When it has to be read (again).
    pub(crate) read_at: Option<Time>,
    /// A drain waits for that read.
    pub(crate) urgent: bool,
    /// An unexpectedly empty answer was seen once and waits to be confirmed.
    pub(crate) emptied: bool,
    /// The load balancer says that it does not exist.
    pub(crate) missing: bool,
    /// Changes were refused or in doubt: none before this moment.
    pub(crate) not_before: Time,
    pub(crate) failures: u32,
    /// Registered targets.
    pub(crate) registered: u32,
    /// Targets that are wanted with a positive weight.
    pub(crate) serving: u32,
    pub(crate) told: PoolTold,
    /// Weight changes that wait.
    pub(crate) waiting: u32,
}

/// What people were told about a pool already.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct PoolTold {
    pub(crate) all_zero: bool,
    pub(crate) full: bool,
    pub(crate) missing: bool,
}

/// An address in a pool.
#[derive(Clone, Debug)]
pub(crate) struct Target {
    pub(crate) pool: Index,
    pub(crate) address: Address,
    /// First of its seats, linked by `Seat::next_of_target`.
    pub(crate) seats: Index,
    pub(crate) want: Want,
    pub(crate) seen: Seeing,
    /// What was sent and not yet answered.
    pub(crate) flying: Option<Flight>,
    pub(crate) claim: Claim,
    /// Kind of change that waits for its lane.
    pub(crate) waiting: Option<Change>,
    pub(crate) flags: Flags,
    /// Since when it is known to be at weight 0.
    pub(crate) zero_since: Option<Time>,
    /// When its last change was proven by a task, for reads that lag behind.
    pub(crate) proven_at: Time,
    pub(crate) timer: Option<(Time, Wake)>,
    /// Only for the few that make trouble.
    pub(crate) trouble: Option<Box<Trouble>>,
}

/// What is known of a target's registration.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[expect(clippy::exhaustive_enums, reason = "not known and known to be absent must never be confused")]
pub enum Seeing {
    /// Not known: never read, or a change with an unknown outcome.
    #[default]
    Unknown,
    /// Not registered.
    Absent,
    /// Registered with this weight.
    Registered(Weight),
}

/// A change on its way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[expect(clippy::exhaustive_enums, reason = "the three kinds of change")]
pub enum Flight {
    /// To this weight.
    Weight(Weight),
    /// To be registered with this weight.
    Register(Weight),
    /// To be deregistered.
    Deregister,
}

/// Our right to deregister a target.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[expect(clippy::exhaustive_enums, reason = "every plan names every case")]
pub enum Claim {
    /// We have none.
    #[default]
    None,
    /// It was asked for.
    Asked,
    /// We have it.
    Held,
    /// It is being given up.
    Dropping,
}

/// Kinds of change, in the order in which they leave.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Change {
    /// Weight 0 for a terminating Pod.
    Zero,
    /// Another weight.
    Weight,
    Register,
    Deregister,
}

/// Small facts about a target.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Flags {
    /// In `State::touched`.
    pub(crate) touched: bool,
    /// In `Lane::waiting`.
    pub(crate) queued: bool,
    /// In `Lane::claiming`.
    pub(crate) claiming: bool,
    /// What was seen is an answer without proof.
    pub(crate) assumed: bool,
    /// A change with an unknown outcome: to be read before the next write.
    pub(crate) doubt: bool,
    /// Its first snapshot showed a positive weight, and no Pod was known there before.
    pub(crate) inherited: bool,
    /// Some snapshot showed it, or showed that it is absent.
    pub(crate) ever_read: bool,
    /// Counted in `PoolRecord::registered`.
    pub(crate) counted_registered: bool,
    /// Counted in `PoolRecord::serving`.
    pub(crate) counted_serving: bool,
    /// Counted in `PoolRecord::waiting`.
    pub(crate) counted_waiting: bool,
    /// Reported as foreign or orphan.
    pub(crate) reported: bool,
    /// A snapshot contradicted a fresh proof once.
    pub(crate) contradicted: bool,
}

/// Trouble with one target.
#[derive(Clone, Debug, Default)]
pub(crate) struct Trouble {
    /// Refused alone this often.
    pub(crate) refusals: u32,
    /// Not before this moment.
    pub(crate) not_before: Time,
    /// Must be sent without company.
    pub(crate) alone: bool,
    /// To be tried apart from all others, together with those of the same number.
    pub(crate) suspects: Option<u32>,
    /// When changes by somebody else were undone.
    pub(crate) restored: VecDeque<Time>,
    /// The last change by somebody else waits to be undone.
    pub(crate) overwritten: bool,
    /// Reported as fought over.
    pub(crate) fighting: bool,
    /// Registered without lasting effect this often.
    pub(crate) vanished: u32,
}

/// A Pod on a target: what its Service says about the two.
#[derive(Clone, Debug)]
pub(crate) struct Seat {
    pub(crate) pod: Index,
    pub(crate) target: Index,
    pub(crate) binding: Index,
    pub(crate) next_of_pod: Index,
    pub(crate) next_of_target: Index,
    /// Some slice names the Pod at this address.
    pub(crate) listed: bool,
    pub(crate) serving: bool,
    /// This Pod was ready here once.
    pub(crate) admitted: bool,
    /// Since when no slice names it.
    pub(crate) unlisted_since: Time,
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
            pods_by_ip: MultiLookup::default(),
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
            sources: BTreeMap::new(),
            timers: Timers::default(),
            budget,
            budget_queue: Vec::new(),
            open: BTreeMap::new(),
            next_action: 0,
            touched: Vec::new(),
            stirred: Vec::new(),
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
        self.targets_by_id.find(&(pool, address), |index| {
            let target = &self.targets[index];
            target.pool == pool && target.address == address
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
        let index = self.targets.insert(Target {
            pool,
            address,
            seats: NONE,
            want: Want::Nothing,
            seen: Seeing::Unknown,
            flying: None,
            claim: Claim::None,
            waiting: None,
            flags: Flags::default(),
            zero_since: None,
            proven_at: Time::EPOCH,
            timer: None,
            trouble: None,
        });
        let record = &mut self.pools[pool];
        if record.read && !record.missing {
            // A snapshot under this grant did not show it.
            self.targets[index].seen = Seeing::Absent;
            self.targets[index].flags.ever_read = true;
        }
        record.targets.push(index);
        let targets = &self.targets;
        self.targets_by_id
            .insert(&(pool, address), index, |index| hash(&(targets[index].pool, targets[index].address)));
        index
    }

    /// Has the target looked at before this call ends.
    pub(crate) fn touch(&mut self, target: Index) {
        let flags = &mut self.targets[target].flags;
        if !flags.touched {
            flags.touched = true;
            self.touched.push(target);
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
            let (target, next) = (self.seats[seat].target, self.seats[seat].next_of_pod);
            self.touch(target);
            seat = next;
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

    pub(crate) fn lane_of_target(&self, target: Index) -> Index {
        self.pools[self.targets[target].pool].lane
    }

    pub(crate) fn target_id(&self, target: Index) -> TargetId {
        let Target { pool, address, .. } = self.targets[target];
        let record = &self.pools[pool];
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
