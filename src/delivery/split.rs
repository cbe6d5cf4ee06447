//! Halving a batch: refused without naming an event, too large, or of unknown end too often.

use super::attempt::{self, End, Parent};
use super::batch::{Batch, Item};
use super::{Error, Target, parking};
use crate::base::Timestamp;
use crate::base::ids::Ids;
use crate::event::BatchForm;
use crate::store::{ReadTx, WriteTx};

/// Closes the attempt and opens one for each half of its events, due at `due`, the left one first.
/// The rows stay in flight. `is_in_doubt`: the receiver may have them.
pub(super) fn split(
    tx: &WriteTx<'_>,
    target: &Target,
    batch: &Batch,
    end: End<'_>,
    is_in_doubt: bool,
    ids: &dyn Ids,
    (now, due): (Timestamp, Timestamp),
) -> Result<(), Error> {
    attempt::close(tx, batch.attempt, end, now)?;
    let (left, right) = batch.items.split_at(middle(tx, &batch.items)?);
    let parent = Parent {
        id: batch.attempt,
        is_in_doubt,
    };
    for half in [left, right] {
        let seqs: Vec<i64> = half.iter().map(|i| i.seq).collect();
        attempt::take_over(tx, target.id, parent, &ids.uuid(), &seqs, (now, due))?;
    }
    Ok(())
}

/// Where to split: in the middle, or one position next to it if the middle would separate two
/// events of one aggregate. A batch of two is always separated.
fn middle(tx: &ReadTx<'_>, items: &[Item]) -> Result<usize, Error> {
    let half = (items.len() / 2).max(1);
    let [Some(last), Some(next)] = [items.get(half - 1), items.get(half)] else {
        return Ok(half);
    };
    let aggregate = if items.len() == 2 {
        None
    } else {
        parking::subject(tx, last.seq)?
    };
    if aggregate.is_none() || aggregate != parking::subject(tx, next.seq)? {
        return Ok(half);
    }
    Ok(if half + 1 < items.len() {
        half + 1
    } else {
        half - 1
    })
}

/// Records that a batch of this size was too large: from now on half of it is the limit, unless a
/// smaller one was learned already. Half of the bytes means half of the events' bytes plus the
/// enclosing list; otherwise one event fewer would fit.
pub(super) fn learn_limit(
    tx: &WriteTx<'_>,
    target: i64,
    batch: &Batch,
    form: BatchForm,
) -> Result<(), Error> {
    let limit = |n: usize| i64::try_from(n).unwrap_or(i64::MAX).max(1);
    let (open, close) = form.brackets();
    let brackets = open.len() + close.len();
    let half_of_bytes = brackets + batch.body.len().saturating_sub(brackets) / 2;
    tx.prepare(
        "UPDATE delivery_targets SET limit_events = MIN(?2, COALESCE(limit_events, ?2)),
           limit_bytes = MIN(?3, COALESCE(limit_bytes, ?3)), clean_batches = 0 WHERE id = ?1",
    )?
    .execute([target, limit(batch.items.len() / 2), limit(half_of_bytes)])?;
    Ok(())
}

/// Twice a learned limit; `None` once it reaches the configured one.
pub(super) fn grown(learned: Option<i64>, configured: usize) -> Option<i64> {
    let twice = learned?.saturating_mul(2);
    (twice < i64::try_from(configured).unwrap_or(i64::MAX)).then_some(twice)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_learned_limit_doubles_until_it_is_none() {
        assert_eq!(grown(Some(3), 10), Some(6));
        assert_eq!(grown(Some(6), 10), None);
        assert_eq!(grown(None, 10), None);
        assert_eq!(grown(Some(i64::MAX), 10), None);
    }
}
