//! Payloads that the contract closes: only known members are kept.

use serde_json::Value;

use super::{Object, Skip, clock};

/// Type of a member of a closed payload.
#[derive(Debug, Clone, Copy)]
enum Holds {
    /// A text of at least one character.
    Text,
    /// The same, or null.
    TextOrNull,
    /// Any text, or null.
    AnyTextOrNull,
    /// An integer from 1, or null.
    NumberOrNull,
    /// An integer from 0.
    Count,
    /// A list of texts.
    Texts,
    /// A time, or null.
    TimeOrNull,
}

/// A member: name, whether it is required, and type.
type Member = (&'static str, bool, Holds);

const MISSION_CREATED: &[Member] = &[
    ("mission_id", false, Holds::TextOrNull),
    ("mission_slug", true, Holds::Text),
    ("mission_number", true, Holds::NumberOrNull),
    ("mission_type", true, Holds::Text),
    ("target_branch", true, Holds::Text),
    ("wp_count", true, Holds::Count),
    ("friendly_name", true, Holds::Text),
    ("purpose_tldr", true, Holds::Text),
    ("purpose_context", true, Holds::Text),
    ("created_at", false, Holds::TextOrNull),
];
const STARTED: &[Member] = &[
    ("mission_slug", true, Holds::Text),
    ("mission_number", false, Holds::NumberOrNull),
    ("actor", true, Holds::Text),
    ("at", false, Holds::TimeOrNull),
];
const COMPLETED: &[Member] = &[
    ("mission_slug", true, Holds::Text),
    ("mission_number", false, Holds::NumberOrNull),
    ("actor", true, Holds::Text),
    ("at", false, Holds::TimeOrNull),
    ("artifact_path", true, Holds::Text),
    ("summary", false, Holds::AnyTextOrNull),
];
const TASKS_COMPLETED: &[Member] = &[
    ("mission_slug", true, Holds::Text),
    ("mission_number", false, Holds::NumberOrNull),
    ("actor", true, Holds::Text),
    ("at", false, Holds::TimeOrNull),
    ("artifact_path", true, Holds::Text),
    ("summary", false, Holds::AnyTextOrNull),
    ("wp_count", true, Holds::Count),
];
const WP_CREATED: &[Member] = &[
    ("mission_slug", true, Holds::Text),
    ("mission_number", false, Holds::NumberOrNull),
    ("wp_id", true, Holds::Text),
    ("wp_title", true, Holds::Text),
    ("wp_path", false, Holds::TextOrNull),
    ("depends_on", false, Holds::Texts),
    ("actor", true, Holds::Text),
    ("created_at", false, Holds::TimeOrNull),
];

/// The payload of an event of this type, reduced to known members if the contract closes it.
pub(super) fn closed(event_type: &str, mut payload: Object) -> Result<Object, Skip> {
    let members = match event_type {
        "MissionCreated" => MISSION_CREATED,
        "SpecifyStarted" | "PlanStarted" | "TasksStarted" => STARTED,
        "SpecifyCompleted" | "PlanCompleted" => COMPLETED,
        "TasksCompleted" => TASKS_COMPLETED,
        "WPCreated" => WP_CREATED,
        _ => return Ok(payload),
    };
    for (name, is_required, holds) in members {
        match payload.get(*name) {
            None if *is_required => {
                return Err(Skip::about("payload", &format!("{name} is missing")));
            }
            Some(value) if !holds.accepts(value) => {
                return Err(Skip::about("payload", &format!("{name} is invalid")));
            }
            _ => {}
        }
    }
    payload.retain(|name, _| members.iter().any(|(member, ..)| member == name));
    Ok(payload)
}

impl Holds {
    fn accepts(self, value: &Value) -> bool {
        let is_text = value.as_str().is_some_and(|text| !text.is_empty());
        match self {
            Self::Text => is_text,
            Self::TextOrNull => value.is_null() || is_text,
            Self::AnyTextOrNull => value.is_null() || value.is_string(),
            Self::NumberOrNull => {
                value.is_null() || value.as_u64().is_some_and(|number| number >= 1)
            }
            Self::Count => value.is_u64(),
            Self::Texts => is_texts(value),
            Self::TimeOrNull => {
                value.is_null()
                    || value
                        .as_str()
                        .is_some_and(|text| clock::micros(text).is_some())
            }
        }
    }
}

pub(super) fn is_texts(value: &Value) -> bool {
    value
        .as_array()
        .is_some_and(|items| items.iter().all(Value::is_string))
}
