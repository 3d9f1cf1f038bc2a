//! What a machine was told so far.

use std::collections::{BTreeMap, BTreeSet};

use grace_core::{
    Event, PodFacts, Resolution, RouteEnd, RouteFacts, RouteKey, SliceFacts, SliceKey, Source, SourceKind,
    Uid,
};

/// What the machine was told: the view on which it must decide.
#[derive(Clone, Debug, Default)]
pub(crate) struct View {
    pub(crate) pods: BTreeMap<Uid, PodFacts>,
    pub(crate) slices: BTreeMap<SliceKey, SliceFacts>,
    pub(crate) routes: BTreeMap<RouteKey, RouteFacts>,
    /// Routes that ended; their targets may still be written to.
    pub(crate) ended: BTreeMap<RouteKey, (RouteFacts, RouteEnd)>,
    /// What a list that is under way has stated so far.
    stated: BTreeMap<Source, (BTreeSet<Uid>, BTreeSet<SliceKey>)>,
}

impl View {
    /// Takes in what the machine takes in.
    pub(crate) fn learn(&mut self, event: &Event) {
        if let Event::ListStarted(source) = event {
            self.stated.insert(source.clone(), Default::default());
        }
        if let Event::ListDone(source) = event
            && let Some((pods, slices)) = self.stated.remove(source)
        {
            match source.kind {
                SourceKind::Pods => self.pods.retain(|uid, _| pods.contains(uid)),
                SourceKind::Slices => self.slices.retain(|key, _| slices.contains(key)),
                SourceKind::Services | SourceKind::Ingresses => {}
            }
        }
        if let Event::Pod { pod, from } = event {
            self.stated.entry(from.clone()).and_modify(|(pods, _)| _ = pods.insert(pod.uid));
            self.pods.insert(pod.uid, pod.clone());
        }
        if let Event::PodGone { uid, .. } = event {
            self.pods.remove(uid);
        }
        if let Event::Slice { slice, from } = event {
            self.stated.entry(from.clone()).and_modify(|(_, slices)| _ = slices.insert(slice.key.clone()));
            self.slices.insert(slice.key.clone(), slice.clone());
        }
        if let Event::SliceGone { key, .. } = event {
            self.slices.remove(key);
        }
        if let Event::Route(route) = event {
            let mut route = route.clone();
            if let (Resolution::Pending, Some(earlier)) = (&route.pools, self.routes.get(&route.key)) {
                route.pools = earlier.pools.clone();
            }
            self.ended.remove(&route.key);
            self.routes.insert(route.key.clone(), route);
        }
        if let Event::RouteGone { key, end } = event
            && let Some(route) = self.routes.remove(key)
        {
            self.ended.insert(key.clone(), (route, *end));
        }
    }
}
