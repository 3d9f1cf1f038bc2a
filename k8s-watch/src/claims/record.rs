//! The text of a claims record: one key per listener or `listener.rule`, its value the addresses, separated by blanks.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::num::NonZeroU16;

use grace_core::{Address, LaneId, ListenerId, Pool, RuleId, Uid};

/// The claims of one lane, by key.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Record(BTreeMap<String, BTreeSet<Address>>);

impl Record {
    /// Reads a record. What is no key or address of ours is left out here, and left alone in the store unless its key
    /// is written.
    pub(super) fn read(data: &BTreeMap<String, String>) -> Self {
        let addresses =
            |text: &str| text.split_whitespace().filter_map(parse_address).collect::<BTreeSet<_>>();
        Self(
            data.iter()
                .filter(|(key, _)| parse_key(key).is_some())
                .map(|(key, text)| (key.clone(), addresses(text)))
                .collect(),
        )
    }

    /// Adds and drops claims; returns the keys that were touched, with their text, `None` when nothing is left.
    pub(super) fn change(
        &mut self,
        add: &[(Pool, Address)],
        drop: &[(Pool, Address)],
    ) -> BTreeMap<String, Option<String>> {
        let mut touched = BTreeSet::new();
        for (pool, address) in add {
            self.0.entry(key(pool)).or_default().insert(*address);
            touched.insert(key(pool));
        }
        for (pool, address) in drop {
            self.0.entry(key(pool)).or_default().remove(address);
            touched.insert(key(pool));
        }
        self.0.retain(|_, addresses| !addresses.is_empty());
        let text = |key: &String| {
            let addresses = self.0.get(key)?.iter().map(ToString::to_string);
            Some(addresses.collect::<Vec<_>>().join(" "))
        };
        touched.into_iter().map(|key| (key.clone(), text(&key))).collect()
    }

    /// Every claim.
    pub(super) fn all(&self) -> Vec<(Pool, Address)> {
        let each = |(key, addresses): (&String, &BTreeSet<Address>)| {
            let pool = parse_key(key)?;
            Some(addresses.iter().map(|address| (pool.clone(), *address)).collect::<Vec<_>>())
        };
        self.0.iter().filter_map(each).flatten().collect()
    }
}

/// Name of the object that holds the claims of `lane`.
///
/// Object names are in small letters. An id that is not, none of which was ever seen, is named by its hash, so that two
/// lanes never share a record.
pub(super) fn object_name(lane: &LaneId) -> String {
    let id = lane.to_string();
    let plain = !id.ends_with('-') && id.bytes().all(|b| !b.is_ascii_uppercase());
    if plain { format!("{PREFIX}{id}") } else { format!("{PREFIX}{}", Uid::of(&id)) }
}

fn key(pool: &Pool) -> String {
    match pool {
        Pool::Listener(listener) => listener.to_string(),
        Pool::Rule(listener, rule) => format!("{listener}.{rule}"),
        Pool::WholeGroup => WHOLE_GROUP.to_owned(),
    }
}

fn parse_key(key: &str) -> Option<Pool> {
    if key == WHOLE_GROUP {
        return Some(Pool::WholeGroup);
    }
    match key.split_once('.') {
        None => ListenerId::try_from(key).ok().map(Pool::Listener),
        Some((listener, rule)) => {
            Some(Pool::Rule(ListenerId::try_from(listener).ok()?, RuleId::try_from(rule).ok()?))
        }
    }
}

fn parse_address(text: &str) -> Option<Address> {
    let socket: SocketAddr = text.parse().ok()?;
    Some(Address { ip: socket.ip(), port: NonZeroU16::new(socket.port())? })
}

const PREFIX: &str = "grace-claims-";
/// No listener is called so: an id has no underscore.
const WHOLE_GROUP: &str = "whole_group";

#[cfg(test)]
mod tests {
    use super::*;
    use grace_core::LoadBalancerId;

    fn at(text: &str) -> Address {
        parse_address(text).unwrap()
    }

    #[test]
    fn what_is_written_is_read_back() {
        let listener = Pool::Listener(ListenerId::try_from("lbl-1").unwrap());
        let rule = Pool::Rule(ListenerId::try_from("lbl-2").unwrap(), RuleId::try_from("loc-1").unwrap());
        let claims = [
            (listener.clone(), at("10.0.0.1:80")),
            (rule, at("[fd00::1]:80")),
            (Pool::WholeGroup, at("10.0.0.2:80")),
        ];
        let mut record = Record::default();
        let data: BTreeMap<_, _> =
            record.change(&claims, &[]).into_iter().map(|(key, text)| (key, text.unwrap())).collect();
        assert_eq!(data.keys().collect::<Vec<_>>(), ["lbl-1", "lbl-2.loc-1", "whole_group"]);
        let mut read = Record::read(&data);
        assert_eq!(read, record);
        assert_eq!(read.all().len(), 3);
        let touched = read.change(&[], &[(listener, at("10.0.0.1:80"))]);
        assert_eq!(touched.into_iter().collect::<Vec<_>>(), [("lbl-1".to_owned(), None)]);
    }

    #[test]
    fn strange_text_in_a_record_is_left_out() {
        let data = BTreeMap::from([
            ("lbl-1".to_owned(), "10.0.0.1:80 rubbish 10.0.0.1:0\n10.0.0.2:80".to_owned()),
            ("not a key".to_owned(), "10.0.0.1:80".to_owned()),
        ]);
        let found: Vec<_> = Record::read(&data).all().into_iter().map(|(_, address)| address).collect();
        assert_eq!(found, [at("10.0.0.1:80"), at("10.0.0.2:80")]);
    }

    #[test]
    fn two_lanes_never_share_a_record() {
        let name = |id: &str| object_name(&LaneId::LoadBalancer(LoadBalancerId::try_from(id).unwrap()));
        assert_eq!(name("lb-1a2b"), "grace-claims-lb-1a2b");
        let names: BTreeSet<_> = ["lb-a", "lb-A", "LB-a", "lb-a-"].into_iter().map(name).collect();
        assert_eq!(names.len(), 4);
        assert!(
            names
                .iter()
                .all(|name| name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-'))
        );
    }
}
