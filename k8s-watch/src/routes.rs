//! Services on their way into the core: each port becomes a route, its pools are looked up beside the flow of events.

use std::collections::{BTreeMap, BTreeSet};
use std::future::pending;
use std::sync::Arc;
use std::time::Duration;

use futures::future::BoxFuture;
use grace_core::{
    Event, LaneFacts, LaneId, Layer, ObjectName, Resolution, RouteEnd, RouteFacts, RouteKey, Source,
};
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until};
use tracing::warn;

use crate::bind::{Binding, BindingQuestion, BindingRules, ResolveBindings};
use crate::driver::Inputs;
use crate::finding::{Finding, ObjectKind, ObjectRef};
use crate::slim::{Service, Slim};
use crate::source::{Closed, Seen, Sink};
use crate::translate::{PolicyDefaults, PortFacts, ServiceFacts, service_facts};

/// What a source of Services says, with the source.
pub(crate) type SeenService = (Source, Seen<Service>);

/// Hands Services on to [`Routes`].
pub(crate) struct ServiceSink {
    /// Where they come from.
    pub(crate) source: Source,
    /// Where they go.
    pub(crate) to: mpsc::Sender<SeenService>,
}

impl Sink<Service> for ServiceSink {
    async fn take(&mut self, seen: Seen<Service>) -> Result<(), Closed> {
        self.to.send((self.source.clone(), seen)).await.map_err(|_| Closed)
    }
}

/// How routes are made.
pub(crate) struct RouteRules {
    /// What holds where no annotation says anything.
    pub(crate) defaults: PolicyDefaults,
    /// Which load balancers may be written.
    pub(crate) binding: BindingRules,
    /// How often every answer is asked for again.
    pub(crate) resync: Duration,
}

/// All Services with their routes and bindings.
pub(crate) struct Routes {
    rules: Arc<RouteRules>,
    resolver: Arc<dyn ResolveBindings>,
    inputs: Inputs,
    services: BTreeMap<ObjectName, Declared>,
    lanes: BTreeMap<LaneId, LaneFacts>,
    /// Sources whose first list is not complete.
    unlisted: BTreeSet<Source>,
    /// Counts the lists of each source.
    lists: BTreeMap<Source, u64>,
    /// Whether it was said that every binding was answered once.
    bound: bool,
}

/// One Service.
struct Declared {
    facts: ServiceFacts,
    /// What was told about its annotations, and about its bindings.
    told: [Vec<Finding>; 2],
    routes: BTreeMap<RouteKey, Declaration>,
    /// When its bindings are asked for; `None` while they are.
    due: Option<Instant>,
    /// Answers in a row that left something open.
    open: u32,
    answered: bool,
    /// The source that stated it, and in which of its lists.
    stated: (Source, u64),
}

/// One route as it was said last.
struct Declaration {
    question: BindingQuestion,
    said: RouteFacts,
}

type Answers = (Vec<BindingQuestion>, Vec<Binding>);

impl Routes {
    /// Routes of the Services of `sources`.
    pub(crate) fn new(
        rules: RouteRules,
        resolver: Arc<dyn ResolveBindings>,
        inputs: Inputs,
        sources: impl IntoIterator<Item = Source>,
    ) -> Self {
        Self {
            rules: Arc::new(rules),
            resolver,
            inputs,
            services: BTreeMap::new(),
            lanes: BTreeMap::new(),
            unlisted: sources.into_iter().collect(),
            lists: BTreeMap::new(),
            bound: false,
        }
    }

    /// Works until nobody sends or nobody listens.
    pub(crate) async fn run(mut self, mut seen: mpsc::Receiver<SeenService>) -> Closed {
        let mut asking: Option<BoxFuture<'static, Answers>> = None;
        loop {
            let due = self.services.values().filter_map(|service| service.due).min();
            let idle = asking.is_none() && self.unlisted.is_empty();
            let worked = tokio::select! {
                biased;
                answers = next(&mut asking) => self.answered(answers).await,
                () = sleep_until(due.unwrap_or_else(Instant::now)), if idle && due.is_some() => {
                    asking = self.ask();
                    Ok(())
                }
                next = seen.recv() => match next {
                    Some((source, seen)) => self.take(source, seen).await,
                    None => return Closed,
                },
            };
            if worked.is_err() || self.say_bound().await.is_err() {
                return Closed;
            }
        }
    }

    async fn take(&mut self, source: Source, seen: Seen<Service>) -> Result<(), Closed> {
        match seen {
            Seen::ListStarted => {
                *self.lists.entry(source).or_default() += 1;
                Ok(())
            }
            Seen::Object(object) => self.object(source, &object).await,
            Seen::Gone(object) => self.gone(&object.name()).await,
            Seen::ListDone => {
                let stated = (source.clone(), self.lists.get(&source).copied().unwrap_or_default());
                let unstated = |service: &Declared| service.stated.0 == source && service.stated != stated;
                let gone: Vec<ObjectName> =
                    self.services.iter().filter(|(_, s)| unstated(s)).map(|(name, _)| name.clone()).collect();
                for name in gone {
                    self.gone(&name).await?;
                }
                self.unlisted.remove(&source);
                self.inputs.listed(source).await
            }
        }
    }

    async fn object(&mut self, source: Source, object: &Slim<Service>) -> Result<(), Closed> {
        let stated = (source.clone(), self.lists.get(&source).copied().unwrap_or_default());
        let Some((uid, name, body)) = object.sound() else {
            let what = object.undecodable(source);
            let on = ObjectRef { kind: ObjectKind::Service, name: object.name(), uid: what.uid };
            let finding = Finding::Undecodable { field: what.field.into() };
            let Some(service) = self.services.get_mut(&object.name()) else {
                self.inputs.tell(&on, finding);
                return Ok(());
            };
            service.stated = stated;
            if !service.told[0].contains(&finding) {
                service.told[0].push(finding.clone());
                self.inputs.tell(&on, finding);
            }
            return Ok(());
        };
        let (facts, findings) = service_facts(uid, name.clone(), body, &self.rules.defaults);
        if self.services.get(&name).is_none_or(|known| known.facts.uid != uid) {
            let object = ObjectRef { kind: ObjectKind::Service, name: name.clone(), uid: Some(uid) };
            self.inputs.introduce(object);
        }
        let service = self.services.entry(name).or_insert_with(|| Declared {
            facts: facts.clone(),
            told: [Vec::new(), Vec::new()],
            routes: BTreeMap::new(),
            due: None,
            open: 0,
            answered: facts.ports.is_empty(),
            stated: stated.clone(),
        });
        service.stated = stated;
        service.facts = facts;
        service.tell(0, findings, &self.inputs);
        if service.facts.ports.is_empty() {
            service.due = None;
            service.answered = true;
        }
        service.state(&self.inputs).await
    }

    async fn gone(&mut self, name: &ObjectName) -> Result<(), Closed> {
        let Some(service) = self.services.remove(name) else { return Ok(()) };
        for key in service.routes.into_keys() {
            self.inputs.event(Event::RouteGone { key, end: RouteEnd::Deleted }).await?;
        }
        Ok(())
    }

    /// Asks for the pools of every Service that is due, in one go: Services on one CLB share its answer.
    fn ask(&mut self) -> Option<BoxFuture<'static, Answers>> {
        // Whoever is due soon comes along, so that Services on one CLB keep asking together.
        let soon = Instant::now() + self.rules.resync / 10;
        let mut asked = Vec::new();
        for service in self.services.values_mut().filter(|service| service.due.is_some_and(|due| due <= soon))
        {
            service.due = None;
            asked.extend(service.routes.values().map(|route| route.question.clone()));
        }
        let (resolver, rules) = (Arc::clone(&self.resolver), Arc::clone(&self.rules));
        (!asked.is_empty()).then(|| -> BoxFuture<'static, Answers> {
            Box::pin(async move {
                let answers = resolver.resolve(&asked, &rules.binding).await;
                (asked, answers)
            })
        })
    }

    async fn answered(&mut self, (asked, answers): Answers) -> Result<(), Closed> {
        if answers.len() < asked.len() {
            warn!(
                asked = asked.len(),
                answered = answers.len(),
                "bindings were left unanswered; asking again"
            );
        }
        let mut services: BTreeMap<ObjectName, (Vec<Finding>, bool)> = BTreeMap::new();
        let missing =
            || Binding { pools: Resolution::Pending, lanes: Vec::new(), refused: None, findings: Vec::new() };
        let answers = answers.into_iter().chain(std::iter::repeat_with(missing));
        for (question, binding) in asked.into_iter().zip(answers) {
            for lane in binding.lanes {
                self.lane(lane).await?;
            }
            if let Some(lane) = binding.refused.filter(|lane| self.lanes.remove(lane).is_some()) {
                self.inputs.event(Event::Revoked(lane)).await?;
            }
            let (findings, open) = services.entry(question.service.clone()).or_default();
            *open |= binding.pools == Resolution::Pending || !binding.findings.is_empty();
            findings.extend(binding.findings);
            let Some(service) = self.services.get_mut(&question.service) else { continue };
            // The Service may have changed while the answer was under way; then it is asked again.
            for route in service.routes.values_mut().filter(|route| route.question == question) {
                if binding.pools != Resolution::Pending && route.said.pools != binding.pools {
                    route.said.pools = binding.pools.clone();
                    self.inputs.event(Event::Route(route.said.clone())).await?;
                }
            }
        }
        for (name, (findings, open)) in services {
            let Some(service) = self.services.get_mut(&name) else { continue };
            service.open = if open { service.open + 1 } else { 0 };
            service.answered = true;
            service.tell(1, findings, &self.inputs);
            let wait = if open { retry(service.open, self.rules.resync) } else { self.rules.resync };
            service.due =
                service.due.or_else(|| Some(Instant::now() + wait.mul_f64(0.9 + 0.1 * fastrand::f64())));
        }
        Ok(())
    }

    async fn lane(&mut self, lane: LaneFacts) -> Result<(), Closed> {
        let id = lane.id.clone();
        let before = self.lanes.insert(id.clone(), lane.clone());
        if before.as_ref() != Some(&lane) {
            self.inputs.event(Event::Lane(lane)).await?;
        }
        if before.is_none() {
            self.inputs.event(Event::Granted(id)).await?;
        }
        Ok(())
    }

    async fn say_bound(&mut self) -> Result<(), Closed> {
        if !self.bound && self.unlisted.is_empty() && self.services.values().all(|service| service.answered) {
            self.bound = true;
            self.inputs.bound().await?;
        }
        Ok(())
    }
}

impl Declared {
    /// Says every route that changed and ends those that are no more.
    async fn state(&mut self, inputs: &Inputs) -> Result<(), Closed> {
        let mut before = std::mem::take(&mut self.routes);
        for port in &self.facts.ports {
            let question = question(&self.facts, port);
            let key = RouteKey {
                layer: Layer::Service,
                owner: self.facts.name.clone(),
                part: format!("{}/{}", port.protocol, port.port).into(),
            };
            let old = before.remove(&key);
            let pools = match &old {
                Some(old) if old.question == question => old.said.pools.clone(),
                // What is wanted now is not known yet. Until then the earlier pools stay in force.
                _ => {
                    self.due = Some(Instant::now());
                    Resolution::Pending
                }
            };
            let facts = RouteFacts {
                key: key.clone(),
                uid: self.facts.uid,
                since: self.facts.since,
                service: self.facts.name.clone(),
                port: port.name.clone(),
                pools,
                policy: port.policy.clone(),
            };
            if old.is_none_or(|old| old.said != facts) {
                inputs.event(Event::Route(facts.clone())).await?;
            }
            self.routes.insert(key, Declaration { question, said: facts });
        }
        let end = if self.facts.direct_access { RouteEnd::Deleted } else { RouteEnd::Released };
        for key in before.into_keys() {
            inputs.event(Event::RouteGone { key, end }).await?;
        }
        Ok(())
    }

    /// Tells findings that differ from those of before.
    fn tell(&mut self, which: usize, findings: Vec<Finding>, inputs: &Inputs) {
        if self.told[which] == findings {
            return;
        }
        let on =
            ObjectRef { kind: ObjectKind::Service, name: self.facts.name.clone(), uid: Some(self.facts.uid) };
        findings.iter().for_each(|finding| inputs.tell(&on, finding.clone()));
        self.told[which] = findings;
    }
}

fn question(service: &ServiceFacts, port: &PortFacts) -> BindingQuestion {
    BindingQuestion {
        service: service.name.clone(),
        name: port.name.clone(),
        port: port.port,
        protocols: port.listeners.clone(),
        load_balancer: service.load_balancer.clone(),
    }
}

/// 2 s, doubled with each further answer that leaves something open, up to the resync: a listener is usually made a few
/// seconds after its Service.
fn retry(open: u32, resync: Duration) -> Duration {
    (Duration::from_secs(1) * 2_u32.saturating_pow(open.min(16))).min(resync)
}

/// The answers under way; never, while none are.
async fn next(asking: &mut Option<BoxFuture<'static, Answers>>) -> Answers {
    match asking {
        Some(answers) => {
            let answers = answers.await;
            *asking = None;
            answers
        }
        None => pending().await,
    }
}
