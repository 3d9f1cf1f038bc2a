//! Small numbers for what the core names by text: lanes, their pools, and the addresses of Pods.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};
use std::num::NonZeroU16;

use grace_core::{Address, LaneFacts, LaneId, Limits, ListenerId, LoadBalancerId, Pool, RuleId, TargetId};

/// One target. Ordered by lane, then pool, as a load balancer lists it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Key {
    pub(crate) lane: u8,
    pub(crate) pool: u8,
    /// The last two bytes of 10.0.x.y.
    pub(crate) ip: u16,
    pub(crate) port: u16,
}

/// The load balancers of a world and their pools; both are found by position.
#[derive(Debug)]
pub(crate) struct Places {
    lanes: Vec<(LaneId, Vec<Pool>)>,
    pub(crate) facts: BTreeMap<LaneId, LaneFacts>,
}

impl Places {
    /// So many load balancers of so many pools each; every second pool is a rule of layer 7.
    pub(crate) fn new(lanes: usize, pools: usize, limits: Limits) -> Self {
        let lanes: Vec<_> = (0..lanes)
            .map(|lane| {
                let id = LoadBalancerId::try_from(format!("lb-{lane}")).expect("well-formed");
                let pools = (0..pools).map(|pool| {
                    let listener = ListenerId::try_from(format!("lbl-{pool}")).expect("well-formed");
                    if pool % 2 == 0 {
                        Pool::Listener(listener)
                    } else {
                        Pool::Rule(listener, RuleId::try_from(format!("loc-{pool}")).expect("well-formed"))
                    }
                });
                (LaneId::LoadBalancer(id), pools.collect::<Vec<_>>())
            })
            .collect();
        let facts = lanes
            .iter()
            .map(|(id, _)| {
                (id.clone(), LaneFacts { id: id.clone(), limits, harmful: Vec::new(), family: None })
            })
            .collect();
        Self { lanes, facts }
    }

    pub(crate) const fn len(&self) -> usize {
        self.lanes.len()
    }

    pub(crate) fn lane(&self, lane: u8) -> &LaneId {
        &self.lanes[usize::from(lane)].0
    }

    pub(crate) fn pools(&self, lane: u8) -> &[Pool] {
        &self.lanes[usize::from(lane)].1
    }

    pub(crate) fn pool(&self, lane: u8, pool: u8) -> &Pool {
        &self.pools(lane)[usize::from(pool)]
    }

    pub(crate) fn lane_of(&self, id: &LaneId) -> u8 {
        let position = self.lanes.iter().position(|(lane, _)| lane == id);
        small(position.unwrap_or_else(|| panic!("{id} is a load balancer of this world")))
    }

    pub(crate) fn pool_of(&self, lane: u8, pool: &Pool) -> u8 {
        let position = self.pools(lane).iter().position(|known| known == pool);
        small(position.unwrap_or_else(|| panic!("{pool} is a pool of this world")))
    }

    pub(crate) fn key(&self, lane: u8, pool: &Pool, address: Address) -> Key {
        let IpAddr::V4(ip) = address.ip else { panic!("a Pod of this world has an IPv4 address") };
        let [_, _, high, low] = ip.octets();
        let ip = u16::from_be_bytes([high, low]);
        Key { lane, pool: self.pool_of(lane, pool), ip, port: address.port.get() }
    }

    pub(crate) fn target(&self, key: Key) -> TargetId {
        TargetId {
            lane: self.lane(key.lane).clone(),
            pool: self.pool(key.lane, key.pool).clone(),
            address: address(key),
        }
    }
}

/// The address of a target.
pub(crate) fn address(key: Key) -> Address {
    Address { ip: ip(key.ip), port: NonZeroU16::new(key.port).expect("a port is not 0") }
}

/// 10.0.x.y
pub(crate) fn ip(number: u16) -> IpAddr {
    let [high, low] = number.to_be_bytes();
    IpAddr::V4(Ipv4Addr::new(10, 0, high, low))
}

/// A position that fits a byte.
pub(crate) fn small(position: usize) -> u8 {
    u8::try_from(position).expect("a small world")
}
