//! Pod addresses: handed out from 10.1.0.0/16 upwards, and reused or not.

use std::{collections::BTreeSet, net::Ipv4Addr};

/// Addresses for Pods.
#[derive(Debug)]
pub(crate) struct Addresses {
    /// The lowest free address comes first, so that a successor soon gets the address of a Pod that is gone.
    reuse: bool,
    /// Addresses above this were never handed out.
    next: u32,
    free: BTreeSet<u32>,
}

impl Addresses {
    pub(crate) const fn new(reuse: bool) -> Self {
        Self { reuse, next: FIRST, free: BTreeSet::new() }
    }

    pub(crate) fn take(&mut self) -> Ipv4Addr {
        let free = if self.reuse { self.free.pop_first() } else { None };
        Ipv4Addr::from(free.unwrap_or_else(|| {
            self.next += 1;
            self.next - 1
        }))
    }

    pub(crate) fn give_back(&mut self, address: Ipv4Addr) {
        if self.reuse {
            self.free.insert(address.into());
        }
    }
}

/// 10.1.0.1.
const FIRST: u32 = 0x0a01_0001;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_reused_only_where_wanted() {
        for (reuse, third) in [(true, [10, 1, 0, 1]), (false, [10, 1, 0, 3])] {
            let mut addresses = Addresses::new(reuse);
            let first = addresses.take();
            addresses.take();
            addresses.give_back(first);
            assert_eq!(addresses.take().octets(), third, "reuse {reuse}");
        }
    }
}
