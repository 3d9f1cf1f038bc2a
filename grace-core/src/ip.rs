//! Addresses in five bytes: IPv4 as it is, IPv6 by its number among those in use. A Pod, its endpoints and its targets
//! each name its address, and most clusters have IPv4.

use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::index::{Lookup, hash};
use crate::slab::{Index, Slab};

/// An address that some record holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub(crate) enum Ip {
    V4(Ipv4Addr),
    /// Number in [`Addresses`], in bytes: a number would have to be aligned.
    V6([u8; 4]),
}

impl Ip {
    pub(crate) const fn is_ipv4(self) -> bool {
        matches!(self, Self::V4(_))
    }
}

/// The IPv6 addresses in use, each with the number of records that hold it.
#[derive(Clone, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub(crate) struct Addresses {
    v6: Slab<(Ipv6Addr, u32)>,
    #[cfg_attr(feature = "serde", serde(skip))]
    by_ip: Lookup,
}

impl Addresses {
    pub(crate) fn new() -> Self {
        Self { v6: Slab::new(), by_ip: Lookup::default() }
    }

    /// The address for one more record, which gives it back with [`release`](Self::release).
    pub(crate) fn hold(&mut self, ip: IpAddr) -> Ip {
        let ip = match ip {
            IpAddr::V4(ip) => return Ip::V4(ip),
            IpAddr::V6(ip) => ip,
        };
        if let Some(index) = self.index_of(ip) {
            self.v6[index].1 += 1;
            return Ip::V6(index.to_le_bytes());
        }
        let index = self.v6.insert((ip, 1));
        let v6 = &self.v6;
        self.by_ip.insert(&ip, index, |index| hash(&v6[index].0));
        Ip::V6(index.to_le_bytes())
    }

    /// A record does not hold the address any more.
    pub(crate) fn release(&mut self, ip: Ip) {
        let Ip::V6(number) = ip else { return };
        let index = Index::from_le_bytes(number);
        let (address, holders) = &mut self.v6[index];
        *holders -= 1;
        if *holders == 0 {
            let address = *address;
            self.by_ip.remove(&address, index);
            self.v6.remove(index);
        }
    }

    /// The address, if some record holds it.
    pub(crate) fn find(&self, ip: IpAddr) -> Option<Ip> {
        match ip {
            IpAddr::V4(ip) => Some(Ip::V4(ip)),
            IpAddr::V6(ip) => self.index_of(ip).map(|index| Ip::V6(index.to_le_bytes())),
        }
    }

    /// The address in full.
    pub(crate) fn get(&self, ip: Ip) -> IpAddr {
        match ip {
            Ip::V4(ip) => IpAddr::V4(ip),
            Ip::V6(number) => IpAddr::V6(self.v6[Index::from_le_bytes(number)].0),
        }
    }

    /// Whether what a record holds is this address.
    pub(crate) fn is(&self, held: Option<Ip>, ip: Option<IpAddr>) -> bool {
        match (held, ip) {
            (None, None) => true,
            (Some(Ip::V4(held)), Some(IpAddr::V4(ip))) => held == ip,
            (Some(held), Some(ip)) => self.get(held) == ip,
            (None, Some(_)) | (Some(_), None) => false,
        }
    }

    /// Fills what finds an address.
    #[cfg(feature = "serde")]
    pub(crate) fn index_anew(&mut self) {
        let v6 = &self.v6;
        self.by_ip = Lookup::of(v6.indices(), |index| hash(&v6[index].0));
    }

    fn index_of(&self, ip: Ipv6Addr) -> Option<Index> {
        self.by_ip.find(&ip, |index| self.v6[index].0 == ip)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_kept_as_long_as_somebody_holds_it() {
        let mut addresses = Addresses::new();
        for ip in [IpAddr::from([10, 0, 0, 1]), IpAddr::from([0xfd00, 0, 0, 0, 0, 0, 0, 1])] {
            let held = addresses.hold(ip);
            assert_eq!((addresses.hold(ip), addresses.get(held)), (held, ip));
            addresses.release(held);
            assert_eq!(addresses.find(ip), Some(held));
            addresses.release(held);
            assert_eq!(addresses.find(ip).is_some(), ip.is_ipv4());
        }
        assert_eq!((addresses.v6.indices().count(), size_of::<Option<Ip>>()), (0, 5));
    }
}
