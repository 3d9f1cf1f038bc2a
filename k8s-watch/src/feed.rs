//! Pods and EndpointSlices on their way into the core: translated, said again only when something changed, and held at
//! their last good facts while they cannot be read.

use std::collections::HashMap;

use grace_core::{Event, ObjectName, PodFacts, SliceFacts, Source, Uid};

use crate::driver::Inputs;
use crate::finding::{Finding, ObjectKind, ObjectRef};
use crate::slim::{EndpointSlice, Kind, Pod, Slim};
use crate::source::{Closed, Seen, Sink};
use crate::translate::{pod_facts, slice_facts};

/// A kind whose facts go straight into the core.
pub(crate) trait Fed: Kind {
    /// What the core wants to know.
    type Facts: Clone + PartialEq + Send + Sync;
    /// Kind of the object that people are told about.
    const ON: ObjectKind;

    /// The facts, and what the object's owner should mend; no facts when the object is none of ours.
    fn facts(uid: Uid, name: ObjectName, object: &Self) -> (Option<Self::Facts>, Vec<Finding>);

    /// The event that states them.
    fn stated(from: Source, facts: Self::Facts) -> Event;

    /// The event that says the object is gone.
    fn gone(from: Source, uid: Uid, name: ObjectName) -> Event;
}

/// Feeds one source into the core.
pub(crate) struct Feed<K: Fed> {
    source: Source,
    inputs: Inputs,
    kept: HashMap<ObjectName, Kept<K::Facts>>,
    /// Counts lists, so that what was not restated can be told from the rest.
    list: u64,
    listing: bool,
}

/// The last good state of an object.
struct Kept<F> {
    uid: Uid,
    facts: Option<F>,
    told: Vec<Finding>,
    list: u64,
}

impl<K: Fed> Feed<K> {
    /// A feed that knows nothing yet.
    pub(crate) fn new(source: Source, inputs: Inputs) -> Self {
        Self { source, inputs, kept: HashMap::new(), list: 0, listing: false }
    }

    async fn object(&mut self, object: &Slim<K>) -> Result<(), Closed> {
        let Some((uid, name, body)) = object.sound() else { return self.undecodable(object).await };
        let (facts, findings) = K::facts(uid, name.clone(), body);
        let before = self.kept.get(&name);
        let told = before.filter(|kept| kept.uid == uid).map_or(&[][..], |kept| &kept.told);
        if told != findings.as_slice() {
            let on = ObjectRef { kind: K::ON, name: name.clone(), uid: Some(uid) };
            findings.iter().for_each(|finding| self.inputs.tell(&on, finding.clone()));
        }
        let repeats = before.is_some_and(|kept| kept.uid == uid && kept.facts == facts);
        let event = match (&facts, before.is_some_and(|kept| kept.facts.is_some())) {
            (Some(facts), _) => Some(K::stated(self.source.clone(), facts.clone())),
            (None, true) => Some(K::gone(self.source.clone(), uid, name.clone())),
            (None, false) => None,
        };
        self.kept.insert(name, Kept { uid, facts, told: findings, list: self.list });
        match event {
            // Within a list everything counts as gone that is not said again.
            Some(event) if self.listing || !repeats => self.inputs.event(event).await,
            _ => Ok(()),
        }
    }

    async fn undecodable(&mut self, object: &Slim<K>) -> Result<(), Closed> {
        let what = object.undecodable(self.source.clone());
        let name = ObjectName::new(what.namespace, what.name);
        let finding = Finding::Undecodable { field: what.field.into() };
        let on = ObjectRef { kind: K::ON, name: name.clone(), uid: what.uid };
        let Some(kept) = self.kept.get_mut(&name).filter(|kept| what.uid.is_none_or(|uid| uid == kept.uid))
        else {
            self.inputs.tell(&on, finding);
            return Ok(());
        };
        kept.list = self.list;
        if !kept.told.contains(&finding) {
            kept.told.push(finding.clone());
            self.inputs.tell(&on, finding);
        }
        match &kept.facts {
            Some(facts) if self.listing => {
                self.inputs.event(K::stated(self.source.clone(), facts.clone())).await
            }
            _ => Ok(()),
        }
    }

    async fn gone(&mut self, object: &Slim<K>) -> Result<(), Closed> {
        let name = object.name();
        let kept = self.kept.remove(&name);
        let Some(uid) = object.uid().or(kept.map(|kept| kept.uid)) else { return Ok(()) };
        self.inputs.event(K::gone(self.source.clone(), uid, name)).await
    }
}

impl<K: Fed> Sink<K> for Feed<K> {
    async fn take(&mut self, seen: Seen<K>) -> Result<(), Closed> {
        match seen {
            Seen::ListStarted => {
                self.list += 1;
                self.listing = true;
                self.inputs.event(Event::ListStarted(self.source.clone())).await
            }
            Seen::Object(object) => self.object(&object).await,
            Seen::Gone(object) => self.gone(&object).await,
            Seen::ListDone => {
                self.listing = false;
                let list = self.list;
                self.kept.retain(|_, kept| kept.list == list);
                self.inputs.event(Event::ListDone(self.source.clone())).await
            }
        }
    }
}

impl Fed for Pod {
    type Facts = PodFacts;
    const ON: ObjectKind = ObjectKind::Pod;

    fn facts(uid: Uid, name: ObjectName, object: &Self) -> (Option<PodFacts>, Vec<Finding>) {
        let (facts, findings) = pod_facts(uid, name, object);
        (Some(facts), findings)
    }

    fn stated(from: Source, pod: PodFacts) -> Event {
        Event::Pod { from, pod }
    }

    fn gone(from: Source, uid: Uid, _name: ObjectName) -> Event {
        Event::PodGone { from, uid }
    }
}

impl Fed for EndpointSlice {
    type Facts = SliceFacts;
    const ON: ObjectKind = ObjectKind::EndpointSlice;

    fn facts(_uid: Uid, name: ObjectName, object: &Self) -> (Option<SliceFacts>, Vec<Finding>) {
        (slice_facts(name, object), Vec::new())
    }

    fn stated(from: Source, slice: SliceFacts) -> Event {
        Event::Slice { from, slice }
    }

    fn gone(from: Source, _uid: Uid, key: ObjectName) -> Event {
        Event::SliceGone { from, key }
    }
}
