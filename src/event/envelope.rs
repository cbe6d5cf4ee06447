//! Envelopes of the events that this program creates.

use serde::Serialize;
use serde_json::Value;

use crate::base::digest::hex;
use crate::base::{Sha256, Timestamp};

/// Version of the envelope contract.
pub(super) const SCHEMA_VERSION: &str = "3.0.0";

/// Fields that every envelope of one run shares.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Origin {
    /// The project, a lower-case hyphenated UUID.
    pub(crate) project_uuid: String,
    /// Readable name of the project.
    pub(crate) project_slug: Option<String>,
    /// The build identity of `.kittify/config.yaml`, or the one derived from project and node.
    pub(crate) build_id: String,
    /// See [`node_id`].
    pub(crate) node_id: String,
    /// The team, if one is configured.
    pub(crate) team_slug: Option<String>,
    /// The branch checked out; `HEAD` if detached, `None` outside git and on an unborn branch.
    pub(crate) git_branch: Option<String>,
    /// The commit checked out; `None` without one.
    pub(crate) head_commit_sha: Option<String>,
    /// `owner/name` of the remote.
    pub(crate) repo_slug: Option<String>,
}

/// Fields of one envelope.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Occurrence<'a> {
    /// A new ULID.
    pub(crate) event_id: &'a str,
    /// The event type.
    pub(crate) event_type: &'a str,
    /// Id of the aggregate.
    pub(crate) aggregate_id: &'a str,
    /// Type of the aggregate.
    pub(crate) aggregate_type: &'a str,
    /// The store's Lamport clock after this event's tick.
    pub(crate) lamport_clock: i64,
    /// Time of the event.
    pub(crate) at: Timestamp,
    /// The payload object.
    pub(crate) payload: &'a Value,
}

/// An envelope, with its members in the order of serialisation.
#[derive(Debug, Serialize)]
pub(super) struct Envelope<'a, P> {
    pub(super) event_id: &'a str,
    pub(super) event_type: &'a str,
    pub(super) aggregate_id: &'a str,
    pub(super) aggregate_type: &'a str,
    pub(super) schema_version: &'a str,
    pub(super) build_id: &'a str,
    pub(super) payload: &'a P,
    pub(super) node_id: &'a str,
    pub(super) lamport_clock: i64,
    pub(super) causation_id: Option<&'a str>,
    pub(super) correlation_id: &'a str,
    pub(super) timestamp: &'a str,
    pub(super) team_slug: Option<&'a str>,
    pub(super) project_uuid: &'a str,
    pub(super) project_slug: Option<&'a str>,
    pub(super) git_branch: Option<&'a str>,
    pub(super) head_commit_sha: Option<&'a str>,
    pub(super) repo_slug: Option<&'a str>,
}

/// The bytes of a complete envelope. An event of this program starts its own causal chain, so its
/// correlation is its own id.
pub(crate) fn envelope(
    origin: &Origin,
    occurrence: &Occurrence<'_>,
) -> serde_json::Result<Vec<u8>> {
    serde_json::to_vec(&Envelope {
        event_id: occurrence.event_id,
        event_type: occurrence.event_type,
        aggregate_id: occurrence.aggregate_id,
        aggregate_type: occurrence.aggregate_type,
        schema_version: SCHEMA_VERSION,
        build_id: &origin.build_id,
        payload: occurrence.payload,
        node_id: &origin.node_id,
        lamport_clock: occurrence.lamport_clock,
        causation_id: None,
        correlation_id: occurrence.event_id,
        timestamp: &occurrence.at.to_string(),
        team_slug: origin.team_slug.as_deref(),
        project_uuid: &origin.project_uuid,
        project_slug: origin.project_slug.as_deref(),
        git_branch: origin.git_branch.as_deref(),
        head_commit_sha: origin.head_commit_sha.as_deref(),
        repo_slug: origin.repo_slug.as_deref(),
    })
}

/// The node's id: the first 12 hex digits of SHA-256 of `<host>:<user>`, so that neither name is
/// sent.
pub(crate) fn node_id(host: &str, user: &str) -> String {
    let digest = Sha256::of_parts(&[host.as_bytes(), b":", user.as_bytes()]);
    hex(&digest.as_bytes()[..6])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_node_id_is_the_reference_one() {
        assert_eq!(node_id("vm", "root"), "b805cd5cee74");
    }

    #[test]
    fn an_envelope_has_every_field_and_its_own_correlation() {
        let origin = Origin {
            project_uuid: "8a4a7da6-a97c-4bb4-893a-b31664abfee4".to_owned(),
            project_slug: None,
            build_id: "b".to_owned(),
            node_id: "b805cd5cee74".to_owned(),
            team_slug: None,
            git_branch: Some("main".to_owned()),
            head_commit_sha: None,
            repo_slug: None,
        };
        let bytes = envelope(
            &origin,
            &Occurrence {
                event_id: "01JMBY7K8N3QRVX2DPFG5HWT4E",
                event_type: "T",
                aggregate_id: "a:b",
                aggregate_type: "MissionDossier",
                lamport_clock: 7,
                at: Timestamp::from_micros(0),
                payload: &serde_json::json!({"a": 1}),
            },
        )
        .unwrap();
        let value: Value = serde_json::from_slice(&bytes).unwrap();
        assert_eq!(value["correlation_id"], value["event_id"]);
        assert_eq!(value["timestamp"], "1970-01-01T00:00:00.000000+00:00");
        assert_eq!(value["lamport_clock"], 7);
        for null in [
            "causation_id",
            "team_slug",
            "project_slug",
            "head_commit_sha",
            "repo_slug",
        ] {
            assert!(
                value[null].is_null() && value.as_object().unwrap().contains_key(null),
                "{null}"
            );
        }
    }
}
