//! The handle: clients, direct access for tests, fault switches.

use std::{
    io,
    sync::Arc,
    time::{Duration, SystemTime},
};

use serde_json::{Value, json};
use tokio::time::{Instant, timeout_at};

use super::{
    clock::Clock,
    delete::{DeleteOptions, Deleted},
    fault::{Answer, Ending, FaultId, Requests},
    kind::{self, Kind, NAMESPACES},
    object,
    patch::Strategy,
    refusal::Refusal,
    request_log::Request,
    router::router,
    serve::Server,
    state::Shared,
    write::Part,
};

/// A Kubernetes API in memory. Clones are handles to the same cluster.
#[derive(Clone, Debug)]
pub struct Cluster {
    pub(crate) shared: Arc<Shared>,
}

impl Default for Cluster {
    fn default() -> Self {
        Self::new()
    }
}

/// Ways in.
impl Cluster {
    /// An empty cluster whose clock starts at the wall.
    #[must_use]
    pub fn new() -> Self {
        Self::starting_at(SystemTime::now())
    }

    /// An empty cluster whose clock starts at `wall` and follows tokio's clock from then on.
    #[must_use]
    pub fn starting_at(wall: SystemTime) -> Self {
        let shared = Shared::new(Clock::starting_at(wall));
        let cluster = Self { shared };
        for name in ["default", "kube-system"] {
            cluster.add_namespace(name);
        }
        cluster
    }

    /// A client without sockets, which works under tokio's paused clock. Its default namespace is `default`.
    ///
    /// # Panics
    /// Outside a tokio runtime: kube's client runs a task of its own.
    #[must_use]
    pub fn client(&self) -> kube::Client {
        kube::Client::new(self.router(), "default")
    }

    /// The API as an axum service, to wrap it or to serve it differently.
    pub fn router(&self) -> axum::Router {
        router(self.shared.clone())
    }

    /// Serves the API over HTTP on a free port of 127.0.0.1.
    ///
    /// # Errors
    /// When no port can be bound.
    pub async fn serve(&self) -> io::Result<Server> {
        Server::start(self.shared.clone()).await
    }

    /// The cluster's clock, in microseconds since the Unix epoch.
    #[must_use]
    pub fn now(&self) -> i64 {
        self.shared.lock().clock.now()
    }
}

/// The administrator's hand: past faults and request log, with all rules of the API.
impl Cluster {
    /// Adds a namespace; nothing happens when it is there.
    pub fn add_namespace(&self, name: &str) {
        let namespace = json!({"metadata": {"name": name}});
        // Refused only when it exists, or when no namespace can have this name.
        let _there = self.shared.write(|s| s.create(&NAMESPACES, "", namespace));
    }

    /// Creates an object with `apiVersion`, `kind` and `metadata.namespace` of its own (no namespace: `default`).
    ///
    /// # Errors
    /// As the API would refuse it.
    pub fn create(&self, object: &Value) -> Result<Value, Refusal> {
        let (kind, namespace) = identity(object)?;
        let created = self.shared.write(|s| s.create(kind, &namespace, object.clone()))?;
        Ok((*created).clone())
    }

    /// Applies a JSON merge patch to an object, `status` included.
    ///
    /// # Errors
    /// As the API would refuse it.
    pub fn patch(
        &self,
        resource: &str,
        namespace: &str,
        name: &str,
        patch: &Value,
    ) -> Result<Value, Refusal> {
        let kind = resource_kind(resource)?;
        self.shared.write(|state| {
            let mut patched = state.patch(kind, namespace, name, Part::Whole, (Strategy::Merge, patch))?;
            if kind.status && patch.get("status").is_some() {
                let status = json!({"status": patch["status"]});
                patched = state.patch(kind, namespace, name, Part::Status, (Strategy::Merge, &status))?;
            }
            Ok((*patched).clone())
        })
    }

    /// Deletes an object; `grace` in seconds, `None` for the object's own.
    ///
    /// # Errors
    /// As the API would refuse it.
    pub fn delete(
        &self,
        resource: &str,
        namespace: &str,
        name: &str,
        grace: Option<u32>,
    ) -> Result<(), Refusal> {
        let kind = resource_kind(resource)?;
        let options = DeleteOptions::with_grace(grace.map(i64::from));
        let deleted = self.shared.write(|s| s.delete(kind, namespace, name, &options))?;
        match deleted {
            Deleted::Object(_) | Deleted::Status(_) => Ok(()),
        }
    }

    /// An object as it is stored. `namespace` is empty for kinds of the cluster.
    #[must_use]
    pub fn object(&self, resource: &str, namespace: &str, name: &str) -> Option<Value> {
        let kind = resource_kind(resource).ok()?;
        self.shared.lock().store.object(kind, namespace, name).map(|o| (*o).clone())
    }

    /// All objects of a kind in one namespace, by name.
    #[must_use]
    pub fn objects(&self, resource: &str, namespace: &str) -> Vec<Value> {
        let Ok(kind) = resource_kind(resource) else { return Vec::new() };
        self.shared.lock().store.objects(kind, Some(namespace)).map(|o| (**o).clone()).collect()
    }

    /// Stores an object exactly as given, however odd; only `metadata.resourceVersion` is set. For objects that clients
    /// cannot decode.
    ///
    /// # Errors
    /// When `apiVersion` and `kind` name nothing that is served.
    pub fn store_verbatim(&self, object: &Value) -> Result<(), Refusal> {
        let (kind, _) = identity(object)?;
        self.shared.write(|s| s.store.put(kind, object.clone()));
        Ok(())
    }

    /// Waits until `done` holds, looking after each change of the cluster, at most `limit`. `true`: it holds.
    #[must_use]
    pub async fn wait_until(&self, limit: Duration, mut done: impl FnMut(&Self) -> bool) -> bool {
        let deadline = Instant::now() + limit;
        let mut changes = self.shared.changes();
        loop {
            changes.mark_seen();
            if done(self) {
                return true;
            }
            if timeout_at(deadline, changes.changed()).await.is_err() {
                return done(self);
            }
        }
    }

    /// The newest resourceVersion.
    #[must_use]
    pub fn resource_version(&self) -> u64 {
        self.shared.lock().store.version()
    }
}

/// What clients did.
impl Cluster {
    /// Requests so far, oldest first.
    #[must_use]
    pub fn requests(&self) -> Vec<Request> {
        self.shared.lock().log.all()
    }

    /// Requests since the last call, oldest first.
    #[must_use]
    pub fn take_requests(&self) -> Vec<Request> {
        self.shared.lock().log.take()
    }
}

/// Faults.
impl Cluster {
    /// Answers these requests otherwise until lifted.
    #[expect(clippy::must_use_candidate, reason = "a fault may stay for good")]
    pub fn inject(&self, requests: Requests, answer: Answer) -> FaultId {
        self.shared.write(|s| s.faults.inject(requests, answer, None))
    }

    /// Answers the next `count` of these requests otherwise.
    #[expect(clippy::must_use_candidate, reason = "it ends by itself")]
    pub fn inject_next(&self, count: u32, requests: Requests, answer: Answer) -> FaultId {
        self.shared.write(|s| {
            let id = s.faults.inject(requests, answer, Some(count));
            if count == 0 {
                s.faults.lift(id);
            }
            id
        })
    }

    /// Lifts one fault; held requests go on.
    pub fn lift(&self, fault: FaultId) {
        self.shared.write(|s| s.faults.lift(fault));
    }

    /// Lifts all faults, stale lists and refused initial events included.
    pub fn lift_all(&self) {
        self.shared.write(|s| s.faults.lift_all());
    }

    /// Ends open watches cleanly, as a server does at their timeout.
    pub fn close_watches(&self, of: Requests) {
        self.shared.write(|s| s.faults.end_watches(of, Ending::Clean));
    }

    /// Breaks the connections of open watches.
    pub fn cut_watches(&self, of: Requests) {
        self.shared.write(|s| s.faults.end_watches(of, Ending::Cut));
    }

    /// Forgets the history: resourceVersions and continue tokens from before now answer 410. Open watches go on.
    pub fn expire(&self) {
        self.shared.write(|s| s.store.forget());
    }

    /// Like [`Cluster::expire`], and every open watch is told: an in-stream ERROR, then its end.
    pub fn expire_watches(&self) {
        self.shared.write(|s| {
            s.store.forget();
            s.faults.end_watches(Requests::any(), Ending::Expired);
        });
    }

    /// Whether watches may begin with `sendInitialEvents`. Kubernetes before 1.34 refuses it by default.
    pub fn allow_initial_events(&self, allowed: bool) {
        self.shared.write(|s| s.faults.no_initial_events = !allowed);
    }

    /// Lists show the state at a past resourceVersion (a stale API server), or with `None` the newest again.
    pub fn serve_lists_at(&self, version: Option<u64>) {
        self.shared.write(|s| s.faults.lists_at = version);
    }
}

fn identity(object: &Value) -> Result<(&'static Kind, String), Refusal> {
    let (api_version, name) = (object::text(object, "/apiVersion"), object::text(object, "/kind"));
    let kind = kind::by_object(api_version, name)
        .ok_or_else(|| Refusal::bad_request(format!("no kind is called {name:?} in {api_version:?}")))?;
    let namespace = match object::namespace(object) {
        _ if !kind.namespaced => "",
        "" => "default",
        namespace => namespace,
    };
    Ok((kind, namespace.to_owned()))
}

fn resource_kind(resource: &str) -> Result<&'static Kind, Refusal> {
    kind::by_resource(resource)
        .ok_or_else(|| Refusal::bad_request(format!("no resource is called {resource:?}")))
}
