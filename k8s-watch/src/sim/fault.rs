//! Faults on demand: refusals, lost answers, silence, closed and expired watches, stale lists.

use std::time::Duration;

use super::{kind, refusal::Refusal, request_log::Request};

/// Which requests a fault concerns. Nothing said means any.
#[derive(Clone, Debug, Default)]
#[must_use]
pub struct Requests {
    verb: Option<String>,
    writes: bool,
    resource: Option<String>,
    namespace: Option<String>,
    name: Option<String>,
}

impl Requests {
    /// Every request.
    pub fn any() -> Self {
        Self::default()
    }

    /// Requests for one resource: `pods`, or with its subresource `pods/status`.
    pub fn of(resource: &str) -> Self {
        Self { resource: Some(resource.to_owned()), ..Self::default() }
    }

    /// Only one RBAC verb: `get`, `list`, `watch`, `create`, `update`, `patch`, `delete`, `deletecollection`.
    pub fn verb(mut self, verb: &str) -> Self {
        self.verb = Some(verb.to_owned());
        self
    }

    /// Only verbs that change something.
    pub fn writes(mut self) -> Self {
        self.writes = true;
        self
    }

    /// Only in one namespace.
    pub fn within(mut self, namespace: &str) -> Self {
        self.namespace = Some(namespace.to_owned());
        self
    }

    /// Only one object. A creation counts by the name in its body.
    pub fn named(mut self, name: &str) -> Self {
        self.name = Some(name.to_owned());
        self
    }

    pub(crate) fn concern(&self, request: &Request) -> bool {
        let equal = |wanted: &Option<String>, found: &str| wanted.as_deref().is_none_or(|w| w == found);
        equal(&self.verb, &request.verb)
            && !(self.writes && matches!(request.verb.as_str(), "get" | "list" | "watch"))
            && equal(&self.resource, &request.resource_path())
            && equal(&self.namespace, &request.namespace)
            && equal(&self.name, &request.name)
    }
}

/// What happens to the requests that a fault concerns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Answer {
    /// 403, as without RBAC permission.
    Forbidden,
    /// 429 as overload protection answers: plain text, header `Retry-After` in seconds.
    TooManyRequests {
        /// Seconds in `Retry-After`.
        retry_after: u32,
    },
    /// 500.
    InternalError,
    /// 503.
    Unavailable,
    /// 504.
    Timeout,
    /// 409 `Conflict`, as if another writer had been faster.
    Conflict,
    /// The request waits this long, then goes on as usual.
    Late(Duration),
    /// The request is carried out, then the connection is cut before the answer.
    Lost,
    /// No byte and no close until the fault is lifted, then it goes on. Open watches fall silent too.
    Silence,
}

/// Names a fault, to lift it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FaultId(u64);

/// How an order from outside ends an open watch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ending {
    /// The body ends as it does at the watch's own timeout.
    Clean,
    /// The connection breaks in mid-body.
    Cut,
    /// An in-stream ERROR `Expired`, then the end.
    Expired,
}

/// What the gate says to a request.
#[derive(Debug)]
pub(crate) enum Verdict {
    Pass,
    Refuse(Refusal),
    /// Wait, then carry out.
    Delay(Duration),
    /// Carry out, then cut.
    Lose,
    /// Wait until lifted.
    Hold,
    /// Never answer.
    Swallow,
}

#[derive(Debug)]
struct Rule {
    id: FaultId,
    requests: Requests,
    answer: Answer,
    /// How many requests are left; `None` until lifted.
    left: Option<u32>,
}

#[derive(Debug, Default)]
pub(crate) struct Faults {
    rules: Vec<Rule>,
    next: u64,
    /// Orders to end watches, oldest first. A watch obeys those given after it began.
    endings: Vec<(Requests, Ending)>,
    /// `sendInitialEvents` is refused, as by servers older than 1.34.
    pub(crate) no_initial_events: bool,
    /// Lists show the state at this resourceVersion.
    pub(crate) lists_at: Option<u64>,
}

impl Faults {
    pub(crate) fn inject(&mut self, requests: Requests, answer: Answer, left: Option<u32>) -> FaultId {
        let id = FaultId(self.next);
        self.next += 1;
        self.rules.push(Rule { id, requests, answer, left });
        id
    }

    pub(crate) fn lift(&mut self, id: FaultId) {
        self.rules.retain(|r| r.id != id);
    }

    pub(crate) fn lift_all(&mut self) {
        self.rules.clear();
        self.lists_at = None;
        self.no_initial_events = false;
    }

    pub(crate) fn end_watches(&mut self, requests: Requests, ending: Ending) {
        self.endings.push((requests, ending));
    }

    /// Orders given so far; a watch that begins now obeys later ones.
    pub(crate) const fn orders(&self) -> usize {
        self.endings.len()
    }

    /// The first order since `orders` that concerns this watch.
    pub(crate) fn ending(&self, orders: usize, watch: &Request) -> Option<Ending> {
        self.endings[orders..].iter().find(|(r, _)| r.concern(watch)).map(|(_, ending)| *ending)
    }

    /// Whether an open watch must not send.
    pub(crate) fn silent(&self, watch: &Request) -> bool {
        self.rules
            .iter()
            .any(|r| r.answer == Answer::Silence && r.left.is_none() && r.requests.concern(watch))
    }

    /// The first fault that concerns a request decides, and is used up by one.
    pub(crate) fn judge(&mut self, request: &Request) -> Verdict {
        let Some(at) = self.rules.iter().position(|r| r.requests.concern(request)) else {
            return Verdict::Pass;
        };
        let rule = &mut self.rules[at];
        let (answer, counted) = (rule.answer, rule.left.is_some());
        if let Some(left) = &mut rule.left {
            *left -= 1;
            if *left == 0 {
                self.rules.remove(at);
            }
        }
        let Some(kind) = kind::by_path(&request.group, "v1", &request.resource) else { return Verdict::Pass };
        Verdict::Refuse(match answer {
            Answer::Forbidden => Refusal::forbidden(
                kind,
                &request.verb,
                &request.resource_path(),
                &request.namespace,
                &request.name,
            ),
            Answer::TooManyRequests { retry_after } => Refusal::overloaded(retry_after),
            Answer::InternalError => {
                Refusal::new(500, "InternalError", "Internal error occurred: injected".into())
            }
            Answer::Unavailable => {
                let message = "the server is currently unable to handle the request".to_owned();
                Refusal::new(503, "ServiceUnavailable", message)
            }
            Answer::Timeout => {
                let message = "Timeout: request did not complete within the allotted timeout".to_owned();
                Refusal::new(504, "Timeout", message)
            }
            Answer::Conflict => Refusal::modified(kind, &request.name),
            Answer::Late(time) => return Verdict::Delay(time),
            Answer::Lost => return Verdict::Lose,
            Answer::Silence if counted => return Verdict::Swallow,
            Answer::Silence => return Verdict::Hold,
        })
    }
}
