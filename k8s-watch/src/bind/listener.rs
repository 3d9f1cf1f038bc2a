//! Listeners by CLB, protocol and port: the bindings of Services.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use clb_client::api::{DescribeListeners, DescribeLoadBalancers, Listener, LoadBalancer, TargetType};
use clb_client::{Client, Error, ErrorKind};
use futures::StreamExt;
use futures::stream::iter;
use grace_core::{LaneFacts, LaneId, Limits, ListenerId, LoadBalancerId, Pool, Resolution, Switch};
use tokio::time::Instant;
use tracing::warn;

use super::{Binding, BindingQuestion, BindingRules};
use crate::causes::Causes;
use crate::finding::{Finding, shortened};
use crate::translate::ListenerProtocol;

/// What is known of the CLBs that Services name.
pub(crate) struct Listeners {
    client: Client,
    limits: Limits,
    known: Mutex<BTreeMap<LoadBalancerId, Known>>,
}

/// What an answer said about one CLB.
#[derive(Clone)]
struct Known {
    at: Instant,
    state: State,
    /// There were listeners. That all of them are gone at once, one answer alone does not prove.
    had: bool,
}

#[derive(Clone)]
enum State {
    Usable(Vec<Listener>),
    Refused(Box<str>),
    Missing,
    /// The API did not answer the question.
    Open,
}

impl Listeners {
    /// Looks up with `client`, and gives each lane `limits`.
    pub(crate) const fn new(client: Client, limits: Limits) -> Self {
        Self { client, limits, known: Mutex::new(BTreeMap::new()) }
    }

    /// Answers every question with at most one call per CLB.
    pub(crate) async fn resolve(&self, asked: &[BindingQuestion], rules: &BindingRules) -> Vec<Binding> {
        let stale: BTreeSet<&LoadBalancerId> = asked
            .iter()
            .filter_map(|question| Some((question, question.load_balancer.as_ref()?)))
            .filter(|(question, id)| !self.still_answers(question, id))
            .map(|(_, id)| id)
            .collect();
        self.refresh(stale, rules).await;
        asked.iter().map(|question| self.answer(question)).collect()
    }

    /// What is known answers the question. A listener that is missing may have been made since, so a miss is looked up
    /// again.
    fn still_answers(&self, question: &BindingQuestion, id: &LoadBalancerId) -> bool {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(Known { at, state: State::Usable(listeners), .. }) = known.get(id) else { return false };
        let has = |protocol| listeners.iter().any(|listener| serves(listener, protocol, question.port));
        at.elapsed() < FRESH && question.protocols.iter().all(|protocol| has(*protocol))
    }

    async fn refresh(&self, stale: BTreeSet<&LoadBalancerId>, rules: &BindingRules) {
        let mut found = BTreeMap::new();
        let mut wanted = Vec::new();
        for id in stale {
            if rules.load_balancers.is_empty() || rules.load_balancers.contains(id) {
                wanted.push(id.clone());
            } else {
                let why = "it is not among those this controller was started for: add --load-balancer, or name another";
                found.insert(id.clone(), State::Refused(why.into()));
            }
        }
        for ids in wanted.chunks(IDS_PER_CALL) {
            found.extend(self.balancers(ids, rules).await);
        }
        let usable: Vec<LoadBalancerId> = found
            .iter()
            .filter(|(_, state)| matches!(state, State::Usable(_)))
            .map(|(id, _)| id.clone())
            .collect();
        let listeners: Vec<_> =
            iter(usable).map(|id| self.listeners(id)).buffer_unordered(LOOKUPS_AT_ONCE).collect().await;
        found.extend(listeners);
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let at = Instant::now();
        for (id, state) in found {
            let had = known.get(&id).is_some_and(|known| known.had);
            let known_now = match &state {
                State::Usable(all) if !all.is_empty() => Known { at, state, had: true },
                State::Usable(_) | State::Missing if had => Known { at, state: State::Open, had: false },
                State::Usable(_) | State::Missing | State::Refused(_) => Known { at, state, had: false },
                State::Open => Known { at, state, had },
            };
            known.insert(id, known_now);
        }
    }

    /// Whether these CLBs exist and may be written.
    async fn balancers(&self, ids: &[LoadBalancerId], rules: &BindingRules) -> Vec<(LoadBalancerId, State)> {
        let request = |ids: &[LoadBalancerId]| {
            DescribeLoadBalancers::new()
                .with_ids(ids.iter().map(wire_id).collect())
                .with_page(0, u32::try_from(IDS_PER_CALL).unwrap_or(20))
        };
        match self.client.call(&request(ids)).await {
            Ok(answer) => ids
                .iter()
                .map(|id| {
                    let balancer = answer.load_balancers.iter().find(|b| b.load_balancer_id == id.as_str());
                    (id.clone(), balancer.map_or(State::Missing, |balancer| admit(id, balancer, rules)))
                })
                .collect(),
            // One unknown id fails the whole call, so each is asked for alone.
            Err(error) if is_gone(&error) && ids.len() > 1 => {
                let mut all = Vec::new();
                for id in ids {
                    all.extend(Box::pin(self.balancers(std::slice::from_ref(id), rules)).await);
                }
                all
            }
            Err(error) if is_gone(&error) => ids.iter().map(|id| (id.clone(), State::Missing)).collect(),
            Err(error) => {
                warn!(error = %Causes(&error), "load balancers could not be looked up; their routes wait, asking again");
                ids.iter().map(|id| (id.clone(), State::Open)).collect()
            }
        }
    }

    async fn listeners(&self, id: LoadBalancerId) -> (LoadBalancerId, State) {
        let state = match self.client.call(&DescribeListeners::new(wire_id(&id))).await {
            Ok(answer) => State::Usable(answer.listeners),
            Err(error) if is_gone(&error) => State::Missing,
            Err(error) => {
                warn!(error = %Causes(&error), "listeners could not be looked up; their routes wait, asking again");
                State::Open
            }
        };
        (id, state)
    }

    fn answer(&self, question: &BindingQuestion) -> Binding {
        let nothing =
            |pools, finding| Binding { pools, lanes: Vec::new(), refused: None, findings: vec![finding] };
        let wanted = wanted(question);
        let Some(id) = &question.load_balancer else {
            let what = format!("no CLB is named for {wanted}").into();
            let remedy = "the annotation service.kubernetes.io/loadbalance-id names the CLB in use, \
                          service.kubernetes.io/tke-existed-lbid one that shall be used: set it"
                .into();
            return nothing(Resolution::Pending, Finding::LoadBalancerMissing { what, remedy });
        };
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        match known.get(id).map(|known| &known.state) {
            None | Some(State::Open) => {
                Binding { pools: Resolution::Pending, lanes: Vec::new(), refused: None, findings: Vec::new() }
            }
            Some(State::Missing) => {
                let what = format!("{id}, which shall serve {wanted}, does not exist in this region").into();
                let remedy = "correct the annotation that names it, or make the CLB".into();
                nothing(Resolution::Known(Vec::new()), Finding::LoadBalancerMissing { what, remedy })
            }
            Some(State::Refused(why)) => {
                let what = format!("{id}, which shall serve {wanted},").into();
                let finding = Finding::LoadBalancerRefused { what, why: why.clone() };
                // To know of no pools would mean to drain those that were known before.
                let refused = Some(LaneId::LoadBalancer(id.clone()));
                Binding { refused, ..nothing(Resolution::Pending, finding) }
            }
            Some(State::Usable(listeners)) => self.bind(question, id, listeners),
        }
    }

    fn bind(&self, question: &BindingQuestion, id: &LoadBalancerId, listeners: &[Listener]) -> Binding {
        let lane = LaneId::LoadBalancer(id.clone());
        let (mut pools, mut findings) = (Vec::new(), Vec::new());
        for protocol in &question.protocols {
            match pool(id, *protocol, question.port, listeners) {
                Ok(pool) => pools.push((lane.clone(), pool)),
                Err(finding) => findings.push(finding),
            }
        }
        let facts = LaneFacts { id: lane, limits: self.limits, harmful: harmful(listeners), family: None };
        let lanes = if pools.is_empty() { Vec::new() } else { vec![facts] };
        Binding { pools: Resolution::Known(pools), lanes, refused: None, findings }
    }
}

/// The rules of the `tke-clusterId` tag: a CLB of another cluster is written only when it was named explicitly.
fn admit(id: &LoadBalancerId, balancer: &LoadBalancer, rules: &BindingRules) -> State {
    if balancer.forward == Some(0) {
        let why = "it is a classic CLB, whose weights cannot be changed: use one of the present generation";
        return State::Refused(why.into());
    }
    let foreign = balancer
        .tags
        .iter()
        .filter(|tag| tag.key == CLUSTER_TAG)
        .find(|tag| rules.cluster.as_deref() != Some(tag.value.as_str()));
    match foreign {
        Some(tag) if !rules.load_balancers.contains(id) => {
            let (owner, named) = (shortened(&tag.value), rules.cluster.as_deref().unwrap_or("none"));
            State::Refused(
                format!(
                    "its tag {CLUSTER_TAG} says cluster {owner}, this controller's cluster id is {named}: set \
                     --cluster-id if that is this cluster, or name the CLB with --load-balancer"
                )
                .into(),
            )
        }
        _ => State::Usable(Vec::new()),
    }
}

fn pool(
    id: &LoadBalancerId,
    protocol: ListenerProtocol,
    port: u16,
    listeners: &[Listener],
) -> Result<Pool, Finding> {
    let wanted = format!("{}:{port}", protocol.as_str());
    let missing =
        |what: String, remedy: &str| Finding::ListenerMissing { what: what.into(), remedy: remedy.into() };
    if matches!(protocol, ListenerProtocol::Http | ListenerProtocol::Https) {
        let remedy = "its targets hang on rules, which a Service does not name: use an Ingress";
        return Err(missing(format!("{id} shall serve {wanted}, which is layer 7"), remedy));
    }
    let Some(listener) = listeners.iter().find(|listener| serves(listener, protocol, port)) else {
        let remedy = "make the listener, or correct the port or the annotation specify-protocol";
        return Err(missing(format!("{id} has no listener for {wanted}"), remedy));
    };
    let name = shortened(&listener.listener_id);
    // Layer-4 listeners may leave their type out.
    let own = [TargetType::Node, TargetType::default()].contains(&listener.target_type);
    if !own {
        let from = &listener.target_type;
        let what = format!("listener {name} of {id} ({wanted}) takes its targets from elsewhere ({from:?})");
        return Err(missing(what, "let it have targets of its own (NODE)"));
    }
    ListenerId::try_from(listener.listener_id.as_str()).map(Pool::Listener).map_err(|error| {
        missing(format!("the listener of {id} for {wanted} is called {name}"), &error.to_string())
    })
}

fn serves(listener: &Listener, protocol: ListenerProtocol, port: u16) -> bool {
    // A listener for a range of ports has targets without a port, which cannot be told apart.
    listener.port == u32::from(port)
        && listener.end_port == 0
        && named(&listener.protocol) == protocol.as_str()
}

fn named(protocol: &clb_client::api::Protocol) -> &str {
    use clb_client::api::Protocol;
    match protocol {
        Protocol::Tcp => "TCP",
        Protocol::Udp => "UDP",
        Protocol::TcpSsl => "TCP_SSL",
        Protocol::Quic => "QUIC",
        Protocol::Http => "HTTP",
        Protocol::Https => "HTTPS",
        Protocol::Other(name) => name,
        _ => "",
    }
}

fn harmful(listeners: &[Listener]) -> Vec<(Pool, Switch)> {
    let mut all = Vec::new();
    for listener in listeners {
        let Ok(id) = ListenerId::try_from(listener.listener_id.as_str()) else { continue };
        if listener.cuts_drained_connections() {
            all.push((Pool::Listener(id.clone()), Switch::RescheduleTargetZeroWeight));
        }
        if listener.cuts_connections_on_expansion() {
            all.push((Pool::Listener(id), Switch::RescheduleExpandTarget));
        }
    }
    // The API names no order; equal answers shall be equal facts.
    all.sort_unstable();
    all
}

fn wanted(question: &BindingQuestion) -> String {
    let protocols: Vec<&str> = question.protocols.iter().map(|protocol| protocol.as_str()).collect();
    format!("port {} ({})", question.port, protocols.join(", "))
}

fn wire_id(id: &LoadBalancerId) -> clb_client::api::LoadBalancerId {
    clb_client::api::LoadBalancerId::new(id.as_str()).expect("both crates take the same texts for ids")
}

fn is_gone(error: &Error) -> bool {
    matches!(error.kind(), ErrorKind::LoadBalancerGone)
}

/// How long an answer is good for; shorter than the shortest sensible resync, so that each resync asks anew.
const FRESH: Duration = Duration::from_secs(5);
/// DescribeLoadBalancers takes 20 ids.
const IDS_PER_CALL: usize = 20;
/// Calls at once; the rate limit of the client holds beside it.
const LOOKUPS_AT_ONCE: usize = 4;
/// TKE writes the id of the cluster that a CLB belongs to here.
const CLUSTER_TAG: &str = "tke-clusterId";
