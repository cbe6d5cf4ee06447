//! How much is queued and how much failed: counters changed with the rows, a recount to check them, and what `status`
//! shows.

use std::collections::BTreeMap;
use std::time::Duration;

use super::Error;
use super::select::{self, unsigned};
use crate::base::{Sha256, Timestamp, retry};
use crate::store::{self, Counter, ReadTx, WriteTx};

/// Rows in the queue.
pub(super) const QUEUED_ROWS: Counter<'static> = Counter { scope: "bodies", name: "queued_rows" };
/// The sum of their sizes.
pub(super) const QUEUED_BYTES: Counter<'static> = Counter { scope: "bodies", name: "queued_bytes" };
/// Open entries of the failure log.
pub(super) const FAILURES: Counter<'static> = Counter { scope: "bodies", name: "failures" };

/// The three numbers that cost the same at any size.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    /// Rows in the queue.
    pub(crate) rows: u64,
    /// The sum of their sizes.
    pub(crate) bytes: u64,
    /// Open entries of the failure log.
    pub(crate) failures: u64,
}

/// The counts, from the counters.
pub(crate) fn counts(tx: &ReadTx<'_>) -> Result<Counts, Error> {
    let get = |counter| store::counter(tx, counter).map(|v| u64::try_from(v).unwrap_or(0));
    Ok(Counts { rows: get(QUEUED_ROWS)?, bytes: get(QUEUED_BYTES)?, failures: get(FAILURES)? })
}

/// The counts, from the rows: what the counters must say.
pub(crate) fn recount(tx: &ReadTx<'_>) -> Result<Counts, Error> {
    Ok(tx.conn().query_row(
        "SELECT (SELECT COUNT(*) FROM bodies_queue), (SELECT COALESCE(SUM(size_bytes), 0) FROM bodies_queue),
                (SELECT COUNT(*) FROM bodies_failure_log WHERE closed_at IS NULL)",
        [],
        |row| Ok(Counts { rows: unsigned(0, row)?, bytes: unsigned(1, row)?, failures: unsigned(2, row)? }),
    )?)
}

/// What each counter must say, by the rows.
pub(crate) fn counters_by_rows(tx: &ReadTx<'_>) -> Result<Vec<(Counter<'static>, i64)>, Error> {
    let counts = recount(tx)?;
    let all = [(QUEUED_ROWS, counts.rows), (QUEUED_BYTES, counts.bytes), (FAILURES, counts.failures)];
    Ok(all.map(|(counter, value)| (counter, i64::try_from(value).unwrap_or(i64::MAX))).into())
}

/// Texts that no row refers to: 0 in an undamaged store.
pub(crate) fn unreferenced_blobs(tx: &ReadTx<'_>) -> Result<u64, Error> {
    Ok(tx.conn().query_row(
        "SELECT COUNT(*) FROM bodies_blobs
         WHERE NOT EXISTS (SELECT 1 FROM bodies_queue WHERE content_hash = bodies_blobs.sha256)",
        [],
        |row| unsigned(0, row),
    )?)
}

/// Queued bodies whose text is missing or is another one than was queued, in words; hashes every text.
pub(crate) fn damaged_texts(tx: &ReadTx<'_>) -> Result<Vec<String>, Error> {
    let mut statement = tx.prepare(
        "SELECT q.mission_slug, q.artifact_path, q.content_hash, b.content, q.size_bytes
         FROM bodies_queue AS q LEFT JOIN bodies_blobs AS b ON b.sha256 = q.content_hash ORDER BY q.id",
    )?;
    let mut rows = statement.query([])?;
    let mut damaged = Vec::new();
    while let Some(row) = rows.next()? {
        let digest = row.get_ref(2)?.as_blob().ok().and_then(Sha256::from_slice);
        let flaw = match row.get_ref(3)?.as_blob_or_null() {
            Ok(Some(text)) if digest != Some(Sha256::of(text)) => "does not match its digest",
            Ok(Some(text)) if i64::try_from(text.len()) != Ok(row.get(4)?) => "has another length than its row says",
            Ok(Some(_)) => continue,
            Ok(None) => "is missing",
            Err(_) => "is not a blob",
        };
        let (mission, path): (String, String) = (row.get(0)?, row.get(1)?);
        damaged.push(format!("the queued text of {mission}/{path} {flaw}"));
    }
    Ok(damaged)
}

/// Raises a counter.
pub(super) fn add(tx: &WriteTx<'_>, counter: Counter<'_>, by: impl TryInto<i64>) -> Result<(), store::Error> {
    store::add_to_counter(tx, counter, by.try_into().unwrap_or(i64::MAX))
}

/// Lowers a counter.
pub(super) fn subtract(tx: &WriteTx<'_>, counter: Counter<'_>, by: impl TryInto<i64>) -> Result<(), store::Error> {
    store::add_to_counter(tx, counter, -by.try_into().unwrap_or(i64::MAX))
}

/// The queue as `status` shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Stats {
    /// The counters.
    pub(crate) counts: Counts,
    /// Rows that may be tried now.
    pub(crate) ready: u64,
    /// Rows that wait after a failure.
    pub(crate) in_backoff: u64,
    /// The age of the oldest row; `None` when the queue is empty.
    pub(crate) oldest_age: Option<Duration>,
    /// How many rows failed how often.
    pub(crate) retry_histogram: BTreeMap<u32, u64>,
}

/// The state of the queue at `now`. Costs as much as there are rows that failed before, not as there are rows.
pub(crate) fn stats(tx: &ReadTx<'_>, now: Timestamp) -> Result<Stats, Error> {
    let counts = counts(tx)?;
    let in_backoff = tx
        .prepare("SELECT COUNT(*) FROM bodies_queue WHERE due_at > ?1 AND due_at <= ?2")?
        .query_row((now.as_micros(), now.after(retry::LONGEST).as_micros()), |row| unsigned(0, row))?;
    let oldest: Option<i64> =
        tx.prepare("SELECT MIN(created_at) FROM bodies_queue")?.query_row([], |row| row.get(0))?;
    let mut by_retries =
        tx.prepare("SELECT retry_count, COUNT(*) FROM bodies_queue WHERE retry_count > 0 GROUP BY retry_count")?;
    let mut retry_histogram: BTreeMap<u32, u64> =
        by_retries.query_map([], |row| Ok((row.get(0)?, unsigned(1, row)?)))?.collect::<rusqlite::Result<_>>()?;
    let untried = counts.rows.saturating_sub(retry_histogram.values().sum());
    if untried > 0 {
        retry_histogram.insert(0, untried);
    }
    Ok(Stats {
        counts,
        ready: counts.rows.saturating_sub(in_backoff),
        in_backoff,
        oldest_age: oldest.map(|at| now.since(Timestamp::from_micros(at))),
        retry_histogram,
    })
}

/// What of one mission is queued and what failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct MissionStats {
    /// The mission.
    pub(crate) mission_slug: String,
    /// Its branch: a mission on two branches has two lines.
    pub(crate) target_branch: String,
    /// Rows in the queue.
    pub(crate) queued: u64,
    /// The sum of their sizes.
    pub(crate) bytes: u64,
    /// Rows that wait after a failure.
    pub(crate) in_backoff: u64,
    /// Open entries of the failure log.
    pub(crate) failures: u64,
}

/// The state of the queue at `now` for each mission that is in it or in the failure log; of every mission, or of the
/// given ones. Reads the whole queue.
pub(crate) fn by_mission(
    tx: &ReadTx<'_>,
    missions: Option<&[String]>,
    now: Timestamp,
) -> Result<Vec<MissionStats>, Error> {
    let mut statement = tx.prepare(
        "SELECT mission_slug, target_branch, SUM(queued), SUM(bytes), SUM(in_backoff), SUM(failures) FROM (
            SELECT mission_slug, target_branch, 1 AS queued, size_bytes AS bytes,
                   due_at > ?2 AND due_at <= ?3 AS in_backoff, 0 AS failures FROM bodies_queue
            UNION ALL
            SELECT mission_slug, target_branch, 0, 0, 0, 1 FROM bodies_failure_log WHERE closed_at IS NULL)
         WHERE ?1 IS NULL OR mission_slug IN (SELECT value FROM json_each(?1))
         GROUP BY mission_slug, target_branch ORDER BY mission_slug, target_branch",
    )?;
    let latest = now.after(retry::LONGEST).as_micros();
    let found = statement.query_map((select::json(missions), now.as_micros(), latest), |row| {
        Ok(MissionStats {
            mission_slug: row.get(0)?,
            target_branch: row.get(1)?,
            queued: unsigned(2, row)?,
            bytes: unsigned(3, row)?,
            in_backoff: unsigned(4, row)?,
            failures: unsigned(5, row)?,
        })
    })?;
    Ok(found.collect::<rusqlite::Result<_>>()?)
}
