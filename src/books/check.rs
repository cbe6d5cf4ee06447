//! Proving the books from the rows (what `verify` and the end of every test do).

use super::Error;
use crate::store::ReadTx;
use crate::{bodies, delivery, journal};

/// What a finding means for the data.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Severity {
    /// Facts are damaged or missing.
    Damage,
    /// Only derived numbers are wrong; the facts they count are whole.
    Derived,
}

/// Something that is not as it must be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Finding {
    /// What kind of thing it is.
    pub(crate) severity: Severity,
    /// In words: what, where, which row.
    pub(crate) what: String,
}

/// Checks everything: SQLite's own integrity, the chain and every payload's digest, the journal's counters, each
/// target's books and rules, the body queue. O(rows). Empty when all is well.
pub(crate) fn check(tx: &ReadTx<'_>) -> Result<Vec<Finding>, Error> {
    let mut findings = Vec::new();
    let mut statement = tx.prepare("PRAGMA integrity_check(20)")?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let line: String = row.get(0)?;
        if line != "ok" {
            findings.push(Finding { severity: Severity::Damage, what: format!("SQLite: {line}") });
        }
    }
    journal::check_chain(tx, &mut |found| {
        let what = format!("journal row {}: {}", found.seq, found.what);
        findings.push(Finding { severity: Severity::Damage, what });
    })?;
    let (kept, counted) = (journal::totals(tx)?, journal::recount(tx)?);
    if kept != counted {
        let what = format!("the journal's counters say {kept:?}, its rows {counted:?}");
        // Rows are never deleted, and the chain cannot see that its end is missing.
        let severity = if kept.captured > counted.captured { Severity::Damage } else { Severity::Derived };
        findings.push(Finding { severity, what });
    }
    for target in delivery::targets(tx)? {
        let (kept, counted) = (delivery::balance(tx, Some(&target))?, delivery::recount(tx, &target)?);
        if kept != counted {
            let what = format!("the counters of {} say {kept:?}, its rows {counted:?}", target.identity.target_id);
            findings.push(Finding { severity: Severity::Derived, what });
        }
        let broken = delivery::unreferenced(tx, &target)?;
        findings.extend(broken.into_iter().map(|what| Finding { severity: Severity::Damage, what }));
    }
    let (kept, counted) = (bodies::counts(tx)?, bodies::recount(tx)?);
    if kept != counted {
        let what = format!("the body queue's counters say {kept:?}, its rows {counted:?}");
        findings.push(Finding { severity: Severity::Derived, what });
    }
    let blobs = bodies::unreferenced_blobs(tx)?;
    if blobs > 0 {
        let what = format!("{blobs} body texts belong to no row of the queue");
        findings.push(Finding { severity: Severity::Derived, what });
    }
    Ok(findings)
}
