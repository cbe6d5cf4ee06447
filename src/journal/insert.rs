//! Writes one row of the journal and its payload.

use super::entry::Entry;
use super::{Error, Kind};
use crate::base::{Sha256, Timestamp};
use crate::event::{WireForm, copied_line, names_person};
use crate::store::WriteTx;

/// Prefix of the origin of events imported from an older store.
const IMPORTED: &str = "import:";

fn is_imported(entry: &Entry<'_>) -> bool {
    entry.origin.starts_with(IMPORTED)
}

/// How an entry must be changed for sending: imported events are sent without names of people and
/// machines, unless the user chose otherwise.
fn wire_of(entry: &Entry<'_>) -> WireForm {
    let is_personal =
        is_imported(entry) && entry.wire != WireForm::Never && names_person(entry.envelope);
    if is_personal {
        WireForm::Personal
    } else {
        entry.wire
    }
}

/// Length of the envelope, in bytes.
pub(super) fn size_of(entry: &Entry<'_>) -> i64 {
    i64::try_from(entry.envelope.len()).unwrap_or(i64::MAX)
}

/// Kind and size of an added row.
#[derive(Debug, Clone, Copy)]
pub(super) struct Cargo {
    pub(super) kind: Kind,
    pub(super) announced_by: Option<i64>,
}

/// Writes row and payload; false when the id is taken.
pub(super) fn insert(
    tx: &WriteTx<'_>,
    now: Timestamp,
    e: &Entry<'_>,
    cargo: Cargo,
    (seq, follows): (i64, Option<i64>),
    (digest, link): (&Sha256, &Sha256),
) -> Result<bool, Error> {
    let written = tx
        .prepare(
            "INSERT INTO journal_events (seq, event_id, event_type, occurred_at, captured_at, origin, coalesce_key,
               facts_hash, payload_sha256, size, chain, wire, held, follows, kind, announced_by)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16)
             ON CONFLICT (event_id) WHERE discarded IS NOT 'replaced' DO NOTHING",
        )?
        .execute(rusqlite::params![
            seq,
            e.event_id,
            e.event_type,
            e.occurred_at,
            now.as_micros(),
            e.origin,
            e.coalesce.as_ref().map(|c| &c.key[..]),
            e.coalesce.as_ref().map(|c| &c.facts.as_bytes()[..]),
            &digest.as_bytes()[..],
            size_of(e),
            &link.as_bytes()[..],
            wire_of(e).code(),
            e.held,
            follows,
            cargo.kind.code(),
            cargo.announced_by,
        ])?;
    if written == 0 {
        return Ok(false);
    }
    if is_imported(e)
        && let Some(line) = copied_line(e.envelope)
    {
        tx.prepare("INSERT OR IGNORE INTO journal_copies (line) VALUES (?1)")?
            .execute([&line[..]])?;
    }
    tx.prepare("INSERT INTO journal_payloads (seq, envelope) VALUES (?1, ?2)")?
        .execute(rusqlite::params![seq, e.envelope])?;
    Ok(true)
}
