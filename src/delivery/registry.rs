//! The targets that this project has delivered to.

use rusqlite::{OptionalExtension as _, Row};

use super::limits::{self, AdvertisedLimits};
use super::postings::scope_of;
use super::{Class, Error, documents, forget};
use crate::base::Timestamp;
use crate::endpoint::{Identity, ReceiverKind};
use crate::journal::{self, Kind};
use crate::store::{Counter, ReadTx, WriteTx, set_counter};

const COLUMNS: &str =
    "id, target_id, receiver, canonical_url, team_slug, user_email, cursor_seq, not_before, throttled,
  limit_events, limit_bytes, clean_batches, live, no_health_until,
  told_events, told_bytes, told_wait_min, told_wait_max, told_at, told_documents,
  told_document_bytes, told_capabilities, documents_not_before";

/// A registered target.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Target {
    /// Its row.
    pub(crate) id: i64,
    /// Its identity.
    pub(crate) identity: Identity,
    /// The last journal row examined for a first attempt.
    pub(crate) cursor_seq: i64,
    /// Time before which the server asked for no requests.
    pub(crate) not_before: Option<Timestamp>,
    /// The same, asked for in an answer to a document.
    pub(crate) documents_not_before: Option<Timestamp>,
    /// How often in a row it asked for a pause.
    pub(crate) throttled: u32,
    /// The learned limit of events in a request.
    pub(crate) limit_events: Option<i64>,
    /// The learned limit of bytes in a request.
    pub(crate) limit_bytes: Option<i64>,
    /// Clean batches since a limit was learned or raised.
    pub(crate) clean_batches: i64,
    /// The limits that it states.
    pub(crate) told: AdvertisedLimits,
    /// When it stated them.
    pub(crate) told_at: Option<Timestamp>,
    /// Time before which its health is not requested, because it has no health endpoint.
    pub(crate) no_health_until: Option<Timestamp>,
    /// True while its balance is maintained; false once it is forgotten.
    pub(crate) is_live: bool,
}

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
            receiver_word(identity.receiver),
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

/// The registered target with this id; `None` if there is none.
pub(crate) fn current(tx: &ReadTx<'_>, target_id: &str) -> Result<Option<Target>, Error> {
    let sql = format!("SELECT {COLUMNS} FROM delivery_targets WHERE target_id = ?1");
    tx.prepare(&sql)?
        .query_row([target_id], |r| Ok(target(r)))
        .optional()?
        .transpose()
}

/// The registered target with this row; `None` if there is none.
pub(crate) fn of_row(tx: &ReadTx<'_>, id: i64) -> Result<Option<Target>, Error> {
    let sql = format!("SELECT {COLUMNS} FROM delivery_targets WHERE id = ?1");
    tx.prepare(&sql)?
        .query_row([id], |r| Ok(target(r)))
        .optional()?
        .transpose()
}

/// The live target that was used last; `None` without one.
pub(crate) fn latest(tx: &ReadTx<'_>) -> Result<Option<Target>, Error> {
    let sql = format!(
        "SELECT {COLUMNS} FROM delivery_targets WHERE live = 1 ORDER BY last_seen_at DESC, id DESC LIMIT 1"
    );
    Ok(collect(tx, &sql)?.pop())
}

/// Every live target.
pub(super) fn live(tx: &ReadTx<'_>) -> Result<Vec<Target>, Error> {
    collect(
        tx,
        &format!("SELECT {COLUMNS} FROM delivery_targets WHERE live = 1 ORDER BY id"),
    )
}

/// Every target, live or not, in the order of registration.
pub(crate) fn targets(tx: &ReadTx<'_>) -> Result<Vec<Target>, Error> {
    collect(
        tx,
        &format!("SELECT {COLUMNS} FROM delivery_targets ORDER BY id"),
    )
}

fn collect(tx: &ReadTx<'_>, sql: &str) -> Result<Vec<Target>, Error> {
    let mut statement = tx.prepare(sql)?;
    let mut rows = statement.query([])?;
    let mut all = Vec::new();
    while let Some(row) = rows.next()? {
        all.push(target(row)?);
    }
    Ok(all)
}

fn target(row: &Row<'_>) -> Result<Target, Error> {
    let receiver: String = row.get(2)?;
    let (told, told_at) = limits::from_row(row, 14)?;
    Ok(Target {
        told,
        told_at,
        id: row.get(0)?,
        identity: Identity {
            target_id: row.get(1)?,
            receiver: receiver_of(&receiver)
                .ok_or_else(|| Error::Damaged(format!("unknown receiver {receiver:?}")))?,
            canonical_url: row.get(3)?,
            team_slug: row.get(4)?,
            user_email: row.get(5)?,
        },
        cursor_seq: row.get(6)?,
        not_before: row.get::<_, Option<i64>>(7)?.map(Timestamp::from_micros),
        documents_not_before: row.get::<_, Option<i64>>(22)?.map(Timestamp::from_micros),
        throttled: row.get(8)?,
        limit_events: row.get(9)?,
        limit_bytes: row.get(10)?,
        clean_batches: row.get(11)?,
        is_live: row.get(12)?,
        no_health_until: row.get::<_, Option<i64>>(13)?.map(Timestamp::from_micros),
    })
}

const fn receiver_word(kind: ReceiverKind) -> &'static str {
    match kind {
        ReceiverKind::Teamspace => "teamspace",
        ReceiverKind::ExternalReceiver => "external-receiver",
        ReceiverKind::Stub => "stub",
    }
}

fn receiver_of(word: &str) -> Option<ReceiverKind> {
    [
        ReceiverKind::Teamspace,
        ReceiverKind::ExternalReceiver,
        ReceiverKind::Stub,
    ]
    .into_iter()
    .find(|kind| receiver_word(*kind) == word)
}
