//! Which worlds are searched.

use grace_core::DrainOn::{Termination, TerminationAndUnready};

use crate::world::Size;

/// Nothing but one Pod.
pub(crate) const SMALLEST: Size = Size {
    pods: 1,
    alive: 1,
    ips: 1,
    controllers: 1,
    faults: 0,
    crashes: 0,
    flips: 0,
    overs: 0,
    hands: 0,
    drain: Termination,
    planted: None,
};

/// For every run of the tests: seconds, without optimisation too.
const SMALL: [(&str, Size); 1] = [("one Pod", SMALLEST)];

/// For the gate.
const GATE: [(&str, Size); 6] = [
    ("one Pod", SMALLEST),
    ("one Pod, a fault", Size { faults: 1, ..SMALLEST }),
    ("one Pod, a crash", Size { crashes: 1, ..SMALLEST }),
    ("one Pod, a fall from ready", Size { flips: 1, drain: TerminationAndUnready, ..SMALLEST }),
    ("another hand", Size { hands: 1, ..SMALLEST }),
    ("an address used again", Size { pods: 2, ..SMALLEST }),
];

/// Beyond the gate.
const LONG: [(&str, Size); 5] = [
    ("two controllers", Size { controllers: 2, crashes: 1, ..SMALLEST }),
    ("a Pod that failed, an address used again", Size { pods: 2, alive: 2, overs: 1, ..SMALLEST }),
    ("an address used again, a fault", Size { pods: 2, faults: 1, ..SMALLEST }),
    ("an address used again, a crash", Size { pods: 2, crashes: 1, ..SMALLEST }),
    ("two Pods", Size { pods: 2, alive: 2, ips: 2, ..SMALLEST }),
];

/// The worlds that `GRACE_MODEL` asks for: `small` (the default), `gate`, `long`, or one of them by its name.
pub(crate) fn chosen() -> Vec<(&'static str, Size)> {
    let all = || GATE.into_iter().chain(LONG);
    match std::env::var("GRACE_MODEL").as_deref() {
        Err(_) | Ok("small") => SMALL.to_vec(),
        Ok("gate") => GATE.to_vec(),
        Ok("long") => all().collect(),
        Ok(wanted) => {
            let found: Vec<_> = all().filter(|(name, _)| *name == wanted).collect();
            assert!(!found.is_empty(), "no world is called {wanted:?}");
            found
        }
    }
}
