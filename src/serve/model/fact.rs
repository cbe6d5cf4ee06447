//! From an envelope to what a reader is told of it. Pure.

use serde_json::Value;

use crate::base::{Sha256, ids, text};
use crate::serve::engine::removal::mission_of;

/// The most characters of a word that is shown in lists.
const WORD: usize = 200;

/// The reading of one event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Fact {
    /// The event's normalised id.
    pub(super) event_id: String,
    /// The event's type, as sent.
    pub(super) kind: String,
    /// The name of the project, if the event has one.
    pub(super) project: Option<String>,
    /// The slug of the mission it belongs to, if any.
    pub(super) mission: Option<String>,
    /// The time in the event.
    pub(super) told: String,
    /// Who did it, if it says so.
    pub(super) actor: String,
    /// What it is about: a work package, a path, an aggregate.
    pub(super) subject: String,
    /// What it changes.
    pub(super) change: Change,
}

/// What an event changes in what readers see.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Change {
    /// A work package moved to a lane.
    Lane {
        from: String,
        to: String,
        lamport: i64,
    },
    /// A work package got its title.
    Title(String),
    /// A mission got a name for people.
    Named {
        name: String,
        kind: String,
        branch: String,
    },
    /// A document has this version.
    Document(Box<Version>),
    /// A required document is missing.
    Missing { class: String },
    /// What a mission comes to.
    Snapshot {
        artifacts: i64,
        required_missing: i64,
        present: usize,
        digest: String,
    },
    /// Anything else: shown by its type.
    Other,
}

/// One version of a document as an event tells it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Version {
    pub(super) path: String,
    pub(super) class: String,
    pub(super) is_required: bool,
    pub(super) sha256: Sha256,
    pub(super) size: i64,
    pub(super) mission_type: String,
    pub(super) target_branch: String,
    pub(super) branch: String,
    pub(super) commit: String,
    pub(super) node: String,
}

/// Reads an envelope; `None` for one that has no id, which no receiver keeps.
pub(super) fn read(envelope: &[u8]) -> Option<Fact> {
    let envelope: Value = serde_json::from_slice(envelope).ok()?;
    let payload = &envelope["payload"];
    let kind = word(&envelope["event_type"]);
    let change = change(&kind, &envelope, payload);
    let subject = match &change {
        Change::Document(version) => version.path.clone(),
        Change::Missing { .. } => payload["expected_identity"]["path"]
            .as_str()
            .unwrap_or_default()
            .to_owned(),
        _ => match payload["wp_id"].as_str() {
            Some(wp) => text::shorten(wp, WORD),
            None => word(&envelope["aggregate_id"]),
        },
    };
    let actor = [&payload["actor"], &payload["agent_id"], &payload["author"]]
        .into_iter()
        .map(word);
    Some(Fact {
        event_id: ids::normalize(envelope["event_id"].as_str()?)?,
        kind,
        project: envelope["project_slug"]
            .as_str()
            .filter(|slug| !slug.trim().is_empty())
            .map(|s| text::shorten(s, WORD)),
        mission: mission_of(payload).map(str::to_owned),
        told: word(&envelope["timestamp"]),
        actor: actor
            .into_iter()
            .find(|actor| !actor.is_empty())
            .unwrap_or_default(),
        subject,
        change,
    })
}

/// A short text; empty for anything else.
fn word(value: &Value) -> String {
    value
        .as_str()
        .map(|s| text::shorten(s, WORD))
        .unwrap_or_default()
}

fn change(kind: &str, envelope: &Value, payload: &Value) -> Change {
    match kind {
        "WPStatusChanged" if payload["wp_id"].is_string() => Change::Lane {
            from: word(&payload["from_lane"]),
            to: word(&payload["to_lane"]),
            lamport: envelope["lamport_clock"].as_i64().unwrap_or(0),
        },
        "WPCreated" => Change::Title(word(&payload["wp_title"])),
        "MissionCreated" => Change::Named {
            name: word(&payload["friendly_name"]),
            kind: word(&payload["mission_type"]),
            branch: word(&payload["target_branch"]),
        },
        "MissionDossierArtifactIndexed" => document(envelope, payload)
            .map_or(Change::Other, |version| Change::Document(Box::new(version))),
        "MissionDossierArtifactMissing" => Change::Missing {
            class: word(&payload["expected_identity"]["artifact_class"]),
        },
        "MissionDossierSnapshotComputed" => Change::Snapshot {
            artifacts: payload["artifact_count"].as_i64().unwrap_or(0),
            required_missing: payload["anomaly_count"].as_i64().unwrap_or(0),
            present: present(&payload["context_diagnostics"]),
            digest: word(&payload["snapshot_hash"]),
        },
        _ => Change::Other,
    }
}

/// How many documents a snapshot has; counts are text there. As many as can be where it does not
/// say so.
fn present(counts: &Value) -> usize {
    let count = |name: &str| counts[name].as_str()?.parse::<usize>().ok();
    let both = count("required_present").zip(count("optional_present"));
    both.and_then(|(required, optional)| required.checked_add(optional))
        .unwrap_or(usize::MAX)
}

fn document(envelope: &Value, payload: &Value) -> Option<Version> {
    let content = &payload["content_ref"];
    Some(Version {
        path: payload["artifact_id"]["path"].as_str()?.to_owned(),
        class: word(&payload["artifact_id"]["artifact_class"]),
        is_required: payload["context_diagnostics"]["required_status"] == "required",
        sha256: Sha256::from_hex(content["hash"].as_str()?)?,
        size: content["size_bytes"].as_i64().unwrap_or(0).max(0),
        mission_type: word(&payload["namespace"]["mission_type"]),
        target_branch: word(&payload["namespace"]["target_branch"]),
        branch: word(&envelope["git_branch"]),
        commit: word(&envelope["head_commit_sha"]),
        node: word(&envelope["node_id"]),
    })
}

/// The task boxes of a text: how many there are, and how many are ticked.
pub(super) fn boxes(text: &str) -> (i64, i64) {
    let mut counts = (0, 0);
    for line in text.lines() {
        let line = line.trim_start();
        let item = line.strip_prefix(['-', '*', '+']).or_else(|| {
            let rest = line.trim_start_matches(|c: char| c.is_ascii_digit());
            (rest.len() < line.len())
                .then(|| rest.strip_prefix(['.', ')']))
                .flatten()
        });
        match item.map(str::trim_start).and_then(|item| item.get(..3)) {
            Some("[ ]") => counts.0 += 1,
            Some("[x]" | "[X]") => counts = (counts.0 + 1, counts.1 + 1),
            _ => {}
        }
    }
    counts
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::serve::tests::sample;

    #[test]
    fn each_kind_of_event_says_what_it_changes() {
        let lane = read(
            sample::status_changed(&sample::id(1))
                .to_string()
                .as_bytes(),
        )
        .unwrap();
        assert_eq!(
            (lane.subject.as_str(), lane.mission.as_deref()),
            ("WP01", Some("foo-01KRC4HN"))
        );
        let to = Change::Lane {
            from: "planned".to_owned(),
            to: "claimed".to_owned(),
            lamport: 7,
        };
        assert_eq!(
            (lane.change, lane.actor.as_str(), lane.project.as_deref()),
            (to, "x", Some("demo"))
        );
        let document = read(
            sample::indexed(&sample::id(1), "spec.md", "text")
                .to_string()
                .as_bytes(),
        )
        .unwrap();
        let Change::Document(version) = document.change else {
            panic!()
        };
        assert_eq!(
            (version.path.as_str(), version.size, version.branch.as_str()),
            ("spec.md", 4, "main")
        );
        assert_eq!(document.mission.as_deref(), Some("foo-01KRC4HN"));
    }

    #[test]
    fn an_event_of_an_odd_shape_is_shown_by_its_type() {
        for payload in [
            "{}",
            "[]",
            "null",
            "7",
            r#"{"wp_id":5,"namespace":[],"content_ref":{"hash":"zz"}}"#,
        ] {
            for kind in [
                "WPStatusChanged",
                "MissionDossierArtifactIndexed",
                "Later\u{202e}Kind",
            ] {
                let id = sample::id(1);
                let text = format!(
                    r#"{{"event_id":"{id}","event_type":"{kind}","aggregate_id":"a","payload":{payload}}}"#
                );
                let fact = read(text.as_bytes()).unwrap();
                assert_eq!(
                    (fact.change, fact.kind.as_str(), fact.mission),
                    (Change::Other, kind, None),
                    "{text}"
                );
            }
        }
        assert_eq!(read(b"{}"), None);
        let long = format!(
            r#"{{"event_id":"{}","event_type":"{}","payload":1}}"#,
            sample::id(1),
            "T".repeat(5000)
        );
        assert_eq!(
            read(long.as_bytes()).unwrap().kind.chars().count(),
            WORD + 1
        );
    }

    #[test]
    fn boxes_are_counted_as_lists_have_them() {
        let text =
            "- [ ] a\n- [x] b\n  * [X] c\n1. [ ] d\n2) [x] e\n[x] no\n- [y] no\n-[ ] tight\n- [x";
        assert_eq!(boxes(text), (6, 3));
        assert_eq!(boxes("- é"), (0, 0));
    }
}
