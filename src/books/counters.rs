//! The counters of each part of a store beside the rows they count.

use super::Error;
use crate::delivery::Class;
use crate::store::{Counter, ReadTx, counter};
use crate::{bodies, delivery, journal};

/// A part of the store that is checked by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Part {
    /// The database as SQLite sees it.
    File,
    /// The events.
    Journal,
    /// What became of them at each target.
    Ledger,
    /// The body queue.
    Bodies,
}

impl Part {
    /// Every part, in the order they are checked.
    pub(crate) const ALL: [Self; 4] = [Self::File, Self::Journal, Self::Ledger, Self::Bodies];
}

/// A counter that does not say what the rows say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Correction {
    /// Which part of the store it counts.
    pub(crate) part: Part,
    /// Its scope.
    pub(crate) scope: String,
    /// Its name.
    pub(crate) name: &'static str,
    /// What it says.
    pub(crate) kept: i64,
    /// What the rows say.
    pub(crate) counted: i64,
}

/// The counters of a part that do not say what the rows say. O(rows).
pub(super) fn wrong(tx: &ReadTx<'_>, part: Part) -> Result<Vec<Correction>, Error> {
    let mut expected: Vec<(String, &'static str, i64)> = Vec::new();
    let owned = |(counter, value): (Counter<'static>, i64)| (counter.scope.to_owned(), counter.name, value);
    match part {
        Part::File => {}
        Part::Journal => expected.extend(journal::counters_by_rows(tx)?.into_iter().map(owned)),
        Part::Bodies => expected.extend(bodies::counters_by_rows(tx)?.into_iter().map(owned)),
        Part::Ledger => {
            // A forgotten target's books are frozen; using it again counts them once.
            for target in delivery::targets(tx)?.iter().filter(|target| target.is_live) {
                expected.extend(delivery::counters_by_rows(tx, target)?);
            }
        }
    }
    let mut found = Vec::new();
    if part == Part::Ledger {
        found.extend(unbalanced(tx)?);
    }
    for (scope, name, counted) in expected {
        let kept = counter(tx, Counter { scope: &scope, name })?;
        if kept != counted {
            found.push(Correction { part, scope, name, kept, counted });
        }
    }
    Ok(found)
}

/// The name of the balance that the last drain to a target ended with, where it does not hold.
pub(super) const LAST_BALANCE: &str = "last_balance";

/// Balances that drains ended with on wrong counters: the sum of their classes is not what was captured.
fn unbalanced(tx: &ReadTx<'_>) -> Result<Vec<Correction>, Error> {
    let mut found = Vec::new();
    for target in delivery::targets(tx)?.iter().filter(|target| target.is_live) {
        if let Some(last) = delivery::last_balance(tx, target.id)?.filter(|last| !last.balance.holds()) {
            let kept = Class::ALL.into_iter().map(|class| last.balance.of(class)).sum();
            let (part, scope) = (Part::Ledger, delivery::scope(target.id));
            found.push(Correction { part, scope, name: LAST_BALANCE, kept, counted: last.balance.captured });
        }
    }
    Ok(found)
}
