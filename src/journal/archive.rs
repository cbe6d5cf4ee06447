//! Marks rows whose payload is in a verified archive, and restores payloads from one.

use super::state::{counter, counter_of, name};
use super::{Audit, Error, Kind, audit, retire};
use crate::base::{Sha256, Timestamp};
use crate::store::{WriteTx, add_to_counter};

/// Marks live rows as being in a verified archive; a marked row keeps its first mark. Returns how
/// many were marked.
pub(crate) fn mark_archived(tx: &WriteTx<'_>, now: Timestamp, seqs: &[i64]) -> Result<i64, Error> {
    let marked = tx
        .prepare(
            "UPDATE journal_events SET archived_at = ?2
             WHERE seq IN (SELECT value FROM json_each(?1)) AND archived_at IS NULL AND kind = 0
               AND superseded_by IS NULL AND discarded IS NULL AND gone IS NULL",
        )?
        .execute(rusqlite::params![
            serde_json::Value::from(seqs).to_string(),
            now.as_micros()
        ])?;
    let marked = i64::try_from(marked).unwrap_or(i64::MAX);
    add_to_counter(tx, counter(name::ARCHIVED), marked)?;
    Ok(marked)
}

/// Result of restoring an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Return {
    /// No event has its id.
    Unknown,
    /// Its row is here and complete.
    Here,
    /// Its deleted payload is restored: it is live again.
    Back {
        /// Its row.
        seq: i64,
        /// It counted as given up; otherwise as deleted.
        was_discarded: bool,
        /// It is on hold.
        is_held: bool,
    },
    /// It was removed with its project, and stays removed.
    Purged,
    /// Other content has its id.
    Differs,
}

/// Restores the deleted payload of a known event or document. The caller must also post it to the
/// targets.
pub(crate) fn bring_back(
    tx: &WriteTx<'_>,
    now: Timestamp,
    event_id: &str,
    envelope: &[u8],
) -> Result<Return, Error> {
    let row = tx.first(
        "SELECT seq, payload_sha256, superseded_by IS NOT NULL, discarded, gone, held IS NOT NULL, size, event_type,
                    archived_at IS NOT NULL, kind
             FROM journal_events WHERE event_id = ?1 AND discarded IS NOT 'replaced'",
        [event_id],
        |r| {
            let marks: (bool, Option<String>, Option<String>) = (r.get(2)?, r.get(3)?, r.get(4)?);
            let facts: (bool, i64, String, bool, i64) = (r.get(5)?, r.get(6)?, r.get(7)?, r.get(8)?, r.get(9)?);
            Ok((r.get::<_, i64>(0)?, r.get::<_, Vec<u8>>(1)?, marks, facts))
        },
    )?;
    let Some((seq, digest, (is_superseded, discarded, gone), facts)) = row else {
        return Ok(Return::Unknown);
    };
    let (is_held, size, event_type, is_archived, kind) = facts;
    let sha256 = Sha256::of(envelope);
    if [&discarded, &gone]
        .iter()
        .any(|mark| mark.as_deref() == Some(retire::PURGED))
    {
        return Ok(Return::Purged);
    }
    if digest != sha256.as_bytes() {
        return Ok(Return::Differs);
    }
    if is_superseded || (discarded.is_none() && gone.is_none()) {
        return Ok(Return::Here);
    }
    tx.prepare(
        "INSERT INTO journal_payloads (seq, envelope) VALUES (?1, ?2) ON CONFLICT (seq) DO NOTHING",
    )?
    .execute(rusqlite::params![seq, envelope])?;
    tx.prepare(
        "UPDATE journal_events SET discarded = NULL, gone = NULL, left_at = NULL WHERE seq = ?1",
    )?
    .execute([seq])?;
    let was_discarded = discarded.is_some();
    let left = if was_discarded {
        name::DISCARDED
    } else {
        name::GONE
    };
    for (name, by) in [
        (left, -1),
        (name::LIVE, 1),
        (name::HELD, i64::from(is_held)),
        (name::ARCHIVED, i64::from(is_archived)),
        (name::LIVE_BYTES, size),
    ] {
        add_to_counter(tx, counter_of(Kind::from_code(kind), name), by)?;
    }
    let entry = Audit {
        act: "restored",
        event_id,
        event_type: &event_type,
        sha256,
        reason: "restored from an archive",
    };
    audit(tx, now, &entry)?;
    Ok(Return::Back {
        seq,
        was_discarded,
        is_held,
    })
}
