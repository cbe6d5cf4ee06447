//! Bodies taken over from an older queue, with what that queue knew of them.

use super::failures::{self, Failure};
use super::stats::{self, FAILURES};
use super::{Body, Entry, Error, Limits, enqueue};
use crate::base::{Sha256, Timestamp};
use crate::event::NamespaceRef;
use crate::store::WriteTx;

/// A body of an older queue.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Inherited<'a> {
    /// Whose artifact it is.
    pub(crate) namespace: &'a NamespaceRef,
    /// The path below the feature directory.
    pub(crate) path: &'a str,
    /// The text.
    pub(crate) body: &'a Body,
    /// How often an upload failed.
    pub(crate) retry_count: u32,
    /// When it may be tried again.
    pub(crate) due_at: Timestamp,
    /// When it was queued.
    pub(crate) created_at: Timestamp,
    /// Why the last upload failed.
    pub(crate) last_error: Option<&'a str>,
}

/// Queues a body as it stood in an older queue; false when it is queued already. Never refused for want of room.
pub(crate) fn inherit(tx: &WriteTx<'_>, from: &Inherited<'_>) -> Result<bool, Error> {
    let entry = Entry { namespace: from.namespace, path: from.path, body: from.body };
    let limits = Limits { rows: u64::MAX, bytes: u64::MAX };
    let is_new = enqueue(tx, &entry, from.created_at, &limits)? == super::queue::Enqueued::Queued;
    if is_new {
        tx.prepare(
            "UPDATE bodies_queue SET retry_count = ?8, due_at = ?9, last_error = ?10
             WHERE project_uuid = ?1 AND mission_slug = ?2 AND target_branch = ?3 AND mission_type = ?4
               AND manifest_version = ?5 AND artifact_path = ?6 AND content_hash = ?7",
        )?
        .execute((
            &from.namespace.project_uuid,
            &from.namespace.mission_slug,
            &from.namespace.target_branch,
            &from.namespace.mission_type,
            &from.namespace.manifest_version,
            from.path,
            from.body.sha256().as_bytes(),
            from.retry_count,
            from.due_at.as_micros(),
            from.last_error,
        ))?;
    }
    Ok(is_new)
}

/// An entry of an older failure log.
#[derive(Debug, Clone)]
pub(crate) struct InheritedFailure {
    /// Whose artifact it is.
    pub(crate) namespace: NamespaceRef,
    /// The path below the feature directory.
    pub(crate) path: String,
    /// The digest of the text.
    pub(crate) sha256: Sha256,
    /// The length of the text.
    pub(crate) size_bytes: u64,
    /// Why it was refused.
    pub(crate) reason: String,
    /// How often.
    pub(crate) count: u32,
    /// The first time.
    pub(crate) first_failed_at: Timestamp,
    /// The last time.
    pub(crate) last_failed_at: Timestamp,
}

/// Writes an entry of an older failure log; false when the same text is noted for the same reason already.
pub(crate) fn inherit_failure(tx: &WriteTx<'_>, from: InheritedFailure) -> Result<bool, Error> {
    if let Some(field) = from.namespace.blank_field() {
        return Err(Error::BlankNamespace { path: from.path, mission_slug: from.namespace.mission_slug, field });
    }
    let entry = Failure {
        namespace: from.namespace,
        path: from.path,
        sha256: from.sha256,
        size_bytes: from.size_bytes,
        reason: from.reason,
        count: from.count,
        first_failed_at: from.first_failed_at,
        last_failed_at: from.last_failed_at,
        closed_at: None,
    };
    let is_new = failures::insert(tx, &entry, "DO NOTHING")?;
    stats::add(tx, FAILURES, i64::from(is_new))?;
    Ok(is_new)
}
