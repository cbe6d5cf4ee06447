//! Reads `meta.json`, the description of a mission, in every form it has had.

use serde_json::Value;

use super::reason::Reason;

/// The mission type of a mission that names none.
const DEFAULT_TYPE: &str = "software-dev";

/// Most characters of a field: it becomes part of every event of the mission.
const MAX_FIELD_CHARS: usize = 255;

/// The fields of a `meta.json` that a namespace needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Meta {
    /// `mission_type`, else the older `mission`.
    pub(super) mission_type: String,
    /// The mission's own id, by which its log may refer to it.
    pub(super) mission_id: Option<String>,
    /// `None` if the file names none: the default branch is used.
    pub(super) target_branch: Option<String>,
    /// Why defaults were used; `None` if they were not.
    pub(super) oddity: Option<Reason>,
}

/// Parses the bytes of a `meta.json`; `None` if the file does not exist. A byte-order mark is
/// skipped. A file that cannot be parsed (merge markers, truncated) is an error: with default
/// values the mission's facts would belong to another mission.
pub(super) fn parse(bytes: Option<&[u8]>) -> Result<Meta, Reason> {
    let defaults = |oddity| Meta {
        mission_type: DEFAULT_TYPE.to_owned(),
        mission_id: None,
        target_branch: None,
        oddity: Some(oddity),
    };
    let Some(bytes) = bytes else {
        return Ok(defaults(Reason::MetaMissing));
    };
    let text = std::str::from_utf8(bytes).map_err(|_| Reason::MetaNotUtf8)?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let value = serde_json::from_str::<Value>(text).map_err(|_| Reason::MetaNotJson)?;
    let Value::Object(fields) = value else {
        return Err(Reason::MetaNotObject);
    };
    let stripped = |key| {
        fields
            .get(key)
            .map(|value| as_python_text(value).trim().to_owned())
            .filter(|t| !t.is_empty())
    };
    let mission_type = stripped("mission_type").or_else(|| stripped("mission"));
    let target_branch = fields.get("target_branch").map(as_python_text);
    if target_branch
        .as_ref()
        .is_some_and(|branch| branch.trim().is_empty())
    {
        return Err(Reason::MetaBlankBranch);
    }
    let is_long = |text: &String| text.chars().count() > MAX_FIELD_CHARS;
    if target_branch.as_ref().is_some_and(is_long) || mission_type.as_ref().is_some_and(is_long) {
        return Err(Reason::MetaFieldTooLong);
    }
    let mission_type = mission_type.unwrap_or_else(|| DEFAULT_TYPE.to_owned());
    let mission_id = fields
        .get("mission_id")
        .and_then(Value::as_str)
        .filter(|id| !id.is_empty() && id.len() <= MAX_FIELD_CHARS)
        .map(str::to_owned);
    let is_null = |key| fields.get(key).is_some_and(Value::is_null);
    let oddity =
        (is_null("target_branch") || is_null("mission_type")).then_some(Reason::MetaNullField);
    Ok(Meta {
        mission_type,
        mission_id,
        target_branch,
        oddity,
    })
}

/// The text that Python's `str()` gives for a value: existing servers know such missions by it.
/// Lists and objects, which no tool writes here, become JSON.
fn as_python_text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Null => "None".to_owned(),
        Value::Bool(true) => "True".to_owned(),
        Value::Bool(false) => "False".to_owned(),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_era_and_every_odd_form() {
        let long = "é".repeat(255);
        for (text, mission_type, branch) in [
            (
                r#"{"mission_type": "research", "mission": "x", "target_branch": "2.x"}"#,
                "research",
                Some("2.x"),
            ),
            (r#"{"mission": " documentation "}"#, "documentation", None),
            (
                r#"{"feature_slug": "001-a", "mission": "research", "target_branch": "main"}"#,
                "research",
                Some("main"),
            ),
            (
                r#"{"mission_type": null, "target_branch": null}"#,
                "None",
                Some("None"),
            ),
            (r#"{"mission_type": 5, "target_branch": 5}"#, "5", Some("5")),
            (
                r#"{"mission_type": true, "target_branch": 2.0}"#,
                "True",
                Some("2.0"),
            ),
            (
                r#"{"mission_type": "  ", "mission": "research"}"#,
                "research",
                None,
            ),
            (
                r#"{"target_branch": " main "}"#,
                "software-dev",
                Some(" main "),
            ),
            (
                &format!("{{\"target_branch\": \"{long}\"}}"),
                "software-dev",
                Some(&long),
            ),
            ("{}", "software-dev", None),
        ] {
            let meta = parse(Some(text.as_bytes())).unwrap();
            assert_eq!(
                (meta.mission_type.as_str(), meta.target_branch.as_deref()),
                (mission_type, branch),
                "{text}"
            );
            let oddity = text.contains(": null").then_some(Reason::MetaNullField);
            assert_eq!(meta.oddity, oddity, "{text}");
        }
    }

    #[test]
    fn what_cannot_be_used_is_named() {
        let none = parse(None).unwrap();
        assert_eq!(
            (none.mission_type.as_str(), none.target_branch),
            ("software-dev", None)
        );
        assert_eq!(none.oddity, Some(Reason::MetaMissing));
        let marked = parse(Some(b"\xef\xbb\xbf{\"target_branch\": \"x\"}")).unwrap();
        assert_eq!(
            (marked.target_branch.as_deref(), marked.oddity),
            (Some("x"), None),
            "a byte order mark"
        );
        for (bytes, reason) in [
            (&b"[]"[..], Reason::MetaNotObject),
            (b"null", Reason::MetaNotObject),
            (b"", Reason::MetaNotJson),
            (b"<<<<<<< HEAD\n{}\n", Reason::MetaNotJson),
            (b"{\"target_branch\": \"x\",}", Reason::MetaNotJson),
            (b"{\"mission\": \"\xe9\"}", Reason::MetaNotUtf8),
            (b"{\"target_branch\": \" \"}", Reason::MetaBlankBranch),
            (
                format!("{{\"target_branch\": \"{}\"}}", "é".repeat(256)).as_bytes(),
                Reason::MetaFieldTooLong,
            ),
            (
                format!("{{\"mission\": [\"{}\"]}}", "a".repeat(252)).as_bytes(),
                Reason::MetaFieldTooLong,
            ),
        ] {
            assert_eq!(parse(Some(bytes)), Err(reason));
        }
    }
}
