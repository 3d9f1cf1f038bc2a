//! The listener and the claim store: what calls do to them, in time, late or not at all.

use std::time::Duration;

use grace_core::{Failure, Health, PoolSeen, Proof, Revision, Seen, Success, Weight, Why};

use crate::controller::{address, address_of_bits, pool};
use crate::world::{Call, Outcome, What, World};

/// How long a caller is asked to wait after a failure.
const RETRY: Duration = Duration::from_millis(500);

impl World {
    /// The load balancer carries a write out, or refuses it whole.
    pub(crate) fn carry_out(&mut self, what: &What, omits_zero: bool) -> Outcome {
        let targets = what.targets();
        let absent = |ip: &u8| self.stands[usize::from(*ip)].is_none();
        if !matches!(what, What::Register(_))
            && let Some((ip, _)) = targets.iter().find(|(ip, _)| absent(ip))
        {
            return Outcome::Refused(*ip);
        }
        for (ip, weight) in targets {
            let weight = weight.map(|weight| if omits_zero && weight == 0 { 10 } else { weight });
            self.stand(ip, weight);
        }
        Outcome::Written
    }

    /// A target changes.
    pub(crate) fn stand(&mut self, ip: u8, weight: Option<u8>) {
        self.stands[usize::from(ip)] = weight;
        for pod in self.pods.iter_mut().filter(|pod| pod.ip == ip && pod.holds_ip()) {
            pod.served |= weight.is_some();
        }
        if weight.unwrap_or(0) == 0 {
            for pod in self.pods.iter_mut().filter(|pod| pod.ip == ip && pod.life != crate::world::Life::Live)
            {
                pod.zeroed = true;
            }
        }
    }

    /// A change that no controller answers for: what is proven about the target is not judged any more.
    pub(crate) fn blur(&mut self, ip: u8) {
        for pod in self.pods.iter_mut().filter(|pod| pod.ip == ip) {
            pod.blurred = true;
        }
    }

    /// A call that nobody waits for lands.
    pub(crate) fn land(&mut self, call: &Call, omits_zero: bool) {
        for (ip, _) in call.what.targets() {
            self.blur(ip);
        }
        match &call.what {
            What::Weights(_) | What::Register(_) | What::Deregister(_) => {
                self.carry_out(&call.what, omits_zero);
            }
            What::Claim { base, add, drop } => _ = self.swap_claims(*base, *add, *drop),
            What::Read | What::LoadClaims => {}
        }
    }

    fn swap_claims(&mut self, base: Option<u32>, add: u8, drop: u8) -> bool {
        let holds = base == self.revision();
        if holds {
            self.claims.revision += 1;
            self.claims.all = (self.claims.all | add) & !drop;
        }
        holds
    }

    /// The state of the record; `None` while there is none.
    pub(crate) fn revision(&self) -> Option<u32> {
        (self.claims.revision > 0).then_some(self.claims.revision)
    }

    /// The answer to a call that reaches its end.
    pub(crate) fn answer_to(&mut self, call: &Call) -> Result<Success, Failure> {
        match (&call.what, call.applied) {
            (What::Read, _) => Ok(self.shown()),
            (What::LoadClaims, _) => {
                let (revision, all) = self.recorded();
                Ok(Success::Claims { revision, all })
            }
            (What::Claim { base, add, drop }, _) => {
                let swapped = self.swap_claims(*base, *add, *drop);
                let (revision, all) = self.recorded();
                if swapped {
                    Ok(Success::Claims { revision, all })
                } else {
                    Err(Failure::Conflict { revision, all })
                }
            }
            (_, Some(Outcome::Refused(ip))) => Err(Failure::Refused {
                why: Why::Invalid,
                culprit: Some((pool(), address(ip))),
                retry_in: Duration::ZERO,
                detail: "it is not registered".into(),
            }),
            (What::Weights(_), _) => Ok(Success::Written { proof: Proof::Task, failed: Vec::new() }),
            (What::Register(_) | What::Deregister(_), _) => {
                Ok(Success::Written { proof: Proof::Answer, failed: Vec::new() })
            }
        }
    }

    fn shown(&self) -> Success {
        let weight = |weight| Weight::new(weight).expect("0 to 100");
        let targets = self.stands.iter().zip(0..).filter_map(|(stands, ip)| {
            stands.map(|stands| Seen {
                address: address(ip),
                weight: weight(stands),
                health: Health::Unknown,
            })
        });
        Success::Seen(vec![PoolSeen { pool: pool(), targets: targets.collect(), strangers: 0 }])
    }

    fn recorded(&self) -> (Option<Revision>, Vec<(grace_core::Pool, grace_core::Address)>) {
        let revision = self.revision().map(|revision| Revision::new(revision.to_string()));
        (revision, address_of_bits(self.claims.all).map(|address| (pool(), address)).collect())
    }
}

/// The call had no effect, and its caller knows.
pub(crate) fn not_executed() -> Failure {
    Failure::NotExecuted { why: Why::Busy, retry_in: RETRY, detail: "busy".into() }
}

/// Nobody knows what became of the call.
pub(crate) fn unknown() -> Failure {
    Failure::Unknown { retry_in: RETRY, detail: "no answer".into() }
}
