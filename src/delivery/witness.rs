//! Consistency of attempts and rows, for `verify`.
//!
//! Neither is ever deleted. An attempt is recorded before it is sent, so a row with an answer is
//! listed by an attempt, and each row that an attempt lists exists. A removed or moved row or
//! attempt is therefore visible in the other.

use super::{Error, Target};
use crate::store::ReadTx;

/// Number of missing attempts. Their ids are consecutive, and none is ever deleted.
pub(crate) fn lost_attempts(tx: &ReadTx<'_>) -> Result<i64, Error> {
    let sql = "SELECT COALESCE(MAX(id), 0) - COUNT(*) FROM delivery_attempts";
    Ok(tx.one(sql, [], |r| r.get(0))?)
}

/// Contradictions between the rows of a target and its attempts, as sentences. O(rows); memory
/// grows only with the number of attempts.
pub(crate) fn contradictions(tx: &ReadTx<'_>, target: &Target) -> Result<Vec<String>, Error> {
    let listed = listed(tx, target.id)?;
    let mut statement = tx.prepare(
        "SELECT seq, attempts FROM delivery_rows WHERE target = ?1 AND kind = 0 ORDER BY seq",
    )?;
    let mut rows = statement.query([target.id])?;
    let (mut unlisted, mut covered) = (0_u64, 0_i64);
    let mut spans = listed.iter().peekable();
    while let Some(row) = rows.next()? {
        let (seq, answers): (i64, i64) = (row.get(0)?, row.get(1)?);
        while spans.next_if(|(_, last)| *last < seq).is_some() {}
        if spans.peek().is_some_and(|(first, _)| *first <= seq) {
            covered += 1;
        } else if answers > 0 {
            unlisted += 1;
        }
    }
    let all: i64 = listed.iter().map(|(first, last)| last - first + 1).sum();
    let name = &target.identity.target_id;
    let mut found = Vec::new();
    if unlisted > 0 {
        found.push(format!(
            "{unlisted} events that were answered and that no attempt lists (target {name})"
        ));
    }
    if all > covered {
        found.push(format!(
            "{} events that an attempt lists and that have no row (target {name})",
            all - covered
        ));
    }
    Ok(found)
}

/// The rows that the attempts of a target list, as spans that neither touch nor overlap, in order.
fn listed(tx: &ReadTx<'_>, target: i64) -> Result<Vec<(i64, i64)>, Error> {
    let mut statement = tx.prepare("SELECT id, seqs FROM delivery_attempts WHERE target = ?1")?;
    let mut rows = statement.query([target])?;
    let mut spans = Vec::new();
    while let Some(row) = rows.next()? {
        let (id, words): (i64, String) = (row.get(0)?, row.get(1)?);
        spans.extend(
            parse(&words)
                .ok_or_else(|| Error::Damaged(format!("attempt {id} lists rows as {words:?}")))?,
        );
    }
    Ok(merged(spans))
}

/// The spans of `1-5,9`.
fn parse(words: &str) -> Option<Vec<(i64, i64)>> {
    let span = |word: &str| {
        let (first, last) = word.split_once('-').unwrap_or((word, word));
        let (first, last) = (first.parse().ok()?, last.parse().ok()?);
        (first <= last && first > 0).then_some((first, last))
    };
    words.split(',').map(span).collect()
}

fn merged(mut spans: Vec<(i64, i64)>) -> Vec<(i64, i64)> {
    spans.sort_unstable();
    let mut all: Vec<(i64, i64)> = Vec::new();
    for (first, last) in spans {
        match all.last_mut() {
            Some((_, end)) if first <= end.saturating_add(1) => *end = last.max(*end),
            _ => all.push((first, last)),
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_are_read_and_merged() {
        let spans =
            |all: &[&str]| merged(all.iter().flat_map(|words| parse(words).unwrap()).collect());
        assert_eq!(
            spans(&["1-5,9", "3-6", "7", "20"]),
            [(1, 7), (9, 9), (20, 20)]
        );
        assert_eq!(spans(&[]), []);
        for odd in ["", "5-1", "a", "1-", "-3", "1,,2"] {
            assert_eq!(parse(odd), None, "{odd}");
        }
    }
}
