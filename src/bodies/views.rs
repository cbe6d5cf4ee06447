//! Waiting and refused documents as lists and totals: views of the ledger.

use std::collections::BTreeMap;
use std::time::Duration;

use super::{Error, Failure, count_failures, failures, list};
use crate::base::{Timestamp, retry};
use crate::delivery::{self, Class, RefusedDocument, Target};
use crate::journal::Kind;
use crate::store::ReadTx;

/// The totals of documents that `status` shows.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Stats {
    /// Documents that the target lacks.
    pub(crate) queued: u64,
    /// Documents that may be sent now: the target has their events.
    pub(crate) ready: u64,
    /// Documents that wait after a failure.
    pub(crate) in_backoff: u64,
    /// Refused for good.
    pub(crate) failures: u64,
    /// The age of the oldest waiting document; `None` without any.
    pub(crate) oldest_age: Option<Duration>,
    /// Number of documents by number of failures.
    pub(crate) retry_histogram: BTreeMap<u32, u64>,
}

/// The totals at a target at `now`. O(waiting documents).
pub(crate) fn stats(
    tx: &ReadTx<'_>,
    target: Option<&Target>,
    now: Timestamp,
) -> Result<Stats, Error> {
    let balance = delivery::balance_of(tx, target, Kind::Document)?;
    let count = |class| u64::try_from(balance.of(class)).unwrap_or(0);
    let queued = count(Class::Untried) + count(Class::Retryable);
    let failures = count(Class::Undeliverable) + count_failures(tx)?;
    let (in_backoff, mut retry_histogram) = target.map_or_else(
        || Ok((0, BTreeMap::new())),
        |target| delivery::document_retries(tx, target.id, now),
    )?;
    let untried = queued.saturating_sub(retry_histogram.values().sum());
    if untried > 0 {
        retry_histogram.insert(0, untried);
    }
    let sendable = target.map_or(Ok(0), |target| delivery::sendable(tx, target.id))?;
    let oldest = target.map_or(Ok(None), |target| delivery::oldest_document(tx, target.id))?;
    Ok(Stats {
        queued,
        ready: sendable.saturating_sub(in_backoff),
        in_backoff,
        failures,
        oldest_age: oldest.map(|at| now.since(at)),
        retry_histogram,
    })
}

/// Waiting and refused documents of one mission.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct MissionStats {
    /// The mission.
    pub(crate) mission_slug: String,
    /// Its branch: a mission on two branches has two entries.
    pub(crate) target_branch: String,
    /// Documents that the target lacks.
    pub(crate) queued: u64,
    /// The sum of their sizes.
    pub(crate) bytes: u64,
    /// Documents that wait after a failure.
    pub(crate) in_backoff: u64,
    /// Refused for good.
    pub(crate) failures: u64,
}

/// The totals of each mission that has any, limited to the given missions unless `None`. O(waiting
/// documents).
pub(crate) fn by_mission(
    tx: &ReadTx<'_>,
    target: Option<i64>,
    missions: Option<&[String]>,
    now: Timestamp,
) -> Result<Vec<MissionStats>, Error> {
    let mut all: BTreeMap<(String, String), MissionStats> = BTreeMap::new();
    for row in list(tx, target, missions, usize::MAX)? {
        let stats = entry(
            &mut all,
            &row.namespace.mission_slug,
            &row.namespace.target_branch,
        );
        stats.queued += 1;
        stats.bytes += row.size_bytes;
        stats.in_backoff += u64::from(!retry::is_due(row.due_at, now));
    }
    for refused in refusals(tx, target, missions, false, u32::MAX)? {
        entry(
            &mut all,
            &refused.namespace.mission_slug,
            &refused.namespace.target_branch,
        )
        .failures += 1;
    }
    Ok(all.into_values().collect())
}

fn entry<'a>(
    all: &'a mut BTreeMap<(String, String), MissionStats>,
    slug: &str,
    branch: &str,
) -> &'a mut MissionStats {
    all.entry((slug.to_owned(), branch.to_owned()))
        .or_insert_with(|| MissionStats {
            mission_slug: slug.to_owned(),
            target_branch: branch.to_owned(),
            queued: 0,
            bytes: 0,
            in_backoff: 0,
            failures: 0,
        })
}

/// Documents that were refused for good, the latest first: by the target, and in the failure log of
/// older queues. Entries that were requeued are included on request.
pub(crate) fn refusals(
    tx: &ReadTx<'_>,
    target: Option<i64>,
    missions: Option<&[String]>,
    with_closed: bool,
    limit: u32,
) -> Result<Vec<Failure>, Error> {
    let mut all = failures(tx, missions, with_closed, limit)?;
    let own = target.map_or_else(
        || Ok(Vec::new()),
        |target| delivery::refused_documents(tx, target),
    )?;
    let is_meant = |refused: &RefusedDocument| {
        missions.is_none_or(|slugs| slugs.contains(&refused.document.namespace.mission_slug))
    };
    all.extend(own.into_iter().filter(is_meant).map(|refused| Failure {
        namespace: refused.document.namespace,
        path: refused.document.path,
        sha256: refused.document.sha256,
        size_bytes: refused.document.size,
        reason: refused.reason,
        count: u32::try_from(refused.attempts).unwrap_or(u32::MAX),
        first_failed_at: refused.first_at,
        last_failed_at: refused.last_at,
        closed_at: None,
    }));
    all.sort_by_key(|failure| std::cmp::Reverse(failure.last_failed_at));
    all.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
    Ok(all)
}
