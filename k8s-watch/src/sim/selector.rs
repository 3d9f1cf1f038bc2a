//! Label and field selectors of lists and watches.

use serde_json::Value;

use super::{object, refusal::Refusal};

/// Which objects a list or a watch shows.
#[derive(Clone, Debug, Default)]
pub(crate) struct Selector {
    labels: Vec<Term>,
    fields: Vec<Term>,
}

#[derive(Clone, Debug)]
struct Term {
    key: String,
    rule: Rule,
}

#[derive(Clone, Debug)]
enum Rule {
    In(Vec<String>),
    NotIn(Vec<String>),
    Exists,
    Missing,
}

impl Selector {
    /// Reads `labelSelector` and `fieldSelector`.
    pub(crate) fn parse(labels: &str, fields: &str) -> Result<Self, Refusal> {
        let parse = |text: &str| split(text).into_iter().map(term).collect::<Option<Vec<_>>>();
        let unreadable = || Refusal::bad_request("unable to parse requirement");
        Ok(Self {
            labels: parse(labels).ok_or_else(unreadable)?,
            fields: parse(fields).ok_or_else(unreadable)?,
        })
    }

    /// Whether everything is selected.
    pub(crate) const fn is_empty(&self) -> bool {
        self.labels.is_empty() && self.fields.is_empty()
    }

    /// Whether an object is selected.
    pub(crate) fn matches(&self, object: &Value) -> bool {
        let labels = object::map(object, "/metadata/labels");
        self.labels.iter().all(|t| t.holds(labels.and_then(|l| l.get(&t.key)).and_then(Value::as_str)))
            && self.fields.iter().all(|t| {
                // A field that is not there counts as empty.
                t.holds(Some(object::text(object, &format!("/{}", t.key.replace('.', "/")))))
            })
    }
}

impl Term {
    fn holds(&self, value: Option<&str>) -> bool {
        let among = |values: &[String]| value.is_some_and(|v| values.iter().any(|w| w == v));
        match &self.rule {
            Rule::In(values) => among(values),
            Rule::NotIn(values) => !among(values),
            Rule::Exists => value.is_some(),
            Rule::Missing => value.is_none(),
        }
    }
}

/// Whether a `spec.selector` map of a Service selects these labels. An empty or missing selector selects nothing.
pub(crate) fn selects(selector: Option<&serde_json::Map<String, Value>>, pod: &Value) -> bool {
    let labels = object::map(pod, "/metadata/labels");
    selector.is_some_and(|s| !s.is_empty() && s.iter().all(|(k, v)| labels.and_then(|l| l.get(k)) == Some(v)))
}

/// Splits at commas outside brackets.
fn split(text: &str) -> Vec<&str> {
    let (mut parts, mut depth, mut start) = (Vec::new(), 0_u32, 0);
    for (at, c) in text.char_indices() {
        match c {
            '(' => depth += 1,
            ')' => depth = depth.saturating_sub(1),
            ',' if depth == 0 => {
                parts.push(&text[start..at]);
                start = at + 1;
            }
            _ => {}
        }
    }
    parts.push(&text[start..]);
    parts.retain(|p| !p.trim().is_empty());
    parts
}

fn term(text: &str) -> Option<Term> {
    let text = text.trim();
    let new = |key: &str, rule| Some(Term { key: key.trim().to_owned(), rule });
    if let Some(key) = text.strip_prefix('!') {
        return new(key, Rule::Missing);
    }
    for (word, wanted) in [(" notin ", false), (" in ", true)] {
        if let Some((key, values)) = text.split_once(word) {
            let values = values.trim().strip_prefix('(')?.strip_suffix(')')?;
            let values = values.split(',').map(|v| v.trim().to_owned()).collect();
            return new(key, if wanted { Rule::In(values) } else { Rule::NotIn(values) });
        }
    }
    if let Some((key, value)) = text.split_once("!=") {
        return new(key, Rule::NotIn(vec![value.trim().to_owned()]));
    }
    if let Some((key, value)) = text.split_once("==").or_else(|| text.split_once('=')) {
        return new(key, Rule::In(vec![value.trim().to_owned()]));
    }
    (!text.contains(char::is_whitespace)).then(|| new(text, Rule::Exists)).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[rustfmt::skip]
    #[test]
    fn selectors_read_as_the_api_documents_them() {
        let pod = json!({"metadata": {"name": "a", "labels": {"app": "web", "tier": "front"}}, "status": {"phase": "Running"}});
        for (labels, fields, selected) in [
            ("",                         "",                     true),
            ("app=web",                  "",                     true),
            ("app==web,tier=front",      "",                     true),
            ("app!=web",                 "",                     false),
            ("missing!=web",             "",                     true),
            ("app in (api, web),tier",   "",                     true),
            ("app notin (web)",          "",                     false),
            ("!missing",                 "",                     true),
            ("missing",                  "",                     false),
            ("",                         "metadata.name=a",      true),
            ("",                         "status.phase!=Failed", true),
            ("",                         "spec.nodeName=",       true),
            ("",                         "spec.nodeName=n1",     false),
        ] {
            let selector = Selector::parse(labels, fields).unwrap();
            assert_eq!(selector.matches(&pod), selected, "labels {labels:?} fields {fields:?}");
        }
        assert!(Selector::parse("app in web", "").is_err());
    }
}
