//! Registering a target: its books are opened, or those of a forgotten one are restored.

use super::postings::scope_of;
use super::registry::{Target, current};
use super::{Class, Error, documents, forget};
use crate::base::Timestamp;
use crate::endpoint::Identity;
use crate::journal::{self, Kind};
use crate::store::{Counter, WriteTx, set_counter};

/// Registers a target, or updates the one that has this identity. For a new target the whole
/// journal is left to send: its counters are the journal's totals, in O(1). A forgotten one is
/// restored.
pub(crate) fn register(
    tx: &WriteTx<'_>,
    identity: &Identity,
    now: Timestamp,
) -> Result<Target, Error> {
    let inserted = tx
        .prepare(
            "INSERT INTO delivery_targets (target_id, receiver, canonical_url, team_slug, user_email, first_seen_at,
               last_seen_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?6) ON CONFLICT (target_id) DO NOTHING",
        )?
        .execute(rusqlite::params![
            identity.target_id,
            identity.receiver.word(),
            identity.canonical_url,
            identity.team_slug,
            identity.user_email,
            now.as_micros()
        ])?;
    let target = current(tx, &identity.target_id)?
        .ok_or_else(|| Error::Damaged(format!("target {} vanished", identity.target_id)))?;
    if inserted > 0 {
        open_books(tx, target.id)?;
    } else {
        tx.prepare("UPDATE delivery_targets SET last_seen_at = ?2 WHERE id = ?1")?
            .execute([target.id, now.as_micros()])?;
    }
    if !target.is_live {
        forget::remember(tx, &target)?;
        return Ok(Target {
            is_live: true,
            ..target
        });
    }
    Ok(target)
}

fn open_books(tx: &WriteTx<'_>, target: i64) -> Result<(), Error> {
    for kind in Kind::ALL {
        let (totals, scope) = (journal::totals_of(tx, kind)?, scope_of(target, kind));
        for (class, value) in [
            (Class::Untried, totals.live - totals.held),
            (Class::Blocked, totals.held),
            (Class::Superseded, totals.superseded),
            (Class::Discarded, totals.discarded),
            (Class::Purged, totals.gone),
        ] {
            set_counter(
                tx,
                Counter {
                    scope: &scope,
                    name: class.name(),
                },
                value,
            )?;
        }
    }
    documents::enter_all(tx, target)
}
