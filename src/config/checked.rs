//! A checked value, and the checks of single texts.

use serde_json::Value as Json;

/// A checked value.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Checked {
    /// The form shown to people.
    pub(super) shown: Json,
    /// The form that the schema reads: sizes in bytes, times in milliseconds, references as names.
    pub(super) stored: Json,
}

/// The text of a value.
pub(super) fn text(value: &Json) -> Result<&str, String> {
    value
        .as_str()
        .ok_or_else(|| "must be text in quotes".to_owned())
}

/// Checks that a glob compiles.
pub(super) fn glob(glob: &str) -> Result<String, String> {
    match globset::Glob::new(glob) {
        Ok(_) => Ok(glob.to_owned()),
        Err(e) => Err(format!(
            "bad glob `{}`: {}",
            crate::base::text::printable(glob),
            e.kind()
        )),
    }
}

/// A file name's suffix, lower-case and without its dot.
pub(super) fn suffix(suffix: &str) -> Result<String, String> {
    match suffix.trim().strip_prefix('.').unwrap_or(suffix.trim()) {
        "" => Err("a suffix must not be empty".to_owned()),
        bare => Ok(bare.to_lowercase()),
    }
}

/// One line of text, trimmed.
pub(super) fn line(text: &str) -> Result<String, String> {
    if text.chars().any(char::is_control) {
        Err("must be one line of text".to_owned())
    } else {
        Ok(text.trim().to_owned())
    }
}

/// Checks the number of characters.
pub(super) fn short(text: &str, most: usize) -> Result<String, String> {
    if text.chars().count() > most {
        Err(format!("must have at most {most} characters"))
    } else {
        Ok(text.to_owned())
    }
}

/// A value that is stored as it is shown.
pub(super) fn same(value: impl Into<Json>) -> Checked {
    let value = value.into();
    Checked {
        stored: value.clone(),
        shown: value,
    }
}
