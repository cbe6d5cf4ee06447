//! Mission logs (`status.events.jsonl`), converted line by line into envelopes.
//!
//! A line becomes an envelope with the line's id. The envelope is a pure function of the line, the
//! mission's directory and the project: every clone builds the same bytes, so a receiver answers
//! `duplicate`. It contains only members that survive a rewrite of the log; its byte form is
//! frozen, because captured bytes are compared with it later.
//!
//! **Invariant:** pure; defined for any bytes; an invalid line does not affect others.

mod clock;
mod copies;
mod evidence;
mod lane;
mod line;
mod payload;
mod skip;
mod transition;
mod typed;

#[cfg(test)]
mod fixture;
#[cfg(test)]
mod lane_tests;
#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use serde_json::Value;

pub(crate) use self::copies::copied_line;
use self::line::Kind;
use self::skip::{MAX_REASON_CHARS, Object};
pub(crate) use self::skip::{NO_CONTRACT_TYPE, Skip};
use super::envelope::{Envelope, SCHEMA_VERSION};
use crate::base::digest::hex;
use crate::base::text::shorten;
use crate::base::{Sha256, ids};

/// Build id of every envelope from a log.
const BUILD_ID: &str = "mission-log";
/// Keys of the vocabulary before 3.0.0; receivers reject them at any depth.
const FORBIDDEN_KEYS: [&str; 4] = [
    "feature_slug",
    "feature_number",
    "mission_key",
    "legacy_aggregate_id",
];

/// The project of a log.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct LogProject<'a> {
    /// Lower case, with hyphens.
    pub(crate) project_uuid: &'a str,
    /// From a file of the project; never from a directory or remote, whose names differ between
    /// clones.
    pub(crate) project_slug: Option<&'a str>,
    /// From `.kittify/config.yaml`; never from the remote.
    pub(crate) repo_slug: Option<&'a str>,
}

/// The mission of a log.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct LogMission<'a> {
    /// The directory's name.
    pub(crate) directory: &'a str,
    /// `mission_id` of its `meta.json`.
    pub(crate) mission_id: Option<&'a str>,
}

/// One line that is not blank.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct LogRow {
    /// Its number in the file, from 1.
    pub(crate) line: u64,
    /// In normal form; verbatim if it is not valid; `None` without one.
    pub(crate) event_id: Option<String>,
    /// The event, or why the line is skipped.
    pub(crate) becomes: Result<LogEvent, Skip>,
}

/// A line that maps to an envelope.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct LogEvent {
    /// In normal form.
    pub(crate) event_id: String,
    pub(crate) event_type: String,
    pub(crate) aggregate_id: String,
    /// The mission in the envelope: the line's own, even if its directory was renamed.
    pub(crate) mission_slug: String,
    /// Time of the line, verbatim.
    pub(crate) occurred_at: String,
    /// Microseconds since 1970 of that time.
    pub(crate) lamport_clock: i64,
    /// The bytes to store and send.
    pub(crate) envelope: Vec<u8>,
    /// The contract rule that the lane change breaks, with the lanes: `force_required: in_review ->
    /// planned`.
    pub(crate) transition: Option<String>,
    /// The lane of the work package (the aggregate) after this event; `None` if the event moves
    /// none.
    pub(crate) lane: Option<&'static str>,
    /// True for an approval without reviewer or repository in the log: `unknown` replaces it.
    pub(crate) has_unknown_evidence: bool,
    /// True if the line names another project.
    pub(crate) names_other_project: bool,
}

/// Every line of a log that is not blank, in file order. Of several lines with one id, the first
/// that maps to an envelope is used; later ones are `duplicate_line` or `conflicting_line`. Lazy: a
/// log may have millions of lines.
pub(crate) fn read_log<'a>(
    bytes: &'a [u8],
    project: LogProject<'a>,
    mission: LogMission<'a>,
) -> impl Iterator<Item = LogRow> + 'a {
    let log = Log { project, mission };
    let mut seen: HashMap<String, Sha256> = HashMap::new();
    line::lines(bytes).map(move |line| {
        let mut row = log.row(&line);
        if let Ok(event) = &row.becomes {
            let digest = Sha256::of(&event.envelope);
            match seen.entry(event.event_id.clone()) {
                Entry::Vacant(first) => drop(first.insert(digest)),
                Entry::Occupied(first) if *first.get() == digest => {
                    row.becomes = Err(Skip::bare("duplicate_line"));
                }
                Entry::Occupied(_) => row.becomes = Err(Skip::bare("conflicting_line")),
            }
        }
        row
    })
}

/// A log being read.
struct Log<'a> {
    project: LogProject<'a>,
    mission: LogMission<'a>,
}

/// The content of a line, before its envelope is built.
struct Said {
    event_type: String,
    aggregate_type: String,
    aggregate_id: String,
    mission_slug: String,
    payload: Object,
    time: clock::Time,
    transition: Option<String>,
    lane: Option<&'static str>,
    has_unknown_evidence: bool,
}

impl Log<'_> {
    fn row(&self, line: &line::Line<'_>) -> LogRow {
        let object = match line.object() {
            Ok(object) => object,
            Err(skip) => {
                return LogRow {
                    line: line.number,
                    event_id: None,
                    becomes: Err(skip),
                };
            }
        };
        let written = object.get("event_id").filter(|id| !id.is_null());
        let named = written.and_then(Value::as_str);
        let event_id = named.and_then(ids::normalize);
        let shown = event_id
            .clone()
            .or_else(|| named.map(|id| shorten(id, MAX_REASON_CHARS)));
        let missing = if written.is_some() {
            "invalid_event_id"
        } else {
            "no_event_id"
        };
        let becomes = self.becomes(object, event_id.ok_or(Skip::bare(missing)));
        LogRow {
            line: line.number,
            event_id: shown,
            becomes,
        }
    }

    fn becomes(&self, object: Object, event_id: Result<String, Skip>) -> Result<LogEvent, Skip> {
        let other = object
            .get("project_uuid")
            .and_then(Value::as_str)
            .is_some_and(|named| {
                ids::normalize(named).as_deref().unwrap_or(named) != self.project.project_uuid
            });
        let kind = Kind::of(&object)?;
        let event_id = event_id?;
        let said = match kind {
            Kind::LaneChange => self.lane_change(object)?,
            Kind::Typed { type_member } => self.typed(object, type_member)?,
        };
        self.event(event_id, said, other)
    }

    fn event(
        &self,
        event_id: String,
        said: Said,
        names_other_project: bool,
    ) -> Result<LogEvent, Skip> {
        let digest = self.digest(&said.mission_slug);
        let envelope = serde_json::to_vec(&Envelope {
            event_id: &event_id,
            event_type: &said.event_type,
            aggregate_id: &said.aggregate_id,
            aggregate_type: &said.aggregate_type,
            schema_version: SCHEMA_VERSION,
            build_id: BUILD_ID,
            payload: &said.payload,
            node_id: &hex(&digest.as_bytes()[..6]),
            lamport_clock: said.time.micros,
            causation_id: None,
            correlation_id: &ids::ulid_of(first_half(&digest)),
            timestamp: &said.time.text,
            team_slug: None,
            project_uuid: self.project.project_uuid,
            project_slug: self.project.project_slug,
            git_branch: None,
            head_commit_sha: None,
            repo_slug: self.project.repo_slug,
        });
        Ok(LogEvent {
            // A map with text keys and JSON values can always be serialised.
            envelope: envelope.map_err(|_| Skip::bare("not_json"))?,
            event_id,
            event_type: said.event_type,
            aggregate_id: said.aggregate_id,
            mission_slug: said.mission_slug,
            occurred_at: said.time.text,
            lamport_clock: said.time.micros,
            transition: said.transition,
            lane: said.lane,
            has_unknown_evidence: said.has_unknown_evidence,
            names_other_project,
        })
    }

    /// Input of node id and correlation of a mission's events: each log is a node with a separate
    /// clock.
    fn digest(&self, mission_slug: &str) -> Sha256 {
        Sha256::of_parts(&[
            b"mission-log:",
            self.project.project_uuid.as_bytes(),
            b":",
            mission_slug.as_bytes(),
        ])
    }

    /// The mission of a line: the directory's, if the line names none or uses an id of this
    /// directory's mission.
    fn resolved(&self, named: Option<&str>) -> String {
        let LogMission {
            directory,
            mission_id,
        } = self.mission;
        let tail = directory
            .rsplit_once('-')
            .map(|(_, tail)| tail)
            .filter(|tail| tail.chars().count() == 8);
        let is_handle = |name: &str| Some(name) == mission_id || Some(name) == tail;
        named
            .filter(|name| !is_handle(name))
            .unwrap_or(directory)
            .to_owned()
    }

    /// The mission in the members of a line, under the present or the older name.
    fn mission_of_row(&self, row: &Object) -> String {
        let named = ["mission_slug", "feature_slug"]
            .iter()
            .find_map(|name| non_empty(row.get(*name)));
        self.resolved(named)
    }
}

fn first_half(digest: &Sha256) -> u128 {
    digest.as_bytes()[..16]
        .iter()
        .fold(0, |number, byte| number << 8 | u128::from(*byte))
}

/// A text of at least one character.
fn non_empty(value: Option<&Value>) -> Option<&str> {
    value
        .and_then(Value::as_str)
        .filter(|text| !text.is_empty())
}

/// The first forbidden key at any depth.
fn forbidden_key(value: &Value) -> Option<&str> {
    match value {
        Value::Object(members) => members.iter().find_map(|(name, value)| {
            let is_forbidden = FORBIDDEN_KEYS.contains(&name.as_str());
            if is_forbidden {
                Some(name.as_str())
            } else {
                forbidden_key(value)
            }
        }),
        Value::Array(items) => items.iter().find_map(forbidden_key),
        _ => None,
    }
}
