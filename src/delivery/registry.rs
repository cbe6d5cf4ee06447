//! The targets that this project has delivered to.

use rusqlite::Row;

use super::Error;
use super::advertised::{self, AdvertisedLimits};
use crate::base::Timestamp;
use crate::endpoint::{Identity, ReceiverKind};
use crate::store::ReadTx;

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

/// The registered target with this id; `None` if there is none.
pub(crate) fn current(tx: &ReadTx<'_>, target_id: &str) -> Result<Option<Target>, Error> {
    let sql = format!("SELECT {COLUMNS} FROM delivery_targets WHERE target_id = ?1");
    tx.first(&sql, [target_id], |r| Ok(target(r)))?.transpose()
}

/// The registered target with this row; `None` if there is none.
pub(crate) fn of_row(tx: &ReadTx<'_>, id: i64) -> Result<Option<Target>, Error> {
    let sql = format!("SELECT {COLUMNS} FROM delivery_targets WHERE id = ?1");
    tx.first(&sql, [id], |r| Ok(target(r)))?.transpose()
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
    let (told, told_at) = advertised::from_row(row, 14)?;
    Ok(Target {
        told,
        told_at,
        id: row.get(0)?,
        identity: Identity {
            target_id: row.get(1)?,
            receiver: ReceiverKind::of_word(&receiver)
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
