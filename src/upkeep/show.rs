//! `events show`: one event, and its state at every target.

use std::path::Path;

use serde::Serialize;

use super::events::{Item, View, item};
use super::standing::stand;
use crate::base::Timestamp;
use crate::base::ids::normalize;
use crate::books::{self, Error};
use crate::delivery;
use crate::journal::{self, Listed, Record};
use crate::store::ReadTx;

/// An event with all its data.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Shown {
    /// The item of the list, with the envelope.
    #[serde(flatten)]
    pub(crate) item: Item,
    /// Producer.
    pub(crate) origin: String,
    /// The hash chain's value of this row.
    pub(crate) chain: String,
    /// Why it is on hold; null if it is not.
    pub(crate) held: Option<String>,
    /// The id of the newer event that superseded it.
    pub(crate) superseded_by_event_id: Option<String>,
    /// Row and id of the older event of its key that it did not supersede.
    pub(crate) follows: Option<i64>,
    pub(crate) follows_event_id: Option<String>,
    /// Why it was given up; null if it was not.
    pub(crate) discarded: Option<String>,
    /// Why its payload was deleted; null if it was not.
    pub(crate) gone: Option<String>,
    /// The captured bytes, for people; `None` if they were deleted.
    #[serde(skip)]
    pub(crate) payload: Option<Vec<u8>>,
    /// Its state at each target, in the order of registration.
    pub(crate) targets: Vec<AtTarget>,
}

/// State of an event at one target.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct AtTarget {
    /// Id of the target.
    pub(crate) target_id: String,
    /// URL of the target.
    pub(crate) canonical_url: String,
    /// True for the target of the view.
    pub(crate) is_current: bool,
    /// The word of the list, for this target.
    pub(crate) status: &'static str,
    /// The class of the balance.
    pub(crate) class: &'static str,
    /// Number of answers with a result for the event.
    pub(crate) attempts: i64,
    /// The HTTP status of the last answer.
    pub(crate) http_status: Option<i64>,
    /// The last reason given.
    pub(crate) error: Option<String>,
    /// Proof of the delivery: a `result` with its id, or the `status` of the whole request; null if
    /// not delivered.
    pub(crate) acknowledged_by: Option<&'static str>,
    /// Earliest time of the next try.
    pub(crate) due_at: Option<String>,
    /// Start of the first attempt.
    pub(crate) first_attempted_at: Option<String>,
    /// Start of the last attempt.
    pub(crate) last_attempted_at: Option<String>,
    /// Time of the target's final answer.
    pub(crate) settled_at: Option<String>,
}

/// Minimum characters of an ID prefix.
const SHORTEST_PREFIX: usize = 4;

/// The row of an ID in any of its spellings, or of a beginning that only one ID has.
fn find(tx: &ReadTx<'_>, event_id: &str) -> Result<Option<Listed>, Error> {
    let mut found = journal::show(tx, event_id)?;
    if let (None, Some(normal)) = (&found, normalize(event_id)) {
        found = journal::show(tx, &normal)?;
    }
    if found.is_none()
        && event_id.chars().count() >= SHORTEST_PREFIX
        && let [only] = journal::ids_beginning(tx, event_id)?.as_slice()
    {
        found = journal::show(tx, only)?;
    }
    Ok(found)
}

/// The event with this ID, or with an ID that begins so; `None` if no event, or more than one,
/// does.
pub(crate) fn show(store: &Path, event_id: &str, view: &View) -> Result<Option<Shown>, Error> {
    let Some(store) = books::open_read(store)? else {
        return Ok(None);
    };
    store.read(|tx| {
        let Some(listed) = find(tx, event_id)? else {
            return Ok(None);
        };
        let (record, payload) = (listed.record.clone(), listed.envelope.clone());
        let targets = at_targets(tx, &record, view)?;
        let row = match &view.target_id {
            Some(id) => {
                delivery::current(tx, id)?.map(|target| delivery::row_of(tx, target.id, record.seq))
            }
            None => None,
        };
        let row = row.transpose()?.flatten();
        let standing = stand(
            &record,
            row.as_ref().map(|row| row.status),
            !view.shut.is_empty(),
        );
        let id_of = |seq: Option<i64>| {
            Ok::<_, Error>(
                seq.map(|seq| journal::id_of(tx, seq))
                    .transpose()?
                    .flatten(),
            )
        };
        Ok(Some(Shown {
            superseded_by_event_id: id_of(record.superseded_by)?,
            follows_event_id: id_of(record.follows)?,
            item: item(listed, row, standing, view, true),
            origin: record.origin,
            chain: record.chain.to_string(),
            held: record.held,
            follows: record.follows,
            discarded: record.discarded,
            gone: record.gone,
            payload,
            targets,
        }))
    })
}

/// Proof of the delivery of a row; `None` if it is not delivered.
fn proof(row: &delivery::Row) -> Option<&'static str> {
    (row.status.class() == delivery::Class::Delivered).then_some(if row.is_by_status {
        "status"
    } else {
        "result"
    })
}

fn at_targets(tx: &ReadTx<'_>, record: &Record, view: &View) -> Result<Vec<AtTarget>, Error> {
    let mut found = Vec::new();
    for target in delivery::targets(tx)? {
        let row = delivery::row_of(tx, target.id, record.seq)?;
        let is_current = view.target_id.as_ref() == Some(&target.identity.target_id);
        let standing = stand(
            record,
            row.as_ref().map(|row| row.status),
            is_current && !view.shut.is_empty(),
        );
        let time = |at: Option<Timestamp>| at.map(|at| at.to_string());
        found.push(AtTarget {
            target_id: target.identity.target_id,
            canonical_url: target.identity.canonical_url,
            is_current,
            status: standing.word,
            class: standing.class.name(),
            attempts: row.as_ref().map_or(0, |row| row.attempts),
            http_status: row.as_ref().and_then(|row| row.http_status),
            error: row.as_ref().and_then(|row| row.error.clone()),
            acknowledged_by: row.as_ref().and_then(proof),
            due_at: time(row.as_ref().and_then(|row| row.due_at)),
            first_attempted_at: time(row.as_ref().and_then(|row| row.first_attempted_at)),
            last_attempted_at: time(row.as_ref().and_then(|row| row.last_attempted_at)),
            settled_at: time(row.as_ref().and_then(|row| row.settled_at)),
        });
    }
    Ok(found)
}
