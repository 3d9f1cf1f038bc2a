//! Everything goes wrong at once, by seed; when it stops, the CLB holds exactly what is wanted and stays so.

use std::time::Duration;

use clb_client::sim::{Account, Applied, Config, Fault, Latency, Listener, LoadBalancer, On};
use k8s_watch::sim::{Answer, Requests};
use tokio::time::sleep;

use crate::rig::{GRACE, Rig, TKEX, rig_with};

fn account(seed: u64) -> Account {
    let listeners = [Listener::tcp("lbl-80", 80), Listener::tcp("lbl-81", 81)];
    let balancer = listeners.into_iter().fold(LoadBalancer::new("lb-1"), LoadBalancer::with_listener);
    let task = Latency::millis(800);
    Account::new(Config::default().with_seed(seed).with_task(task)).with_load_balancer(balancer)
}

/// What goes wrong with the cluster in one moment of the storm.
async fn something_happens(rig: &mut Rig, dice: &mut fastrand::Rng) {
    match dice.u8(0..10) {
        0 => rig.cluster.close_watches(Requests::any()),
        1 => rig.cluster.cut_watches(Requests::any()),
        2 => rig.cluster.expire_watches(),
        3 => drop(rig.cluster.inject_next(3, Requests::any(), Answer::InternalError)),
        4 => drop(rig.cluster.inject_next(2, Requests::of("configmaps"), Answer::Conflict)),
        5 => drop(rig.cluster.inject_next(2, Requests::of("configmaps"), Answer::Lost)),
        6 => drop(rig.cluster.inject_next(
            5,
            Requests::any().verb("list"),
            Answer::TooManyRequests { retry_after: 1 },
        )),
        7 => {
            rig.kill().await;
            sleep(Duration::from_millis(dice.u64(0..2_000))).await;
            rig.start();
        }
        8 => {
            if let Some(name) = dice.choice(rig.pods().into_keys()) {
                rig.delete_pod(&name);
            }
        }
        _ => {
            if let Some(name) = dice.choice(rig.pods().into_keys()) {
                rig.kubelet.set_ready("default", &name, Some(dice.bool()));
            }
        }
    }
}

async fn storm(seed: u64) {
    let mut dice = fastrand::Rng::with_seed(seed);
    let mut rig = rig_with(account(seed));
    rig.service("shop", 80, &GRACE);
    rig.service("bank", 81, &TKEX);
    rig.deploy("shop", 4);
    rig.deploy("bank", 3);
    rig.start();
    rig.until("all serve", |rig| rig.serves(80, "shop", 4, 10) && rig.serves(81, "bank", 3, 10)).await;
    rig.clb.with(|account| {
        let faults = account.faults();
        for (fault, rate) in [
            (Fault::Busy, 0.05),
            (Fault::Throttled, 0.05),
            (Fault::LostBeforeEffect, 0.03),
            (Fault::LostAfterEffect, 0.03),
            (Fault::InternalErrorAfterEffect, 0.03),
            (Fault::LateEffect(Duration::from_secs(7)), 0.02),
            (Fault::FailedTask(Applied::Half), 0.05),
            (Fault::PartialFailure(Vec::new()), 0.05),
            (Fault::Unreachable, 0.03),
        ] {
            faults.rate(On::Any, rate, fault);
        }
    });
    rig.roll("shop", "web:2");
    rig.roll("bank", "web:2");
    for _ in 0..30 {
        sleep(Duration::from_millis(dice.u64(0..4_000))).await;
        something_happens(&mut rig, &mut dice).await;
    }
    rig.cluster.lift_all();
    rig.clb.with(|account| account.faults().clear());
    for name in rig.pods().into_keys() {
        rig.kubelet.set_ready("default", &name, None);
    }
    let wanted = |rig: &Rig| {
        let rolled = rig.rolled("shop", 4) && rig.rolled("bank", 3);
        rolled && rig.serves(80, "shop", 4, 10) && rig.serves(81, "bank", 3, 10)
    };
    rig.until_within(Duration::from_secs(600), &format!("seed {seed}: what is wanted"), wanted).await;
    // Late effects and verifying reads are over by then.
    rig.waits(400).await;
    let writes = rig.writes().len();
    rig.waits(600).await;
    assert!(wanted(&rig), "seed {seed}: it stays so: {:?}", rig.targets(80));
    assert_eq!(rig.writes().len(), writes, "seed {seed}: not one more write");
}

#[tokio::test(start_paused = true)]
async fn after_any_storm_the_clb_holds_what_is_wanted_and_nothing_more_is_written() {
    let seeds = 6;
    for seed in 1..=seeds {
        storm(seed).await;
    }
    println!("{seeds} storms of faults ended in what is wanted");
}
