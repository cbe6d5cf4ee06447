//! Transactions as values: only a [`WriteTx`] allows changes, and only [`super::Store`] creates
//! one.

use std::ops::Deref;

use rusqlite::{CachedStatement, Connection, OptionalExtension as _, Params, Row, Transaction};

use super::Error;
use super::cache::Cache;

/// A read transaction: one unchanging state of a store.
#[derive(Debug)]
pub(crate) struct ReadTx<'a> {
    tx: Transaction<'a>,
    counters: &'a Cache,
}

impl<'a> ReadTx<'a> {
    pub(super) fn new(tx: Transaction<'a>, counters: &'a Cache) -> Self {
        counters.begin();
        Self { tx, counters }
    }

    /// The connection, for the SQL of a domain.
    pub(crate) fn conn(&self) -> &Connection {
        &self.tx
    }

    /// A prepared statement, cached for the next use.
    pub(crate) fn prepare(&self, sql: &str) -> Result<CachedStatement<'_>, Error> {
        Ok(self.tx.prepare_cached(sql)?)
    }

    /// The first row of a query; an error if there is none.
    pub(crate) fn one<T>(
        &self,
        sql: &str,
        parameters: impl Params,
        row: impl FnOnce(&Row<'_>) -> rusqlite::Result<T>,
    ) -> Result<T, Error> {
        Ok(self.prepare(sql)?.query_row(parameters, row)?)
    }

    /// The first row of a query; `None` if there is none.
    pub(crate) fn first<T>(
        &self,
        sql: &str,
        parameters: impl Params,
        row: impl FnOnce(&Row<'_>) -> rusqlite::Result<T>,
    ) -> Result<Option<T>, Error> {
        Ok(self.prepare(sql)?.query_row(parameters, row).optional()?)
    }

    /// The counter cache of the handle.
    pub(super) fn counters(&self) -> &'a Cache {
        self.counters
    }
}

/// A transaction that holds the write lock.
#[derive(Debug)]
pub(crate) struct WriteTx<'a>(ReadTx<'a>);

impl<'a> WriteTx<'a> {
    pub(super) fn new(tx: Transaction<'a>, counters: &'a Cache) -> Self {
        Self(ReadTx::new(tx, counters))
    }

    pub(super) fn commit(self) -> Result<(), Error> {
        self.0.tx.commit()?;
        self.0.counters.committed();
        Ok(())
    }
}

impl<'a> Deref for WriteTx<'a> {
    type Target = ReadTx<'a>;

    fn deref(&self) -> &Self::Target {
        &self.0
    }
}
