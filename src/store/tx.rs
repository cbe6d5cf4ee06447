//! Transactions as values: only a [`WriteTx`] lets a domain change anything, and only [`super::Store`] makes one.

use std::ops::Deref;

use rusqlite::{CachedStatement, Connection, Transaction};

use super::Error;

/// One unchanging state of a store.
#[derive(Debug)]
pub(crate) struct ReadTx<'a>(Transaction<'a>);

impl<'a> ReadTx<'a> {
    pub(super) fn new(tx: Transaction<'a>) -> Self {
        Self(tx)
    }

    /// The connection, for a domain's own SQL.
    pub(crate) fn conn(&self) -> &Connection {
        &self.0
    }

    /// A prepared statement, kept for the next use.
    pub(crate) fn prepare(&self, sql: &str) -> Result<CachedStatement<'_>, Error> {
        Ok(self.0.prepare_cached(sql)?)
    }
}

/// A transaction that holds the write lock.
#[derive(Debug)]
pub(crate) struct WriteTx<'a>(ReadTx<'a>);

impl<'a> WriteTx<'a> {
    pub(super) fn new(tx: Transaction<'a>) -> Self {
        Self(ReadTx(tx))
    }

    pub(super) fn commit(self) -> Result<(), Error> {
        Ok(self.0.0.commit()?)
    }
}

impl<'a> Deref for WriteTx<'a> {
    type Target = ReadTx<'a>;

    fn deref(&self) -> &Self::Target {
        &self.0
    }
}
