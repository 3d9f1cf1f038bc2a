//! A controller to embed: what it needs, how it is run, what it can be asked.

use std::collections::BTreeSet;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use grace_core::{Config, LoadBalancerId, Machine, Notice, Ownership, Planned, Source, SourceKind};
use kube::Client;
use tokio::sync::{broadcast, mpsc, watch};
use tokio::task::JoinSet;

use crate::bind::{BindingRules, ResolveBindings};
use crate::claims::{ClaimStore, ConfigMapClaims};
use crate::clock::Clock;
use crate::driver::{Driver, Input, Inputs, Teller};
use crate::dry_run::{PretendedClaims, ReadOnly};
use crate::error::Error;
use crate::execute::{Executors, LoadBalancer};
use crate::feed::Feed;
use crate::handle::Handle;
use crate::marks::{PodConditions, PodMarks};
use crate::observe::{EventPost, News, Observer};
use crate::record::{Record, Sink};
use crate::routes::{RouteRules, Routes, SeenService, ServiceSink};
use crate::slim::{EndpointSlice, Pod, Service};
use crate::source::{self};
use crate::status::Status;
use crate::translate::PolicyDefaults;

/// Watches Pods, EndpointSlices and Services, and keeps the targets of their load balancers as they should be.
///
/// One process per cluster is assumed: two would write against each other.
pub struct Controller {
    client: Client,
    load_balancer: Arc<dyn LoadBalancer>,
    bindings: Arc<dyn ResolveBindings>,
    claims: Arc<dyn ClaimStore>,
    marks: Arc<dyn PodMarks>,
    sources: Vec<Option<Box<str>>>,
    config: Config,
    rules: RouteRules,
    clock: Clock,
    dry_run: bool,
    events: bool,
    event_counts: Duration,
    watch_limit: Duration,
    record: Record,
    ends: Ends,
    handle: Handle,
}

/// Receiving ends of the channels.
struct Ends {
    inputs: mpsc::Receiver<Input>,
    to_inputs: Inputs,
    news: mpsc::Receiver<News>,
    teller: Teller,
    notices: broadcast::Sender<Notice>,
    status: watch::Sender<Status>,
    plan: watch::Sender<Vec<Planned>>,
}

/// What a controller is built from; every setting has a default.
#[must_use]
pub struct Builder {
    client: Client,
    load_balancer: Arc<dyn LoadBalancer>,
    bindings: Arc<dyn ResolveBindings>,
    claims: Option<Arc<dyn ClaimStore>>,
    marks: Option<Arc<dyn PodMarks>>,
    namespaces: BTreeSet<Box<str>>,
    state_namespace: Box<str>,
    config: Config,
    defaults: PolicyDefaults,
    binding: BindingRules,
    dry_run: bool,
    events: bool,
    event_counts: Duration,
    watch_limit: Duration,
    record: Option<Sink>,
}

impl Controller {
    /// Begins a controller over a cluster and a load balancer, usually [`Clb`](crate::Clb).
    pub fn builder<L: LoadBalancer + ResolveBindings>(client: Client, load_balancer: L) -> Builder {
        let load_balancer = Arc::new(load_balancer);
        Builder {
            client,
            bindings: Arc::<L>::clone(&load_balancer),
            load_balancer,
            claims: None,
            marks: None,
            namespaces: BTreeSet::new(),
            state_namespace: STATE_NAMESPACE.into(),
            config: Config::default(),
            defaults: PolicyDefaults::default(),
            binding: BindingRules::default(),
            dry_run: false,
            events: true,
            event_counts: EVENT_COUNTS,
            watch_limit: WATCH_LIMIT,
            record: None,
        }
    }

    /// To ask it while it runs, from anywhere.
    #[must_use]
    pub fn handle(&self) -> Handle {
        self.handle.clone()
    }

    /// Runs until `shutdown` ends. Then nothing more is sent; a call under way is abandoned, and the next process reads
    /// what became of it.
    ///
    /// # Errors
    /// [`Error`] when a part of it panicked. Whatever the cluster or the load balancer answer is no error: it is told and
    /// tried again.
    pub async fn run(self, shutdown: impl Future<Output = ()> + Send) -> Result<(), Error> {
        let Self {
            client,
            load_balancer,
            bindings,
            claims,
            marks,
            sources,
            config,
            rules,
            clock,
            dry_run,
            events,
            event_counts,
            watch_limit,
            mut record,
            ends,
            ..
        } = self;
        let mut parts: JoinSet<&'static str> = JoinSet::new();
        let plan = dry_run.then_some(ends.plan);

        let post = events.then(|| EventPost::new(client.clone(), clock, &instance(), event_counts));
        let observer = Observer::new(post);
        parts.spawn(async move {
            observer.run(ends.news).await;
            "observer"
        });

        let (to_routes, services) = mpsc::channel::<SeenService>(QUEUE);
        let source_of = |kind, namespace: &Option<Box<str>>| Source { kind, namespace: namespace.clone() };
        for namespace in &sources {
            let (client, source) = (client.clone(), source_of(SourceKind::Pods, namespace));
            let mut feed = Feed::<Pod>::new(source.clone(), ends.to_inputs.clone());
            parts.spawn(async move {
                source::run(client, source, watch_limit, &mut feed).await;
                "watch of pods"
            });
        }
        for namespace in &sources {
            let (client, source) = (client.clone(), source_of(SourceKind::Slices, namespace));
            let mut feed = Feed::<EndpointSlice>::new(source.clone(), ends.to_inputs.clone());
            parts.spawn(async move {
                source::run(client, source, watch_limit, &mut feed).await;
                "watch of endpointslices"
            });
        }
        for namespace in &sources {
            let (client, source) = (client.clone(), source_of(SourceKind::Services, namespace));
            let mut sink = ServiceSink { source: source.clone(), to: to_routes.clone() };
            parts.spawn(async move {
                source::run::<Service>(client, source, watch_limit, &mut sink).await;
                "watch of services"
            });
        }
        drop(to_routes);
        let all = sources.iter().map(|namespace| source_of(SourceKind::Services, namespace));
        let routes = Routes::new(rules, bindings, ends.to_inputs, all);
        parts.spawn(async move {
            routes.run(services).await;
            "routes"
        });

        record.start(&config);
        let driver = Driver {
            machine: Machine::new(config),
            record,
            inputs: ends.inputs,
            executors: Executors { load_balancer, claims, marks, clock },
            clock,
            news: ends.teller,
            notices: ends.notices,
            status: ends.status,
            plan,
        };
        tokio::select! {
            biased;
            result = driver.run(shutdown) => result,
            Some(ended) = parts.join_next() => match ended {
                Ok(part) => Err(Error::Ended { part }),
                Err(source) => Err(Error::Panicked { part: "watching side", source }),
            },
        }
    }
}

impl Builder {
    /// Watches one more namespace; all when this is never said. Then a Role in each is enough, no ClusterRole is needed.
    pub fn namespace(mut self, namespace: &str) -> Self {
        self.namespaces.insert(namespace.into());
        self
    }

    /// Keeps claims in this namespace, which must exist: `kube-system` unless said.
    pub fn state_namespace(mut self, namespace: &str) -> Self {
        self.state_namespace = namespace.into();
        self
    }

    /// Keeps claims elsewhere than in ConfigMaps.
    pub fn claims(mut self, claims: impl ClaimStore) -> Self {
        self.claims = Some(Arc::new(claims));
        self
    }

    /// Sets the readiness gate `cloud.tencent.com/load-balancer-backendgroup-ready` of Pods that declare it, once the load
    /// balancer serves them: no unless said. Only where TKE's own controller does not set it. Needs patch of `pods/status`.
    pub const fn mark_ready(mut self, mark: bool) -> Self {
        self.config.mark_ready = mark;
        self
    }

    /// Sets the condition `grace-shutdown/drained` of terminating Pods: no unless said. Needs patch of `pods/status`.
    pub const fn mark_drained(mut self, mark: bool) -> Self {
        self.config.mark_drained = mark;
        self
    }

    /// Shows marks otherwise than as Pod conditions.
    pub fn pod_marks(mut self, marks: impl PodMarks) -> Self {
        self.marks = Some(Arc::new(marks));
        self
    }

    /// Lets somebody else say which pools serve a Service.
    pub fn bindings(mut self, bindings: impl ResolveBindings) -> Self {
        self.bindings = Arc::new(bindings);
        self
    }

    /// Compares everything with the load balancer this often: 60 s unless said.
    pub const fn resync(mut self, every: Duration) -> Self {
        self.config.resync = every;
        self
    }

    /// What gives the right to change a target: claims unless said. Without them no ConfigMap is read or written.
    pub const fn ownership(mut self, ownership: Ownership) -> Self {
        self.config.ownership = ownership;
        self
    }

    /// Settings of the core.
    pub fn config(mut self, config: Config) -> Self {
        self.config = config;
        self
    }

    /// What holds where no annotation says anything.
    pub fn policy_defaults(mut self, defaults: PolicyDefaults) -> Self {
        self.defaults = defaults;
        self
    }

    /// Id of this cluster: CLBs whose tag `tke-clusterId` says so may be written.
    pub fn cluster_id(mut self, id: &str) -> Self {
        self.binding.cluster = Some(id.into());
        self
    }

    /// One more CLB that may be written, whatever its tags say. Once one is named, only named ones may be.
    pub fn load_balancer(mut self, id: LoadBalancerId) -> Self {
        self.binding.load_balancers.insert(id);
        self
    }

    /// Writes nothing to load balancers and claims, but plans and explains.
    pub const fn dry_run(mut self, dry_run: bool) -> Self {
        self.dry_run = dry_run;
        self
    }

    /// Whether Kubernetes Events are written: yes unless said. The log tells the same.
    pub const fn events(mut self, events: bool) -> Self {
        self.events = events;
        self
    }

    /// How often the count of a repeated Event is written: at most every 30 s unless said.
    pub const fn event_counts(mut self, every: Duration) -> Self {
        self.event_counts = every;
        self
    }

    /// How long a watch may last before it is opened anew, in whole seconds, 1 at least: 30 s unless said. A connection that
    /// died without a word is noticed 5 s after this time, and what was deleted meanwhile is learned of then: keep it below the
    /// grace period of Pods that must be drained even so.
    pub const fn watch_limit(mut self, limit: Duration) -> Self {
        self.watch_limit = limit;
        self
    }

    /// Gives each line of the event log of the core ([`grace_core::log`], JSON, without the end of the line) to `sink`: the
    /// example `explain_replay` tells from it what happened to a Pod and why. Nothing is recorded unless this is said.
    ///
    /// `sink` is called in the controller's loop, so it must not wait: hand the line to a thread, or to a file that is
    /// buffered. There is no secret in it, but names, UIDs and addresses of every Pod, and the messages of the providers.
    /// A log is of one process: begin another file with each.
    ///
    /// ```
    /// # fn f<L: k8s_watch::LoadBalancer + k8s_watch::ResolveBindings>(client: kube::Client, clb: L) {
    /// let (to, lines) = std::sync::mpsc::channel::<String>();
    /// std::thread::spawn(move || lines.iter().for_each(|line| println!("{line}")));
    /// let controller = k8s_watch::Controller::builder(client, clb)
    ///     .record(move |line| drop(to.send(line.to_owned())))
    ///     .build();
    /// # }
    /// ```
    pub fn record(mut self, sink: impl FnMut(&str) + Send + Sync + 'static) -> Self {
        self.record = Some(Box::new(sink));
        self
    }

    /// The controller. It does nothing until it is [run](Controller::run).
    #[must_use]
    pub fn build(self) -> Controller {
        let sources: Vec<Option<Box<str>>> = if self.namespaces.is_empty() {
            vec![None]
        } else {
            self.namespaces.into_iter().map(Some).collect()
        };
        let kinds = [SourceKind::Pods, SourceKind::Slices, SourceKind::Services];
        let each = sources
            .iter()
            .flat_map(|namespace| kinds.map(|kind| Source { kind, namespace: namespace.clone() }));
        let (status, watched) = watch::channel(Status::new(each));
        let (to_inputs, inputs) = mpsc::channel(QUEUE);
        let (to_news, news) = mpsc::channel(NEWS);
        let (notices, _) = broadcast::channel(NEWS);
        let teller = Teller::new(to_news);
        let to_inputs = Inputs::new(to_inputs, teller.clone());
        let (plan, plans) = watch::channel(Vec::new());
        let clock = Clock::start();
        let handle =
            Handle { inputs: to_inputs.clone(), clock, notices: notices.clone(), status: watched, plans };
        let claims = self
            .claims
            .unwrap_or_else(|| Arc::new(ConfigMapClaims::new(self.client.clone(), &self.state_namespace)));
        let marks = self.marks.unwrap_or_else(|| Arc::new(PodConditions::new(self.client.clone())));
        let mut config = self.config;
        if self.dry_run {
            (config.mark_ready, config.mark_drained) = (false, false);
        }
        let (load_balancer, claims): (Arc<dyn LoadBalancer>, Arc<dyn ClaimStore>) = if self.dry_run {
            (Arc::new(ReadOnly(self.load_balancer)), Arc::new(PretendedClaims::over(claims)))
        } else {
            (self.load_balancer, claims)
        };
        Controller {
            client: self.client,
            load_balancer,
            bindings: self.bindings,
            claims,
            marks,
            sources,
            rules: RouteRules { defaults: self.defaults, binding: self.binding, resync: config.resync },
            config,
            clock,
            dry_run: self.dry_run,
            events: self.events && !self.dry_run,
            event_counts: self.event_counts,
            watch_limit: self.watch_limit,
            record: Record(self.record),
            ends: Ends { inputs, to_inputs, news, teller, notices, status, plan },
            handle,
        }
    }
}

fn instance() -> String {
    std::env::var("HOSTNAME").unwrap_or_else(|_| format!("grace-controller-{}", std::process::id()))
}

/// Namespace for claims where none is said.
const STATE_NAMESPACE: &str = "kube-system";
/// A count is worth one request in this time.
const EVENT_COUNTS: Duration = Duration::from_secs(30);
/// A dead connection costs this much of a grace period. A shorter one costs more requests.
const WATCH_LIMIT: Duration = Duration::from_secs(30);
/// Watch events that may wait; beyond that the watches are read more slowly.
const QUEUE: usize = 1_024;
/// News that may wait; beyond that they are dropped and counted.
const NEWS: usize = 4_096;
