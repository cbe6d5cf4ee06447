//! Counters: rows changed in the same transaction as what they count, so that counting costs the same at any size.

use std::collections::BTreeMap;

use super::{Error, ReadTx, WriteTx};

pub(super) const SCHEMA: &str = "
CREATE TABLE store_counters (
  scope TEXT NOT NULL,              -- the domain, or the domain and what within it
  name  TEXT NOT NULL,
  value INTEGER NOT NULL,
  PRIMARY KEY (scope, name)
) WITHOUT ROWID;
";

/// Which number: a scope (a domain, or one target of it) and a name within it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Counter<'a> {
    /// The domain, or the domain and what within it (`delivery/3`).
    pub(crate) scope: &'a str,
    /// The name of the number.
    pub(crate) name: &'a str,
}

/// Adds `by` (which may be negative) to a counter; a counter that does not exist yet counts as 0.
pub(crate) fn add(tx: &WriteTx<'_>, counter: Counter<'_>, by: i64) -> Result<(), Error> {
    if by != 0 {
        tx.prepare(
            "INSERT INTO store_counters (scope, name, value) VALUES (?1, ?2, ?3)
             ON CONFLICT (scope, name) DO UPDATE SET value = value + excluded.value",
        )?
        .execute((counter.scope, counter.name, by))?;
    }
    Ok(())
}

/// Sets a counter: for a recount, never for normal work.
pub(crate) fn set(tx: &WriteTx<'_>, counter: Counter<'_>, value: i64) -> Result<(), Error> {
    tx.prepare("INSERT OR REPLACE INTO store_counters (scope, name, value) VALUES (?1, ?2, ?3)")?.execute((
        counter.scope,
        counter.name,
        value,
    ))?;
    Ok(())
}

/// The value of one counter, 0 when it was never touched.
pub(crate) fn get(tx: &ReadTx<'_>, counter: Counter<'_>) -> Result<i64, Error> {
    let mut statement = tx.prepare("SELECT value FROM store_counters WHERE scope = ?1 AND name = ?2")?;
    let mut rows = statement.query((counter.scope, counter.name))?;
    Ok(match rows.next()? {
        Some(row) => row.get(0)?,
        None => 0,
    })
}

/// Every counter of a scope.
pub(crate) fn all(tx: &ReadTx<'_>, scope: &str) -> Result<BTreeMap<String, i64>, Error> {
    let mut statement = tx.prepare("SELECT name, value FROM store_counters WHERE scope = ?1")?;
    let rows = statement.query_map([scope], |r| Ok((r.get(0)?, r.get(1)?)))?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}
