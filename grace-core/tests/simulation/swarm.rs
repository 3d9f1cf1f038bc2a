//! What may go wrong or happen in a world, and which of it does in the world of one seed.
//!
//! Every seed enables a random subset (swarm testing): a fault that is on everywhere hides those that need its absence.

use fastrand::Rng;

macro_rules! kinds {
    ($($(#[$doc:meta])* $kind:ident = $name:literal),* $(,)?) => {
        /// One kind of fault or event; its name begins with its number in the failure model.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub(crate) enum Kind { $($(#[$doc])* $kind),* }

        impl Kind {
            pub(crate) const ALL: &[Self] = &[$(Self::$kind),*];

            pub(crate) const fn name(self) -> &'static str {
                match self { $(Self::$kind => $name),* }
            }
        }
    };
}

kinds! {
    // Calls to the load balancer.
    Busy = "C1 another task runs",
    Throttled = "C2 too many calls",
    TaskFailed = "C3 the task failed",
    TaskHangs = "C4 the task does not end in time",
    TaskUnknown = "C5 the task is not known",
    Partial = "C6 pools left out",
    Poisoned = "C7 one bad target in the batch",
    Refused = "C8 the batch is refused, nobody named",
    LaneGone = "C9 the load balancer is gone for a while",
    PoolGone = "C9 a listener is gone for a while",
    Unwritable = "C10 the target is not there any more",
    Quota = "C11 the pool is full",
    LostBefore = "C14 lost before its effect",
    LostAfter = "C14 lost after its effect",
    LandsLate = "C14 lands minutes later",
    ReadLag = "C15 reads lag behind",
    EmptyRead = "C16 an empty answer",
    Strangers = "C16 targets without an address",
    Forbidden = "C21 permission missing",
    Unreachable = "N1 no connection",
    Reset = "N2 reset after the request was written",
    TooLate = "N3 the answer comes after the deadline",
    ReadFails = "N1 a read fails or is lost",
    LaneStuck = "F6 one load balancer cannot be reached",
    // The claim store.
    ClaimUnreachable = "W9 the claim store cannot be reached",
    ClaimForbidden = "W10 the claim is refused",
    ClaimLostBefore = "N2 the claim is lost before its effect",
    ClaimLostAfter = "N2 the claim is lost after its effect",
    ClaimConflict = "3.3-j another writer of the claims",
    ClaimFull = "3.3-j the claims record is full",
    ClaimSlow = "3.3-j the claim store is slow",
    // Watches.
    Lag = "W7 news lag, each stream by itself",
    Reorder = "W7 news of different objects change places",
    Duplicate = "W8 news come twice",
    Gap = "W2 the watch is cut, changes are lost, listed anew",
    Interrupted = "W3 a list breaks off and begins again",
    OlderList = "W6 an older list is dropped and listed again",
    StaleStart = "W6 a start with an older list",
    SourceStuck = "W13 one source is listed late",
    // Processes.
    Crash = "P1 the process dies",
    CrashLoop = "P9 the process dies again and again",
    Takeover = "P12 another process takes the lease",
    Zombie = "P12 a call of a dead or deposed process lands late",
    Fenced = "P12 a call of a deposed process is refused",
    Regrant = "3.8 grant taken and given back",
    // Other hands.
    WeightByHand = "F1 a weight is set by hand",
    RemovedByHand = "F2 a target is removed by hand",
    Foreign = "F3 somebody else's target in our pool",
    Fight = "F4 another writer who does not give up",
    // What happens in the cluster; the run without faults has these too.
    ForceDelete = "O3 a Pod is deleted by force",
    Evicted = "O5 a Pod is over, its object stays",
    SharedAddress = "O6 an address is used again while its Pod still stands",
    ReusedAddress = "O7 an address is used again",
    MovedAddress = "O10 a Pod gets another address",
    Flap = "O12 readiness flaps",
    Unready = "O11 a Pod is not ready for a while",
    BetweenSlices = "O15 an endpoint is in two slices, or in none for a moment",
    SwitchChanged = "O19 a switch is changed in mid-drain",
    RouteDeleted = "O20 a route is deleted and comes back",
    RouteReleased = "3.3-f direct access goes off and on",
    PortChanged = "O21 the target port changes",
    WeightChanged = "O23 a configured weight changes",
    KillMoved = "O24 the kill time moves",
    Stuck = "O25 a Pod terminates without end",
    WaitsForGate = "O27 only our gate is missing",
    Deselected = "O28 a Pod loses its label and gets it back",
    Contested = "O30 two Services on one pool",
    SameName = "O31 same name, another UID",
    Held = "3.4 a Pod is held",
    Pending = "3.3 the pools of a route are not known for a while",
}

/// The first kind that belongs to the cluster rather than to the faults.
const FIRST_OF_CLUSTER: Kind = Kind::ForceDelete;

/// Kinds that follow from others and cannot be switched on by themselves.
const FOLLOWS: &[Kind] = &[Kind::Unwritable, Kind::Fenced, Kind::ReusedAddress];

/// How often each kind happened.
pub(crate) type Counts = [u64; Kind::ALL.len()];

/// What is on in one world.
#[derive(Clone, Debug)]
pub(crate) struct Swarm {
    on: [bool; Kind::ALL.len()],
    /// Of a thousand calls or news, how many are struck.
    pub(crate) rate: u32,
}

impl Swarm {
    /// A random subset of everything, small ones as often as large ones.
    pub(crate) fn draw(rng: &mut Rng) -> Self {
        let share = [0.05, 0.15, 0.4, 0.8][rng.usize(..4)];
        let mut on = [false; Kind::ALL.len()];
        for kind in Kind::ALL {
            on[*kind as usize] = FOLLOWS.contains(kind) || rng.f64() < share;
        }
        Self { on, rate: [20, 60, 150, 350][rng.usize(..4)] }
    }

    /// The same world without faults.
    pub(crate) fn calm(&self) -> Self {
        let mut calm = self.clone();
        for kind in Kind::ALL.iter().filter(|kind| **kind < FIRST_OF_CLUSTER) {
            calm.on[*kind as usize] = false;
        }
        calm
    }

    /// Whether this kind may happen.
    pub(crate) const fn has(&self, kind: Kind) -> bool {
        self.on[kind as usize]
    }

    /// One of these kinds, if any is on and the dice say so.
    pub(crate) fn strikes(&self, rng: &mut Rng, kinds: &[Kind]) -> Option<Kind> {
        let on = kinds.iter().filter(|kind| self.has(**kind)).count();
        if on == 0 || rng.u32(..1_000) >= self.rate {
            return None;
        }
        kinds.iter().copied().filter(|kind| self.has(*kind)).nth(rng.usize(..on))
    }
}
