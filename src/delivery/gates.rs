//! The checks that stopped the drains to a target, and since when. Every drain judges them again; a
//! drain that passes removes the record. Nothing here concerns single events.

use super::Error;
use crate::base::Timestamp;
use crate::endpoint::Gate;
use crate::store::{ReadTx, WriteTx};

/// A check that stopped the last drain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Stopped {
    /// Its name.
    pub(crate) name: String,
    /// Why it failed.
    pub(crate) reason: String,
    /// The command or action that fixes it.
    pub(crate) fix: String,
    /// Time of the first of the consecutive drains that it stopped.
    pub(crate) since: Timestamp,
}

/// The checks that stopped the last drain to the target with this id; the empty id stands for a
/// target that no setting names.
pub(crate) fn stopped(tx: &ReadTx<'_>, target_id: &str) -> Result<Vec<Stopped>, Error> {
    let sql = "SELECT name, reason, fix, since FROM delivery_gates WHERE target_id = ?1 ORDER BY since, name";
    let mut statement = tx.prepare(sql)?;
    let read = |r: &rusqlite::Row<'_>| {
        Ok(Stopped {
            name: r.get(0)?,
            reason: r.get(1)?,
            fix: r.get(2)?,
            since: Timestamp::from_micros(r.get(3)?),
        })
    };
    Ok(statement
        .query_map([target_id], read)?
        .collect::<rusqlite::Result<_>>()?)
}

/// The record after a drain that found `gates`; `None` if it equals `before`. A check whose result
/// is unknown keeps its record. Pure.
pub(crate) fn after_drain(
    before: &[Stopped],
    gates: &[Gate],
    now: Timestamp,
) -> Option<Vec<Stopped>> {
    let known = |gate: &Gate| before.iter().find(|stopped| stopped.name == gate.name);
    let stopped = |gate: &Gate| match (gate.is_known, gate.is_open) {
        (false, _) => known(gate).cloned(),
        (true, true) => None,
        (true, false) => Some(Stopped {
            name: gate.name.to_owned(),
            reason: gate.reason.clone(),
            fix: gate.fix.clone(),
            since: known(gate).map_or(now, |stopped| stopped.since),
        }),
    };
    let mut after: Vec<_> = gates.iter().filter_map(stopped).collect();
    after.sort_by(|a, b| (a.since, &a.name).cmp(&(b.since, &b.name)));
    (after != before).then_some(after)
}

/// Targets that were never contacted, but have a record.
const PASSING: &str =
    "target_id <> ?1 AND target_id NOT IN (SELECT target_id FROM delivery_targets)";

/// True if a record exists that the first passing drain removes: of a target that became another
/// one when its checks passed, such as the same server before its team was known.
pub(crate) fn has_passing(tx: &ReadTx<'_>, target_id: &str) -> Result<bool, Error> {
    let sql = format!("SELECT EXISTS (SELECT 1 FROM delivery_gates WHERE {PASSING})");
    Ok(tx.one(&sql, [target_id], |r| r.get(0))?)
}

/// Stores the record returned by [`after_drain`].
pub(crate) fn record_stopped(
    tx: &WriteTx<'_>,
    target_id: &str,
    after: &[Stopped],
) -> Result<(), Error> {
    tx.prepare("DELETE FROM delivery_gates WHERE target_id = ?1")?
        .execute([target_id])?;
    if after.is_empty() {
        tx.prepare(&format!("DELETE FROM delivery_gates WHERE {PASSING}"))?
            .execute([target_id])?;
    }
    let sql = "INSERT INTO delivery_gates (target_id, name, reason, fix, since) VALUES (?1, ?2, ?3, ?4, ?5)";
    let mut statement = tx.prepare(sql)?;
    for stopped in after {
        let since = stopped.since.as_micros();
        statement.execute((
            target_id,
            &stopped.name,
            &stopped.reason,
            &stopped.fix,
            since,
        ))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::fixture::Books;
    use super::*;

    fn gate(name: &'static str, is_open: bool, is_known: bool) -> Gate {
        let reason = if is_open {
            String::new()
        } else {
            format!("{name} is why")
        };
        Gate {
            name,
            is_open,
            is_known,
            reason,
            fix: String::new(),
            since: None,
        }
    }

    fn at(name: &str, since: i64) -> Stopped {
        let reason = format!("{name} is why");
        Stopped {
            name: name.to_owned(),
            reason,
            fix: String::new(),
            since: Timestamp::from_micros(since),
        }
    }

    #[test]
    fn a_gate_is_shut_since_the_first_drain_in_a_row() {
        let now = Timestamp::from_micros(9);
        for (before, gates, after) in [
            (vec![], vec![gate("a", true, true)], None),
            (
                vec![],
                vec![gate("a", false, true), gate("b", true, true)],
                Some(vec![at("a", 9)]),
            ),
            (vec![at("a", 1)], vec![gate("a", false, true)], None),
            (
                vec![at("a", 1)],
                vec![gate("a", false, true), gate("b", false, true)],
                Some(vec![at("a", 1), at("b", 9)]),
            ),
            (vec![at("a", 1)], vec![gate("a", true, true)], Some(vec![])),
            // The check was not made.
            (vec![at("a", 1)], vec![gate("a", true, false)], None),
            (vec![], vec![gate("a", true, false)], None),
            // Another kind of receiver has other checks.
            (vec![at("a", 1)], vec![], Some(vec![])),
        ] {
            assert_eq!(
                after_drain(&before, &gates, now),
                after,
                "{before:?} {gates:?}"
            );
        }
    }

    #[test]
    fn what_stopped_one_target_is_not_what_stopped_another() {
        let mut books = Books::new();
        books.write(|tx| record_stopped(tx, "", &[at("no_target_url", 1)]));
        books.write(|tx| record_stopped(tx, "tgt_b", &[at("missing_team", 2)]));
        let known = books.target().identity.target_id;
        books.write(|tx| record_stopped(tx, &known, &[at("missing_consent", 4)]));
        books.write(|tx| {
            record_stopped(tx, "tgt_c", &[at("missing_auth", 3), at("missing_team", 3)])
        });
        let seen = |books: &mut Books, id: &str| books.write(|tx| stopped(tx, id));
        assert_eq!(
            seen(&mut books, "tgt_c"),
            [at("missing_auth", 3), at("missing_team", 3)]
        );
        assert_eq!(seen(&mut books, "tgt_b"), [at("missing_team", 2)]);
        assert_eq!(seen(&mut books, ""), [at("no_target_url", 1)]);
        assert!(books.write(|tx| has_passing(tx, "tgt_c")));
        books.write(|tx| record_stopped(tx, "tgt_c", &[]));
        assert!(
            !books.write(|tx| has_passing(tx, "tgt_c")),
            "never contacted, and passed"
        );
        assert_eq!(
            seen(&mut books, &known),
            [at("missing_consent", 4)],
            "another target's is its own"
        );
    }
}
