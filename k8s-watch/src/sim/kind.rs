//! The kinds that the cluster serves, and how each behaves.

/// One kind of object, as its path names it.
#[derive(Debug)]
pub(crate) struct Kind {
    /// API group; empty for the core group.
    pub(crate) group: &'static str,
    /// Version in the path.
    pub(crate) version: &'static str,
    /// Plural in the path.
    pub(crate) resource: &'static str,
    /// Name in `kind`.
    pub(crate) name: &'static str,
    /// Objects live in a namespace.
    pub(crate) namespaced: bool,
    /// Has the subresource `status`: an ordinary write leaves the status alone, and the reverse.
    pub(crate) status: bool,
    /// The server counts `metadata.generation`.
    pub(crate) generation: bool,
}

impl Kind {
    /// `apiVersion` of its objects.
    pub(crate) fn api_version(&self) -> String {
        match self.group {
            "" => self.version.to_owned(),
            group => format!("{group}/{}", self.version),
        }
    }

    /// Name in messages: `pods`, `leases.coordination.k8s.io`.
    pub(crate) fn qualified(&self) -> String {
        match self.group {
            "" => self.resource.to_owned(),
            group => format!("{}.{group}", self.resource),
        }
    }

    /// Name in messages about one object: `Pod`, `Lease.coordination.k8s.io`.
    pub(crate) fn qualified_name(&self) -> String {
        match self.group {
            "" => self.name.to_owned(),
            group => format!("{}.{group}", self.name),
        }
    }

    /// Where its objects are stored. Both groups of Events show the same objects.
    pub(crate) fn shelf(&'static self) -> &'static Self {
        if std::ptr::eq(self, &CORE_EVENTS) { &EVENTS } else { self }
    }

    /// Whether two references mean the same kind.
    pub(crate) fn is(&'static self, other: &'static Self) -> bool {
        std::ptr::eq(self, other)
    }
}

/// The kind that a path names.
pub(crate) fn by_path(group: &str, version: &str, resource: &str) -> Option<&'static Kind> {
    ALL.iter().copied().find(|k| k.group == group && k.version == version && k.resource == resource)
}

/// The kind that an object names.
pub(crate) fn by_object(api_version: &str, kind: &str) -> Option<&'static Kind> {
    ALL.iter().copied().find(|k| k.name == kind && k.api_version() == api_version)
}

/// The kind with this plural; for Events the form in which they are stored.
pub(crate) fn by_resource(resource: &str) -> Option<&'static Kind> {
    ALL.iter().copied().find(|k| k.resource == resource)
}

pub(crate) static PODS: Kind = core("pods", "Pod").with_status().counted();
pub(crate) static SERVICES: Kind = core("services", "Service").with_status();
pub(crate) static CONFIG_MAPS: Kind = core("configmaps", "ConfigMap");
pub(crate) static NAMESPACES: Kind = core("namespaces", "Namespace").with_status().of_the_cluster();
pub(crate) static NODES: Kind = core("nodes", "Node").with_status().of_the_cluster();
pub(crate) static CORE_EVENTS: Kind = core("events", "Event");
pub(crate) static EVENTS: Kind = named("events.k8s.io", "events", "Event");
pub(crate) static ENDPOINT_SLICES: Kind =
    named("discovery.k8s.io", "endpointslices", "EndpointSlice").counted();
pub(crate) static DEPLOYMENTS: Kind = named("apps", "deployments", "Deployment").with_status().counted();
pub(crate) static REPLICA_SETS: Kind = named("apps", "replicasets", "ReplicaSet").with_status().counted();
pub(crate) static STATEFUL_SETS: Kind = named("apps", "statefulsets", "StatefulSet").with_status().counted();
pub(crate) static LEASES: Kind = named("coordination.k8s.io", "leases", "Lease");
pub(crate) static DISRUPTION_BUDGETS: Kind =
    named("policy", "poddisruptionbudgets", "PodDisruptionBudget").with_status().counted();
pub(crate) static INGRESSES: Kind =
    named("networking.k8s.io", "ingresses", "Ingress").with_status().counted();

/// Every kind.
pub(crate) static ALL: [&Kind; 14] = [
    &PODS,
    &SERVICES,
    &CONFIG_MAPS,
    &NAMESPACES,
    &NODES,
    &EVENTS,
    &CORE_EVENTS,
    &ENDPOINT_SLICES,
    &DEPLOYMENTS,
    &REPLICA_SETS,
    &STATEFUL_SETS,
    &LEASES,
    &DISRUPTION_BUDGETS,
    &INGRESSES,
];

const fn core(resource: &'static str, name: &'static str) -> Kind {
    named("", resource, name)
}

const fn named(group: &'static str, resource: &'static str, name: &'static str) -> Kind {
    Kind { group, version: "v1", resource, name, namespaced: true, status: false, generation: false }
}

impl Kind {
    const fn with_status(mut self) -> Self {
        self.status = true;
        self
    }

    const fn counted(mut self) -> Self {
        self.generation = true;
        self
    }

    const fn of_the_cluster(mut self) -> Self {
        self.namespaced = false;
        self
    }
}
