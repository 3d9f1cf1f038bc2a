//! One test's world: a namespace with the Service `web`, a CLB, and the controller between them.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::{Value, json};

use super::clb::LOAD_BALANCER;
use super::controller::{Access, Grace};
use super::{Clb, Namespace, Relay, Server, manifests, until};

/// Which of the two switches the Service has; direct access is always on.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Switches {
    None,
    Grace,
    Tkex,
    Both,
}

/// The controller runs against it until the scene is dropped.
pub(crate) struct Scene {
    pub(crate) namespace: Namespace,
    pub(crate) clb: Clb,
    access: Access,
    controller: Option<Grace>,
    fences: u32,
}

impl Scene {
    /// On the shared control plane. `None` if there is none.
    pub(crate) async fn new(test: &str, switches: Switches) -> Option<Self> {
        let mut scene = Self::without_controller(test, switches).await?;
        scene.start();
        Some(scene)
    }

    /// On the shared control plane, the controller not started yet.
    pub(crate) async fn without_controller(test: &str, switches: Switches) -> Option<Self> {
        let server = Server::shared().await?;
        Some(Self::on(server, test, switches, None).await)
    }

    /// On `server`; the controller reaches it through `relay` if there is one, the test always directly.
    pub(crate) async fn on(server: &Server, test: &str, switches: Switches, relay: Option<&Relay>) -> Self {
        let namespace = Namespace::create(server, test).await;
        let watched = Some(namespace.name.clone());
        Self::of(server, namespace, watched, switches, relay).await
    }

    /// On `server`, with the roles that are shipped: all namespaces are watched.
    pub(crate) async fn installed(server: &Server, test: &str, switches: Switches) -> Self {
        let mut namespace = Namespace::create(server, test).await;
        manifests::install(&namespace.admin).await;
        manifests::NAMESPACE.clone_into(&mut namespace.state);
        Self::of(server, namespace, None, switches, None).await
    }

    async fn of(
        server: &Server,
        namespace: Namespace,
        watched: Option<String>,
        switches: Switches,
        relay: Option<&Relay>,
    ) -> Self {
        namespace.service("web", switches.annotations()).await;
        let url = relay.map_or_else(|| server.url(), |relay| format!("https://127.0.0.1:{}", relay.port()));
        let token = namespace.token().await;
        let kubeconfig = server.kubeconfig_at(&url, &token);
        let access = Access { kubeconfig, namespace: watched, state: namespace.state.clone() };
        Self { namespace, clb: Clb::new(), access, controller: None, fences: 0 }
    }

    /// Starts the controller, as a process of its own would start.
    pub(crate) fn start(&mut self) {
        assert!(self.controller.is_none(), "the controller runs already");
        self.controller = Some(Grace::start(&self.access, &self.clb));
    }

    /// Ends the controller without a word: nothing it had begun is finished.
    pub(crate) fn kill(&mut self) {
        self.controller.take().unwrap().kill();
    }

    /// Asks the controller to end and waits for it.
    pub(crate) async fn stop(&mut self) {
        self.controller.take().unwrap().stop().await;
    }

    /// A ready Pod behind `web` that the CLB knows with weight 10; its target is `IP:8080`. Returns its uid.
    pub(crate) async fn serving(&self, pod: &str, ip: &str) -> String {
        let uid = self.namespace.pod(pod, "web", ip).await;
        self.clb.tells(&format!("{ip}:8080"), "- 10").await;
        uid
    }

    /// Waits until the controller has seen all that happened before, and has done what it wanted to do about it: a Pod
    /// comes and goes, and with it a registration and a deregistration through the same watches and the same lane.
    pub(crate) async fn fence(&mut self) {
        self.fences += 1;
        let (pod, ip) = (format!("fence-{}", self.fences), format!("10.99.0.{}", self.fences));
        self.serving(&pod, &ip).await;
        self.namespace.force_delete_pod(&pod).await;
        until(&format!("{ip} is deregistered"), async || {
            let story = self.clb.story(&format!("{ip}:8080"));
            if story.ends_with('-') && story.len() > 1 { Ok(()) } else { Err(story) }
        })
        .await;
    }

    /// The claims of the load balancer by listener; `None` if nobody has written any.
    pub(crate) async fn claims(&self) -> Option<BTreeMap<String, String>> {
        let answer = self.namespace.admin.get(&self.claims_path()).await;
        if answer.code == 404 {
            return None;
        }
        let map = answer.ok();
        Some(serde_json::from_value(map["data"].clone()).unwrap_or_default())
    }

    /// Waits until exactly these addresses are claimed on listener 80.
    pub(crate) async fn claimed(&self, wanted: &[&str]) {
        until(&format!("claimed are {wanted:?}"), async || {
            let claims = self.claims().await.unwrap_or_default();
            let mut addresses: Vec<_> =
                claims.get("lbl-80").map_or_else(Vec::new, |text| text.split_whitespace().collect());
            addresses.sort_unstable();
            if addresses == wanted { Ok(()) } else { Err(format!("{claims:?}")) }
        })
        .await;
    }

    /// Path of the ConfigMap with the claims.
    pub(crate) fn claims_path(&self) -> String {
        format!("/api/v1/namespaces/{}/configmaps/grace-claims-{LOAD_BALANCER}", self.namespace.state)
    }

    /// Waits until an Event with this reason is on the object; returns its text.
    pub(crate) async fn event(&self, object: &str, reason: &str) -> String {
        let path = self.namespace.group_path("events.k8s.io/v1", "events");
        until(&format!("{object} has an Event {reason}"), async || {
            let events = self.namespace.admin.get(&path).await.ok();
            let events: Vec<_> = events["items"]
                .as_array()
                .unwrap()
                .iter()
                .filter(|event| event["regarding"]["name"] == object)
                .collect();
            let found = events.iter().find(|event| event["reason"] == reason);
            found.map(|event| event["note"].as_str().unwrap().to_owned()).ok_or_else(|| format!("{events:?}"))
        })
        .await
    }
}

impl Switches {
    /// The annotations of a Service with them.
    pub(crate) fn annotations(self) -> Value {
        let (grace, tkex) = match self {
            Self::None => (false, false),
            Self::Grace => (true, false),
            Self::Tkex => (false, true),
            Self::Both => (true, true),
        };
        json!({
            "service.kubernetes.io/loadbalance-id": LOAD_BALANCER,
            "service.cloud.tencent.com/direct-access": "true",
            "service.cloud.tencent.com/enable-grace-shutdown": grace.to_string(),
            "service.cloud.tencent.com/enable-grace-shutdown-tkex": tkex.to_string(),
        })
    }
}

/// How long an address that left its Pod alive is kept at 0 in these scenes.
pub(crate) const CONFIG_DRAIN: Duration = Duration::from_secs(1);
