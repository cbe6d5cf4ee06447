//! The rules that an envelope breaks, as they are found.

use std::fmt;

use serde_json::{Map, Value};

/// A rule that an envelope breaks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Violation {
    /// The member, from the envelope's root: `payload.artifact_id.path`, `payload.list[2].name`.
    pub(crate) path: String,
    /// The message, to be read after the path: `is required`.
    pub(crate) message: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.path, self.message)
    }
}

/// Violations collected so far.
#[derive(Debug, Default)]
pub(super) struct Findings(pub(super) Vec<Violation>);

impl Findings {
    pub(super) fn add(&mut self, place: impl fmt::Display, message: impl Into<String>) {
        self.0.push(Violation {
            path: place.to_string(),
            message: message.into(),
        });
    }

    /// The text of a required, non-empty member; anything else is a finding.
    pub(super) fn text<'a>(
        &mut self,
        members: &'a Map<String, Value>,
        name: &str,
    ) -> Option<&'a str> {
        match members.get(name) {
            None => self.add(name, "is required"),
            Some(Value::String(text)) if text.is_empty() => self.add(name, "is empty"),
            Some(Value::String(text)) => return Some(text),
            Some(_) => self.add(name, "is not a string"),
        }
        None
    }
}
