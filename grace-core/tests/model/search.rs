//! Visiting every state of a world.

use std::sync::Arc;
use std::time::{Duration, Instant};

use stateright::{Checker, HasDiscoveries, Model, Property};

use crate::controller::Controller;
use crate::step::Step;
use crate::world::{Claims, START, Size, World};

/// What a search found.
#[derive(Debug)]
pub(crate) struct Found {
    pub(crate) unique: usize,
    pub(crate) generated: usize,
    pub(crate) depth: usize,
    pub(crate) took: Duration,
    /// What is wrong, and the steps that lead there.
    pub(crate) broken: Option<(String, Vec<Step>)>,
}

/// A world of this size, as a model checker takes it.
struct Searched(Size);

impl Model for Searched {
    type State = World;
    type Action = Step;

    fn init_states(&self) -> Vec<World> {
        vec![World::quiet(&self.0).printed()]
    }

    fn actions(&self, world: &World, steps: &mut Vec<Step>) {
        world.steps(&self.0, steps);
    }

    fn next_state(&self, world: &World, step: Step) -> Option<World> {
        let mut next = world.clone();
        next.take(&self.0, step);
        Some(next.printed())
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![
            Property::always("hard rules", |_, world: &World| world.broken.is_none()),
            Property::always("eventually stable", |model: &Self, world: &World| {
                world.broken.is_some() || world.unrest(&model.0).is_none()
            }),
        ]
    }
}

/// So many states of one world are generated at most: two million that differ, in about two gigabytes.
pub(crate) const MOST: usize = 6_000_000;

/// Visits all states, or as many as are needed to find something wrong. With one thread the way there is the shortest.
pub(crate) fn all(size: Size, threads: usize) -> Found {
    #[expect(clippy::disallowed_methods, reason = "how long a search takes is told to people")]
    let from = Instant::now();
    let checker = Searched(size)
        .checker()
        .threads(threads)
        .target_state_count(MOST)
        .finish_when(HasDiscoveries::Any)
        .spawn_bfs()
        .join();
    let path = checker.discoveries().into_values().min_by_key(|path| path.clone().into_actions().len());
    let broken = path.map(|path| {
        let last = path.last_state();
        let rule = last.broken.as_deref().map(ToOwned::to_owned).or_else(|| last.unrest(&size));
        (rule.unwrap_or_default(), path.into_actions())
    });
    Found {
        unique: checker.unique_state_count(),
        generated: checker.state_count(),
        depth: checker.max_depth(),
        took: from.elapsed(),
        broken,
    }
}

/// What happens on the way to something wrong, and after it.
pub(crate) fn tell(size: &Size, steps: &[Step]) {
    let tell = |step: Step, world: &World| {
        let after = world.now.since(START).as_secs_f64();
        let calls: Vec<_> = world.calls.iter().map(|call| (call.owner, &call.what, call.applied)).collect();
        println!(
            "  {after:>9.3} s {step:?}: stands {:?}, claims {:b}, {calls:?}",
            world.stands, world.claims.all
        );
    };
    let mut world = World::quiet(size);
    for step in steps {
        world.take(size, *step);
        tell(*step, &world);
    }
    if world.broken.is_none() {
        println!("  and from there to rest:");
        world.unrest_told(size, tell);
    }
}

impl World {
    /// No Pods; the first controller has the lane, and has read it.
    fn quiet(size: &Size) -> Self {
        let started = |_| Arc::new(Controller::started(size, START));
        let mut world = Self {
            now: START,
            pods: Vec::new(),
            stands: vec![None; usize::from(size.ips)],
            claims: Claims::default(),
            controllers: (0..size.controllers).map(started).collect(),
            calls: Vec::new(),
            left: [size.faults, size.crashes, size.flips, size.overs, size.hands],
            writes: 0,
            broken: None,
            print: 0,
        };
        for number in 0..size.controllers {
            for step in [Step::ListPods(number), Step::ListSlices(number), Step::Sync(number)] {
                world.take(size, step);
            }
        }
        world.take(size, Step::Grant(0));
        while !world.calls.is_empty() {
            world.take(size, Step::Answer(0));
        }
        world
    }
}
