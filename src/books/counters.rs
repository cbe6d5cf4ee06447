//! The counters of each part of a store, compared with the rows they count.

use super::Error;
use crate::delivery::Class;
use crate::store::{Counter, ReadTx, counter};
use crate::{bodies, delivery, journal};

/// A part of the store that is checked separately.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Part {
    /// The database as SQLite sees it.
    File,
    /// The events.
    Journal,
    /// The deliveries to each target.
    Ledger,
    /// The body queue.
    Bodies,
}

impl Part {
    /// Every part, in the order they are checked.
    pub(crate) const ALL: [Self; 4] = [Self::File, Self::Journal, Self::Ledger, Self::Bodies];
}

/// A counter that differs from the rows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Correction {
    /// Part of the store.
    pub(crate) part: Part,
    /// Its scope.
    pub(crate) scope: String,
    /// Its name.
    pub(crate) name: &'static str,
    /// Stored value.
    pub(crate) kept: i64,
    /// Value according to the rows.
    pub(crate) counted: i64,
}

/// The counters of a part that differ from the rows. O(rows).
pub(super) fn wrong(tx: &ReadTx<'_>, part: Part) -> Result<Vec<Correction>, Error> {
    let mut expected: Vec<(String, &'static str, i64)> = Vec::new();
    let owned =
        |(counter, value): (Counter<'static>, i64)| (counter.scope.to_owned(), counter.name, value);
    match part {
        Part::File => {}
        Part::Journal => expected.extend(journal::counters_by_rows(tx)?.into_iter().map(owned)),
        Part::Bodies => expected.extend(bodies::counters_by_rows(tx)?.into_iter().map(owned)),
        Part::Ledger => {
            // The balance of a forgotten target is frozen; using it again counts it once.
            for target in delivery::targets(tx)?
                .iter()
                .filter(|target| target.is_live)
            {
                expected.extend(delivery::counters_by_rows(tx, target)?);
            }
        }
    }
    let mut found = Vec::new();
    if part == Part::Ledger {
        found.extend(unbalanced(tx)?);
    }
    for (scope, name, counted) in expected {
        let kept = counter(
            tx,
            Counter {
                scope: &scope,
                name,
            },
        )?;
        if kept != counted {
            found.push(Correction {
                part,
                scope,
                name,
                kept,
                counted,
            });
        }
    }
    Ok(found)
}

/// The name of the balance that the last drain to a target ended with, if it does not hold.
pub(super) const LAST_BALANCE: &str = "last_balance";

/// Last balances that do not hold: the sum of their classes is not the number of captured events.
fn unbalanced(tx: &ReadTx<'_>) -> Result<Vec<Correction>, Error> {
    let mut found = Vec::new();
    for target in delivery::targets(tx)?
        .iter()
        .filter(|target| target.is_live)
    {
        if let Some(last) =
            delivery::last_balance(tx, target.id)?.filter(|last| !last.balance.holds())
        {
            let kept = Class::ALL
                .into_iter()
                .map(|class| last.balance.of(class))
                .sum();
            let (part, scope) = (Part::Ledger, delivery::scope(target.id));
            found.push(Correction {
                part,
                scope,
                name: LAST_BALANCE,
                kept,
                counted: last.balance.captured,
            });
        }
    }
    Ok(found)
}
