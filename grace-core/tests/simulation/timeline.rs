//! What is still to happen, in the order of its time.

use std::cmp::{Ordering, Reverse};
use std::collections::BinaryHeap;

use grace_core::{ActionId, Failure, Success, Time};

use crate::place::Key;
use crate::workload::Act;

/// Something that happens at its time.
#[derive(Debug)]
pub(crate) enum Happening {
    /// Something changes in the cluster.
    Act(Act),
    /// Something goes wrong, or another hand acts.
    Mishap(Mishap),
    /// A process hears of a change.
    Deliver { to: Addressee, epoch: u32, object: usize, index: usize },
    /// A source is listed: as it was then, the first part or all that is left.
    List { to: Addressee, epoch: u32, source: usize, part: Part },
    /// A call takes effect.
    Effect { from: Addressee, verb: crate::call::Verb, entries: Vec<(Key, Option<u8>)>, sent: Time },
    /// A read shows a target as that change left it.
    Shown { key: Key, weight: Option<u8>, change: u64 },
    /// A change of the claims takes effect although its answer is lost.
    ClaimEffect { lane: u8, add: Vec<Key>, drop: Vec<Key> },
    /// A call is answered with what is there at that time.
    Look { to: Addressee, id: ActionId },
    /// A call is answered.
    Answer { to: Addressee, id: ActionId, result: Result<Success, Failure> },
    /// A process starts.
    Start { process: usize },
}

/// How much of a list arrives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    /// From its beginning; it may break off there.
    First,
    /// What the first part left, of the list as it was at that time.
    Rest { as_of: Time },
}

/// One life of one process: what was meant for an earlier life never arrives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Addressee {
    pub(crate) process: usize,
    pub(crate) life: u32,
}

/// What goes wrong at some time rather than with some call.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Mishap {
    Gap,
    Interrupted,
    OlderList,
    Crash,
    Takeover,
    Revoke { process: usize },
    Regrant,
    WeightByHand,
    RemovedByHand,
    Foreign,
    Fight { key: Option<Key>, left: u32 },
    LaneGone,
    PoolGone,
    Poisoned,
    Quota,
    LaneStuck,
    ClaimFull,
    EmptyRead,
    Strangers,
}

#[derive(Debug)]
struct Entry {
    at: Time,
    /// Changes of the cluster go first, so that faults do not change their order.
    class: u8,
    order: u64,
    what: Happening,
}

impl Entry {
    const fn key(&self) -> (Time, u8, u64) {
        (self.at, self.class, self.order)
    }
}

impl PartialEq for Entry {
    fn eq(&self, other: &Self) -> bool {
        self.key() == other.key()
    }
}

impl Eq for Entry {}

impl PartialOrd for Entry {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Entry {
    fn cmp(&self, other: &Self) -> Ordering {
        self.key().cmp(&other.key())
    }
}

/// Everything that is due, earliest first.
#[derive(Debug, Default)]
pub(crate) struct Timeline {
    heap: BinaryHeap<Reverse<Entry>>,
    order: u64,
    /// Calls, effects and changes of the cluster that are under way.
    under_way: usize,
}

impl Timeline {
    pub(crate) fn at(&mut self, at: Time, what: Happening) {
        self.order += 1;
        let class = u8::from(!matches!(what, Happening::Act(_)));
        self.under_way += 1;
        self.heap.push(Reverse(Entry { at, class, order: self.order, what }));
    }

    pub(crate) fn next(&self) -> Option<Time> {
        self.heap.peek().map(|entry| entry.0.at)
    }

    pub(crate) fn pop(&mut self) -> Option<Happening> {
        let entry = self.heap.pop()?.0;
        self.under_way -= 1;
        Some(entry.what)
    }

    /// Whether nothing is to come but what the machines ask for.
    pub(crate) const fn is_empty(&self) -> bool {
        self.under_way == 0
    }
}
