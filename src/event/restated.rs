//! An event that a server tells of, stated again: of the server's words only identity is taken,
//! each part in its checked form, and only where everything else is what this program would say
//! itself. Pure.

use serde::Deserialize;
use serde_json::Value;

use super::coalesce::TIMES;
use super::{Occurrence, Origin, envelope, is_same_event};
use crate::base::{Timestamp, ids};

/// An event with the identity that a server tells, in the words of this program.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Restated {
    pub(crate) event_id: String,
    /// The event's time, in the form of an envelope.
    pub(crate) at: String,
    pub(crate) lamport: i64,
    pub(crate) envelope: Vec<u8>,
}

/// The identity that an envelope claims: which event it is, and when and where it was made.
#[derive(Deserialize)]
struct Claim {
    event_id: String,
    lamport_clock: i64,
    timestamp: String,
    build_id: String,
    node_id: String,
    git_branch: Option<String>,
    head_commit_sha: Option<String>,
    payload: ClaimedPayload,
}

#[derive(Deserialize)]
struct ClaimedPayload {
    #[serde(default)]
    context_diagnostics: Option<ClaimedDiagnostics>,
}

#[derive(Deserialize)]
struct ClaimedDiagnostics {
    snapshot_id: Option<String>,
}

/// Restates the event `told` as what `own` says of the same thing; the id and the clock of `own` do
/// not count. `None` if it differs from that in anything but its identity, or if its identity has a
/// form that this program does not write.
pub(crate) fn restate(origin: &Origin, own: &Occurrence<'_>, told: &[u8]) -> Option<Restated> {
    let claim: Claim = serde_json::from_slice(told).ok()?;
    let at = Timestamp::parse(&claim.timestamp).filter(|at| at.to_string() == claim.timestamp)?;
    let is_sound = is_ulid(&claim.event_id)
        && (claim.build_id == origin.build_id || is_uuid(&claim.build_id))
        && is_lower_hex(&claim.node_id, &[12])
        && claim
            .head_commit_sha
            .as_deref()
            .is_none_or(|sha| is_lower_hex(sha, &[40, 64]))
        && claim
            .git_branch
            .as_deref()
            .is_none_or(|branch| is_known_branch(branch, origin, own.payload));
    if !is_sound {
        return None;
    }
    let (aggregate_id, payload) = made_at(own, &claim)?;
    let origin = Origin {
        build_id: claim.build_id,
        node_id: claim.node_id,
        git_branch: claim.git_branch,
        head_commit_sha: claim.head_commit_sha,
        ..origin.clone()
    };
    let occurrence = Occurrence {
        event_id: &claim.event_id,
        aggregate_id: &aggregate_id,
        lamport_clock: claim.lamport_clock,
        at,
        payload: &payload,
        ..*own
    };
    let envelope = envelope(&origin, &occurrence).ok()?;
    let is_same = envelope == told || is_same_event(&envelope, told);
    is_same.then_some(Restated {
        event_id: claim.event_id,
        at: claim.timestamp,
        lamport: claim.lamport_clock,
        envelope,
    })
}

/// The aggregate and the payload of `own`, had it been made when and as what the claim says.
fn made_at(own: &Occurrence<'_>, claim: &Claim) -> Option<(String, Value)> {
    let (mut aggregate_id, mut payload) = (own.aggregate_id.to_owned(), own.payload.clone());
    for time in TIMES {
        if let Some(value) = payload.get_mut(time) {
            *value = claim.timestamp.as_str().into();
        }
    }
    if let Some(value) = payload.pointer_mut("/context_diagnostics/snapshot_id") {
        let id = claim
            .payload
            .context_diagnostics
            .as_ref()?
            .snapshot_id
            .as_deref()
            .filter(|id| is_uuid(id))?;
        if let Some(subject) = value
            .as_str()
            .and_then(|own| aggregate_id.strip_suffix(own))
        {
            aggregate_id = format!("{subject}{id}");
        }
        *value = id.into();
    }
    Some((aggregate_id, payload))
}

/// The branch that is checked out here, the one that the event is about, or the word for none.
fn is_known_branch(branch: &str, origin: &Origin, payload: &Value) -> bool {
    let about = payload
        .pointer("/namespace/target_branch")
        .and_then(Value::as_str);
    [origin.git_branch.as_deref(), about, Some("HEAD")].contains(&Some(branch))
}

fn is_ulid(text: &str) -> bool {
    text.len() == 26 && ids::normalize(text).as_deref() == Some(text)
}

fn is_uuid(text: &str) -> bool {
    uuid::Uuid::parse_str(text).is_ok_and(|uuid| uuid.to_string() == text)
}

fn is_lower_hex(text: &str, lengths: &[usize]) -> bool {
    lengths.contains(&text.len()) && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
}

#[cfg(test)]
#[path = "restated_tests.rs"]
mod tests;
