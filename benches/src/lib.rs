//! One question per bench. Each prints what it measured and how.
#![forbid(unsafe_code)]
