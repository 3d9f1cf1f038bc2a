//! The life of one Pod on a Node, from binding to its final deletion.

use std::{pin::pin, sync::Arc, time::Duration};

use futures::future::{Either, join, select};
use serde_json::Value;
use tokio::{
    sync::{mpsc, watch},
    time::{Instant, sleep, sleep_until, timeout_at},
};

use super::{
    delete::DeleteOptions,
    kind::PODS,
    object,
    pod_status::{Containers, Place, report},
    runtime::{PodRuntime, PodStart, RunningPod},
    state::Shared,
};

/// What a test asks of a running Pod.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Demand {
    /// Kill the containers, wait, start them again.
    Restart { down: Duration },
    /// Replace the readiness probe's word, or with `None` go back to it.
    Probe(Option<bool>),
    /// End the Pod as under node pressure: phase `Failed`, no deletion.
    Evict,
}

/// One Pod.
pub(crate) struct PodWorker<R: PodRuntime> {
    pub(crate) shared: Arc<Shared>,
    pub(crate) runtime: Arc<R>,
    pub(crate) place: Place,
    /// The newest state of the object; closed when it is gone.
    pub(crate) pod: watch::Receiver<Arc<Value>>,
    pub(crate) demands: mpsc::UnboundedReceiver<Demand>,
    /// How long the kubelet takes from the last exit to the final deletion.
    pub(crate) lag: Duration,
}

/// Why the containers are to end.
enum Why {
    /// The object is gone: nobody is left to be told.
    Gone,
    /// The object is terminating.
    Terminating,
    /// They exited by themselves.
    Exited(i32),
    Restart(Duration),
    Evicted,
}

impl<R: PodRuntime> PodWorker<R> {
    /// Runs until the Pod is over or gone.
    pub(crate) async fn run(mut self) {
        let mut restarts = 0;
        loop {
            let Some(running) = self.start(restarts).await else { return };
            match self.attend(&running, restarts).await {
                Why::Gone => {
                    running.kill();
                    running.exited().await;
                    return;
                }
                Why::Terminating => return self.terminate(&running, restarts).await,
                Why::Exited(code) if self.stays_down(code) => {
                    self.report(&Containers::Exited { code, restarts, reason: None });
                    return self.await_deletion().await;
                }
                Why::Exited(_) => self.pause(back_off(restarts), restarts).await,
                Why::Restart(down) => {
                    running.kill();
                    running.exited().await;
                    self.pause(down, restarts).await;
                }
                Why::Evicted => {
                    running.kill();
                    let code = running.exited().await;
                    self.report(&Containers::Exited { code, restarts, reason: Some("Evicted") });
                    return self.await_deletion().await;
                }
            }
            restarts += 1;
        }
    }

    /// Starts the containers; `None` when the Pod ends before they run.
    async fn start(&mut self, restarts: u32) -> Option<R::Running> {
        let object = self.object();
        let start = PodStart {
            namespace: object::namespace(&object).to_owned(),
            name: object::name(&object).to_owned(),
            uid: object::uid(&object).to_owned(),
            ip: self.place.ip,
            object: (*object).clone(),
            restarts,
        };
        let runtime = self.runtime.clone();
        let mut starting = pin!(runtime.start(&start));
        loop {
            if object::terminating(&self.object()) {
                self.finish(&Containers::Exited { code: 0, restarts, reason: None }).await;
                return None;
            }
            match select(starting.as_mut(), pin!(self.pod.changed())).await {
                Either::Left((running, _)) => return Some(running),
                Either::Right((Ok(()), _)) => {}
                Either::Right((Err(_), _)) => return None,
            }
        }
    }

    /// Reports readiness until something ends the containers.
    async fn attend(&mut self, running: &R::Running, restarts: u32) -> Why {
        let mut readiness = running.readiness();
        let mut forced = None;
        loop {
            if object::terminating(&self.object()) {
                return Why::Terminating;
            }
            // Gates may have changed as well as the probe.
            let ready = forced.unwrap_or(*readiness.borrow_and_update());
            self.report(&Containers::Running { ready, restarts });
            tokio::select! {
                biased;
                changed = self.pod.changed() => if changed.is_err() {
                    return Why::Gone;
                },
                code = running.exited() => return Why::Exited(code),
                Some(demand) = self.demands.recv() => match demand {
                    Demand::Restart { down } => return Why::Restart(down),
                    Demand::Probe(word) => forced = word,
                    Demand::Evict => return Why::Evicted,
                },
                Ok(()) = readiness.changed() => {}
            }
        }
    }

    /// preStop, SIGTERM, SIGKILL, the terminal phase, the final deletion.
    async fn terminate(&mut self, running: &R::Running, restarts: u32) {
        let mut readiness = running.readiness();
        let mut forced = None;
        let mut kill_at = Instant::now() + self.grace();
        // Containers run their hooks side by side.
        let mut hook = pin!(join(running.pre_stop(), sleep(self.pre_stop_sleep())));
        let mut hooked = true;
        if self.grace().is_zero() {
            // Without grace no hook runs.
            running.terminate();
            hooked = false;
        }
        let code = loop {
            let ready = forced.unwrap_or(*readiness.borrow_and_update());
            self.report(&Containers::Running { ready, restarts });
            tokio::select! {
                biased;
                changed = self.pod.changed() => {
                    if changed.is_err() {
                        running.kill();
                        running.exited().await;
                        return;
                    }
                    // A second deletion may leave less time, never more.
                    kill_at = kill_at.min(Instant::now() + self.grace());
                }
                code = running.exited() => break code,
                _ = &mut hook, if hooked => {
                    running.terminate();
                    hooked = false;
                    kill_at = kill_at.max(Instant::now() + LEAST_TIME);
                }
                () = sleep_until(kill_at) => {
                    if hooked {
                        // A hook that runs over gets its containers the one extension, not itself.
                        running.terminate();
                        hooked = false;
                        kill_at = Instant::now() + LEAST_TIME;
                    } else {
                        running.kill();
                        break running.exited().await;
                    }
                }
                Some(demand) = self.demands.recv() => if let Demand::Probe(word) = demand {
                    forced = word;
                },
                Ok(()) = readiness.changed() => {}
            }
        };
        self.finish(&Containers::Exited { code, restarts, reason: None }).await;
    }

    /// The terminal phase first, then the final deletion.
    async fn finish(&self, containers: &Containers) {
        self.report(containers);
        sleep(self.lag).await;
        let pod = self.object();
        let (namespace, name) = (object::namespace(&pod), object::name(&pod));
        let options = DeleteOptions::at_once(object::uid(&pod));
        // Gone or replaced already is as good.
        let _deleted = self.shared.write(|state| state.delete(&PODS, namespace, name, &options));
    }

    /// A Pod that is over waits to be deleted.
    async fn await_deletion(&mut self) {
        // The sender goes when the object does.
        while self.pod.changed().await.is_ok() {}
    }

    /// Not ready for a while, in place; a deletion ends the wait.
    async fn pause(&mut self, down: Duration, restarts: u32) {
        self.report(&Containers::Running { ready: false, restarts });
        let end = Instant::now() + down;
        while !object::terminating(&self.object()) {
            match timeout_at(end, self.pod.changed()).await {
                Ok(Ok(())) => {}
                Ok(Err(_)) | Err(_) => return,
            }
        }
    }

    fn stays_down(&self, code: i32) -> bool {
        match object::text(&self.object(), "/spec/restartPolicy") {
            "Never" => true,
            "OnFailure" => code == 0,
            _ => false,
        }
    }

    /// What the deletion leaves, counted from when the kubelet sees it.
    fn grace(&self) -> Duration {
        let seconds = object::number(&self.object(), "/metadata/deletionGracePeriodSeconds").unwrap_or(0);
        Duration::from_secs(u64::try_from(seconds).unwrap_or(0))
    }

    /// The longest `preStop.sleep` of the containers.
    fn pre_stop_sleep(&self) -> Duration {
        let object = self.object();
        let containers = object::list(&object, "/spec/containers").iter();
        let seconds = containers.filter_map(|c| object::number(c, "/lifecycle/preStop/sleep/seconds")).max();
        Duration::from_secs(seconds.and_then(|s| u64::try_from(s).ok()).unwrap_or(0))
    }

    fn object(&self) -> Arc<Value> {
        self.pod.borrow().clone()
    }

    fn report(&self, containers: &Containers) {
        report(&self.shared, &self.object(), &self.place, containers);
    }
}

/// How long containers that exit again and again stay down: at once, then 10 s, 20 s, at most 5 minutes.
fn back_off(restarts: u32) -> Duration {
    match restarts {
        0 => Duration::ZERO,
        n => Duration::from_secs(10 << (n - 1).min(5)).min(Duration::from_secs(300)),
    }
}

/// What containers get between SIGTERM and SIGKILL even when the preStop hook has used up the grace.
const LEAST_TIME: Duration = Duration::from_secs(2);
