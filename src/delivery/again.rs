//! Requeues events for a target on an operator's request: events that were delivered, and events
//! that were given up.

use std::collections::BTreeMap;

use rusqlite::Row;

use super::postings::Postings;
use super::{Class, Error, Status, documents, waivers};
use crate::base::Timestamp;
use crate::store::{ReadTx, WriteTx};

/// Rows changed in one transaction.
const CHUNK: i64 = 2000;
/// Due time of requeued events: due now, but new work has half of each batch.
const AT_ONCE: i64 = 1;

/// Which settled events of a target are meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Settled {
    /// Events that the target has.
    Delivered,
    /// Events that were given up.
    GivenUp,
}

/// Filter for the events to requeue.
#[derive(Debug, Clone, Default)]
pub(crate) struct Among {
    /// Only events captured at this time or later.
    pub(crate) since: Option<Timestamp>,
    /// Only events of these types; of any type if empty.
    pub(crate) types: Vec<String>,
    /// Only events with these ids; with any id if empty.
    pub(crate) ids: Vec<String>,
    /// Only events whose last error contains this text, in any case; any event if `None`.
    pub(crate) reason: Option<String>,
}

/// Result of one step, and where the next one begins.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Again {
    /// Number of events.
    pub(crate) events: u64,
    /// Last journal row examined; `None` at the end.
    pub(crate) last: Option<i64>,
}

/// The next rows above `after` that may be sent, limited to the size of one transaction.
const DELIVERED: &str =
    "SELECT d.seq, d.status, d.waiver FROM delivery_rows AS d JOIN journal_feed AS f ON f.seq = d.seq
     WHERE d.target = ?1 AND d.kind = 0 AND d.seq > ?2 AND d.status IN ('success', 'duplicate')
       AND f.superseded_by IS NULL AND f.held IS NULL AND f.gone IS NULL AND f.discarded IS NULL
       AND (?3 IS NULL OR f.captured_at >= ?3)
       AND (?4 IS NULL OR f.event_type IN (SELECT value FROM json_each(?4)))
       AND (?5 IS NULL OR lower(f.event_id) IN (SELECT lower(value) FROM json_each(?5)))
       AND (?6 IS NULL OR instr(lower(d.error), lower(?6)) > 0)
     ORDER BY d.seq LIMIT ?7";
const GIVEN_UP: &str = "SELECT d.seq, d.status, d.waiver
     FROM delivery_rows AS d INDEXED BY delivery_failed JOIN journal_feed AS f ON f.seq = d.seq
     WHERE d.target = ?1 AND d.kind = 0 AND d.seq > ?2 AND d.status = 'terminal_failed'
       AND f.superseded_by IS NULL AND f.held IS NULL AND f.gone IS NULL AND f.discarded IS NULL
       AND (?3 IS NULL OR f.captured_at >= ?3)
       AND (?4 IS NULL OR f.event_type IN (SELECT value FROM json_each(?4)))
       AND (?5 IS NULL OR lower(f.event_id) IN (SELECT lower(value) FROM json_each(?5)))
       AND (?6 IS NULL OR instr(lower(d.error), lower(?6)) > 0)
     ORDER BY d.seq LIMIT ?7";

/// The rows that [`owe_again`] would change; changes nothing.
pub(crate) fn owed_again(
    tx: &ReadTx<'_>,
    target: i64,
    which: Settled,
    among: &Among,
    after: i64,
) -> Result<Again, Error> {
    let rows = rows(tx, target, which, among, after)?;
    let events = u64::try_from(rows.len()).unwrap_or(u64::MAX);
    Ok(Again {
        events,
        last: rows.last().map(|(seq, ..)| *seq),
    })
}

/// Requeues the next settled events above `after` for a target. The number of earlier attempts is
/// kept; refusals are counted from zero.
pub(crate) fn owe_again(
    tx: &WriteTx<'_>,
    target: i64,
    which: Settled,
    among: &Among,
    after: i64,
) -> Result<Again, Error> {
    let rows = rows(tx, target, which, among, after)?;
    let mut postings = Postings::default();
    let mut statement = tx.prepare(
        "UPDATE delivery_rows SET status = 'queued', due_at = ?3, settled_at = NULL, failures = 0, rejections = 0,
           alone = 0, error = NULL, http_status = NULL, waiver = NULL
         WHERE target = ?1 AND seq = ?2",
    )?;
    let cursor: i64 = tx
        .prepare("SELECT cursor_seq FROM delivery_targets WHERE id = ?1")?
        .query_row([target], |r| r.get(0))?;
    let mut unseen = tx.prepare("DELETE FROM delivery_rows WHERE target = ?1 AND seq = ?2")?;
    let mut lifted = BTreeMap::new();
    for (seq, status, waiver) in &rows {
        if *seq > cursor {
            // The target had it before it was captured: it goes in its turn, not ahead of what
            // comes before it.
            unseen.execute([target, *seq])?;
        } else {
            statement.execute([target, *seq, AT_ONCE])?;
        }
        postings.moved(status.class(), Class::Untried);
        if which == Settled::Delivered {
            documents::withdraw(tx, target, *seq)?;
        }
        if let Some(waiver) = waiver {
            *lifted.entry(*waiver).or_insert(0) += 1;
        }
    }
    postings.post(tx, target)?;
    waivers::lift(tx, &lifted)?;
    let events = u64::try_from(rows.len()).unwrap_or(u64::MAX);
    Ok(Again {
        events,
        last: rows.last().map(|(seq, ..)| *seq),
    })
}

/// A journal row, its state, and its waiver.
type Found = (i64, Status, Option<i64>);

fn rows(
    tx: &ReadTx<'_>,
    target: i64,
    which: Settled,
    among: &Among,
    after: i64,
) -> Result<Vec<Found>, Error> {
    let sql = match which {
        Settled::Delivered => DELIVERED,
        Settled::GivenUp => GIVEN_UP,
    };
    let list =
        |words: &[String]| (!words.is_empty()).then(|| serde_json::Value::from(words).to_string());
    let since = among.since.map(Timestamp::as_micros);
    let mut statement = tx.prepare(sql)?;
    let mut found = statement.query(rusqlite::params![
        target,
        after,
        since,
        list(&among.types),
        list(&among.ids),
        among.reason,
        CHUNK
    ])?;
    let mut all = Vec::new();
    while let Some(row) = found.next()? {
        all.push((row.get(0)?, status(row)?, row.get(2)?));
    }
    Ok(all)
}

fn status(row: &Row<'_>) -> Result<Status, Error> {
    let word: String = row.get(1)?;
    Status::from_word(&word).ok_or_else(|| Error::Damaged(format!("unknown status {word:?}")))
}

#[cfg(test)]
mod tests {
    use super::super::fixture::Books;
    use super::super::{Outcome, Verdict};
    use super::*;

    fn again(books: &mut Books, which: Settled, among: &Among) -> u64 {
        let target = books.target().id;
        let expected = books.write(|tx| owed_again(tx, target, which, among, 0));
        let did = books.write(|tx| owe_again(tx, target, which, among, 0));
        assert_eq!(did, expected);
        did.events
    }

    #[test]
    fn what_a_target_has_is_owed_again_and_closed_by_duplicate() {
        let mut books = Books::new();
        books.add_plain(4);
        books.exchange(&Outcome::Success);
        assert_eq!(again(&mut books, Settled::GivenUp, &Among::default()), 0);
        assert_eq!(again(&mut books, Settled::Delivered, &Among::default()), 4);
        assert_eq!(books.balance().of(Class::Untried), 4);
        books.add_plain(2);
        assert_eq!(
            books.exchange(&Outcome::Duplicate),
            [1, 2, 5, 6],
            "new work has its half"
        );
        assert_eq!(books.exchange(&Outcome::Duplicate), [3, 4]);
        assert_eq!(books.balance().of(Class::Delivered), 6);
    }

    #[test]
    fn what_was_given_up_is_tried_as_if_it_never_was() {
        let mut books = Books::new();
        books.add_plain(2);
        let batch = books.batch();
        let outcomes = vec![Outcome::Terminal("no".to_owned()), Outcome::Success];
        books.record(&batch, &Verdict::Settled(outcomes));
        let because = |reason: &str| Among {
            reason: Some(reason.to_owned()),
            ..Among::default()
        };
        assert_eq!(again(&mut books, Settled::GivenUp, &because("yes")), 0);
        assert_eq!(again(&mut books, Settled::GivenUp, &because("NO")), 1);
        for _ in 1..books.policy.max_rejections {
            assert_eq!(books.exchange(&Outcome::Rejected("no".to_owned())), [1]);
            assert_eq!(
                books.row(1).status,
                Status::Rejected,
                "refusals are counted anew"
            );
            books.pass(600);
        }
        assert_eq!(books.exchange(&Outcome::Success), [1]);
    }

    #[test]
    fn only_what_was_asked_for() {
        let mut books = Books::new();
        books.add_plain(2);
        books.pass(60);
        let later = books.now();
        books.add("Late", "{}", crate::event::WireForm::AsIs, None);
        books.exchange(&Outcome::Success);
        let among = |since, types: &[&str], ids: &[&str]| Among {
            since,
            types: types.iter().map(ToString::to_string).collect(),
            ids: ids.iter().map(ToString::to_string).collect(),
            reason: None,
        };
        for (among, count) in [
            (among(None, &["U"], &[]), 0),
            (among(None, &[], &["nobody"]), 0),
            (among(Some(later), &["T", "U"], &["late"]), 1),
            (among(Some(later), &[], &[]), 0),
            (among(None, &["T"], &[]), 2),
        ] {
            assert_eq!(
                again(&mut books, Settled::Delivered, &among),
                count,
                "{among:?}"
            );
        }
    }

    #[test]
    fn a_payload_that_left_is_not_owed_again() {
        let mut books = Books::new();
        books.add_plain(2);
        books.exchange(&Outcome::Success);
        books.write(|tx| {
            Ok(tx
                .prepare("UPDATE journal_events SET gone = 'gc' WHERE seq = 1")?
                .execute([])?)
        });
        assert_eq!(again(&mut books, Settled::Delivered, &Among::default()), 1);
    }
}
