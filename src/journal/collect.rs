//! Payloads that are no longer needed: finding them, and deleting many at once.

use super::state::{counter_of, name};
use super::{Error, Kind};
use crate::base::Timestamp;
use crate::store::{ReadTx, WriteTx, add_to_counter};

/// The mark of a row whose payload was collected.
const COLLECTED: &str = "collected";

/// A stored payload, with its row's marks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "the marks of a row are independent, in any combination"
)]
pub(crate) struct Kept {
    /// Its row.
    pub(crate) seq: i64,
    /// Kind of the row.
    pub(crate) kind: Kind,
    /// Its bytes.
    pub(crate) size: i64,
    /// Capture time.
    pub(crate) captured_at: Timestamp,
    /// It is on hold.
    pub(crate) is_held: bool,
    /// A newer event superseded it.
    pub(crate) is_superseded: bool,
    /// It was given up.
    pub(crate) is_discarded: bool,
    /// A verified archive has it.
    pub(crate) is_archived: bool,
    /// Other content was captured under its id, and the conflict is open.
    pub(crate) is_disputed: bool,
    /// It is the newest statement about something that still exists: another target will need it.
    pub(crate) is_newest: bool,
    /// A document that it announces is still stored.
    pub(crate) is_announcing: bool,
}

impl Kept {
    /// True if it counts as live.
    pub(crate) const fn is_live(&self) -> bool {
        !self.is_superseded && !self.is_discarded
    }
}

/// The payloads above `after`, in the order of the journal, at most `limit`.
pub(crate) fn kept_after(tx: &ReadTx<'_>, after: i64, limit: i64) -> Result<Vec<Kept>, Error> {
    // CROSS JOIN makes SQLite start with the payloads: there may be few of them and many rows.
    let mut statement = tx.prepare(
        "SELECT p.seq, e.size, e.captured_at, e.held IS NOT NULL, e.superseded_by IS NOT NULL, e.discarded IS NOT NULL,
                e.archived_at IS NOT NULL,
                EXISTS (SELECT 1 FROM journal_conflicts AS c WHERE c.event_id = e.event_id AND c.resolved_at IS NULL),
                e.kind,
                EXISTS (SELECT 1 FROM journal_keys AS k WHERE k.coalesce_key = e.coalesce_key AND k.seq = e.seq),
                EXISTS (SELECT 1 FROM journal_events AS d WHERE d.announced_by = e.seq AND d.superseded_by IS NULL
                        AND d.discarded IS NULL AND d.gone IS NULL)
         FROM journal_payloads AS p CROSS JOIN journal_events AS e ON e.seq = p.seq
         WHERE p.seq > ?1 ORDER BY p.seq LIMIT ?2",
    )?;
    let rows = statement.query_map([after, limit], |r| {
        Ok(Kept {
            seq: r.get(0)?,
            size: r.get(1)?,
            captured_at: Timestamp::from_micros(r.get(2)?),
            is_held: r.get(3)?,
            is_superseded: r.get(4)?,
            is_discarded: r.get(5)?,
            is_archived: r.get(6)?,
            is_disputed: r.get(7)?,
            kind: Kind::from_code(r.get(8)?),
            is_newest: r.get(9)?,
            is_announcing: r.get(10)?,
        })
    })?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

/// Deletes these payloads; identity, digest, chain and marks stay. One audit row gives number and
/// reason. The caller must also post it to the targets, and must not pass an event that is in
/// flight at one.
pub(crate) fn collect(
    tx: &WriteTx<'_>,
    now: Timestamp,
    going: &[Kept],
    reason: &str,
) -> Result<(), Error> {
    if going.is_empty() {
        return Ok(());
    }
    let seqs =
        serde_json::Value::from(going.iter().map(|kept| kept.seq).collect::<Vec<_>>()).to_string();
    tx.prepare(
        "UPDATE journal_events SET gone = ?2, left_at = COALESCE(left_at, ?3)
         WHERE seq IN (SELECT value FROM json_each(?1))",
    )?
    .execute(rusqlite::params![seqs, COLLECTED, now.as_micros()])?;
    tx.prepare("DELETE FROM journal_payloads WHERE seq IN (SELECT value FROM json_each(?1))")?
        .execute([&seqs])?;
    for kind in Kind::ALL {
        let (mut rows, mut bytes, mut archived) = (0, 0, 0);
        for kept in going
            .iter()
            .filter(|kept| kept.kind == kind && kept.is_live())
        {
            (rows, bytes, archived) = (
                rows + 1,
                bytes + kept.size,
                archived + i64::from(kept.is_archived),
            );
        }
        for (name, by) in [
            (name::LIVE, -rows),
            (name::GONE, rows),
            (name::LIVE_BYTES, -bytes),
            (name::ARCHIVED, -archived),
        ] {
            add_to_counter(tx, counter_of(kind, name), by)?;
        }
    }
    tx.prepare("INSERT INTO journal_audit (at, act, reason) VALUES (?1, ?2, ?3)")?
        .execute(rusqlite::params![now.as_micros(), COLLECTED, reason])?;
    Ok(())
}
