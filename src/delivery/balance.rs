//! The balance: the number of captured events equals the sum of the classes.

use rusqlite::Row;

use super::postings::scope_of;
use super::{Class, Error, Status, Target};
use crate::journal::{self, Kind};
use crate::store::{ReadTx, all_counters};

/// The books of one target. `captured` is the journal's number, the classes are the ledger's;
/// neither is derived from the other.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Balance {
    /// Events ever captured.
    pub(crate) captured: i64,
    classes: [i64; Class::ALL.len()],
}

impl Balance {
    /// The number of events in a class.
    pub(crate) fn of(&self, class: Class) -> i64 {
        Class::ALL
            .iter()
            .zip(self.classes)
            .find(|(c, _)| **c == class)
            .map_or(0, |(_, n)| n)
    }

    /// True when every captured event is in one class.
    pub(crate) fn holds(&self) -> bool {
        self.captured == self.classes.iter().sum::<i64>() && self.classes.iter().all(|n| *n >= 0)
    }

    pub(super) fn from_fn(captured: i64, count: impl Fn(Class) -> i64) -> Self {
        Self {
            captured,
            classes: Class::ALL.map(count),
        }
    }
}

/// The balance of events at a target from the counters, O(1); without a target, of the journal
/// alone.
pub(crate) fn balance(tx: &ReadTx<'_>, target: Option<&Target>) -> Result<Balance, Error> {
    balance_of(tx, target, Kind::Event)
}

/// The balance of one kind.
pub(crate) fn balance_of(
    tx: &ReadTx<'_>,
    target: Option<&Target>,
    kind: Kind,
) -> Result<Balance, Error> {
    let totals = journal::totals_of(tx, kind)?;
    let Some(target) = target else {
        return Ok(Balance::from_fn(totals.captured, |class| match class {
            Class::Untried => totals.live - totals.held,
            Class::Blocked => totals.held,
            Class::Superseded => totals.superseded,
            Class::Discarded => totals.discarded,
            Class::Purged => totals.gone,
            Class::Delivered | Class::InFlight | Class::Retryable | Class::Undeliverable => 0,
        }));
    };
    let counters = all_counters(tx, &scope_of(target.id, kind))?;
    Ok(Balance::from_fn(totals.captured, |class| {
        counters.get(class.name()).copied().unwrap_or(0)
    }))
}

/// The balance of a target counted from the rows, O(rows): for `verify` and tests.
#[cfg(test)]
pub(crate) fn recount(tx: &ReadTx<'_>, target: &Target) -> Result<Balance, Error> {
    recount_of(tx, target, Kind::Event)
}

/// The balance of one kind at a target counted from the rows, O(rows).
pub(crate) fn recount_of(tx: &ReadTx<'_>, target: &Target, kind: Kind) -> Result<Balance, Error> {
    let mut statement = tx.prepare(
        "SELECT d.status, f.superseded_by IS NOT NULL, f.discarded IS NOT NULL, f.gone IS NOT NULL, f.held IS NOT NULL,
                COUNT(*)
         FROM journal_feed AS f LEFT JOIN delivery_rows AS d ON d.target = ?1 AND d.seq = f.seq
         WHERE f.kind = ?2 GROUP BY 1, 2, 3, 4, 5",
    )?;
    let mut rows = statement.query([target.id, kind.code()])?;
    let (mut captured, mut counts) = (0, std::collections::BTreeMap::new());
    while let Some(row) = rows.next()? {
        let events: i64 = row.get(5)?;
        captured += events;
        *counts.entry(class_of(row)?).or_insert(0) += events;
    }
    Ok(Balance::from_fn(captured, |class| {
        counts.get(&class).copied().unwrap_or(0)
    }))
}

/// The value that each counter of a target must have according to the rows: scope, name, value.
/// O(rows).
pub(crate) fn counters_by_rows(
    tx: &ReadTx<'_>,
    target: &Target,
) -> Result<Vec<(String, &'static str, i64)>, Error> {
    let mut all = Vec::new();
    for kind in Kind::ALL {
        let (counted, scope) = (recount_of(tx, target, kind)?, scope_of(target.id, kind));
        all.extend(Class::ALL.map(|class| (scope.clone(), class.name(), counted.of(class))));
    }
    Ok(all)
}

/// The class of an event: what its row says first, then its marks.
fn class_of(row: &Row<'_>) -> Result<Class, Error> {
    let word: Option<String> = row.get(0)?;
    let status = match &word {
        None => None,
        Some(word) => Some(
            Status::from_word(word)
                .ok_or_else(|| Error::Damaged(format!("unknown status {word:?}")))?,
        ),
    };
    let from_row = status.map(Status::class).filter(|c| *c != Class::Untried);
    if let Some(class) = from_row {
        return Ok(class);
    }
    let marks = [row.get(1)?, row.get(2)?, row.get(3)?, row.get(4)?];
    Ok(Class::unsent(marks))
}

/// Finding for an event left to send that the cursor has passed.
const PASSED: &str = "events left to send that the cursor passed without a delivery row";

/// Broken references and broken rules of the state model, as sentences for `verify`; empty if there
/// are none.
pub(crate) fn unreferenced(tx: &ReadTx<'_>, target: &Target) -> Result<Vec<String>, Error> {
    let mut checks = vec![
        ("delivery rows without a journal row",
         "SELECT COUNT(*) FROM delivery_rows AS d WHERE d.target = ?1
          AND NOT EXISTS (SELECT 1 FROM journal_feed AS f WHERE f.seq = d.seq)"),
        ("superseded events that are still left to send",
         "SELECT COUNT(*) FROM delivery_rows AS d JOIN journal_feed AS f ON f.seq = d.seq
          WHERE d.target = ?1 AND f.superseded_by IS NOT NULL AND d.kind = 0
          AND d.status NOT IN ('success', 'duplicate', 'terminal_failed', 'closed')"),
        ("rows of documents with marks of an event, or the other way round",
         "SELECT COUNT(*) FROM delivery_rows AS d JOIN journal_feed AS f ON f.seq = d.seq
          WHERE d.target = ?1 AND f.kind <> d.kind"),
        ("documents due before the event that announces them was delivered, or not due after it",
         "SELECT COUNT(*) FROM journal_feed AS f LEFT JOIN delivery_rows AS d ON d.target = ?1 AND d.seq = f.seq
          LEFT JOIN delivery_rows AS e ON e.target = ?1 AND e.seq = f.announced_by
          WHERE f.kind = 1 AND f.superseded_by IS NULL AND f.held IS NULL AND f.discarded IS NULL AND f.gone IS NULL
          AND (d.seq IS NOT NULL AND d.status <> 'closed')
              <> (f.announced_by IS NULL OR COALESCE(e.status IN ('success', 'duplicate'), 0))"),
        ("documents that cannot be sent but are left to send",
         "SELECT COUNT(*) FROM delivery_rows AS d JOIN journal_feed AS f ON f.seq = d.seq
          WHERE d.target = ?1 AND d.kind = 1 AND d.due_at IS NOT NULL
          AND (f.superseded_by IS NOT NULL OR f.discarded IS NOT NULL OR f.gone IS NOT NULL OR f.held IS NOT NULL)"),
        ("events in flight without an open attempt",
         "SELECT COUNT(*) FROM delivery_rows AS d WHERE d.target = ?1 AND d.status = 'in_flight'
          AND NOT EXISTS (SELECT 1 FROM delivery_attempts AS a WHERE a.id = d.attempt AND a.closed_at IS NULL)"),
        ("events that open attempts list and that are not in flight, or the other way round",
         "SELECT ABS((SELECT COALESCE(SUM(events), 0) FROM delivery_attempts WHERE target = ?1 AND closed_at IS NULL)
                     - (SELECT COUNT(*) FROM delivery_rows WHERE target = ?1 AND status = 'in_flight'))"),
        (PASSED,
         "SELECT COUNT(*) FROM journal_feed AS f WHERE f.seq <= (SELECT cursor_seq FROM delivery_targets WHERE id = ?1)
          AND f.kind = 0 AND f.superseded_by IS NULL AND f.held IS NULL AND f.discarded IS NULL AND f.gone IS NULL
          AND NOT EXISTS (SELECT 1 FROM delivery_rows AS d WHERE d.target = ?1 AND d.seq = f.seq)"),
        ("waiting events without a due time",
         "SELECT COUNT(*) FROM delivery_rows WHERE target = ?1
          AND (status IN ('queued', 'pending', 'rejected', 'transient')) <> (due_at IS NOT NULL OR behind IS NOT NULL)"),
        ("events that wait behind no parked one, or are due although they do",
         "SELECT COUNT(*) FROM delivery_rows AS d WHERE d.target = ?1 AND d.behind IS NOT NULL
          AND (d.due_at IS NOT NULL OR NOT EXISTS (SELECT 1 FROM delivery_attempts AS a
               WHERE a.id = d.behind AND a.closed_at IS NULL AND a.parked = 1))"),
    ];
    checks.extend([
        ("waived events that have not failed",
         "SELECT COUNT(*) FROM delivery_rows WHERE target = ?1 AND waiver IS NOT NULL AND status <> 'terminal_failed'"),
        ("events that waivers cover and that are not waived, or the other way round",
         "SELECT ABS((SELECT COALESCE(SUM(events), 0) FROM delivery_waivers WHERE target = ?1)
                     - (SELECT COUNT(*) FROM delivery_rows WHERE target = ?1 AND waiver IS NOT NULL))"),
    ]);
    if !target.is_live {
        // A forgotten target gets no postings; using it again corrects this.
        checks.retain(|(what, _)| *what != PASSED && !what.starts_with("documents due before"));
    }
    let mut found = Vec::new();
    for (what, sql) in checks {
        let count: i64 = tx.prepare(sql)?.query_row([target.id], |r| r.get(0))?;
        if count > 0 {
            found.push(format!(
                "{count} {what} (target {})",
                target.identity.target_id
            ));
        }
    }
    let sealed = journal::sealed_through(tx)?;
    let last: Option<i64> = tx
        .prepare("SELECT MAX(seq) FROM delivery_rows WHERE target = ?1 AND kind = 0")?
        .query_row([target.id], |r| r.get(0))?;
    let highest = last.unwrap_or(0).max(target.cursor_seq);
    if highest > sealed {
        let name = &target.identity.target_id;
        found.push(format!(
            "row {highest} was selected, but the journal is sealed through {sealed} (target {name})"
        ));
    }
    Ok(found)
}
