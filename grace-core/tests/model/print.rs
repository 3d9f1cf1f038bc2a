//! A state by its content, so that two ways to the same state are one.
//!
//! What is merged: moments are compared by their order, over all controllers and late calls together, so two states are one
//! that differ only in how long something takes; a moment that has passed is like any other that has. Numbers of actions
//! and of the record's revisions are compared by who holds the present one. What the core leaves out of its own part stands
//! in its `projection.rs`. The search therefore visits only states that can occur, and may pass over one that differs
//! from a visited one in durations alone.

use std::hash::{BuildHasher, Hash, Hasher};

use foldhash::{fast, quality};

use crate::world::{What, World};

impl World {
    /// Takes the print of the state as it is now.
    pub(crate) fn printed(mut self) -> Self {
        let (mut words, mut times) = (Vec::with_capacity(512), Vec::with_capacity(64));
        for controller in &self.controllers {
            let known = controller.revision == self.revision();
            print_of(
                &mut words,
                &(
                    (
                        controller.granted,
                        controller.listed,
                        controller.synced,
                        controller.loaded,
                        controller.read,
                    ),
                    (&controller.pods, &controller.slice, controller.named, controller.claims, known),
                ),
            );
            controller.machine.project(&mut words, &mut times);
        }
        let mut calls: Vec<_> = self
            .calls
            .iter()
            .map(|call| {
                let (what, holds) = match &call.what {
                    What::Claim { base, add, drop } => {
                        (What::Claim { base: None, add: *add, drop: *drop }, *base == self.revision())
                    }
                    what @ (What::Weights(_) | What::Register(_) | What::Deregister(_)) => {
                        (what.clone(), false)
                    }
                    what @ (What::Read | What::LoadClaims) => (what.clone(), false),
                };
                (call.owner, what, holds, call.applied, call.until)
            })
            .collect();
        calls.sort();
        for (owner, what, holds, applied, until) in calls {
            print_of(&mut words, &(owner, &what, holds, applied));
            if owner.is_none() && matches!(what, What::Register(_) | What::Claim { .. }) {
                words.push(u64::MAX);
                times.push(until.as_micros());
            }
        }
        print_of(&mut words, &(&self.pods, &self.stands, self.claims.all, self.left, self.broken.is_some()));
        let mut order = times.clone();
        order.sort_unstable();
        order.dedup();
        let mut hasher = quality::FixedState::default().build_hasher();
        words.hash(&mut hasher);
        for time in times {
            order.partition_point(|other| *other < time).hash(&mut hasher);
        }
        self.print = hasher.finish();
        self
    }
}

fn print_of(words: &mut Vec<u64>, content: &impl Hash) {
    words.push(fast::FixedState::default().hash_one(content));
}

impl Hash for World {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.print.hash(state);
    }
}

impl PartialEq for World {
    fn eq(&self, other: &Self) -> bool {
        self.print == other.print
    }
}
