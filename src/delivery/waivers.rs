//! Waivers: a user's mark that failures at a target were seen. It applies to events that were given
//! up and removes them from the problems; the events and the balance are unchanged. Later failures
//! of the same group are not covered.

use std::collections::BTreeMap;

use super::{Error, Status, Target};
use crate::base::{Sha256, Timestamp};
use crate::store::{ReadTx, WriteTx};

/// Rows marked by one statement.
const CHUNK: usize = 2000;

/// Failures that are shown as one: same state, type and reason.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Group {
    pub(crate) status: Status,
    /// Event type.
    pub(crate) event_type: String,
    /// Reason, without the parts that differ between events.
    pub(crate) reason: String,
}

impl Group {
    /// A short name that is stable across runs and machines.
    pub(crate) fn id(&self) -> String {
        let (word, event_type, reason) = (
            self.status.word(),
            self.event_type.as_bytes(),
            self.reason.as_bytes(),
        );
        let mut id =
            Sha256::of_parts(&[word.as_bytes(), b"\0", event_type, b"\0", reason]).to_string();
        id.truncate(10);
        id
    }
}

/// A mark that a user has seen some failures.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Waiver {
    /// Id of the group.
    pub(crate) group: String,
    /// The user's note.
    pub(crate) note: String,
    /// Number of events that it still covers.
    pub(crate) events: i64,
    pub(crate) waived_at: Timestamp,
}

/// Number of given-up events at a target that are waived.
pub(crate) fn waived(tx: &ReadTx<'_>, target: i64) -> Result<i64, Error> {
    let sql = "SELECT COALESCE(SUM(events), 0) FROM delivery_waivers WHERE target = ?1";
    Ok(tx.one(sql, [target], |r| r.get(0))?)
}

/// The waivers at a target, the oldest first.
pub(crate) fn waivers(tx: &ReadTx<'_>, target: i64) -> Result<Vec<Waiver>, Error> {
    let mut statement = tx.prepare(
        "SELECT grp, note, events, waived_at FROM delivery_waivers WHERE target = ?1 ORDER BY id",
    )?;
    let read = |r: &rusqlite::Row<'_>| {
        let waived_at = Timestamp::from_micros(r.get(3)?);
        Ok(Waiver {
            group: r.get(0)?,
            note: r.get(1)?,
            events: r.get(2)?,
            waived_at,
        })
    };
    Ok(statement
        .query_map([target], read)?
        .collect::<rusqlite::Result<_>>()?)
}

/// Waives these events, as far as they are given up at the target and not waived yet; returns how
/// many.
pub(crate) fn waive(
    tx: &WriteTx<'_>,
    target: &Target,
    group: &Group,
    seqs: &[i64],
    note: &str,
    now: Timestamp,
) -> Result<u64, Error> {
    let id: i64 = tx.one(
        "INSERT INTO delivery_waivers (target, grp, event_type, reason, note, events, waived_at)
             VALUES (?1, ?2, ?3, ?4, ?5, 0, ?6) RETURNING id",
        (
            target.id,
            group.id(),
            &group.event_type,
            &group.reason,
            note,
            now.as_micros(),
        ),
        |r| r.get(0),
    )?;
    let mut events = 0;
    for chunk in seqs.chunks(CHUNK) {
        events += tx
            .prepare(
                "UPDATE delivery_rows SET waiver = ?3 WHERE target = ?1 AND status = 'terminal_failed'
                   AND waiver IS NULL AND seq IN (SELECT value FROM json_each(?2))",
            )?
            .execute((target.id, serde_json::Value::from(chunk).to_string(), id))?;
    }
    if events == 0 {
        tx.prepare("DELETE FROM delivery_waivers WHERE id = ?1")?
            .execute([id])?;
    } else {
        tx.prepare("UPDATE delivery_waivers SET events = ?2 WHERE id = ?1")?
            .execute([id, i64::try_from(events).unwrap_or(i64::MAX)])?;
    }
    Ok(events as u64)
}

/// Removes requeued events from their waivers; `by` maps each waiver to their number.
pub(super) fn lift(tx: &WriteTx<'_>, by: &BTreeMap<i64, i64>) -> Result<(), Error> {
    for (waiver, events) in by {
        tx.prepare("UPDATE delivery_waivers SET events = events - ?2 WHERE id = ?1")?
            .execute([waiver, events])?;
        tx.prepare("DELETE FROM delivery_waivers WHERE id = ?1 AND events <= 0")?
            .execute([waiver])?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::fixture::Books;
    use super::super::{Among, Outcome, Settled, owe_again, rows};
    use super::*;

    fn group() -> Group {
        Group {
            status: Status::TerminalFailed,
            event_type: "T".to_owned(),
            reason: "no".to_owned(),
        }
    }

    #[test]
    fn what_was_seen_stays_seen_until_it_is_owed_again() {
        let mut books = Books::new();
        books.add_plain(3);
        books.exchange(&Outcome::Terminal("no".to_owned()));
        let (target, now) = (books.target(), books.now());
        let unseen = |books: &mut Books| {
            let id = target.id;
            books.write(move |tx| Ok((waived(tx, id)?, rows::unseen(tx, id, 9)?.len())))
        };
        assert_eq!(unseen(&mut books), (0, 3));
        let did = books.write(|tx| waive(tx, &target, &group(), &[1, 2, 99], "known", now));
        assert_eq!((did, unseen(&mut books)), (2, (2, 1)));
        assert_eq!(
            books.write(|tx| waive(tx, &target, &group(), &[1, 2], "again", now)),
            0,
            "seen already"
        );
        let listed = books.write(|tx| waivers(tx, target.id));
        let one = Waiver {
            group: group().id(),
            note: "known".to_owned(),
            events: 2,
            waived_at: now,
        };
        assert_eq!(listed, [one]);
        let only = Among {
            ids: vec!["key-0".to_owned()],
            ..Among::default()
        };
        let back = books.write(|tx| owe_again(tx, target.id, Settled::GivenUp, &only, 0));
        assert_eq!((back.events, unseen(&mut books).0), (1, 1));
        books.write(|tx| owe_again(tx, target.id, Settled::GivenUp, &Among::default(), 0));
        assert_eq!(
            (books.write(|tx| waivers(tx, target.id)), unseen(&mut books)),
            (vec![], (0, 0))
        );
    }

    #[test]
    fn a_group_has_a_name_of_its_own() {
        let ids = [
            group(),
            Group {
                reason: "never".to_owned(),
                ..group()
            },
            Group {
                status: Status::Rejected,
                ..group()
            },
        ];
        let ids = ids.map(|group| group.id());
        assert!(
            ids.iter().all(|id| id.len() == 10)
                && ids[0] != ids[1]
                && ids[0] != ids[2]
                && ids[1] != ids[2]
        );
    }
}
