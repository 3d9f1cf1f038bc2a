//! What a running controller can be asked.

use std::time::Duration;

use grace_core::{Event, Explanation, Machine, Notice, ObjectName, Planned, TargetId, Uid};
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::{broadcast, oneshot, watch};

use crate::clock::Clock;
use crate::driver::Inputs;
use crate::status::Status;

/// Asks a running controller. Cheap to clone. Answers are `None` once the controller has ended.
#[derive(Clone)]
pub struct Handle {
    pub(crate) inputs: Inputs,
    pub(crate) clock: Clock,
    pub(crate) notices: broadcast::Sender<Notice>,
    pub(crate) status: watch::Receiver<Status>,
    pub(crate) plans: watch::Receiver<Vec<Planned>>,
}

/// How the wait for a drain ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "there is something to wait for or there is not")]
pub enum Drained {
    /// All targets of the Pod are proven to be at weight 0.
    Confirmed,
    /// The Pod has no targets.
    NoTargets,
}

impl Handle {
    /// How far it has come; also says when that changes.
    #[must_use]
    pub fn status(&self) -> watch::Receiver<Status> {
        self.status.clone()
    }

    /// What the core tells from now on. Who reads too slowly misses some, and is told how many.
    #[must_use]
    pub fn notices(&self) -> broadcast::Receiver<Notice> {
        self.notices.subscribe()
    }

    /// The plan of a dry run, whenever it changes. Of a controller that writes it stays empty: ask for the
    /// [`plan`](Self::plan).
    #[must_use]
    pub fn plans(&self) -> watch::Receiver<Vec<Planned>> {
        self.plans.clone()
    }

    /// Why a target is as it is, and what it waits for. The outer `None` says that the controller has ended, the inner
    /// one that nothing is known of the target.
    pub async fn explain(&self, target: TargetId) -> Option<Option<Explanation>> {
        self.query(move |machine| machine.explain(&target)).await
    }

    /// Changes that wait to be sent.
    pub async fn plan(&self) -> Option<Vec<Planned>> {
        self.query(Machine::plan).await
    }

    /// Targets of the Pods that bear this name.
    pub async fn find(&self, pod: ObjectName) -> Option<Vec<TargetId>> {
        self.query(move |machine| machine.find(&pod)).await
    }

    /// Waits until the Pod terminates and all its targets are proven to be at weight 0: then its containers may stop.
    /// Set a time limit around it; a Pod that is never deleted is waited for without end.
    ///
    /// Before the controller knows all Pods and targets it waits for that first.
    pub async fn drained(&self, pod: &ObjectName) -> Option<Drained> {
        let mut notices = self.notices();
        self.status.clone().wait_for(Status::is_ready).await.ok()?;
        loop {
            let name = pod.clone();
            if let Some(drained) = self.query(move |machine| drained(machine, &name)).await? {
                return Some(drained);
            }
            loop {
                match notices.recv().await {
                    Ok(Notice::DrainConfirmed { name, .. } | Notice::DrainFinished { name, .. })
                        if name == *pod =>
                    {
                        return Some(Drained::Confirmed);
                    }
                    Ok(_) => {}
                    // What was missed may have been it.
                    Err(RecvError::Lagged(_)) => break,
                    Err(RecvError::Closed) => return None,
                }
            }
        }
    }

    /// Drains a Pod without deleting it: its targets go to weight 0 and stay registered, for so long or until
    /// [`unhold`](Self::unhold); then the weights come back. Saying it again counts from anew. A hold is not remembered
    /// by the next process. `None` once the controller has ended.
    ///
    /// `pod` is the Pod's UID, `Uid::of(text)`: names are used again.
    pub async fn hold(&self, pod: Uid, at_most: Duration) -> Option<()> {
        let until = self.clock.now() + at_most;
        self.inputs.event(Event::Hold { pod, until }).await.ok()
    }

    /// Gives a Pod its weights back. `None` once the controller has ended.
    pub async fn unhold(&self, pod: Uid) -> Option<()> {
        self.inputs.event(Event::Unhold { pod }).await.ok()
    }

    /// Asks the core anything, between two events.
    pub async fn query<T: Send + 'static>(
        &self,
        question: impl FnOnce(&Machine) -> T + Send + 'static,
    ) -> Option<T> {
        let (answer, answered) = oneshot::channel();
        // Who asked may have gone meanwhile.
        let query = Box::new(move |machine: &Machine| drop(answer.send(question(machine))));
        self.inputs.query(query).await.ok()?;
        answered.await.ok()
    }
}

/// `None` while there is something to wait for.
fn drained(machine: &Machine, pod: &ObjectName) -> Option<Drained> {
    let targets = machine.find(pod);
    if targets.is_empty() {
        return Some(Drained::NoTargets);
    }
    let occupants = targets.iter().filter_map(|target| machine.explain(target)?.occupant);
    let mut drains = occupants.filter(|(_, name)| name == pod).filter_map(|(uid, _)| machine.drain(uid));
    drains.any(|drain| drain.confirmed).then_some(Drained::Confirmed)
}
