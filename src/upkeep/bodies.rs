//! `bodies list` and `bodies retry`: views of the ledger, for the target that was used last.

use std::path::Path;

use serde::Serialize;

use crate::base::{Timestamp, retry};
use crate::bodies;
use crate::books::{self, Error};
use crate::delivery;
use crate::journal::Document;
use crate::store::Store;

/// Number of rows listed of each kind.
const LISTED: u32 = 1000;

/// Waiting and refused documents, as printed by `bodies list --json`.
#[derive(Debug, Clone, Default, Serialize)]
pub(crate) struct Listing {
    /// Totals of each mission with waiting or refused documents, by name, including rows that are
    /// not listed.
    pub(crate) missions: Vec<MissionNumbers>,
    /// Waiting documents, in sending order.
    pub(crate) queued: Vec<Waiting>,
    /// Documents refused for good, the latest first.
    pub(crate) failed: Vec<Refused>,
}

/// Totals of one mission on one branch.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct MissionNumbers {
    pub(crate) mission_slug: String,
    pub(crate) target_branch: String,
    pub(crate) queued: u64,
    pub(crate) bytes: u64,
    pub(crate) ready: u64,
    pub(crate) in_backoff: u64,
    pub(crate) failures: u64,
}

/// A waiting document.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Waiting {
    pub(crate) project_uuid: String,
    pub(crate) mission_slug: String,
    pub(crate) target_branch: String,
    pub(crate) mission_type: String,
    pub(crate) manifest_version: String,
    pub(crate) path: String,
    pub(crate) content_hash: String,
    pub(crate) size: u64,
    pub(crate) retry_count: u32,
    pub(crate) created_at: String,
    pub(crate) due_at: String,
    /// True if it may be sent now.
    pub(crate) is_ready: bool,
    pub(crate) last_error: Option<String>,
}

/// A refused document.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Refused {
    pub(crate) project_uuid: String,
    pub(crate) mission_slug: String,
    pub(crate) target_branch: String,
    pub(crate) mission_type: String,
    pub(crate) manifest_version: String,
    pub(crate) path: String,
    pub(crate) content_hash: String,
    pub(crate) reason: String,
    pub(crate) count: u32,
    pub(crate) first_failed_at: String,
    pub(crate) last_failed_at: String,
    /// When the artifact was accepted after all, or the user requested another try; null while
    /// open.
    pub(crate) closed_at: Option<String>,
}

/// The documents of the store at `store` at `now`, of the given missions or of all for `None`.
pub(crate) fn list_bodies(
    store: &Path,
    missions: Option<&[String]>,
    with_closed: bool,
    now: Timestamp,
) -> Result<Listing, Error> {
    let Some(store) = books::open_read(store)? else {
        return Ok(Listing::default());
    };
    store.read(|tx| {
        let target = delivery::latest(tx)?.map(|target| target.id);
        let numbers = bodies::by_mission(tx, target, missions, now)?
            .into_iter()
            .map(MissionNumbers::of);
        let listed = usize::try_from(LISTED).unwrap_or(usize::MAX);
        let queued = bodies::list(tx, target, missions, listed)?
            .into_iter()
            .map(|row| Waiting::of(row, now));
        let failed = bodies::refusals(tx, target, missions, with_closed, LISTED)?
            .into_iter()
            .map(Refused::of);
        Ok(Listing {
            missions: numbers.collect(),
            queued: queued.collect(),
            failed: failed.collect(),
        })
    })
}

impl MissionNumbers {
    fn of(found: bodies::MissionStats) -> Self {
        let bodies::MissionStats {
            mission_slug,
            target_branch,
            queued,
            bytes,
            in_backoff,
            failures,
        } = found;
        let ready = queued.saturating_sub(in_backoff);
        Self {
            mission_slug,
            target_branch,
            queued,
            bytes,
            ready,
            in_backoff,
            failures,
        }
    }
}

impl Waiting {
    fn of(row: bodies::Row, now: Timestamp) -> Self {
        Self {
            project_uuid: row.namespace.project_uuid,
            mission_slug: row.namespace.mission_slug,
            target_branch: row.namespace.target_branch,
            mission_type: row.namespace.mission_type,
            manifest_version: row.namespace.manifest_version,
            path: row.path,
            content_hash: row.sha256.to_string(),
            size: row.size_bytes,
            retry_count: row.retry_count,
            created_at: row.created_at.to_string(),
            due_at: row.due_at.to_string(),
            is_ready: retry::is_due(row.due_at, now),
            last_error: row.last_error,
        }
    }
}

impl Refused {
    fn of(failure: bodies::Failure) -> Self {
        Self {
            project_uuid: failure.namespace.project_uuid,
            mission_slug: failure.namespace.mission_slug,
            target_branch: failure.namespace.target_branch,
            mission_type: failure.namespace.mission_type,
            manifest_version: failure.namespace.manifest_version,
            path: failure.path,
            content_hash: failure.sha256.to_string(),
            reason: failure.reason,
            count: failure.count,
            first_failed_at: failure.first_failed_at.to_string(),
            last_failed_at: failure.last_failed_at.to_string(),
            closed_at: failure.closed_at.map(|at| at.to_string()),
        }
    }
}

/// Result of a retry.
#[derive(Debug, Clone, Copy, Default, Serialize)]
pub(crate) struct Retried {
    /// Waiting documents that are due now.
    pub(crate) due_now: u64,
    /// Refused documents that are requeued, and closed entries of the failure log of older queues.
    pub(crate) reopened: u64,
}

/// Makes the documents of the given missions, or of all for `None`, due now.
pub(crate) fn retry_bodies(
    store: &mut Store,
    missions: Option<&[String]>,
    now: Timestamp,
) -> Result<Retried, Error> {
    store.write(|tx| {
        let closed = bodies::close_failures(tx, missions, now)?;
        let is_meant = |document: &Document| {
            missions.is_none_or(|slugs| slugs.contains(&document.namespace.mission_slug))
        };
        let (due_now, reopened) = match delivery::latest(tx)? {
            Some(target) => delivery::retry_documents(tx, target.id, &is_meant)?,
            None => (0, 0),
        };
        Ok(Retried {
            due_now,
            reopened: reopened + closed,
        })
    })
}
