//! Objects by kind, one resourceVersion for all of them, and the history that watches and pages read.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use serde_json::Value;

use super::{kind::Kind, object};

/// Objects of one kind, in the order in which a list shows them: by (namespace, name).
pub(crate) type Objects = BTreeMap<Key, Arc<Value>>;

/// Namespace (empty for kinds of the cluster) and name.
pub(crate) type Key = (String, String);

/// One write: what every watch is told.
#[derive(Clone, Debug)]
pub(crate) struct Change {
    /// resourceVersion of the write.
    pub(crate) version: u64,
    /// The object before; `None` when it was created.
    pub(crate) before: Option<Arc<Value>>,
    /// The object after the write, or its last state when it is gone.
    pub(crate) object: Arc<Value>,
    /// The object is no longer there.
    pub(crate) gone: bool,
}

/// The history no longer reaches back to the wanted resourceVersion.
#[derive(Clone, Copy, Debug)]
pub(crate) struct TooOld {
    /// The oldest resourceVersion from which one can go on.
    pub(crate) oldest: u64,
}

#[derive(Debug, Default)]
struct Shelf {
    objects: Objects,
    /// Ascending by version.
    history: VecDeque<Change>,
    /// Changes up to here were forgotten.
    oldest: u64,
}

/// All objects of the cluster.
#[derive(Debug, Default)]
pub(crate) struct Store {
    /// By (group, resource).
    shelves: BTreeMap<(&'static str, &'static str), Shelf>,
    version: u64,
    /// Nobody may begin before this, whatever the kind.
    oldest: u64,
}

impl Store {
    /// The newest resourceVersion.
    pub(crate) const fn version(&self) -> u64 {
        self.version
    }

    pub(crate) fn object(&self, kind: &'static Kind, namespace: &str, name: &str) -> Option<Arc<Value>> {
        self.shelf(kind)?.objects.get(&(namespace.to_owned(), name.to_owned())).cloned()
    }

    /// Objects of a kind as they are now, in one namespace or (`None`) in all.
    pub(crate) fn objects<'a>(
        &'a self,
        kind: &'static Kind,
        namespace: Option<&'a str>,
    ) -> impl Iterator<Item = &'a Arc<Value>> {
        let first = (namespace.unwrap_or_default().to_owned(), String::new());
        self.shelf(kind)
            .into_iter()
            .flat_map(move |s| s.objects.range(first.clone()..))
            .take_while(move |((at, _), _)| namespace.is_none_or(|n| n == at))
            .map(|(_, object)| object)
    }

    /// Objects of a kind as they were at a resourceVersion, forgotten on demand or not.
    pub(crate) fn objects_at(&self, kind: &'static Kind, version: u64) -> Result<Objects, TooOld> {
        let Some(shelf) = self.shelf(kind) else { return Ok(Objects::new()) };
        let mut objects = shelf.objects.clone();
        for change in self.changes_after(kind, version)?.rev() {
            let key = key(&change.object);
            match &change.before {
                Some(before) => objects.insert(key, before.clone()),
                None => objects.remove(&key),
            };
        }
        Ok(objects)
    }

    /// Whether lists and watches may still begin at a resourceVersion.
    pub(crate) fn reaches(&self, kind: &'static Kind, version: u64) -> Result<(), TooOld> {
        let oldest = self.shelf(kind).map_or(0, |s| s.oldest).max(self.oldest);
        if version < oldest { Err(TooOld { oldest }) } else { Ok(()) }
    }

    /// The writes to a kind after a resourceVersion, oldest first. What was forgotten on demand is still told to who was
    /// listening before; only a listener that is further behind than the history is long has to begin anew.
    pub(crate) fn changes_after(
        &self,
        kind: &'static Kind,
        version: u64,
    ) -> Result<impl DoubleEndedIterator<Item = &Change>, TooOld> {
        let shelf = self.shelf(kind);
        let oldest = shelf.map_or(0, |s| s.oldest);
        if version < oldest {
            return Err(TooOld { oldest });
        }
        let from = shelf.map_or(0, |s| s.history.partition_point(|c| c.version <= version));
        Ok(shelf.into_iter().flat_map(move |s| s.history.range(from..)))
    }

    /// Stores an object under its own name and gives it the next resourceVersion.
    pub(crate) fn put(&mut self, kind: &'static Kind, mut value: Value) -> Arc<Value> {
        let version = self.stamp(&mut value);
        let object = Arc::new(value);
        let shelf = self.shelf_mut(kind);
        let before = shelf.objects.insert(key(&object), object.clone());
        shelf.record(Change { version, before, object: object.clone(), gone: false });
        object
    }

    /// Removes an object; `last` is the state that watches are shown, with the next resourceVersion.
    pub(crate) fn remove(&mut self, kind: &'static Kind, mut last: Value) -> Arc<Value> {
        let version = self.stamp(&mut last);
        let object = Arc::new(last);
        let shelf = self.shelf_mut(kind);
        let before = shelf.objects.remove(&key(&object));
        shelf.record(Change { version, before, object: object.clone(), gone: true });
        object
    }

    /// Forgets the history: every resourceVersion handed out so far becomes too old.
    pub(crate) fn forget(&mut self) {
        // The history of a real server is lost with a restart, and some other kind was written since.
        self.version += 1;
        self.oldest = self.version;
    }

    fn stamp(&mut self, value: &mut Value) -> u64 {
        self.version += 1;
        object::metadata(value).insert("resourceVersion".into(), self.version.to_string().into());
        self.version
    }

    fn shelf(&self, kind: &'static Kind) -> Option<&Shelf> {
        let kind = kind.shelf();
        self.shelves.get(&(kind.group, kind.resource))
    }

    fn shelf_mut(&mut self, kind: &'static Kind) -> &mut Shelf {
        let kind = kind.shelf();
        self.shelves.entry((kind.group, kind.resource)).or_default()
    }
}

impl Shelf {
    fn record(&mut self, change: Change) {
        self.history.push_back(change);
        if self.history.len() > HISTORY {
            self.oldest = self.history.pop_front().map_or(self.oldest, |c| c.version);
        }
    }
}

fn key(object: &Value) -> Key {
    (object::namespace(object).to_owned(), object::name(object).to_owned())
}

/// Changes kept per kind. A long run must not grow without end, and a watch that is further behind must list anew.
const HISTORY: usize = 10_000;
