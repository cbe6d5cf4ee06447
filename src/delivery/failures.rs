//! The events that a target did not accept, with its reasons, and which reasons count as the same.

use super::{Error, Status};
use crate::base::Timestamp;
use crate::store::ReadTx;

/// Rows read at once.
const PAGE: i64 = 1000;

/// An event that was not accepted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Failed {
    /// Its journal row.
    pub(crate) seq: i64,
    /// Its id.
    pub(crate) event_id: String,
    /// Its type.
    pub(crate) event_type: String,
    /// `rejected`, `transient` or `terminal_failed`.
    pub(crate) status: Status,
    /// HTTP status of the last answer.
    pub(crate) http_status: Option<i64>,
    /// The reason last given.
    pub(crate) error: Option<String>,
    /// A person has waived it.
    pub(crate) is_waived: bool,
}

macro_rules! failed {
    ($index:literal, $status:literal) => {
        concat!(
            "SELECT d.seq, f.event_id, f.event_type, d.http_status, d.error, d.waiver IS NOT NULL FROM delivery_rows AS d INDEXED BY ",
            $index,
            " JOIN journal_feed AS f ON f.seq = d.seq WHERE d.target = ?1 AND d.kind = 0 AND d.seq > ?2 AND d.status = '",
            $status,
            "' AND (?3 IS NULL OR COALESCE(d.last_attempted_at, d.settled_at) >= ?3) ORDER BY d.seq LIMIT ?4"
        )
    };
}

/// The rows in a state that is a failure, each found by a separate index.
pub(super) const REJECTED: &str = failed!("delivery_rejected", "rejected");
pub(super) const TRANSIENT: &str = failed!("delivery_transient", "transient");
pub(super) const GIVEN_UP: &str = failed!("delivery_failed", "terminal_failed");

/// The states that are failures, in the order they are shown.
pub(crate) const FAILURES: [Status; 3] =
    [Status::TerminalFailed, Status::Rejected, Status::Transient];

/// The next events above `after` in a state of [`FAILURES`], tried at `since` or later; empty at
/// the end.
pub(crate) fn failed(
    tx: &ReadTx<'_>,
    target: i64,
    status: Status,
    since: Option<Timestamp>,
    after: i64,
) -> Result<Vec<Failed>, Error> {
    let sql = match status {
        Status::TerminalFailed => GIVEN_UP,
        Status::Rejected => REJECTED,
        Status::Transient => TRANSIENT,
        _ => return Ok(Vec::new()),
    };
    let mut statement = tx.prepare(sql)?;
    let since = since.map(Timestamp::as_micros);
    let read = |r: &rusqlite::Row<'_>| {
        Ok(Failed {
            seq: r.get(0)?,
            event_id: r.get(1)?,
            event_type: r.get(2)?,
            status,
            http_status: r.get(3)?,
            error: r.get(4)?,
            is_waived: r.get(5)?,
        })
    };
    Ok(statement
        .query_map((target, after, since, PAGE), read)?
        .collect::<rusqlite::Result<_>>()?)
}

/// A reason without the parts that differ between events: ids, numbers and quoted text. Pure.
pub(crate) fn masked(reason: &str) -> String {
    let mut out = String::with_capacity(reason.len());
    let mut rest = reason;
    while let Some(first) = rest.chars().next() {
        if matches!(first, '"' | '\'' | '`')
            && let Some(end) = rest[1..].find(first)
            && !out.ends_with(char::is_alphanumeric)
        {
            out.extend([first, '…', first]);
            rest = &rest[end + 2..];
            continue;
        }
        let word = rest
            .find(|c: char| !c.is_ascii_alphanumeric() && c != '-')
            .unwrap_or(rest.len());
        if word == 0 {
            out.push(first);
            rest = &rest[first.len_utf8()..];
            continue;
        }
        out.push_str(&masked_word(&rest[..word]));
        rest = &rest[word..];
    }
    out
}

/// The word unchanged, or masked if it is an id; its numbers as `#`.
fn masked_word(word: &str) -> String {
    let has_digit = word.bytes().any(|b| b.is_ascii_digit());
    if has_digit && crate::base::ids::normalize(word).is_some() {
        return "<id>".to_owned();
    }
    let mut out = String::with_capacity(word.len());
    for c in word.chars() {
        match c {
            '0'..='9' if out.ends_with('#') => {}
            '0'..='9' => out.push('#'),
            other => out.push(other),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::super::Outcome;
    use super::super::fixture::Books;
    use super::*;

    #[test]
    fn reasons_that_differ_in_their_particulars_are_one() {
        for (reason, expected) in [
            ("HTTP 400: no lane", "HTTP #: no lane"),
            (
                "WP01 has no lane 'done' (row 17)",
                "WP# has no lane '…' (row #)",
            ),
            (
                "event 01JMBY7K8N3QRVX2DPFG5HWT4E refused",
                "event <id> refused",
            ),
            (
                "project 5c0f6f3e-1b7a-4d8e-9a52-7e2f4d1c9b60: \"x\" and `y`",
                "project <id>: \"…\" and `…`",
            ),
            ("can't and won't", "can't and won't"),
            ("quote ' without an end", "quote ' without an end"),
            ("größe 12é", "größe #é"),
            ("", ""),
        ] {
            assert_eq!(masked(reason), expected);
        }
    }

    #[test]
    fn failures_are_those_of_their_state_and_time() {
        let mut books = Books::new();
        books.add_plain(3);
        let batch = books.batch();
        let outcomes = vec![
            Outcome::Rejected("no".to_owned()),
            Outcome::Terminal("never".to_owned()),
            Outcome::Transient("what?".to_owned()),
        ];
        let then = books.now();
        books.record(&batch, &super::super::Verdict::Settled(outcomes));
        let target = books.target().id;
        for (status, seq) in [
            (Status::Rejected, 1),
            (Status::TerminalFailed, 2),
            (Status::Transient, 3),
        ] {
            let seqs = |books: &mut Books, since, after| {
                let found = books.write(|tx| failed(tx, target, status, since, after));
                found.into_iter().map(|f| f.seq).collect::<Vec<_>>()
            };
            assert_eq!(seqs(&mut books, Some(then), 0), [seq]);
            assert_eq!(seqs(&mut books, None, seq), [0; 0]);
            assert_eq!(
                seqs(
                    &mut books,
                    Some(then.after(std::time::Duration::from_secs(1))),
                    0
                ),
                [0; 0]
            );
        }
    }
}
