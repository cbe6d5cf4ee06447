//! The counters a handle remembers, so that asking again costs no row (design section 5).
//!
//! A scope is read as a whole and kept. What this handle commits changes its copy as well; a commit of anybody else
//! shows in `PRAGMA data_version`, and the copies are read anew. A copy that a transaction changed and did not commit is
//! dropped.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::sync::Arc;

use super::{Counter, Error, ReadTx};

/// Every counter of one scope by name.
pub(crate) type Scope = BTreeMap<String, i64>;

/// What one handle remembers.
#[derive(Debug, Default)]
pub(super) struct Cache {
    scopes: RefCell<BTreeMap<String, Arc<Scope>>>,
    /// The file's `data_version` that the copies belong to.
    version: Cell<Option<i64>>,
    /// The open transaction has compared it.
    is_compared: Cell<bool>,
    /// A transaction changed counters, and is not known to have committed.
    is_uncommitted: Cell<bool>,
}

impl Cache {
    /// A transaction begins.
    pub(super) fn begin(&self) {
        if self.is_uncommitted.take() {
            self.scopes.borrow_mut().clear();
        }
        self.is_compared.set(false);
    }

    /// The open transaction is on disk.
    pub(super) fn committed(&self) {
        self.is_uncommitted.set(false);
    }

    /// A counter changed in the open transaction.
    pub(super) fn changed(&self, counter: Counter<'_>, change: impl FnOnce(&mut i64)) {
        // Whether there is a copy or not: one that is read later in this transaction has the change as well.
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
        tx: &ReadTx<'_>,
        scope: &str,
        load: impl FnOnce() -> Result<Scope, Error>,
    ) -> Result<Arc<Scope>, Error> {
        if !self.is_compared.get() {
            let version = tx.prepare("PRAGMA data_version")?.query_row([], |r| r.get(0))?;
            if self.version.replace(Some(version)) != Some(version) {
                self.scopes.borrow_mut().clear();
            }
            self.is_compared.set(true);
        }
        if let Some(kept) = self.scopes.borrow().get(scope) {
            return Ok(Arc::clone(kept));
        }
        let loaded = Arc::new(load()?);
        self.scopes.borrow_mut().insert(scope.to_owned(), Arc::clone(&loaded));
        Ok(loaded)
    }
}
