//! Marks on existing rows, and the audit trail.

use super::state::{counter, counter_of, name};
use super::{Error, Kind};
use crate::base::{Sha256, Timestamp};
use crate::store::{WriteTx, add_to_counter};

/// An audited act on one event.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Audit<'a> {
    /// Name of the act.
    pub(crate) act: &'a str,
    /// Id of the event.
    pub(crate) event_id: &'a str,
    /// Type of the event.
    pub(crate) event_type: &'a str,
    /// Digest of its payload.
    pub(crate) sha256: Sha256,
    /// Reason.
    pub(crate) reason: &'a str,
}

/// Writes an audit row, durable with the transaction.
pub(crate) fn audit(tx: &WriteTx<'_>, now: Timestamp, audit: &Audit<'_>) -> Result<(), Error> {
    tx.prepare(
        "INSERT INTO journal_audit (at, act, event_id, event_type, sha256, reason) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
    )?
    .execute(rusqlite::params![
        now.as_micros(),
        audit.act,
        audit.event_id,
        audit.event_type,
        &audit.sha256.as_bytes()[..],
        audit.reason
    ])?;
    Ok(())
}

/// Writes an audit row unless an equal one exists for the same content; for the acts of the index
/// `journal_audited`.
pub(crate) fn audit_once(tx: &WriteTx<'_>, now: Timestamp, entry: &Audit<'_>) -> Result<(), Error> {
    let sql = "SELECT EXISTS (SELECT 1 FROM journal_audit WHERE event_id = ?1 AND sha256 = ?2 AND act = ?3
                 AND act IN ('rewritten', 'discarded'))";
    let is_told: bool = tx.one(
        sql,
        rusqlite::params![entry.event_id, &entry.sha256.as_bytes()[..], entry.act],
        |r| r.get(0),
    )?;
    if is_told {
        Ok(())
    } else {
        audit(tx, now, entry)
    }
}

/// An audited act on many events at once.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Notice<'a> {
    /// Name of the act.
    pub(crate) act: &'a str,
    /// Reason, with their number and place.
    pub(crate) reason: &'a str,
}

/// Writes an audit row without an event, durable with the transaction.
pub(crate) fn notice(tx: &WriteTx<'_>, now: Timestamp, notice: &Notice<'_>) -> Result<(), Error> {
    tx.prepare("INSERT INTO journal_audit (at, act, reason) VALUES (?1, ?2, ?3)")?
        .execute(rusqlite::params![
            now.as_micros(),
            notice.act,
            notice.reason
        ])?;
    Ok(())
}

/// Why a payload is deleted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mark<'a> {
    /// Given up before it was delivered: evicted, cleared, purged.
    Discarded(&'a str),
    /// No longer needed: acknowledged, collected.
    Gone(&'a str),
    /// Given up because a verified archive has it. The bytes stay here too, until `gc` deletes
    /// them.
    Archived,
}

/// Mark of a row that was removed with its project. Its id stays known, so that no later capture or
/// import adds the event again.
pub(crate) const PURGED: &str = "purged";

/// Mark of a row that a user replaced by other content with its id. The id belongs to the other row
/// from then on.
pub(crate) const REPLACED: &str = "replaced";

/// A row before its payload was deleted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Left {
    /// The id.
    pub(crate) event_id: String,
    /// The type.
    pub(crate) event_type: String,
    /// Digest of the deleted payload.
    pub(crate) sha256: Sha256,
    /// It was on hold.
    pub(crate) was_held: bool,
    /// Its kind.
    pub(crate) kind: Kind,
}

/// Removes a live row from the live ones, marks it, and deletes its payload (an archived one
/// stays); `None` if the row is not live. Identity, digest and chain stay. The caller must also
/// post it to the targets, and must not pass an event that is in flight at one.
pub(crate) fn let_go(
    tx: &WriteTx<'_>,
    now: Timestamp,
    seq: i64,
    mark: Mark<'_>,
) -> Result<Option<Left>, Error> {
    let (discarded, gone) = match mark {
        Mark::Discarded(why) => (Some(why), None),
        Mark::Gone(why) => (None, Some(why)),
        Mark::Archived => (Some("archived"), None),
    };
    let row = tx.first(
        "UPDATE journal_events SET discarded = ?2, gone = ?3, left_at = ?4
             WHERE seq = ?1 AND superseded_by IS NULL AND discarded IS NULL AND gone IS NULL
             RETURNING event_id, event_type, payload_sha256, held IS NOT NULL, size, archived_at IS NOT NULL, kind",
        rusqlite::params![seq, discarded, gone, now.as_micros()],
        |r| {
            Ok((
                r.get(0)?,
                r.get(1)?,
                r.get::<_, Vec<u8>>(2)?,
                r.get(3)?,
                r.get::<_, i64>(4)?,
                r.get::<_, bool>(5)?,
                r.get(6)?,
            ))
        },
    )?;
    let Some((event_id, event_type, digest, was_held, size, was_archived, kind)) = row else {
        return Ok(None);
    };
    let kind = Kind::from_code(kind);
    if mark == Mark::Archived {
        tx.prepare(
            "UPDATE journal_events SET archived_at = ?2 WHERE seq = ?1 AND archived_at IS NULL",
        )?
        .execute([seq, now.as_micros()])?;
    } else {
        tx.prepare("DELETE FROM journal_payloads WHERE seq = ?1")?
            .execute([seq])?;
    }
    let left = if discarded.is_some() {
        name::DISCARDED
    } else {
        name::GONE
    };
    for (name, by) in [
        (name::LIVE, -1),
        (name::HELD, -i64::from(was_held)),
        (name::ARCHIVED, -i64::from(was_archived)),
        (left, 1),
        (name::LIVE_BYTES, -size),
    ] {
        add_to_counter(tx, counter_of(kind, name), by)?;
    }
    let sha256 = Sha256::from_slice(&digest).ok_or(Error::Damaged {
        seq,
        what: "its payload digest is not a SHA-256 digest",
    })?;
    Ok(Some(Left {
        event_id,
        event_type,
        sha256,
        was_held,
        kind,
    }))
}

/// Deletes the rest of a row that is not live: its payload, if still stored, and all conflicting
/// content under its id. Changes no count of events.
pub(crate) fn bury(tx: &WriteTx<'_>, now: Timestamp, seq: i64) -> Result<(), Error> {
    let row = tx.first(
        "UPDATE journal_events SET gone = ?2, left_at = COALESCE(left_at, ?3)
             WHERE seq = ?1 AND (superseded_by IS NOT NULL OR discarded IS NOT NULL OR gone IS NOT NULL)
               AND discarded IS NOT ?2 AND gone IS NOT ?2
             RETURNING event_id, event_type, payload_sha256",
        rusqlite::params![seq, PURGED, now.as_micros()],
        |r| {
            Ok((r.get::<_, String>(0)?, r.get::<_, String>(1)?, r.get::<_, Vec<u8>>(2)?))
        },
    )?;
    if let Some((event_id, event_type, digest)) = row
        && tx
            .prepare("DELETE FROM journal_payloads WHERE seq = ?1")?
            .execute([seq])?
            > 0
    {
        let damaged = Error::Damaged {
            seq,
            what: "its payload digest is not a SHA-256 digest",
        };
        let sha256 = Sha256::from_slice(&digest).ok_or(damaged)?;
        let reason = "removed with its project";
        audit(
            tx,
            now,
            &Audit {
                act: PURGED,
                event_id: &event_id,
                event_type: &event_type,
                sha256,
                reason,
            },
        )?;
    }
    let of_row = "event_id = (SELECT event_id FROM journal_events WHERE seq = ?1)";
    let closed = tx
        .prepare(&format!(
            "UPDATE journal_conflicts SET resolved_at = ?2, resolution = ?3 WHERE {of_row} AND resolved_at IS NULL"
        ))?
        .execute(rusqlite::params![seq, now.as_micros(), PURGED])?;
    tx.prepare(&format!(
        "UPDATE journal_conflicts SET envelope = x'' WHERE {of_row}"
    ))?
    .execute([seq])?;
    Ok(add_to_counter(
        tx,
        counter(name::CONFLICTS),
        -i64::try_from(closed).unwrap_or(i64::MAX),
    )?)
}

/// Result of a release.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Release {
    /// It is left to send now.
    Released(Kind),
    /// The hold is removed, but the event was given up or superseded since: it is not sent.
    NotOwed,
    /// It was not on hold.
    NotHeld,
}

/// Releases an event on hold, with an audit row.
pub(crate) fn release(tx: &WriteTx<'_>, now: Timestamp, seq: i64) -> Result<Release, Error> {
    let row = tx.first(
        "UPDATE journal_events SET held = NULL WHERE seq = ?1 AND held IS NOT NULL RETURNING event_id, event_type, payload_sha256, superseded_by IS NULL AND discarded IS NULL AND gone IS NULL, kind",
        [seq],
        |r| Ok((r.get::<_, String>(0)?, r.get::<_, String>(1)?, r.get::<_, Vec<u8>>(2)?, r.get::<_, bool>(3)?, r.get(4)?)),
    )?;
    let Some((event_id, event_type, digest, is_live, kind)) = row else {
        return Ok(Release::NotHeld);
    };
    let kind = Kind::from_code(kind);
    let sha256 = Sha256::from_slice(&digest).ok_or(Error::Damaged {
        seq,
        what: "its payload digest is not a SHA-256 digest",
    })?;
    if is_live {
        add_to_counter(tx, counter_of(kind, name::HELD), -1)?;
    }
    let entry = Audit {
        act: "released",
        event_id: &event_id,
        event_type: &event_type,
        sha256,
        reason: "released by the operator",
    };
    audit(tx, now, &entry)?;
    Ok(if is_live {
        Release::Released(kind)
    } else {
        Release::NotOwed
    })
}
