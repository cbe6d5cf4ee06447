//! The upload queue and the failure log, summed up by mission.

use std::collections::BTreeMap;

use super::Error;
use super::select::unsigned;
use crate::store::ReadTx;

/// The bodies of one mission.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct OfMission {
    /// The mission.
    pub(crate) mission_slug: String,
    /// Waiting for upload.
    pub(crate) waiting: u64,
    /// Their bytes.
    pub(crate) bytes: u64,
    /// Refused for good and not taken up again.
    pub(crate) refused: u64,
}

/// Every mission with waiting or refused bodies, the fullest first.
pub(crate) fn by_mission(tx: &ReadTx<'_>) -> Result<Vec<OfMission>, Error> {
    let mut missions: BTreeMap<String, OfMission> = BTreeMap::new();
    let mut waiting =
        tx.prepare("SELECT mission_slug, COUNT(*), SUM(size_bytes) FROM bodies_queue GROUP BY mission_slug")?;
    let mut rows = waiting.query([])?;
    while let Some(row) = rows.next()? {
        let of: &mut OfMission = missions.entry(row.get(0)?).or_default();
        (of.waiting, of.bytes) = (unsigned(1, row)?, unsigned(2, row)?);
    }
    let mut refused = tx.prepare(
        "SELECT mission_slug, COUNT(*) FROM bodies_failure_log WHERE closed_at IS NULL GROUP BY mission_slug",
    )?;
    let mut rows = refused.query([])?;
    while let Some(row) = rows.next()? {
        let of: &mut OfMission = missions.entry(row.get(0)?).or_default();
        of.refused = unsigned(1, row)?;
    }
    let mut all: Vec<_> = missions.into_iter().map(|(mission_slug, of)| OfMission { mission_slug, ..of }).collect();
    all.sort_by_key(|of| std::cmp::Reverse(of.waiting + of.refused));
    Ok(all)
}
