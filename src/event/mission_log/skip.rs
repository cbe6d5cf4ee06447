//! A line that maps to no envelope, and why.

use std::fmt;

use serde_json::{Map, Value};

use crate::base::text::shorten;

/// The word for lines that no contract type describes: they are not an error of the log.
pub(crate) const NO_CONTRACT_TYPE: &str = "no_contract_type";
/// Most characters of a log's text in a reason.
pub(super) const MAX_REASON_CHARS: usize = 80;

/// The members of a line.
pub(super) type Object = Map<String, Value>;

/// Why a line maps to no envelope.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Skip {
    /// The word under which such lines are counted.
    pub(crate) code: &'static str,
    /// The member, type or lane concerned.
    pub(crate) about: Option<String>,
}

impl Skip {
    pub(crate) const fn bare(code: &'static str) -> Self {
        Self { code, about: None }
    }

    pub(crate) fn about(code: &'static str, about: &str) -> Self {
        Self {
            code,
            about: Some(shorten(about, MAX_REASON_CHARS)),
        }
    }
}

impl fmt::Display for Skip {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.about {
            Some(about) => write!(f, "{}: {about}", self.code),
            None => f.write_str(self.code),
        }
    }
}
