//! One captured event, and how its envelope is built.

use super::ops::{Form, Spec, Spelling};
use crate::delivery::Class;

/// One captured event.
#[derive(Debug, Clone)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "the marks of an event, in any combination"
)]
pub(super) struct Event {
    pub(super) id: String,
    pub(super) seq: i64,
    pub(super) envelope: Vec<u8>,
    /// The bytes sent for it; `None` if it cannot be sent.
    pub(super) wire: Option<Vec<u8>>,
    pub(super) key: Option<u8>,
    pub(super) aggregate: Option<u8>,
    pub(super) facts: u8,
    pub(super) is_held: bool,
    pub(super) superseded_by: Option<i64>,
    pub(super) follows: Option<i64>,
    /// Its class since it is not live; `None` while live.
    pub(super) left: Option<Class>,
    /// Its payload is stored.
    pub(super) has_bytes: bool,
    /// A verified archive contains it.
    pub(super) is_archived: bool,
    /// It was removed with its project.
    pub(super) is_purged: bool,
    /// Other content has its id now.
    pub(super) is_replaced: bool,
}

impl Event {
    pub(super) fn is_live(&self) -> bool {
        self.superseded_by.is_none() && self.left.is_none()
    }

    /// The same event as captured again.
    pub(super) fn respelled(&self, how: Spelling) -> Self {
        let (from, to) = match how {
            Spelling::Same => ("{", "{"),
            Spelling::Respelled => ("{", "{ "),
            Spelling::OtherEnvelope => ("\"note\":\"", "\"note\":\"!"),
            Spelling::OtherPayload => ("\"said\":\"", "\"said\":\"!"),
        };
        Self {
            envelope: changed(&self.envelope, from, to),
            ..self.clone()
        }
    }

    /// The same id with other content.
    pub(super) fn rewritten(&self) -> Self {
        let other = |bytes: &[u8]| changed(bytes, "\"said\":\"", "\"said\":\"?");
        let (envelope, wire) = (other(&self.envelope), self.wire.as_deref().map(other));
        Self {
            envelope,
            wire,
            follows: None,
            ..self.clone()
        }
    }

    pub(super) fn new(id: String, spec: Spec) -> Self {
        let payload = |facts: u8| match spec.key {
            // Two paths on one branch, and one of them on another branch.
            Some(key) => format!(
                r#"{{"artifact_id":{{"path":"a{}"}},"indexed_at":"{id}","namespace":{{"mission_slug":"m","target_branch":"b{}"}},"said":"{facts}"}}"#,
                key % 2,
                key / 2
            ),
            None => format!(r#"{{"said":"{facts}"}}"#),
        };
        let event_type = if spec.key.is_some() {
            "MissionDossierArtifactIndexed"
        } else {
            "WPStatusChanged"
        };
        let odd = if spec.form == Form::Broken {
            r#","odd":NaN"#
        } else {
            ""
        };
        let subject = spec
            .aggregate
            .map(|a| format!(r#""aggregate_id":"{a}","#))
            .unwrap_or_default();
        let members = format!(
            r#"{subject}"event_id":"{id}","event_type":"{event_type}","note":""{odd},"payload":{},"project_uuid":"p","team_slug":"t""#,
            payload(spec.facts)
        );
        let local = if spec.form == Form::Local {
            r#","drain_blocked_reason":"no_auth""#
        } else {
            ""
        };
        Self {
            id,
            seq: 0,
            envelope: format!("{{{members}{local}}}").into_bytes(),
            wire: (spec.form != Form::Broken).then(|| format!("{{{members}}}").into_bytes()),
            key: spec.key,
            aggregate: spec.aggregate,
            facts: spec.facts,
            is_held: spec.is_held,
            superseded_by: None,
            follows: None,
            left: None,
            has_bytes: true,
            is_archived: false,
            is_purged: false,
            is_replaced: false,
        }
    }
}

fn changed(bytes: &[u8], from: &str, to: &str) -> Vec<u8> {
    std::str::from_utf8(bytes)
        .unwrap()
        .replacen(from, to, 1)
        .into_bytes()
}
