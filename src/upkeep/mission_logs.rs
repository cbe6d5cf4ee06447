//! Compares mission logs with the journal: events that only one of them has.
//!
//! A difference is not damage: a log is written by other programs, in the work tree, and does not
//! say what was captured here. So it is reported with the ids, and changes neither `ok` nor the
//! exit code.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::books::{self, Error};
use crate::dossier::MissionLog;
use crate::event::NO_CONTRACT_TYPE;
use crate::journal::{self, Filter};
use crate::store::ReadTx;

/// Number of ids that are listed.
const LISTED: usize = 20;
/// Prefix of event types about artifacts, which are not in logs.
const DOSSIER: &str = "MissionDossier";

/// Comparison of one mission log with the journal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct LogCheck {
    /// The mission.
    pub(crate) mission_slug: String,
    /// Lines of its log that are events.
    pub(crate) logged: u64,
    /// Those that are in the journal.
    pub(crate) captured: u64,
    /// Those that are not in the journal.
    pub(crate) not_captured: Ids,
    /// Events of the mission in the journal that its log does not name, as far as their payloads
    /// are stored.
    pub(crate) not_logged: Ids,
    /// Lines that should be events and are not: all of `skipped` except lines that no contract type
    /// describes.
    pub(crate) odd_lines: u64,
    /// Lines that are not events, by reason.
    pub(crate) skipped: BTreeMap<&'static str, u64>,
    /// Why the log could not be read; null if it could.
    pub(crate) flaw: Option<String>,
}

/// Number of ids, and the first of them.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub(crate) struct Ids {
    pub(crate) count: u64,
    pub(crate) first: Vec<String>,
}

impl Ids {
    fn add(&mut self, id: &str) {
        self.count += 1;
        if self.first.len() < LISTED {
            self.first.push(id.to_owned());
        }
    }
}

impl LogCheck {
    /// True if both have the same events.
    pub(crate) fn agrees(&self) -> bool {
        self.not_captured.count == 0
            && self.not_logged.count == 0
            && self.odd_lines == 0
            && self.flaw.is_none()
    }
}

/// Compares the logs with the store at `store`. Creates nothing and changes nothing; O(events).
pub(crate) fn check_logs(store: &Path, logs: &[MissionLog]) -> Result<Vec<LogCheck>, Error> {
    if logs.is_empty() {
        return Ok(Vec::new());
    }
    match books::open_read(store)? {
        Some(store) => store.read(|tx| compare(tx, logs)),
        None => Ok(logs.iter().map(|log| begun(log, |_| false)).collect()),
    }
}

fn compare(tx: &ReadTx<'_>, logs: &[MissionLog]) -> Result<Vec<LogCheck>, Error> {
    let mut checks = Vec::new();
    for log in logs {
        let mut known = BTreeSet::new();
        for id in &log.ids {
            if journal::is_known(tx, id)? {
                known.insert(id);
            }
        }
        checks.push(begun(log, |id| known.contains(id)));
    }
    let mut by_slug: BTreeMap<&str, (&BTreeSet<String>, &mut LogCheck)> = logs
        .iter()
        .zip(&mut checks)
        .map(|(log, check)| (log.mission_slug.as_str(), (&log.ids, check)))
        .collect();
    journal::list(tx, &Filter::default(), true, &mut |listed| {
        let slug = match &listed.envelope {
            Some(envelope) if !listed.record.event_type.starts_with(DOSSIER) => {
                mission_of(envelope)
            }
            _ => None,
        };
        if let Some((ids, check)) = slug.and_then(|slug| by_slug.get_mut(slug.as_str()))
            && !ids
                .iter()
                .any(|id| id.eq_ignore_ascii_case(&listed.record.event_id))
        {
            check.not_logged.add(&listed.record.event_id);
        }
        Ok::<_, Error>(true)
    })?;
    Ok(checks)
}

fn begun(log: &MissionLog, is_captured: impl Fn(&String) -> bool) -> LogCheck {
    let mut not_captured = Ids::default();
    log.ids
        .iter()
        .filter(|id| !is_captured(id))
        .for_each(|id| not_captured.add(id));
    let logged = log.ids.len() as u64;
    LogCheck {
        mission_slug: log.mission_slug.clone(),
        logged,
        captured: logged - not_captured.count,
        not_captured,
        not_logged: Ids::default(),
        odd_lines: log
            .skipped
            .iter()
            .filter(|(reason, _)| **reason != NO_CONTRACT_TYPE)
            .map(|(_, lines)| lines)
            .sum(),
        skipped: log.skipped.clone(),
        flaw: log.flaw.clone(),
    }
}

/// The mission that an envelope is about, by either of its names.
fn mission_of(envelope: &[u8]) -> Option<String> {
    #[derive(Deserialize, Default)]
    #[serde(default)]
    struct Names {
        mission_slug: Option<String>,
        feature_slug: Option<String>,
    }
    #[derive(Deserialize)]
    struct About {
        #[serde(default)]
        payload: Names,
        #[serde(flatten)]
        own: Names,
    }
    let About { payload, own } = serde_json::from_slice(envelope).ok()?;
    [
        payload.mission_slug,
        payload.feature_slug,
        own.mission_slug,
        own.feature_slug,
    ]
    .into_iter()
    .flatten()
    .next()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mission_is_known_by_either_name() {
        for (envelope, slug) in [
            (r#"{"payload":{"mission_slug":"a"}}"#, Some("a")),
            (
                r#"{"payload":{"feature_slug":"a"},"mission_slug":"b"}"#,
                Some("a"),
            ),
            (r#"{"mission_slug":"b"}"#, Some("b")),
            (r#"{"payload":{}}"#, None),
            (r#"{"payload":[]}"#, None),
            ("[]", None),
        ] {
            assert_eq!(
                mission_of(envelope.as_bytes()).as_deref(),
                slug,
                "{envelope}"
            );
        }
    }
}
