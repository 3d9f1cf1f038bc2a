//! A cell of the table from the text of design.md 3.4 and 3.8, by way of the oracle.

use grace_core::{DrainOn, Life};

use super::{Admitted, Dereg_};
use super::{Deselected, Held, None_, Regist, Sent, State, Weight, Zero__, ZeroDe, cluster, facts};
use crate::oracle::{self, Want};
use crate::world::{START, World, address, w};

/// What is to be sent. `claimed` is what the record says before anything is adopted.
pub(super) fn expected(state: State, drain: Option<DrainOn>, claimed: bool, before: Option<u8>) -> Sent {
    let mut world = World::default();
    for fact in cluster(drain).into_iter().chain(facts(state)) {
        fact.happen(&mut world, START);
    }
    world.relist();
    let Some(route) = world.told.routes.values().next() else {
        // Direct access is off. A claim says that the route ended while nobody watched: what it names is drained and goes,
        // once nobody terminates there.
        let terminates = world.pods.values().any(|pod| {
            pod.facts.ips.contains(&Some(address("web-1").ip))
                && matches!(pod.facts.life, Life::Terminating { .. })
        });
        return match (before.filter(|_| claimed), terminates) {
            (None, _) | (Some(0), true) => None_,
            (Some(_), true) => Zero__,
            (Some(0), false) => Dereg_,
            (Some(_), false) => ZeroDe,
        };
    };
    let holder = oracle::holder(&world.told, route, address("web-1"));
    let want = match holder {
        None if state == Deselected && route.policy.drain != DrainOn::Nothing => {
            return match before.filter(|_| claimed) {
                None => None_,
                Some(0) => Dereg_,
                Some(_) => ZeroDe,
            };
        }
        None => Want::Absent,
        Some(_) if state == Held => Want::Keep(w(0)),
        Some(pod) => {
            let serving = oracle::serving_at(&world.told, route, pod, address("web-1")).expect("it is named");
            let terminates = matches!(pod.life, Life::Terminating { .. });
            if terminates && before == Some(0) && route.policy.drain == DrainOn::Nothing {
                // Perhaps a drain that was under way when the switch was removed: it finishes (failure-model.md 3.3-f).
                return None_;
            }
            oracle::want(route, pod, serving, state == Admitted)
        }
    };
    // An unclaimed target whose Pod a route selects is adopted first.
    let ours = claimed || holder.is_some();
    match (want, before.map(w)) {
        (_, Some(_)) if !ours => None_,
        (Want::Present(_), None) => Regist,
        (Want::Absent | Want::Keep(_), None) => None_,
        (Want::Absent, Some(_)) => Dereg_,
        (Want::Present(wanted) | Want::Keep(wanted), Some(found)) if wanted == found => None_,
        (Want::Present(wanted) | Want::Keep(wanted), Some(_)) if wanted == w(0) => Zero__,
        (Want::Present(_) | Want::Keep(_), Some(_)) => Weight,
    }
}
