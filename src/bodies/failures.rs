//! The failure log of older queues: texts that servers refused and that are not stored here, kept
//! for the user to see.

use rusqlite::named_params;

use super::{Error, Row};
use crate::base::{Sha256, Timestamp};
use crate::event::NamespaceRef;
use crate::store::{self, Counter, ReadTx, WriteTx};

/// Open entries of the failure log.
const FAILURES: Counter<'static> = Counter {
    scope: "bodies",
    name: "failures",
};

/// One entry: the text of an artifact and the reason for its refusal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Failure {
    pub(crate) namespace: NamespaceRef,
    /// The path below the feature directory.
    pub(crate) path: String,
    /// The digest of the text.
    pub(crate) sha256: Sha256,
    /// The length of the text.
    pub(crate) size_bytes: u64,
    /// The reason word, as stored by the older queue.
    pub(crate) reason: String,
    /// Number of refusals.
    pub(crate) count: u32,
    /// The first time.
    pub(crate) first_failed_at: Timestamp,
    /// The last time.
    pub(crate) last_failed_at: Timestamp,
    /// When the artifact was accepted after all, or a user asked for another try; `None` while
    /// open.
    pub(crate) closed_at: Option<Timestamp>,
}

/// Writes an entry of an older failure log; false if the same text is already recorded with the
/// same reason.
pub(crate) fn inherit_failure(tx: &WriteTx<'_>, entry: &Failure) -> Result<bool, Error> {
    if let Some(field) = entry.namespace.blank_field() {
        let (path, mission_slug) = (entry.path.clone(), entry.namespace.mission_slug.clone());
        return Err(Error::BlankNamespace {
            path,
            mission_slug,
            field,
        });
    }
    let is_new = insert(tx, entry)?;
    store::add_to_counter(tx, FAILURES, i64::from(is_new))?;
    Ok(is_new)
}

/// Open entries. O(1).
pub(crate) fn count_failures(tx: &ReadTx<'_>) -> Result<u64, Error> {
    Ok(u64::try_from(store::counter(tx, FAILURES)?).unwrap_or(0))
}

/// The value that each counter must have according to the rows.
pub(crate) fn counters_by_rows(tx: &ReadTx<'_>) -> Result<Vec<(Counter<'static>, i64)>, Error> {
    let sql = "SELECT COUNT(*) FROM bodies_failure_log WHERE closed_at IS NULL";
    Ok(vec![(
        FAILURES,
        tx.conn().query_row(sql, [], |row| row.get(0))?,
    )])
}

/// Deletes every entry; returns how many.
pub(crate) fn purge_failures(tx: &WriteTx<'_>) -> Result<u64, Error> {
    let open = count_failures(tx)?;
    tx.prepare("DELETE FROM bodies_failure_log")?.execute([])?;
    store::add_to_counter(tx, FAILURES, -i64::try_from(open).unwrap_or(i64::MAX))?;
    Ok(open)
}

/// True when a row was written.
fn insert(tx: &WriteTx<'_>, entry: &Failure) -> Result<bool, Error> {
    let mut statement = tx.prepare(
        "INSERT INTO bodies_failure_log (project_uuid, mission_slug, target_branch, mission_type, manifest_version,
            artifact_path, content_hash, size_bytes, failure_reason, failure_count, first_failed_at, last_failed_at,
            closed_at)
         VALUES (:project_uuid, :mission_slug, :target_branch, :mission_type, :manifest_version,
            :path, :sha256, :size, :reason, :count, :first, :last, :closed)
         ON CONFLICT DO NOTHING",
    )?;
    let changed = statement.execute(named_params! {
        ":project_uuid": entry.namespace.project_uuid, ":mission_slug": entry.namespace.mission_slug,
        ":target_branch": entry.namespace.target_branch, ":mission_type": entry.namespace.mission_type,
        ":manifest_version": entry.namespace.manifest_version, ":path": entry.path,
        ":sha256": entry.sha256.as_bytes(), ":size": i64::try_from(entry.size_bytes).unwrap_or(i64::MAX), ":reason": entry.reason,
        ":count": entry.count, ":first": entry.first_failed_at.as_micros(),
        ":last": entry.last_failed_at.as_micros(), ":closed": entry.closed_at.map(Timestamp::as_micros),
    })?;
    Ok(changed > 0)
}

/// Closes the entries of the artifact of `row`, for any of its texts: the server has a text of it
/// now.
pub(super) fn close_for_artifact(tx: &WriteTx<'_>, row: &Row, now: Timestamp) -> Result<(), Error> {
    if count_failures(tx)? == 0 {
        return Ok(());
    }
    let closed = tx
        .prepare(
            "UPDATE bodies_failure_log SET closed_at = ?7
             WHERE project_uuid = ?1 AND mission_slug = ?2 AND target_branch = ?3 AND mission_type = ?4
               AND manifest_version = ?5 AND artifact_path = ?6 AND closed_at IS NULL",
        )?
        .execute((
            &row.namespace.project_uuid,
            &row.namespace.mission_slug,
            &row.namespace.target_branch,
            &row.namespace.mission_type,
            &row.namespace.manifest_version,
            &row.path,
            now.as_micros(),
        ))?;
    Ok(store::add_to_counter(
        tx,
        FAILURES,
        -i64::try_from(closed).unwrap_or(i64::MAX),
    )?)
}

/// Closes the open entries of the given missions, or of all for `None`; returns how many. The next
/// run sends the documents again, and a new refusal opens the entry again.
pub(crate) fn close_failures(
    tx: &WriteTx<'_>,
    missions: Option<&[String]>,
    now: Timestamp,
) -> Result<u64, Error> {
    let closed = tx
        .prepare(
            "UPDATE bodies_failure_log SET closed_at = ?2
             WHERE closed_at IS NULL AND (?1 IS NULL OR mission_slug IN (SELECT value FROM json_each(?1)))",
        )?
        .execute((json(missions), now.as_micros()))?;
    store::add_to_counter(tx, FAILURES, -i64::try_from(closed).unwrap_or(i64::MAX))?;
    Ok(closed as u64)
}

/// At most `limit` entries, the latest first; of every mission, or of the given ones; closed ones
/// too on request.
pub(crate) fn failures(
    tx: &ReadTx<'_>,
    missions: Option<&[String]>,
    with_closed: bool,
    limit: u32,
) -> Result<Vec<Failure>, Error> {
    let mut statement = tx.prepare(
        "SELECT project_uuid, mission_slug, target_branch, mission_type, manifest_version, artifact_path, content_hash,
                size_bytes, failure_reason, failure_count, first_failed_at, last_failed_at, closed_at
         FROM bodies_failure_log
         WHERE (?1 IS NULL OR mission_slug IN (SELECT value FROM json_each(?1))) AND (?2 OR closed_at IS NULL)
         ORDER BY last_failed_at DESC, id DESC LIMIT ?3",
    )?;
    let found = statement.query_map((json(missions), with_closed, limit), |row| {
        Ok(Failure {
            namespace: NamespaceRef {
                project_uuid: row.get(0)?,
                mission_slug: row.get(1)?,
                target_branch: row.get(2)?,
                mission_type: row.get(3)?,
                manifest_version: row.get(4)?,
            },
            path: row.get(5)?,
            sha256: digest(6, row)?,
            size_bytes: unsigned(7, row)?,
            reason: row.get(8)?,
            count: row.get(9)?,
            first_failed_at: Timestamp::from_micros(row.get(10)?),
            last_failed_at: Timestamp::from_micros(row.get(11)?),
            closed_at: row.get::<_, Option<i64>>(12)?.map(Timestamp::from_micros),
        })
    })?;
    Ok(found.collect::<rusqlite::Result<_>>()?)
}

/// The slugs as one SQL value.
fn json(missions: Option<&[String]>) -> Option<String> {
    missions.map(|slugs| serde_json::Value::from(slugs).to_string())
}

/// A size or a count from its column.
fn unsigned(column: usize, row: &rusqlite::Row<'_>) -> rusqlite::Result<u64> {
    let value: i64 = row.get(column)?;
    u64::try_from(value).map_err(|_| rusqlite::Error::IntegralValueOutOfRange(column, value))
}

/// A digest from its column.
fn digest(column: usize, row: &rusqlite::Row<'_>) -> rusqlite::Result<Sha256> {
    let bytes = row.get_ref(column)?.as_blob()?;
    Sha256::from_slice(bytes).ok_or_else(|| {
        rusqlite::Error::FromSqlConversionFailure(
            column,
            rusqlite::types::Type::Blob,
            "a digest has 32 bytes".into(),
        )
    })
}
