//! `events list` and `events show`: journal rows with what became of them at a target.

use std::path::Path;

use serde::Serialize;
use serde_json::value::RawValue;

use crate::base::Timestamp;
use crate::books::{self, Error};
use crate::delivery::{self, Row};
use crate::journal::{self, Listed, Record};
use crate::store::ReadTx;

/// Which events to list, and how much of each.
#[derive(Debug, Clone, Default)]
pub(crate) struct ListRequest {
    /// Only this type.
    pub(crate) event_type: Option<String>,
    /// Only this status or class.
    pub(crate) status: Option<String>,
    /// At this target; `None` for the journal alone.
    pub(crate) target_id: Option<String>,
    /// With the envelope.
    pub(crate) with_envelope: bool,
}

/// One line of `events list --jsonl`: a public contract.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Item {
    pub(crate) seq: i64,
    pub(crate) event_id: String,
    pub(crate) event_type: String,
    pub(crate) occurred_at: Option<String>,
    pub(crate) captured_at: String,
    pub(crate) size: i64,
    pub(crate) payload_sha256: String,
    /// The delivery's state at the target (`success`, `rejected`, …); for an event without one, where it stands:
    /// `untried`, `superseded`, `discarded`, `purged`, `blocked`.
    pub(crate) status: &'static str,
    pub(crate) attempts: i64,
    /// The last reason given; for a held event, why it is held.
    pub(crate) error: Option<String>,
    pub(crate) superseded_by: Option<i64>,
    pub(crate) archived_at: Option<String>,
    /// Set when the payload has left.
    pub(crate) purged_at: Option<String>,
    /// The captured bytes, where they are strict JSON.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) envelope: Option<Box<RawValue>>,
}

/// An event with everything that is known of it.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Shown {
    /// The line of the list.
    #[serde(flatten)]
    pub(crate) item: Item,
    /// Which producer.
    pub(crate) origin: String,
    /// The hash chain's value of this row.
    pub(crate) chain: String,
    /// The older event of its key, which is owed as well.
    pub(crate) follows: Option<i64>,
    /// Why it was given up.
    pub(crate) discarded: Option<String>,
    /// Why its payload left.
    pub(crate) gone: Option<String>,
    /// What became of it at each target that it was selected for.
    pub(crate) targets: Vec<AtTarget>,
}

/// What became of an event at one target.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct AtTarget {
    pub(crate) target_id: String,
    pub(crate) canonical_url: String,
    pub(crate) status: &'static str,
    pub(crate) attempts: i64,
    pub(crate) http_status: Option<i64>,
    pub(crate) error: Option<String>,
    pub(crate) due_at: Option<String>,
}

/// Calls `visit` for each event of the store at `store`, in journal order, as long as it returns true. Memory does not grow
/// with the journal.
pub(crate) fn list(store: &Path, request: &ListRequest, visit: &mut dyn FnMut(&Item) -> bool) -> Result<(), Error> {
    let Some(store) = books::open_read(store)? else { return Ok(()) };
    // A read may be repeated when a writer comes in between; what was shown is not shown again.
    let shown = std::cell::Cell::new(0);
    let visit = std::cell::RefCell::new(visit);
    store.read(|tx| {
        let target = match &request.target_id {
            Some(id) => delivery::current(tx, id)?.map(|t| t.id),
            None => None,
        };
        let filter = journal::Filter { event_type: request.event_type.clone(), after: shown.get() };
        journal::list(tx, &filter, request.with_envelope, &mut |listed| {
            shown.set(listed.record.seq);
            let row = target.map_or(Ok(None), |t| delivery::row_of(tx, t, listed.record.seq))?;
            let item = item(listed, row.as_ref(), request.with_envelope);
            let is_wanted = request.status.as_ref().is_none_or(|wanted| matches(&item, row.as_ref(), wanted));
            Ok::<_, Error>(!is_wanted || (visit.borrow_mut())(&item))
        })
    })
}

/// The event of this id; `None` when there is no such event.
pub(crate) fn show(store: &Path, event_id: &str) -> Result<Option<Shown>, Error> {
    let Some(store) = books::open_read(store)? else { return Ok(None) };
    store.read(|tx| {
        let Some(listed) = journal::show(tx, event_id)? else { return Ok(None) };
        let targets = at_targets(tx, listed.record.seq)?;
        let record = listed.record.clone();
        let mut item = item(listed, None, true);
        if let Some(last) = targets.last() {
            item.status = last.status;
        }
        Ok(Some(Shown {
            item,
            origin: record.origin,
            chain: record.chain.to_string(),
            follows: record.follows,
            discarded: record.discarded,
            gone: record.gone,
            targets,
        }))
    })
}

fn at_targets(tx: &ReadTx<'_>, seq: i64) -> Result<Vec<AtTarget>, Error> {
    let mut found = Vec::new();
    for target in delivery::targets(tx)? {
        if let Some(row) = delivery::row_of(tx, target.id, seq)? {
            found.push(AtTarget {
                target_id: target.identity.target_id,
                canonical_url: target.identity.canonical_url,
                status: row.status.word(),
                attempts: row.attempts,
                http_status: row.http_status,
                error: row.error,
                due_at: row.due_at.map(|at| at.to_string()),
            });
        }
    }
    Ok(found)
}

fn item(listed: Listed, row: Option<&Row>, with_envelope: bool) -> Item {
    let Listed { record, envelope } = listed;
    let envelope = envelope.filter(|_| with_envelope).and_then(|bytes| String::from_utf8(bytes).ok());
    let status = row.map_or_else(|| standing(&record), |row| row.status.word());
    let time = |at: i64| Timestamp::from_micros(at).to_string();
    Item {
        seq: record.seq,
        status,
        attempts: row.map_or(0, |r| r.attempts),
        error: row.and_then(|r| r.error.clone()).or(record.held),
        event_id: record.event_id,
        event_type: record.event_type,
        occurred_at: record.occurred_at,
        captured_at: time(record.captured_at),
        size: record.size,
        payload_sha256: record.payload_sha256.to_string(),
        superseded_by: record.superseded_by,
        archived_at: record.archived_at.map(time),
        purged_at: record.left_at.map(time),
        envelope: envelope.and_then(|text| RawValue::from_string(text).ok()),
    }
}

/// Where an event without a delivery row stands.
fn standing(record: &Record) -> &'static str {
    if record.superseded_by.is_some() {
        "superseded"
    } else if record.discarded.is_some() {
        "discarded"
    } else if record.gone.is_some() {
        "purged"
    } else if record.held.is_some() {
        "blocked"
    } else {
        "untried"
    }
}

/// True when an event has the wanted status, or is in the wanted class of the balance.
fn matches(item: &Item, row: Option<&Row>, wanted: &str) -> bool {
    item.status == wanted || row.is_some_and(|row| row.status.class().name() == wanted)
}
