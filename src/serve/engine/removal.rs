//! Deleted data: what an operator has a receiver forget, and what it refuses from then on.

use serde_json::Value;

use super::reply::{Reply, Trouble};
use crate::base::Timestamp;

/// A project, one of its missions, or one document of a mission.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Part {
    /// A lower-case hyphenated UUID.
    pub(crate) project_uuid: String,
    /// The slug of the mission; `None` for the whole project.
    pub(crate) mission: Option<String>,
    /// The path of the document; `None` for the whole mission.
    pub(crate) path: Option<String>,
}

impl Part {
    /// True if `other` of the same project is a part of this.
    fn contains(&self, other: &Self) -> bool {
        self.has(other.mission.as_deref(), other.path.as_deref())
    }

    /// True if what a mission and a path name is in this.
    fn has(&self, mission: Option<&str>, path: Option<&str>) -> bool {
        match (&self.mission, &self.path) {
            (None, _) => true,
            (own, None) => own.as_deref() == mission,
            (own, own_path) => own.as_deref() == mission && own_path.as_deref() == path,
        }
    }

    /// True if this event is about it.
    pub(in crate::serve) fn has_event(&self, envelope: &[u8]) -> bool {
        if self.mission.is_none() {
            return true;
        }
        let Ok(envelope) = serde_json::from_slice::<Value>(envelope) else {
            return false;
        };
        let payload = &envelope["payload"];
        let paths = [&payload["artifact_id"], &payload["expected_identity"]]
            .map(|identity| identity["path"].as_str());
        self.has(mission_of(payload), paths.into_iter().flatten().next())
    }
}

/// The slug of the mission that an event is about, according to its payload.
pub(in crate::serve) fn mission_of(payload: &Value) -> Option<&str> {
    let named = [
        &payload["namespace"]["mission_slug"],
        &payload["mission_slug"],
    ]
    .map(Value::as_str);
    named
        .into_iter()
        .flatten()
        .find(|slug| !slug.trim().is_empty())
}

/// How much was deleted, or would be.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Amount {
    pub(crate) events: i64,
    /// Versions of documents.
    pub(crate) documents: i64,
    /// Texts that no other document has.
    pub(crate) texts: i64,
    /// Bytes of the events and texts.
    pub(crate) bytes: i64,
}

/// One removal: the order, and what it came to. Kept as an audit row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Removal {
    /// The name of the team; empty for the operator's own.
    pub(crate) team: String,
    pub(crate) part: Part,
    pub(crate) at: Timestamp,
    /// Why, in the operator's words.
    pub(crate) reason: String,
    /// True if the receiver accepts the same data when a client sends it again.
    pub(crate) is_accepted_again: bool,
    pub(crate) amount: Amount,
}

/// Outcome of an order to remove.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Forgot {
    /// This was deleted; in a trial, this would be.
    Gone(Amount),
    /// The team has no such project.
    NoProject,
    /// Some texts are in an object store that was not named. Nothing was deleted.
    #[cfg_attr(
        not(feature = "postgres"),
        expect(dead_code, reason = "only a database keeps texts elsewhere")
    )]
    TextsElsewhere,
}

/// Where data can be deleted.
pub(in crate::serve) trait Removals {
    /// Deletes a part with an audit row, or in a trial only counts it. What other parts have stays.
    fn forget(&self, order: Removal, is_trial: bool) -> Reply<'_, Result<Forgot, Trouble>>;
    /// Every removal, by team and project and then in order.
    fn removals(&self) -> Reply<'_, Result<Vec<Removal>, Trouble>>;
}

/// The parts of one project that are refused.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(in crate::serve) struct Refused(Vec<Part>);

impl Refused {
    /// Adds a removal; they come in order. One whose data is accepted again lifts the earlier ones
    /// of its parts.
    pub(in crate::serve) fn add(&mut self, part: Part, is_accepted_again: bool) {
        self.0.retain(|known| !part.contains(known));
        if !is_accepted_again {
            self.0.push(part);
        }
    }

    pub(in crate::serve) fn has_event(&self, envelope: &[u8]) -> bool {
        self.0.iter().any(|part| part.has_event(envelope))
    }

    pub(in crate::serve) fn has_document(&self, mission: &str, path: &str) -> bool {
        self.0
            .iter()
            .any(|part| part.has(Some(mission), Some(path)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::serve::tests::sample;

    fn part(mission: Option<&str>, path: Option<&str>) -> Part {
        let [mission, path] = [mission, path].map(|text| text.map(str::to_owned));
        Part {
            project_uuid: sample::PROJECT.to_owned(),
            mission,
            path,
        }
    }

    #[test]
    fn events_belong_to_the_mission_and_document_they_name() {
        let moved = sample::status_changed(&sample::id(1)).to_string();
        let indexed = sample::indexed(&sample::id(2), "spec.md", "text").to_string();
        let mission = "foo-01KRC4HN";
        for (part, has_moved, has_indexed) in [
            (part(None, None), true, true),
            (part(Some(mission), None), true, true),
            (part(Some(mission), Some("spec.md")), false, true),
            (part(Some(mission), Some("plan.md")), false, false),
            (part(Some("other"), None), false, false),
        ] {
            let found = (
                part.has_event(moved.as_bytes()),
                part.has_event(indexed.as_bytes()),
            );
            assert_eq!(found, (has_moved, has_indexed), "{part:?}");
        }
        assert!(!part(Some(mission), None).has_event(b"not JSON"));
    }

    #[test]
    fn a_later_removal_replaces_the_earlier_ones_of_its_parts() {
        let mut refused = Refused::default();
        refused.add(part(Some("a"), Some("x.md")), false);
        refused.add(part(Some("b"), None), false);
        let state = |refused: &Refused| {
            [("a", "x.md"), ("a", "y.md"), ("b", "x.md")]
                .map(|(mission, path)| refused.has_document(mission, path))
        };
        assert_eq!(state(&refused), [true, false, true]);
        refused.add(part(Some("a"), None), true);
        assert_eq!(
            state(&refused),
            [false, false, true],
            "accepted again, with its documents"
        );
        refused.add(part(None, None), false);
        assert_eq!(state(&refused), [true; 3]);
        refused.add(part(Some("a"), None), true);
        assert_eq!(
            state(&refused),
            [true; 3],
            "the whole project is still refused"
        );
        refused.add(part(None, None), true);
        assert_eq!(refused, Refused::default());
    }
}
