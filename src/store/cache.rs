//! The counters that a handle caches, so that reading them again needs no row.
//!
//! A scope is read as a whole and cached. A commit of this handle changes its copy as well; a
//! commit of another process is detected by `PRAGMA data_version`, and the copies are read again. A
//! copy that a transaction changed without a commit is dropped.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::sync::Arc;

use rusqlite::Connection;

use super::Error;

/// Identifies a counter: a scope (a domain, or one target of it) and a name within it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Counter<'a> {
    /// The domain, or the domain and a part of it (`delivery/3`).
    pub(crate) scope: &'a str,
    pub(crate) name: &'a str,
}

/// Every counter of one scope by name.
pub(crate) type Scope = BTreeMap<String, i64>;

/// The cache of one handle.
#[derive(Debug, Default)]
pub(super) struct Cache {
    scopes: RefCell<BTreeMap<String, Arc<Scope>>>,
    /// The file's `data_version` that the copies belong to.
    version: Cell<Option<i64>>,
    /// The open transaction has compared the version.
    is_compared: Cell<bool>,
    /// A transaction changed counters, and is not known to have committed.
    is_uncommitted: Cell<bool>,
}

impl Cache {
    /// Called when a transaction begins.
    pub(super) fn begin(&self) {
        if self.is_uncommitted.take() {
            self.scopes.borrow_mut().clear();
        }
        self.is_compared.set(false);
    }

    /// Called when the open transaction is on disk.
    pub(super) fn committed(&self) {
        self.is_uncommitted.set(false);
    }

    /// Applies a change of a counter in the open transaction.
    pub(super) fn changed(&self, counter: Counter<'_>, change: impl FnOnce(&mut i64)) {
        // Also without a copy: one that is read later in this transaction contains the change.
        self.is_uncommitted.set(true);
        if let Some(scope) = self.scopes.borrow_mut().get_mut(counter.scope) {
            let scope = Arc::make_mut(scope);
            match scope.get_mut(counter.name) {
                Some(value) => change(value),
                None => change(scope.entry(counter.name.to_owned()).or_default()),
            }
        }
    }

    /// The counters of a scope as the open transaction sees them; `load` reads them from the file.
    pub(super) fn scope(
        &self,
        conn: &Connection,
        scope: &str,
        load: impl FnOnce() -> Result<Scope, Error>,
    ) -> Result<Arc<Scope>, Error> {
        if !self.is_compared.get() {
            let version = conn
                .prepare_cached("PRAGMA data_version")?
                .query_row([], |r| r.get(0))?;
            if self.version.replace(Some(version)) != Some(version) {
                self.scopes.borrow_mut().clear();
            }
            self.is_compared.set(true);
        }
        if let Some(kept) = self.scopes.borrow().get(scope) {
            return Ok(Arc::clone(kept));
        }
        let loaded = Arc::new(load()?);
        self.scopes
            .borrow_mut()
            .insert(scope.to_owned(), Arc::clone(&loaded));
        Ok(loaded)
    }
}
