//! Each planted bug is found, in the smallest world that shows it. Without a bug these are worlds of the gate, in which
//! nothing is found.

use grace_core::DrainOn::TerminationAndUnready;
use grace_core::Planted;

use crate::search;
use crate::sizes::SMALLEST;
use crate::world::Size;

/// The smallest world in which the bug shows.
fn world_of(bug: Planted) -> Size {
    let size = Size { planted: Some(bug), ..SMALLEST };
    match bug {
        Planted::DeregistersItsOwnOnly | Planted::DeregistersOnEdges | Planted::ActsBeforeSync => {
            Size { crashes: 1, ..size }
        }
        Planted::PlansFromPrivateCopy => Size { hands: 1, ..size },
        Planted::RestoresSeenWeight => Size { flips: 1, drain: TerminationAndUnready, ..size },
        Planted::IgnoresUid => Size { pods: 2, ..size },
        Planted::AssumesSuccess => Size { faults: 1, ..size },
        Planted::DebouncesTermination | Planted::OmitsWeightZero | Planted::GuardsTermination => size,
    }
}

/// Looks for all of them; returns how many were found.
pub(crate) fn all() -> usize {
    println!("{:<24} {:>8} {:>5} {:>8}  caught by", "bug", "states", "steps", "seconds");
    let mut caught = 0;
    for bug in Planted::ALL {
        let found = search::all(world_of(bug), 1);
        let (rule, steps) = found.broken.unwrap_or_default();
        let name = format!("{bug:?}");
        println!(
            "{name:<24} {:>8} {:>5} {:>8.3}  {rule}",
            found.unique,
            steps.len(),
            found.took.as_secs_f64()
        );
        caught += usize::from(!rule.is_empty());
    }
    println!("{caught} of {}", Planted::ALL.len());
    println!("figures {{\"planted\": {}, \"caught\": {caught}}}", Planted::ALL.len());
    caught
}
