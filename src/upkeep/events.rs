//! `events list`: journal rows in order, with their state at a target.

use std::collections::BTreeMap;
use std::path::Path;

use serde::Serialize;

use super::envelope::Envelope;
use super::standing::{Standing, Wanted, stand};
use crate::base::Timestamp;
use crate::books::{self, Error};
use crate::delivery::{self, Class, Row};
use crate::journal::{self, Listed};
use crate::store::{ReadStore, ReadTx};

/// Rows examined in one read.
const PAGE_ROWS: usize = 1000;
/// Envelope bytes after which a read ends.
const PAGE_BYTES: usize = 4 << 20;

/// The target whose delivery state is shown.
#[derive(Debug, Clone, Default)]
pub(crate) struct View {
    /// Its id; `None` for the journal alone.
    pub(crate) target_id: Option<String>,
    /// The names of its failed checks.
    pub(crate) shut: Vec<&'static str>,
}

/// Options of a listing.
#[derive(Debug, Clone, Default)]
pub(crate) struct ListRequest {
    /// Only this type.
    pub(crate) event_type: Option<String>,
    /// Only events in this state.
    pub(crate) wanted: Option<Wanted>,
    /// The target.
    pub(crate) view: View,
    /// Include the envelope.
    pub(crate) with_envelope: bool,
}

/// One line of `events list --jsonl`: a public contract.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Item {
    /// Row in the journal, from 1.
    pub(crate) seq: i64,
    /// The id, verbatim.
    pub(crate) event_id: String,
    /// The type.
    pub(crate) event_type: String,
    /// The envelope's time, verbatim.
    pub(crate) occurred_at: Option<String>,
    /// Capture time.
    pub(crate) captured_at: String,
    /// Bytes of the envelope.
    pub(crate) size: i64,
    /// Digest of the envelope.
    pub(crate) payload_sha256: String,
    /// The delivery's state at the target (`success`, `rejected`, …); for an event without one, its
    /// class: `untried`, `superseded`, `discarded`, `purged`, `blocked`.
    pub(crate) status: &'static str,
    /// Number of answers with a result for it.
    pub(crate) attempts: i64,
    /// The last error; for an event on hold, the reason; while checks fail, their names.
    pub(crate) error: Option<String>,
    /// The newer event that superseded it.
    pub(crate) superseded_by: Option<i64>,
    /// When it was written to a verified archive.
    pub(crate) archived_at: Option<String>,
    /// When its payload was deleted.
    pub(crate) purged_at: Option<String>,
    /// The captured bytes, if requested.
    #[serde(flatten)]
    pub(crate) envelope: Option<Envelope>,
}

/// Calls `visit` for each event of the store at `store`, in journal order, while it returns true.
/// Memory does not grow with the journal, and no transaction is open while `visit` runs.
pub(crate) fn list(
    store: &Path,
    request: &ListRequest,
    visit: &mut dyn FnMut(&Item) -> bool,
) -> Result<(), Error> {
    let Some(store) = books::open_read(store)? else {
        return Ok(());
    };
    let mut after = 0;
    loop {
        let page = page(&store, request, after)?;
        if !page.items.iter().all(&mut *visit) {
            return Ok(());
        }
        let Some(last) = page.next_after else {
            return Ok(());
        };
        after = last;
    }
}

/// The id of every target that the store at `store` knows.
pub(crate) fn known_targets(store: &Path) -> Result<Vec<String>, Error> {
    let Some(store) = books::open_read(store)? else {
        return Ok(Vec::new());
    };
    store.read(|tx| {
        Ok(delivery::targets(tx)?
            .into_iter()
            .map(|target| target.identity.target_id)
            .collect())
    })
}

/// The matching rows of one page.
struct Page {
    items: Vec<Item>,
    /// Row after which the next page begins; `None` after the last page.
    next_after: Option<i64>,
}

/// Reads one page: a read may be repeated because of a concurrent writer, so nothing is shown
/// before it is complete.
fn page(store: &ReadStore, request: &ListRequest, after: i64) -> Result<Page, Error> {
    store.read(|tx| {
        let filter = journal::Filter {
            event_type: request.event_type.clone(),
            after,
        };
        let (mut listed, mut bytes) = (Vec::new(), 0);
        journal::list(tx, &filter, request.with_envelope, &mut |one: Listed| {
            bytes += one.envelope.as_ref().map_or(0, Vec::len);
            listed.push(one);
            Ok::<_, Error>(listed.len() < PAGE_ROWS && bytes < PAGE_BYTES)
        })?;
        let is_full = listed.len() >= PAGE_ROWS || bytes >= PAGE_BYTES;
        let next_after = listed
            .last()
            .filter(|_| is_full)
            .map(|last| last.record.seq);
        let mut rows = rows(tx, &request.view, &listed)?;
        let items = listed.into_iter().filter_map(|listed| {
            let row = rows.remove(&listed.record.seq);
            let standing = stand(
                &listed.record,
                row.as_ref().map(|row| row.status),
                !request.view.shut.is_empty(),
            );
            let is_wanted = request.wanted.is_none_or(|wanted| wanted.takes(standing));
            is_wanted.then(|| item(listed, row, standing, &request.view, request.with_envelope))
        });
        Ok(Page {
            items: items.collect(),
            next_after,
        })
    })
}

/// The delivery rows of these events at the target.
fn rows(tx: &ReadTx<'_>, view: &View, listed: &[Listed]) -> Result<BTreeMap<i64, Row>, Error> {
    let target = match &view.target_id {
        Some(id) => delivery::current(tx, id)?,
        None => None,
    };
    let Some(target) = target else {
        return Ok(BTreeMap::new());
    };
    let seqs: Vec<i64> = listed.iter().map(|listed| listed.record.seq).collect();
    Ok(delivery::rows_of(tx, target.id, &seqs)?)
}

/// The item of an event.
pub(super) fn item(
    listed: Listed,
    row: Option<Row>,
    standing: Standing,
    view: &View,
    with_envelope: bool,
) -> Item {
    let Listed { record, envelope } = listed;
    let time = |at: i64| Timestamp::from_micros(at).to_string();
    let (attempts, error) = row.map_or((0, None), |row| (row.attempts, row.error));
    let gates = || {
        (standing.class == Class::Blocked && !view.shut.is_empty()).then(|| view.shut.join(", "))
    };
    Item {
        seq: record.seq,
        event_id: record.event_id,
        event_type: record.event_type,
        occurred_at: record.occurred_at,
        captured_at: time(record.captured_at),
        size: record.size,
        payload_sha256: record.payload_sha256.to_string(),
        status: standing.word,
        attempts,
        error: error.or(record.held).or_else(gates),
        superseded_by: record.superseded_by,
        archived_at: record.archived_at.map(time),
        purged_at: record.left_at.map(time),
        envelope: with_envelope.then(|| Envelope::of(envelope)),
    }
}
