//! An error and what is behind it, on one line for a log.

use std::error::Error;
use std::fmt::{self, Display, Write};

/// Shows an error with its causes, outermost first. What an outer error has said already is not said again.
pub(crate) struct Causes<'a>(pub(crate) &'a (dyn Error + 'a));

impl Display for Causes<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = self.0.to_string();
        let mut next = self.0.source();
        while let Some(cause) = next {
            let said = cause.to_string();
            if !text.contains(&said) {
                write!(text, ": {said}")?;
            }
            next = cause.source();
        }
        f.write_str(&text)
    }
}

/// What an API server says of a request: its own words where there are any, else why none came.
pub(crate) fn of_request(error: &kube::Error) -> String {
    if let kube::Error::Api(status) = error { status.message.clone() } else { Causes(error).to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("{text}")]
    struct Layer {
        text: &'static str,
        source: Option<Box<Layer>>,
    }

    #[test]
    fn every_cause_is_told_once() {
        let root = Layer { text: "no such certificate authority", source: None };
        let middle = Layer { text: "connecting failed", source: Some(Box::new(root)) };
        let outer = Layer { text: "request: connecting failed", source: Some(Box::new(middle)) };
        assert_eq!(Causes(&outer).to_string(), "request: connecting failed: no such certificate authority");
    }
}
