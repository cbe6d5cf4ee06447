//! Reading the queue: what is due, in order, and the texts.

use rusqlite::named_params;

use super::{Body, Error};
use crate::base::{Sha256, Timestamp, retry};
use crate::event::NamespaceRef;
use crate::store::ReadTx;

/// One body in the queue, without its text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Row {
    /// Its number; never used twice.
    pub(crate) id: i64,
    /// Whose artifact it is.
    pub(crate) namespace: NamespaceRef,
    /// The path below the feature directory.
    pub(crate) path: String,
    /// The digest of the text.
    pub(crate) sha256: Sha256,
    /// The length of the text.
    pub(crate) size_bytes: u64,
    /// How often an upload failed.
    pub(crate) retry_count: u32,
    /// When it may be tried.
    pub(crate) due_at: Timestamp,
    /// When it was queued.
    pub(crate) created_at: Timestamp,
    /// Why the last upload failed.
    pub(crate) last_error: Option<String>,
}

/// A place in the order of the queue; the default comes before everything.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Cursor {
    created_at: i64,
    id: i64,
}

impl Cursor {
    /// Before everything.
    pub(super) const START: Self = Self { created_at: i64::MIN, id: 0 };

    /// Just behind `row`.
    pub(super) fn behind(row: &Row) -> Self {
        Self { created_at: row.created_at.as_micros(), id: row.id }
    }
}

const COLUMNS: &str = "id, project_uuid, mission_slug, target_branch, mission_type, manifest_version, artifact_path,
    content_hash, size_bytes, retry_count, due_at, created_at, last_error";

/// At most `limit` rows behind `after` that may be tried at `now`, in the order (created, id); of every mission, or of
/// the given ones.
pub(super) fn due(
    tx: &ReadTx<'_>,
    missions: Option<&[String]>,
    now: Timestamp,
    after: Cursor,
    limit: u32,
) -> Result<Vec<Row>, Error> {
    let mut statement = tx.prepare(&format!(
        "SELECT {COLUMNS} FROM bodies_queue
         WHERE (created_at, id) > (:created_at, :id) AND (due_at <= :now OR due_at > :too_far)
           AND (:missions IS NULL OR mission_slug IN (SELECT value FROM json_each(:missions)))
         ORDER BY created_at, id LIMIT :limit"
    ))?;
    let rows = statement.query_map(
        named_params! {
            ":created_at": after.created_at, ":id": after.id, ":now": now.as_micros(),
            ":too_far": now.after(retry::LONGEST).as_micros(), ":missions": json(missions), ":limit": limit,
        },
        row,
    )?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

/// At most `limit` rows in the order they are tried in, due or not; of every mission, or of the given ones.
pub(crate) fn list(tx: &ReadTx<'_>, missions: Option<&[String]>, limit: u32) -> Result<Vec<Row>, Error> {
    let mut statement = tx.prepare(&format!(
        "SELECT {COLUMNS} FROM bodies_queue
         WHERE :missions IS NULL OR mission_slug IN (SELECT value FROM json_each(:missions))
         ORDER BY created_at, id LIMIT :limit"
    ))?;
    let rows = statement.query_map(named_params! { ":missions": json(missions), ":limit": limit }, row)?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

/// What the store holds of a row's text.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Stored {
    /// The text, of the digest the row names.
    Intact(Body),
    /// Bytes of another digest: the store is damaged here.
    Damaged,
    /// The row has left the queue meanwhile.
    Gone,
}

/// Reads a row's text and hashes it again, so that nothing but what was queued is ever sent.
pub(super) fn content(tx: &ReadTx<'_>, row: &Row) -> Result<Stored, Error> {
    let mut statement = tx.prepare(
        "SELECT content FROM bodies_blobs WHERE sha256 = ?2 AND EXISTS (SELECT 1 FROM bodies_queue WHERE id = ?1)",
    )?;
    let mut found = statement.query((row.id, row.sha256.as_bytes()))?;
    Ok(match found.next()? {
        Some(blob) => Body::kept(blob.get(0)?, row.sha256).map_or(Stored::Damaged, Stored::Intact),
        None => Stored::Gone,
    })
}

/// The slugs as one SQL value.
pub(super) fn json(missions: Option<&[String]>) -> Option<String> {
    missions.map(|slugs| serde_json::Value::from(slugs).to_string())
}

/// A size or a count from its column.
pub(super) fn unsigned(column: usize, row: &rusqlite::Row<'_>) -> rusqlite::Result<u64> {
    let value: i64 = row.get(column)?;
    u64::try_from(value).map_err(|_| rusqlite::Error::IntegralValueOutOfRange(column, value))
}

/// A size or a count as SQLite keeps it.
pub(super) fn signed(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

/// A digest from its column.
pub(super) fn digest(column: usize, row: &rusqlite::Row<'_>) -> rusqlite::Result<Sha256> {
    let bytes = row.get_ref(column)?.as_blob()?;
    Sha256::from_slice(bytes).ok_or_else(|| {
        rusqlite::Error::FromSqlConversionFailure(column, rusqlite::types::Type::Blob, "a digest has 32 bytes".into())
    })
}

fn row(row: &rusqlite::Row<'_>) -> rusqlite::Result<Row> {
    Ok(Row {
        id: row.get(0)?,
        namespace: NamespaceRef {
            project_uuid: row.get(1)?,
            mission_slug: row.get(2)?,
            target_branch: row.get(3)?,
            mission_type: row.get(4)?,
            manifest_version: row.get(5)?,
        },
        path: row.get(6)?,
        sha256: digest(7, row)?,
        size_bytes: unsigned(8, row)?,
        retry_count: row.get(9)?,
        due_at: Timestamp::from_micros(row.get(10)?),
        created_at: Timestamp::from_micros(row.get(11)?),
        last_error: row.get(12)?,
    })
}
