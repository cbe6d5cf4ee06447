//! The failure log: what servers refused for good. Nothing leaves the queue unsent without an entry here.

use rusqlite::named_params;

use super::stats::{self, FAILURES};
use super::{Error, Row, select};
use crate::base::{Sha256, Timestamp};
use crate::event::NamespaceRef;
use crate::store::{ReadTx, WriteTx};

/// One entry: an artifact's text and a reason it was refused for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Failure {
    /// Whose artifact it is.
    pub(crate) namespace: NamespaceRef,
    /// The path below the feature directory.
    pub(crate) path: String,
    /// The digest of the text.
    pub(crate) sha256: Sha256,
    /// The length of the text.
    pub(crate) size_bytes: u64,
    /// The reason (`formats` section 11.3).
    pub(crate) reason: String,
    /// How often.
    pub(crate) count: u32,
    /// The first time.
    pub(crate) first_failed_at: Timestamp,
    /// The last time.
    pub(crate) last_failed_at: Timestamp,
    /// When the artifact was accepted after all, or a person asked for another try.
    pub(crate) closed_at: Option<Timestamp>,
}

/// Writes an entry for `row`, or counts up the one that is there and opens it again.
pub(super) fn record(tx: &WriteTx<'_>, row: &Row, reason: &str, now: Timestamp) -> Result<(), Error> {
    let entry = Failure {
        namespace: row.namespace.clone(),
        path: row.path.clone(),
        sha256: row.sha256,
        size_bytes: row.size_bytes,
        reason: reason.to_owned(),
        count: 1,
        first_failed_at: now,
        last_failed_at: now,
        closed_at: None,
    };
    let is_open = is_open(tx, &entry)?;
    insert(
        tx,
        &entry,
        "DO UPDATE SET failure_count = failure_count + 1, last_failed_at = excluded.last_failed_at, closed_at = NULL",
    )?;
    Ok(stats::add(tx, FAILURES, i64::from(!is_open))?)
}

/// True when a row was written.
pub(super) fn insert(tx: &WriteTx<'_>, entry: &Failure, otherwise: &str) -> Result<bool, Error> {
    let mut statement = tx.prepare(&format!(
        "INSERT INTO bodies_failure_log (project_uuid, mission_slug, target_branch, mission_type, manifest_version,
            artifact_path, content_hash, size_bytes, failure_reason, failure_count, first_failed_at, last_failed_at,
            closed_at)
         VALUES (:project_uuid, :mission_slug, :target_branch, :mission_type, :manifest_version,
            :path, :sha256, :size, :reason, :count, :first, :last, :closed)
         ON CONFLICT {otherwise}"
    ))?;
    let changed = statement.execute(named_params! {
        ":project_uuid": entry.namespace.project_uuid, ":mission_slug": entry.namespace.mission_slug,
        ":target_branch": entry.namespace.target_branch, ":mission_type": entry.namespace.mission_type,
        ":manifest_version": entry.namespace.manifest_version, ":path": entry.path,
        ":sha256": entry.sha256.as_bytes(), ":size": select::signed(entry.size_bytes), ":reason": entry.reason,
        ":count": entry.count, ":first": entry.first_failed_at.as_micros(),
        ":last": entry.last_failed_at.as_micros(), ":closed": entry.closed_at.map(Timestamp::as_micros),
    })?;
    Ok(changed > 0)
}

fn is_open(tx: &ReadTx<'_>, entry: &Failure) -> Result<bool, Error> {
    Ok(tx
        .prepare(
            "SELECT 1 FROM bodies_failure_log
             WHERE project_uuid = ?1 AND mission_slug = ?2 AND target_branch = ?3 AND mission_type = ?4
               AND manifest_version = ?5 AND artifact_path = ?6 AND content_hash = ?7 AND failure_reason = ?8
               AND closed_at IS NULL",
        )?
        .exists((
            &entry.namespace.project_uuid,
            &entry.namespace.mission_slug,
            &entry.namespace.target_branch,
            &entry.namespace.mission_type,
            &entry.namespace.manifest_version,
            &entry.path,
            entry.sha256.as_bytes(),
            &entry.reason,
        ))?)
}

/// Closes the entries of the artifact of `row`, whatever text they are about: the server has a text of it now.
pub(super) fn close_for_artifact(tx: &WriteTx<'_>, row: &Row, now: Timestamp) -> Result<(), Error> {
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
    Ok(stats::subtract(tx, FAILURES, closed)?)
}

/// Closes the open entries of the given missions (or of all), and says how many: a person has seen them. The next run
/// offers the bodies again, and a new refusal opens the entry again.
pub(crate) fn close_failures(tx: &WriteTx<'_>, missions: Option<&[String]>, now: Timestamp) -> Result<u64, Error> {
    let closed = tx
        .prepare(
            "UPDATE bodies_failure_log SET closed_at = ?2
             WHERE closed_at IS NULL AND (?1 IS NULL OR mission_slug IN (SELECT value FROM json_each(?1)))",
        )?
        .execute((select::json(missions), now.as_micros()))?;
    stats::subtract(tx, FAILURES, closed)?;
    Ok(closed as u64)
}

/// At most `limit` entries, the latest first; of every mission, or of the given ones; closed ones too when asked.
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
    let found = statement.query_map((select::json(missions), with_closed, limit), |row| {
        Ok(Failure {
            namespace: NamespaceRef {
                project_uuid: row.get(0)?,
                mission_slug: row.get(1)?,
                target_branch: row.get(2)?,
                mission_type: row.get(3)?,
                manifest_version: row.get(4)?,
            },
            path: row.get(5)?,
            sha256: select::digest(6, row)?,
            size_bytes: select::unsigned(7, row)?,
            reason: row.get(8)?,
            count: row.get(9)?,
            first_failed_at: Timestamp::from_micros(row.get(10)?),
            last_failed_at: Timestamp::from_micros(row.get(11)?),
            closed_at: row.get::<_, Option<i64>>(12)?.map(Timestamp::from_micros),
        })
    })?;
    Ok(found.collect::<rusqlite::Result<_>>()?)
}
