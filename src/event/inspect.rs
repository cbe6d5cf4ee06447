//! Parses a captured envelope, without changing a byte.

use serde_json::Value;

use super::{Coalesce, Violation, WireForm, coalesce, older, older_envelope, violations};
use crate::base::json;

/// Longer ids are none: servers bound them, and each answer repeats them.
const MAX_ID_CHARS: usize = 255;

/// The properties of an envelope that capture and delivery need.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Inspection {
    /// The id, verbatim.
    pub(crate) event_id: String,
    /// The type; empty if the envelope has none.
    pub(crate) event_type: String,
    /// The envelope's time, verbatim.
    pub(crate) occurred_at: Option<String>,
    /// The project; `None` if the envelope has none.
    pub(crate) project_uuid: Option<String>,
    /// Key and facts; `None` for families that do not coalesce.
    pub(crate) coalesce: Option<Coalesce>,
    /// How it must be changed for sending.
    pub(crate) wire: WireForm,
    /// True if a strict JSON parser accepts it. Other envelopes are kept, but cannot be sent.
    pub(crate) is_strict: bool,
    /// The contract rules that it breaks; empty if it is not strict JSON, which is not checked.
    pub(crate) violations: Vec<Violation>,
}

/// Why a line cannot be captured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum NotAnEvent {
    /// Not JSON.
    #[error("the line is not JSON")]
    NotJson,
    /// JSON, but not an object.
    #[error("the line is JSON but not an object")]
    NotAnObject,
    /// An object without an id.
    #[error("the object has no `event_id` text")]
    NoEventId,
    /// An object whose id no receiver keeps, and that answers would have to repeat.
    #[error("the `event_id` has more than {MAX_ID_CHARS} characters")]
    IdTooLong,
}

/// Parses an envelope. Lenient like the writers of older queues (`NaN`, lone surrogates and long
/// integers are accepted): such an envelope is kept, and marked for a rewrite, which may find that
/// it cannot be sent.
pub(crate) fn inspect(envelope: &[u8]) -> Result<Inspection, NotAnEvent> {
    let (value, is_strict) = read(envelope)?;
    of(&value, is_strict)
}

fn of(value: &Value, is_strict: bool) -> Result<Inspection, NotAnEvent> {
    let Value::Object(object) = value else {
        return Err(NotAnEvent::NotAnObject);
    };
    let text = |name: &str| object.get(name).and_then(Value::as_str).map(str::to_owned);
    let event_id = text("event_id")
        .filter(|id| !id.trim().is_empty())
        .ok_or(NotAnEvent::NoEventId)?;
    if event_id.chars().nth(MAX_ID_CHARS).is_some() {
        return Err(NotAnEvent::IdTooLong);
    }
    let event_type = text("event_type").unwrap_or_default();
    let project_uuid = text("project_uuid");
    let is_null = |name: &str| object.get(name).is_none_or(Value::is_null);
    let is_older = || older_envelope::is_older(object) || older::upgraded(object).is_some();
    let is_local = || object.contains_key("drain_blocked_reason");
    let wire = if !is_strict || is_local() || is_null("project_uuid") || is_older() {
        WireForm::Rewrite
    } else if is_null("team_slug") {
        WireForm::AsIsWithoutTeam
    } else {
        WireForm::AsIs
    };
    let keyed = object
        .get("payload")
        .and_then(|p| coalesce(&event_type, p, Some(object)));
    let occurred_at = text("timestamp");
    let violations = if is_strict {
        violations(value)
    } else {
        Vec::new()
    };
    Ok(Inspection {
        event_id,
        event_type,
        occurred_at,
        project_uuid,
        coalesce: keyed,
        wire,
        is_strict,
        violations,
    })
}

/// The envelope as a value, and whether a strict parser accepts it.
fn read(envelope: &[u8]) -> Result<(Value, bool), NotAnEvent> {
    match serde_json::from_slice(envelope) {
        Ok(value) => Ok((value, true)),
        Err(_) => Ok((lenient(envelope).ok_or(NotAnEvent::NotJson)?, false)),
    }
}

/// A value for an envelope that only a lenient parser accepts; values that JSON cannot express are
/// replaced, for inspection only.
fn lenient(envelope: &[u8]) -> Option<Value> {
    let text = String::from_utf8(json::canonical(envelope)?).ok()?;
    serde_json::from_str(&strict(&text)).ok()
}

/// The canonical text with `NaN` and the infinities replaced by `null`, and `\ud800`–`\udfff`
/// escapes without a partner by the escape of U+FFFD.
fn strict(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let (mut at, mut is_string) = (0, false);
    while let Some(rest) = text.get(at..).filter(|rest| !rest.is_empty()) {
        let word = ["NaN", "Infinity", "-Infinity"]
            .into_iter()
            .find(|word| at > 0 && !is_string && rest.starts_with(word));
        let (piece, length) = if let Some(word) = word {
            ("null", word.len())
        } else if let Some(first) = unit(text, at) {
            let is_pair =
                first < 0xDC00 && unit(text, at + 6).is_some_and(|second| second >= 0xDC00);
            if is_pair {
                (&rest[..12], 12)
            } else {
                ("\\ufffd", 6)
            }
        } else {
            is_string ^= rest.starts_with('"');
            // Skips a whole escape, so that escaped quotes and backslashes are not misread.
            let length = if rest.starts_with('\\') {
                2
            } else {
                rest.chars().next().map_or(1, char::len_utf8)
            };
            (&rest[..length], length)
        };
        out.push_str(piece);
        at += length;
    }
    out
}

/// The surrogate escaped at a position; `None` if there is none.
fn unit(text: &str, at: usize) -> Option<u32> {
    let escape = text.get(at..at + 6)?.strip_prefix("\\u")?;
    u32::from_str_radix(escape, 16)
        .ok()
        .filter(|u| (0xD800..=0xDFFF).contains(u))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_wire_form_says_what_sending_takes() {
        for (text, form) in [
            (
                r#"{"event_id":"a","project_uuid":"p","team_slug":"t"}"#,
                WireForm::AsIs,
            ),
            (
                r#"{"event_id":"a","project_uuid":"p"}"#,
                WireForm::AsIsWithoutTeam,
            ),
            (
                r#"{"event_id":"a","project_uuid":null,"team_slug":"t"}"#,
                WireForm::Rewrite,
            ),
            (
                r#"{"event_id":"a","project_uuid":"p","team_slug":"t","drain_blocked_reason":null}"#,
                WireForm::Rewrite,
            ),
            (
                r#"{"event_id":"a","project_uuid":"p","team_slug":"t","event_type":"MissionDossierArtifactIndexed",
                    "payload":{"namespace":{},"relative_path":"spec.md"}}"#,
                WireForm::Rewrite,
            ),
            (
                r#"{"event_id":"a","project_uuid":"p","team_slug":"t","schema_version":"3.0.0"}"#,
                WireForm::Rewrite,
            ),
            (
                r#"{"event_id":"a","project_uuid":"p","team_slug":"t","actor":1,"payload":{"actor":1}}"#,
                WireForm::Rewrite,
            ),
            (
                r#"{"event_id":"a","project_uuid":"p","team_slug":"t","x":NaN}"#,
                WireForm::Rewrite,
            ),
            (
                r#"{"event_id":"a","project_uuid":"p","team_slug":"t","x":"\ud800"}"#,
                WireForm::Rewrite,
            ),
        ] {
            assert_eq!(inspect(text.as_bytes()).unwrap().wire, form, "{text}");
        }
    }

    #[test]
    fn an_id_is_bounded() {
        let of = |id: &str| {
            inspect(format!(r#"{{"event_id":"{id}"}}"#).as_bytes()).map(|seen| seen.event_id.len())
        };
        assert_eq!(of(&"é".repeat(255)), Ok(510));
        assert_eq!(of(&"x".repeat(256)), Err(NotAnEvent::IdTooLong));
    }

    #[test]
    fn odd_rows_of_older_queues_are_still_events() {
        for text in [
            r#"{"event_id":"a","x":[NaN,-Infinity,Infinity]}"#,
            r#"{"event_id":"a","x":"\udc00\ud83d\ude00\\ud800"}"#,
            r#"{"event_id":"a","x":10000000000000000000000000000000000000000}"#,
        ] {
            assert_eq!(inspect(text.as_bytes()).unwrap().event_id, "a", "{text}");
        }
    }

    #[test]
    fn an_id_is_verbatim_whatever_else_the_envelope_says() {
        for id in [
            ":NaN",
            "[NaN,-Infinity]",
            r"\:NaN",
            "é,Infinity",
            "-Infinity",
        ] {
            let text = format!(
                r#"{{"event_id":{},"x":[NaN,Infinity,-Infinity],"y":"\"\ud800"}}"#,
                Value::from(id)
            );
            assert_eq!(inspect(text.as_bytes()).unwrap().event_id, id, "{text}");
        }
    }

    #[test]
    fn what_cannot_be_kept_says_why() {
        for (text, why) in [
            (&b"{"[..], NotAnEvent::NotJson),
            (b"", NotAnEvent::NotJson),
            (b"[1]", NotAnEvent::NotAnObject),
            (b"NaN", NotAnEvent::NotJson),
            (b"{\"event_id\":7}", NotAnEvent::NoEventId),
            (b"{\"event_id\":\" \"}", NotAnEvent::NoEventId),
            (b"{\"event_id\":\"\xff\"}", NotAnEvent::NotJson),
        ] {
            assert_eq!(inspect(text).unwrap_err(), why, "{text:?}");
        }
    }
}
