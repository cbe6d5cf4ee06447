//! An id that is captured again.

use super::entry::{Appended, Entry};
use super::state::{counter, name};
use super::{Error, retire};
use crate::base::{Sha256, Timestamp, json};
use crate::store::{ReadTx, WriteTx, add_to_counter};

/// The row with a known id.
#[derive(Debug)]
pub(super) struct Known {
    seq: i64,
    digest: Vec<u8>,
    is_purged: bool,
}

/// Looks up an id.
pub(super) fn known(tx: &ReadTx<'_>, event_id: &str) -> Result<Option<Known>, Error> {
    let sql = "SELECT seq, payload_sha256, discarded IS ?2 OR gone IS ?2 FROM journal_events
               WHERE event_id = ?1 AND discarded IS NOT 'replaced'";
    Ok(tx.first(sql, [event_id, retire::PURGED], |r| {
        Ok(Known {
            seq: r.get(0)?,
            digest: r.get(1)?,
            is_purged: r.get(2)?,
        })
    })?)
}

/// The result for an entry with a known id. Nothing is stored of an event that was purged; the same
/// meaning adds nothing; other content is kept apart as a conflict and audited.
pub(super) fn again(
    tx: &WriteTx<'_>,
    now: Timestamp,
    entry: &Entry<'_>,
    digest: Sha256,
    known: Known,
) -> Result<Appended, Error> {
    let Known {
        seq,
        digest: existing,
        is_purged,
    } = known;
    if is_purged {
        return Ok(Appended::Purged { seq });
    }
    let same = existing == digest.as_bytes()
        || super::payload(tx, seq)?.is_some_and(|kept| json::same_meaning(&kept, entry.envelope));
    if same {
        return Ok(Appended::Unchanged { seq });
    }
    let quarantined = tx
        .prepare(
            "INSERT INTO journal_conflicts (event_id, existing_sha256, incoming_sha256, envelope, origin, found_at)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6) ON CONFLICT DO NOTHING",
        )?
        .execute(rusqlite::params![
            entry.event_id,
            existing,
            &digest.as_bytes()[..],
            entry.envelope,
            entry.origin,
            now.as_micros()
        ])?;
    if quarantined > 0 {
        add_to_counter(tx, counter(name::CONFLICTS), 1)?;
        let reason = format!("another content than row {seq} under the same id; kept apart");
        let audit = retire::Audit {
            act: "conflict",
            event_id: entry.event_id,
            event_type: entry.event_type,
            sha256: digest,
            reason: &reason,
        };
        retire::audit(tx, now, &audit)?;
    }
    Ok(Appended::Conflict { seq })
}

/// The journal's state of an event from a file that may be rewritten.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Seen {
    /// The same content, except for the team, which is filled in when sending and depends on who
    /// captured it.
    Same {
        /// It is on hold.
        is_held: bool,
    },
    /// Other content. The known one stays.
    Other {
        /// The mission that the known one names; `None` if it names none or its payload is deleted.
        mission_slug: Option<String>,
    },
    /// It was imported from an older store.
    Imported,
    /// It was removed with its project, and stays removed.
    Purged,
}

/// Looks up an event by its id. The content is compared by meaning, or by its bytes if the payload
/// is deleted.
pub(crate) fn seen(
    tx: &ReadTx<'_>,
    event_id: &str,
    envelope: &[u8],
) -> Result<Option<Seen>, Error> {
    let Some(Known {
        seq,
        digest,
        is_purged,
    }) = known(tx, event_id)?
    else {
        return Ok(None);
    };
    if is_purged {
        return Ok(Some(Seen::Purged));
    }
    let sql = "SELECT origin LIKE 'import:%', held IS NOT NULL FROM journal_events WHERE seq = ?1";
    let (is_imported, is_held): (bool, bool) =
        tx.one(sql, [seq], |r| Ok((r.get(0)?, r.get(1)?)))?;
    if digest == Sha256::of(envelope).as_bytes() {
        return Ok(Some(Seen::Same { is_held }));
    }
    let kept = super::payload(tx, seq)?.and_then(|kept| members_without_team(&kept));
    if kept.is_some() && kept == members_without_team(envelope) {
        return Ok(Some(Seen::Same { is_held }));
    }
    let named = kept
        .as_ref()
        .and_then(|kept| kept.get("payload")?.get("mission_slug"));
    let mission_slug = named.and_then(|named| named.as_str().map(str::to_owned));
    Ok(Some(if is_imported {
        Seen::Imported
    } else {
        Seen::Other { mission_slug }
    }))
}

/// The members of an envelope; `None` if a strict parser rejects it.
fn members_without_team(envelope: &[u8]) -> Option<serde_json::Map<String, serde_json::Value>> {
    let mut members: serde_json::Map<String, serde_json::Value> =
        serde_json::from_slice(envelope).ok()?;
    members.remove("team_slug");
    Some(members)
}
