//! Changing the queue: a body comes in once, and leaves when a server has it or has refused it for good.
//!
//! Every function works inside the caller's transaction, and keeps the counters of `stats` in it.

use rusqlite::named_params;

use super::stats::{self, QUEUED_BYTES, QUEUED_ROWS};
use super::{Body, Decision, Error, Row, Status, failures, pause, select};
use crate::base::{Sha256, Timestamp};
use crate::event::NamespaceRef;
use crate::store::WriteTx;

/// A body to be queued.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Entry<'a> {
    /// Whose artifact it is.
    pub(crate) namespace: &'a NamespaceRef,
    /// The path below the feature directory.
    pub(crate) path: &'a str,
    /// The text.
    pub(crate) body: &'a Body,
}

/// How much the queue takes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    /// The most rows (`journal.capacity`).
    pub(crate) rows: u64,
    /// The most bytes, counted once for each row (`bodies.max_queue_bytes`).
    pub(crate) bytes: u64,
}

/// What became of a body offered to the queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Enqueued {
    /// It is in the queue now.
    Queued,
    /// It was there; its row is unchanged.
    AlreadyInQueue,
    /// There is no room for it; the next run offers it again.
    QueueFull,
}

impl Enqueued {
    /// The words of `formats` section 8, rule 9.
    pub(crate) fn decision(self) -> Decision {
        let (status, reason) = match self {
            Self::Queued => (Status::Queued, "enqueued"),
            Self::AlreadyInQueue => (Status::AlreadyExists, "already_in_queue"),
            Self::QueueFull => (Status::Failed, "queue_full"),
        };
        Decision { status, reason: reason.to_owned() }
    }
}

/// Queues a body, unless the same text of the same artifact (all seven fields) is there. `at` is its place in the
/// order: the present, or, for a body taken over from an older queue, when that queue got it.
pub(crate) fn enqueue(tx: &WriteTx<'_>, entry: &Entry<'_>, at: Timestamp, limits: &Limits) -> Result<Enqueued, Error> {
    let Entry { namespace, path, body } = *entry;
    if let Some(field) = namespace.blank_field() {
        let (path, mission_slug) = (path.to_owned(), namespace.mission_slug.clone());
        return Err(Error::BlankNamespace { path, mission_slug, field });
    }
    if is_queued(tx, entry)? {
        return Ok(Enqueued::AlreadyInQueue);
    }
    let (counts, size) = (stats::counts(tx)?, body.text().len() as u64);
    if counts.rows >= limits.rows || counts.bytes.saturating_add(size) > limits.bytes {
        return Ok(Enqueued::QueueFull);
    }
    // A text that was damaged in the store is healed by the intact one.
    tx.prepare(
        "INSERT INTO bodies_blobs (sha256, content) VALUES (?1, ?2)
         ON CONFLICT (sha256) DO UPDATE SET content = excluded.content WHERE content <> excluded.content",
    )?
    .execute((body.sha256().as_bytes(), body.text().as_bytes()))?;
    tx.prepare(
        "INSERT INTO bodies_queue (project_uuid, mission_slug, target_branch, mission_type, manifest_version,
                                   artifact_path, content_hash, size_bytes, created_at)
         VALUES (:project_uuid, :mission_slug, :target_branch, :mission_type, :manifest_version,
                 :path, :sha256, :size, :at)",
    )?
    .execute(named_params! {
        ":project_uuid": namespace.project_uuid, ":mission_slug": namespace.mission_slug,
        ":target_branch": namespace.target_branch, ":mission_type": namespace.mission_type,
        ":manifest_version": namespace.manifest_version, ":path": path, ":sha256": body.sha256().as_bytes(),
        ":size": select::signed(size), ":at": at.as_micros(),
    })?;
    stats::add(tx, QUEUED_ROWS, 1)?;
    stats::add(tx, QUEUED_BYTES, size)?;
    Ok(Enqueued::Queued)
}

fn is_queued(tx: &WriteTx<'_>, entry: &Entry<'_>) -> Result<bool, Error> {
    let Entry { namespace, path, body } = entry;
    Ok(tx
        .prepare(
            "SELECT 1 FROM bodies_queue
             WHERE project_uuid = ?1 AND mission_slug = ?2 AND target_branch = ?3 AND mission_type = ?4
               AND manifest_version = ?5 AND artifact_path = ?6 AND content_hash = ?7",
        )?
        .exists((
            &namespace.project_uuid,
            &namespace.mission_slug,
            &namespace.target_branch,
            &namespace.mission_type,
            &namespace.manifest_version,
            path,
            body.sha256().as_bytes(),
        ))?)
}

/// Takes out a body that a server has, and closes what the failure log says of the artifact.
pub(super) fn settle(tx: &WriteTx<'_>, row: &Row, now: Timestamp) -> Result<(), Error> {
    failures::close_for_artifact(tx, row, now)?;
    remove(tx, row)
}

/// Takes out a body that was refused for good; the failure log is written first.
pub(super) fn fail(tx: &WriteTx<'_>, row: &Row, reason: &str, now: Timestamp) -> Result<(), Error> {
    failures::record(tx, row, reason, now)?;
    remove(tx, row)
}

/// Keeps a body for another try at `due_at`.
pub(super) fn postpone(tx: &WriteTx<'_>, row: &Row, reason: &str, due_at: Timestamp) -> Result<(), Error> {
    tx.prepare("UPDATE bodies_queue SET retry_count = retry_count + 1, due_at = ?2, last_error = ?3 WHERE id = ?1")?
        .execute((row.id, due_at.as_micros(), reason))?;
    Ok(())
}

/// Makes every waiting body of the given missions (or of all) due at once, whatever wait a server asked for. The count of
/// failures stays.
pub(crate) fn retry_now(tx: &WriteTx<'_>, missions: Option<&[String]>) -> Result<u64, Error> {
    pause::end(tx)?;
    let changed = tx
        .prepare(
            "UPDATE bodies_queue SET due_at = 0
             WHERE due_at > 0 AND (?1 IS NULL OR mission_slug IN (SELECT value FROM json_each(?1)))",
        )?
        .execute([select::json(missions)])?;
    Ok(changed as u64)
}

/// Empties the queue, texts included, and says how many rows went.
#[cfg(test)]
pub(super) fn clear(tx: &WriteTx<'_>) -> Result<u64, Error> {
    let counts = stats::counts(tx)?;
    let removed = tx.prepare("DELETE FROM bodies_queue")?.execute([])?;
    tx.prepare("DELETE FROM bodies_blobs")?.execute([])?;
    stats::subtract(tx, QUEUED_ROWS, counts.rows)?;
    stats::subtract(tx, QUEUED_BYTES, counts.bytes)?;
    Ok(removed as u64)
}

/// Deletes a row, and its text when no other row refers to it. A row that is gone already changes nothing.
fn remove(tx: &WriteTx<'_>, row: &Row) -> Result<(), Error> {
    if tx.prepare("DELETE FROM bodies_queue WHERE id = ?1")?.execute([row.id])? == 0 {
        return Ok(());
    }
    release(tx, row.sha256)?;
    stats::subtract(tx, QUEUED_ROWS, 1)?;
    Ok(stats::subtract(tx, QUEUED_BYTES, row.size_bytes)?)
}

fn release(tx: &WriteTx<'_>, sha256: Sha256) -> Result<(), Error> {
    tx.prepare(
        "DELETE FROM bodies_blobs
         WHERE sha256 = ?1 AND NOT EXISTS (SELECT 1 FROM bodies_queue WHERE content_hash = ?1)",
    )?
    .execute([sha256.as_bytes()])?;
    Ok(())
}
