//! The loop around the core: inputs in, actions out, answers back in. It decides nothing.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use grace_core::{ActionId, Command, Event, Failure, Machine, Planned, Source, Success};
use tokio::sync::{broadcast, mpsc, watch};
use tokio::task::JoinSet;
use tracing::debug;

use crate::clock::Clock;
use crate::error::Error;
use crate::execute::{self, Executors};
use crate::finding::{Finding, ObjectRef, Told};
use crate::observe::News;
use crate::record::Record;
use crate::source::Closed;
use crate::status::Status;

/// What comes into the loop.
#[expect(clippy::large_enum_variant, reason = "a box would be an allocation for each fact")]
pub(crate) enum Input {
    /// A fact.
    Event(Event),
    /// A source whose facts do not go into the core as they are was listed completely.
    Listed(Source),
    /// Every binding was answered once.
    Bound,
    /// A question about the core's state.
    Query(Query),
}

/// A question that is answered between two events.
pub(crate) type Query = Box<dyn FnOnce(&Machine) + Send>;

/// The way into the loop, and the way to people.
#[derive(Clone)]
pub(crate) struct Inputs {
    to: mpsc::Sender<Input>,
    news: Teller,
}

impl Inputs {
    /// Inputs that end at `to`, and news at `news`.
    pub(crate) const fn new(to: mpsc::Sender<Input>, news: Teller) -> Self {
        Self { to, news }
    }

    /// Hands a fact over. Waits while the loop is busy: a fact that is dropped can be a deletion.
    pub(crate) async fn event(&self, event: Event) -> Result<(), Closed> {
        self.to.send(Input::Event(event)).await.map_err(|_| Closed)
    }

    /// Says that a source was listed completely.
    pub(crate) async fn listed(&self, source: Source) -> Result<(), Closed> {
        self.to.send(Input::Listed(source)).await.map_err(|_| Closed)
    }

    /// Says that every binding was answered once.
    pub(crate) async fn bound(&self) -> Result<(), Closed> {
        self.to.send(Input::Bound).await.map_err(|_| Closed)
    }

    /// Asks something about the core's state.
    pub(crate) async fn query(&self, query: Query) -> Result<(), Closed> {
        self.to.send(Input::Query(query)).await.map_err(|_| Closed)
    }

    /// Tells a person about an object.
    pub(crate) fn tell(&self, on: &ObjectRef, finding: Finding) {
        self.news.tell(News::Finding(Told { on: on.clone(), finding }));
    }

    /// Remembers the identity of an object, so that an Event can carry it.
    pub(crate) fn introduce(&self, object: ObjectRef) {
        self.news.tell(News::Known(object));
    }
}

/// The way to people. Never waits: what does not fit is dropped and counted.
#[derive(Clone)]
pub(crate) struct Teller {
    to: mpsc::Sender<News>,
    dropped: Arc<AtomicU64>,
}

impl Teller {
    /// Tells by `to`.
    pub(crate) fn new(to: mpsc::Sender<News>) -> Self {
        Self { to, dropped: Arc::default() }
    }

    /// Tells, or counts.
    pub(crate) fn tell(&self, news: News) {
        if self.to.try_send(news).is_err() {
            self.dropped.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// How much was dropped.
    pub(crate) fn dropped(&self) -> u64 {
        self.dropped.load(Ordering::Relaxed)
    }
}

/// The loop and what it needs.
pub(crate) struct Driver {
    /// The core.
    pub(crate) machine: Machine,
    /// Writes down what the core is told.
    pub(crate) record: Record,
    /// What comes in.
    pub(crate) inputs: mpsc::Receiver<Input>,
    /// Who carries out.
    pub(crate) executors: Executors,
    /// The core's time.
    pub(crate) clock: Clock,
    /// To people.
    pub(crate) news: Teller,
    /// To whoever embeds this.
    pub(crate) notices: broadcast::Sender<grace_core::Notice>,
    /// How far it has come.
    pub(crate) status: watch::Sender<Status>,
    /// Where a dry run says what it would do.
    pub(crate) plan: Option<watch::Sender<Vec<Planned>>>,
}

type Done = (ActionId, Command, Result<Success, Failure>);

impl Driver {
    /// Runs until `shutdown`. Calls under way are dropped then; nothing is sent any more.
    pub(crate) async fn run(mut self, shutdown: impl Future<Output = ()>) -> Result<(), Error> {
        let mut shutdown = std::pin::pin!(shutdown);
        let mut open: JoinSet<Done> = JoinSet::new();
        let mut synced = false;
        loop {
            while let Some(action) = self.machine.poll_action() {
                debug!(%action.id, on = execute::on(&action.command), command = ?action.command, "carrying out");
                let executors = self.executors.clone();
                open.spawn(async move {
                    let result = executors.carry_out(&action).await;
                    (action.id, action.command, result)
                });
            }
            while let Some(notice) = self.machine.poll_notice() {
                // Nobody has to listen.
                let _ = self.notices.send(notice.clone());
                self.news.tell(News::Notice(notice));
            }
            if let Some(plan) = &self.plan {
                let now = self.machine.plan();
                plan.send_if_modified(|before| {
                    let changed = *before != now;
                    *before = now;
                    changed
                });
            }
            let wake = self.machine.poll_timeout().map(|(at, _why)| at);
            tokio::select! {
                biased; // the same order in every run: answers, shutdown, inputs, timer
                Some(done) = open.join_next() => {
                    let (id, command, result) =
                        done.map_err(|source| Error::Panicked { part: "executor", source })?;
                    debug!(%id, ?result, "carried out");
                    self.status.send_if_modified(|status| {
                        let before = status.clone();
                        status.ended(&command, &result);
                        *status != before
                    });
                    self.feed(&Event::Answer { id, result });
                }
                () = &mut shutdown => return Ok(()),
                input = self.inputs.recv() => match input {
                    Some(Input::Event(event)) => {
                        self.feed(&event);
                        self.progress(&event);
                    }
                    Some(Input::Listed(source)) => self.listed(source),
                    Some(Input::Bound) => self.status.send_modify(|status| status.bound = true),
                    Some(Input::Query(query)) => query(&self.machine),
                    None => return Err(Error::Ended { part: "sources" }),
                },
                () = self.clock.until(wake) => {
                    let now = self.clock.now();
                    self.record.timeout(now);
                    self.machine.handle_timeout(now);
                }
            }
            if !synced && self.status.borrow().is_synced() {
                synced = true;
                self.feed(&Event::Synced);
            }
        }
    }

    /// Everything that the core learns goes through here, else a recorded log could not be repeated.
    fn feed(&mut self, event: &Event) {
        let now = self.clock.now();
        self.record.event(event, now);
        self.machine.handle_event(event, now);
    }

    fn listed(&self, source: Source) {
        self.status.send_if_modified(|status| status.sources.insert(source, true) != Some(true));
    }

    fn progress(&self, event: &Event) {
        if let Event::ListDone(source) = event {
            self.listed(source.clone());
        } else if let Event::Granted(lane) = event {
            self.status.send_modify(|status| {
                status.lanes.entry(lane.clone()).or_default();
            });
        } else if let Event::Revoked(lane) = event {
            self.status.send_modify(|status| {
                status.lanes.remove(lane);
            });
        }
        self.status.send_if_modified(|status| {
            std::mem::replace(&mut status.dropped, self.news.dropped()) != self.news.dropped()
        });
    }
}
