//! Then: what left, what stands on the load balancer, what is claimed, what was told.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use grace_core::{Address, Batch, Command, LaneId, Mark, Notice, Pool, TargetId, Time};

use crate::call::{Verb, entries};
use crate::harness::{Harness, Left};
use crate::words::{Does, Write};
use crate::world::START;

impl Harness {
    /// Forgets what left and what was told so far.
    pub(crate) fn forget(&mut self) {
        self.left.clear();
        self.notices.clear();
    }

    /// The writes since the last expectation, target by target.
    pub(crate) fn writes(&self) -> Vec<Write> {
        let calls = self.left.iter().filter_map(|left| match &left.action.command {
            Command::Write { lane, batch } => Some(written(lane, batch)),
            Command::Read { .. }
            | Command::Claim { .. }
            | Command::LoadClaims { .. }
            | Command::Mark { .. } => None,
        });
        calls.flatten().collect()
    }

    /// The complete list of writes since the last expectation, in any order.
    #[track_caller]
    pub(crate) fn expect<const N: usize>(&mut self, expected: [Write; N]) {
        let mut expected = Vec::from(expected);
        let mut found = self.writes();
        expected.sort();
        found.sort();
        assert_eq!(
            found, expected,
            "\nfound (left) and expected (right) writes; left since: {:#?}",
            self.left
        );
        self.left.clear();
    }

    /// The complete list of write calls since the last expectation, in order, each with its targets in any order.
    #[track_caller]
    pub(crate) fn expect_calls(&mut self, expected: &[Vec<Write>]) {
        let mut found: Vec<Vec<Write>> = Vec::new();
        for left in self.left.drain(..) {
            if let Command::Write { lane, batch } = &left.action.command {
                let mut call = written(lane, batch);
                call.sort();
                found.push(call);
            }
        }
        let expected: Vec<_> = expected
            .iter()
            .map(|call| {
                let mut call = call.clone();
                call.sort();
                call
            })
            .collect();
        assert_eq!(found, expected, "\nfound (left) and expected (right) calls");
    }

    /// How many calls of a kind left since the last expectation.
    pub(crate) fn count(&self, verb: Verb) -> usize {
        self.left.iter().filter(|left| Verb::of(&left.action.command) == verb).count()
    }

    /// When the calls of a kind left since the last expectation.
    pub(crate) fn times(&self, verb: Verb) -> Vec<Time> {
        let calls = self.left.iter().filter(|left| Verb::of(&left.action.command) == verb);
        calls.map(|left| left.at).collect()
    }

    /// The complete list of marks since the last expectation, in order: nicknames and what is shown.
    #[track_caller]
    pub(crate) fn expect_marks<const N: usize>(&mut self, expected: [(&str, Mark); N]) {
        let found = self.left.iter().filter_map(|left| match &left.action.command {
            Command::Mark { name, mark, .. } => Some((&*name.name, *mark)),
            Command::Write { .. }
            | Command::Read { .. }
            | Command::Claim { .. }
            | Command::LoadClaims { .. } => None,
        });
        let found: Vec<_> = found.collect();
        assert_eq!(
            found, expected,
            "\nmarks (left) and those expected (right); left since: {:#?}",
            self.left
        );
        self.left.clear();
    }

    /// How many notices of a kind were told since they were last forgotten.
    pub(crate) fn told(&self, which: impl Fn(&Notice) -> bool) -> usize {
        self.notices.iter().filter(|notice| which(notice)).count()
    }

    /// What stands on the load balancer: pairs of nickname and weight of the first listener, complete.
    #[track_caller]
    pub(crate) fn expect_registered<const N: usize>(&self, expected: [(&str, u8); N]) {
        let lane = crate::world::lane("lb-1");
        let pool = crate::world::pool("lbl-1");
        let found: BTreeMap<_, _> = self.model.balancers[&lane]
            .targets
            .iter()
            .filter(|((p, _), _)| *p == pool)
            .map(|((_, address), weight)| (*address, weight.get()))
            .collect();
        let expected: BTreeMap<_, _> =
            expected.into_iter().map(|(name, weight)| (crate::world::address(name), weight)).collect();
        assert_eq!(found, expected, "\nwhat stands on lb-1/lbl-1 (left) and what should (right)");
    }

    /// The claims of the first listener, complete.
    #[track_caller]
    pub(crate) fn expect_claims<const N: usize>(&self, expected: [&str; N]) {
        let lane = crate::world::lane("lb-1");
        let pool = crate::world::pool("lbl-1");
        let found: BTreeSet<_> = self.model.claims.get(&lane).map_or_else(BTreeSet::new, |claims| {
            claims.all.iter().filter(|(p, _)| *p == pool).map(|(_, address)| *address).collect()
        });
        let expected: BTreeSet<_> = expected.into_iter().map(crate::world::address).collect();
        assert_eq!(found, expected, "\nclaims of lb-1/lbl-1 (left) and those expected (right)");
    }
}

impl fmt::Debug for Left {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let since = self.at.since(START);
        match &self.action.command {
            Command::Write { lane, batch } => write!(f, "{since:?} {:?}", written(lane, batch)),
            Command::Read { lane, pools, health } => {
                let health = if *health { " and their health" } else { "" };
                write!(f, "{since:?} read {} pools of {lane}{health}", pools.len())
            }
            Command::Mark { name, mark, .. } => write!(f, "{since:?} mark {name} {mark:?}"),
            Command::Claim { lane, add, drop, .. } => {
                let names = |claims: &[(Pool, Address)]| {
                    claims.iter().map(|(pool, address)| format!("{pool}/{address}")).collect::<Vec<_>>()
                };
                write!(f, "{since:?} claim on {lane} {:?}, drop {:?}", names(add), names(drop))
            }
            Command::LoadClaims { lane } => write!(f, "{since:?} load the claims of {lane}"),
        }
    }
}

/// A batch as a test writes it.
pub(crate) fn written(lane: &LaneId, batch: &Batch) -> Vec<Write> {
    entries(batch)
        .into_iter()
        .map(|(pool, address, weight)| Write {
            target: TargetId { lane: lane.clone(), pool, address },
            does: match (batch, weight) {
                (Batch::Weights(_), Some(weight)) => Does::Weight(weight.get()),
                (Batch::Register(_), Some(weight)) => Does::Register(weight.get()),
                (Batch::Deregister(_), _) | (_, None) => Does::Deregister,
            },
        })
        .collect()
}
