//! The store that an event belongs to: that of the project in its envelope. Pure.

use std::borrow::Cow;

use serde::Deserialize;

use crate::base::Object;
use crate::event::inspect;

/// The store for an event or a document.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Destination {
    /// The store of a project, a lower-case hyphenated UUID.
    Project(String),
    /// The store for events that name no project.
    Unassigned,
}

impl Destination {
    /// The destination for this project; `Unassigned` for `None`.
    pub(super) fn of(project_uuid: Option<&str>) -> Self {
        match project_uuid.and_then(|text| uuid::Uuid::parse_str(text.trim()).ok()) {
            Some(uuid) if !uuid.is_nil() => Self::Project(uuid.to_string()),
            _ => Self::Unassigned,
        }
    }

    /// Its name in documents: the project's id, or `unassigned`.
    pub(crate) fn name(&self) -> &str {
        match self {
            Self::Project(uuid) => uuid,
            Self::Unassigned => "unassigned",
        }
    }

    /// The destination with this name.
    pub(super) fn named(name: &str) -> Self {
        if name == "unassigned" {
            Self::Unassigned
        } else {
            Self::of(Some(name))
        }
    }
}

/// The destination of an envelope's bytes, valid or not.
pub(super) fn route(data: &[u8]) -> Destination {
    #[derive(Deserialize)]
    struct Named<'a> {
        #[serde(borrow)]
        project_uuid: Option<Cow<'a, str>>,
    }
    // The fast path reads one field; if that fails, the whole envelope is parsed.
    match serde_json::from_slice::<Object<Named<'_>>>(data) {
        Ok(Object(named)) => Destination::of(named.project_uuid.as_deref()),
        Err(_) => Destination::of(
            inspect(data)
                .ok()
                .and_then(|seen| seen.project_uuid)
                .as_deref(),
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const P: &str = "8a4a7da6-a97c-4bb4-893a-b31664abfee4";

    #[test]
    fn an_event_goes_where_its_envelope_says() {
        let upper = P.to_uppercase();
        for (data, name) in [
            (format!(r#"{{"event_id":"a","project_uuid":"{P}"}}"#), P),
            (format!(r#"{{"project_uuid":"{upper}","x":1e999}}"#), P),
            (
                format!(r#"{{"event_id":"a","project_uuid":"{P}","x":NaN}}"#),
                P,
            ),
            (
                format!(r#"{{"event_id":"a","project_uuid":"x","project_uuid":"{P}"}}"#),
                P,
            ),
            (
                r#"{"event_id":"a","project_uuid":null}"#.to_owned(),
                "unassigned",
            ),
            (
                r#"{"event_id":"a","project_uuid":7}"#.to_owned(),
                "unassigned",
            ),
            (
                r#"{"event_id":"a","project_uuid":"../../etc"}"#.to_owned(),
                "unassigned",
            ),
            (
                r#"{"project_uuid":"00000000-0000-0000-0000-000000000000"}"#.to_owned(),
                "unassigned",
            ),
            ("[1]".to_owned(), "unassigned"),
            (format!(r#"["{P}"]"#), "unassigned"),
            ("not json".to_owned(), "unassigned"),
            (String::new(), "unassigned"),
        ] {
            let destination = route(data.as_bytes());
            assert_eq!(destination.name(), name, "{data}");
            assert_eq!(Destination::named(name), destination);
        }
    }
}
