//! Corrects counters that differ from the rows they count: `verify --repair counters`.
//!
//! A counter is derived data only if everything it is counted from is intact; only then it is set.
//! Ambiguous cases are left alone: a cursor too far looks like a lost row, and a seal too low like
//! a moved row.

use super::check::{Finding, Severity};
use super::counters::{self, Correction, LAST_BALANCE};
use super::{Error, Part, check};
use crate::base::Timestamp;
use crate::delivery;
use crate::journal::{self, Notice};
use crate::store::{Counter, ReadTx, WriteTx, set_counter};

/// The wrong counters of every part that is otherwise intact. Changes nothing; O(rows).
pub(crate) fn plan_mending(tx: &ReadTx<'_>) -> Result<Vec<Correction>, Error> {
    let found = check(tx)?;
    let mut wrong = Vec::new();
    for part in [Part::Journal, Part::Ledger, Part::Bodies] {
        if may_be_counted(part, &found) {
            wrong.extend(counters::wrong(tx, part)?);
        }
    }
    Ok(wrong)
}

/// Corrects the wrong counters of every part that is otherwise intact, with one audit row; returns
/// the corrections.
pub(crate) fn mend(tx: &WriteTx<'_>, now: Timestamp) -> Result<Vec<Correction>, Error> {
    let wrong = plan_mending(tx)?;
    for Correction {
        scope,
        name,
        counted,
        ..
    } in wrong
        .iter()
        .filter(|correction| correction.name != LAST_BALANCE)
    {
        set_counter(tx, Counter { scope, name }, *counted)?;
    }
    for target in delivery::targets(tx)? {
        let scope = delivery::scope(target.id);
        if wrong
            .iter()
            .any(|correction| correction.name == LAST_BALANCE && correction.scope == scope)
        {
            let balance = delivery::balance(tx, Some(&target))?;
            delivery::keep_balance(tx, &target, &balance, now)?;
        }
    }
    if !wrong.is_empty() {
        let words = wrong
            .iter()
            .map(|c| format!("{}/{} {} -> {}", c.scope, c.name, c.kept, c.counted));
        let reason = format!(
            "counted again from the rows: {}",
            words.collect::<Vec<_>>().join(", ")
        );
        journal::notice(
            tx,
            now,
            &Notice {
                act: "counters_repaired",
                reason: &reason,
            },
        )?;
    }
    Ok(wrong)
}

/// True if nothing that a part's counters are counted from is damaged.
fn may_be_counted(part: Part, found: &[Finding]) -> bool {
    let sources: &[Part] = match part {
        Part::Ledger => &[Part::File, Part::Journal, Part::Ledger],
        Part::File | Part::Journal => &[Part::File, Part::Journal],
        Part::Bodies => &[Part::File, Part::Bodies],
    };
    !found
        .iter()
        .any(|finding| finding.severity == Severity::Damage && sources.contains(&finding.part))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::books::fixture::{Queue, Said, keyed, plain};

    const NOW: Timestamp = Timestamp::from_micros(1);

    fn books() -> Queue {
        let mut queue = Queue::new();
        queue.capture(&[
            keyed("old", 1, "x"),
            keyed("new", 1, "y"),
            plain("a"),
            plain("b"),
            plain("held").held(),
        ]);
        queue.drain("a", &[Said::Success, Said::Rejected, Said::Success]);
        queue
    }

    /// Every counter.
    fn counters(queue: &mut Queue) -> Vec<(String, String, i64)> {
        queue.write(|tx, _| {
            let mut all =
                tx.prepare("SELECT scope, name, value FROM store_counters ORDER BY 1, 2")?;
            let rows = all.query_map([], |r| Ok((r.get(0)?, r.get(1)?, r.get(2)?)))?;
            Ok(rows.collect::<rusqlite::Result<Vec<_>>>()?)
        })
    }

    #[test]
    fn each_counter_is_set_to_what_the_rows_say() {
        let mut queue = books();
        let right = counters(&mut queue);
        assert!(right.len() > 8, "{right:?}");
        for (scope, name, value) in &right {
            for wrong in [value + 3, value - 1, -7] {
                queue.write(|tx, _| Ok(set_counter(tx, Counter { scope, name }, wrong)?));
                let done = queue.write(|tx, _| mend(tx, NOW));
                let said = done
                    .iter()
                    .map(|c| (c.scope.as_str(), c.name, c.kept, c.counted))
                    .collect::<Vec<_>>();
                assert_eq!(said, [(scope.as_str(), name.as_str(), wrong, *value)]);
                assert_eq!(counters(&mut queue), right);
                assert_eq!(queue.write(|tx, _| check(tx)), []);
            }
        }
        queue.write(|tx, _| Ok(tx.conn().execute("DELETE FROM store_counters", [])?));
        queue.reopen();
        drop(queue.write(|tx, _| mend(tx, NOW)));
        let nonzero = |all: Vec<(String, String, i64)>| {
            all.into_iter().filter(|c| c.2 != 0).collect::<Vec<_>>()
        };
        assert_eq!(
            nonzero(counters(&mut queue)),
            nonzero(right),
            "counters that are missing"
        );
    }

    #[test]
    fn what_is_whole_needs_nothing() {
        let mut queue = books();
        assert_eq!(queue.write(|tx, _| mend(tx, NOW)), []);
        assert_eq!(queue.audits("counters_repaired"), 0);
    }

    /// Counters of a damaged part, and those counted from it, are not touched; others are
    /// corrected.
    #[test]
    fn damage_stays_as_it_is() {
        let wrong = "UPDATE store_counters SET value = value + 1 WHERE name IN ('live', 'untried', 'delivered');
                     INSERT INTO store_counters VALUES ('bodies', 'failures', 5) ON CONFLICT DO UPDATE SET value = 5";
        for (damage, mended) in [
            (
                "UPDATE journal_payloads SET envelope = x'00' WHERE seq = 3",
                &["bodies/failures"][..],
            ),
            (
                "UPDATE delivery_targets SET cursor_seq = 99",
                &["journal/live", "bodies/failures"],
            ),
        ] {
            let mut queue = books();
            queue.write(|tx, _| Ok(tx.conn().execute_batch(damage)?));
            queue.write(|tx, _| Ok(tx.conn().execute_batch(wrong)?));
            queue.reopen();
            let done = queue.write(|tx, _| mend(tx, NOW));
            let names = done
                .iter()
                .map(|c| format!("{}/{}", c.scope, c.name))
                .collect::<Vec<_>>();
            assert_eq!(names, mended, "{damage}");
        }
    }
}
