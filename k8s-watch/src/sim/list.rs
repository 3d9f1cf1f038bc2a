//! Lists: pages of one consistent state, current or past.

use std::ops::Bound;

use serde::{Serialize, Serializer, ser::SerializeMap};
use serde_json::{Value, json};

use super::{
    event,
    kind::Kind,
    refusal::Refusal,
    selector::Selector,
    state::State,
    store::{Key, TooOld},
};

/// What a list asks for.
#[derive(Clone, Debug, Default)]
pub(crate) struct Query {
    pub(crate) selector: Selector,
    /// Most items of a page; 0 is no limit.
    pub(crate) limit: usize,
    /// Token of the next page.
    pub(crate) token: String,
    /// The wanted resourceVersion.
    pub(crate) version: Option<u64>,
    /// `resourceVersionMatch=Exact`.
    pub(crate) exact: bool,
}

impl State {
    /// The newest state that lists show.
    pub(crate) fn listed_version(&self) -> u64 {
        self.faults.lists_at.unwrap_or(self.store.version())
    }

    /// The body of a list.
    pub(crate) fn list(
        &self,
        kind: &'static Kind,
        namespace: Option<&str>,
        query: &Query,
    ) -> Result<Vec<u8>, Refusal> {
        let (at, after) = match query.token.as_str() {
            "" if query.exact => (query.version.unwrap_or(0), None),
            "" => (self.listed_version(), None),
            token => {
                let (at, after) = read_token(token).ok_or_else(|| {
                    Refusal::bad_request(format!(
                        "invalid continue token: continue key is not valid: {token:?}"
                    ))
                })?;
                (at.unwrap_or(self.store.version()), Some(after))
            }
        };
        let expired = |old| too_old(at, old, after.as_ref());
        if after.is_some() || query.exact {
            self.store.reaches(kind, at).map_err(expired)?;
        }
        let objects = self.store.objects_at(kind, at).map_err(expired)?;
        let first = match &after {
            Some(key) => Bound::Excluded(key.clone()),
            None => Bound::Unbounded,
        };
        let mut selected = objects
            .range((first, Bound::Unbounded))
            .filter(|((at, _), object)| namespace.is_none_or(|n| n == at) && query.selector.matches(object));
        let page = if query.limit == 0 { usize::MAX } else { query.limit };
        let items: Vec<_> = selected.by_ref().take(page).collect();
        let rest = selected.count();
        let mut metadata = json!({"resourceVersion": at.to_string()});
        if let (Some((key, _)), true) = (items.last(), rest > 0) {
            metadata["continue"] = token(Some(at), key).into();
            if query.selector.is_empty() {
                metadata["remainingItemCount"] = rest.into();
            }
        }
        render(kind, metadata, items.into_iter().map(|(_, object)| &**object))
    }
}

/// A list as text.
pub(crate) fn render<'a>(
    kind: &'static Kind,
    metadata: Value,
    objects: impl Iterator<Item = &'a Value>,
) -> Result<Vec<u8>, Refusal> {
    let list = List {
        kind: format!("{}List", kind.name),
        api_version: kind.api_version(),
        metadata,
        items: objects.map(|object| Item(kind, object)).collect(),
    };
    serde_json::to_vec(&list).map_err(|e| Refusal::new(500, "InternalError", e.to_string()))
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct List<'a> {
    kind: String,
    api_version: String,
    metadata: Value,
    items: Vec<Item<'a>>,
}

/// An item of a list carries no `kind` and no `apiVersion`.
struct Item<'a>(&'static Kind, &'a Value);

impl Serialize for Item<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let shown = event::shown(self.0, self.1);
        let Some(fields) = shown.as_object() else { return shown.serialize(serializer) };
        let mut map = serializer.serialize_map(None)?;
        for (field, value) in fields.iter().filter(|(f, _)| !matches!(f.as_str(), "kind" | "apiVersion")) {
            map.serialize_entry(field, value)?;
        }
        map.end()
    }
}

/// Token of the page after `key`, in the state at a resourceVersion or (`None`) in the newest.
fn token(at: Option<u64>, (namespace, name): &Key) -> String {
    format!("{}:{namespace}/{name}", at.map_or_else(String::new, |v| v.to_string()))
}

fn read_token(token: &str) -> Option<(Option<u64>, Key)> {
    let (at, key) = token.split_once(':')?;
    let (namespace, name) = key.split_once('/')?;
    let at = if at.is_empty() { None } else { Some(at.parse().ok()?) };
    Some((at, (namespace.to_owned(), name.to_owned())))
}

fn too_old(at: u64, old: TooOld, after: Option<&Key>) -> Refusal {
    match after {
        None => Refusal::expired(format!("too old resource version: {at} ({})", old.oldest)),
        Some(key) => {
            let message = "The provided continue parameter is too old to display a consistent list result. You can start a new \
                           list without the continue parameter, or use the continue token in this response to retrieve the \
                           remainder of the results. Continuing with the provided token results in an inconsistent list - \
                           objects that were created, modified, or deleted between the time the first chunk was returned and \
                           now may show up in the list.";
            Refusal::expired(message).with_continue(token(None, key))
        }
    }
}
