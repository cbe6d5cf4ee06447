//! `log`: captured rows, newest first, with their status at the target.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::events::View;
use super::standing::stand;
use crate::base::Timestamp;
use crate::books::{self, Error};
use crate::delivery;
use crate::journal::{self, Document, Kind, Listed};
use crate::store::{ReadStore, ReadTx};

/// Rows examined in one read.
const PAGE_ROWS: usize = 500;
/// Prefix of events that state which files are on disk. Documents have separate rows, so these are
/// omitted unless requested.
const FACTS: &str = "MissionDossier";

/// Which rows of the journal to show.
#[derive(Debug, Clone, Default)]
pub(crate) struct LogRequest {
    /// Only this mission.
    pub(crate) mission: Option<String>,
    /// Only rows captured at this time or later.
    pub(crate) since: Option<Timestamp>,
    /// Also events that state which files are on disk.
    pub(crate) with_facts: bool,
    /// The target whose statuses are shown.
    pub(crate) view: View,
    /// Only rows after this one; 0 for all.
    pub(crate) after: i64,
    /// Rows to show.
    pub(crate) limit: usize,
}

/// One row of `log --jsonl`: a public contract.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct LogEntry {
    /// Place in the journal, from 1.
    pub(crate) seq: i64,
    /// `event` or `document`.
    pub(crate) kind: &'static str,
    /// The ID of an event; null for a document.
    pub(crate) event_id: Option<String>,
    /// Capture time, ISO 8601.
    pub(crate) captured_at: String,
    /// The path of a document below its mission; the type of an event, with what it is about.
    pub(crate) what: String,
    /// Its mission; null if none is named, or the payload was deleted.
    pub(crate) mission_slug: Option<String>,
    /// The status at the target, as in `events list`.
    pub(crate) status: &'static str,
    /// The class of the balance, as the word for people.
    #[serde(skip)]
    pub(crate) word: &'static str,
}

/// The members of an envelope that a row of the log shows.
#[derive(Debug, Default, Deserialize)]
struct Named<'a> {
    #[serde(borrow, default)]
    payload: Option<About<'a>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct About<'a> {
    #[serde(borrow)]
    namespace: Option<Space<'a>>,
    #[serde(borrow)]
    mission_slug: Option<Cow<'a, str>>,
    #[serde(borrow)]
    feature_slug: Option<Cow<'a, str>>,
    #[serde(borrow)]
    wp_id: Option<Cow<'a, str>>,
    #[serde(borrow)]
    to_lane: Option<Cow<'a, str>>,
}

#[derive(Debug, Deserialize)]
struct Space<'a> {
    #[serde(borrow)]
    mission_slug: Cow<'a, str>,
}

/// The newest rows that match, newest first. Creates nothing; empty if the store does not exist.
pub(crate) fn log(store: &Path, request: &LogRequest) -> Result<Vec<LogEntry>, Error> {
    let Some(store) = books::open_read(store)? else {
        return Ok(Vec::new());
    };
    let (mut found, mut before) = (Vec::new(), i64::MAX);
    while let Some(last) = page(&store, request, before, &mut found)? {
        before = last;
    }
    found.truncate(request.limit);
    Ok(found)
}

/// Adds the matching rows of one page; returns the number of its last row, or `None` if no further
/// page is needed.
fn page(
    store: &ReadStore,
    request: &LogRequest,
    before: i64,
    found: &mut Vec<LogEntry>,
) -> Result<Option<i64>, Error> {
    let (entries, last) = store.read(|tx| {
        let rows = journal::newest_first(tx, (request.after, before), PAGE_ROWS)?;
        let is_full = rows.len() == PAGE_ROWS;
        let since = request.since.map_or(i64::MIN, Timestamp::as_micros);
        let last = rows
            .last()
            .filter(|(_, row)| is_full && row.record.captured_at >= since)
            .map(|(_, row)| row.record.seq);
        Ok::<_, Error>((entries(tx, request, rows)?, last))
    })?;
    found.extend(entries);
    Ok(last.filter(|_| found.len() < request.limit))
}

fn entries(
    tx: &ReadTx<'_>,
    request: &LogRequest,
    rows: Vec<(Kind, Listed)>,
) -> Result<Vec<LogEntry>, Error> {
    let target = match &request.view.target_id {
        Some(id) => delivery::current(tx, id)?,
        None => None,
    };
    let seqs: Vec<i64> = rows.iter().map(|(_, row)| row.record.seq).collect();
    let statuses = target.map_or_else(
        || Ok(BTreeMap::default()),
        |target| delivery::rows_of(tx, target.id, &seqs),
    )?;
    let since = request.since.map_or(i64::MIN, Timestamp::as_micros);
    let entry = |(kind, Listed { record, envelope }): (Kind, Listed)| {
        if record.captured_at < since
            || (!request.with_facts && record.event_type.starts_with(FACTS))
        {
            return None;
        }
        let (what, mission_slug) = subject(kind, &record.event_type, envelope.as_deref());
        if request.mission.is_some() && request.mission != mission_slug {
            return None;
        }
        let status = statuses.get(&record.seq).map(|row| row.status);
        let standing = stand(&record, status, !request.view.shut.is_empty());
        let is_event = kind == Kind::Event;
        Some(LogEntry {
            seq: record.seq,
            kind: if is_event { "event" } else { "document" },
            event_id: is_event.then_some(record.event_id),
            captured_at: Timestamp::from_micros(record.captured_at).to_string(),
            what,
            mission_slug,
            status: standing.word,
            word: if record.held.is_some() && standing.word == "blocked" {
                "on hold"
            } else {
                standing.class.word()
            },
        })
    };
    Ok(rows.into_iter().filter_map(entry).collect())
}

/// Subject and mission of a row.
fn subject(kind: Kind, event_type: &str, payload: Option<&[u8]>) -> (String, Option<String>) {
    let Some(payload) = payload else {
        return (event_type.to_owned(), None);
    };
    if kind == Kind::Document {
        return match Document::from_bytes(payload) {
            Some(document) => (document.path, Some(document.namespace.mission_slug)),
            None => (event_type.to_owned(), None),
        };
    }
    let about = serde_json::from_slice::<Named<'_>>(payload)
        .ok()
        .and_then(|named| named.payload)
        .unwrap_or_default();
    let space = about.namespace.map(|space| space.mission_slug);
    let slug = space
        .or(about.mission_slug)
        .or(about.feature_slug)
        .map(Cow::into_owned);
    let what = match (about.wp_id, about.to_lane) {
        (Some(package), Some(lane)) => format!("{event_type} {package} → {lane}"),
        (Some(package), None) => format!("{event_type} {package}"),
        _ => event_type.to_owned(),
    };
    (what, slug)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_names_what_it_is_about() {
        for (payload, what, mission) in [
            (
                r#"{"payload":{"mission_slug":"m","wp_id":"WP01","to_lane":"done"}}"#,
                "T WP01 → done",
                Some("m"),
            ),
            (
                r#"{"payload":{"feature_slug":"f","wp_id":"WP01"}}"#,
                "T WP01",
                Some("f"),
            ),
            (
                r#"{"payload":{"namespace":{"mission_slug":"n"},"mission_slug":"m"}}"#,
                "T",
                Some("n"),
            ),
            (r#"{"payload":{"mission_slug":7}}"#, "T", None),
            (r#"{"payload":[]}"#, "T", None),
            ("not JSON", "T", None),
        ] {
            let (said, slug) = subject(Kind::Event, "T", Some(payload.as_bytes()));
            assert_eq!(
                (said.as_str(), slug.as_deref()),
                (what, mission),
                "{payload}"
            );
        }
        assert_eq!(
            subject(Kind::Document, "document", None),
            ("document".to_owned(), None)
        );
    }
}
