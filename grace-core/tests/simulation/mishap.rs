//! What goes wrong at some time rather than with some call: watches, processes, other hands, whole load balancers.

use grace_core::Event;

use crate::cluster::SOURCES;
use crate::place::{Key, small};
use crate::sim::{Sim, millis};
use crate::swarm::Kind;
use crate::timeline::{Happening, Mishap};

const MISHAPS: &[(Kind, Mishap)] = &[
    (Kind::Gap, Mishap::Gap),
    (Kind::Interrupted, Mishap::Interrupted),
    (Kind::OlderList, Mishap::OlderList),
    (Kind::Crash, Mishap::Crash),
    (Kind::Takeover, Mishap::Takeover),
    (Kind::Regrant, Mishap::Regrant),
    (Kind::WeightByHand, Mishap::WeightByHand),
    (Kind::RemovedByHand, Mishap::RemovedByHand),
    (Kind::Foreign, Mishap::Foreign),
    (Kind::Fight, Mishap::Fight { key: None, left: 5 }),
    (Kind::LaneGone, Mishap::LaneGone),
    (Kind::PoolGone, Mishap::PoolGone),
    (Kind::Poisoned, Mishap::Poisoned),
    (Kind::Quota, Mishap::Quota),
    (Kind::LaneStuck, Mishap::LaneStuck),
    (Kind::ClaimFull, Mishap::ClaimFull),
    (Kind::EmptyRead, Mishap::EmptyRead),
    (Kind::Strangers, Mishap::Strangers),
];

impl Sim {
    /// Spreads the mishaps of this world over its troubled time.
    pub(crate) fn plan_mishaps(&mut self) {
        for (kind, mishap) in MISHAPS {
            if self.swarm.has(*kind) {
                for _ in 0..self.dice.u32(1..4) {
                    self.mishap_after(40_000, *mishap);
                }
            }
        }
        if self.swarm.has(Kind::CrashLoop) {
            for second in (0..self.dice.u64(6..30)).step_by(3) {
                self.timeline.at(self.now + millis(5_000 + 1_000 * second), Happening::Mishap(Mishap::Crash));
                self.count(Kind::CrashLoop);
            }
        }
    }

    fn mishap_after(&mut self, most: u64, mishap: Mishap) {
        let at = self.now + millis(self.dice.u64(100..most));
        self.timeline.at(at, Happening::Mishap(mishap));
    }

    fn any_process(&mut self) -> Option<usize> {
        let alive: Vec<_> = (0..self.processes.len()).filter(|p| self.processes[*p].alive).collect();
        if alive.is_empty() { None } else { Some(alive[self.dice.usize(..alive.len())]) }
    }

    /// Some target that stands somewhere.
    fn any_target(&mut self) -> Option<Key> {
        let keys: Vec<Key> =
            self.balancers.iter().flat_map(|balancer| balancer.targets.keys().copied()).collect();
        let ours: Vec<Key> = keys.into_iter().filter(|key| !self.foreign.contains_key(key)).collect();
        if ours.is_empty() { None } else { Some(ours[self.dice.usize(..ours.len())]) }
    }

    /// It goes wrong now, if this is still the time for it.
    pub(crate) fn mishap(&mut self, mishap: Mishap) {
        if let Mishap::Revoke { process } = mishap {
            if self.processes[process].alive && !self.processes[process].leads {
                self.revoke(process);
            }
            return;
        }
        if self.resting {
            return;
        }
        let lane = self.dice.usize(..self.places.len());
        let pool = self.dice.usize(..self.places.pools(small(lane)).len());
        let until = self.now + millis(self.dice.u64(1_000..20_000));
        match mishap {
            Mishap::Gap => {
                let Some(process) = self.any_process() else { return };
                self.count(Kind::Gap);
                let source = self.dice.usize(..SOURCES);
                let wait = self.dice.u64(1..5_000);
                self.list_after(process, source, wait);
            }
            Mishap::Interrupted | Mishap::OlderList => {
                let Some(process) = self.any_process() else { return };
                let source = self.dice.usize(..SOURCES);
                let watch = &mut self.processes[process].watches[source];
                if matches!(mishap, Mishap::Interrupted) {
                    watch.breaks_off = true;
                } else {
                    watch.is_older = true;
                }
                let wait = self.dice.u64(1..3_000);
                self.list_after(process, source, wait);
            }
            Mishap::Crash => {
                let Some(process) = self.any_process() else { return };
                self.count(Kind::Crash);
                self.die(process);
                let back = self.now + millis(self.dice.u64(100..3_000));
                self.timeline.at(back, Happening::Start { process });
            }
            Mishap::Takeover => self.take_over(),
            Mishap::Regrant => {
                for process in 0..self.processes.len() {
                    if self.processes[process].alive && self.processes[process].leads {
                        self.count(Kind::Regrant);
                        self.revoke(process);
                        self.grant(process);
                    }
                }
            }
            Mishap::WeightByHand => {
                let Some(key) = self.any_target() else { return };
                self.count(Kind::WeightByHand);
                let weight = self.dice.u8(0..=100);
                self.change(key, Some(weight));
            }
            Mishap::RemovedByHand => {
                let Some(key) = self.any_target() else { return };
                self.count(Kind::RemovedByHand);
                self.change(key, None);
            }
            Mishap::Foreign => {
                self.count(Kind::Foreign);
                // An address that no Pod ever gets.
                let key = Key {
                    lane: small(lane),
                    pool: small(pool),
                    ip: 60_000 + self.dice.u16(..50),
                    port: 8080,
                };
                let weight = self.dice.u8(0..=100);
                self.foreign.insert(key, weight);
                self.change(key, Some(weight));
            }
            Mishap::Fight { key, left } => {
                let Some(key) = key.or_else(|| self.any_target()) else { return };
                if self.balancers[usize::from(key.lane)].targets.contains_key(&key) {
                    self.count(Kind::Fight);
                    self.change(key, Some(77));
                }
                if left > 0 {
                    let at = self.now + millis(self.dice.u64(2_000..15_000));
                    let left = left - 1;
                    self.timeline.at(at, Happening::Mishap(Mishap::Fight { key: Some(key), left }));
                }
            }
            Mishap::LaneGone => {
                self.empties(lane, None);
                self.balancers[lane].gone_until = until;
            }
            Mishap::PoolGone => {
                self.empties(lane, Some(small(pool)));
                self.balancers[lane].pool_gone_until.insert(small(pool), until);
            }
            Mishap::Poisoned => {
                let Some(key) = self.any_target() else { return };
                self.balancers[usize::from(key.lane)].poisoned.insert(key, until);
            }
            Mishap::Quota => {
                let most = self.balancers[lane].targets.keys().filter(|key| key.pool == small(pool)).count();
                self.balancers[lane].quota = Some(most);
            }
            Mishap::LaneStuck => self.balancers[lane].stuck_until = until,
            Mishap::ClaimFull => self.balancers[lane].claims_full_until = until,
            Mishap::EmptyRead => self.balancers[lane].empty_read = true,
            Mishap::Strangers => {
                self.count(Kind::Strangers);
                self.balancers[lane].strangers += 1;
            }
            Mishap::Revoke { .. } => {}
        }
    }

    /// What is deleted takes its targets along; what is made again in its place is empty.
    fn empties(&mut self, lane: usize, pool: Option<u8>) {
        let keys: Vec<Key> = self.balancers[lane].targets.keys().copied().collect();
        for key in keys.into_iter().filter(|key| pool.is_none_or(|pool| key.pool == pool)) {
            self.foreign.remove(&key);
            self.change(key, None);
        }
    }

    /// The other process takes the lease; the one that had it does not know yet.
    fn take_over(&mut self) {
        let Some(old) = self.processes.iter().position(|process| process.leads) else { return };
        let fresh = 1 - old;
        if self.processes.len() < 2 || !self.processes[fresh].alive {
            return;
        }
        self.count(Kind::Takeover);
        self.processes[old].leads = false;
        self.processes[fresh].leads = true;
        // Whoever had the lease before has let go of it by its own clock before anybody else could take it.
        self.revoke(fresh);
        self.grant(fresh);
        let at = self.now + millis(self.dice.u64(0..20_000));
        self.timeline.at(at, Happening::Mishap(Mishap::Revoke { process: old }));
    }

    /// Nothing goes wrong any more.
    pub(crate) fn mend(&mut self) {
        self.resting = true;
        self.swarm = self.swarm.calm();
        for balancer in &mut self.balancers {
            balancer.gone_until = self.now;
            balancer.stuck_until = self.now;
            balancer.claims_full_until = self.now;
            balancer.pool_gone_until.clear();
            balancer.poisoned.clear();
            balancer.quota = None;
            balancer.empty_read = false;
        }
        let uids: Vec<_> = self.holds().into_iter().map(|(uid, _)| uid).collect();
        for pod in uids {
            for process in 0..self.processes.len() {
                self.send_if_alive(process, &Event::Unhold { pod });
            }
        }
        for pod in &mut self.cluster.pods {
            pod.held_until = None;
        }
    }

    fn send_if_alive(&mut self, process: usize, event: &Event) {
        if self.processes[process].alive {
            self.send(process, event);
        }
    }
}
