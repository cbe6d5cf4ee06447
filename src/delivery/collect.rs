//! The states of a range of journal rows at every target, and the postings after their payloads
//! were deleted.

use std::collections::BTreeMap;

use super::postings::Postings;
use super::registry::{self, Target};
use super::rows::status;
use super::{Class, Error, Status};
use crate::journal::Kind;
use crate::store::{ReadTx, WriteTx};

/// The states of the rows of a range at every target that was ever used.
#[derive(Debug)]
pub(crate) struct Standings(Vec<(Target, BTreeMap<i64, Status>)>);

impl Standings {
    /// Reads the states, one range of rows per target.
    pub(crate) fn read(tx: &ReadTx<'_>, first: i64, last: i64) -> Result<Self, Error> {
        let mut all = Vec::new();
        for target in registry::targets(tx)? {
            let mut statement = tx.prepare(
                "SELECT seq, status FROM delivery_rows WHERE target = ?1 AND seq BETWEEN ?2 AND ?3",
            )?;
            let mut rows = statement.query([target.id, first, last])?;
            let mut statuses = BTreeMap::new();
            while let Some(row) = rows.next()? {
                statuses.insert(
                    row.get(0)?,
                    status(row.get_ref(1)?.as_str().map_err(rusqlite::Error::from)?)?,
                );
            }
            all.push((target, statuses));
        }
        Ok(Self(all))
    }

    /// The state of a row at each target; `None` if it has no row there.
    pub(crate) fn of(&self, seq: i64) -> impl Iterator<Item = (&Target, Option<Status>)> {
        self.0
            .iter()
            .map(move |(target, statuses)| (target, statuses.get(&seq).copied()))
    }
}

/// Posts that the payloads of these live events were deleted: where one was left to send it becomes
/// purged, and its row is closed. The caller guarantees that none is on hold or in flight.
pub(crate) fn post_collected(
    tx: &WriteTx<'_>,
    standings: &Standings,
    rows: &[(i64, Kind)],
) -> Result<(), Error> {
    let seqs: Vec<i64> = rows.iter().map(|(seq, _)| *seq).collect();
    for (target, statuses) in &standings.0 {
        let (mut postings, mut is_any_open) = (Postings::default(), false);
        for (seq, kind) in rows {
            let from = statuses
                .get(seq)
                .map_or(Class::Untried, |status| status.class());
            if !matches!(from, Class::Delivered | Class::Undeliverable) {
                postings.moved_of(*kind, from, Class::Purged);
                is_any_open |= statuses.contains_key(seq);
            }
        }
        if target.is_live {
            postings.post(tx, target.id)?;
        }
        if is_any_open {
            tx.prepare(
                "UPDATE delivery_rows SET status = 'closed', due_at = NULL, behind = NULL
                 WHERE target = ?1 AND seq IN (SELECT value FROM json_each(?2))
                   AND status IN ('queued', 'rejected', 'transient')",
            )?
            .execute((
                target.id,
                serde_json::Value::from(seqs.as_slice()).to_string(),
            ))?;
        }
    }
    Ok(())
}
