//! Reads the parameters of a call strictly: unknown names, missing values and wrong types are refused as the API does.

use serde_json::{Map, Value};

use super::refusal::Refusal;

/// One JSON object of a request: the body itself, or an element of a list in it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Parameters<'a> {
    object: &'a Map<String, Value>,
    /// List and index that this object stands at; `None` for the body. For messages only.
    at: Option<(&'a str, usize)>,
}

impl<'a> Parameters<'a> {
    /// `body` must be an object with no other names than `known`.
    pub(crate) fn of_body(body: &'a Value, known: &[&str]) -> Result<Self, Refusal> {
        Self::new(body, None, known)
    }

    fn new(value: &'a Value, at: Option<(&'a str, usize)>, known: &[&str]) -> Result<Self, Refusal> {
        let Value::Object(object) = value else {
            let what = at.map_or_else(|| "the body".to_owned(), |(list, index)| format!("{list}.{index}"));
            return Err(Refusal::new("InvalidParameter.FormatError", format!("{what} is not an object")));
        };
        let parameters = Self { object, at };
        match object.keys().find(|name| !known.contains(&name.as_str())) {
            Some(name) => Err(Refusal::new(
                "UnknownParameter",
                format!("The parameter `{}` is not recognized", parameters.path(name)),
            )),
            None => Ok(parameters),
        }
    }

    fn path(&self, name: &str) -> String {
        match self.at {
            Some((list, index)) => format!("{list}.{index}.{name}"),
            None => name.to_owned(),
        }
    }

    /// An explicit `null` is the same as an absent name: SDKs send both.
    fn value(&self, name: &str) -> Option<&'a Value> {
        self.object.get(name).filter(|value| !value.is_null())
    }

    fn wrong_type(&self, name: &str, wanted: &str) -> Refusal {
        Refusal::new("InvalidParameter.FormatError", format!("`{}` is not {wanted}", self.path(name)))
    }

    fn missing(&self, name: &str) -> Refusal {
        Refusal::new(
            "MissingParameter",
            format!("The request is missing the required parameter `{}`", self.path(name)),
        )
    }

    pub(crate) fn text(&self, name: &str) -> Result<Option<&'a str>, Refusal> {
        self.value(name)
            .map(|value| value.as_str().ok_or_else(|| self.wrong_type(name, "a string")))
            .transpose()
    }

    pub(crate) fn required_text(&self, name: &str) -> Result<&'a str, Refusal> {
        self.text(name)?.ok_or_else(|| self.missing(name))
    }

    pub(crate) fn integer(&self, name: &str) -> Result<Option<i64>, Refusal> {
        self.value(name)
            .map(|value| value.as_i64().ok_or_else(|| self.wrong_type(name, "an integer")))
            .transpose()
    }

    pub(crate) fn required_integer(&self, name: &str) -> Result<i64, Refusal> {
        self.integer(name)?.ok_or_else(|| self.missing(name))
    }

    /// A list of strings; absent is empty.
    pub(crate) fn texts(&self, name: &str) -> Result<Vec<&'a str>, Refusal> {
        let Some(list) = self.list(name)? else { return Ok(Vec::new()) };
        list.iter()
            .map(|value| value.as_str().ok_or_else(|| self.wrong_type(name, "a list of strings")))
            .collect()
    }

    /// A list of objects with no other names than `known`; absent is empty.
    pub(crate) fn objects(&self, name: &'a str, known: &[&str]) -> Result<Vec<Self>, Refusal> {
        let Some(list) = self.list(name)? else { return Ok(Vec::new()) };
        list.iter().enumerate().map(|(index, value)| Self::new(value, Some((name, index)), known)).collect()
    }

    /// As [`Self::objects`], but an absent or empty list is refused.
    pub(crate) fn required_objects(&self, name: &'a str, known: &[&str]) -> Result<Vec<Self>, Refusal> {
        let objects = self.objects(name, known)?;
        if objects.is_empty() { Err(self.missing(name)) } else { Ok(objects) }
    }

    fn list(&self, name: &str) -> Result<Option<&'a Vec<Value>>, Refusal> {
        self.value(name)
            .map(|value| value.as_array().ok_or_else(|| self.wrong_type(name, "a list")))
            .transpose()
    }
}
